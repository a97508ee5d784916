/*
 * memory/fault: which entry each kind of fault makes, extents, copy on write, stacks, and what is
 * refused.
 */
#include <string.h>

#include "harness/test.h"
#include "harness/marks.h"
#include "unit/memory/space_fixture.h"

#define FILE_PAGES 192

/* A memory object that says what was asked of it. */
static struct {
    struct memory_object object;
    struct page *pages[FILE_PAGES];
    bool resident[FILE_PAGES];
    unsigned writes[FILE_PAGES];
    uint64_t page_count;
    int error;
    bool destroyed;
} file;

static int file_page(struct memory_object *object, uint64_t index, bool for_write,
                     struct page **page)
{
    (void)object;
    if (file.error)
        return file.error;
    if (index >= file.page_count)
        return -ENXIO;
    if (!file.pages[index]) {
        file.pages[index] = page_allocate(PAGE_DIRTY);
        if (!file.pages[index])
            return -ENOMEM;
        memset(page_data(file.pages[index]), (int)index + 1, PAGE_SIZE);
    }
    file.resident[index] = true;
    file.writes[index] += for_write;
    page_reference(file.pages[index]);
    *page = file.pages[index];
    return 0;
}

static bool file_is_resident(struct memory_object *object, uint64_t index)
{
    (void)object;
    return index < file.page_count && file.resident[index];
}

static int file_sync(struct memory_object *object, uint64_t first, uint64_t count)
{
    (void)object;
    (void)first;
    (void)count;
    return 0;
}

static void file_destroy(struct memory_object *object)
{
    (void)object;
    for (unsigned i = 0; i < FILE_PAGES; i++)
        if (file.pages[i])
            page_release(file.pages[i]);
    file.destroyed = true;
}

static const struct memory_object_operations file_operations = {
    .page = file_page,
    .is_resident = file_is_resident,
    .sync = file_sync,
    .destroy = file_destroy,
};

static void file_begin(uint64_t page_count)
{
    memory_object_init(&file.object, &file_operations);
    file.page_count = page_count;
}

static void map_file(user_address address, uint64_t pages, uint32_t protection, uint32_t flags)
{
    const struct map_request request = {
        .address = address,
        .length = PAGES(pages),
        .protection = protection,
        .flags = MAP_AT_ADDRESS | flags,
        .object = &file.object,
    };
    user_address place;

    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
}

static struct address_space_statistics statistics(void)
{
    struct address_space_statistics result;

    address_space_statistics(space, &result);
    return result;
}

/* ---- What is refused ----------------------------------------------------------------------- */

START_TEST(unmapped_addresses_are_not_mapped)
{
    map_private(BASE, 2, READ_WRITE);
    ck_assert_int_eq(touch(BASE - 1), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch_write(BASE + PAGES(2)), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch(0), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch(USER_ADDRESS_LIMIT), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch(UINT64_MAX), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch(UINT64_C(0xffff800000000000)), FAULT_NOT_MAPPED);
    fixture_end();
}
END_TEST

/* Row: protection; column: read, write, execute.  x86 cannot refuse reads alone. */
START_TEST(protection_is_checked)
{
    static const bool allowed[8][3] = {
        [0] = { false, false, false },
        [PROTECTION_READ] = { true, false, false },
        [PROTECTION_WRITE] = { true, true, false },
        [READ_WRITE] = { true, true, false },
        [PROTECTION_EXECUTE] = { true, false, true },
        [PROTECTION_READ | PROTECTION_EXECUTE] = { true, false, true },
        [PROTECTION_WRITE | PROTECTION_EXECUTE] = { true, true, true },
        [READ_WRITE | PROTECTION_EXECUTE] = { true, true, true },
    };
    static const uint32_t access[3] = { 0, ACCESS_WRITE, ACCESS_EXECUTE };

    for (uint32_t protection = 0; protection < 8; protection++) {
        for (unsigned kind = 0; kind < 3; kind++) {
            map_private(BASE, 1, protection);
            ck_assert_int_eq(address_space_fault(space, BASE, access[kind]),
                             allowed[protection][kind] ? FAULT_RESOLVED : FAULT_NOT_PERMITTED);
            /* The entry permits no more than the region. */
            if (allowed[protection][kind]) {
                ck_assert(entry_at(BASE) & ENTRY_PRESENT);
                ck_assert(allowed[protection][1] || !(entry_at(BASE) & ENTRY_WRITE));
                ck_assert(allowed[protection][2] == !(entry_at(BASE) & ENTRY_NO_EXECUTE));
            } else {
                ck_assert_uint_eq(entry_at(BASE), 0);
            }
        }
    }
    fixture_end();
}
END_TEST

