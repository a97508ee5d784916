/*
 * memory/reservation: scattered touches reserve 2 MiB, only what was touched counts, and what was
 * not comes back as zeros whenever memory is needed.
 */
#include <string.h>

#include "harness/test.h"
#include "unit/memory/space_fixture.h"

#define BLOCK (512 * (uint64_t)PAGE_SIZE)
#define FIRST_PAGES 30u    /* of the first four touches on their own: 16, 8, 4, 2 */
#define BLOCKS 12u         /* of the region */
#define RESERVED (BASE + 4 * BLOCK)

/* A region of which the first four blocks had a touch each: the next ones are reserved. */
static void map_scattered(void)
{
    map_private(BASE, BLOCKS * 512, READ_WRITE);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(touch_write(BASE + i * BLOCK + BLOCK / 2), FAULT_RESOLVED);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES);
}

/* And its fifth block is. */
static void reserve(void)
{
    map_scattered();
    ck_assert_int_eq(touch_write(RESERVED + PAGES(100)), FAULT_RESOLVED);
    ck_assert_uint_eq(space->reserved_pages, 512);
}

static bool is_reserved(user_address address)
{
    return (entry_at(address) & ENTRY_RESERVED) != 0;
}

/* As user code does it, whose access the tables allow. */
static void user_writes(user_address address, uint8_t value)
{
    ck_assert_uint_eq(entry_at(address) & (ENTRY_PRESENT | ENTRY_WRITE),
                      ENTRY_PRESENT | ENTRY_WRITE);
    fake_machine_info.direct_map[(entry_at(address) & ENTRY_ADDRESS) + address % PAGE_SIZE] =
        (char)value;
}

static uint64_t resident_by_report(user_address start, uint64_t pages)
{
    static uint8_t resident[BLOCKS * 512];
    uint64_t count = 0;

    ck_assert_int_eq(address_space_resident(space, start, PAGES(pages), resident), 0);
    for (uint64_t i = 0; i < pages; i++)
        count += resident[i];
    return count;
}

/* ---- What is reserved ---------------------------------------------------------------------- */

START_TEST(scattered_touches_reserve_a_block)
{
    user_address start, end;

    reserve();
    for (uint64_t i = 0; i < 512; i++)
        ck_assert(is_reserved(RESERVED + PAGES(i)));
    /* One mapping of the machine makes all of it reachable, for writing. */
    ck_assert(page_table_lookup(address_space_root(space), RESERVED, BLOCK, &start, &end) &
              ENTRY_WRITE);
    ck_assert_uint_eq(start, RESERVED);
    ck_assert_uint_eq(end, RESERVED + BLOCK);
    fixture_end();
}
END_TEST

START_TEST(only_whole_vacant_blocks_are_reserved)
{
    map_scattered();
    /* A page is there already. */
    ck_assert_int_eq(touch_write(BASE + PAGES(9)), FAULT_RESOLVED);
    ck_assert_uint_eq(space->reserved_pages, 0);
    /* The region covers a part only. */
    ck_assert_int_eq(address_space_unmap(space, RESERVED + BLOCK - PAGE_SIZE, PAGE_SIZE), 0);
    ck_assert_int_eq(touch_write(RESERVED), FAULT_RESOLVED);
    ck_assert_uint_eq(space->reserved_pages, 0);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 2);
    /* Reading needs no memory at all. */
    ck_assert_int_eq(touch(RESERVED + BLOCK), FAULT_RESOLVED);
    ck_assert_uint_eq(space->reserved_pages, 0);
    /* Shared zeros are as good as nothing. */
    ck_assert_int_eq(touch_write(RESERVED + BLOCK + PAGES(5)), FAULT_RESOLVED);
    ck_assert_uint_eq(space->reserved_pages, 512);
    ck_assert_uint_ge(fake_machine.cpus[0].flushes, 1);
    fixture_end();
}
END_TEST

START_TEST(machines_that_cannot_tell_reserve_nothing)
{
    fake_machine_info.memory_find_touched = NULL;
    map_scattered();
    ck_assert_int_eq(touch_write(RESERVED), FAULT_RESOLVED);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 1);
    fixture_end();
}
END_TEST

/* Who walked through a reserved block goes on in extents: reservations are for the others. */
START_TEST(walk_out_of_a_reserved_block_is_none_of_them)
{
    reserve();
    for (uint64_t i = 0; i < 512; i++)
        user_writes(RESERVED + PAGES(i), 1);
    ck_assert_int_eq(touch_write(RESERVED + BLOCK), FAULT_RESOLVED);
    ck_assert(entry_at(RESERVED + BLOCK) != 0 && !is_reserved(RESERVED + BLOCK));
    ck_assert(entry_at(RESERVED + BLOCK + PAGES(15)) != 0);
    ck_assert_uint_eq(entry_at(RESERVED + BLOCK + PAGES(16)), 0);
    fixture_end();
}
END_TEST

/* ---- What counts --------------------------------------------------------------------------- */

