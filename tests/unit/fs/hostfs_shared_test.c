/* A root of the host that is shared: what is written there and when, and what its errors leave. */
#include <stdlib.h>

#include "fs/allocate.h"
#include "fs/hostfs_mount.h"
#include "harness/test.h"
#include "unit/fs/fs_fixture.h"
#include "unit/fs/real_host.h"

/* The real host, but it may refuse. */
static struct {
    int64_t write_most;    /* of one call; 0: nothing, negative: an error */
    int write_calls_left;  /* before that */
    size_t write_part;     /* of the first one of these; 0: all */
    int sync, change, status;
    unsigned syncs;
} refusing;

static struct hostfs_operations host;
static char base[64];

static int64_t host_write(uint64_t node, const void *buffer, size_t size, uint64_t offset)
{
    if (refusing.write_calls_left-- > 0) {
        if (refusing.write_part && size > refusing.write_part)
            size = refusing.write_part;
        return real_host_write(node, buffer, size, offset);
    }
    if (refusing.write_most <= 0)
        return refusing.write_most;
    if ((int64_t)size > refusing.write_most)
        size = (size_t)refusing.write_most;
    return real_host_write(node, buffer, size, offset);
}

static int host_sync(uint64_t node)
{
    (void)node;
    refusing.syncs++;
    return refusing.sync;
}

static int host_change(uint64_t node, const struct hostfs_attributes *wanted)
{
    return refusing.change ? refusing.change : real_host_change(node, wanted);
}

static int host_status(uint64_t node, struct hostfs_status *status)
{
    return refusing.status ? refusing.status : real_host_status(node, status);
}

static void shell(const char *what)
{
    char command[512];

    snprintf(command, sizeof(command), "cd %s && %s", base, what);
    ck_assert_msg(system(command) == 0, "%s", what);
}

/* The host's file has these contents. */
static void host_has(const char *name, const char *contents)
{
    char command[512];

    snprintf(command, sizeof(command), "test \"$(cat %s | tr '\\0' 0)\" = '%s'", name, contents);
    shell(command);
}