START_TEST(exhausted_memory_is_reported_and_nothing_leaks)
{
    static struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = 0;

    map_private(BASE, 64, READ_WRITE);
    while ((taken[count] = page_allocate(PAGE_DIRTY)) != NULL)
        count++;
    /* Give back one page after the other: first tables are made, at last a page. */
    while (touch_write(BASE) != FAULT_RESOLVED) {
        ck_assert_int_eq(touch_write(BASE), FAULT_NO_MEMORY);
        page_release(taken[--count]);
    }
    ck_assert_uint_eq(resident_pages(), 1);
    while (count > 0)
        page_release(taken[--count]);
    fixture_end();
}
END_TEST

static struct page *reserve[3];
static unsigned reserve_count;

static uint64_t give_one_back(uint64_t pages)
{
    ck_assert_uint_gt(pages, 0);
    if (reserve_count == 0)
        return 0;
    page_release(reserve[--reserve_count]);
    return 1;
}

/* A table for the region and a page: two of the three. */
START_TEST(memory_that_can_be_reclaimed_is)
{
    static struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = 0;

    map_private(BASE, 1, READ_WRITE);
    map_private(BASE + PAGE_TABLE_SPAN, 1, READ_WRITE);
    ck_assert_int_eq(touch_write(BASE + PAGE_TABLE_SPAN), FAULT_RESOLVED);
    for (reserve_count = 0; reserve_count < 3; reserve_count++)
        reserve[reserve_count] = page_allocate(PAGE_DIRTY);
    while ((taken[count] = page_allocate(PAGE_DIRTY)) != NULL)
        count++;
    ck_assert_int_eq(touch_write(BASE), FAULT_NO_MEMORY);
    address_space_set_reclaim(give_one_back);
    ck_assert_int_eq(touch_write(BASE), FAULT_RESOLVED);
    ck_assert_uint_eq(reserve_count, 1);
    page_release(reserve[0]);
    while (count > 0)
        page_release(taken[--count]);
    fixture_end();
    EXPECT_MARK(fault_after_reclaiming);
}
END_TEST

/* ---- Extents ------------------------------------------------------------------------------- */

/* Faults that a walk over `pages` pages takes. */
static unsigned walk(user_address start, int64_t pages, uint32_t access)
{
    int64_t step = pages < 0 ? -1 : 1;
    unsigned faults = 0;

    for (int64_t i = 0; i != pages; i += step) {
        user_address at = start + (user_address)(i * (int64_t)PAGE_SIZE);
        uint64_t needed = ENTRY_PRESENT | (access ? ENTRY_WRITE : 0);

        if ((entry_at(at) & needed) == needed)
            continue;
        ck_assert_int_eq(address_space_fault(space, at, access), FAULT_RESOLVED);
        faults++;
    }
    return faults;
}

START_TEST(first_touch_brings_in_an_extent)
{
    map_private(BASE, 1024, READ_WRITE);
    ck_assert_int_eq(touch_write(BASE + PAGES(21)), FAULT_RESOLVED);
    ck_assert_uint_eq(resident_pages(), 16);
    ck_assert_uint_eq(entry_at(BASE + PAGES(15)), 0);
    ck_assert_uint_eq(entry_at(BASE + PAGES(32)), 0);

    user_address start, end;
    uint64_t entry = page_table_lookup(address_space_root(space), BASE + PAGES(21), UINT64_MAX,
                                       &start, &end);

    ck_assert(entry & ENTRY_WRITE);
    ck_assert_uint_eq(start, BASE + PAGES(16));
    ck_assert_uint_eq(end, BASE + PAGES(32));
    fixture_end();
}
END_TEST

