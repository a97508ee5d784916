/* Descriptors: lowest free number, limits, flags, growth, sharing, and no reference lost. */
#include "fs/file_table.h"

#include "unit/fs/fs_fixture.h"
#include "harness/test.h"

#define LIMIT 1024u

static struct file_table *table;
static struct file *file;    /* the test's own reference */

static void begin(void)
{
    struct inode *inode;
    static const struct file_operations operations = { 0 };
    static const struct inode_operations inode_operations = { 0 };
    const struct inode_kind kind = { &inode_operations, &operations };
    const struct inode_request request = { .mode = MODE_REGULAR };

    fixture_begin_machine();
    ck_assert_int_eq(inode_create(filesystem_anonymous(), &kind, &request, &inode), 0);
    ck_assert_int_eq(
        file_create(&(struct file_request){ .operations = &operations, .inode = inode }, &file),
        0);
    inode_release(inode);
    ck_assert_int_eq(file_table_create(&table), 0);
}

static void end(void)
{
    file_table_release(table);
    ck_assert_uint_eq(refcount_value(&file->references), 1);
    file_release(file);
    pool_release_spares();
    ck_assert_uint_eq(fixture_count_objects(), fixture_objects);
    ck_assert_uint_eq(page_statistics().free, fixture_free_pages);
}

static int add(bool close_on_exec, uint64_t limit)
{
    int fd;

    file_reference(file);
    fd = file_table_add(table, file, close_on_exec, limit);
    if (fd < 0)
        file_release(file);
    return fd;
}

static int replace(int fd, bool close_on_exec, uint64_t limit)
{
    int error;

    file_reference(file);
    error = file_table_replace(table, fd, file, close_on_exec, limit);
    if (error)
        file_release(file);
    return error;
}

static bool is_open(int fd)
{
    struct file *found = file_table_get(table, fd);

    if (found)
        file_release(found);
    return found != NULL;
}

START_TEST(file_table_gives_the_lowest_free_number)
{
    begin();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(add(false, LIMIT), i);
    ck_assert_int_eq(file_table_close(table, 3), 0);
    ck_assert_int_eq(file_table_close(table, 1), 0);
    ck_assert_int_eq(add(false, LIMIT), 1);
    ck_assert_int_eq(add(false, LIMIT), 3);
    ck_assert_int_eq(add(false, LIMIT), 5);
    end();
}
END_TEST

START_TEST(file_table_close_of_what_is_not_open_fails)
{
    begin();
    ck_assert_int_eq(file_table_close(table, 0), -EBADF);
    ck_assert_int_eq(file_table_close(table, -1), -EBADF);
    ck_assert_int_eq(file_table_close(table, INT32_MAX), -EBADF);
    ck_assert_int_eq(file_table_close(table, INT32_MIN), -EBADF);
    ck_assert_int_eq(add(false, LIMIT), 0);
    ck_assert_int_eq(file_table_close(table, 0), 0);
    ck_assert_int_eq(file_table_close(table, 0), -EBADF);
    ck_assert_ptr_null(file_table_get(table, 0));
    ck_assert_ptr_null(file_table_get(table, -5));
    ck_assert_ptr_null(file_table_get(table, INT32_MAX));
    end();
}
END_TEST

START_TEST(file_table_stops_at_the_limit)
{
    begin();
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(add(false, 10), i);
    ck_assert_int_eq(add(false, 10), -EMFILE);
    ck_assert_int_eq(add(false, 0), -EMFILE);
    ck_assert_int_eq(file_table_reserve(table, 20, 10), -EMFILE);
    ck_assert_int_eq(replace(10, false, 10), -EBADF);
    ck_assert_int_eq(replace(-1, false, 10), -EBADF);
    ck_assert_int_eq(file_table_close(table, 4), 0);
    ck_assert_int_eq(add(false, 10), 4);
    end();
}
END_TEST

START_TEST(file_table_grows_and_keeps_what_it_has)
{
    begin();
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(add(i % 3 == 0, LIMIT), i);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(file_table_flag(table, i), i % 3 == 0);
    ck_assert_uint_ge(file_table_capacity(table), 200);
    ck_assert_uint_eq(refcount_value(&file->references), 201);
    ck_assert_int_eq(replace(OPEN_FILES_MAX - 1, false, UINT64_MAX), 0);
    ck_assert_int_eq(replace(OPEN_FILES_MAX, false, UINT64_MAX), -EBADF);
    ck_assert(is_open(OPEN_FILES_MAX - 1));
    ck_assert_int_eq(add(false, UINT64_MAX), 200);
    end();
}
END_TEST

START_TEST(file_table_without_memory_gives_enomem)
{
    struct page *all = NULL;

    begin();
    ck_assert_int_eq(add(false, LIMIT), 0);
    for (struct page *page; (page = page_allocate(PAGE_DIRTY)) != NULL;) {
        page->owner_data = (uint64_t)(uintptr_t)all;
        all = page;
    }
    ck_assert_int_eq(replace(100000, false, UINT64_MAX), -ENOMEM);
    ck_assert_int_eq(file_table_reserve(table, 100000, UINT64_MAX), -ENOMEM);
    while (all) {
        struct page *next = (struct page *)(uintptr_t)all->owner_data;

        all->owner_data = 0;
        page_release(all);
        all = next;
    }
    ck_assert(is_open(0));
    end();
}
END_TEST

