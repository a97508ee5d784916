/* Round robin: threads that sleep most of the time beside those that compute. */
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

/* ---- The queue ----------------------------------------------------------------------------- */

static struct runqueue queue;
static struct thread threads[4];

static void begin_queue(void)
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

static void enqueue_urgent(struct thread *thread)
{
    thread->urgent = true;
    runqueue_enqueue(&queue, thread, ENQUEUE_NEW);
}

START_TEST(round_robin_urgent_threads_go_first_among_their_priority)
{
    begin_queue();
    threads[2].priority.effective = 5;
    runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
    enqueue_urgent(&threads[1]);
    runqueue_enqueue(&queue, &threads[2], ENQUEUE_NEW);
    enqueue_urgent(&threads[3]);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[2]);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[1]);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[3]);
    ck_assert(!threads[3].urgent);
    ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[0]);
    threads[2].priority.effective = 0;
}
END_TEST

/* However often urgent threads come, the others have their turn, and then it begins anew. */
START_TEST(round_robin_urgent_threads_starve_nobody)
{
    begin_queue();
    for (int round = 0; round < 3; round++) {
        int overtakings = 0;

        runqueue_enqueue(&queue, &threads[0], ENQUEUE_NEW);
        enqueue_urgent(&threads[1]);
        while (runqueue_take_next(&queue) == &threads[1]) {
            ck_assert_int_lt(++overtakings, 100);
            enqueue_urgent(&threads[1]);
        }
        ck_assert_int_gt(overtakings, 1);
        ck_assert_ptr_eq(runqueue_take_next(&queue), &threads[1]);
    }
}
END_TEST

/* ---- Slices -------------------------------------------------------------------------------- */

/* Uses the CPU; interrupts are on, so a timer that is due preempts it. */
static void compute(uint64_t ns)
{
    for (uint64_t step = 1000000; ns >= step; ns -= step)
        fake_machine_advance(step);
}

static void compute_long(void *argument)
{
    (void)argument;
    compute(3 * TIME_SLICE_NS);
}

/* Until the times in the array, ended by 0; says how late it was each time. */
static void sleep_until(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP };
    struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS, "test");
    struct wait_queue nobody;

    wait_queue_init(&nobody);
    for (uint64_t *time_ns = argument; *time_ns != 0; time_ns++) {
        spin_lock(&lock);
        ck_assert_int_eq(wait_queue_wait(&nobody, &lock, &reason, *time_ns), -ETIMEDOUT);
        spin_unlock(&lock);
        *time_ns = machine_time_ns() - *time_ns;
    }
}

/* In the middle of a slice, and at its beginning. */
START_TEST(round_robin_cuts_a_slice_short_for_a_sleeper)
{
    uint64_t times_ns[] = { TIME_SLICE_NS + 3000000, 2 * TIME_SLICE_NS + 500000, 0 };

    fake_scheduler_init(1);
    thread_release(fake_thread_start("sleeper", sleep_until, times_ns));
    thread_release(fake_thread_start("a", compute_long, NULL));
    thread_release(fake_thread_start("b", compute_long, NULL));
    fake_scheduler_run();
    ck_assert_uint_le(times_ns[0], TIME_SLICE_SHORT_NS);
    ck_assert_uint_le(times_ns[1], 2 * TIME_SLICE_SHORT_NS);    /* computing has that grain */
}
END_TEST

static void compute_then_sleep(void *argument)
{
    uint64_t times_ns[] = { 0, 0 };

    compute_long(NULL);
    times_ns[0] = machine_time_ns() + 2000000;
    sleep_until(times_ns);
    *(uint64_t *)argument = times_ns[0];
}

START_TEST(round_robin_cuts_no_slice_short_for_one_that_computes)
{
    uint64_t late_ns;

    fake_scheduler_init(1);
    thread_release(fake_thread_start("sleeper", compute_then_sleep, &late_ns));
    thread_release(fake_thread_start("a", compute_long, NULL));
    thread_release(fake_thread_start("b", compute_long, NULL));
    fake_scheduler_run();
    ck_assert_uint_gt(late_ns, 5 * TIME_SLICE_SHORT_NS);
}
END_TEST

TEST_MAIN("sched/policy_round_robin", round_robin_urgent_threads_go_first_among_their_priority,
          round_robin_urgent_threads_starve_nobody, round_robin_cuts_a_slice_short_for_a_sleeper,
          round_robin_cuts_no_slice_short_for_one_that_computes)