START_TEST(walks_take_few_faults)
{
    map_private(BASE, 4096, READ_WRITE);
    ck_assert_uint_le(walk(BASE, 4096, ACCESS_WRITE), 16);
    ck_assert_uint_eq(resident_pages(), 4096);
    ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(4096)), 0);

    /* Downwards, and from an odd place. */
    map_private(BASE + PAGES(5), 4096, READ_WRITE);
    ck_assert_uint_le(walk(BASE + PAGES(4100), -4096, ACCESS_WRITE), 32);
    ck_assert_uint_eq(resident_pages(), 4096);
    ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(8192)), 0);

    /* Upwards from an odd place, and two walks at a time. */
    map_private(BASE + PAGES(5), 8192, READ_WRITE);

    unsigned faults = 0;

    for (unsigned i = 0; i < 4096; i++) {
        faults += walk(BASE + PAGES(5 + i), 1, ACCESS_WRITE);
        faults += walk(BASE + PAGES(5 + 4096 + i), 1, ACCESS_WRITE);
    }
    ck_assert_uint_le(faults, 64);
    ck_assert_uint_eq(resident_pages(), 8192);
    fixture_end();
}
END_TEST

START_TEST(scattered_touches_end_at_one_page_each)
{
    map_private(BASE, 8192, READ_WRITE);
    for (unsigned i = 0; i < 8192; i += 64)
        ck_assert_int_eq(touch_write(BASE + PAGES(i + 7)), FAULT_RESOLVED);
    ck_assert_uint_le(resident_pages(), 8192 / 64 + 31);
    fixture_end();
}
END_TEST

START_TEST(extents_stay_inside_their_region)
{
    map_private(BASE + PAGES(3), 4, READ_WRITE);
    map_private(BASE + PAGES(7), 4, PROTECTION_READ);
    ck_assert_int_eq(touch_write(BASE + PAGES(5)), FAULT_RESOLVED);
    ck_assert_uint_eq(resident_pages(), 4);
    ck_assert_uint_eq(entry_at(BASE + PAGES(2)), 0);
    ck_assert_uint_eq(entry_at(BASE + PAGES(7)), 0);
    fixture_end();
}
END_TEST

START_TEST(extents_leave_present_pages_alone)
{
    map_private(BASE, 16, READ_WRITE);
    for (unsigned i = 0; i < 16; i++)
        write_byte(BASE + PAGES(i), (uint8_t)i);
    ck_assert_int_eq(address_space_advise(space, BASE + PAGES(4), PAGES(1), 4), 0);
    ck_assert_int_eq(address_space_advise(space, BASE + PAGES(6), PAGES(2), 4), 0);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(read_byte(BASE + PAGES(i)), i == 4 || i == 6 || i == 7 ? 0 : i);
    fixture_end();
}
END_TEST

START_TEST(reads_map_shared_zeros_that_writes_replace)
{
    map_private(BASE, 1024, READ_WRITE);
    walk(BASE, 1024, 0);
    ck_assert_uint_eq(resident_pages(), 0);
    ck_assert(entry_at(BASE) & ENTRY_ZERO);
    ck_assert(!(entry_at(BASE) & ENTRY_WRITE));
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 0);
    ck_assert_int_eq(touch_write(BASE + PAGES(100)), FAULT_RESOLVED);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    ck_assert_uint_le(fake_machine.cpus[0].flush_start, BASE + PAGES(100));
    ck_assert_uint_ge(fake_machine.cpus[0].flush_end, BASE + PAGES(101));
    ck_assert(!(entry_at(BASE + PAGES(100)) & ENTRY_ZERO));
    write_byte(BASE + PAGES(100), 1);
    ck_assert_uint_eq(read_byte(BASE), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(500)), 0);

    /* Zeros are one run, so that they are one translation too. */
    user_address start, end;

    ck_assert(page_table_lookup(address_space_root(space), BASE + PAGES(600), UINT64_MAX, &start,
                                &end) != 0);
    ck_assert_uint_eq(start, BASE + PAGES(512));
    ck_assert_uint_eq(end, BASE + PAGES(1024));
    fixture_end();
}
END_TEST

