/* The fair policy: shares by weight, bounded lag, short waits, nobody starves. */
#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/random.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/priority.h"
#include "sched/runqueue.h"
#include "sched/scheduler.h"

#define STEP_NS 100000

/* ---- The queue alone, at random ------------------------------------------------------------ */

#define CROWD 200

static struct runqueue queue;
static struct thread crowd[CROWD];
static uint64_t now_ns;

static void begin_queue(void)
{
    fake_machine_init(0);
    runqueue_init(&queue, &policy_fair);
    for (int i = 0; i < CROWD; i++) {
        crowd[i].state = THREAD_BLOCKED;
        list_init(&crowd[i].run_node);
        fair_init(&crowd[i].fair);
        atomic_init(&crowd[i].cpus, CPUS_ALL);
    }
    spin_lock(&queue.lock);
}

/* The sums are those of the threads; so the weighted lags add up to nothing but rounding. */
static void check_sums(void)
{
    uint64_t weight = 0;
    __int128 lags = 0;
    unsigned count = 0;

    for (int i = 0; i < CROWD; i++) {
        const struct fair *fair = &crowd[i].fair;

        if (!fair->is_counted)
            continue;
        count++;
        weight += fair->weight;
        lags += (__int128)(int64_t)(queue.fair.zero - fair->vruntime) * fair->weight;
    }
    ck_assert_uint_eq(queue.fair.count, count);
    ck_assert_uint_eq(queue.fair.weight, weight);
    ck_assert(lags + queue.fair.moment == 0);
    /* And `zero` is the average, so they are less than one unit each. */
    ck_assert_int_lt(queue.fair.moment, (int64_t)(weight ? weight : 1));
    ck_assert_int_ge(queue.fair.moment, 0);
}

/* By looking at all: the eligible one with the earliest deadline. */
static const struct thread *choose_slowly(void)
{
    const struct thread *best = NULL;

    for (int i = 0; i < CROWD; i++) {
        const struct fair *fair = &crowd[i].fair;
        __int128 ahead = (__int128)(int64_t)(fair->vruntime - queue.fair.zero) * queue.fair.weight;

        if (crowd[i].state == THREAD_READY && ahead <= queue.fair.moment &&
            (!best || (int64_t)(fair->deadline - best->fair.deadline) < 0))
            best = &crowd[i];
    }
    return best;
}

static void run_one(struct random *random)
{
    const struct thread *expected = choose_slowly();
    struct thread *thread = runqueue_take_next(&queue);

    if (!thread) {
        ck_assert_ptr_null(expected);
        return;
    }
    ck_assert_uint_eq(thread->fair.deadline, expected->fair.deadline);
    thread->state = THREAD_RUNNING;
    runqueue_begin_run(&queue, thread, now_ns);
    check_sums();
    now_ns += random_below(random, FAIR_SLICE_NS);
    runqueue_end_run(&queue, thread, now_ns);
    if (random_below(random, 3) == 0) {
        thread->state = THREAD_BLOCKED;
    } else {
        thread->state = THREAD_READY;
        runqueue_enqueue(&queue, thread,
                         random_below(random, 4) ? ENQUEUE_PREEMPTED : ENQUEUE_YIELDED);
    }
}

static void disturb_one(struct random *random)
{
    struct thread *thread = &crowd[random_below(random, CROWD)];

    if (thread->state == THREAD_BLOCKED) {
        thread->state = THREAD_READY;
        runqueue_enqueue(&queue, thread, ENQUEUE_WOKEN);
    } else if (random_below(random, 2) == 0) {
        runqueue_dequeue(&queue, thread);
        fair_set_weight(&thread->fair,
                        fair_weight_of_nice((int)random_below(random, 40) + NICE_MIN));
        runqueue_enqueue(&queue, thread, ENQUEUE_RAISED);
    } else {
        runqueue_dequeue(&queue, thread);
        runqueue_enqueue(&queue, thread, ENQUEUE_MOVED);
    }
}

START_TEST(fair_sums_and_choices_are_right_at_random)
{
    struct random random;

    random_init(&random, 42);
    begin_queue();
    for (int i = 0; i < 50000; i++) {
        if (random_below(&random, 2) == 0)
            run_one(&random);
        else
            disturb_one(&random);
        check_sums();
        ck_assert_uint_eq(queue.fair.count, queue.ready_count);
    }
}
END_TEST

/* ---- Threads on a CPU ---------------------------------------------------------------------- */

#define THREADS 5

static uint64_t used_ns[THREADS], longest_wait_ns[THREADS];
static uint64_t end_ns;

static void begin(unsigned cpus)
{
    fake_scheduler_init(cpus);
    ck_assert_int_eq(scheduler_choose_policy("fair"), 0);
    memset(used_ns, 0, sizeof(used_ns));
    memset(longest_wait_ns, 0, sizeof(longest_wait_ns));
}

