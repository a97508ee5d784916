/* Attributes: who may see and change what, on mounts that forbid, of files without names. */
#include "fs/attributes.h"

#include "config.h"
#include "fs/anonymous_file.h"
#include "fs/seal.h"
#include "fs_fixture.h"
#include "harness/test.h"

#define KEEP UINT32_MAX
#define USER 1000u
#define TMPFS_TYPE 0x01021994
#define ANONYMOUS_TYPE 0x09041934
#define STATISTICS_READ_ONLY 1u

static struct path at(const char *text)
{
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, text, 0, &path), 0);
    return path;
}

static struct attribute_target target_of(const struct path *path)
{
    return (struct attribute_target){ path->mount, path_inode(path), path->name };
}

static int change_owner(const char *text, uint32_t user, uint32_t group)
{
    struct path path = at(text);
    struct attribute_target target = target_of(&path);
    int error = attributes_set_owner(&context, &target, user, group);

    path_release(&path);
    return error;
}

static int change_times(const char *text)
{
    const struct time_change now = { TIME_NOW, TIME_NOW, 0, 0 };
    struct path path = at(text);
    struct attribute_target target = target_of(&path);
    int error = attributes_set_times(&context, &target, &now);

    path_release(&path);
    return error;
}

static uint32_t mode_of(const char *text)
{
    struct file_status status;
    struct path path = at(text);

    ck_assert_int_eq(path_status(&path, &status), 0);
    path_release(&path);
    return status.mode & 07777;
}

static int access_to(const char *text, uint32_t wanted)
{
    struct path path = at(text);
    int error = path_access(&context, &path, wanted);

    path_release(&path);
    return error;
}

static int truncate_at(const char *text, int64_t size)
{
    struct path path = at(text);
    int error = path_truncate(&context, &path, size, UINT64_MAX);

    path_release(&path);
    return error;
}

static int executable(const char *text)
{
    struct path path = at(text);
    int error = path_executable(&context, &path);

    path_release(&path);
    return error;
}

static void mount_as(uint32_t flags)
{
    ck_assert_int_eq(mount_change_flags(&context.root, flags), 0);
}

static void make_node(const char *text, uint32_t mode)
{
    const struct node_request node = { .text = text, .mode = mode, .device_id = 0x77 };

    ck_assert_int_eq(fs_make_node(&context, &node), 0);
}

static struct file *open_anonymous(const struct file_operations *operations)
{
    struct file *file;

    ck_assert_int_eq(anonymous_file_create(operations, "anonymous", 0, NULL, &file), 0);
    return file;
}

static const struct file_operations no_operations = { 0 };

/* ---- Modes and owners ---------------------------------------------------------------------- */

START_TEST(modes_are_the_owners)
{
    struct path link;
    struct attribute_target target;

    fixture_begin();
    make_file("/f", "");
    ck_assert_int_eq(make_link("f", "/link"), 0);
    link = at("/link");
    target = target_of(&link);
    ck_assert_int_eq(attributes_set_mode(&context, &target, 0600), -EOPNOTSUPP);
    path_release(&link);
    ck_assert_int_eq(change_owner("/f", USER, 5), 0);
    become(USER + 1, USER);
    ck_assert_int_eq(change_mode("/f", 0777), -EPERM);
    become(USER, USER);
    ck_assert_int_eq(change_mode("/f", 0106777), 0);    /* only bits of modes; group 5 is not his */
    ck_assert_uint_eq(mode_of("/f"), 04777);
    become(USER, 5);
    ck_assert_int_eq(change_mode("/f", 06777), 0);
    ck_assert_uint_eq(mode_of("/f"), 06777);
    become(0, 0);
    fixture_end();
}
END_TEST

