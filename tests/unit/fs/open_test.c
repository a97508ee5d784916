/* Tests of opening: magic links, devices, links at the end, and what an open that fails leaves. */
#include "fs/open.h"

#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

START_TEST(open_follows_links_to_create)
{
    fixture_begin();
    ck_assert_int_eq(make_directory("/d"), 0);
    ck_assert_int_eq(make_link("d/new", "/link"), 0);
    ck_assert_int_eq(make_link("../link", "/d/second"), 0);
    ck_assert_int_eq(try_open("/d/second", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE), -EEXIST);
    ck_assert_int_eq(try_open("/d/second", OPEN_WRITE | OPEN_CREATE | OPEN_NOFOLLOW), -ELOOP);
    ck_assert_int_eq(walk("/d/new", 0), -ENOENT);
    ck_assert_int_eq(try_open("/d/second", OPEN_WRITE | OPEN_CREATE), 0);
    ck_assert_int_eq(walk("/d/new", 0), 0);
    ck_assert_int_eq(make_link("missing/file", "/to_missing"), 0);
    ck_assert_int_eq(try_open("/to_missing", OPEN_WRITE | OPEN_CREATE), -ENOENT);
    ck_assert_int_eq(make_link("d/", "/to_directory"), 0);
    ck_assert_int_eq(try_open("/to_directory", OPEN_READ | OPEN_CREATE), -EISDIR);
    ck_assert_int_eq(make_link("fresh/", "/to_slash"), 0);
    ck_assert_int_eq(try_open("/to_slash", OPEN_READ | OPEN_CREATE), -EISDIR);
    ck_assert_int_eq(make_link(".", "/to_dot"), 0);
    ck_assert_int_eq(try_open("/to_dot", OPEN_READ | OPEN_CREATE), -EISDIR);
    ck_assert_int_eq(try_open("/", OPEN_READ | OPEN_CREATE), -EISDIR);
    ck_assert_int_eq(try_open("/d/..", OPEN_READ | OPEN_CREATE | OPEN_EXCLUSIVE), -EEXIST);
    fixture_end();
}
END_TEST

START_TEST(open_keeps_only_the_flags_that_last)
{
    struct file *file;

    fixture_begin();
    ck_assert_int_eq(open_file("/f", OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE | OPEN_TRUNCATE |
                                         OPEN_NO_TERMINAL | OPEN_CLOSE_ON_EXEC | OPEN_APPEND |
                                         OPEN_NONBLOCK, 0600, &file), 0);
    ck_assert_uint_eq(file_flags(file), OPEN_WRITE | OPEN_APPEND | OPEN_NONBLOCK);
    file_release(file);
    ck_assert_int_eq(open_file("/f", OPEN_PATH | OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE |
                                         OPEN_NOFOLLOW, 0600, &file), 0);
    ck_assert_uint_eq(file_flags(file), OPEN_PATH | OPEN_NOFOLLOW);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(open_for_others_atime_is_refused)
{
    fixture_begin();
    make_file("/f", "");
    ck_assert_int_eq(try_open("/f", OPEN_READ | OPEN_NOATIME), 0);
    become(1000, 1000);
    ck_assert_int_eq(try_open("/f", OPEN_READ | OPEN_NOATIME), -EPERM);
    ck_assert_int_eq(try_open("/f", OPEN_READ), 0);
    ck_assert_int_eq(try_open("/f", OPEN_WRITE), -EACCES);
    ck_assert_int_eq(try_open("/new", OPEN_WRITE | OPEN_CREATE), -EACCES);
    become(0, 0);
    fixture_end();
}
END_TEST

START_TEST(open_on_a_read_only_mount)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path at;

    fixture_begin();
    ck_assert_int_eq(make_directory("/m"), 0);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/m", 0, &at), 0);
    ck_assert_int_eq(mount_add(filesystem, &at, true, &mount), 0);
    path_release(&at);
    filesystem_release(filesystem);
    ck_assert_int_eq(try_open("/m/f", OPEN_WRITE | OPEN_CREATE), -EROFS);
    ck_assert_int_eq(try_open("/m/f", OPEN_READ), -ENOENT);
    ck_assert_int_eq(try_open("/m", OPEN_READ), 0);
    ck_assert_int_eq(try_open("/m", OPEN_WRITE | OPEN_TEMPORARY), -EROFS);
    ck_assert_int_eq(make_directory("/m/d"), -EROFS);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/m/f"), -EROFS);
    ck_assert_int_eq(mount_remove(mount), 0);
    mount_release(mount);
    fixture_end();
}
END_TEST

/* ---- Devices ------------------------------------------------------------------------------- */

static const struct file_operations device_operations = { 0 };
static int device_answer;

static int open_device(struct file *file)
{
    if (file->inode->device_id != 0x105)
        return -ENXIO;
    file->operations = &device_operations;
    file->is_stream = true;
    return device_answer;
}

static int make_node(const char *text, uint32_t mode, uint64_t device_id)
{
    const struct node_request request = { .text = text, .mode = mode, .device_id = device_id };

    return fs_make_node(&context, &request);
}