START_TEST(file_table_reservation_is_not_open)
{
    begin();
    ck_assert_int_eq(file_table_reserve(table, 0, LIMIT), 0);
    ck_assert(!is_open(0));
    ck_assert_int_eq(file_table_close(table, 0), -EBADF);
    ck_assert_int_eq(file_table_flag(table, 0), -EBADF);
    ck_assert_int_eq(replace(0, false, LIMIT), -EBUSY);
    ck_assert_int_eq(add(false, LIMIT), 1);
    file_table_unreserve(table, 0);
    ck_assert_int_eq(file_table_reserve(table, 0, LIMIT), 0);
    file_reference(file);
    file_table_install(table, 0, file, true);
    ck_assert(is_open(0));
    ck_assert_int_eq(file_table_flag(table, 0), 1);
    end();
}
END_TEST

START_TEST(file_table_reserve_honours_the_minimum)
{
    begin();
    ck_assert_int_eq(file_table_reserve(table, 10, LIMIT), 10);
    ck_assert_int_eq(file_table_reserve(table, 10, LIMIT), 11);
    ck_assert_int_eq(file_table_reserve(table, 300, LIMIT), 300);
    ck_assert_int_eq(add(false, LIMIT), 0);
    ck_assert_int_eq(file_table_reserve(table, 64, LIMIT), 64);
    ck_assert_int_eq(add(false, LIMIT), 1);
    end();
}
END_TEST

START_TEST(file_table_replace_releases_what_was_there)
{
    begin();
    ck_assert_int_eq(add(true, LIMIT), 0);
    ck_assert_int_eq(replace(0, false, LIMIT), 0);
    ck_assert_uint_eq(refcount_value(&file->references), 2);
    ck_assert_int_eq(file_table_flag(table, 0), 0);
    ck_assert_int_eq(replace(5, true, LIMIT), 0);
    ck_assert_int_eq(file_table_flag(table, 5), 1);
    ck_assert_int_eq(add(false, LIMIT), 1);
    end();
}
END_TEST

START_TEST(file_table_exec_closes_the_marked_ones)
{
    begin();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(add(i % 2 == 0, LIMIT), i);
    file_table_close_on_exec(table);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(is_open(i), i % 2 == 1);
    ck_assert_int_eq(add(false, LIMIT), 0);
    end();
}
END_TEST

START_TEST(file_table_flags_can_be_changed)
{
    begin();
    ck_assert_int_eq(add(false, LIMIT), 0);
    ck_assert_int_eq(file_table_set_flag(table, 0, true), 0);
    ck_assert_int_eq(file_table_flag(table, 0), 1);
    ck_assert_int_eq(file_table_set_flag(table, 0, false), 0);
    ck_assert_int_eq(file_table_flag(table, 0), 0);
    ck_assert_int_eq(file_table_set_flag(table, 1, true), -EBADF);
    ck_assert_int_eq(file_table_set_flag(table, -1, true), -EBADF);
    ck_assert_int_eq(add(false, LIMIT), 1);
    file_table_set_flag_range(table, 1, UINT32_MAX);
    ck_assert_int_eq(file_table_flag(table, 0), 0);
    ck_assert_int_eq(file_table_flag(table, 1), 1);
    /* A number that is used again begins without the flag. */
    ck_assert_int_eq(file_table_close(table, 1), 0);
    ck_assert_int_eq(add(false, LIMIT), 1);
    ck_assert_int_eq(file_table_flag(table, 1), 0);
    end();
}
END_TEST

START_TEST(file_table_closes_ranges)
{
    begin();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(add(false, LIMIT), i);
    file_table_close_range(table, 10, 19);
    file_table_close_range(table, 90, UINT32_MAX);
    file_table_close_range(table, 5000, 6000);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(is_open(i), i < 10 || (i >= 20 && i < 90));
    ck_assert_int_eq(file_table_next(table, 0), 0);
    ck_assert_int_eq(file_table_next(table, 10), 20);
    ck_assert_int_eq(file_table_next(table, 90), -1);
    ck_assert_int_eq(file_table_next(table, UINT32_MAX), -1);
    end();
}
END_TEST

START_TEST(file_table_copy_has_the_same_files)
{
    struct file_table *copy;

    begin();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(add(i == 7, LIMIT), i);
    ck_assert_int_eq(file_table_close(table, 50), 0);
    ck_assert_int_eq(file_table_reserve(table, 0, LIMIT), 50);
    ck_assert_int_eq(file_table_copy(table, &copy), 0);
    ck_assert_uint_eq(refcount_value(&file->references), 1 + 2 * 99);
    ck_assert_int_eq(file_table_flag(copy, 7), 1);
    ck_assert_int_eq(file_table_flag(copy, 8), 0);
    ck_assert_int_eq(file_table_reserve(copy, 0, LIMIT), 50);
    ck_assert_int_eq(file_table_close(copy, 0), 0);
    ck_assert(is_open(0));
    file_table_release(copy);
    end();
}
END_TEST

START_TEST(file_table_lives_until_its_last_reference)
{
    begin();
    ck_assert_int_eq(add(false, LIMIT), 0);
    file_table_reference(table);
    file_table_release(table);
    ck_assert(is_open(0));
    end();
}
END_TEST

TEST_MAIN("fs/file_table", file_table_gives_the_lowest_free_number,
          file_table_close_of_what_is_not_open_fails, file_table_stops_at_the_limit,
          file_table_grows_and_keeps_what_it_has, file_table_without_memory_gives_enomem,
          file_table_reservation_is_not_open, file_table_reserve_honours_the_minimum,
          file_table_replace_releases_what_was_there, file_table_exec_closes_the_marked_ones,
          file_table_flags_can_be_changed, file_table_closes_ranges,
          file_table_copy_has_the_same_files, file_table_lives_until_its_last_reference)
