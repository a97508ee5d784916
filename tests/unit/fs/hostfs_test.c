/* Tests of hostfs over a host that is a table, which the tests change behind the kernel's back. */
#include "fs/fs_internal.h"
#include "fs/hostfs_mount.h"
#include "fs/page_account.h"

#include "fs/page_cache.h"
#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

#define FILES 16
#define NODES 64
#define OLD_NS INT64_C(1600000000000000000)    /* long before the fake machine's clock */

/* A file of the host; its number is its place in the table. */
static struct host_file {
    uint32_t mode;
    uint64_t size;
    uint8_t fill;              /* every byte of the contents */
    int64_t change_ns;
    const char *target;
    struct { const char *name; unsigned file; } names[8];    /* of a directory */
} files[FILES];

/* Which file each node is; 0: the node is free. */
static unsigned nodes[NODES];
static unsigned nodes_max = NODES;
static unsigned lookups, statuses, reads, access_questions;
static int read_error;

static int new_node(unsigned file, uint64_t *node)
{
    for (unsigned i = 1; i < nodes_max; i++) {
        if (nodes[i] == 0) {
            nodes[i] = file;
            *node = i;
            return 0;
        }
    }
    return -EMFILE;
}

static int host_root(size_t index, uint64_t *node)
{
    (void)index;
    return new_node(1, node);
}

static int host_lookup(uint64_t directory, const char *name, uint64_t *node)
{
    struct host_file *file = &files[nodes[directory]];

    lookups++;
    for (unsigned i = 0; i < ARRAY_SIZE(file->names); i++) {
        if (file->names[i].name && strcmp(file->names[i].name, name) == 0)
            return new_node(file->names[i].file, node);
    }
    return -ENOENT;
}

static void host_release(uint64_t node)
{
    ck_assert_uint_ne(nodes[node], 0);
    nodes[node] = 0;
}

static int host_status(uint64_t node, struct hostfs_status *status)
{
    const struct host_file *file = &files[nodes[node]];

    statuses++;
    *status = (struct hostfs_status){
        .mode = file->mode, .links = 1, .user_id = 500, .group_id = 500, .inode = nodes[node],
        .device = 7, .device_id = 0x103, .size = file->size, .blocks = 1, .block_size = 4096,
        .access_ns = 1, .modify_ns = file->change_ns, .change_ns = file->change_ns, .birth_ns = 2,
    };
    return 0;
}

static int host_statistics(uint64_t node, struct hostfs_statistics *statistics)
{
    (void)node;
    *statistics = (struct hostfs_statistics){ .type = 0xef53, .blocks = 99, .name_max = 255 };
    return 0;
}

static int host_access(uint64_t node, uint32_t mode)
{
    access_questions++;
    return (files[nodes[node]].mode & mode) == mode ? 0 : -EACCES;
}

static int64_t host_read(uint64_t node, void *buffer, size_t size, uint64_t offset)
{
    const struct host_file *file = &files[nodes[node]];

    ck_assert_uint_eq(file->mode & MODE_TYPE, MODE_REGULAR);
    reads++;
    if (read_error)
        return read_error;
    if (offset >= file->size)
        return 0;
    if (size > file->size - offset)
        size = file->size - offset;
    if (size > 10000)
        size = 10000;    /* reads may be short */
    memset(buffer, file->fill, size);
    return (int64_t)size;
}

static int64_t host_read_link(uint64_t node, char *target, size_t size)
{
    size_t length = strnlen(files[nodes[node]].target, size);

    memcpy(target, files[nodes[node]].target, length);
    return (int64_t)length;
}

static int host_read_directory(uint64_t node, int64_t position, hostfs_name_sink sink,
                               void *sink_context)
{
    const struct host_file *file = &files[nodes[node]];

    for (int64_t i = position; i < 8 && file->names[i].name; i++) {
        const char *name = file->names[i].name;
        const struct hostfs_name entry = {
            .name = name, .length = strlen(name), .inode = file->names[i].file, .type = 8,
            .next = i + 1,
        };

        if (sink(sink_context, &entry))
            break;
    }
    return 0;
}

static const struct hostfs_root roots[] = { { "/", NULL, HOSTFS_COPIED } };

