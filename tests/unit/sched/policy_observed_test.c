/* Runs with an observer: who is a candidate. */
#include "config.h"
#include "harness/fake_machine.h"
#include "harness/test.h"
#include "machine/observer.h"
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

#define THREADS 5

static struct runqueue queue;
static struct thread threads[THREADS];
static unsigned candidates;    /* of the last choice */

static unsigned choose_last(int32_t current, const struct candidate *all, unsigned count)
{
    (void)current;
    ck_assert_ptr_nonnull(all);
    candidates = count;
    return count - 1;
}

static const struct observer_operations observer = { .choose_thread = choose_last };

static void begin(void)
{
    fake_machine_init(0);
    fake_machine_info.observer = &observer;
    runqueue_init(&queue, &policy_observed);
    for (int i = 0; i < THREADS; i++) {
        threads[i].id = i + 1;
        threads[i].state = THREAD_READY;
        list_init(&threads[i].run_node);
        atomic_init(&threads[i].cpus, CPUS_ALL);
        fair_init(&threads[i].fair);
    }
    spin_lock(&queue.lock);
}

static void enqueue(int index, uint8_t priority)
{
    threads[index].priority.effective = priority;
    runqueue_enqueue(&queue, &threads[index], ENQUEUE_NEW);
}

static struct thread *take(void)
{
    candidates = 0;
    return runqueue_take_next(&queue);
}

START_TEST(observed_all_ordinary_threads_are_candidates)
{
    begin();
    for (int i = 0; i < THREADS; i++)
        enqueue(i, 0);
    ck_assert_ptr_eq(take(), &threads[THREADS - 1]);
    ck_assert_uint_eq(candidates, THREADS);
}
END_TEST

START_TEST(observed_only_the_most_urgent_are_candidates)
{
    begin();
    enqueue(0, 0);
    enqueue(1, 5);
    enqueue(2, 7);
    enqueue(3, 7);
    enqueue(4, 0);
    ck_assert_ptr_eq(take(), &threads[3]);
    ck_assert_uint_eq(candidates, 2);
    ck_assert_ptr_eq(take(), &threads[2]);
    ck_assert_uint_eq(candidates, 0);    /* nothing to choose */
    ck_assert_ptr_eq(take(), &threads[1]);
    ck_assert_ptr_eq(take(), &threads[4]);
    ck_assert_uint_eq(candidates, 2);
}
END_TEST

/* An urgent thread that can only wait keeps nobody from going on. */
START_TEST(observed_a_thread_that_cannot_go_on_is_none)
{
    static const _Atomic int64_t nothing;

    begin();
    threads[0].next_needs = &nothing;
    enqueue(0, 9);
    enqueue(1, 0);
    enqueue(2, 0);
    ck_assert_ptr_eq(take(), &threads[2]);
    ck_assert_uint_eq(candidates, 2);
    ck_assert_ptr_eq(take(), &threads[1]);
    ck_assert_ptr_eq(take(), &threads[0]);
}
END_TEST

START_TEST(observed_only_a_higher_priority_preempts)
{
    begin();
    threads[0].state = THREAD_RUNNING;
    threads[0].priority.effective = 5;
    runqueue_begin_run(&queue, &threads[0], 0);
    enqueue(1, 0);
    ck_assert_uint_eq(runqueue_slice_end(&queue), SLICE_FOREVER);
    enqueue(2, 5);
    ck_assert_uint_eq(runqueue_slice_end(&queue), SLICE_FOREVER);
    enqueue(3, 6);
    ck_assert_uint_eq(runqueue_slice_end(&queue), SLICE_OVER);
}
END_TEST

/* When the share of real-time threads is used up, the others are candidates. */
START_TEST(observed_the_others_have_a_turn)
{
    begin();
    threads[0].state = THREAD_RUNNING;
    threads[0].priority.effective = 5;
    runqueue_begin_run(&queue, &threads[0], 0);
    fake_machine.time_ns = REAL_TIME_RUNTIME_US * UINT64_C(1000);
    runqueue_end_run(&queue, &threads[0], fake_machine.time_ns);
    enqueue(1, 5);
    enqueue(2, 0);
    ck_assert_ptr_eq(take(), &threads[2]);
    ck_assert_ptr_eq(take(), &threads[1]);    /* nobody else is there */
}
END_TEST

TEST_MAIN("sched/policy_observed", observed_all_ordinary_threads_are_candidates,
          observed_only_the_most_urgent_are_candidates,
          observed_a_thread_that_cannot_go_on_is_none, observed_only_a_higher_priority_preempts,
          observed_the_others_have_a_turn)
