/* Stopping: how many threads have to, who completes it, and what ends it. */
#include "process/relatives.h"
#include "signal/signal_internal.h"
#include "unit/process/process_fixture.h"

static struct thread *others[2];
static bool ended;

static void rest(void *argument)
{
    (void)argument;
    while (!ended)
        scheduler_yield();
    process_exit_thread(0);
}

static struct signals *signals(void)
{
    return &current_process()->signals;
}

static void begin(void)
{
    ended = false;
    for (unsigned i = 0; i < 2; i++)
        others[i] = fixture_thread(rest);
    scheduler_yield();
}

static void end(void)
{
    ended = true;
    for (unsigned i = 0; i < 2; i++)
        thread_release(others[i]);
}

static void begin_stop(void)
{
    thread_signals_of(current_thread())->stop_taken = true;
    signal_stop_begin(current_process(), SIGNAL_TSTP);
}

static void leave(struct thread *thread)
{
    spin_lock(&current_process()->lock);
    signal_thread_leaves(current_process(), thread);
    list_append(&current_process()->threads, &thread->sibling_node);    /* as if it were new */
    spin_unlock(&current_process()->lock);
}

static void send(int number)
{
    ck_assert_int_eq(signal_kill(current_process()->id, number), 0);
}

static void complete(void)
{
    begin();
    begin_stop();
    ck_assert(signals()->stopped && !signals()->stop_complete);
    ck_assert_uint_eq(signals()->stopping, 3);
    ck_assert(others[0]->interrupted && others[1]->interrupted);
    ck_assert_int_eq(signal_stop_report(current_process(), false), 0);    /* not yet */
    leave(others[0]);
    leave(others[1]);
    ck_assert_uint_eq(signals()->stopping, 1);
    leave(others[1]);    /* once only */
    leave(current_thread());
    ck_assert(signals()->stop_complete);
    ck_assert_int_eq(signals()->untold, CODE_CHILD_STOPPED);
    ck_assert_int_eq(signal_stop_report(current_process(), true), SIGNAL_TSTP);
    ck_assert_int_eq(signal_stop_report(current_process(), false), SIGNAL_TSTP);
    ck_assert_int_eq(signal_stop_report(current_process(), false), 0);
    send(SIGNAL_CONT);
    ck_assert(!signals()->stopped && !signals()->stop_complete);
    ck_assert_int_eq(signals()->untold, CODE_CHILD_CONTINUED);
    ck_assert(signal_continue_report(current_process(), true));
    ck_assert(signal_continue_report(current_process(), false));
    ck_assert(!signal_continue_report(current_process(), false));
    end();
}

START_TEST(the_last_thread_completes_a_stop)
{
    fixture_run(complete);
    ck_assert(fixture_halted);
}
END_TEST

static void in_the_middle(void)
{
    begin();
    begin_stop();
    leave(others[0]);
    send(SIGNAL_CONT);
    ck_assert(!signals()->stopped);
    ck_assert_uint_eq(signals()->stopping, 0);
    ck_assert_int_eq(signals()->untold, CODE_CHILD_STOPPED);    /* as if it had stopped */
    ck_assert(signal_continue_report(current_process(), false));
    leave(others[1]);    /* owes nothing any more */
    ck_assert_uint_eq(signals()->stopping, 0);
    end();
}

START_TEST(a_continue_in_the_middle_of_a_stop)
{
    fixture_run(in_the_middle);
    ck_assert(fixture_halted);
}
END_TEST

static void taken_back(void)
{
    begin();
    thread_signals_of(current_thread())->stop_taken = true;
    send(SIGNAL_CONT);    /* between taking the stop and acting on it */
    signal_stop_begin(current_process(), SIGNAL_TSTP);
    ck_assert(!signals()->stopped);
    ck_assert_int_eq(signals()->untold, 0);
    end();
}

START_TEST(a_continue_takes_back_a_stop_that_was_taken)
{
    fixture_run(taken_back);
    ck_assert(fixture_halted);
}
END_TEST

static void one_of_each(void)
{
    begin();
    signal_set_blocked(SIGNAL_BIT(SIGNAL_CONT) | SIGNALS_STOPPING);
    send(SIGNAL_CONT);
    ck_assert_int_eq(signal_thread_kill(0, current_thread()->id, SIGNAL_TTIN), 0);
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_TTIN));
    send(SIGNAL_TSTP);
    ck_assert_uint_eq(signal_pending_blocked(),
                      SIGNAL_BIT(SIGNAL_TTIN) | SIGNAL_BIT(SIGNAL_TSTP));
    ck_assert_int_eq(signal_thread_kill(0, others[0]->id, SIGNAL_CONT), 0);
    ck_assert_uint_eq(signal_pending_blocked(), 0);
    end();
}

START_TEST(stops_and_continues_take_each_other_back)
{
    fixture_run(one_of_each);
    ck_assert(fixture_halted);
}
END_TEST

static void by_its_end(void)
{
    begin();
    begin_stop();
    process_end(current_process(), SIGNAL_KILL, 128 + SIGNAL_KILL);
    ck_assert(!signals()->stopped);
    ck_assert_uint_eq(signals()->stopping, 0);
    begin_stop();    /* too late */
    ck_assert(!signals()->stopped);
    end();
}

START_TEST(a_process_that_ends_does_not_stop)
{
    fixture_run(by_its_end);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("signal/stop", the_last_thread_completes_a_stop, a_continue_in_the_middle_of_a_stop,
          a_continue_takes_back_a_stop_that_was_taken, stops_and_continues_take_each_other_back,
          a_process_that_ends_does_not_stop)
