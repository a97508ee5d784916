/* Sleeping, and the clocks. */
#include "time/sleep.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/thread.h"
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

TEST_MAIN("time/sleep", sleep_ends_at_the_deadline, sleep_until_the_past_returns_at_once,
          sleep_is_interrupted_by_a_signal, sleepers_wake_in_the_order_of_their_deadlines)
