/* Tests of tmpfs beyond what the comparison with Linux covers: positions in directories, times,
 * limits, files without names. */
#include "fs/tmpfs.h"

#include "harness/test.h"
#include "memory/io_buffer.h"
#include "unit/fs/fs_fixture.h"

/* ---- Directories --------------------------------------------------------------------------- */

struct reading {
    char names[256][16];
    int64_t next[256];
    unsigned count, limit;
};

static int take(void *context_of_reading, const struct directory_entry *entry)
{
    struct reading *reading = context_of_reading;

    if (reading->count == reading->limit)
        return 1;
    snprintf(reading->names[reading->count], 16, "%.*s", (int)entry->length, entry->name);
    reading->next[reading->count++] = entry->next;
    return 0;
}

static void make_many(unsigned count)
{
    char text[32];

    ck_assert_int_eq(make_directory("/d"), 0);
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "/d/f%u", i);
        make_file(text, "");
    }
}

static struct file *open_directory(void)
{
    struct file *file;

    ck_assert_int_eq(open_file("/d", OPEN_READ | OPEN_DIRECTORY, 0, &file), 0);
    return file;
}

START_TEST(tmpfs_directory_is_read_piece_by_piece)
{
    static struct reading all = { .limit = 256 }, piece;
    struct file *file;

    fixture_begin();
    make_many(20);
    file = open_directory();
    ck_assert_int_eq(file_read_directory(file, take, &all), 0);
    ck_assert_uint_eq(all.count, 22);
    ck_assert_str_eq(all.names[0], ".");
    ck_assert_str_eq(all.names[1], "..");
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_START), 0);
    for (unsigned i = 0; i < 22; i++) {
        piece = (struct reading){ .limit = 1 };
        ck_assert_int_eq(file_read_directory(file, take, &piece), 0);
        ck_assert_uint_eq(piece.count, 1);
        ck_assert_str_eq(piece.names[0], all.names[i]);
    }
    ck_assert_int_eq(file_read_directory(file, take, &piece), 0);
    ck_assert_uint_eq(piece.count, 1);
    /* seekdir to what telldir said */
    ck_assert_int_eq(file_seek(file, all.next[9], SEEK_FROM_START), all.next[9]);
    piece = (struct reading){ .limit = 1 };
    ck_assert_int_eq(file_read_directory(file, take, &piece), 0);
    ck_assert_str_eq(piece.names[0], all.names[10]);
    file_release(file);
    fixture_end();
}
END_TEST

/* As rm -r does: each name is removed when it was read, and none is left at the end. */
START_TEST(tmpfs_directory_positions_survive_removals)
{
    struct file *file;
    char text[32];
    unsigned removed = 0;

    fixture_begin();
    make_many(100);
    file = open_directory();
    for (;;) {
        static struct reading piece;

        piece = (struct reading){ .limit = 7 };
        ck_assert_int_eq(file_read_directory(file, take, &piece), 0);
        if (piece.count == 0)
            break;
        for (unsigned i = 0; i < piece.count; i++) {
            if (piece.names[i][0] == '.')
                continue;
            snprintf(text, sizeof(text), "/d/%s", piece.names[i]);
            ck_assert_int_eq(fs_unlink(&context, NULL, text), 0);
            removed++;
        }
    }
    ck_assert_uint_eq(removed, 100);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/d"), 0);
    ck_assert_int_eq(file_read_directory(file, take, &(struct reading){ .limit = 1 }), -ENOENT);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(tmpfs_new_names_come_behind_the_reader)
{
    static struct reading first = { .limit = 3 }, rest = { .limit = 256 };
    struct file *file;

    fixture_begin();
    make_many(3);
    file = open_directory();
    ck_assert_int_eq(file_read_directory(file, take, &first), 0);
    make_file("/d/new", "");
    ck_assert_int_eq(file_read_directory(file, take, &rest), 0);
    ck_assert_uint_eq(rest.count, 3);
    ck_assert_str_eq(rest.names[2], "new");
    file_release(file);
    fixture_end();
}
END_TEST

/* ---- Times --------------------------------------------------------------------------------- */

static struct file_status status_of(const char *name)
{
    struct file_status status;
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, name, 0, &path), 0);
    ck_assert_int_eq(path_status(&path, &status), 0);
    path_release(&path);
    return status;
}

