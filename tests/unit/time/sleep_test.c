/* Sleeping, and the clocks. */
#include "time/sleep.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/thread.h"
#include "sync/wait_queue.h"
#include "time/clock.h"

struct sleeper {
    uint64_t deadline_ns;
    uint64_t woke_at_ns;
    int result;
    bool over;
};

static void sleep_once(void *argument)
{
    struct sleeper *sleeper = argument;

    sleeper->result = sleep_until(sleeper->deadline_ns);
    sleeper->woke_at_ns = clock_monotonic_ns();
    sleeper->over = true;
}

START_TEST(sleep_ends_at_the_deadline)
{
    struct sleeper sleeper = { .deadline_ns = 1000000 };

    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", sleep_once, &sleeper);

    fake_scheduler_run();
    ck_assert(!sleeper.over);
    ck_assert_int_eq(thread->waiting_for.kind, WAIT_SLEEP);
    ck_assert_uint_eq(thread->waiting_for.object, 1000000);
    fake_machine_advance(1000000);
    fake_scheduler_run();
    ck_assert(sleeper.over);
    ck_assert_int_eq(sleeper.result, 0);
    ck_assert_uint_eq(sleeper.woke_at_ns, 1000000);
}
END_TEST

START_TEST(sleep_until_the_past_returns_at_once)
{
    struct sleeper sleeper = { .deadline_ns = 10 };

    fake_scheduler_init(1);
    fake_machine.time_ns = 20;
    thread_release(fake_thread_start("a", sleep_once, &sleeper));
    fake_scheduler_run();
    ck_assert(sleeper.over);
    ck_assert_int_eq(sleeper.result, 0);
}
END_TEST

START_TEST(sleep_is_interrupted_by_a_signal)
{
    struct sleeper sleeper = { .deadline_ns = WAIT_FOREVER };

    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", sleep_once, &sleeper);

    fake_scheduler_run();
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert(sleeper.over);
    ck_assert_int_eq(sleeper.result, -EINTR);
}
END_TEST

START_TEST(sleepers_wake_in_the_order_of_their_deadlines)
{
    static struct sleeper sleepers[100];

    fake_scheduler_init(1);
    for (unsigned i = 0; i < 100; i++) {
        sleepers[i].deadline_ns = (i * 37 + 11) % 100 * 100000 + 100000;
        thread_release(fake_thread_start("a", sleep_once, &sleepers[i]));
    }
    fake_scheduler_run();
    for (int step = 0; step < 200; step++) {
        fake_machine_advance(100000);
        fake_scheduler_run();
    }
    for (unsigned i = 0; i < 100; i++) {
        ck_assert(sleepers[i].over);
        ck_assert_uint_eq(sleepers[i].woke_at_ns, sleepers[i].deadline_ns);
    }
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

/* ---- Real time ----------------------------------------------------------------------------- */

static void sleep_until_real_time(void *argument)
{
    struct sleeper *sleeper = argument;

    sleeper->result = sleep_until_real(sleeper->deadline_ns);
    sleeper->woke_at_ns = clock_monotonic_ns();
    sleeper->over = true;
}

static struct thread *start_real(struct sleeper *sleeper, uint64_t from_now_ns)
{
    struct thread *thread;

    sleeper->deadline_ns = clock_real_ns() + from_now_ns;
    thread = fake_thread_start("a", sleep_until_real_time, sleeper);
    fake_scheduler_run();
    return thread;
}

static void advance(uint64_t ns)
{
    fake_machine_advance(ns);
    fake_scheduler_run();
}

START_TEST(a_real_time_comes_by_itself)
{
    struct sleeper sleeper = { 0 }, late = { 0 };

    fake_scheduler_init(1);
    thread_release(start_real(&sleeper, 1000000));
    advance(999999);
    ck_assert(!sleeper.over);
    advance(1);
    ck_assert(sleeper.over);
    ck_assert_int_eq(sleeper.result, 0);
    thread_release(start_real(&late, 0));
    ck_assert(late.over);
    ck_assert_int_eq(late.result, 0);
}
END_TEST

START_TEST(a_sleep_until_a_real_time_follows_the_clock)
{
    struct sleeper forward = { 0 }, back = { 0 };

    fake_scheduler_init(1);
    thread_release(start_real(&forward, 1000000));
    clock_set_real_ns(clock_real_ns() + 400000);
    fake_scheduler_run();
    ck_assert(!forward.over);
    advance(600000);
    ck_assert(forward.over);
    ck_assert_uint_eq(forward.woke_at_ns, 600000);

    thread_release(start_real(&back, 1000000));
    clock_set_real_ns(clock_real_ns() - 500000);
    advance(1000000);
    ck_assert(!back.over);
    clock_set_real_ns(back.deadline_ns + 5);    /* over it: at once */
    fake_scheduler_run();
    ck_assert(back.over);
    ck_assert_int_eq(back.result, 0);
}
END_TEST

START_TEST(a_sleep_until_a_real_time_is_interrupted)
{
    struct sleeper sleeper = { 0 };
    struct thread *thread;

    fake_scheduler_init(1);
    thread = start_real(&sleeper, 1000000);
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert(sleeper.over);
    ck_assert_int_eq(sleeper.result, -EINTR);
    /* It does not listen to the clock any more: nobody is woken. */
    ck_assert_uint_eq(wait_queue_wake_all(clock_changes()), 0);
    thread_release(thread);
}
END_TEST

TEST_MAIN("time/sleep", a_real_time_comes_by_itself, a_sleep_until_a_real_time_follows_the_clock,
          a_sleep_until_a_real_time_is_interrupted,
          sleep_ends_at_the_deadline, sleep_until_the_past_returns_at_once,
          sleep_is_interrupted_by_a_signal, sleepers_wake_in_the_order_of_their_deadlines)
