/* Wait queues: waking, time-outs, interruption, polls, and what must not get lost. */
#include "sync/wait_queue.h"

#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/scheduler.h"

/* One waiting thread and how its wait ended. */
struct waiter {
    struct thread *thread;
    uint64_t deadline_ns;
    bool uninterruptible;
    bool over;
    int result;
};

static struct spinlock lock;
static struct wait_queue queue;
static char order[16];    /* letters of threads in the order in which their waits ended */

static void begin(void)
{
    fake_scheduler_init(1);
    spin_init(&lock, RANK_CONSOLE, "test");
    wait_queue_init(&queue);
    memset(order, 0, sizeof(order));
}

static void wait_once(void *argument)
{
    struct waiter *waiter = argument;
    const struct wait_reason reason = {
        .kind = WAIT_INPUT, .object = 7, .uninterruptible = waiter->uninterruptible,
    };

    spin_lock(&lock);
    waiter->result = wait_queue_wait(&queue, &lock, &reason, waiter->deadline_ns);
    ck_assert(spin_is_held(&lock));
    spin_unlock(&lock);
    ck_assert(machine_interrupts_enabled());
    ck_assert_int_eq(current_thread()->waiting_for.kind, WAIT_NONE);
    waiter->over = true;
    order[strlen(order)] = current_thread()->name[0];
}

static void start(struct waiter *waiter, const char *name, uint64_t deadline_ns)
{
    *waiter = (struct waiter){ .deadline_ns = deadline_ns };
    waiter->thread = fake_thread_start(name, wait_once, waiter);
}

/* ---- Waking -------------------------------------------------------------------------------- */

START_TEST(wait_queue_wake_one_wakes_the_oldest)
{
    struct waiter a, b, c;

    begin();
    start(&a, "a", WAIT_FOREVER);
    start(&b, "b", WAIT_FOREVER);
    start(&c, "c", WAIT_FOREVER);
    fake_scheduler_run();
    ck_assert(!a.over && !b.over && !c.over);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 1);
    fake_scheduler_run();
    ck_assert(a.over && !b.over && !c.over);
    ck_assert_int_eq(a.result, 0);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 1);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 1);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 0);
    fake_scheduler_run();
    ck_assert_str_eq(order, "abc");
}
END_TEST

START_TEST(wait_queue_wake_all_wakes_all_in_order)
{
    struct waiter a, b, c;

    begin();
    start(&a, "a", WAIT_FOREVER);
    start(&b, "b", WAIT_FOREVER);
    start(&c, "c", WAIT_FOREVER);
    fake_scheduler_run();
    ck_assert_uint_eq(wait_queue_wake_all(&queue), 3);
    fake_scheduler_run();
    ck_assert_str_eq(order, "abc");
    ck_assert_uint_eq(wait_queue_wake_all(&queue), 0);
}
END_TEST

START_TEST(wait_queue_records_what_is_waited_for)
{
    struct waiter a;

    begin();
    fake_machine.time_ns = 500;
    start(&a, "a", WAIT_FOREVER);
    fake_scheduler_run();
    fake_machine.time_ns = 900;
    ck_assert_int_eq(a.thread->waiting_for.kind, WAIT_INPUT);
    ck_assert_uint_eq(a.thread->waiting_for.object, 7);
    ck_assert_uint_eq(a.thread->waiting_since_ns, 500);
    ck_assert_str_eq(wait_kind_name(a.thread->waiting_for.kind), "input");
}
END_TEST

START_TEST(wait_kinds_have_names)
{
    static const char *const names[] = {
        "none",   "sleep",     "mutex", "input", "output", "poll", "child",
        "signal", "semaphore", "futex", "page", "file lock", "semop", "event", "messages",
        "socket input", "socket room", "connection",
        "spin",
    };

    for (unsigned kind = 0; kind < ARRAY_SIZE(names); kind++)
        ck_assert_str_eq(wait_kind_name((enum wait_kind)kind), names[kind]);
    ck_assert_str_eq(wait_kind_name((enum wait_kind)ARRAY_SIZE(names)), "unknown");
}
END_TEST

/* ---- Time-outs ----------------------------------------------------------------------------- */

START_TEST(wait_queue_times_out)
{
    struct waiter a;

    begin();
    start(&a, "a", 1000);
    fake_scheduler_run();
    fake_machine_advance(999);
    fake_scheduler_run();
    ck_assert(!a.over);
    fake_machine_advance(1);
    fake_scheduler_run();
    ck_assert(a.over);
    ck_assert_int_eq(a.result, -ETIMEDOUT);
    ck_assert(list_is_empty(&queue.waiters));
}
END_TEST