/* Computes until the end; interrupts are on, so a timer that is due preempts it. */
static void compute(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    uint64_t last_ns = machine_time_ns();

    while (machine_time_ns() < end_ns) {
        uint64_t waited_ns = machine_time_ns() - last_ns;

        if (waited_ns > longest_wait_ns[index])
            longest_wait_ns[index] = waited_ns;
        fake_machine_advance(STEP_NS);
        used_ns[index] += STEP_NS;
        last_ns = machine_time_ns();
    }
}

static struct thread *start(unsigned index, enum scheduling_class class, int nice)
{
    const struct scheduling setting = { .class = (uint8_t)class, .nice = (int8_t)nice };
    const struct thread_request request = {
        .name = "computes", .entry = compute, .argument = (void *)(uintptr_t)index,
    };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    priority_change(thread, &setting);
    thread_start(thread);
    return thread;
}

static void run_until(uint64_t time_ns)
{
    end_ns = time_ns;
    fake_scheduler_run();
}

static double part(unsigned index)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < THREADS; i++)
        sum += used_ns[i];
    return (double)used_ns[index] / (double)sum;
}

START_TEST(fair_equals_get_equal_shares)
{
    begin(1);
    for (unsigned i = 0; i < THREADS; i++)
        thread_release(start(i, CLASS_OTHER, 0));
    run_until(UINT64_C(2000000000));
    for (unsigned i = 0; i < THREADS; i++) {
        ck_assert_double_eq_tol(part(i), 1.0 / THREADS, 0.005);
        ck_assert_uint_le(longest_wait_ns[i], 2 * THREADS * FAIR_SLICE_NS);
    }
}
END_TEST

START_TEST(fair_nice_values_make_linux_shares)
{
    begin(1);
    thread_release(start(0, CLASS_OTHER, 0));
    thread_release(start(1, CLASS_OTHER, 5));
    run_until(UINT64_C(4000000000));
    ck_assert_double_eq_tol((double)used_ns[0] / (double)used_ns[1], 1024.0 / 335, 0.06);
}
END_TEST

START_TEST(fair_far_nice_values_starve_nobody)
{
    begin(1);
    thread_release(start(0, CLASS_OTHER, -20));
    thread_release(start(1, CLASS_OTHER, 19));
    thread_release(start(2, CLASS_IDLE, 0));
    run_until(UINT64_C(200000000000));
    ck_assert_double_gt(part(0), 0.99);
    ck_assert_uint_gt(used_ns[1], 0);
    ck_assert_uint_gt(used_ns[2], 0);
}
END_TEST

START_TEST(fair_batch_and_other_share_alike)
{
    begin(1);
    thread_release(start(0, CLASS_OTHER, 0));
    thread_release(start(1, CLASS_BATCH, 0));
    run_until(UINT64_C(1000000000));
    ck_assert_double_eq_tol(part(0), 0.5, 0.01);
}
END_TEST

/* A thread that becomes nicer in the middle. */
START_TEST(fair_a_new_nice_value_counts_from_then_on)
{
    const struct scheduling nicer = { .nice = 10 };
    struct thread *thread;
    uint64_t before;

    begin(1);
    thread = start(0, CLASS_OTHER, 0);
    thread_release(start(1, CLASS_OTHER, 0));
    end_ns = UINT64_C(8000000000);
    machine_interrupts_restore(true);
    fake_machine_advance(1);
    machine_interrupts_disable();
    priority_change(thread, &nicer);
    before = used_ns[0];
    fake_scheduler_run();
    ck_assert_double_eq_tol((double)used_ns[1] / (double)(used_ns[0] - before), 1024.0 / 110, 0.5);
    thread_release(thread);
}
END_TEST

/* ---- Waiting and waking -------------------------------------------------------------------- */

static uint64_t latest_ns;

static void sleep_often(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP };
    struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS, "test");
    struct wait_queue nobody;

    (void)argument;
    wait_queue_init(&nobody);
    latest_ns = 0;
    while (machine_time_ns() < end_ns) {
        uint64_t time_ns = machine_time_ns() + 7300000;

        spin_lock(&lock);
        ck_assert_int_eq(wait_queue_wait(&nobody, &lock, &reason, time_ns), -ETIMEDOUT);
        spin_unlock(&lock);
        if (machine_time_ns() - time_ns > latest_ns)
            latest_ns = machine_time_ns() - time_ns;
        fake_machine_advance(STEP_NS);
    }
}

/* Whoever sleeps most of the time is served soon, whatever computes beside it. */
START_TEST(fair_sleepers_are_served_soon)
{
    begin(1);
    thread_release(fake_thread_start("sleeper", sleep_often, NULL));
    for (unsigned i = 0; i < THREADS; i++)
        thread_release(start(i, CLASS_OTHER, 0));
    run_until(UINT64_C(1000000000));
    ck_assert_uint_le(latest_ns, FAIR_SLICE_NS + TIME_SLICE_SHORT_NS);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_double_eq_tol(part(i), 1.0 / THREADS, 0.02);
}
END_TEST

