/*
 * memory/advise: madvise, mincore, msync and mlock beyond what linux_test.c compares: what
 * becomes of pages, flags and counts.
 */
#include <string.h>

#include "harness/test.h"
#include "unit/memory/space_fixture.h"

enum {
    DONT_NEED = 4, FREE = 8, REMOVE = 9, DONT_FORK = 10, DO_FORK = 11, WIPE_ON_FORK = 18,
    POPULATE_READ = 22, POPULATE_WRITE = 23, DONT_NEED_LOCKED = 24,
};
enum { ASYNC = 1, INVALIDATE = 2, SYNC = 4 };

static int advise(user_address address, uint64_t pages, int advice)
{
    return address_space_advise(space, address, PAGES(pages), advice);
}

static user_address map_shared(user_address address, uint64_t pages, uint64_t object_pages)
{
    struct map_request request = {
        .address = address,
        .length = PAGES(pages),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
    };
    user_address place;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(object_pages), &request.object), 0);
    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    memory_object_release(request.object);
    return place;
}

static uint64_t locked_pages(void)
{
    struct address_space_statistics statistics;

    address_space_statistics(space, &statistics);
    return statistics.locked_pages;
}

/* ---- madvise ------------------------------------------------------------------------------- */

START_TEST(dropped_pages_read_as_zero_and_are_free)
{
    map_private(BASE, 100, READ_WRITE);
    for (unsigned i = 0; i < 100; i++)
        write_byte(BASE + PAGES(i), 1);

    uint64_t free = page_statistics().free;

    ck_assert_int_eq(advise(BASE + PAGES(10), 50, DONT_NEED), 0);
    ck_assert_uint_eq(resident_pages(), 50);
    ck_assert_uint_eq(page_statistics().free, free + 50);
    ck_assert_uint_eq(read_byte(BASE + PAGES(9)), 1);
    ck_assert_uint_eq(read_byte(BASE + PAGES(10)), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(59)), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(60)), 1);
    ck_assert_int_eq(advise(BASE, 100, FREE), 0);
    ck_assert_uint_eq(resident_pages(), 0);
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

START_TEST(dropped_shared_pages_keep_their_contents)
{
    map_shared(BASE, 4, 4);
    write_byte(BASE, 5);
    ck_assert_int_eq(advise(BASE, 4, DONT_NEED), 0);
    ck_assert_uint_eq(resident_pages(), 0);
    ck_assert_uint_eq(read_byte(BASE), 5);
    ck_assert_int_eq(advise(BASE, 4, FREE), -EINVAL);
    ck_assert_int_eq(advise(BASE, 4, WIPE_ON_FORK), -EINVAL);
    ck_assert_int_eq(advise(BASE, 4, REMOVE), 0);
    ck_assert_uint_eq(read_byte(BASE), 0);
    ck_assert_int_eq(address_space_protect(space, BASE, PAGES(4), PROTECTION_READ), 0);
    ck_assert_int_eq(advise(BASE, 4, REMOVE), 0);    /* may be written in principle */
    fixture_end();
}
END_TEST

/* Nothing may take as long as the range is wide. */
START_TEST(huge_ranges_take_no_time)
{
    static uint8_t resident[4096];
    const uint64_t huge = UINT64_C(1) << 33;    /* pages: 32 TiB */

    struct map_request request = {
        .address = BASE,
        .length = PAGES(huge),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES | MAP_NO_ACCOUNT,
    };
    user_address place;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(huge), &request.object), 0);
    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    memory_object_release(request.object);
    write_byte(BASE + PAGES(huge - 1), 1);
    ck_assert_int_eq(advise(BASE, huge, REMOVE), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(huge - 1)), 0);
    ck_assert_int_eq(advise(BASE, huge, DONT_NEED), 0);
    ck_assert_int_eq(address_space_protect(space, BASE, PAGES(huge), PROTECTION_READ), 0);
    ck_assert_int_eq(address_space_resident(space, BASE, PAGES(4096), resident), 0);
    ck_assert_int_eq(address_space_sync(space, BASE, PAGES(huge), SYNC), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(huge)), 0);
    fixture_end();
}
END_TEST

