/*
 * memory/mapping: where mappings go, what is refused and in which order, limits, and what is
 * flushed.
 */
#include <string.h>

#include "harness/test.h"
#include "unit/memory/space_fixture.h"

#define GIB (UINT64_C(1) << 30)

static struct map_request request;

static void begin(void)
{
    fixture_begin();
    request = (struct map_request){ .length = PAGES(4), .protection = READ_WRITE };
}

/* The place, or the error. */
static int64_t map(void)
{
    user_address place;
    int error = address_space_map(space, &request, &place);

    return error ? error : (int64_t)place;
}

static unsigned flushes(void)
{
    return fake_machine.cpus[0].flushes;
}

/* ---- Where --------------------------------------------------------------------------------- */

START_TEST(mappings_go_below_the_map_top_from_high_to_low)
{
    user_address top = address_space_map_top(space);

    ck_assert_uint_lt(top, address_space_stack_top(space) - USER_STACK_SIZE);
    ck_assert_int_eq(map(), (int64_t)(top - PAGES(4)));
    request.protection = PROTECTION_READ;
    ck_assert_int_eq(map(), (int64_t)(top - PAGES(8)));
    ck_assert_int_eq(address_space_unmap(space, top - PAGES(4), PAGES(4)), 0);
    request.length = PAGES(5);
    ck_assert_int_eq(map(), (int64_t)(top - PAGES(13)));
    request.length = PAGES(3);
    ck_assert_int_eq(map(), (int64_t)(top - PAGES(3)));
    fixture_end();
}
END_TEST

START_TEST(hints_are_taken_when_free)
{
    request.address = BASE + 123;
    ck_assert_int_eq(map(), (int64_t)BASE);
    ck_assert_int_ne(map(), (int64_t)BASE);
    request.address = BASE - PAGES(3);    /* would overlap */
    ck_assert_int_ne(map(), (int64_t)(BASE - PAGES(3)));
    request.address = 1;                  /* rounds to none */
    ck_assert_int_eq(map(), (int64_t)(address_space_map_top(space) - PAGES(12)));
    request.address = PAGE_SIZE;          /* below the minimum: raised to it */
    ck_assert_int_eq(map(), USER_ADDRESS_MINIMUM);
    request.address = UINT64_C(0xffff800000000000);
    ck_assert_int_gt(map(), 0);
    fixture_end();
}
END_TEST

START_TEST(low_mappings_go_to_the_second_gib)
{
    request.flags = MAP_BELOW_4G;
    request.length = GIB / 2;
    request.protection = PROTECTION_READ;
    ck_assert_int_eq(map(), (int64_t)GIB);
    ck_assert_int_eq(map(), (int64_t)(GIB + GIB / 2));
    ck_assert_int_eq(map(), -ENOMEM);
    request.address = GIB / 4;    /* a hint may lie lower */
    ck_assert_int_eq(map(), (int64_t)(GIB / 4));
    fixture_end();
}
END_TEST

START_TEST(low_mappings_leave_out_what_is_the_machines)
{
    static const struct machine_range ranges[2] = {
        { USER_ADDRESS_MINIMUM, GIB + GIB / 4 }, { GIB + GIB / 4 + 0x10000, 0x100080000000 },
    };

    fake_machine_info.user_ranges = ranges;
    fake_machine_info.user_range_count = 2;
    request.flags = MAP_BELOW_4G;
    request.protection = PROTECTION_READ;
    request.length = GIB / 4;
    ck_assert_int_eq(map(), (int64_t)GIB);
    ck_assert_int_eq(map(), (int64_t)(GIB + GIB / 4 + 0x10000));
    request.length = 0x10000;
    ck_assert_int_eq(map(), (int64_t)(GIB + GIB / 2 + 0x10000));
    request.length = GIB - 0x40000;
    ck_assert_int_eq(map(), -ENOMEM);
    fixture_end();
}
END_TEST