START_TEST(wait_queue_past_deadline_does_not_sleep)
{
    struct waiter a;

    begin();
    fake_machine.time_ns = 5000;
    start(&a, "a", 5000);
    fake_scheduler_run();
    ck_assert(a.over);
    ck_assert_int_eq(a.result, -ETIMEDOUT);
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 0);
}
END_TEST

START_TEST(wait_queue_wake_up_cancels_the_timeout)
{
    struct waiter a;

    begin();
    start(&a, "a", 1000);
    fake_scheduler_run();
    (void)wait_queue_wake_one(&queue);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, 0);
    fake_machine_advance(5000);    /* the timer is on a stack that is gone */
    fake_scheduler_run();
}
END_TEST

/* The deadline passes and somebody wakes, both before the thread runs again. */
START_TEST(wait_queue_wake_up_wins_over_the_timeout)
{
    struct waiter a, b;

    begin();
    start(&a, "a", 1000);
    start(&b, "b", WAIT_FOREVER);
    fake_scheduler_run();
    fake_machine_advance(1000);
    machine_interrupts_restore(true);    /* the timer's interrupt: `a` is ready */
    machine_interrupts_disable();
    ck_assert_int_eq(a.thread->state, THREAD_READY);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 1);
    fake_scheduler_run();
    ck_assert(a.over && !b.over);
    ck_assert_int_eq(a.result, 0);    /* else the wake-up would be lost for `b` */
}
END_TEST

/* ---- Interruption -------------------------------------------------------------------------- */

START_TEST(wait_queue_interruption_ends_the_wait)
{
    struct waiter a;

    begin();
    start(&a, "a", WAIT_FOREVER);
    fake_scheduler_run();
    thread_interrupt(a.thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert(a.over);
    ck_assert_int_eq(a.result, -EINTR);
    ck_assert(a.thread->interrupted);    /* until signal delivery clears it */
    ck_assert(list_is_empty(&queue.waiters));
}
END_TEST

START_TEST(wait_queue_earlier_interruption_ends_the_wait_at_once)
{
    struct waiter a;

    begin();
    start(&a, "a", WAIT_FOREVER);
    thread_interrupt(a.thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert(a.over);
    ck_assert_int_eq(a.result, -EINTR);
}
END_TEST

START_TEST(wait_queue_uninterruptible_wait_goes_on)
{
    struct waiter a;

    begin();
    start(&a, "a", WAIT_FOREVER);
    a.uninterruptible = true;
    fake_scheduler_run();
    thread_interrupt(a.thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert(!a.over);
    ck_assert_int_eq(a.thread->state, THREAD_BLOCKED);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 1);
    fake_scheduler_run();
    ck_assert_int_eq(a.result, 0);
}
END_TEST

START_TEST(wait_queue_wake_up_wins_over_an_interruption)
{
    struct waiter a, b;

    begin();
    start(&a, "a", WAIT_FOREVER);
    start(&b, "b", WAIT_FOREVER);
    fake_scheduler_run();
    thread_interrupt(a.thread, THREAD_WORK_SIGNAL);
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 1);
    fake_scheduler_run();
    ck_assert(a.over && !b.over);
    ck_assert_int_eq(a.result, 0);
}
END_TEST

/* ---- Several queues at once (poll) --------------------------------------------------------- */

struct poller {
    struct wait_queue queues[3];
    uint64_t deadline_ns;
    struct thread *thread;
    int result;
    bool over;
    bool woken[3];
};

static void poll_once(void *argument)
{
    struct poller *poller = argument;
    struct wait_entry entries[3];
    const struct wait_reason reason = { .kind = WAIT_POLL };

    for (int i = 0; i < 3; i++)
        wait_entry_add(&entries[i], &poller->queues[i]);
    poller->result = wait_entries_wait(entries, 3, &reason, poller->deadline_ns);
    for (int i = 0; i < 3; i++) {
        poller->woken[i] = entries[i].woken;
        wait_entry_remove(&entries[i]);
        wait_entry_remove(&entries[i]);    /* once more does nothing */
    }
    poller->over = true;
}

static void start_poller(struct poller *poller, uint64_t deadline_ns)
{
    *poller = (struct poller){ .deadline_ns = deadline_ns };
    for (int i = 0; i < 3; i++)
        wait_queue_init(&poller->queues[i]);
    poller->thread = fake_thread_start("poller", poll_once, poller);
}

START_TEST(wait_entries_any_queue_ends_the_wait)
{
    begin();
    for (int i = 0; i < 3; i++) {
        struct poller poller;

        start_poller(&poller, WAIT_FOREVER);
        fake_scheduler_run();
        ck_assert(!poller.over);
        ck_assert_uint_eq(wait_queue_wake_one(&poller.queues[i]), 1);
        fake_scheduler_run();
        ck_assert(poller.over);
        ck_assert_int_eq(poller.result, 0);
        for (int j = 0; j < 3; j++) {
            ck_assert_int_eq(poller.woken[j], i == j);
            ck_assert(list_is_empty(&poller.queues[j].waiters));
        }
        thread_release(poller.thread);
    }
}
END_TEST

START_TEST(wait_entries_time_out)
{
    struct poller poller;

    begin();
    start_poller(&poller, 1000);
    fake_scheduler_run();
    fake_machine_advance(1000);
    fake_scheduler_run();
    ck_assert_int_eq(poller.result, -ETIMEDOUT);
}
END_TEST

static void add_wake_wait(void *argument)
{
    struct poller *poller = argument;
    struct wait_entry entry;
    const struct wait_reason reason = { .kind = WAIT_POLL };

    wait_entry_add(&entry, &poller->queues[0]);
    (void)wait_queue_wake_all(&poller->queues[0]);    /* between adding and sleeping */
    poller->result = wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER);
    wait_entry_remove(&entry);
    poller->over = true;
}