START_TEST(owners_choose_groups_and_root_owners)
{
    fixture_begin();
    make_file("/f", "");
    ck_assert_int_eq(change_owner("/f", USER, USER), 0);
    become(USER, USER);
    ck_assert_int_eq(change_owner("/f", USER + 1, KEEP), -EPERM);
    ck_assert_int_eq(change_owner("/f", KEEP, 5), -EPERM);
    context.credentials.groups[0] = 5;
    context.credentials.group_count = 1;
    ck_assert_int_eq(change_owner("/f", USER, 5), 0);
    become(USER + 1, 5);
    ck_assert_int_eq(change_owner("/f", KEEP, 5), -EPERM);
    ck_assert_int_eq(change_owner("/f", KEEP, KEEP), 0);
    become(0, 0);
    fixture_end();
}
END_TEST

START_TEST(set_id_bits_go_with_the_owner)
{
    fixture_begin();
    make_file("/f", "");
    ck_assert_int_eq(make_directory("/d"), 0);
    ck_assert_int_eq(change_mode("/f", 06755), 0);
    ck_assert_int_eq(change_owner("/f", USER, USER), 0);
    ck_assert_uint_eq(mode_of("/f"), 0755);
    ck_assert_int_eq(change_mode("/f", 02745), 0);    /* a locking mark, no program of a group */
    ck_assert_int_eq(change_owner("/f", KEEP, 0), 0);
    ck_assert_uint_eq(mode_of("/f"), 02745);
    ck_assert_int_eq(change_mode("/d", 06777), 0);
    ck_assert_int_eq(change_owner("/d", USER, USER), 0);
    ck_assert_uint_eq(mode_of("/d"), 06777);
    ck_assert_int_eq(change_mode("/f", 04755), 0);
    become(USER + 1, USER);
    ck_assert_int_eq(change_owner("/f", KEEP, KEEP), -EPERM);    /* as it would drop one */
    become(0, 0);
    fixture_end();
}
END_TEST

/* ---- Mounts -------------------------------------------------------------------------------- */

START_TEST(read_only_mounts_keep_everything)
{
    struct filesystem_statistics statistics;

    fixture_begin();
    make_file("/f", "text");
    make_node("/device", MODE_CHARACTER | 0666);
    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.type, TMPFS_TYPE);
    ck_assert_uint_eq(statistics.flags & STATISTICS_READ_ONLY, 0);
    mount_as(MOUNT_READ_ONLY);
    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.flags & STATISTICS_READ_ONLY, STATISTICS_READ_ONLY);
    ck_assert_int_eq(change_mode("/f", 0600), -EROFS);
    ck_assert_int_eq(change_owner("/f", USER, USER), -EROFS);
    ck_assert_int_eq(change_times("/f"), -EROFS);
    ck_assert_int_eq(truncate_at("/f", 0), -EROFS);
    ck_assert_int_eq(try_open("/f", OPEN_READ | OPEN_TRUNCATE), -EROFS);
    ck_assert_int_eq(access_to("/f", PERMISSION_READ), 0);
    ck_assert_int_eq(access_to("/f", PERMISSION_WRITE), -EROFS);
    ck_assert_int_eq(access_to("/device", PERMISSION_WRITE), 0);
    mount_as(0);
    ck_assert_uint_eq(mode_of("/f"), 0644);
    ck_assert_int_eq(access_to("/f", PERMISSION_WRITE), 0);
    fixture_end();
}
END_TEST

START_TEST(read_only_filesystems_stay_so)
{
    fixture_begin();
    make_file("/f", "text");
    root->filesystem->read_only = true;
    ck_assert_int_eq(mount_change_flags(&context.root, 0), -EROFS);
    ck_assert_int_eq(mount_change_flags(&context.root, MOUNT_READ_ONLY), 0);
    ck_assert_int_eq(change_mode("/f", 0600), -EROFS);
    root->filesystem->read_only = false;
    fixture_end();
}
END_TEST