START_TEST(ranges_with_a_hole_are_respected)
{
    static const struct machine_range ranges[2] = {
        { USER_ADDRESS_MINIMUM, 0x7fff8000 }, { 0x10007fff8000, 0x100080000000 },
    };

    address_space_release(space);
    fake_machine_info.user_ranges = ranges;
    fake_machine_info.user_range_count = 2;
    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_uint_eq(address_space_stack_top(space), 0x100080000000);
    ck_assert_uint_lt(address_space_map_top(space), 0x100080000000);
    ck_assert_uint_gt(address_space_map_top(space), 0x10007fff8000);
    request.length = 0x4000;
    ck_assert_int_gt(map(), 0x10007fff8000 - 1);
    request.protection = PROTECTION_READ;
    request.length = GIB;          /* fits the lower one only */
    ck_assert_int_eq(map(), 0x7fff8000 - (int64_t)GIB);
    request.flags = MAP_AT_ADDRESS;
    request.address = 0x7fff7000;
    request.length = 0x2000;
    ck_assert_int_eq(map(), -ENOMEM);
    request.address = 0x80000000;
    ck_assert_int_eq(map(), -ENOMEM);
    fixture_end();
}
END_TEST

START_TEST(named_places_are_checked)
{
    static const struct {
        user_address address;
        uint64_t length;
        int error;
    } rows[] = {
        { BASE, 0, -EINVAL },
        { BASE + 1, 0, -EINVAL },
        { BASE, UINT64_MAX, -ENOMEM },
        { BASE, UINT64_C(1) << 47, -ENOMEM },
        { BASE + 1, PAGE_SIZE, -EINVAL },
        { UINT64_C(0x7ffffffff001), PAGE_SIZE, -ENOMEM },
        { UINT64_MAX - 4095, PAGE_SIZE, -ENOMEM },
        { 0, PAGE_SIZE, -EPERM },
        { USER_ADDRESS_MINIMUM - PAGE_SIZE, PAGE_SIZE, -EPERM },
        { UINT64_C(0x7fffffffe000), 2 * PAGE_SIZE, -ENOMEM },
        { UINT64_C(0x7ffffffff000), PAGE_SIZE, -ENOMEM },
    };

    request.flags = MAP_AT_ADDRESS;
    request.object_error = -EACCES;    /* comes behind all of these */
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        request.address = rows[i].address;
        request.length = rows[i].length;
        ck_assert_int_eq(map(), rows[i].error);
    }
    request.address = BASE;
    request.length = PAGE_SIZE;
    ck_assert_int_eq(map(), -EACCES);
    request.object_error = 0;
    request.object_offset = UINT64_MAX - 4095;
    ck_assert_int_eq(map(), -EOVERFLOW);
    ck_assert_uint_eq(region_count(), 0);
    fixture_end();
}
END_TEST

