/* Timers on real time: they go off when it comes, however the clock is set. */
#include "time/clock_timer.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/container.h"

#define BOOT_NS (UINT64_C(1700000000) * NS_PER_SECOND)

static struct clock_timer timers[2];
static unsigned counts[2];

static void expired(struct clock_timer *timer)
{
    counts[timer - timers]++;
}

static void begin(void)
{
    fake_scheduler_init(1);
    for (unsigned i = 0; i < 2; i++) {
        clock_timer_init(&timers[i], expired);
        counts[i] = 0;
    }
    machine_interrupts_restore(true);
}

START_TEST(clock_timer_on_monotonic_time_is_a_timer)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_MONOTONIC, 1000);
    clock_set_real_ns(BOOT_NS * 2);
    ck_assert_uint_eq(counts[0], 0);
    fake_machine_advance(999);
    ck_assert_uint_eq(counts[0], 0);
    fake_machine_advance(1);
    ck_assert_uint_eq(counts[0], 1);
}
END_TEST

START_TEST(clock_timer_goes_off_at_its_real_time)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_REAL, BOOT_NS + 1000);
    fake_machine_advance(999);
    ck_assert_uint_eq(counts[0], 0);
    fake_machine_advance(1);
    ck_assert_uint_eq(counts[0], 1);
    fake_machine_advance(100000);
    ck_assert_uint_eq(counts[0], 1);
}
END_TEST

START_TEST(clock_timer_goes_off_when_the_clock_is_set_past_it)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_REAL, BOOT_NS + 50 * NS_PER_SECOND);
    clock_timer_arm(&timers[1], CLOCK_BASE_REAL, BOOT_NS + 70 * NS_PER_SECOND);
    clock_set_real_ns(BOOT_NS + 60 * NS_PER_SECOND);
    ck_assert_uint_eq(counts[0], 1);
    ck_assert_uint_eq(counts[1], 0);
    fake_machine_advance(10 * NS_PER_SECOND);
    ck_assert_uint_eq(counts[1], 1);
}
END_TEST

START_TEST(clock_timer_waits_longer_when_the_clock_is_set_back)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_REAL, BOOT_NS + 10 * NS_PER_SECOND);
    clock_set_real_ns(BOOT_NS - 5 * NS_PER_SECOND);
    fake_machine_advance(10 * NS_PER_SECOND);
    ck_assert_uint_eq(counts[0], 0);
    fake_machine_advance(5 * NS_PER_SECOND);
    ck_assert_uint_eq(counts[0], 1);
}
END_TEST

START_TEST(clock_timer_for_a_time_before_boot_goes_off_at_once)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_REAL, 1);
    ck_assert_uint_eq(counts[0], 1);
}
END_TEST

START_TEST(clock_timer_armed_anew_for_another_clock_forgets_the_first)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_REAL, BOOT_NS + 1000);
    clock_timer_arm(&timers[0], CLOCK_BASE_MONOTONIC, 5000000);
    clock_set_real_ns(BOOT_NS * 2);
    fake_machine_advance(100000);    /* the interrupt for the first */
    ck_assert_uint_eq(counts[0], 0);
    fake_machine_advance(4899999);
    ck_assert_uint_eq(counts[0], 0);
    fake_machine_advance(1);
    ck_assert_uint_eq(counts[0], 1);
}
END_TEST

START_TEST(clock_timer_disarmed_stays_off_when_the_clock_is_set)
{
    begin();
    clock_timer_arm(&timers[0], CLOCK_BASE_REAL, BOOT_NS + 1000);
    clock_timer_cancel(&timers[0]);
    clock_set_real_ns(BOOT_NS * 2);
    fake_machine_advance(100000);
    ck_assert_uint_eq(counts[0], 0);
}
END_TEST

TEST_MAIN("time/clock_timer", clock_timer_on_monotonic_time_is_a_timer,
          clock_timer_goes_off_at_its_real_time,
          clock_timer_goes_off_when_the_clock_is_set_past_it,
          clock_timer_waits_longer_when_the_clock_is_set_back,
          clock_timer_for_a_time_before_boot_goes_off_at_once,
          clock_timer_armed_anew_for_another_clock_forgets_the_first,
          clock_timer_disarmed_stays_off_when_the_clock_is_set)
