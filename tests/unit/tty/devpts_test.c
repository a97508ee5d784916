/* /dev/pts: nodes come and go with masters, whose they are, what cannot be opened. */
#include "tty/devpts.h"

#include "../fs/fs_fixture.h"
#include "config.h"
#include "fs/devfs.h"
#include "fs/file_table.h"
#include "process/shares.h"
#include "tty/pty.h"

#include "tty_fixture.h"

#define SET_LOCK 0x40045431u

/* ---- What lies around it ------------------------------------------------------------------- */

void current_fs_context(struct fs_context *copy)
{
    *copy = context;
    path_reference(&copy->root);
    path_reference(&copy->working_directory);
}

struct file_table *current_files(void)
{
    return NULL;
}

struct limit process_limit(struct process *process, unsigned which)
{
    (void)process;
    (void)which;
    return (struct limit){ .soft = 0 };
}

static size_t objects;

static void make_node(const char *text, uint64_t id)
{
    const struct node_request node = {
        .text = text, .mode = MODE_CHARACTER | 0666, .device_id = id,
    };

    ck_assert_int_eq(fs_make_node(&context, &node), 0);
}

static void begin_pts(void)
{
    struct filesystem *filesystem;
    struct mount *mount;
    struct path path;

    begin();
    fs_init();
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
    ck_assert_int_eq(make_directory("/dev"), 0);
    ck_assert_int_eq(make_directory("/dev/pts"), 0);
    devpts_init();
    ck_assert_int_eq(devpts_create(&filesystem), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/dev/pts", 0, &path), 0);
    ck_assert_int_eq(mount_add(filesystem, &path, false, &mount), 0);
    filesystem_release(filesystem);
    ck_assert_int_eq(devpts_create(&filesystem), 0);    /* the same again */
    ck_assert_ptr_eq(filesystem, mount->filesystem);
    filesystem_release(filesystem);
    mount_release(mount);
    path_release(&path);
    make_node("/dev/ptmx", DEVICE_ID(5, 2));
    make_node("/dev/other", DEVICE_ID(136, 0));
    (void)try_open("/dev/pts/none", 0);
    directory_cache_forget(mount->filesystem);
    objects = fixture_count_objects();
}

/* All that was made since is gone, but for cached names. */
static void end_pts(void)
{
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, "/dev/pts", 0, &path), 0);
    directory_cache_forget(path_inode(&path)->filesystem);
    path_release(&path);
    ck_assert_uint_eq(fixture_count_objects(), objects);
}

static struct file *open_master(void)
{
    struct file *master;
    int32_t unlocked = 0;

    ck_assert_int_eq(open_file("/dev/ptmx", OPEN_READ_WRITE, 0, &master), 0);
    ck_assert_int_eq(master->operations->control(master, SET_LOCK,
                                                 (uint64_t)(uintptr_t)&unlocked), 0);
    return master;
}

START_TEST(node_lives_as_long_as_its_master)
{
    struct file *master, *slave, *second;

    begin_pts();
    try_open("/dev/ptmx", OPEN_READ_WRITE);
    master = open_master();
    ck_assert_int_eq(open_file("/dev/pts/0", OPEN_READ_WRITE, 0, &slave), 0);
    ck_assert_ptr_eq(slave->operations, &tty_file_operations);
    second = open_master();
    ck_assert_int_eq(try_open("/dev/pts/1", OPEN_READ_WRITE), 0);
    ck_assert_int_eq(try_open("/dev/pts/2", OPEN_READ_WRITE), -ENOENT);
    file_release(master);
    ck_assert_int_eq(try_open("/dev/pts/0", OPEN_READ_WRITE), -ENOENT);
    ck_assert_int_eq(slave->inode->operations->open(slave->inode, slave), -EIO);
    master = open_master();    /* the number again, and not the old terminal */
    ck_assert_int_eq(slave->inode->operations->open(slave->inode, slave), -EIO);
    ck_assert_int_eq(try_open("/dev/pts/0", OPEN_READ_WRITE), 0);
    file_release(slave);
    file_release(master);
    file_release(second);
    end_pts();
}
END_TEST

START_TEST(locked_terminal_is_not_opened)
{
    struct file *master;

    begin_pts();
    ck_assert_int_eq(open_file("/dev/ptmx", OPEN_READ_WRITE, 0, &master), 0);
    ck_assert_int_eq(try_open("/dev/pts/0", OPEN_READ_WRITE), -EIO);
    file_release(master);
    end_pts();
}
END_TEST

