/*
 * Waiting and waking: the real wait queues, scheduler and timers in the interleavings of one to
 * three CPUs.  Models of broken protocols show that the errors would be found.
 */
#include <stdio.h>

#include "harness/model.h"
#include "harness/model_locks.h"
#include "harness/test.h"
#include "sched/scheduler.h"
#include "sync/wait_queue.h"

static struct spinlock lock;
static struct wait_queue queue;
static struct wait_queue other_queue;

/* Protected by `lock`. */
static unsigned items;
static unsigned taken;
static unsigned timed_out;
static unsigned interrupted;

static const struct wait_reason reason = { .kind = WAIT_INPUT };

static void begin(void)
{
    spin_init(&lock, RANK_CONSOLE, "items");
    wait_queue_init(&queue);
    wait_queue_init(&other_queue);
    items = 0;
    taken = 0;
    timed_out = 0;
    interrupted = 0;
}

static void explore(const struct model *model)
{
    struct model_result result = model_explore(model);

    printf("%llu runs of at most %u choices\n", (unsigned long long)result.runs,
           result.choices_max);
    ck_assert_msg(!result.failure, "%s in run %llu, choices %s", result.failure,
                  (unsigned long long)result.runs, result.choices);
    ck_assert_uint_gt(result.runs, 20);
}

/* A model of something broken: the failure must be found. */
static void explore_broken(const struct model *model, const char *failure)
{
    struct model_result result = model_explore(model);

    ck_assert_msg(result.failure, "not found in %llu runs", (unsigned long long)result.runs);
    ck_assert_str_eq(result.failure, failure);
}

static const char asleep[] = "threads sleep for ever";
static const char item_left[] = "an item is left beside a thread that waits for one";

/* ---- What threads do ----------------------------------------------------------------------- */

static void count_error(int error)
{
    if (error == -ETIMEDOUT)
        timed_out++;
    else if (error == -EINTR)
        interrupted++;
}

static void take_item_until(uint64_t deadline_ns)
{
    int error = 0;

    spin_lock(&lock);
    while (items == 0 && !error)
        error = wait_queue_wait(&queue, &lock, &reason, deadline_ns);
    if (error) {
        count_error(error);
    } else {
        items--;
        taken++;
    }
    spin_unlock(&lock);
}

static void take_item(void *argument)
{
    (void)argument;
    take_item_until(WAIT_FOREVER);
}

static void take_item_soon(void *argument)
{
    (void)argument;
    take_item_until(1000);
}

static void put_items(unsigned count)
{
    spin_lock(&lock);
    items += count;
    spin_unlock(&lock);
}

static void put_item(void *argument)
{
    (void)argument;
    put_items(1);
    (void)wait_queue_wake_one(&queue);
}

static void put_two_items(void *argument)
{
    put_item(argument);
    put_item(argument);
}

static void put_two_items_at_once(void *argument)
{
    (void)argument;
    put_items(2);
    (void)wait_queue_wake_all(&queue);
}

static const char *check_nothing_left(void)
{
    return items == 0 ? NULL : item_left;
}

/* ---- One waiter ---------------------------------------------------------------------------- */

static void one_and_one(void)
{
    begin();
    model_thread(0, "taker", take_item, NULL);
    model_thread(1, "giver", put_item, NULL);
}

START_TEST(model_no_wake_up_is_lost)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_and_one, .check = check_nothing_left });
}
END_TEST

static void one_and_one_on_one_cpu(void)
{
    begin();
    model_thread(0, "taker", take_item, NULL);
    model_thread(0, "giver", put_item, NULL);
}

START_TEST(model_no_wake_up_is_lost_on_one_cpu)
{
    explore(&(struct model){
        .cpu_count = 1, .setup = one_and_one_on_one_cpu, .check = check_nothing_left });
}
END_TEST

/* ---- Two waiters --------------------------------------------------------------------------- */

static void two_and_one(void)
{
    begin();
    model_thread(0, "taker", take_item, NULL);
    model_thread(0, "taker", take_item, NULL);
    model_thread(1, "giver", put_two_items, NULL);
}

START_TEST(model_two_wake_ups_reach_two_waiters)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = two_and_one,
                             .check = check_nothing_left,
                             .preemptions_max = 4 });
}
END_TEST

static void two_and_one_on_three_cpus(void)
{
    begin();
    model_thread(0, "taker", take_item, NULL);
    model_thread(1, "taker", take_item, NULL);
    model_thread(2, "giver", put_two_items_at_once, NULL);
}

START_TEST(model_wake_all_reaches_waiters_of_two_cpus)
{
    explore(&(struct model){ .cpu_count = 3,
                             .setup = two_and_one_on_three_cpus,
                             .check = check_nothing_left,
                             .preemptions_max = 3 });
}
END_TEST