static void begin(const char *commands)
{
    struct filesystem *filesystem;

    strcpy(base, "/tmp/eft-shared-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(base));
    shell(commands);
    host = real_host;
    host.write = host_write;
    host.sync = host_sync;
    host.change = host_change;
    host.status = host_status;
    refusing.write_most = INT64_MAX;
    fixture_begin_machine();
    real_host_root = base;
    real_host_roots[0].sharing = HOSTFS_SHARED;
    ck_assert_int_eq(hostfs_create(&host, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
    become(geteuid(), getegid());
}

static void end(void)
{
    fixture_end();
    shell("rm -rf \"$PWD\"");
}

static struct file *open_at(const char *text, uint32_t flags)
{
    struct file *file;

    ck_assert_int_eq(open_file(text, flags, 0644, &file), 0);
    return file;
}

/* With the file's own position, as write() does. */
static int64_t write_bytes(struct file *file, const void *bytes, size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return file_write(file, &buffer, UINT64_MAX);
}

/* Writes a byte through a mapping of the file. */
static void write_mapped(struct memory_object *object, uint64_t index, char byte)
{
    struct page *page;

    ck_assert_int_eq(object->operations->page(object, index, true, &page), 0);
    *(char *)page_data(page) = byte;
    page_release(page);
}

START_TEST(writes_are_the_hosts_at_once)
{
    struct file *file;

    begin("printf old >file");
    file = open_at("/file", OPEN_READ_WRITE);
    ck_assert_int_eq(write_bytes(file, "new and longer", 14), 14);
    host_has("file", "new and longer");
    ck_assert_uint_eq(file->inode->size, 14);
    ck_assert_int_eq(file_truncate(file, 3, UINT64_MAX), 0);
    host_has("file", "new");
    ck_assert_int_eq(file_truncate(file, 5, UINT64_MAX), 0);
    host_has("file", "new00");
    file_release(file);
    end();
}
END_TEST

START_TEST(appending_is_at_the_hosts_end)
{
    struct file *file;

    begin("printf a >file");
    file = open_at("/file", OPEN_WRITE | OPEN_APPEND);
    shell("printf bc >>file");
    ck_assert_int_eq(write_bytes(file, "d", 1), 1);
    host_has("file", "abcd");
    refusing.status = -EIO;    /* then where it was last known to be */
    ck_assert_int_eq(write_bytes(file, "e", 1), 1);
    host_has("file", "abcde");
    refusing.status = 0;
    file_release(file);
    end();
}
END_TEST

START_TEST(writes_that_the_host_cuts)
{
    static char many[200000];
    struct file *file;

    begin("touch file");
    file = open_at("/file", OPEN_READ_WRITE);
    memset(many, 'x', sizeof(many));
    refusing.write_most = 5000;
    ck_assert_int_eq(write_bytes(file, many, sizeof(many)), sizeof(many));
    shell("test $(stat -c %s file) = 200000");
    refusing.write_most = -ENOSPC;
    ck_assert_int_eq(write_bytes(file, "y", 1), -ENOSPC);
    refusing.write_most = 0;
    ck_assert_int_eq(write_bytes(file, "y", 1), -EIO);
    refusing.write_most = -ENOSPC;
    refusing.write_calls_left = 1;    /* one chunk goes */
    ck_assert_int_eq(write_bytes(file, many, sizeof(many)), 65536);
    ck_assert_uint_eq(file->inode->size, 265536);
    ck_assert_uint_eq(file->position, 265536);
    file_release(file);
    end();
}
END_TEST

START_TEST(mappings_are_written_back)
{
    struct memory_object *object;
    struct file *file;

    begin("printf abc >file");
    file = open_at("/file", OPEN_READ_WRITE);
    ck_assert_int_eq(file_memory_object(file, true, &object), 0);
    ck_assert(!object->operations->is_resident(object, 0));
    write_mapped(object, 0, 'X');
    ck_assert(object->operations->is_resident(object, 0));
    host_has("file", "abc");
    ck_assert_int_eq(object->operations->sync(object, 0, 1), 0);
    host_has("file", "Xbc");
    write_mapped(object, 0, 'Y');
    ck_assert_int_eq(file_sync(file), 0);
    ck_assert_uint_eq(refusing.syncs, 1);
    host_has("file", "Ybc");
    write_mapped(object, 0, 'Z');
    file->operations->unmapped(file);
    host_has("file", "Zbc");
    memory_object_release(object);
    file_release(file);
    end();
}
END_TEST

START_TEST(errors_of_writing_back_are_told)
{
    struct memory_object *object;
    struct file *file;

    begin("printf abc >file");
    file = open_at("/file", OPEN_READ_WRITE);
    ck_assert_int_eq(file_memory_object(file, true, &object), 0);
    refusing.write_most = -ENOSPC;
    write_mapped(object, 0, 'X');
    ck_assert_int_eq(file_sync(file), -ENOSPC);
    write_mapped(object, 0, 'X');
    refusing.write_calls_left = 1;
    refusing.sync = -EIO;
    ck_assert_int_eq(file_sync(file), -EIO);
    host_has("file", "Xbc");
    write_mapped(object, 0, 'x');
    refusing.sync = 0;
    refusing.write_calls_left = 1;
    refusing.write_part = 2;    /* of three bytes: told as an error of its own */
    ck_assert_int_eq(file_sync(file), -EIO);
    host_has("file", "xbc");
    refusing.write_most = 1;    /* piece by piece */
    write_mapped(object, 0, 'Y');
    ck_assert_int_eq(file_sync(file), 0);
    host_has("file", "Ybc");
    refusing.write_most = 0;
    write_mapped(object, 0, 'Z');
    ck_assert_int_eq(object->operations->sync(object, 0, 1), -EIO);
    refusing.write_most = INT64_MAX;
    file->operations->unmapped(file);
    memory_object_release(object);
    file_release(file);
    end();
}
END_TEST

START_TEST(changes_that_the_host_refuses_change_nothing)
{
    struct file *file;
    struct file_status status;
    char bytes[8] = "";

    begin("printf contents >file; mkdir d");
    file = open_at("/file", OPEN_READ_WRITE);
    ck_assert_int_eq(file_read_kernel(file, bytes, 8, 0), 8);
    refusing.change = -EPERM;
    ck_assert_int_eq(file_truncate(file, 2, UINT64_MAX), -EPERM);
    ck_assert_int_eq(change_mode("/file", 0600), -EPERM);
    refusing.change = 0;
    ck_assert_int_eq(file_get_status(file, &status), 0);
    ck_assert_uint_eq(status.size, 8);
    ck_assert_int_eq(file_read_kernel(file, bytes, 8, 0), 8);
    ck_assert_mem_eq(bytes, "contents", 8);
    ck_assert_int_eq(change_mode("/file", 0600), 0);
    shell("test $(stat -c %a file) = 600");
    file_release(file);
    end();
}
END_TEST

START_TEST(a_file_that_stays_long_is_still_mapped)
{
    struct memory_object *object;
    struct page *page;
    struct file *file;

    begin("head -c 8192 /dev/zero | tr '\\0' x >file");
    file = open_at("/file", OPEN_READ_WRITE);
    ck_assert_int_eq(file_memory_object(file, true, &object), 0);
    refusing.change = -EPERM;
    ck_assert_int_eq(file_truncate(file, 10, UINT64_MAX), -EPERM);
    ck_assert_int_eq(object->operations->page(object, 1, false, &page), 0);
    ck_assert_int_eq(*(char *)page_data(page), 'x');
    page_release(page);
    ck_assert_int_eq(object->operations->page(object, 0, false, &page), 0);
    ck_assert_int_eq(((char *)page_data(page))[10], 'x');
    page_release(page);
    refusing.change = 0;
    ck_assert_int_eq(file_truncate(file, 10, UINT64_MAX), 0);
    ck_assert_int_eq(object->operations->page(object, 1, false, &page), -ENXIO);
    memory_object_release(object);
    file_release(file);
    end();
}
END_TEST

START_TEST(names_are_the_hosts)
{
    struct path path;
    struct file *file;

    begin("mkdir d; printf x >file");
    ck_assert_int_eq(make_directory("/d/made"), 0);
    ck_assert_int_eq(make_link("to", "/d/link"), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/file", 0, &path), 0);
    ck_assert_int_eq(fs_link(&context, &path, NULL, "/d/same"), 0);
    ck_assert_uint_eq(path_inode(&path)->links, 2);
    shell("test -d d/made && test $(readlink d/link) = to && test file -ef d/same");
    ck_assert_int_eq(rename_file("/d/same", "/d/other", 0), 0);
    ck_assert_int_eq(rename_file("/d/made", "/d/link", RENAME_SWAP), 0);
    shell("test ! -e d/same && test -d d/link && test -L d/made");
    ck_assert_int_eq(fs_unlink(&context, NULL, "/d/other"), 0);
    ck_assert_uint_eq(path_inode(&path)->links, 1);
    path_release(&path);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d"), -ENOTEMPTY);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d/link"), 0);
    shell("test $(ls d) = made");
    file = open_at("/d", OPEN_READ_WRITE | OPEN_TEMPORARY);
    ck_assert_int_eq(write_bytes(file, "text", 4), 4);
    shell("test $(ls d) = made");
    file_release(file);
    shell("touch d/behind");    /* by the host, whose answer counts */
    ck_assert_int_eq(make_directory("/d/behind"), -EEXIST);
    end();
}
END_TEST

START_TEST(little_memory_is_enough_to_write)
{
    static char many[3 * PAGE_SIZE];
    struct page *page, *last = NULL;
    struct file *file;

    begin("touch file");
    file = open_at("/file", OPEN_WRITE);
    memset(many, 'x', sizeof(many));
    while ((page = page_allocate(PAGE_DIRTY))) {
        *(struct page **)page_data(page) = last;
        last = page;
    }
    ck_assert_int_eq(write_bytes(file, many, sizeof(many)), -ENOMEM);
    page = last;
    last = *(struct page **)page_data(page);
    page_release(page);
    ck_assert_int_eq(write_bytes(file, many, sizeof(many)), sizeof(many));
    while ((page = last)) {
        last = *(struct page **)page_data(page);
        page_release(page);
    }
    shell("test $(stat -c %s file) = 12288");
    file_release(file);
    end();
}
END_TEST

TEST_MAIN("fs/hostfs_shared", writes_are_the_hosts_at_once, appending_is_at_the_hosts_end,
          writes_that_the_host_cuts, mappings_are_written_back, errors_of_writing_back_are_told,
          changes_that_the_host_refuses_change_nothing,
          a_file_that_stays_long_is_still_mapped, names_are_the_hosts,
          little_memory_is_enough_to_write)