START_TEST(places_in_use_are_replaced_unless_forbidden)
{
    map_private(BASE, 8, READ_WRITE);
    write_byte(BASE + PAGES(2), 1);
    request.address = BASE + PAGES(2);
    request.length = PAGE_SIZE;
    request.flags = MAP_AT_ADDRESS | MAP_NOT_REPLACE;
    request.object_error = -EACCES;
    ck_assert_int_eq(map(), -EEXIST);
    request.object_error = 0;
    request.flags = MAP_AT_ADDRESS;
    ck_assert_int_eq(map(), (int64_t)(BASE + PAGES(2)));
    ck_assert_uint_eq(read_byte(BASE + PAGES(2)), 0);
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

/* ---- Limits -------------------------------------------------------------------------------- */

START_TEST(size_limits_hold)
{
    address_space_set_limits(space, USER_STACK_SIZE, PAGES(10));
    request.length = PAGES(11);
    ck_assert_int_eq(map(), -ENOMEM);
    request.length = PAGES(10);
    request.flags = MAP_AT_ADDRESS;
    request.address = BASE;
    ck_assert_int_eq(map(), (int64_t)BASE);
    request.length = PAGES(5);
    ck_assert_int_eq(map(), (int64_t)BASE);    /* replaces: no more than before */
    request.address = BASE + PAGES(20);
    request.length = 1;
    ck_assert_int_eq(map(), -ENOMEM);
    fixture_end();
}
END_TEST

START_TEST(data_limit_holds_for_private_writable_memory)
{
    address_space_set_data_limit(space, PAGES(6));
    request.length = PAGES(7);
    ck_assert_int_eq(map(), -ENOMEM);
    request.protection = PROTECTION_READ;
    ck_assert_int_eq(address_space_protect(space, (user_address)map(), PAGES(7), READ_WRITE),
                     -ENOMEM);
    request.length = PAGES(6);
    ck_assert_int_eq(address_space_protect(space, (user_address)map(), PAGES(6), READ_WRITE), 0);
    request.length = PAGES(1);
    ck_assert_int_gt(map(), 0);
    request.protection = READ_WRITE;
    ck_assert_int_eq(map(), -ENOMEM);
    fixture_end();
}
END_TEST

START_TEST(absurd_promises_are_refused)
{
    request.length = 2 * (uint64_t)FIXTURE_MEMORY;
    ck_assert_int_eq(map(), -ENOMEM);
    request.flags = MAP_NO_ACCOUNT;
    ck_assert_int_gt(map(), 0);
    request.flags = 0;
    request.protection = PROTECTION_READ;

    user_address place = (user_address)map();

    ck_assert_int_eq(address_space_protect(space, place, request.length, READ_WRITE), -ENOMEM);
    ck_assert_int_eq(address_space_protect(space, place, FIXTURE_MEMORY / 2, READ_WRITE), 0);
    fixture_end();
}
END_TEST

START_TEST(too_many_regions_are_refused)
{
    request.flags = MAP_AT_ADDRESS;
    request.length = PAGE_SIZE;
    for (unsigned i = 0; i <= REGIONS_MAX; i++) {
        request.address = BASE + PAGES(2 * i);
        ck_assert_int_eq(map(), (int64_t)request.address);
    }
    ck_assert_int_eq(map(), -ENOMEM);
    ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(3 * 2)), 0);
    request.address = BASE;
    request.length = PAGES(3);
    ck_assert_int_eq(map(), (int64_t)BASE);
    ck_assert_int_eq(address_space_protect(space, BASE, PAGES(1), PROTECTION_READ), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(1)), 0);
    ck_assert_int_eq(address_space_protect(space, BASE + PAGES(1), PAGES(1), PROTECTION_READ), 0);
    ck_assert_uint_eq(region_count(), REGIONS_MAX);

    /* A hole needs one more than there may be; nothing is changed by the attempt. */
    request.address = BASE + PAGES(2 * REGIONS_MAX) + PAGES(1);
    request.length = PAGES(3);
    ck_assert_int_gt(map(), 0);
    ck_assert_int_eq(address_space_unmap(space, request.address + PAGE_SIZE, PAGE_SIZE), -ENOMEM);
    ck_assert_int_eq(touch(request.address + PAGE_SIZE), FAULT_RESOLVED);
    ck_assert_int_eq(address_space_unmap(space, request.address + PAGES(2), PAGE_SIZE), 0);
    fixture_end();
}
END_TEST

START_TEST(populated_mappings_are_there)
{
    request.flags = MAP_POPULATE_NOW;
    request.length = PAGES(300);
    ck_assert_int_gt(map(), 0);
    ck_assert_uint_eq(resident_pages(), 300);
    request.length = 2 * (uint64_t)FIXTURE_MEMORY;
    request.flags |= MAP_NO_ACCOUNT;
    ck_assert_int_gt(map(), 0);    /* cannot be populated: no error */
    fixture_end();
}
END_TEST

/* ---- Unmapping ----------------------------------------------------------------------------- */

START_TEST(unmap_arguments_are_checked)
{
    ck_assert_int_eq(address_space_unmap(space, BASE + 1, PAGE_SIZE), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, BASE, 0), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, BASE, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, BASE, UINT64_MAX - 4094), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, USER_ADDRESS_LIMIT, PAGE_SIZE), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, UINT64_C(1) << 63, PAGE_SIZE), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, USER_SPACE_END, PAGE_SIZE), -EINVAL);
    ck_assert_int_eq(address_space_unmap(space, USER_SPACE_END - PAGE_SIZE, PAGE_SIZE), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE, 1), 0);
    ck_assert_int_eq(address_space_unmap(space, 0, UINT64_C(1) << 46), 0);
    fixture_end();
}
END_TEST

START_TEST(unmapping_cuts_regions)
{
    map_private(BASE, 10, READ_WRITE);
    for (unsigned i = 0; i < 10; i++)
        write_byte(BASE + PAGES(i), (uint8_t)(i + 1));
    ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(2)), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(8), PAGES(5)), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(4), PAGES(2)), 0);
    ck_assert_uint_eq(region_count(), 2);
    ck_assert_uint_eq(resident_pages(), 4);
    for (unsigned i = 0; i < 10; i++) {
        bool there = i == 2 || i == 3 || i == 6 || i == 7;

        ck_assert_int_eq(touch(BASE + PAGES(i)), there ? FAULT_RESOLVED : FAULT_NOT_MAPPED);
        if (there)
            ck_assert_uint_eq(read_byte(BASE + PAGES(i)), i + 1);
    }
    fixture_end();
}
END_TEST

