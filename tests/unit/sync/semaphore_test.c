/* Semaphores: order, hand-over, interruption, removal, what they record; with and without an
 * observer. */
#include "sync/semaphore.h"

#include <string.h>

#include "debug/trace.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/thread.h"

/* One thread and how its wait ended. */
struct waiter {
    struct thread *thread;
    bool over;
    int result;
};

static struct semaphore semaphore;
static char order[16];    /* letters of threads in the order in which their waits ended */

static void begin(int64_t initial)
{
    fake_scheduler_init(1);
    semaphore_init(&semaphore, 7, initial);
    memset(order, 0, sizeof(order));
}

static void wait_once(void *argument)
{
    struct waiter *waiter = argument;

    waiter->result = semaphore_wait(&semaphore, NULL);
    waiter->over = true;
    order[strlen(order)] = current_thread()->name[0];
}

static void start(struct waiter *waiter, const char *name)
{
    *waiter = (struct waiter){ .over = false };
    waiter->thread = fake_thread_start(name, wait_once, waiter);
    fake_scheduler_run();
}

static void signal_once(void *argument)
{
    int *result = argument;

    *result = semaphore_signal(&semaphore);
}

/* By a thread of its own, which is the one that signals as reports see it. */
static int signal_by(const char *name)
{
    int result = 1;

    thread_release(fake_thread_start(name, signal_once, &result));
    fake_scheduler_run();
    return result;
}

static struct semaphore_report report(void)
{
    struct semaphore_report copy;

    semaphore_report(&semaphore, &copy);
    return copy;
}

/* ---- Counting and order -------------------------------------------------------------------- */

START_TEST(semaphore_counts)
{
    struct waiter a, b, c;

    begin(2);
    start(&a, "a");
    start(&b, "b");
    ck_assert(a.over && b.over);
    ck_assert_int_eq(a.result, 0);
    start(&c, "c");
    ck_assert(!c.over);
    ck_assert_int_eq(c.thread->waiting_for.kind, WAIT_SEMAPHORE);
    ck_assert_uint_eq(c.thread->waiting_for.object, 7);
    ck_assert_int_eq(signal_by("s"), 0);
    ck_assert(c.over);
    ck_assert_int_eq(report().count, 0);
    ck_assert_int_eq(signal_by("s"), 0);
    ck_assert_int_eq(report().count, 1);
}
END_TEST

START_TEST(semaphore_hands_over_to_the_oldest)
{
    struct waiter a, b, c, late;

    begin(0);
    start(&a, "a");
    start(&b, "b");
    start(&c, "c");
    /* Given to `a` at once: whoever comes before that runs does not get it. */
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    ck_assert_int_eq(report().count, 0);
    start(&late, "l");
    ck_assert(a.over && !late.over);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(signal_by("s"), 0);
    ck_assert_str_eq(order, "abcl");
    ck_assert_uint_eq(report().statistics.overtakings, 0);
}
END_TEST

START_TEST(semaphore_count_stays_at_its_maximum)
{
    begin(SEMAPHORE_COUNT_MAX);
    ck_assert_int_eq(signal_by("s"), 0);
    ck_assert_int_eq(report().count, SEMAPHORE_COUNT_MAX);
}
END_TEST

/* ---- Interruption -------------------------------------------------------------------------- */

START_TEST(semaphore_forgets_who_was_interrupted)
{
    struct waiter a, b;

    begin(0);
    start(&a, "a");
    start(&b, "b");
    thread_interrupt(a.thread, 0);
    fake_scheduler_run();
    ck_assert(a.over);
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert_uint_eq(report().waiting, 1);
    ck_assert_int_eq(signal_by("s"), 0);
    ck_assert(b.over);
    ck_assert_int_eq(b.result, 0);
}
END_TEST