START_TEST(only_touched_pages_count)
{
    struct address_space_statistics statistics;

    reserve();
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES);
    user_writes(RESERVED, 1);
    user_writes(RESERVED + PAGES(100), 2);
    user_writes(RESERVED + PAGES(101), 3);
    write_byte(RESERVED + PAGES(511), 4);    /* the kernel's copies touch as well */
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 4);
    ck_assert_uint_eq(resident_by_report(RESERVED, 512), 4);
    ck_assert_uint_eq(space->reserved_pages, 508);
    ck_assert_uint_eq(page_statistics().reserved, 508);
    ck_assert(!is_reserved(RESERVED + PAGES(101)));
    ck_assert(is_reserved(RESERVED + PAGES(102)));

    user_writes(RESERVED + PAGES(200), 5);
    ck_assert_int_eq(address_space_unmap(space, BASE, BLOCKS * BLOCK), 0);
    address_space_statistics(space, &statistics);
    ck_assert_uint_eq(statistics.resident_pages, 0);
    ck_assert_uint_ge(statistics.peak_resident_pages, FIRST_PAGES + 5);
    ck_assert_uint_eq(page_statistics().reserved, 0);
    fixture_end();
}
END_TEST

/* What a program asks for in advance counts, touched or not. */
START_TEST(populated_pages_count)
{
    reserve();
    /* MADV_POPULATE_WRITE */
    ck_assert_int_eq(address_space_advise(space, RESERVED, PAGES(10), 23), 0);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 10);
    ck_assert_int_eq(address_space_set_locked(space, RESERVED, PAGES(20), LOCK_NOW), 0);
    ck_assert_uint_eq(resident_by_report(RESERVED, 512), 20);
    fixture_end();
}
END_TEST

/* ---- Giving back --------------------------------------------------------------------------- */

static void all_free_memory_is_zero(void)
{
    static const uint8_t zeros[PAGE_SIZE];
    struct list taken = LIST_INITIAL(taken);
    struct page *page;

    while ((page = page_allocate(PAGE_ZERO)) != NULL) {
        ck_assert_int_eq(memcmp(page_data(page), zeros, PAGE_SIZE), 0);
        list_append(&taken, &page->node);
    }
    while (!list_is_empty(&taken))
        page_release(LIST_ENTRY(list_take_first(&taken), struct page, node));
}

START_TEST(unmapped_blocks_come_back_as_zeros)
{
    reserve();
    user_writes(RESERVED + PAGES(3), 0xaa);
    user_writes(RESERVED + PAGES(511), 0xbb);
    ck_assert_int_eq(address_space_unmap(space, RESERVED, PAGES(256)), 0);
    /* MADV_DONTNEED */
    ck_assert_int_eq(address_space_advise(space, RESERVED + PAGES(256), PAGES(256), 4), 0);
    ck_assert_uint_eq(space->reserved_pages, 0);
    ck_assert_uint_eq(read_byte(RESERVED + PAGES(511)), 0);
    all_free_memory_is_zero();
    fixture_end();
}
END_TEST

START_TEST(untouched_frames_are_given_back)
{
    reserve();
    user_writes(RESERVED + PAGES(3), 0xaa);
    user_writes(RESERVED + PAGES(300), 0xbb);

    uint64_t free = page_statistics().free;
    unsigned flushes = fake_machine.cpus[0].flushes;

    ck_assert_uint_eq(address_space_give_back(1), 510);
    ck_assert_uint_eq(page_statistics().free, free + 510);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, flushes + 1);
    ck_assert_uint_eq(fake_machine.cpus[0].flush_start, RESERVED);
    ck_assert_uint_eq(fake_machine.cpus[0].flush_end, RESERVED + BLOCK);
    ck_assert_uint_eq(entry_at(RESERVED), 0);
    user_writes(RESERVED + PAGES(3) + 1, 0xcc);    /* reachable again */
    ck_assert_uint_eq(read_byte(RESERVED + PAGES(3)), 0xaa);
    ck_assert_uint_eq(read_byte(RESERVED + PAGES(300)), 0xbb);
    ck_assert_uint_eq(read_byte(RESERVED + PAGES(301)), 0);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 2);
    ck_assert_uint_eq(address_space_give_back(1), 0);
    all_free_memory_is_zero();
    fixture_end();
}
END_TEST

/* A user that touches a frame at the last moment keeps it. */
static user_address late_touch;

static bool find_touched_late(physical_address *start, physical_address *end)
{
    ck_assert(!(entry_at(late_touch) & ENTRY_PRESENT));
    return fixture_find_touched(start, end);
}

START_TEST(frames_are_out_of_reach_before_they_are_judged)
{
    reserve();
    late_touch = RESERVED + PAGES(77);
    user_writes(late_touch, 7);
    fake_machine_info.memory_find_touched = find_touched_late;
    ck_assert_uint_eq(address_space_give_back(1), 511);
    fake_machine_info.memory_find_touched = fixture_find_touched;
    ck_assert_uint_eq(read_byte(late_touch), 7);
    fixture_end();
}
END_TEST

