/* Clocks: monotonic time, and real time that can be set. */
#include "time/clock.h"

#include "harness/fake_machine.h"
#include "harness/test.h"

#define BOOT_WALL_NS (UINT64_C(1700000000) * NS_PER_SECOND)

START_TEST(clock_real_is_the_boot_time_and_what_went_by)
{
    fake_machine_init(0);
    ck_assert_uint_eq(clock_real_ns(), BOOT_WALL_NS);
    fake_machine_advance(5);
    ck_assert_uint_eq(clock_monotonic_ns(), 5);
    ck_assert_uint_eq(clock_real_ns(), BOOT_WALL_NS + 5);
}
END_TEST

START_TEST(clock_real_can_be_set_forward_and_back)
{
    fake_machine_init(0);
    fake_machine_advance(NS_PER_SECOND);
    clock_set_real_ns(BOOT_WALL_NS + 100 * NS_PER_SECOND);
    ck_assert_uint_eq(clock_real_ns(), BOOT_WALL_NS + 100 * NS_PER_SECOND);
    clock_set_real_ns(12345);
    ck_assert_uint_eq(clock_real_ns(), 12345);
    fake_machine_advance(5);
    ck_assert_uint_eq(clock_real_ns(), 12350);
    ck_assert_uint_eq(clock_monotonic_ns(), NS_PER_SECOND + 5);
}
END_TEST

START_TEST(whoever_looks_sees_that_the_clock_was_set)
{
    uint64_t shown = 0, before;

    fake_machine_init(0);
    before = clock_change_count();
    clock_show_offset(&shown);
    ck_assert_uint_eq(shown, BOOT_WALL_NS);
    fake_machine_advance(7);
    ck_assert_uint_eq(shown, BOOT_WALL_NS);    /* what is shown does not move with the time */
    clock_set_real_ns(100);
    ck_assert_uint_eq(shown + clock_monotonic_ns(), 100);
    ck_assert_uint_eq(shown, clock_real_offset_ns());
    ck_assert_uint_eq(clock_change_count(), before + 1);
    ck_assert_uint_eq(clock_read(CLOCK_BASE_REAL), 100);
    ck_assert_uint_eq(clock_read(CLOCK_BASE_MONOTONIC), 7);
    clock_show_offset(NULL);
    clock_set_real_ns(200);
    ck_assert_uint_eq(shown + clock_monotonic_ns(), 100);
}
END_TEST

TEST_MAIN("time/clock", whoever_looks_sees_that_the_clock_was_set,
          clock_real_is_the_boot_time_and_what_went_by,
          clock_real_can_be_set_forward_and_back)
