/* memory/fault: stacks grow downwards, to their limits, and never into what lies below. */
#include "harness/test.h"
#include "unit/memory/space_fixture.h"

static struct address_space_statistics statistics(void)
{
    struct address_space_statistics result;

    address_space_statistics(space, &result);
    return result;
}

static void map_stack(user_address top, uint64_t pages)
{
    const struct map_request request = {
        .address = top - PAGES(pages),
        .length = PAGES(pages),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_GROWS_DOWN,
        .label = "[stack]",
    };
    user_address place;

    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
}

START_TEST(stack_grows_to_its_limit)
{
    const user_address top = BASE + PAGES(4096);

    address_space_set_limits(space, PAGES(100), UINT64_MAX);
    map_stack(top, 4);
    ck_assert_int_eq(touch_write(top - PAGES(50)), FAULT_RESOLVED);
    ck_assert_uint_eq(statistics().stack_pages, 50);
    ck_assert_uint_eq(statistics().total_pages, 50);
    ck_assert_int_eq(touch_write(top - PAGES(100)), FAULT_RESOLVED);
    ck_assert_int_eq(touch_write(top - PAGES(100) - 1), FAULT_NOT_MAPPED);
    ck_assert_uint_eq(statistics().stack_pages, 100);
    fixture_end();
}
END_TEST

START_TEST(stack_that_is_walked_down_takes_few_faults)
{
    const user_address top = BASE + PAGES(4096);
    unsigned faults = 0;

    address_space_set_limits(space, PAGES(1003), UINT64_MAX);
    map_stack(top, 33);
    for (unsigned i = 1; i <= 1003; i++) {
        if (entry_at(top - PAGES(i)) != 0)
            continue;
        ck_assert_int_eq(touch_write(top - PAGES(i)), FAULT_RESOLVED);
        faults++;
    }
    ck_assert_uint_le(faults, 100);
    ck_assert_uint_eq(statistics().stack_pages, 1003);    /* to the page, at the limit */
    ck_assert_int_eq(touch_write(top - PAGES(1004)), FAULT_NOT_MAPPED);
    fixture_end();
}
END_TEST

START_TEST(stack_keeps_a_gap_to_what_lies_below)
{
    const user_address top = BASE + PAGES(1000);

    map_stack(top, 4);
    map_private(BASE, 10, PROTECTION_READ);
    ck_assert_int_eq(touch(BASE + PAGES(10 + STACK_GUARD_PAGES)), FAULT_RESOLVED);
    ck_assert_int_eq(touch(BASE + PAGES(10 + STACK_GUARD_PAGES) - 1), FAULT_NOT_MAPPED);

    /* Memory that nobody can touch is a guard itself. */
    ck_assert_int_eq(address_space_protect(space, BASE, PAGES(10), 0), 0);
    ck_assert_int_eq(touch(BASE + PAGES(10 + STACK_GUARD_PAGES) - 1), FAULT_RESOLVED);
    ck_assert_int_eq(touch(BASE + PAGES(10)), FAULT_RESOLVED);
    ck_assert_int_eq(touch(BASE + PAGES(9)), FAULT_NOT_PERMITTED);
    fixture_end();
}
END_TEST

START_TEST(stack_does_not_grow_beyond_the_size_limit)
{
    const user_address top = BASE + PAGES(1000);

    map_stack(top, 4);
    address_space_set_limits(space, PAGES(1000), PAGES(20));
    ck_assert_int_eq(touch(top - PAGES(20)), FAULT_RESOLVED);
    ck_assert_int_eq(touch(top - PAGES(21)), FAULT_NOT_MAPPED);
    fixture_end();
}
END_TEST

START_TEST(ordinary_regions_do_not_grow)
{
    map_private(BASE + PAGES(10), 4, READ_WRITE);
    ck_assert_int_eq(touch(BASE + PAGES(10) - 1), FAULT_NOT_MAPPED);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/stack", fixture_begin, PANICS(NULL), stack_grows_to_its_limit,
                     stack_that_is_walked_down_takes_few_faults,
                     stack_keeps_a_gap_to_what_lies_below,
                     stack_does_not_grow_beyond_the_size_limit, ordinary_regions_do_not_grow)
