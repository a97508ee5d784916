/* When nothing can ever run again, and when it only looks so. */
#include "sched/watch.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/scheduler.h"
#include "sched/sched_internal.h"
#include "sync/wait_queue.h"
#include "time/sleep.h"
#include "time/timer.h"

static unsigned stalls;
static uint64_t last_moment;

static void stalled(uint64_t moment)
{
    stalls++;
    last_moment = moment;
}

static const struct thread_watch watch = { .stalled = stalled };

static struct spinlock lock = SPINLOCK_INITIAL(RANK_CONSOLE, "test");
static struct wait_queue queue;

static void wait_for_queue(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SEMAPHORE, .object = 1 };

    (void)argument;
    spin_lock(&lock);
    ck_assert_int_eq(wait_queue_wait(&queue, &lock, &reason, WAIT_FOREVER), 0);
    spin_unlock(&lock);
}

static void sleep_a_little(void *argument)
{
    (void)argument;
    ck_assert_int_eq(sleep_until(1000), 0);
}

static void begin(unsigned cpus)
{
    fake_scheduler_init(cpus);
    watch_set(&watch);
    wait_queue_init(&queue);
}

START_TEST(nobody_is_told_before_every_cpu_is_idle)
{
    begin(2);
    thread_release(fake_thread_start("a", wait_for_queue, NULL));
    fake_scheduler_run();
    watch_look();    /* no CPU has said that it is idle */
    ck_assert_uint_eq(stalls, 0);
}
END_TEST

START_TEST(stalled_needs_no_timer_and_no_world)
{
    struct thread *thread;

    begin(1);
    thread = fake_thread_start("a", wait_for_queue, NULL);
    fake_scheduler_run();
    ck_assert_int_eq(thread->state, THREAD_BLOCKED);
    ck_assert(watch_is_stalled(1));    /* one thread became ready so far */
    ck_assert(!watch_is_stalled(0));
    ck_assert(!watch_others_run());

    watch_external(true);
    ck_assert(!watch_is_stalled(1));
    ck_assert(watch_others_run());
    watch_external(false);
    ck_assert(watch_is_stalled(1));

    thread_release(fake_thread_start("b", sleep_a_little, NULL));
    ck_assert(!watch_is_stalled(2));    /* b is ready */
    ck_assert(watch_others_run());
    fake_scheduler_run();
    ck_assert(!watch_is_stalled(2));    /* b sleeps until a time */
    ck_assert(watch_others_run());
    fake_machine_advance(2000);
    fake_scheduler_run();
    ck_assert(!watch_is_stalled(2));    /* it has run since */
    ck_assert(watch_is_stalled(3));
    thread_release(thread);
}
END_TEST

START_TEST(external_queue_makes_an_external_wait)
{
    struct thread *thread;

    begin(1);
    wait_queue_init_external(&queue);
    thread = fake_thread_start("a", wait_for_queue, NULL);
    fake_scheduler_run();
    ck_assert(thread->waiting_for.external);
    ck_assert(!watch_is_stalled(1));
    wait_queue_wake_all(&queue);
    fake_scheduler_run();
    ck_assert_int_eq(thread->state, THREAD_DEAD);
    ck_assert(watch_is_stalled(2));
    thread_release(thread);
}
END_TEST

static bool armed_while_running;

static void expired(struct timer *timer)
{
    (void)timer;
    armed_while_running = timer_any_armed();
}

START_TEST(timer_whose_function_runs_counts_as_armed)
{
    struct timer timer;

    begin(1);
    timer_init(&timer, expired);
    ck_assert(!timer_any_armed());
    timer_arm(&timer, 100);
    ck_assert(timer_any_armed());
    machine_interrupts_restore(true);
    fake_machine_advance(200);
    ck_assert(armed_while_running);
    ck_assert(!timer_any_armed());
}
END_TEST

START_TEST(times_are_added_up)
{
    struct thread *thread;

    begin(1);
    watch_times();
    thread = fake_thread_start("a", wait_for_queue, NULL);
    fake_machine_advance(10);    /* ready */
    fake_scheduler_run();
    fake_machine_advance(300);    /* blocked */
    wait_queue_wake_all(&queue);
    fake_machine_advance(40);    /* ready */
    fake_scheduler_run();
    ck_assert_uint_eq(thread->ready_ns, 50);
    ck_assert_uint_eq(thread->blocked_ns, 300);
    ck_assert_uint_eq(thread->asleep_ns, 0);
    thread_release(thread);
}
END_TEST

START_TEST(sleep_is_told_from_waiting)
{
    struct thread *thread;

    begin(1);
    watch_times();
    thread = fake_thread_start("a", sleep_a_little, NULL);
    fake_scheduler_run();
    fake_machine_advance(1000);
    fake_scheduler_run();
    ck_assert_uint_eq(thread->blocked_ns, 0);
    ck_assert_uint_eq(thread->asleep_ns, 1000);
    thread_release(thread);
}
END_TEST