static const struct hostfs_operations host = {
    .roots = roots, .root_count = 1,
    .root = host_root, .lookup = host_lookup, .release = host_release, .status = host_status,
    .statistics = host_statistics, .access = host_access, .read = host_read,
    .read_link = host_read_link, .read_directory = host_read_directory,
};

/* 1: /, 2: /file and /same, 3: /dir, 4: /dir/deep, 5: /link -> dir/deep, 6: /device. */
static void begin(void)
{
    struct filesystem *filesystem;

    files[1] = (struct host_file){ MODE_DIRECTORY | 0755, 0, 0, OLD_NS, NULL,
                                   { { "file", 2 }, { "same", 2 }, { "dir", 3 }, { "link", 5 },
                                     { "device", 6 } } };
    files[2] = (struct host_file){ MODE_REGULAR | 0644, 100000, 'f', OLD_NS, NULL, { { 0 } } };
    files[3] = (struct host_file){ MODE_DIRECTORY | 0755, 0, 0, OLD_NS, NULL, { { "deep", 4 } } };
    files[4] = (struct host_file){ MODE_REGULAR | 0600, 10, 'd', OLD_NS, NULL, { { 0 } } };
    files[5] = (struct host_file){ MODE_LINK | 0777, 8, 0, OLD_NS, "dir/deep", { { 0 } } };
    files[6] = (struct host_file){ MODE_CHARACTER | 0666, 0, 0, OLD_NS, NULL, { { 0 } } };
    fixture_begin_machine();
    ck_assert_int_eq(hostfs_create(&host, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
    become(fake_machine_info.user_id, fake_machine_info.group_id);
}

static void end(void)
{
    fixture_end();
    for (unsigned i = 0; i < NODES; i++)
        ck_assert_uint_eq(nodes[i], 0);    /* no file of the host stays open */
}

static struct file *open_for_reading(const char *text)
{
    struct file *file;

    ck_assert_int_eq(open_file(text, OPEN_READ, 0, &file), 0);
    return file;
}

START_TEST(hostfs_needs_a_host)
{
    struct filesystem *filesystem;

    fixture_begin_machine();
    ck_assert_int_eq(hostfs_create(NULL, 0, &filesystem), -ENODEV);
}
END_TEST

START_TEST(hostfs_files_are_read)
{
    static char bytes[200000];
    struct file *file;
    struct file_status status;

    begin();
    file = open_for_reading("/file");
    ck_assert_int_eq(file_read_kernel(file, bytes, sizeof(bytes), 10), 99990);
    for (unsigned i = 0; i < 99990; i++)
        ck_assert_int_eq(bytes[i], 'f');
    reads = 0;
    ck_assert_int_eq(file_read_kernel(file, bytes, sizeof(bytes), 0), 100000);
    ck_assert_uint_eq(reads, 0);
    ck_assert_int_eq(file_get_status(file, &status), 0);
    ck_assert_uint_eq(status.device, 7);
    ck_assert_uint_eq(status.inode, 2);
    ck_assert_uint_eq(status.user_id, 500);
    ck_assert_uint_eq(status.size, 100000);
    file_release(file);
    files[4].mode = MODE_REGULAR | 0644;
    file = open_for_reading("/link");
    ck_assert_int_eq(file_read_kernel(file, bytes, sizeof(bytes), 0), 10);
    ck_assert_int_eq(bytes[9], 'd');
    file_release(file);
    end();
}
END_TEST

static int count_all(void *count, const struct directory_entry *entry)
{
    (void)entry;
    ++*(unsigned *)count;
    return 0;
}

static unsigned names_in(const char *text)
{
    struct file *file = open_for_reading(text);
    unsigned count = 0;

    ck_assert_int_eq(file_read_directory(file, count_all, &count), 0);
    file_release(file);
    return count;
}

START_TEST(hostfs_changes_need_permission)
{
    begin();
    become(600, 600);
    ck_assert_int_eq(try_open("/file", OPEN_WRITE), -EACCES);
    ck_assert_int_eq(try_open("/file", OPEN_READ | OPEN_TRUNCATE), -EACCES);
    ck_assert_int_eq(try_open("/new", OPEN_WRITE | OPEN_CREATE), -EACCES);
    ck_assert_int_eq(make_directory("/new"), -EACCES);
    ck_assert_int_eq(make_directory("/dir"), -EEXIST);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/file"), -EACCES);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/dir"), -EACCES);
    ck_assert_int_eq(rename_file("/file", "/new", 0), -EACCES);
    ck_assert_int_eq(change_mode("/file", 0777), -EPERM);
    end();
}
END_TEST