START_TEST(fair_idle_class_gives_way_at_once)
{
    begin(1);
    thread_release(fake_thread_start("sleeper", sleep_often, NULL));
    thread_release(start(0, CLASS_IDLE, 0));
    run_until(UINT64_C(1000000000));
    ck_assert_uint_le(latest_ns, STEP_NS);
}
END_TEST

static void sleep_and_compute(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP };
    struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS, "test");
    struct wait_queue nobody;
    uint64_t *mine_ns = argument;

    wait_queue_init(&nobody);
    while (machine_time_ns() < end_ns) {
        spin_lock(&lock);
        ck_assert_int_eq(wait_queue_wait(&nobody, &lock, &reason, machine_time_ns() + 1000000),
                         -ETIMEDOUT);
        spin_unlock(&lock);
        for (int i = 0; i < 20 && machine_time_ns() < end_ns; i++) {
            fake_machine_advance(STEP_NS);
            *mine_ns += STEP_NS;
        }
    }
}

/* Sleeping now and then does not give more than one's share. */
START_TEST(fair_sleeping_earns_nothing)
{
    begin(1);
    thread_release(fake_thread_start("sleeps", sleep_and_compute, &used_ns[4]));
    for (unsigned i = 0; i < 4; i++)
        thread_release(start(i, CLASS_OTHER, 0));
    run_until(UINT64_C(4000000000));
    ck_assert_double_le(part(4), 0.22);
    ck_assert_double_ge(part(4), 0.10);
}
END_TEST

static char story[64];

static void tell_and_yield(void *argument)
{
    (void)argument;
    for (int i = 0; i < 4; i++) {
        story[strlen(story)] = current_thread()->name[0];
        scheduler_yield();
    }
}

START_TEST(fair_yield_goes_round)
{
    begin(1);
    memset(story, 0, sizeof(story));
    thread_release(fake_thread_start("a", tell_and_yield, NULL));
    thread_release(fake_thread_start("b", tell_and_yield, NULL));
    thread_release(fake_thread_start("c", tell_and_yield, NULL));
    fake_scheduler_run();
    ck_assert_str_eq(story, "abcabcabcabc");
}
END_TEST

static void wake_each_other(void *argument)
{
    struct thread *const *other = argument;

    for (int i = 0; i < 100; i++) {
        fake_machine_advance(1000);
        (void)scheduler_wake(*other);
        scheduler_block();
    }
    (void)scheduler_wake(*other);
}

/* Who wakes another goes on to its own wait first: one switch each way. */
START_TEST(fair_ping_pong_preempts_nobody)
{
    struct thread *a;
    struct thread *b;

    begin(1);
    a = fake_thread_start("a", wake_each_other, &b);
    b = fake_thread_start("b", wake_each_other, &a);
    fake_scheduler_run();
    ck_assert_int_eq(a->state, THREAD_DEAD);
    ck_assert_uint_eq(a->involuntary_switches + b->involuntary_switches, 0);
    thread_release(a);
    thread_release(b);
}
END_TEST

/* A thread that computes alone for long owes nothing for it when another comes. */
START_TEST(fair_time_alone_is_not_held_against_anybody)
{
    struct thread *late;

    begin(1);
    thread_release(start(0, CLASS_OTHER, 0));
    run_until(UINT64_C(5000000000));
    ck_assert_uint_eq(thread_count(), 0);
    used_ns[0] = 0;
    thread_release(start(0, CLASS_OTHER, 0));
    late = start(1, CLASS_OTHER, 0);
    run_until(UINT64_C(6000000000));
    ck_assert_double_eq_tol(part(0), 0.5, 0.01);
    thread_release(late);
}
END_TEST

START_TEST(fair_a_lone_thread_takes_no_ticks)
{
    begin(1);
    thread_release(start(0, CLASS_OTHER, 0));
    run_until(UINT64_C(1000000000));
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 0);
}
END_TEST

TEST_MAIN("sched/policy_fair", fair_sums_and_choices_are_right_at_random,
          fair_equals_get_equal_shares, fair_nice_values_make_linux_shares,
          fair_far_nice_values_starve_nobody, fair_batch_and_other_share_alike,
          fair_a_new_nice_value_counts_from_then_on, fair_sleepers_are_served_soon,
          fair_idle_class_gives_way_at_once, fair_sleeping_earns_nothing, fair_yield_goes_round,
          fair_ping_pong_preempts_nobody, fair_time_alone_is_not_held_against_anybody,
          fair_a_lone_thread_takes_no_ticks)