START_TEST(tmpfs_keeps_times)
{
    struct file_status before, after;
    struct file *file;
    char byte;

    fixture_begin();
    fake_machine_advance(1000);
    ck_assert_int_eq(make_directory("/d"), 0);
    before = status_of("/d");
    ck_assert_int_eq(before.birth_ns, before.modify_ns);
    fake_machine_advance(1000);
    make_file("/d/f", "contents");
    after = status_of("/d");
    ck_assert_int_eq(after.modify_ns, before.modify_ns + 1000);
    ck_assert_int_eq(after.change_ns, before.change_ns + 1000);
    ck_assert_int_eq(after.birth_ns, before.birth_ns);

    before = status_of("/d/f");
    fake_machine_advance(1000);
    ck_assert_int_eq(change_mode("/d/f", 0600), 0);
    after = status_of("/d/f");
    ck_assert_int_eq(after.modify_ns, before.modify_ns);
    ck_assert_int_eq(after.change_ns, before.change_ns + 1000);

    /* A first read after a change moves the access time; a second one does not, for a day. */
    ck_assert_int_eq(open_file("/d/f", OPEN_READ, 0, &file), 0);
    fake_machine_advance(1000);
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    int64_t accessed = status_of("/d/f").access_ns;

    ck_assert_int_eq(accessed, after.change_ns + 1000);
    fake_machine_advance(1000);
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    ck_assert_int_eq(status_of("/d/f").access_ns, accessed);
    fake_machine_advance(UINT64_C(86400) * 1000000000);
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 0), 1);
    ck_assert_int_gt(status_of("/d/f").access_ns, accessed);
    file_release(file);
    fixture_end();
}
END_TEST

static int set_times(const char *name, enum time_choice access, enum time_choice modify)
{
    const struct time_change change = { access, modify, 111, 222 };
    struct path path;
    int error;

    ck_assert_int_eq(path_walk(&context, NULL, name, 0, &path), 0);
    error = attributes_set_times(
        &context, &(struct attribute_target){ path.mount, path_inode(&path), NULL }, &change);
    path_release(&path);
    return error;
}

START_TEST(tmpfs_sets_times)
{
    int64_t now;

    fixture_begin();
    make_file("/f", "");
    fake_machine_advance(5000);
    now = status_of("/f").birth_ns + 5000;
    ck_assert_int_eq(set_times("/f", TIME_GIVEN, TIME_OMIT), 0);
    ck_assert_int_eq(status_of("/f").access_ns, 111);
    ck_assert_int_eq(status_of("/f").modify_ns, now - 5000);
    ck_assert_int_eq(status_of("/f").change_ns, now);
    ck_assert_int_eq(set_times("/f", TIME_OMIT, TIME_GIVEN), 0);
    ck_assert_int_eq(status_of("/f").modify_ns, 222);
    ck_assert_int_eq(set_times("/f", TIME_NOW, TIME_NOW), 0);
    ck_assert_int_eq(status_of("/f").modify_ns, now);
    /* Others may say "now" if they may write, and nothing else. */
    ck_assert_int_eq(change_mode("/f", 0666), 0);
    become(1000, 1000);
    ck_assert_int_eq(set_times("/f", TIME_NOW, TIME_NOW), 0);
    ck_assert_int_eq(set_times("/f", TIME_GIVEN, TIME_GIVEN), -EPERM);
    ck_assert_int_eq(set_times("/f", TIME_NOW, TIME_OMIT), -EPERM);
    become(0, 0);
    ck_assert_int_eq(change_mode("/f", 0644), 0);
    become(1000, 1000);
    ck_assert_int_eq(set_times("/f", TIME_NOW, TIME_NOW), -EACCES);
    become(0, 0);
    fixture_end();
}
END_TEST

/* ---- Limits -------------------------------------------------------------------------------- */

