/* memory/break: the break moves, stops at limits and at what is in its way, and is exact to the
 * byte. */
#include "harness/test.h"
#include "unit/memory/space_fixture.h"

#define START (BASE + 0x123)

static void begin(void)
{
    fixture_begin();
    address_space_set_break_start(space, START);
}

static user_address move_to(user_address wanted)
{
    return address_space_break(space, wanted, UINT64_MAX);
}

START_TEST(break_grows_and_shrinks)
{
    ck_assert_uint_eq(move_to(0), START);
    ck_assert_uint_eq(move_to(START + 5), START + 5);    /* still nothing mapped */
    ck_assert_uint_eq(move_to(BASE + PAGES(3) + 7), BASE + PAGES(3) + 7);
    ck_assert_uint_eq(region_count(), 1);
    ck_assert_uint_eq(region_first(&space->regions)->start, BASE + PAGES(1));
    ck_assert_uint_eq(region_first(&space->regions)->end, BASE + PAGES(4));
    ck_assert_str_eq(region_first(&space->regions)->label, "[heap]");
    write_byte(BASE + PAGES(3), 9);
    ck_assert_uint_eq(move_to(BASE + PAGES(10)), BASE + PAGES(10));
    ck_assert_uint_eq(region_count(), 1);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 9);
    ck_assert_uint_eq(move_to(BASE + PAGES(2)), BASE + PAGES(2));
    ck_assert_int_eq(touch(BASE + PAGES(3)), FAULT_NOT_MAPPED);
    ck_assert_uint_eq(move_to(BASE + PAGES(4)), BASE + PAGES(4));
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 0);    /* zero again */
    ck_assert_uint_eq(move_to(START), START);
    ck_assert_uint_eq(region_count(), 0);
    fixture_end();
}
END_TEST

START_TEST(break_stays_where_it_cannot_move)
{
    const user_address end = move_to(BASE + PAGES(4));

    ck_assert_uint_eq(move_to(START - 1), end);
    ck_assert_uint_eq(move_to(UINT64_MAX), end);
    ck_assert_uint_eq(move_to(USER_ADDRESS_LIMIT), end);
    map_private(BASE + PAGES(10), 1, PROTECTION_READ);
    ck_assert_uint_eq(move_to(BASE + PAGES(10)), end);    /* a page must stay free */
    ck_assert_uint_eq(move_to(BASE + PAGES(9)), BASE + PAGES(9));
    ck_assert_uint_eq(move_to(BASE + PAGES(20)), BASE + PAGES(9));
    fixture_end();
}
END_TEST

START_TEST(break_keeps_limits)
{
    ck_assert_uint_eq(address_space_break(space, START + 101, 100), START);
    ck_assert_uint_eq(address_space_break(space, START + 100, 100), START + 100);
    address_space_set_limits(space, USER_STACK_SIZE, PAGES(5));
    ck_assert_uint_eq(move_to(BASE + PAGES(7)), START + 100);
    ck_assert_uint_eq(move_to(BASE + PAGES(6)), BASE + PAGES(6));
    address_space_set_limits(space, USER_STACK_SIZE, UINT64_MAX);
    address_space_set_data_limit(space, PAGES(6));
    ck_assert_uint_eq(move_to(BASE + PAGES(8)), BASE + PAGES(6));
    address_space_set_data_limit(space, UINT64_MAX);
    ck_assert_uint_eq(move_to(BASE + 2 * (uint64_t)FIXTURE_MEMORY), BASE + PAGES(6));
    fixture_end();
}
END_TEST

START_TEST(break_survives_holes_made_by_the_program)
{
    move_to(BASE + PAGES(8));
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(2), PAGES(3)), 0);
    ck_assert_uint_eq(move_to(BASE + PAGES(1)), BASE + PAGES(1));
    ck_assert_uint_eq(region_count(), 0);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/break", begin, PANICS(NULL), break_grows_and_shrinks,
                     break_stays_where_it_cannot_move, break_keeps_limits,
                     break_survives_holes_made_by_the_program)