START_TEST(pages_without_access_are_given_back_too)
{
    reserve();
    user_writes(RESERVED + PAGES(3), 0xaa);
    ck_assert_int_eq(address_space_protect(space, BASE, BLOCKS * BLOCK, 0), 0);
    ck_assert_uint_eq(address_space_give_back(1), 511);
    ck_assert_int_eq(touch(RESERVED + PAGES(3)), FAULT_NOT_PERMITTED);
    ck_assert(!(entry_at(RESERVED + PAGES(3)) & ENTRY_PRESENT));
    ck_assert_int_eq(address_space_protect(space, BASE, BLOCKS * BLOCK, READ_WRITE), 0);
    ck_assert_uint_eq(read_byte(RESERVED + PAGES(3)), 0xaa);
    fixture_end();
}
END_TEST

/* A program may use all memory, reservations or not. */
START_TEST(no_memory_is_lost_to_reservations)
{
    uint64_t pages = 0;

    reserve();
    ck_assert_int_eq(touch_write(RESERVED + BLOCK), FAULT_RESOLVED);
    ck_assert_int_eq(touch_write(RESERVED + 3 * BLOCK), FAULT_RESOLVED);
    ck_assert_uint_eq(space->reserved_pages, 3 * 512);
    user_writes(RESERVED + BLOCK, 1);

    user_address all = map_private(0, page_statistics().total, READ_WRITE);

    while (touch_write(all + PAGES(pages)) == FAULT_RESOLVED)
        user_writes(all + PAGES(pages++), 1);
    ck_assert_uint_eq(page_statistics().free, 0);
    ck_assert_uint_eq(page_statistics().reserved, 0);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 1 + pages);
    ck_assert_uint_eq(read_byte(RESERVED + BLOCK), 1);
    fixture_end();
}
END_TEST

START_TEST(other_spaces_give_back_as_well)
{
    struct address_space *other;

    reserve();
    ck_assert_int_eq(address_space_create(&other), 0);

    struct address_space *first = space;

    space = other;
    reserve();
    ck_assert_uint_eq(address_space_give_back(600), 1024);
    ck_assert_uint_eq(first->reserved_pages + other->reserved_pages, 0);
    address_space_release(other);
    space = first;
    ck_assert_int_eq(touch_write(RESERVED + BLOCK), FAULT_RESOLVED);
    ck_assert_uint_eq(address_space_give_back(1), 512);
    fixture_end();
}
END_TEST

/* ---- Other operations ---------------------------------------------------------------------- */

START_TEST(moved_and_protected_blocks_stay_reserved)
{
    const struct remap_request move = {
        .old_address = RESERVED,
        .old_length = BLOCK,
        .new_length = BLOCK,
        .new_address = BASE + (BLOCKS + 4) * BLOCK + PAGES(17),
        .flags = 3,    /* MAYMOVE, FIXED */
    };
    user_address moved;

    reserve();
    user_writes(RESERVED + PAGES(5), 0x55);
    ck_assert_int_eq(address_space_protect(space, RESERVED, BLOCK, PROTECTION_READ), 0);
    ck_assert_int_eq(address_space_remap(space, &move, &moved), 0);
    ck_assert_uint_eq(space->reserved_pages, 512);
    ck_assert_int_eq(touch_write(moved), FAULT_NOT_PERMITTED);
    ck_assert_int_eq(address_space_protect(space, moved, BLOCK, READ_WRITE), 0);
    user_writes(moved + PAGES(6), 0x66);
    ck_assert_uint_eq(read_byte(moved + PAGES(5)), 0x55);
    ck_assert_uint_eq(read_byte(moved + PAGES(6)), 0x66);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 2);
    fixture_end();
}
END_TEST

/* The TLB may have lost what the tables allow. */
START_TEST(fault_on_a_reserved_frame_makes_it_a_page)
{
    reserve();
    ck_assert_int_eq(touch_write(RESERVED + PAGES(8)), FAULT_RESOLVED);
    ck_assert(!is_reserved(RESERVED + PAGES(8)));
    ck_assert_uint_eq(page_references(page_at(entry_at(RESERVED + PAGES(8)) & ENTRY_ADDRESS)), 1);
    ck_assert_uint_eq(resident_pages(), FIRST_PAGES + 1);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/reservation", fixture_begin_reserving, PANICS(NULL),
                     scattered_touches_reserve_a_block, only_whole_vacant_blocks_are_reserved,
                     machines_that_cannot_tell_reserve_nothing,
                     walk_out_of_a_reserved_block_is_none_of_them, only_touched_pages_count,
                     populated_pages_count, unmapped_blocks_come_back_as_zeros,
                     untouched_frames_are_given_back,
                     frames_are_out_of_reach_before_they_are_judged,
                     pages_without_access_are_given_back_too, no_memory_is_lost_to_reservations,
                     other_spaces_give_back_as_well, moved_and_protected_blocks_stay_reserved,
                     fault_on_a_reserved_frame_makes_it_a_page)