START_TEST(node_belongs_to_who_opened_the_master)
{
    struct file_status status;
    struct file *master;
    struct path path;

    begin_pts();
    become(7, 8);
    acting = context.credentials;
    master = open_master();
    ck_assert_int_eq(path_walk(&context, NULL, "/dev/pts/0", 0, &path), 0);
    ck_assert_int_eq(path_status(&path, &status), 0);
    ck_assert_uint_eq(status.mode, MODE_CHARACTER | 0600);
    ck_assert_uint_eq(status.user_id, 7);
    ck_assert_uint_eq(status.group_id, 8);
    ck_assert_uint_eq(status.device_id, 0x8800);
    path_release(&path);
    become(9, 9);
    ck_assert_int_eq(try_open("/dev/pts/0", OPEN_READ_WRITE), -EACCES);
    ck_assert_int_eq(try_open("/dev/pts/ptmx", OPEN_READ_WRITE), -EACCES);
    become(0, 0);
    ck_assert_int_eq(try_open("/dev/pts/ptmx", OPEN_READ_WRITE), 0);
    file_release(master);
    end_pts();
}
END_TEST

START_TEST(names_are_numbers_as_they_are_written)
{
    struct file *master;

    begin_pts();
    master = open_master();
    ck_assert_int_eq(try_open("/dev/pts/00", OPEN_READ_WRITE), -ENOENT);
    ck_assert_int_eq(try_open("/dev/pts/0x0", OPEN_READ_WRITE), -ENOENT);
    ck_assert_int_eq(try_open("/dev/pts/4096", OPEN_READ_WRITE), -ENOENT);
    ck_assert_int_eq(try_open("/dev/pts/99999999999999999999", OPEN_READ_WRITE), -ENOENT);
    ck_assert_int_eq(try_open("/dev/pts/file", OPEN_WRITE | OPEN_CREATE), -EACCES);
    ck_assert_int_eq(make_directory("/dev/pts/directory"), -EPERM);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/dev/pts/0"), -EPERM);
    file_release(master);
    end_pts();
}
END_TEST

static int add_name(void *list, const struct directory_entry *entry)
{
    strncat(list, entry->name, entry->length);
    strcat(list, " ");
    return 0;
}

START_TEST(directory_lists_masters)
{
    struct file *masters[12], *directory;
    char names[256] = "";
    struct filesystem_statistics statistics;

    begin_pts();
    for (size_t i = 0; i < ARRAY_SIZE(masters); i++)
        masters[i] = open_master();
    file_release(masters[5]);
    ck_assert_int_eq(open_file("/dev/pts", OPEN_DIRECTORY, 0, &directory), 0);
    ck_assert_int_eq(file_read_directory(directory, add_name, names), 0);
    ck_assert_str_eq(names, ". .. ptmx 0 1 2 3 4 6 7 8 9 10 11 ");
    ck_assert_int_eq(filesystem_statistics(directory->inode->filesystem, &statistics), 0);
    ck_assert_uint_eq(statistics.type, 0x1cd1);
    file_release(directory);
    masters[5] = open_master();
    for (size_t i = 0; i < ARRAY_SIZE(masters); i++)
        file_release(masters[i]);
    end_pts();
}
END_TEST

START_TEST(peer_is_opened_by_its_path)
{
    struct file *master, *slave;

    begin_pts();
    master = open_master();
    ck_assert_int_eq(devpts_open_peer(master->contents, OPEN_READ_WRITE, &slave), 0);
    ck_assert_ptr_eq(slave->contents, &((struct pty *)master->contents)->tty);
    file = *slave;
    start_read(&calls[0], 0);
    gives(&calls[0], 0, NULL);
    file_release(slave);
    ck_assert_int_eq(try_open("/dev/other", OPEN_READ_WRITE), -ENXIO);
    file_release(master);
}
END_TEST

START_TEST(numbers_and_memory_run_out)
{
    static struct file *masters[PTYS_MAX];
    size_t count = 0;
    struct file *one_more;
    int error;

    begin_pts();
    while (count < PTYS_MAX &&
           (error = open_file("/dev/ptmx", OPEN_READ_WRITE, 0, &masters[count])) == 0)
        count++;
    error = open_file("/dev/ptmx", OPEN_READ_WRITE, 0, &one_more);
    ck_assert_int_eq(error, count == PTYS_MAX ? -ENOSPC : -ENOMEM);
    ck_assert_uint_gt(count, 1000);
    while (count > 0)
        file_release(masters[--count]);
    file_release(open_master());
}
END_TEST

TEST_MAIN("tty/devpts", node_lives_as_long_as_its_master, locked_terminal_is_not_opened,
          node_belongs_to_who_opened_the_master, names_are_numbers_as_they_are_written,
          directory_lists_masters, peer_is_opened_by_its_path, numbers_and_memory_run_out)