START_TEST(acquisitions_are_counted)
{
    static struct thread thread;

    thread_acquired(&thread, 0, 0);
    thread_acquired(&thread, 500, 2);
    thread_acquired(&thread, 100, 1);
    ck_assert_uint_eq(thread.acquisitions, 3);
    ck_assert_uint_eq(thread.longest_wait_ns, 500);
    ck_assert_uint_eq(thread.overtaken, 3);
}
END_TEST

static unsigned idles;

/* The machine has nothing to do: the test is over when every CPU has said so. */
static void stop_when_idle(void)
{
    idles++;
    ck_assert_uint_eq(stalls, 1);
    ck_assert(watch_is_stalled(last_moment));
    exit(0);
}

START_TEST(last_cpu_that_goes_idle_tells)
{
    begin(1);
    fake_machine.idle = stop_when_idle;
    thread_release(fake_thread_start("a", wait_for_queue, NULL));
    scheduler_run_idle();
}
END_TEST

/* ---- Hanging ------------------------------------------------------------------------------- */

#define HANG_NS UINT64_C(1000000)

static unsigned hangs;
static uint64_t hang_since_ns;
static unsigned told[5];    /* how often each of the other functions was called */
static bool world_is_waited_for;

static void hangs_since(uint64_t since_ns)
{
    hangs++;
    hang_since_ns = since_ns;
}

static const struct thread_watch hang_watch = { .stalled = stalled, .hangs = hangs_since };

static void make_world(bool waits)
{
    if (world_is_waited_for != waits)
        watch_external(waits);
    world_is_waited_for = waits;
}

/* Each look of the idle thread, until nothing has happened for the second time. */
static void idle_for_long(void)
{
    if (++idles <= 6) {
        fake_machine_advance(HANG_NS / 2 + 1);
        return;
    }
    ck_assert_uint_eq(hangs, 1);    /* once in a run */
    ck_assert_uint_eq(hang_since_ns, 10);
    ck_assert_uint_eq(stalls, 0);   /* somebody waits for the world: not a deadlock */
    exit(0);
}

START_TEST(a_run_that_hangs_is_told_once)
{
    begin(1);
    watch_set(&hang_watch);
    watch_hang_after(HANG_NS);
    make_world(true);
    fake_machine.time_ns = 10;
    fake_machine.idle = idle_for_long;
    thread_release(fake_thread_start("a", wait_for_queue, NULL));
    scheduler_run_idle();
}
END_TEST

static struct thread *sleeper;

static void wake_now_and_then(void)
{
    if (++idles > 20) {
        ck_assert_uint_eq(hangs, 0);
        exit(0);
    }
    if (idles % 2)
        fake_machine_advance(HANG_NS * 2 / 3);
    else
        (void)scheduler_wake(sleeper);
    fake_machine.cpus[0].pending |= 1u << INTERRUPT_NOTIFY;
}

static void block_again_and_again(void *argument)
{
    (void)argument;
    for (;;)
        scheduler_block();
}

START_TEST(a_run_in_which_something_happens_does_not_hang)
{
    begin(1);
    watch_set(&hang_watch);
    watch_hang_after(HANG_NS);
    make_world(true);
    fake_machine.idle = wake_now_and_then;
    sleeper = fake_thread_start("a", block_again_and_again, NULL);
    scheduler_run_idle();
}
END_TEST

/* ---- Telling ------------------------------------------------------------------------------- */

static void tell_blocks(struct thread *thread)
{
    told[0] += thread == current_thread();
}

static void tell_removed(const struct semaphore *semaphore)
{
    told[1] += semaphore == NULL;
}

static void tell_ended(struct thread *thread)
{
    told[2] += thread == current_thread();
}

static void tell_stops(void)
{
    told[3]++;
}

static void tell_asked(void)
{
    told[4]++;
}

static void tell_all(void)
{
    watch_blocks(current_thread());
    watch_removed(NULL);
    watch_ended(current_thread());
    watch_stops();
    watch_asked();
}

START_TEST(whoever_watches_is_told)
{
    static const struct thread_watch full = { .blocks = tell_blocks,
                                              .removed = tell_removed,
                                              .ended = tell_ended,
                                              .stops = tell_stops,
                                              .asked = tell_asked };

    begin(1);
    tell_all();    /* of that one nothing is wanted */
    watch_set(NULL);
    tell_all();
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(told[i], 0);
    watch_set(&full);
    tell_all();
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(told[i], 1);
}
END_TEST

TEST_MAIN("sched/watch", a_run_that_hangs_is_told_once,
          a_run_in_which_something_happens_does_not_hang, whoever_watches_is_told,
          nobody_is_told_before_every_cpu_is_idle,
          stalled_needs_no_timer_and_no_world, external_queue_makes_an_external_wait,
          timer_whose_function_runs_counts_as_armed, times_are_added_up,
          sleep_is_told_from_waiting, acquisitions_are_counted, last_cpu_that_goes_idle_tells)