/* ---- Ends of a wait that meet a wake-up ---------------------------------------------------- */

static void one_with_timeout(void)
{
    begin();
    model_thread(0, "soon", take_item_soon, NULL);
    model_thread(1, "giver", put_item, NULL);
}

static const char *check_taken_or_timed_out(void)
{
    if (taken + timed_out != 1)
        return "neither taken nor timed out";
    return items == 1 - taken ? NULL : "items do not add up";
}

START_TEST(model_timeout_and_wake_up)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = one_with_timeout,
                             .check = check_taken_or_timed_out,
                             .preemptions_max = 5 });
}
END_TEST

static const char *check_item_taken(void)
{
    return taken == 1 ? NULL : item_left;
}

static void put_the_other_item(void)
{
    put_item(NULL);
}

/* The first waiter may time out just when the waker has chosen it. */
static void timeout_beside_another(void)
{
    begin();
    model_thread(0, "soon", take_item_soon, NULL);
    model_thread(0, "taker", take_item, NULL);
    model_thread(1, "giver", put_item, NULL);
}

START_TEST(model_timeout_does_not_eat_the_wake_up_of_another)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = timeout_beside_another,
                             .check = check_item_taken,
                             .clean_up = put_the_other_item,
                             .preemptions_max = 4 });
}
END_TEST

static struct thread *first_waiter;

static void interrupt_the_first(void *argument)
{
    (void)argument;
    thread_interrupt(first_waiter, THREAD_WORK_SIGNAL);
    thread_release(first_waiter);
}

static void interrupt_beside_another(void)
{
    begin();
    first_waiter = model_thread(0, "first", take_item, NULL);
    refcount_take(&first_waiter->references);
    model_thread(0, "taker", take_item, NULL);
    model_thread(1, "giver", put_item, NULL);
    model_thread(1, "signaller", interrupt_the_first, NULL);
}

START_TEST(model_interruption_does_not_eat_the_wake_up_of_another)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = interrupt_beside_another,
                             .check = check_item_taken,
                             .clean_up = put_the_other_item,
                             .preemptions_max = 3 });
}
END_TEST

/* ---- Flags that are read without a lock ---------------------------------------------------- */

START_TEST(model_every_point_of_a_wake_up)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = one_and_one,
                             .check = check_nothing_left,
                             .all_points = true,
                             .preemptions_max = 4 });
}
END_TEST

/* Keeps its CPU from being idle, so that threads go elsewhere. */
static void be_busy(void *argument)
{
    (void)argument;
    for (int i = 0; i < 3; i++) {
        spin_lock(&lock);
        spin_unlock(&lock);
    }
}

static void timeout_beside_a_busy_one(void)
{
    begin();
    model_thread(0, "soon", take_item_soon, NULL);
    model_thread(0, "busy", be_busy, NULL);
}

static const char *check_timed_out(void)
{
    return timed_out == 1 ? NULL : "has not timed out";
}

START_TEST(model_every_point_of_a_timeout)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = timeout_beside_a_busy_one,
                             .check = check_timed_out,
                             .all_points = true,
                             .preemptions_max = 3 });
}
END_TEST

static const char *check_interrupted_or_taken(void)
{
    return taken + interrupted == 1 ? NULL : "neither taken nor interrupted";
}

static void interrupt_the_only_one(void)
{
    begin();
    first_waiter = model_thread(0, "first", take_item, NULL);
    refcount_take(&first_waiter->references);
    model_thread(1, "signaller", interrupt_the_first, NULL);
}

START_TEST(model_every_point_of_an_interruption)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = interrupt_the_only_one,
                             .check = check_interrupted_or_taken,
                             .all_points = true,
                             .preemptions_max = 3 });
}
END_TEST

/* A thread that blocks on CPU 0 is woken by CPU 2 and goes on, to its end, on CPU 1, perhaps before
 * CPU 0 has done with leaving it. */
static void block_and_end(void *argument)
{
    (void)argument;
    scheduler_block();
}

static void wake_the_first(void *argument)
{
    (void)argument;
    (void)scheduler_wake(first_waiter);
    thread_release(first_waiter);
}

static void left_and_woken(void)
{
    begin();
    first_waiter = model_thread(0, "first", block_and_end, NULL);
    refcount_take(&first_waiter->references);
    model_thread(2, "waker", wake_the_first, NULL);
}

START_TEST(model_every_point_of_leaving_a_thread)
{
    explore(&(struct model){ .cpu_count = 3,
                             .setup = left_and_woken,
                             .check = check_nothing_left,
                             .all_points = true,
                             .preemptions_max = 3 });
}
END_TEST