START_TEST(advice_splits_regions_and_merges_them_again)
{
    map_private(BASE, 10, READ_WRITE);
    ck_assert_int_eq(advise(BASE + PAGES(3), 2, DONT_FORK), 0);
    ck_assert_uint_eq(region_count(), 3);
    ck_assert_int_eq(advise(BASE + PAGES(3), 2, DONT_FORK), 0);
    ck_assert_uint_eq(region_count(), 3);
    ck_assert_int_eq(advise(BASE, 10, DO_FORK), 0);
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

START_TEST(populating_brings_pages_in)
{
    map_private(BASE, 600, READ_WRITE);
    ck_assert_int_eq(advise(BASE, 600, POPULATE_READ), 0);
    ck_assert_uint_eq(resident_pages(), 0);    /* the shared zeros */
    ck_assert(entry_at(BASE + PAGES(599)) & ENTRY_PRESENT);
    ck_assert_int_eq(advise(BASE, 600, POPULATE_WRITE), 0);
    ck_assert_uint_eq(resident_pages(), 600);
    map_private(BASE + PAGES(600), 1, PROTECTION_READ);
    ck_assert_int_eq(advise(BASE + PAGES(600), 1, POPULATE_READ), 0);
    ck_assert_int_eq(advise(BASE + PAGES(600), 1, POPULATE_WRITE), -EINVAL);
    map_shared(BASE + PAGES(700), 4, 2);
    ck_assert_int_eq(advise(BASE + PAGES(700), 4, POPULATE_READ), -EFAULT);
    fixture_end();
}
END_TEST

START_TEST(advice_arguments_are_checked)
{
    map_private(BASE, 2, READ_WRITE);
    ck_assert_int_eq(address_space_advise(space, BASE + 1, PAGE_SIZE, DONT_NEED), -EINVAL);
    ck_assert_int_eq(address_space_advise(space, BASE + 1, 0, 0), -EINVAL);
    ck_assert_int_eq(address_space_advise(space, BASE, 0, 0), 0);
    ck_assert_int_eq(address_space_advise(space, BASE, 0, 5), -EINVAL);
    ck_assert_int_eq(address_space_advise(space, BASE, 0, -1), -EINVAL);
    ck_assert_int_eq(address_space_advise(space, BASE, 0, 25), -EINVAL);
    ck_assert_int_eq(address_space_advise(space, BASE, UINT64_MAX, 0), -EINVAL);
    ck_assert_int_eq(address_space_advise(space, BASE, UINT64_MAX - PAGE_SIZE, 0), -EINVAL);
    ck_assert_int_eq(advise(BASE + PAGES(2), 1, 0), -ENOMEM);
    ck_assert_int_eq(advise(UINT64_C(0xffff888000000000), 1, DONT_NEED), -ENOMEM);

    /* A hole: what lies behind it is done all the same. */
    map_private(BASE + PAGES(3), 1, READ_WRITE);
    write_byte(BASE + PAGES(3), 1);
    ck_assert_int_eq(advise(BASE, 4, DONT_NEED), -ENOMEM);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 0);
    fixture_end();
}
END_TEST

/* ---- mincore ------------------------------------------------------------------------------- */

