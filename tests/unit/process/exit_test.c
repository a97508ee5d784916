/* The end of threads and processes: statuses, who is woken, and that all memory comes back. */
#include <errno.h>

#include "memory/pool.h"
#include "unit/process/process_fixture.h"

static void exit_with_code(void)
{
    process_exit_all(0x1234 << 8);
}

START_TEST(only_the_low_byte_of_a_code_counts)
{
    fixture_run(exit_with_code);
    ck_assert(fixture_halted);
    ck_assert_int_eq(fixture_status, 0x34);
}
END_TEST

static void exit_alone(void)
{
    process_exit_thread(7);
}

START_TEST(the_last_thread_gives_its_code)
{
    fixture_run(exit_alone);
    ck_assert(fixture_halted);
    ck_assert_int_eq(fixture_status, 7);
}
END_TEST

static void die_by_signal(void)
{
    process_exit_all(SIGNAL_ABRT);
}

START_TEST(a_signal_gives_128_and_its_number)
{
    fixture_run(die_by_signal);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_ABRT);
}
END_TEST

/* ---- Several threads ----------------------------------------------------------------------- */

static int second_result;

static void wait_for_ever(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL };

    (void)argument;
    second_result = wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER);
    signal_deliver_pending();
    ck_abort_msg("survived");
}

static void end_group(void)
{
    thread_release(fixture_thread(wait_for_ever));
    scheduler_yield();
    ck_assert_uint_eq(current_process()->live_threads, 2);
    process_exit_all(3 << 8);
}

START_TEST(exit_group_ends_threads_that_wait)
{
    fixture_run(end_group);
    ck_assert(fixture_halted);
    ck_assert_int_eq(second_result, -EINTR);
    ck_assert_int_eq(fixture_status, 3);
}
END_TEST

static void leave_the_other(void)
{
    thread_release(fixture_thread(wait_for_ever));
    scheduler_yield();
    process_exit_thread(3);
}

START_TEST(a_process_lives_while_it_has_threads)
{
    fixture_run(leave_the_other);
    ck_assert(!fixture_halted);
    ck_assert_uint_eq(fixture_process->live_threads, 1);
    signal_send_kernel(fixture_process, SIGNAL_KILL);
    fake_scheduler_run();
    ck_assert(fixture_halted);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_KILL);
}
END_TEST

/* ---- Nothing is left ----------------------------------------------------------------------- */

static void count_objects(const struct pool *pool, void *context)
{
    *(size_t *)context += pool->in_use;
}

static void use_everything(void)
{
    size_t objects = 0;
    const struct interval soon = { .remaining_ns = 1000000, .interval_ns = 1000000 };

    thread_release(fixture_thread(wait_for_ever));
    scheduler_yield();
    interval_timer_set(current_process(), INTERVAL_TIMER_REAL, &soon, NULL);
    signal_set_blocked(UINT64_MAX);
    for (int number = 32; number < 64; number++) {
        ck_assert_int_eq(signal_thread_kill(0, current_thread()->id, number), 0);
        ck_assert_int_eq(signal_kill(current_process()->id, number), 0);
    }
    pool_for_each(count_objects, &objects);
    ck_assert_uint_ge(objects, 64);    /* signals that wait */
    process_exit_all(0);
}

START_TEST(everything_is_given_back)
{
    size_t objects = 0;

    fixture_run(use_everything);
    ck_assert(fixture_halted);
    ck_assert_uint_eq(process_count(), 0);
    fake_machine_advance(10000000);    /* the alarm is off */
    fake_scheduler_run();
    process_release(fixture_process);
    pool_for_each(count_objects, &objects);
    ck_assert_uint_eq(objects, 0);
}
END_TEST

/* ---- Interval timer ------------------------------------------------------------------------ */

static void set_timer(void)
{
    const struct interval wanted = { .remaining_ns = 5000, .interval_ns = 1000 };
    struct interval now;

    signal_set_blocked(SIGNAL_BIT(SIGNAL_ALRM));
    interval_timer_set(current_process(), INTERVAL_TIMER_REAL, &wanted, NULL);
    fake_machine_advance(2000);
    interval_timer_get(current_process(), INTERVAL_TIMER_REAL, &now);
    ck_assert_uint_eq(now.remaining_ns, 3000);
    ck_assert_uint_eq(now.interval_ns, 1000);
    ck_assert_uint_eq(signal_pending_blocked(), 0);
    fake_machine_advance(5500);    /* once, and twice more that are missed */
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_ALRM));
    interval_timer_get(current_process(), INTERVAL_TIMER_REAL, &now);
    ck_assert_uint_eq(now.remaining_ns, 500);
}

START_TEST(the_alarm_rings_and_goes_on)
{
    fixture_run(set_timer);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("process/exit", only_the_low_byte_of_a_code_counts, the_last_thread_gives_its_code,
          a_signal_gives_128_and_its_number, exit_group_ends_threads_that_wait,
          a_process_lives_while_it_has_threads, everything_is_given_back,
          the_alarm_rings_and_goes_on)