START_TEST(wait_entries_wake_up_before_the_wait_is_not_lost)
{
    struct poller poller = { 0 };

    begin();
    wait_queue_init(&poller.queues[0]);
    thread_release(fake_thread_start("poller", add_wake_wait, &poller));
    fake_scheduler_run();
    ck_assert(poller.over);
    ck_assert_int_eq(poller.result, 0);
}
END_TEST

static void poll_the_queue(void *argument)
{
    bool *over = argument;
    struct wait_entry entry;
    const struct wait_reason reason = { .kind = WAIT_POLL };

    wait_entry_add(&entry, &queue);
    ck_assert_int_eq(wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER), 0);
    wait_entry_remove(&entry);
    *over = true;
}

/* A poll only looks: it must not use up the wake-up that a reader needs. */
START_TEST(wait_queue_wake_one_wakes_polls_and_one_waiter)
{
    struct waiter a, b;
    bool early = false, late = false;

    begin();
    thread_release(fake_thread_start("poll", poll_the_queue, &early));
    start(&a, "a", WAIT_FOREVER);
    start(&b, "b", WAIT_FOREVER);
    thread_release(fake_thread_start("poll", poll_the_queue, &late));
    fake_scheduler_run();
    ck_assert_uint_eq(wait_queue_wake_one(&queue), 3);
    fake_scheduler_run();
    ck_assert(early && late && a.over && !b.over);
}
END_TEST

/* ---- Rules that panic ---------------------------------------------------------------------- */

START_TEST(wait_queue_wait_without_the_lock_panics)
{
    const struct wait_reason reason = { .kind = WAIT_INPUT };

    begin();
    (void)!wait_queue_wait(&queue, &lock, &reason, WAIT_FOREVER);
}
END_TEST

static void wait_with_another_lock(void *argument)
{
    struct spinlock other = SPINLOCK_INITIAL(RANK_PROCESS, "other");
    const struct wait_reason reason = { .kind = WAIT_INPUT };

    (void)argument;
    spin_lock(&other);
    spin_lock(&lock);
    (void)!wait_queue_wait(&queue, &lock, &reason, WAIT_FOREVER);
}

START_TEST(wait_queue_wait_with_another_spin_lock_panics)
{
    begin();
    fake_thread_start("a", wait_with_another_lock, NULL);
    fake_scheduler_run();
}
END_TEST

static void wait_without_reason(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_NONE };

    (void)argument;
    spin_lock(&lock);
    (void)!wait_queue_wait(&queue, &lock, &reason, WAIT_FOREVER);
}

START_TEST(wait_queue_wait_for_nothing_panics)
{
    begin();
    fake_thread_start("a", wait_without_reason, NULL);
    fake_scheduler_run();
}
END_TEST

TEST_MAIN_WITH_PANICS("sync/wait_queue",
                      PANICS(wait_queue_wait_without_the_lock_panics,
                             wait_queue_wait_with_another_spin_lock_panics,
                             wait_queue_wait_for_nothing_panics),
                      wait_queue_wake_one_wakes_the_oldest, wait_queue_wake_all_wakes_all_in_order,
                      wait_queue_records_what_is_waited_for, wait_kinds_have_names,
                      wait_queue_times_out,
                      wait_queue_past_deadline_does_not_sleep,
                      wait_queue_wake_up_cancels_the_timeout,
                      wait_queue_wake_up_wins_over_the_timeout,
                      wait_queue_interruption_ends_the_wait,
                      wait_queue_earlier_interruption_ends_the_wait_at_once,
                      wait_queue_uninterruptible_wait_goes_on,
                      wait_queue_wake_up_wins_over_an_interruption,
                      wait_entries_any_queue_ends_the_wait, wait_entries_time_out,
                      wait_entries_wake_up_before_the_wait_is_not_lost,
                      wait_queue_wake_one_wakes_polls_and_one_waiter)