START_TEST(spurious_faults_change_nothing)
{
    map_private(BASE, 1, READ_WRITE);
    ck_assert_int_eq(touch_write(BASE), FAULT_RESOLVED);

    uint64_t entry = entry_at(BASE);

    ck_assert_int_eq(touch_write(BASE), FAULT_RESOLVED);
    ck_assert_int_eq(touch(BASE + 4095), FAULT_RESOLVED);
    ck_assert_uint_eq(entry_at(BASE), entry);
    ck_assert_uint_eq(resident_pages(), 1);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 0);
    fixture_end();
}
END_TEST

/* ---- Objects ------------------------------------------------------------------------------- */

START_TEST(private_file_pages_are_copied_when_written)
{
    file_begin(8);
    map_file(BASE, 8, READ_WRITE, 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(2)), 3);
    ck_assert(entry_at(BASE + PAGES(2)) & ENTRY_OBJECT);
    ck_assert(!(entry_at(BASE + PAGES(2)) & ENTRY_WRITE));
    ck_assert_uint_eq(statistics().shared_pages, 1);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 0);

    write_byte(BASE + PAGES(2) + 5, 99);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    ck_assert(!(entry_at(BASE + PAGES(2)) & ENTRY_OBJECT));
    ck_assert_uint_eq(read_byte(BASE + PAGES(2) + 5), 99);
    ck_assert_uint_eq(read_byte(BASE + PAGES(2)), 3);
    ck_assert_uint_eq(((uint8_t *)page_data(file.pages[2]))[5], 3);

    write_byte(BASE + PAGES(3), 98);    /* not there yet: copied at once, without a flush */
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3) + 1), 4);
    ck_assert_uint_eq(file.writes[2] + file.writes[3], 0);
    ck_assert_uint_eq(statistics().shared_pages, 0);
    ck_assert_uint_eq(statistics().resident_pages, 2);
    memory_object_release(&file.object);
    fixture_end();
    ck_assert(file.destroyed);
}
END_TEST

START_TEST(shared_file_pages_tell_of_writes)
{
    file_begin(8);
    map_file(BASE, 8, READ_WRITE, MAP_SHARED_PAGES);
    ck_assert_int_eq(touch(BASE), FAULT_RESOLVED);
    ck_assert_uint_eq(file.writes[0], 0);
    ck_assert(!(entry_at(BASE) & ENTRY_WRITE));
    ck_assert_int_eq(touch_write(BASE), FAULT_RESOLVED);
    ck_assert_uint_eq(file.writes[0], 1);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 0);    /* it only gained permission */
    write_byte(BASE, 77);
    ck_assert_uint_eq(file.writes[0], 1);
    ck_assert_uint_eq(*(uint8_t *)page_data(file.pages[0]), 77);
    ck_assert_int_eq(touch_write(BASE + PAGES(1)), FAULT_RESOLVED);
    ck_assert_uint_eq(file.writes[1], 1);
    memory_object_release(&file.object);
    fixture_end();
}
END_TEST

START_TEST(beyond_the_end_of_a_file_is_a_bus_error)
{
    file_begin(2);
    map_file(BASE, 8, READ_WRITE, 0);
    ck_assert_int_eq(touch(BASE + PAGES(1)), FAULT_RESOLVED);
    ck_assert_int_eq(touch(BASE + PAGES(2)), FAULT_BUS);
    ck_assert_int_eq(touch_write(BASE + PAGES(7)), FAULT_BUS);
    file.error = -EIO;
    file.resident[1] = false;
    ck_assert_int_eq(touch(BASE), FAULT_BUS);
    file.error = -ENOMEM;
    ck_assert_int_eq(touch(BASE), FAULT_NO_MEMORY);
    file.error = 0;
    ck_assert_int_eq(touch(BASE), FAULT_RESOLVED);
    memory_object_release(&file.object);
    fixture_end();
}
END_TEST