/* ---- Two queues at once -------------------------------------------------------------------- */

static void poll_for_item(void *argument)
{
    struct wait_entry entries[2];
    bool found = false;

    (void)argument;
    while (!found) {
        wait_entry_add(&entries[0], &queue);
        wait_entry_add(&entries[1], &other_queue);
        spin_lock(&lock);
        found = items > 0;
        if (found) {
            items--;
            taken++;
        }
        spin_unlock(&lock);
        if (!found)
            ck_assert_int_eq(wait_entries_wait(entries, 2, &reason, WAIT_FOREVER), 0);
        wait_entry_remove(&entries[0]);
        wait_entry_remove(&entries[1]);
    }
}

static void put_item_on_the_other_queue(void *argument)
{
    (void)argument;
    put_items(1);
    (void)wait_queue_wake_one(&other_queue);
}

static void poll_and_giver(void)
{
    begin();
    model_thread(0, "poll", poll_for_item, NULL);
    model_thread(1, "giver", put_item_on_the_other_queue, NULL);
}

START_TEST(model_poll_misses_nothing)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = poll_and_giver,
                             .check = check_nothing_left,
                             .preemptions_max = 6 });
}
END_TEST

/* ---- What is broken must be found ---------------------------------------------------------- */

/* Looks, unlocks, and only then gets on the queue. */
static void take_item_with_a_gap(void *argument)
{
    struct wait_entry entry;

    (void)argument;
    spin_lock(&lock);
    while (items == 0) {
        spin_unlock(&lock);
        wait_entry_add(&entry, &queue);
        ck_assert_int_eq(wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER), 0);
        wait_entry_remove(&entry);
        spin_lock(&lock);
    }
    items--;
    spin_unlock(&lock);
}

static void gap_and_giver(void)
{
    begin();
    model_thread(0, "taker", take_item_with_a_gap, NULL);
    model_thread(1, "giver", put_item, NULL);
}

START_TEST(model_finds_a_waiter_with_a_gap)
{
    explore_broken(&(struct model){ .cpu_count = 2, .setup = gap_and_giver,
                                    .check = check_item_taken }, item_left);
}
END_TEST

static void forget_mark(struct thread *thread, void *context)
{
    (void)context;
    thread->wake_pending = false;
}

/* As if a wake-up of a thread that is not blocked left no mark. */
static void forget_marks(void)
{
    thread_for_each(forget_mark, NULL);
}

static const char *check_nothing(void)
{
    return NULL;
}

START_TEST(model_finds_a_scheduler_that_forgets_wake_ups)
{
    explore_broken(&(struct model){ .cpu_count = 2, .setup = one_and_one, .check = check_nothing,
                                    .disturb = forget_marks }, asleep);
}
END_TEST

/* wait_queue_wait, but a time-out is a time-out even if a waker had chosen this thread. */
static void take_item_or_lose_it(void *argument)
{
    struct wait_entry entry;
    int error;

    (void)argument;
    spin_lock(&lock);
    wait_entry_add(&entry, &queue);
    entry.is_poll = false;
    spin_unlock(&lock);
    error = wait_entries_wait(&entry, 1, &reason, 1000);
    wait_entry_remove(&entry);
    spin_lock(&lock);
    if (!error && items > 0) {
        items--;
        taken++;
    }
    spin_unlock(&lock);
}

static void loser_beside_another(void)
{
    begin();
    model_thread(0, "loser", take_item_or_lose_it, NULL);
    model_thread(0, "taker", take_item, NULL);
    model_thread(1, "giver", put_item, NULL);
}

START_TEST(model_finds_a_timeout_that_eats_a_wake_up)
{
    explore_broken(&(struct model){ .cpu_count = 2,
                                    .setup = loser_beside_another,
                                    .check = check_item_taken,
                                    .clean_up = put_the_other_item,
                                    .preemptions_max = 4 }, item_left);
}
END_TEST

TEST_MAIN("model/wait_wake", model_no_wake_up_is_lost, model_no_wake_up_is_lost_on_one_cpu,
          model_two_wake_ups_reach_two_waiters, model_wake_all_reaches_waiters_of_two_cpus,
          model_timeout_and_wake_up, model_timeout_does_not_eat_the_wake_up_of_another,
          model_interruption_does_not_eat_the_wake_up_of_another, model_every_point_of_a_wake_up,
          model_every_point_of_a_timeout, model_every_point_of_an_interruption,
          model_every_point_of_leaving_a_thread,
          model_poll_misses_nothing, model_finds_a_waiter_with_a_gap,
          model_finds_a_scheduler_that_forgets_wake_ups,
          model_finds_a_timeout_that_eats_a_wake_up)