/* The signal comes first, but the thread is interrupted before it runs. */
START_TEST(semaphore_passes_on_what_the_interrupted_was_given)
{
    struct waiter a, b;

    begin(0);
    start(&a, "a");
    start(&b, "b");
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    thread_interrupt(a.thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert(b.over);
    ck_assert_int_eq(b.result, 0);
}
END_TEST

START_TEST(semaphore_keeps_what_the_last_interrupted_was_given)
{
    struct waiter a;

    begin(0);
    start(&a, "a");
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    thread_interrupt(a.thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert_int_eq(report().count, 1);
    ck_assert_int_eq(report().statistics.holder, 0);
}
END_TEST

START_TEST(semaphore_is_not_taken_by_an_interrupted_thread)
{
    struct waiter a;

    begin(1);
    a = (struct waiter){ .over = false };
    a.thread = fake_thread_start("a", wait_once, &a);
    thread_interrupt(a.thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert_int_eq(report().count, 1);
}
END_TEST

/* ---- Removal ------------------------------------------------------------------------------- */

START_TEST(semaphore_removal_wakes_everybody)
{
    struct waiter a, b, late;

    begin(0);
    start(&a, "a");
    start(&b, "b");
    semaphore_remove(&semaphore);
    fake_scheduler_run();
    ck_assert(a.over && b.over);
    ck_assert_int_eq(a.result, -EIDRM);
    ck_assert_int_eq(b.result, -EIDRM);
    ck_assert_int_eq(semaphore_signal(&semaphore), -EIDRM);
    start(&late, "l");
    ck_assert_int_eq(late.result, -EIDRM);
    ck_assert(report().removed);
    ck_assert_int_eq(report().count, 0);
}
END_TEST

START_TEST(semaphore_begins_again)
{
    struct waiter a, b, c;

    begin(0);
    start(&a, "a");
    start(&b, "b");
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    ck_assert(semaphore_renew(&semaphore, 0));
    thread_interrupt(a.thread, 0);    /* what it was given belongs to the old one */
    start(&c, "c");
    ck_assert_int_eq(report().waiting, 1);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert_int_eq(b.result, -EIDRM);
    ck_assert(!c.over);
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    fake_scheduler_run();
    ck_assert_int_eq(c.result, 0);
    ck_assert(semaphore_remove(&semaphore));
    ck_assert(!semaphore_remove(&semaphore));
    ck_assert(!semaphore_renew(&semaphore, 2));
    ck_assert_int_eq(report().count, 2);
    ck_assert_int_eq(report().initial, 2);
}
END_TEST

START_TEST(semaphore_given_before_the_removal_is_taken)
{
    struct waiter a, b;

    begin(0);
    start(&a, "a");
    start(&b, "b");
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    semaphore_remove(&semaphore);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, 0);
    ck_assert_int_eq(b.result, -EIDRM);
}
END_TEST

/* ---- What is recorded ---------------------------------------------------------------------- */

static void take_and_give(void *argument)
{
    (void)argument;
    ck_assert_int_eq(semaphore_wait(&semaphore, NULL), 0);
    ck_assert_int_eq(report().statistics.holder, current_thread()->id);
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    ck_assert_int_eq(report().statistics.holder, 0);
}

START_TEST(semaphore_knows_its_holder_while_it_is_a_lock)
{
    struct waiter a, b;

    begin(1);
    thread_release(fake_thread_start("t", take_and_give, NULL));
    fake_scheduler_run();
    ck_assert(report().statistics.is_lock);
    start(&a, "a");
    ck_assert_int_eq(report().statistics.holder, a.thread->id);
    start(&b, "b");
    ck_assert_int_eq(signal_by("s"), 0);    /* by another one than the holder */
    ck_assert(!report().statistics.is_lock);
    ck_assert_int_eq(report().statistics.holder, 0);
}
END_TEST

START_TEST(semaphore_waiter_knows_the_holder)
{
    struct waiter a, b;

    begin(1);
    start(&a, "a");
    start(&b, "b");
    ck_assert_ptr_eq(b.thread->waiting_for.owner, a.thread);
}
END_TEST

START_TEST(semaphore_measures_waits)
{
    struct semaphore_statistics statistics;
    struct waiter a, b;

    begin(0);
    start(&a, "a");
    fake_machine_advance(1000);
    start(&b, "b");
    fake_machine_advance(500);
    ck_assert_int_eq(signal_by("s"), 0);
    fake_machine_advance(100);
    ck_assert_int_eq(signal_by("s"), 0);
    statistics = report().statistics;
    ck_assert_uint_eq(statistics.acquisitions, 2);
    ck_assert_uint_eq(statistics.waits, 2);
    ck_assert_uint_eq(statistics.wait_ns, 1500 + 600);
    ck_assert_uint_eq(statistics.longest_wait_ns, 1500);
    ck_assert_int_eq(statistics.longest_waiter, a.thread->id);
    ck_assert_int_eq(statistics.acquired.thread, b.thread->id);
    ck_assert_uint_eq(statistics.acquired.at_ns, 1600);
}
END_TEST

/* ---- With an observer ---------------------------------------------------------------------- */

static int32_t favourite;    /* the thread that is chosen when it can be */

static unsigned choose(int32_t current, const struct candidate *candidates, unsigned count)
{
    (void)current;
    for (unsigned i = 0; i < count; i++) {
        if (candidates[i].thread == favourite)
            return i;
    }
    return 0;
}

static uint64_t choose_nothing(uint64_t count)
{
    (void)count;
    return 0;
}

static unsigned operations;    /* events */

static void note_event(const struct observer_event *event)
{
    if (event->kind == TRACE_operation)
        operations++;
}

static const struct observer_operations observer = {
    .choose_thread = choose, .choose_number = choose_nothing, .event = note_event,
};

static void begin_observed(int64_t initial)
{
    favourite = 0;
    operations = 0;
    begin(initial);
    fake_machine_info.observer = &observer;
    runqueue_init(&cpu_at(0)->runqueue, &policy_observed);
}

static void wait_observed(void *argument)
{
    const struct operation operation = {
        .object_kind = OBJECT_SEMAPHORE, .access = OPERATION_TAKE, .object = 7,
    };
    struct waiter *waiter = argument;

    waiter->result = semaphore_wait(&semaphore, &operation);
    waiter->over = true;
    order[strlen(order)] = current_thread()->name[0];
}

static void start_observed(struct waiter *waiter, const char *name)
{
    *waiter = (struct waiter){ .over = false };
    waiter->thread = fake_thread_start(name, wait_observed, waiter);
}

START_TEST(observer_chooses_who_takes_it)
{
    struct waiter a, b, c;

    begin_observed(0);
    start_observed(&a, "a");
    start_observed(&b, "b");
    start_observed(&c, "c");
    fake_scheduler_run();
    ck_assert_int_eq(a.thread->state, THREAD_BLOCKED);
    favourite = c.thread->id;
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    fake_scheduler_run();
    ck_assert(c.over && !a.over && !b.over);
    ck_assert_uint_eq(operations, 1);
    favourite = b.thread->id;
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    fake_scheduler_run();
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    fake_scheduler_run();
    ck_assert_str_eq(order, "cba");
    ck_assert_uint_eq(report().statistics.overtakings, 3);
    ck_assert_uint_eq(report().statistics.most_overtakings, 2);
}
END_TEST

START_TEST(observer_lets_others_first_before_a_wait)
{
    struct waiter a, b;

    begin_observed(1);
    start_observed(&a, "a");
    start_observed(&b, "b");
    favourite = b.thread->id;
    fake_scheduler_run();
    ck_assert(b.over && !a.over);
    ck_assert_int_eq(a.thread->state, THREAD_BLOCKED);
}
END_TEST

START_TEST(observer_sees_a_removal_end_a_wait)
{
    struct waiter a;

    begin_observed(0);
    start_observed(&a, "a");
    fake_scheduler_run();
    semaphore_remove(&semaphore);
    fake_scheduler_run();
    ck_assert(a.over);
    ck_assert_int_eq(a.result, -EIDRM);
    ck_assert_uint_eq(operations, 1);
}
END_TEST

static void remove_it(void *argument)
{
    (void)argument;
    semaphore_remove(&semaphore);
}

/* It had not come to the semaphore. */
START_TEST(observer_removal_before_a_wait_ends_it)
{
    struct waiter a;
    struct thread *remover;

    begin_observed(1);
    start_observed(&a, "a");
    remover = fake_thread_start("r", remove_it, NULL);
    favourite = remover->id;
    fake_scheduler_run();
    ck_assert_int_eq(a.result, -EIDRM);
    ck_assert_uint_eq(operations, 1);
    thread_release(remover);
}
END_TEST

static void renew_it(void *argument)
{
    (void)argument;
    (void)semaphore_renew(&semaphore, 0);
}

/* It finds the new one, whose wait cannot be executed, so it is no candidate until a signal. */
START_TEST(observer_renewal_before_a_wait_is_waited_for)
{
    struct waiter a;
    struct thread *renewer;

    begin_observed(1);
    start_observed(&a, "a");
    renewer = fake_thread_start("r", renew_it, NULL);
    favourite = renewer->id;
    fake_scheduler_run();
    ck_assert(!a.over);
    ck_assert_uint_eq(operations, 0);
    ck_assert_int_eq(semaphore_signal(&semaphore), 0);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, 0);
    ck_assert_int_eq(report().count, 0);
    ck_assert_uint_eq(operations, 1);
    thread_release(renewer);
}
END_TEST

/* What it needs is not there, but it goes on. */
START_TEST(observer_interruption_is_no_wait)
{
    struct waiter a;

    begin_observed(0);
    start_observed(&a, "a");
    fake_scheduler_run();
    ck_assert_ptr_eq(a.thread->next_needs, &semaphore.count);
    thread_interrupt(a.thread, 0);
    ck_assert_ptr_null(a.thread->next_needs);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert_uint_eq(operations, 0);
}
END_TEST

TEST_MAIN("sync/semaphore", semaphore_counts, semaphore_hands_over_to_the_oldest,
          semaphore_count_stays_at_its_maximum, semaphore_forgets_who_was_interrupted,
          semaphore_passes_on_what_the_interrupted_was_given,
          semaphore_keeps_what_the_last_interrupted_was_given,
          semaphore_is_not_taken_by_an_interrupted_thread, semaphore_removal_wakes_everybody,
          semaphore_begins_again, semaphore_given_before_the_removal_is_taken,
          semaphore_knows_its_holder_while_it_is_a_lock, semaphore_waiter_knows_the_holder,
          semaphore_measures_waits, observer_chooses_who_takes_it,
          observer_lets_others_first_before_a_wait, observer_sees_a_removal_end_a_wait,
          observer_removal_before_a_wait_ends_it, observer_renewal_before_a_wait_is_waited_for,
          observer_interruption_is_no_wait)
