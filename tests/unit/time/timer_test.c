/* Timers: order, arming of the machine, moving, cancelling, the full heap. */
#include "time/timer.h"

#include <setjmp.h>
#include <string.h>

#include "config.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/container.h"

struct test_timer {
    struct timer timer;
    char letter;
    uint64_t expired_at_ns;
    uint64_t arm_again_ns;    /* from its function; 0: not */
};

static char story[64];
static struct test_timer timers[4];

static void expired(struct timer *timer)
{
    struct test_timer *test = CONTAINER_OF(timer, struct test_timer, timer);

    ck_assert(!machine_interrupts_enabled());
    ck_assert(!timer_is_armed(timer));
    test->expired_at_ns = fake_machine.time_ns;
    story[strlen(story)] = test->letter;
    if (test->arm_again_ns)
        timer_arm(timer, fake_machine.time_ns + test->arm_again_ns);
}

static void begin(unsigned cpu_count)
{
    fake_scheduler_init(cpu_count);
    memset(story, 0, sizeof(story));
    memset(timers, 0, sizeof(timers));
    for (int i = 0; i < 4; i++) {
        timer_init(&timers[i].timer, expired);
        timers[i].letter = (char)('a' + i);
    }
    machine_interrupts_restore(true);
}

static uint64_t deadline(void)
{
    return fake_machine.cpus[fake_machine.cpu].timer_deadline_ns;
}

START_TEST(timer_expires_at_its_deadline_not_before)
{
    begin(1);
    timer_arm(&timers[0].timer, 1000);
    ck_assert(timer_is_armed(&timers[0].timer));
    ck_assert_uint_eq(deadline(), 1000);
    fake_machine_advance(999);
    ck_assert_str_eq(story, "");
    fake_machine_advance(1);
    ck_assert_str_eq(story, "a");
    ck_assert(!timer_is_armed(&timers[0].timer));
    ck_assert_uint_eq(deadline(), UINT64_MAX);
}
END_TEST

START_TEST(timer_expire_in_order_of_time_then_of_arming)
{
    begin(1);
    timer_arm(&timers[0].timer, 3000);
    timer_arm(&timers[1].timer, 1000);
    timer_arm(&timers[2].timer, 1000);
    timer_arm(&timers[3].timer, 2000);
    fake_machine_advance(5000);
    ck_assert_str_eq(story, "bcda");
}
END_TEST

START_TEST(timer_each_at_its_own_time)
{
    begin(1);
    timer_arm(&timers[0].timer, 300000);
    timer_arm(&timers[1].timer, 100000);
    fake_machine_advance(100000);
    ck_assert_str_eq(story, "b");
    ck_assert_uint_eq(deadline(), 300000);
    fake_machine_advance(200000);
    ck_assert_str_eq(story, "ba");
}
END_TEST

START_TEST(timer_past_deadline_expires_at_once)
{
    begin(1);
    fake_machine.time_ns = 5000;
    timer_arm(&timers[0].timer, 4000);
    ck_assert_str_eq(story, "a");
}
END_TEST

START_TEST(timer_past_deadline_waits_for_interrupts)
{
    begin(1);
    fake_machine.time_ns = 5000;
    machine_interrupts_disable();
    timer_arm(&timers[0].timer, 4000);
    ck_assert_str_eq(story, "");
    machine_interrupts_restore(true);
    ck_assert_str_eq(story, "a");
}
END_TEST

START_TEST(timer_armed_again_is_moved)
{
    begin(1);
    timer_arm(&timers[0].timer, 1000);
    timer_arm(&timers[0].timer, 3000);
    fake_machine_advance(2000);
    ck_assert_str_eq(story, "");
    timer_arm(&timers[0].timer, 2500);
    fake_machine_advance(500);
    ck_assert_str_eq(story, "a");
}
END_TEST

START_TEST(timer_function_may_arm_it_again)
{
    begin(1);
    timers[0].arm_again_ns = TIMER_REST_NS;
    timer_arm(&timers[0].timer, TIMER_REST_NS);
    for (int i = 0; i < 5; i++)
        fake_machine_advance(TIMER_REST_NS);
    ck_assert_str_eq(story, "aaaaa");
    ck_assert(timer_cancel(&timers[0].timer));
    fake_machine_advance(5 * TIMER_REST_NS);
    ck_assert_str_eq(story, "aaaaa");
}
END_TEST

START_TEST(timer_cancel_says_whether_it_was_armed)
{
    begin(1);
    ck_assert(!timer_cancel(&timers[0].timer));
    timer_arm(&timers[0].timer, 1000);
    ck_assert(timer_cancel(&timers[0].timer));
    ck_assert(!timer_cancel(&timers[0].timer));
    fake_machine_advance(2000);
    ck_assert_str_eq(story, "");
}
END_TEST