START_TEST(programs_need_a_bit_and_a_mount_that_has_some)
{
    struct path path;
    struct file *program;

    fixture_begin();
    make_file("/f", "text");
    ck_assert_int_eq(executable("/"), -EACCES);
    ck_assert_int_eq(executable("/f"), -EACCES);    /* not even root */
    ck_assert_int_eq(change_mode("/f", 0711), 0);
    become(USER, USER);
    ck_assert_int_eq(executable("/f"), 0);
    ck_assert_int_eq(access_to("/f", PERMISSION_EXECUTE), 0);
    ck_assert_int_eq(try_open("/f", OPEN_READ), -EACCES);
    path = at("/f");
    ck_assert_int_eq(file_open_program(&context, &path, &program), 0);
    file_release(program);
    mount_as(MOUNT_NO_PROGRAMS);
    ck_assert_int_eq(executable("/f"), -EACCES);
    ck_assert_int_eq(access_to("/f", PERMISSION_EXECUTE), -EACCES);
    ck_assert_int_eq(access_to("/", PERMISSION_EXECUTE), 0);
    path_release(&path);
    become(0, 0);
    fixture_end();
}
END_TEST

START_TEST(mounts_without_devices)
{
    fixture_begin();
    make_node("/device", MODE_CHARACTER | 0666);
    ck_assert_int_eq(try_open("/device", OPEN_READ), -ENXIO);    /* nobody drives it */
    mount_as(MOUNT_NO_DEVICES);
    ck_assert_int_eq(try_open("/device", OPEN_READ), -EACCES);
    ck_assert_int_eq(try_open("/device", OPEN_PATH), 0);
    fixture_end();
}
END_TEST

/* ---- Who writes and who runs --------------------------------------------------------------- */

START_TEST(what_runs_is_not_written)
{
    struct file *program, *writer;
    size_t before;

    fixture_begin();
    before = file_count();
    make_file("/f", "text");
    ck_assert_int_eq(open_file("/f", OPEN_READ, 0, &program), 0);
    ck_assert_int_eq(open_file("/f", OPEN_WRITE, 0, &writer), 0);
    ck_assert_uint_eq(file_count(), before + 2);
    ck_assert_int_eq(file_deny_writing(program), -ETXTBSY);
    file_release(writer);
    ck_assert_int_eq(file_deny_writing(program), 0);
    ck_assert_int_eq(try_open("/f", OPEN_WRITE), -ETXTBSY);
    ck_assert_int_eq(try_open("/f", OPEN_READ), 0);
    ck_assert_int_eq(truncate_at("/f", 0), -ETXTBSY);
    file_release(program);
    ck_assert_int_eq(try_open("/f", OPEN_WRITE), 0);
    ck_assert_int_eq(truncate_at("/f", 0), 0);
    ck_assert_uint_eq(file_count(), before);
    fixture_end();
}
END_TEST

START_TEST(sizes_of_paths_are_those_of_files)
{
    fixture_begin();
    make_file("/f", "text");
    make_node("/device", MODE_CHARACTER | 0666);
    ck_assert_int_eq(truncate_at("/f", -1), -EINVAL);
    ck_assert_int_eq(truncate_at("/", 0), -EISDIR);
    ck_assert_int_eq(truncate_at("/device", 0), -EINVAL);
    become(USER, USER);
    ck_assert_int_eq(truncate_at("/f", 0), -EACCES);
    become(0, 0);
    fixture_end();
}
END_TEST

/* ---- Seals --------------------------------------------------------------------------------- */

START_TEST(seals_hold_the_execute_bits_and_the_end)
{
    static char bytes[2 * PAGE_SIZE];
    struct attribute_target target;
    struct file *file;

    fixture_begin();
    ck_assert_int_eq(tmpfs_create_memory_file(&context.credentials, "file", 0, &file), 0);
    target = (struct attribute_target){ file->path.mount, file->inode, NULL };
    ck_assert_int_eq(file_truncate(file, PAGE_SIZE + 10, UINT64_MAX), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_GROW), 0);
    ck_assert_int_eq(file_write_kernel(file, bytes, sizeof(bytes), 0), PAGE_SIZE);
    ck_assert_int_eq(file_write_kernel(file, bytes, 11, PAGE_SIZE), -EPERM);
    ck_assert_int_eq(file_write_kernel(file, bytes, 10, PAGE_SIZE), 10);
    ck_assert_int_eq(attributes_set_mode(&context, &target, 0600), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_EXECUTE), 0);
    ck_assert_int_eq(attributes_set_mode(&context, &target, 0700), -EPERM);
    ck_assert_int_eq(attributes_set_mode(&context, &target, 0640), 0);
    file_release(file);
    fixture_end();
}
END_TEST

