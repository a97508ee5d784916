/* fallocate and seals on files in memory: errors, sizes, holes, a filesystem that is full. */
#include "fs/allocate.h"

#include "fs/page_cache.h"
#include "fs/seal.h"
#include "fs_fixture.h"
#include "harness/test.h"
#include "sched/thread.h"

#define PUNCH (ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE)

static struct file *file;

static void begin(uint32_t seals)
{
    fixture_begin();
    ck_assert_int_eq(tmpfs_create_memory_file(&context.credentials, "file", seals, &file), 0);
}

static void finish(void)
{
    file_release(file);
    fixture_end();
}

static int allocate(uint32_t mode, int64_t offset, int64_t length)
{
    return file_allocate(file, mode, offset, length, UINT64_MAX);
}

static uint64_t pages(void)
{
    return page_cache_pages(file->inode->contents);
}

START_TEST(allocate_checks_its_arguments)
{
    struct file *reader;

    begin(SEAL_SEAL);
    ck_assert_int_eq(allocate(0, -1, 1), -EINVAL);
    ck_assert_int_eq(allocate(0, 0, 0), -EINVAL);
    ck_assert_int_eq(allocate(0x100, 0, 1), -EOPNOTSUPP);
    ck_assert_int_eq(allocate(ALLOCATE_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
    ck_assert_int_eq(allocate(ALLOCATE_ZERO | ALLOCATE_INSERT, 0, 1), -EOPNOTSUPP);
    ck_assert_int_eq(allocate(ALLOCATE_COLLAPSE | ALLOCATE_KEEP_SIZE, 0, 1), -EOPNOTSUPP);
    ck_assert_int_eq(allocate(ALLOCATE_ZERO, 0, 1), -EOPNOTSUPP);
    ck_assert_int_eq(allocate(0, INT64_MAX, 1), -EFBIG);
    ck_assert_int_eq(file_allocate(file, 0, 0, 10, 9), -EFBIG);
    ck_assert_int_eq(file_open_path(&context, &file->path, OPEN_READ, &reader), 0);
    ck_assert_int_eq(file_allocate(reader, 0, 0, 1, UINT64_MAX), -EBADF);
    file_release(reader);
    ck_assert_int_eq(open_file("/", OPEN_READ, 0, &reader), 0);
    atomic_store(&reader->flags, OPEN_READ_WRITE);
    ck_assert_int_eq(file_allocate(reader, 0, 0, 1, UINT64_MAX), -EISDIR);
    file_release(reader);
    finish();
}
END_TEST

START_TEST(allocate_makes_pages_and_size)
{
    begin(SEAL_SEAL);
    ck_assert_int_eq(allocate(0, 100, PAGE_SIZE), 0);
    ck_assert_uint_eq(file->inode->size, 100 + PAGE_SIZE);
    ck_assert_uint_eq(pages(), 2);
    ck_assert_int_eq(allocate(ALLOCATE_KEEP_SIZE, 0, 100 * PAGE_SIZE), 0);
    ck_assert_uint_eq(file->inode->size, 100 + PAGE_SIZE);
    ck_assert_uint_eq(pages(), 2);
    ck_assert_int_eq(allocate(0, 0, INT64_MAX), -ENOSPC);
    ck_assert_uint_eq(file->inode->size, 100 + PAGE_SIZE);
    finish();
}
END_TEST

START_TEST(allocate_ends_by_a_signal_where_it_may)
{
    struct page_cache *cache;

    begin(SEAL_SEAL);
    cache = file->inode->contents;
    atomic_store(&current_thread()->interrupted, true);
    ck_assert_int_eq(allocate(0, 0, 1000 * PAGE_SIZE), -EINTR);
    ck_assert_uint_eq(file->inode->size, 0);
    ck_assert_uint_eq(pages(), 0);
    ck_assert_int_eq(page_cache_allocate(cache, 0, 1000 * PAGE_SIZE, false), 0);
    ck_assert_uint_eq(pages(), 1000);
    atomic_store(&current_thread()->interrupted, false);
    page_cache_punch(cache, 0, 1000 * PAGE_SIZE);
    finish();
}
END_TEST

START_TEST(allocate_in_a_full_filesystem_leaves_nothing)
{
    struct filesystem *filesystem;

    fixture_begin_machine();
    ck_assert_int_eq(tmpfs_create(0755, 3, &filesystem), 0);
    fixture_mount_root(filesystem);
    ck_assert_int_eq(open_file("/file", OPEN_READ_WRITE | OPEN_CREATE, 0600, &file), 0);
    ck_assert_int_eq(allocate(0, 0, PAGE_SIZE), 0);
    ck_assert_int_eq(allocate(0, 0, 4 * PAGE_SIZE), -ENOSPC);
    ck_assert_uint_eq(file->inode->size, PAGE_SIZE);
    ck_assert_uint_eq(pages(), 1);
    ck_assert_int_eq(allocate(0, 0, 3 * PAGE_SIZE), 0);
    finish();
}
END_TEST

START_TEST(punching_zeroes_parts_and_drops_pages)
{
    static char bytes[4 * PAGE_SIZE];

    begin(SEAL_SEAL);
    memset(bytes, 'x', sizeof(bytes));
    ck_assert_int_eq(file_write_kernel(file, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert_int_eq(allocate(PUNCH, 10, 5), 0);
    ck_assert_uint_eq(pages(), 4);
    ck_assert_int_eq(allocate(PUNCH, PAGE_SIZE - 1, 2 * PAGE_SIZE + 2), 0);
    ck_assert_uint_eq(pages(), 2);
    ck_assert_uint_eq(file->inode->size, sizeof(bytes));
    ck_assert_int_eq(file_read_kernel(file, bytes, sizeof(bytes), 0), sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bool is_zero = (i >= 10 && i < 15) || (i >= PAGE_SIZE - 1 && i < 3 * PAGE_SIZE + 1);

        ck_assert_int_eq(bytes[i], is_zero ? 0 : 'x');
    }
    finish();
}
END_TEST

/* ---- Seals --------------------------------------------------------------------------------- */

START_TEST(seals_are_of_files_that_have_them)
{
    struct file *directory;

    begin(0);
    ck_assert_int_eq(file_seals(file), 0);
    ck_assert_int_eq(file_add_seals(file, 0x100), -EINVAL);
    ck_assert_int_eq(file_add_seals(file, SEAL_SHRINK), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_SEAL), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_GROW), -EPERM);
    ck_assert_int_eq(file_seals(file), SEAL_SHRINK | SEAL_SEAL);
    ck_assert_int_eq(open_file("/", OPEN_READ, 0, &directory), 0);
    ck_assert_int_eq(file_seals(directory), -EINVAL);
    ck_assert_int_eq(file_add_seals(directory, 0), -EPERM);
    atomic_store(&directory->flags, OPEN_READ_WRITE);
    ck_assert_int_eq(file_add_seals(directory, 0), -EINVAL);
    file_release(directory);
    finish();
}
END_TEST

START_TEST(seals_forbid)
{
    begin(0);
    ck_assert_int_eq(file_truncate(file, 100, UINT64_MAX), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_GROW), 0);
    ck_assert_int_eq(file_truncate(file, 101, UINT64_MAX), -EPERM);
    ck_assert_int_eq(file_write_kernel(file, "xy", 2, 99), -EPERM);
    ck_assert_int_eq(file_write_kernel(file, "x", 1, 99), 1);
    ck_assert_int_eq(allocate(0, 0, 101), -EPERM);
    ck_assert_int_eq(file_truncate(file, 50, UINT64_MAX), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_SHRINK), 0);
    ck_assert_int_eq(file_truncate(file, 49, UINT64_MAX), -EPERM);
    ck_assert_int_eq(allocate(PUNCH, 0, 10), 0);
    ck_assert_int_eq(file_add_seals(file, SEAL_WRITE), 0);
    ck_assert_int_eq(allocate(PUNCH, 0, 10), -EPERM);
    ck_assert_int_eq(file_write_kernel(file, "x", 1, 0), -EPERM);
    ck_assert(!seal_allows_writing(file->inode));
    finish();
}
END_TEST

START_TEST(sealed_programs_stay_as_they_are)
{
    begin(0);
    ck_assert_int_eq(file_add_seals(file, SEAL_EXECUTE), 0);
    ck_assert_int_eq(file_seals(file), SEAL_EXECUTE | SEAL_SHRINK | SEAL_GROW | SEAL_WRITE |
                                           SEAL_FUTURE_WRITE);
    finish();
}
END_TEST

START_TEST(files_that_are_no_programs_stay_so)
{
    begin(SEAL_EXECUTE);
    ck_assert_uint_eq(file->inode->mode & 0777, 0666);
    ck_assert_int_eq(file_add_seals(file, SEAL_EXECUTE), 0);
    ck_assert_int_eq(file_seals(file), SEAL_EXECUTE);
    finish();
}
END_TEST

TEST_MAIN("fs/allocate", allocate_checks_its_arguments, allocate_makes_pages_and_size,
          allocate_ends_by_a_signal_where_it_may,
          allocate_in_a_full_filesystem_leaves_nothing, punching_zeroes_parts_and_drops_pages,
          seals_are_of_files_that_have_them, seals_forbid, sealed_programs_stay_as_they_are,
          files_that_are_no_programs_stay_so)