START_TEST(resident_neighbours_are_mapped_too)
{
    file_begin(192);
    for (uint64_t i = 0; i < 192; i++) {
        struct page *page;

        if (i % 2 == 0 && file_page(&file.object, i, false, &page) == 0)
            page_release(page);
    }
    map_file(BASE, 192, PROTECTION_READ, 0);
    ck_assert_int_eq(touch(BASE + PAGES(80)), FAULT_RESOLVED);
    for (unsigned i = 0; i < 192; i++)
        ck_assert_int_eq(entry_at(BASE + PAGES(i)) != 0, i >= 64 && i < 128 && i % 2 == 0);
    ck_assert_uint_eq(statistics().minor_faults, 1);
    ck_assert_uint_eq(statistics().major_faults, 0);
    ck_assert_int_eq(touch(BASE + PAGES(81)), FAULT_RESOLVED);
    ck_assert_uint_eq(statistics().major_faults, 1);
    memory_object_release(&file.object);
    fixture_end();
}
END_TEST

START_TEST(page_that_the_file_gave_up_is_still_copied)
{
    file_begin(1);
    map_file(BASE, 1, READ_WRITE, 0);
    ck_assert_int_eq(touch(BASE), FAULT_RESOLVED);
    page_release(file.pages[0]);    /* the cache drops it: the mapping has the last reference */
    file.pages[0] = NULL;
    write_byte(BASE, 5);
    ck_assert_uint_eq(read_byte(BASE + 1), 1);
    ck_assert(!(entry_at(BASE) & ENTRY_OBJECT));
    memory_object_release(&file.object);
    fixture_end();
}
END_TEST

START_TEST(private_page_with_other_references_is_copied)
{
    map_private(BASE, 1, READ_WRITE);
    write_byte(BASE, 42);

    /* As a fork would leave it: two references, no permission to write. */
    page_entry *entry = page_table_find(address_space_root(space), BASE);
    struct page *page = page_at(entry_load(entry) & ENTRY_ADDRESS);

    page_reference(page);
    entry_store(entry, entry_load(entry) & ~ENTRY_WRITE);
    write_byte(BASE + 1, 43);
    ck_assert_uint_eq(read_byte(BASE), 42);
    ck_assert_uint_eq(page_references(page), 1);
    ck_assert_uint_eq(((uint8_t *)page_data(page))[1], 0);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    page_release(page);

    /* The last one may be written in place. */
    entry_store(entry, entry_load(entry) & ~ENTRY_WRITE);
    page = page_at(entry_load(entry) & ENTRY_ADDRESS);
    write_byte(BASE + 2, 44);
    ck_assert_ptr_eq(page_at(entry_at(BASE) & ENTRY_ADDRESS), page);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    fixture_end();
}
END_TEST

START_TEST(anonymous_shared_memory_is_one)
{
    struct memory_object *object;
    user_address place;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(40), &object), 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct map_request request = {
            .address = BASE + PAGES(i * 64),
            .length = PAGES(64),
            .protection = READ_WRITE,
            .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
            .object = object,
        };

        ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    }
    memory_object_release(object);
    write_byte(BASE + PAGES(3) + 8, 9);
    ck_assert_uint_eq(read_byte(BASE + PAGES(64 + 3) + 8), 9);
    ck_assert_uint_eq(walk(BASE, 40, ACCESS_WRITE), 2);    /* 16 were there, 16 and 8 */
    ck_assert_int_eq(touch(BASE + PAGES(40)), FAULT_BUS);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/fault", fixture_begin, PANICS(NULL), unmapped_addresses_are_not_mapped,
                     protection_is_checked, exhausted_memory_is_reported_and_nothing_leaks,
                     memory_that_can_be_reclaimed_is,
                     first_touch_brings_in_an_extent, walks_take_few_faults,
                     scattered_touches_end_at_one_page_each, extents_stay_inside_their_region,
                     extents_leave_present_pages_alone,
                     reads_map_shared_zeros_that_writes_replace, spurious_faults_change_nothing,
                     private_file_pages_are_copied_when_written, shared_file_pages_tell_of_writes,
                     beyond_the_end_of_a_file_is_a_bus_error, resident_neighbours_are_mapped_too,
                     page_that_the_file_gave_up_is_still_copied,
                     private_page_with_other_references_is_copied,
                     anonymous_shared_memory_is_one)
