/* Run queues with the round-robin policy. */
#include "sched/runqueue.h"

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "sched/policy.h"
#include "sched/thread.h"

static struct runqueue queue;
static struct thread threads[4];

static void begin(void)
{
    fake_machine_init(0);
    runqueue_init(&queue, &policy_round_robin);
    for (int i = 0; i < 4; i++) {
        threads[i].state = THREAD_READY;
        list_init(&threads[i].run_node);
        atomic_init(&threads[i].cpus, CPUS_ALL);
    }
    spin_lock(&queue.lock);
}

START_TEST(runqueue_begins_empty)
{
    begin();
    ck_assert_ptr_null(runqueue_take_next(&queue));
    ck_assert_uint_eq(queue.ready_count, 0);
}
END_TEST

START_TEST(runqueue_is_first_in_first_out)
{
    begin();
    for (int i = 0; i < 4; i++)
        runqueue_enqueue(&queue, &threads[i], ENQUEUE_NEW);
    ck_assert_uint_eq(queue.ready_count, 4);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[0]);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[1]);
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[2]);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[3]);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[0]);
    ck_assert_ptr_null(runqueue_take_next(&queue));
    ck_assert_uint_eq(queue.ready_count, 0);
}
END_TEST

START_TEST(runqueue_enqueue_without_the_lock_panics)
{
    begin();
    spin_unlock(&queue.lock);
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
}
END_TEST

START_TEST(runqueue_take_without_the_lock_panics)
{
    begin();
    spin_unlock(&queue.lock);
    (void)runqueue_take_next(&queue);
}
END_TEST

START_TEST(runqueue_second_enqueue_panics)
{
    begin();
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
}
END_TEST

START_TEST(runqueue_blocked_thread_panics)
{
    begin();
    threads[0].state = THREAD_BLOCKED;
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
}
END_TEST

START_TEST(runqueue_thread_that_is_not_ready_when_taken_panics)
{
    begin();
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
    threads[0].state = THREAD_RUNNING;
    (void)runqueue_take_next(&queue);
}
END_TEST

TEST_MAIN_WITH_PANICS("sched/runqueue",
                      PANICS(runqueue_enqueue_without_the_lock_panics,
                             runqueue_take_without_the_lock_panics, runqueue_second_enqueue_panics,
                             runqueue_blocked_thread_panics,
                             runqueue_thread_that_is_not_ready_when_taken_panics),
                      runqueue_begins_empty, runqueue_is_first_in_first_out)