START_TEST(resident_pages_are_reported)
{
    uint8_t resident[64];

    map_private(BASE, 64, READ_WRITE);
    ck_assert_int_eq(touch_write(BASE + PAGES(20)), FAULT_RESOLVED);
    ck_assert_int_eq(address_space_resident(space, BASE, PAGES(64), resident), 0);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_uint_eq(resident[i], i >= 16 && i < 32);

    /* What an object has counts, mapped or not. */
    map_shared(BASE, 32, 32);
    map_private(BASE + PAGES(32), 1, READ_WRITE);
    write_byte(BASE + PAGES(3), 1);
    ck_assert_int_eq(advise(BASE, 32, DONT_NEED), 0);
    ck_assert_int_eq(address_space_resident(space, BASE, PAGES(33), resident), 0);
    for (unsigned i = 0; i < 33; i++)
        ck_assert_uint_eq(resident[i], i < 16);
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(40), PAGES(1)), 0);
    ck_assert_int_eq(address_space_resident(space, BASE, PAGES(41), resident), -ENOMEM);
    ck_assert_int_eq(address_space_resident(space, BASE, 0, resident), 0);
    fixture_end();
}
END_TEST

/* ---- msync --------------------------------------------------------------------------------- */

static struct {
    struct memory_object object;
    uint64_t first, count;
    unsigned calls;
    int error;
} file;

static int file_page(struct memory_object *object, uint64_t index, bool for_write,
                     struct page **page)
{
    (void)object;
    (void)index;
    (void)for_write;
    *page = page_allocate(PAGE_ZERO);
    return *page ? 0 : -ENOMEM;
}

static bool file_is_resident(struct memory_object *object, uint64_t index)
{
    (void)object;
    (void)index;
    return false;
}

/* Files take locks of lower rank in here: the space must not be locked. */
static int file_sync(struct memory_object *object, uint64_t first, uint64_t count)
{
    (void)object;
    ck_assert(!mutex_is_held(&space->lock));
    file.first = first;
    file.count = count;
    file.calls++;
    return file.error;
}

static void file_destroy(struct memory_object *object)
{
    (void)object;
    ck_assert(!mutex_is_held(&space->lock));
}

static const struct memory_object_operations file_operations = {
    .page = file_page,
    .is_resident = file_is_resident,
    .sync = file_sync,
    .destroy = file_destroy,
};

START_TEST(synced_ranges_reach_the_object)
{
    struct map_request request = {
        .address = BASE,
        .length = PAGES(10),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
        .object = &file.object,
        .object_offset = PAGES(100),
    };
    user_address place;

    memory_object_init(&file.object, &file_operations);
    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    memory_object_release(&file.object);
    ck_assert_int_eq(address_space_sync(space, BASE + PAGES(2), PAGES(3), ASYNC), 0);
    ck_assert_uint_eq(file.calls, 0);
    ck_assert_int_eq(address_space_sync(space, BASE + PAGES(2), PAGES(3), SYNC), 0);
    ck_assert_uint_eq(file.calls, 1);
    ck_assert_uint_eq(file.first, 102);
    ck_assert_uint_eq(file.count, 3);
    ck_assert_int_eq(address_space_sync(space, BASE + PAGES(2), PAGES(30), SYNC), -ENOMEM);
    ck_assert_uint_eq(file.calls, 2);
    ck_assert_uint_eq(file.count, 8);
    file.error = -EIO;
    ck_assert_int_eq(address_space_sync(space, BASE, PAGES(1), SYNC), -EIO);
    fixture_end();
}
END_TEST

/* ---- mlock --------------------------------------------------------------------------------- */

