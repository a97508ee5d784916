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

TEST_MAIN("time/clock", clock_real_is_the_boot_time_and_what_went_by,
          clock_real_can_be_set_forward_and_back)