START_TEST(hostfs_contents_are_copied_when_they_are_written)
{
    struct file *writer, *reader;
    struct file_status status;
    char bytes[3] = "";

    begin();
    become(0, 0);
    reader = open_for_reading("/same");
    ck_assert_int_eq(open_file("/file", OPEN_WRITE, 0, &writer), 0);
    ck_assert_int_eq(file_write_kernel(writer, "X", 1, 99999), 1);
    ck_assert_int_eq(file_write_kernel(writer, "Y", 1, 100001), 1);
    ck_assert_int_eq(file_read_kernel(reader, bytes, 3, 99999), 3);
    ck_assert_int_eq(memcmp(bytes, "X\0Y", 3), 0);
    ck_assert_int_eq(file_read_kernel(reader, bytes, 1, 99998), 1);
    ck_assert_int_eq(bytes[0], 'f');
    files[2].size = 5;    /* what the host does to it is of no interest any more */
    files[2].change_ns++;
    ck_assert_int_eq(file_get_status(reader, &status), 0);
    ck_assert_uint_eq(status.size, 100002);
    ck_assert_uint_eq(status.device, 7);
    ck_assert_uint_eq(status.inode, 2);
    file_release(writer);
    file_release(reader);
    end();
}
END_TEST

START_TEST(hostfs_changed_files_are_found_again)
{
    struct file *file;
    char byte;

    begin();
    become(0, 0);
    ck_assert_int_eq(open_file("/file", OPEN_WRITE, 0, &file), 0);
    ck_assert_int_eq(file_write_kernel(file, "X", 1, 0), 1);
    file_release(file);
    directory_cache_shrink(100);
    file = open_for_reading("/same");
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    ck_assert_int_eq(byte, 'X');
    file_release(file);
    end();
}
END_TEST

START_TEST(hostfs_copy_that_fails_changes_nothing)
{
    struct file *file;
    char byte;

    begin();
    become(0, 0);
    ck_assert_int_eq(open_file("/file", OPEN_READ_WRITE, 0, &file), 0);
    read_error = -EIO;
    ck_assert_int_eq(file_write_kernel(file, "X", 1, 0), -EIO);
    read_error = 0;
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    ck_assert_int_eq(byte, 'f');
    ck_assert_int_eq(file_write_kernel(file, "X", 1, 0), 1);
    file_release(file);
    end();
}
END_TEST

START_TEST(hostfs_truncated_files_are_not_read)
{
    begin();
    become(0, 0);
    reads = 0;
    ck_assert_int_eq(try_open("/file", OPEN_WRITE | OPEN_TRUNCATE), 0);
    ck_assert_uint_eq(reads, 0);
    end();
}
END_TEST

START_TEST(hostfs_names_are_hidden_and_made)
{
    begin();
    become(0, 0);
    ck_assert_uint_eq(names_in("/"), 5);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/file"), 0);
    ck_assert_int_eq(walk("/file", 0), -ENOENT);
    ck_assert_int_eq(walk("/same", 0), 0);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/dir"), -ENOTEMPTY);
    ck_assert_int_eq(rename_file("/dir/deep", "/file", 0), 0);
    ck_assert_int_eq(walk("/link", LOOKUP_FOLLOW), -ENOENT);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/dir"), 0);
    ck_assert_int_eq(make_directory("/dir"), 0);
    ck_assert_uint_eq(names_in("/dir"), 2);    /* . and .. alone: not the host's any more */
    ck_assert_int_eq(rename_file("/dir", "/moved", 0), 0);
    ck_assert_int_eq(make_link("x", "/moved/x"), 0);
    ck_assert_uint_eq(names_in("/moved"), 3);
    ck_assert_uint_eq(names_in("/"), 7);       /* with . and .., which this host does not tell */
    directory_cache_shrink(100);
    ck_assert_int_eq(walk("/dir", 0), -ENOENT);
    ck_assert_int_eq(walk("/moved/x", 0), 0);
    end();
}
END_TEST