START_TEST(locked_memory_is_there_and_counted)
{
    map_private(BASE, 100, READ_WRITE);
    ck_assert_int_eq(address_space_set_locked(space, BASE + PAGES(10) + 5, PAGES(20), LOCK_NOW), 0);
    ck_assert_uint_eq(locked_pages(), 21);    /* the pages that the bytes touch */
    for (unsigned i = 10; i < 31; i++)
        ck_assert(entry_at(BASE + PAGES(i)) & ENTRY_PRESENT);
    ck_assert_int_eq(advise(BASE, 100, DONT_NEED), -EINVAL);
    ck_assert_int_eq(advise(BASE, 100, DONT_NEED_LOCKED), 0);
    ck_assert_int_eq(address_space_sync(space, BASE, PAGES(100), INVALIDATE), -EBUSY);
    ck_assert_int_eq(address_space_set_locked(space, BASE, UINT64_MAX, LOCK_NOW), 0);    /* wraps */
    ck_assert_int_eq(address_space_set_locked(space, BASE, UINT64_MAX - 8191, LOCK_NOW), -EINVAL);
    ck_assert_uint_eq(locked_pages(), 21);
    ck_assert_int_eq(address_space_set_locked(space, BASE, PAGES(100), LOCK_ON_FAULT), 0);
    ck_assert_uint_eq(locked_pages(), 100);
    ck_assert_int_eq(address_space_set_locked(space, BASE, PAGES(100), LOCK_NONE), 0);
    ck_assert_uint_eq(locked_pages(), 0);
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

START_TEST(memory_locked_on_fault_holds_what_was_touched)
{
    struct page_report report[3];

    map_private(BASE, 20, READ_WRITE);
    write_byte(BASE + PAGES(3), 1);
    write_byte(BASE + PAGES(5), 1);
    ck_assert_uint_gt(resident_pages(), 2);    /* others came beside them */

    uint64_t free = page_statistics().free, resident = resident_pages();

    ck_assert_int_eq(address_space_set_locked(space, BASE, PAGES(20), LOCK_ON_FAULT), 0);
    ck_assert_uint_eq(resident_pages(), 2);
    ck_assert_uint_eq(page_statistics().free, free + resident - 2);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 1);
    write_byte(BASE + PAGES(10), 1);
    ck_assert_uint_eq(resident_pages(), 3);
    address_space_report_pages(space, BASE + PAGES(9), 3, report);
    ck_assert(!report[0].is_present && report[1].is_present && !report[2].is_present);
    ck_assert(report[1].is_alone && !report[1].of_object);
    ck_assert_uint_eq(report[1].address, entry_at(BASE + PAGES(10)) & ENTRY_ADDRESS);
    ck_assert_int_eq(address_space_set_locked(space, BASE, PAGES(20), LOCK_NOW), 0);
    ck_assert_uint_eq(resident_pages(), 20);
    address_space_lock_all(space, LOCK_NONE, LOCK_ON_FAULT);
    map_private(BASE + PAGES(40), 20, READ_WRITE);
    write_byte(BASE + PAGES(40), 1);
    ck_assert_uint_eq(locked_pages(), 20);
    ck_assert_uint_eq(resident_pages(), 21);
    fixture_end();
}
END_TEST

START_TEST(everything_can_be_locked)
{
    map_private(BASE, 10, READ_WRITE);
    map_private(BASE + PAGES(20), 10, 0);    /* cannot be brought in: no error */
    address_space_lock_all(space, LOCK_NOW, LOCK_NOW);
    ck_assert_uint_eq(locked_pages(), 20);
    ck_assert_uint_eq(resident_pages(), 10);
    map_private(BASE + PAGES(40), 5, READ_WRITE);
    ck_assert_uint_eq(locked_pages(), 25);
    ck_assert_uint_eq(resident_pages(), 15);
    address_space_lock_all(space, LOCK_KEEP, LOCK_NONE);
    map_private(BASE + PAGES(50), 5, READ_WRITE);
    ck_assert_uint_eq(locked_pages(), 25);
    address_space_lock_all(space, LOCK_NONE, LOCK_NONE);
    ck_assert_uint_eq(locked_pages(), 0);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/advise", fixture_begin, PANICS(NULL),
                     dropped_pages_read_as_zero_and_are_free,
                     dropped_shared_pages_keep_their_contents, huge_ranges_take_no_time,
                     advice_splits_regions_and_merges_them_again, populating_brings_pages_in,
                     advice_arguments_are_checked, resident_pages_are_reported,
                     synced_ranges_reach_the_object, locked_memory_is_there_and_counted,
                     memory_locked_on_fault_holds_what_was_touched, everything_can_be_locked)