START_TEST(timer_arms_the_machine_only_for_an_earlier_deadline)
{
    begin(1);
    timer_arm(&timers[0].timer, 1000);
    timer_arm(&timers[1].timer, 2000);
    timer_arm(&timers[2].timer, 1000);
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 1);
    timer_arm(&timers[3].timer, 500);
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 2);
}
END_TEST

/* As a loop that polls with a time-out of a second and always finds something. */
START_TEST(timer_arming_and_cancelling_often_costs_few_interrupts)
{
    begin(1);
    for (int i = 0; i < 10000; i++) {
        timer_arm(&timers[0].timer, fake_machine.time_ns + 1000000000);
        fake_machine_advance(1000000);
        ck_assert(timer_cancel(&timers[0].timer));
    }
    ck_assert_str_eq(story, "");
    ck_assert_uint_le(fake_machine.cpus[0].timer_sets, 11);
    ck_assert_uint_le(fake_machine.cpus[0].delivered[INTERRUPT_TIMER], 10);
}
END_TEST

START_TEST(timer_idle_machine_is_not_armed)
{
    begin(1);
    timer_arm(&timers[0].timer, 1000);
    (void)timer_cancel(&timers[0].timer);
    fake_machine_advance(1000);
    ck_assert_uint_eq(deadline(), UINT64_MAX);
    fake_machine_advance(UINT64_C(3600000000000));
    ck_assert_uint_eq(fake_machine.cpus[0].delivered[INTERRUPT_TIMER], 1);
}
END_TEST

/* A timer of a nanosecond must not take the whole CPU. */
START_TEST(timer_interrupts_leave_time_for_programs)
{
    begin(1);
    timers[0].arm_again_ns = 1;
    timer_arm(&timers[0].timer, 1);
    for (int i = 0; i < 10; i++)
        fake_machine_advance(1);
    ck_assert_str_eq(story, "a");
    ck_assert_uint_eq(deadline(), 1 + TIMER_REST_NS);
    for (int i = 0; i < 10; i++)
        fake_machine_advance(TIMER_REST_NS);
    ck_assert_str_eq(story, "aaaaaaaaaaa");
}
END_TEST

START_TEST(timer_rest_does_not_hold_up_a_new_timer)
{
    begin(1);
    timer_arm(&timers[0].timer, 1000);
    timer_arm(&timers[1].timer, 1500);
    fake_machine_advance(1000);
    ck_assert_uint_eq(deadline(), 1000 + TIMER_REST_NS);
    timer_arm(&timers[2].timer, 2000);
    ck_assert_uint_eq(deadline(), 2000);
    fake_machine_advance(1000);
    ck_assert_str_eq(story, "abc");
}
END_TEST

/* ---- Several CPUs -------------------------------------------------------------------------- */

START_TEST(timer_expires_on_the_cpu_that_armed_it)
{
    begin(2);
    fake_machine.cpu = 1;
    timer_arm(&timers[0].timer, 1000);
    fake_machine.cpu = 0;
    fake_machine_advance(1000);
    ck_assert_str_eq(story, "");
    fake_machine.cpu = 1;
    machine_interrupts_restore(true);
    ck_assert_str_eq(story, "a");
}
END_TEST

START_TEST(timer_cancel_from_another_cpu)
{
    begin(2);
    timer_arm(&timers[0].timer, 1000);
    fake_machine.cpu = 1;
    ck_assert(timer_cancel(&timers[0].timer));
    fake_machine.cpu = 0;
    fake_machine_advance(1000);
    ck_assert_str_eq(story, "");
}
END_TEST

START_TEST(timer_armed_on_another_cpu_moves_there)
{
    begin(2);
    timer_arm(&timers[0].timer, 1000);
    fake_machine.cpu = 1;
    timer_arm(&timers[0].timer, 2000);
    ck_assert_uint_eq(timers[0].timer.cpu, 1);
    fake_machine.cpu = 0;
    fake_machine_advance(2000);
    ck_assert_str_eq(story, "");
    fake_machine.cpu = 1;
    machine_interrupts_restore(true);
    ck_assert_str_eq(story, "a");
}
END_TEST

/* CPU 1 cancels while the function runs on CPU 0: it waits until that has returned. */
static bool cancel_returned;
static jmp_buf function_ends;

static void end_function_on_cpu_0(void)
{
    if (fake_machine.relaxations == 5) {
        ck_assert(!cancel_returned);
        longjmp(function_ends, 1);
    }
}