START_TEST(open_finds_devices)
{
    struct file *file;

    fixture_begin();
    ck_assert_int_eq(make_node("/zero", MODE_CHARACTER | 0666, 0x105), 0);
    ck_assert_int_eq(make_node("/none", MODE_CHARACTER | 0666, 0x999), 0);
    ck_assert_int_eq(make_node("/socket", MODE_SOCKET | 0666, 0), 0);
    ck_assert_int_eq(try_open("/zero", OPEN_READ), -ENXIO);    /* nobody knows devices yet */
    file_set_device_opener(open_device);
    ck_assert_int_eq(open_file("/zero", OPEN_READ, 0, &file), 0);
    ck_assert_ptr_eq(file->operations, &device_operations);
    file_release(file);
    ck_assert_int_eq(try_open("/none", OPEN_READ), -ENXIO);
    ck_assert_int_eq(try_open("/socket", OPEN_READ), -ENXIO);
    ck_assert_int_eq(try_open("/none", OPEN_PATH), 0);
    device_answer = -EBUSY;
    ck_assert_int_eq(try_open("/zero", OPEN_READ), -EBUSY);
    ck_assert_int_eq(make_node("/dir", MODE_DIRECTORY, 0), -EPERM);
    ck_assert_int_eq(make_node("/odd", 0170000, 0), -EINVAL);
    ck_assert_int_eq(make_node("/plain", 0600, 0), 0);
    become(1000, 1000);
    become(1000, 1000);
    ck_assert_int_eq(make_node("/zero2", MODE_CHARACTER | 0666, 0x105), -EACCES);
    become(0, 0);
    ck_assert_int_eq(change_mode("/", 0777), 0);
    become(1000, 1000);
    ck_assert_int_eq(make_node("/zero2", MODE_CHARACTER | 0666, 0x105), -EPERM);
    ck_assert_int_eq(make_node("/fifo", MODE_FIFO | 0666, 0), 0);
    become(0, 0);
    fixture_end();
}
END_TEST

/* ---- Magic links --------------------------------------------------------------------------- */

static struct path magic_target;

static int magic_follow(struct inode *inode, struct mount **mount, struct name **name)
{
    (void)inode;
    path_reference(&magic_target);
    *mount = magic_target.mount;
    *name = magic_target.name;
    return 0;
}

static const struct inode_operations magic_operations = { .follow = magic_follow };
static struct inode *magic;

static int magic_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    (void)directory;
    if (strcmp(name, "magic") != 0)
        return -ENOENT;
    inode_reference(magic);
    *inode = magic;
    return 0;
}

static const struct inode_operations magic_directory_operations = { .lookup = magic_lookup };
static const struct filesystem_operations no_filesystem_operations = { 0 };

static struct inode *make_inode(struct filesystem *filesystem, uint32_t mode,
                                const struct inode_operations *operations)
{
    const struct inode_kind kind = { operations, &device_operations };
    const struct inode_request request = { .mode = mode };
    struct inode *inode;

    ck_assert_int_eq(inode_create(filesystem, &kind, &request, &inode), 0);
    return inode;
}

static struct mount *mount_magic(void)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path at;

    ck_assert_int_eq(filesystem_create("magic", &no_filesystem_operations, &filesystem), 0);
    filesystem->root = make_inode(filesystem, MODE_DIRECTORY | 0755, &magic_directory_operations);
    magic = make_inode(filesystem, MODE_LINK | 0777, &magic_operations);
    ck_assert_int_eq(make_directory("/m"), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/m", 0, &at), 0);
    ck_assert_int_eq(mount_add(filesystem, &at, false, &mount), 0);
    path_release(&at);
    filesystem_release(filesystem);
    return mount;
}

START_TEST(open_jumps_through_magic_links)
{
    struct mount *mount;
    struct file *file;
    char text[64];

    fixture_begin();
    mount = mount_magic();
    ck_assert_int_eq(make_directory("/d"), 0);
    make_file("/d/f", "unlinked soon");
    ck_assert_int_eq(path_walk(&context, NULL, "/d", 0, &magic_target), 0);
    ck_assert_int_eq(walk("/m/magic/f", 0), 0);
    ck_assert_int_eq(walk("/m/magic/../d", LOOKUP_NO_MAGIC_LINKS), -ELOOP);
    ck_assert_int_eq(walk("/m/magic/f", LOOKUP_BENEATH), -EXDEV);
    ck_assert_int_eq(try_open("/m/magic", OPEN_READ | OPEN_CREATE), -EISDIR);
    path_release(&magic_target);
    ck_assert_int_eq(path_walk(&context, NULL, "/d/f", 0, &magic_target), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/d/f"), 0);
    /* What has no name any more can be opened again this way, as /proc/self/fd/N can. */
    ck_assert_int_eq(open_file("/m/magic", OPEN_READ, 0, &file), 0);
    ck_assert_int_eq(file_read_kernel(file, text, sizeof(text), 0), 13);
    file_release(file);
    ck_assert_int_eq(open_file("/m/magic", OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0, &file), 0);
    ck_assert_int_eq(file_read_kernel(file, text, sizeof(text), 0), -EBADF);
    file_release(file);
    ck_assert_int_eq(try_open("/m/magic", OPEN_READ | OPEN_NOFOLLOW), -ELOOP);
    path_release(&magic_target);
    inode_release(magic);
    ck_assert_int_eq(mount_remove(mount), 0);
    mount_release(mount);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/open", open_follows_links_to_create, open_keeps_only_the_flags_that_last,
          open_for_others_atime_is_refused, open_on_a_read_only_mount, open_finds_devices,
          open_jumps_through_magic_links)