START_TEST(tmpfs_counts_its_pages)
{
    static char bytes[3 * PAGE_SIZE];
    struct filesystem_statistics statistics;
    struct filesystem *filesystem;
    struct file *file;

    fixture_begin_machine();
    ck_assert_int_eq(tmpfs_create(0755, 4, &filesystem), 0);
    fixture_mount_root(filesystem);
    ck_assert_int_eq(open_file("/f", OPEN_READ_WRITE | OPEN_CREATE, 0600, &file), 0);
    ck_assert_int_eq(file_write_kernel(file, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.type, 0x01021994);
    ck_assert_uint_eq(statistics.blocks, 4);
    ck_assert_uint_eq(statistics.blocks_free, 1);
    ck_assert_uint_eq(statistics.name_max, 255);
    ck_assert_uint_eq(status_of("/f").blocks, 24);
    ck_assert_int_eq(file_write_kernel(file, bytes, sizeof(bytes), 3 * PAGE_SIZE), PAGE_SIZE);
    ck_assert_int_eq(file_write_kernel(file, bytes, 1, 4 * PAGE_SIZE), -ENOSPC);
    /* Unlinked but open: the pages stay; closed: they go. */
    ck_assert_int_eq(fs_unlink(&context, NULL, "/f"), 0);
    ck_assert_int_eq(file_read_kernel(file, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.blocks_free, 0);
    file_release(file);
    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.blocks_free, 4);
    fixture_end();
}
END_TEST

static uint64_t files_free(void)
{
    struct filesystem_statistics statistics;

    ck_assert_int_eq(path_statistics(&context.root, &statistics), 0);
    ck_assert_uint_eq(statistics.files, 4);
    return statistics.files_free;
}

START_TEST(tmpfs_counts_its_files)
{
    struct filesystem *filesystem;
    struct file *file;

    fixture_begin_machine();
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    tmpfs_limit_files(filesystem, 4);
    fixture_mount_root(filesystem);
    ck_assert_uint_eq(files_free(), 3);    /* the root is one */
    make_file("/f", "text");
    ck_assert_int_eq(fixture_link("/f", "/g"), 0);
    ck_assert_int_eq(make_link("f", "/l"), 0);
    ck_assert_uint_eq(files_free(), 0);
    ck_assert_int_eq(make_directory("/d"), -ENOSPC);
    ck_assert_int_eq(fixture_link("/f", "/h"), -ENOSPC);
    ck_assert_int_eq(open_file("/h", OPEN_WRITE | OPEN_CREATE, 0600, &file), -ENOSPC);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/f"), 0);
    ck_assert_uint_eq(files_free(), 1);
    ck_assert_int_eq(make_directory("/d"), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/l"), 0);
    ck_assert_int_eq(fixture_link("/g", "/h"), 0);
    ck_assert_int_eq(rename_file("/h", "/i", 0), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/g"), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/i"), 0);
    ck_assert_uint_eq(files_free(), 2);
    make_file("/f", "text");
    ck_assert_int_eq(fixture_link("/f", "/d/g"), 0);    /* goes with all */
    fixture_end();
}
END_TEST

/* All memory but `left` pages, as a chain. */
static struct page *take_memory(unsigned left)
{
    struct page *chain = NULL;

    for (struct page *page; (page = page_allocate(PAGE_DIRTY)); chain = page)
        page->owner_data = (uint64_t)(uintptr_t)chain;
    while (chain && left-- > 0) {
        struct page *next = (struct page *)(uintptr_t)chain->owner_data;

        page_release(chain);
        chain = next;
    }
    return chain;
}

static void give_memory_back(struct page *chain)
{
    while (chain) {
        struct page *next = (struct page *)(uintptr_t)chain->owner_data;

        page_release(chain);
        chain = next;
    }
}

/* It is there if the operation said so. */
static void check_and_remove(const char *text, int error)
{
    ck_assert_int_eq(walk(text, 0), error ? -ENOENT : 0);
    if (!error)
        ck_assert_int_eq(fs_unlink(&context, NULL, text), 0);
}

START_TEST(tmpfs_out_of_memory_is_an_error_and_leaves_nothing)
{
    static char name[NAME_MAX + 1];
    unsigned failures = 0;

    fixture_begin();
    memset(name, 'n', NAME_MAX);
    for (unsigned left = 0; left < 24; left++) {
        pool_release_spares();

        struct page *chain = take_memory(left);
        int link_error = make_link("target", name);
        int file_error = try_open("/file", OPEN_WRITE | OPEN_CREATE);
        int temporary_error = try_open("/", OPEN_WRITE | OPEN_TEMPORARY);
        int rename_error = file_error ? -ENOENT : rename_file("/file", "/other", 0);

        give_memory_back(chain);
        failures += (unsigned)(!!link_error + !!file_error + !!temporary_error);
        check_and_remove(name, link_error);
        check_and_remove("/file", file_error ? file_error : rename_error ? 0 : -ENOENT);
        check_and_remove("/other", rename_error);
    }
    ck_assert_uint_gt(failures, 10);
    ck_assert_int_eq(make_link("target", name), 0);
    fixture_end();
}
END_TEST

/* ---- Files without names ------------------------------------------------------------------- */

START_TEST(tmpfs_memory_files_have_no_name)
{
    struct file_status status;
    struct file *file;
    char text[8] = "";
    char where[64];

    fixture_begin();
    ck_assert_int_eq(tmpfs_create_memory_file(&context.credentials, "test", 1, &file), 0);
    ck_assert_int_gt(path_text(&file->path, &context.root, where, sizeof(where)), 0);
    ck_assert_str_eq(where, "/memfd:test (deleted)");
    ck_assert_int_eq(file_write_kernel(file, "bytes", 5, 2), 5);
    ck_assert_int_eq(file_read_kernel(file, text, 7, 0), 7);
    ck_assert_str_eq(text + 2, "bytes");
    ck_assert_int_eq(file_get_status(file, &status), 0);
    ck_assert_uint_eq(status.mode, MODE_REGULAR | 0777);
    ck_assert_uint_eq(status.links, 0);
    ck_assert_uint_eq(status.size, 7);
    /* As through /proc/self/fd. */
    struct file *again;

    ck_assert_int_eq(file_open_path(&context, &file->path, OPEN_READ, &again), 0);
    ck_assert_int_eq(file_read_kernel(again, text, 7, 0), 7);
    file_release(again);
    ck_assert_int_eq(file_truncate(file, 1, UINT64_MAX), 0);
    ck_assert_int_eq(file_read_kernel(file, text, 7, 0), 1);
    file_release(file);
    fixture_end();
}
END_TEST

START_TEST(tmpfs_temporary_files_get_a_name_later)
{
    struct file *file;
    struct file_status status;
    char text[64];

    fixture_begin();
    ck_assert_int_eq(open_file("/", OPEN_READ_WRITE | OPEN_TEMPORARY, 0600, &file), 0);
    ck_assert_int_eq(file_write_kernel(file, "late", 4, 0), 4);
    ck_assert_int_eq(file_get_status(file, &status), 0);
    ck_assert_uint_eq(status.links, 0);
    ck_assert_int_gt(path_text(&file->path, NULL, text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, " (deleted)"));
    ck_assert_int_eq(fs_link(&context, &file->path, NULL, "/named"), 0);
    ck_assert_uint_eq(status_of("/named").links, 1);
    ck_assert_uint_eq(status_of("/named").size, 4);
    /* Once unlinked it cannot come back. */
    ck_assert_int_eq(fs_unlink(&context, NULL, "/named"), 0);
    ck_assert_int_eq(fs_link(&context, &file->path, NULL, "/named"), -ENOENT);
    file_release(file);
    ck_assert_int_eq(open_file("/", OPEN_READ_WRITE | OPEN_TEMPORARY | OPEN_EXCLUSIVE, 0600,
                               &file), 0);
    ck_assert_int_eq(fs_link(&context, &file->path, NULL, "/named"), -ENOENT);
    file_release(file);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/tmpfs", tmpfs_directory_is_read_piece_by_piece,
          tmpfs_directory_positions_survive_removals, tmpfs_new_names_come_behind_the_reader,
          tmpfs_keeps_times, tmpfs_sets_times, tmpfs_counts_its_pages, tmpfs_counts_its_files,
          tmpfs_out_of_memory_is_an_error_and_leaves_nothing, tmpfs_memory_files_have_no_name,
          tmpfs_temporary_files_get_a_name_later)