START_TEST(hostfs_further_names_count_as_files)
{
    struct page_account *account;

    begin();
    become(0, 0);
    account = ((struct hostfs *)root->filesystem->contents)->account;
    ck_assert_int_eq(fixture_link("/file", "/one"), 0);
    ck_assert_int_eq(fixture_link("/file", "/two"), 0);
    ck_assert_uint_eq(account->files_used, 2);
    ck_assert_int_eq(rename_file("/one", "/dir/one", 0), 0);
    ck_assert_int_eq(rename_file("/two", "/dir/deep", 0), 0);
    ck_assert_uint_eq(account->files_used, 2);
    account->files_max = 2;
    ck_assert_int_eq(fixture_link("/file", "/two"), -ENOSPC);
    ck_assert_int_eq(walk("/two", 0), -ENOENT);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/dir/one"), 0);
    ck_assert_uint_eq(account->files_used, 1);
    ck_assert_int_eq(fixture_link("/file", "/two"), 0);
    ck_assert_uint_eq(account->files_used, 2);
    end();
}
END_TEST

START_TEST(hostfs_one_file_is_one_inode)
{
    begin();
    struct file *file = open_for_reading("/file");
    struct file *same = open_for_reading("/same");

    ck_assert_ptr_eq(file->inode, same->inode);
    file_release(file);
    file_release(same);
    end();
}
END_TEST

START_TEST(hostfs_devices_are_not_opened)
{
    begin();
    ck_assert_int_eq(try_open("/device", OPEN_READ), -ENXIO);
    ck_assert_int_eq(try_open("/device", OPEN_PATH), 0);
    end();
}
END_TEST

START_TEST(hostfs_rights_are_asked_for_where_bits_do_not_tell)
{
    begin();
    access_questions = 0;
    ck_assert_int_eq(try_open("/file", OPEN_READ), 0);
    ck_assert_uint_eq(access_questions, 0);
    files[4].mode = MODE_REGULAR | 0604;    /* the fake host lets anybody read this */
    ck_assert_int_eq(try_open("/dir/deep", OPEN_READ), 0);
    ck_assert_uint_eq(access_questions, 1);
    become(4000, 4000);                     /* not the host's user: the bits count, too */
    ck_assert_int_eq(try_open("/dir/deep", OPEN_READ), 0);
    files[4].mode = MODE_REGULAR | 0600;
    ck_assert_int_eq(try_open("/dir/deep", OPEN_READ), -EACCES);
    end();
}
END_TEST

START_TEST(hostfs_names_are_cached_until_the_directory_changes)
{
    begin();
    ck_assert_int_eq(walk("/dir/deep", 0), 0);
    ck_assert_int_eq(walk("/nothing", 0), -ENOENT);
    lookups = 0;
    ck_assert_int_eq(walk("/dir/deep", 0), 0);
    ck_assert_int_eq(walk("/nothing", 0), -ENOENT);
    ck_assert_uint_eq(lookups, 0);
    files[7] = (struct host_file){ MODE_REGULAR | 0644, 5, 'n', OLD_NS, NULL, { { 0 } } };
    files[1].names[5].name = "nothing";
    files[1].names[5].file = 7;
    files[1].change_ns++;
    ck_assert_int_eq(walk("/nothing", 0), 0);
    /* And replaced by another file. */
    files[1].names[5].file = 2;
    files[1].change_ns++;
    ck_assert_uint_eq(inode_number_at("/nothing", 0), 2);
    files[1].names[5].name = NULL;
    files[1].change_ns++;
    ck_assert_int_eq(walk("/nothing", 0), -ENOENT);
    end();
}
END_TEST

START_TEST(hostfs_young_directories_are_not_trusted)
{
    begin();
    files[1].change_ns = (int64_t)fake_machine_info.boot_wall_time_ns;    /* just now */
    ck_assert_int_eq(walk("/file", 0), 0);
    lookups = 0;
    ck_assert_int_eq(walk("/file", 0), 0);
    ck_assert_uint_eq(lookups, 1);
    fake_machine_advance(1000000000);
    ck_assert_int_eq(walk("/file", 0), 0);
    lookups = 0;
    ck_assert_int_eq(walk("/file", 0), 0);
    ck_assert_uint_eq(lookups, 0);
    end();
}
END_TEST