START_TEST(only_what_was_present_is_flushed_and_once)
{
    map_private(BASE, 4096, READ_WRITE);
    map_private(BASE + PAGES(5000), 10, PROTECTION_READ);
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(4000), PAGES(96)), 0);
    ck_assert_int_eq(address_space_protect(space, BASE, PAGES(100), PROTECTION_READ), 0);
    ck_assert_uint_eq(flushes(), 0);
    ck_assert_int_eq(touch_write(BASE + PAGES(200)), FAULT_RESOLVED);
    ck_assert_int_eq(touch_write(BASE + PAGES(2000)), FAULT_RESOLVED);
    ck_assert_int_eq(touch(BASE + PAGES(5000)), FAULT_RESOLVED);
    ck_assert_uint_eq(flushes(), 0);
    ck_assert_int_eq(address_space_unmap(space, 0, UINT64_C(1) << 46), 0);
    ck_assert_uint_eq(flushes(), 1);
    fixture_end();
}
END_TEST

/* ---- Protecting ---------------------------------------------------------------------------- */

static int protect(user_address address, uint64_t pages, uint32_t protection)
{
    return address_space_protect(space, address, PAGES(pages), protection);
}

START_TEST(protect_arguments_are_checked)
{
    map_private(BASE, 4, READ_WRITE);
    ck_assert_int_eq(address_space_protect(space, BASE + 1, PAGE_SIZE, 0), -EINVAL);
    ck_assert_int_eq(address_space_protect(space, BASE + 1, 0, 0), -EINVAL);
    ck_assert_int_eq(address_space_protect(space, BASE, 0, 64), 0);
    ck_assert_int_eq(address_space_protect(space, BASE, UINT64_MAX, 0), -ENOMEM);
    ck_assert_int_eq(address_space_protect(space, BASE, UINT64_MAX - PAGE_SIZE, 64), -ENOMEM);
    ck_assert_int_eq(protect(BASE, 1, 64), -EINVAL);
    ck_assert_int_eq(protect(BASE + PAGES(4), 1, PROTECTION_READ), -ENOMEM);
    ck_assert_int_eq(protect(BASE - PAGES(1), 2, PROTECTION_READ), -ENOMEM);
    ck_assert_int_eq(touch_write(BASE), FAULT_RESOLVED);
    /* Up to the hole it is done. */
    ck_assert_int_eq(protect(BASE + PAGES(2), 3, PROTECTION_READ), -ENOMEM);
    ck_assert_int_eq(touch_write(BASE + PAGES(1)), FAULT_RESOLVED);
    ck_assert_int_eq(touch_write(BASE + PAGES(2)), FAULT_NOT_PERMITTED);
    fixture_end();
}
END_TEST

START_TEST(lost_permissions_are_flushed_and_gained_ones_are_not)
{
    map_private(BASE, 16, READ_WRITE | PROTECTION_EXECUTE);
    write_byte(BASE + PAGES(3), 7);
    ck_assert_uint_eq(flushes(), 0);
    ck_assert_int_eq(protect(BASE, 16, PROTECTION_READ | PROTECTION_EXECUTE), 0);
    ck_assert_uint_eq(flushes(), 1);
    ck_assert_int_eq(protect(BASE, 16, PROTECTION_READ), 0);
    ck_assert_uint_eq(flushes(), 2);
    ck_assert(entry_at(BASE + PAGES(3)) & ENTRY_NO_EXECUTE);
    ck_assert_int_eq(protect(BASE, 16, PROTECTION_READ), 0);
    ck_assert_uint_eq(flushes(), 2);

    /* Back again: pages of our own become writable at once. */
    ck_assert_int_eq(protect(BASE, 16, READ_WRITE), 0);
    ck_assert_uint_eq(flushes(), 2);
    ck_assert(entry_at(BASE + PAGES(3)) & ENTRY_WRITE);
    fixture_end();
}
END_TEST