/* ---- Files without names ------------------------------------------------------------------- */

START_TEST(anonymous_files_keep_their_attributes)
{
    struct filesystem_statistics statistics;
    struct attribute_target target;
    struct path path;
    struct file *file;
    char text[64];

    fixture_begin();
    file = open_anonymous(&no_operations);
    target = (struct attribute_target){ NULL, file->inode, NULL };
    ck_assert_int_eq(attributes_set_mode(&context, &target, 0600), -EOPNOTSUPP);
    ck_assert_int_eq(file_statistics(file, &statistics), 0);
    ck_assert_uint_eq(statistics.type, ANONYMOUS_TYPE);
    ck_assert_uint_eq(statistics.name_max, 255);
    ck_assert_int_eq(anonymous_path_create(&context.root, "thing:[7]", file->inode, &path), 0);
    mount_reference(path.mount);    /* the path has only borrowed it */
    ck_assert_ptr_eq(path_inode(&path), file->inode);
    ck_assert_int_eq(walk("/thing:[7]", 0), -ENOENT);
    ck_assert_int_gt(path_text(&path, NULL, text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, "thing:[7]"));
    path_release(&path);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(positions_where_nobody_has_another_idea)
{
    struct file *file;

    fixture_begin();
    file = open_anonymous(&no_operations);
    file->is_stream = true;
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_START), -ESPIPE);
    file->is_stream = false;
    file->inode->size = 100;
    ck_assert_int_eq(file_seek(file, 7, SEEK_FROM_START), 7);
    ck_assert_int_eq(file_seek(file, 3, SEEK_FROM_CURRENT), 10);
    ck_assert_int_eq(file_seek(file, -1, SEEK_FROM_END), 99);
    ck_assert_int_eq(file_seek(file, 20, SEEK_TO_DATA), 20);
    ck_assert_int_eq(file_seek(file, 20, SEEK_TO_HOLE), 100);
    ck_assert_int_eq(file_seek(file, 100, SEEK_TO_DATA), -ENXIO);
    ck_assert_int_eq(file_seek(file, -1, SEEK_TO_HOLE), -ENXIO);
    ck_assert_int_eq(file_seek(file, 0, 5), -EINVAL);
    ck_assert_int_eq(file_seek(file, 0, -1), -EINVAL);
    ck_assert_uint_eq(file->position, 100);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(names_of_sockets)
{
    struct path made, directory;
    char text[64];

    fixture_begin();
    ck_assert_int_eq(make_directory("/d"), 0);
    ck_assert_int_eq(fs_make_socket(&context, "/d/socket", 0750, &made), 0);
    ck_assert_uint_eq(path_inode(&made)->mode, MODE_SOCKET | 0750);
    ck_assert_int_eq(try_open("/d/socket", OPEN_READ), -ENXIO);
    directory = at("/d");
    ck_assert_int_eq(path_text_below(&made, &directory, text, sizeof(text)), 7);
    ck_assert_str_eq(text, "/socket");
    ck_assert_int_eq(path_text_below(&directory, &made, text, sizeof(text)), -ENOENT);
    path_release(&directory);
    path_release(&made);
    ck_assert_int_eq(fs_make_socket(&context, "/d/socket", 0750, &made), -EEXIST);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/attributes", modes_are_the_owners, owners_choose_groups_and_root_owners,
          set_id_bits_go_with_the_owner, read_only_mounts_keep_everything,
          read_only_filesystems_stay_so, programs_need_a_bit_and_a_mount_that_has_some,
          mounts_without_devices, what_runs_is_not_written, sizes_of_paths_are_those_of_files,
          seals_hold_the_execute_bits_and_the_end, anonymous_files_keep_their_attributes,
          positions_where_nobody_has_another_idea, names_of_sockets)