START_TEST(hostfs_changed_files_are_read_again)
{
    char byte;

    begin();
    struct file *file = open_for_reading("/file");

    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    files[2].fill = 'g';
    files[2].change_ns++;
    struct file *again = open_for_reading("/file");

    ck_assert_int_eq(file_read_kernel(again, &byte, 1, 0), 1);
    ck_assert_int_eq(byte, 'g');
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    ck_assert_int_eq(byte, 'g');
    file_release(again);

    /* Grown: noticed at its end. */
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 100000), 0);
    files[2].size = 100001;
    files[2].change_ns++;
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 100000), 1);
    file_release(file);
    end();
}
END_TEST

START_TEST(hostfs_file_that_shrinks_under_a_mapping)
{
    struct memory_object *object;
    struct page *page;

    begin();
    files[2].size = 1000 * PAGE_SIZE;
    struct file *file = open_for_reading("/file");

    ck_assert_int_eq(file_memory_object(file, false, &object), 0);
    ck_assert_int_eq(object->operations->page(object, 999, false, &page), 0);
    page_release(page);
    files[2].size = 10;
    ck_assert_int_eq(object->operations->page(object, 500, false, &page), -ENXIO);
    ck_assert_int_eq(object->operations->page(object, 0, false, &page), 0);
    ck_assert_int_eq(((char *)page_data(page))[9], 'f');
    ck_assert_int_eq(((char *)page_data(page))[10], 0);
    page_release(page);
    file_release(file);
    memory_object_release(object);    /* the mapping lived longer */
    end();
}
END_TEST

START_TEST(hostfs_read_errors_are_passed_on)
{
    char byte;

    begin();
    struct file *file = open_for_reading("/file");

    read_error = -EIO;
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), -EIO);
    read_error = 0;
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    file_release(file);
    end();
}
END_TEST

START_TEST(hostfs_too_many_host_files_make_the_cache_shrink)
{
    begin();
    ck_assert_int_eq(walk("/file", 0), 0);
    ck_assert_int_eq(walk("/link", 0), 0);
    nodes_max = 4;    /* root, file, link: all there are */
    ck_assert_int_eq(walk("/dir/deep", 0), 0);
    ck_assert_int_eq(walk("/file", 0), 0);
    end();
}
END_TEST

static int count_names(void *count, const struct directory_entry *entry)
{
    ck_assert_uint_gt(entry->length, 0);
    if (*(unsigned *)count == 2)
        return 1;
    (*(unsigned *)count)++;
    return 0;
}

START_TEST(hostfs_directories_are_read)
{
    unsigned count = 0;
    struct filesystem_statistics statistics;

    begin();
    struct file *file = open_for_reading("/");

    ck_assert_int_eq(file_read_directory(file, count_names, &count), 0);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(file->position, 2);
    count = 0;
    ck_assert_int_eq(file_read_directory(file, count_names, &count), 0);
    ck_assert_uint_eq(file->position, 4);
    count = 0;
    ck_assert_int_eq(file_read_directory(file, count_names, &count), 0);
    ck_assert_uint_eq(count, 1);
    file_release(file);
    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.type, 0xef53);
    ck_assert_uint_eq(statistics.flags & 1, 0);
    end();
}
END_TEST

TEST_MAIN("fs/hostfs", hostfs_needs_a_host, hostfs_files_are_read, hostfs_changes_need_permission,
          hostfs_contents_are_copied_when_they_are_written, hostfs_changed_files_are_found_again,
          hostfs_copy_that_fails_changes_nothing, hostfs_truncated_files_are_not_read,
          hostfs_names_are_hidden_and_made, hostfs_further_names_count_as_files,
          hostfs_one_file_is_one_inode, hostfs_devices_are_not_opened,
          hostfs_rights_are_asked_for_where_bits_do_not_tell,
          hostfs_names_are_cached_until_the_directory_changes,
          hostfs_young_directories_are_not_trusted, hostfs_changed_files_are_read_again,
          hostfs_file_that_shrinks_under_a_mapping, hostfs_read_errors_are_passed_on,
          hostfs_too_many_host_files_make_the_cache_shrink, hostfs_directories_are_read)