static void cancelled_meanwhile(struct timer *timer)
{
    fake_machine.cpu = 1;
    fake_machine.relax = end_function_on_cpu_0;
    if (setjmp(function_ends) == 0) {
        (void)timer_cancel(timer);
        cancel_returned = true;
    }
    fake_machine.cpu = 0;
}

START_TEST(timer_cancel_waits_for_a_function_that_runs)
{
    struct timer timer;

    begin(2);
    timer_init(&timer, cancelled_meanwhile);
    timer_arm(&timer, 1000);
    fake_machine_advance(1000);
    ck_assert_uint_eq(fake_machine.relaxations, 5);
    ck_assert(!cancel_returned);
    fake_machine.cpu = 1;
    ck_assert(!timer_cancel(&timer));    /* has ended: does not wait */
}
END_TEST

static void cancels_itself(struct timer *timer)
{
    ck_assert(!timer_cancel(timer));
    story[strlen(story)] = 'x';
}

START_TEST(timer_function_may_cancel_itself)
{
    struct timer timer;

    begin(1);
    timer_init(&timer, cancels_itself);
    timer_arm(&timer, 1000);
    fake_machine_advance(1000);
    ck_assert_str_eq(story, "x");
}
END_TEST

/* ---- Slack and the alarm of processor time ------------------------------------------------- */

START_TEST(timer_with_slack_runs_at_its_latest_time)
{
    begin(1);
    timer_arm_between(&timers[0].timer, 1000000, 1050000);
    ck_assert_uint_eq(deadline(), 1050000);
    fake_machine_advance(1049999);
    ck_assert_str_eq(story, "");
    fake_machine_advance(1);
    ck_assert_str_eq(story, "a");
}
END_TEST

START_TEST(timer_with_slack_runs_with_an_interrupt_that_comes_anyway)
{
    begin(1);
    timer_arm_between(&timers[0].timer, 1000000, 2000000);
    timer_arm(&timers[1].timer, 900000);
    timer_arm(&timers[2].timer, 1500000);
    fake_machine_advance(900000);
    ck_assert_str_eq(story, "b");    /* too early for it */
    fake_machine_advance(600000);
    ck_assert_str_eq(story, "bca");
    ck_assert_uint_eq(deadline(), UINT64_MAX);
}
END_TEST

START_TEST(timer_disarmed_does_not_run)
{
    begin(1);
    timer_arm(&timers[0].timer, 1000);
    timer_disarm(&timers[0].timer);
    timer_disarm(&timers[0].timer);
    ck_assert(!timer_is_armed(&timers[0].timer));
    fake_machine_advance(100000);
    ck_assert_str_eq(story, "");
}
END_TEST

/* ---- Limits -------------------------------------------------------------------------------- */

static struct timer many[TIMERS_PER_CPU_MAX + 1];

static void arm_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        timer_init(&many[i], expired);
        timer_arm(&many[i], 1000 + i);
    }
}

START_TEST(timer_heap_holds_what_config_says)
{
    begin(1);
    arm_many(TIMERS_PER_CPU_MAX);
    for (unsigned i = 0; i < TIMERS_PER_CPU_MAX; i++)
        ck_assert(timer_cancel(&many[i]));
}
END_TEST

START_TEST(timer_full_heap_panics)
{
    begin(1);
    arm_many(TIMERS_PER_CPU_MAX + 1);
}
END_TEST

TEST_MAIN_WITH_PANICS("time/timer", PANICS(timer_full_heap_panics),
                      timer_expires_at_its_deadline_not_before,
                      timer_expire_in_order_of_time_then_of_arming, timer_each_at_its_own_time,
                      timer_past_deadline_expires_at_once,
                      timer_past_deadline_waits_for_interrupts, timer_armed_again_is_moved,
                      timer_function_may_arm_it_again, timer_cancel_says_whether_it_was_armed,
                      timer_arms_the_machine_only_for_an_earlier_deadline,
                      timer_arming_and_cancelling_often_costs_few_interrupts,
                      timer_idle_machine_is_not_armed,
                      timer_interrupts_leave_time_for_programs,
                      timer_rest_does_not_hold_up_a_new_timer,
                      timer_expires_on_the_cpu_that_armed_it,
                      timer_cancel_from_another_cpu, timer_armed_on_another_cpu_moves_there,
                      timer_cancel_waits_for_a_function_that_runs,
                      timer_function_may_cancel_itself,
                      timer_with_slack_runs_at_its_latest_time,
                      timer_with_slack_runs_with_an_interrupt_that_comes_anyway,
                      timer_disarmed_does_not_run, timer_heap_holds_what_config_says)