START_TEST(pages_survive_having_no_access)
{
    map_private(BASE, 16, READ_WRITE);
    write_byte(BASE + PAGES(3), 7);

    uint64_t resident = resident_pages();

    ck_assert_int_eq(protect(BASE, 16, 0), 0);
    ck_assert_uint_eq(flushes(), 1);
    ck_assert(!(entry_at(BASE + PAGES(3)) & ENTRY_PRESENT));
    ck_assert_int_eq(touch(BASE + PAGES(3)), FAULT_NOT_PERMITTED);
    ck_assert_uint_eq(resident_pages(), resident);
    ck_assert_int_eq(protect(BASE + PAGES(3), 1, PROTECTION_READ), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 7);
    ck_assert_int_eq(touch_write(BASE + PAGES(3)), FAULT_NOT_PERMITTED);
    ck_assert_int_eq(protect(BASE, 16, READ_WRITE), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 7);
    ck_assert_uint_eq(region_count(), 1);
    ck_assert_int_eq(protect(BASE, 16, 0), 0);
    fixture_end();    /* what nobody can reach is released all the same */
}
END_TEST

START_TEST(shared_zeros_never_become_writable)
{
    map_private(BASE, 16, PROTECTION_READ);
    ck_assert_int_eq(touch(BASE), FAULT_RESOLVED);
    ck_assert_int_eq(protect(BASE, 16, READ_WRITE), 0);
    ck_assert(!(entry_at(BASE) & ENTRY_WRITE));
    write_byte(BASE, 1);
    ck_assert_uint_eq(read_byte(BASE + 1), 0);
    map_private(BASE + PAGES(100), 1, PROTECTION_READ);
    ck_assert_uint_eq(read_byte(BASE + PAGES(100)), 0);
    fixture_end();
}
END_TEST

START_TEST(maximum_protection_holds)
{
    struct memory_object *object;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(4), &object), 0);
    request.object = object;
    request.flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES;
    request.address = BASE + PAGES(4);
    request.protection = PROTECTION_READ;
    request.maximum_protection = PROTECTION_READ;
    ck_assert_int_gt(map(), 0);
    memory_object_release(object);
    map_private(BASE, 4, PROTECTION_READ);
    ck_assert_int_eq(protect(BASE, 8, READ_WRITE), -EACCES);
    ck_assert_int_eq(touch_write(BASE + PAGES(3)), FAULT_RESOLVED);    /* came before it */
    ck_assert_int_eq(touch_write(BASE + PAGES(4)), FAULT_NOT_PERMITTED);
    ck_assert_int_eq(protect(BASE + PAGES(4), 4, 0), 0);
    fixture_end();
}
END_TEST

START_TEST(protecting_from_the_start_of_a_stack)
{
    request.flags = MAP_AT_ADDRESS | MAP_GROWS_DOWN;
    request.address = BASE;
    request.length = PAGES(8);
    ck_assert_int_eq(map(), (int64_t)BASE);
    map_private(BASE + PAGES(20), 2, READ_WRITE);
    ck_assert_int_eq(protect(BASE + PAGES(6), 1, READ_WRITE | PROTECTION_EXECUTE |
                             PROTECTION_FROM_START), 0);
    ck_assert_uint_eq(region_first(&space->regions)->start, BASE);
    ck_assert_uint_eq(region_first(&space->regions)->end, BASE + PAGES(7));
    ck_assert_int_eq(address_space_fault(space, BASE, ACCESS_EXECUTE), FAULT_RESOLVED);
    ck_assert_int_eq(protect(BASE + PAGES(20), 1, PROTECTION_FROM_START), -EINVAL);
    ck_assert_int_eq(protect(BASE + PAGES(10), 1, PROTECTION_FROM_START), -ENOMEM);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/mapping", begin, PANICS(NULL),
                     mappings_go_below_the_map_top_from_high_to_low, hints_are_taken_when_free,
                     low_mappings_go_to_the_second_gib,
                     low_mappings_leave_out_what_is_the_machines, ranges_with_a_hole_are_respected,
                     named_places_are_checked, places_in_use_are_replaced_unless_forbidden,
                     size_limits_hold, data_limit_holds_for_private_writable_memory,
                     absurd_promises_are_refused, too_many_regions_are_refused,
                     populated_mappings_are_there, unmap_arguments_are_checked,
                     unmapping_cuts_regions, only_what_was_present_is_flushed_and_once,
                     protect_arguments_are_checked,
                     lost_permissions_are_flushed_and_gained_ones_are_not,
                     pages_survive_having_no_access, shared_zeros_never_become_writable,
                     maximum_protection_holds, protecting_from_the_start_of_a_stack)
