/* Priority inheritance: chains, circles, ends of waits, and all of it at random. */
#include "sync/pi_mutex.h"

#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/random.h"
#include "sched/priority.h"
#include "sched/scheduler.h"
#include "sync/mutex.h"

#define THREADS 1200

static struct thread bare_threads[THREADS];    /* never run: who waits for whom is all */
static struct thread *threads[THREADS];
static struct pi_mutex mutexes[THREADS];
static struct pi_waiter waiters[THREADS];
static struct wait_queue queue;

static void make(unsigned count)
{
    fake_scheduler_init(1);
    wait_queue_init(&queue);
    for (unsigned i = 0; i < count; i++) {
        threads[i] = &bare_threads[i];
        threads[i]->id = (int32_t)i + 1000;
        list_init(&threads[i]->run_node);
        pi_mutex_init(&mutexes[i], true);
        pi_waiter_init(&waiters[i], threads[i], &queue);
    }
}

static void make_urgent(unsigned thread, uint8_t priority)
{
    priority_set_own(threads[thread], priority ? CLASS_FIFO : CLASS_OTHER, priority);
}

static void own(unsigned mutex, unsigned thread)
{
    ck_assert_int_eq(pi_mutex_set_owner(&mutexes[mutex], threads[thread]), 0);
}

static int wait_for(unsigned thread, unsigned mutex)
{
    return pi_mutex_enqueue(&mutexes[mutex], &waiters[thread]);
}

static unsigned effective(unsigned thread)
{
    return priority_effective(threads[thread]);
}

START_TEST(a_waiter_lends_until_it_leaves)
{
    make(2);
    make_urgent(1, 30);
    own(0, 0);
    ck_assert_int_eq(wait_for(1, 0), 0);
    ck_assert_uint_eq(effective(0), 30);
    ck_assert_int_eq(pi_thread_waits_for(threads[1]), threads[0]->id);
    ck_assert_int_eq(pi_thread_waits_for(threads[0]), 0);
    pi_mutex_dequeue(&waiters[1]);
    ck_assert_uint_eq(effective(0), 0);
    ck_assert_int_eq(pi_thread_waits_for(threads[1]), 0);
    pi_mutex_dequeue(&waiters[1]);    /* once more is harmless */
}
END_TEST

START_TEST(an_owner_that_is_more_urgent_keeps_its_priority)
{
    make(2);
    make_urgent(0, 50);
    make_urgent(1, 30);
    own(0, 0);
    ck_assert_int_eq(wait_for(1, 0), 0);
    ck_assert_uint_eq(effective(0), 50);
    make_urgent(0, 0);
    ck_assert_uint_eq(effective(0), 30);
    make_urgent(0, 31);
    ck_assert_uint_eq(effective(0), 31);
}
END_TEST

/* Thread i owns mutex i and waits for mutex i - 1. */
static void make_chain(unsigned length)
{
    for (unsigned i = 0; i < length; i++)
        own(i, i);
    for (unsigned i = 1; i < length; i++)
        ck_assert_int_eq(wait_for(i, i - 1), 0);
}

START_TEST(priority_goes_along_a_chain)
{
    make(1001);
    make_chain(1000);
    make_urgent(1000, 99);
    ck_assert_int_eq(wait_for(1000, 999), 0);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_eq(effective(i), 99);
    make_urgent(1000, 7);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_eq(effective(i), 7);
    pi_mutex_dequeue(&waiters[1000]);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_eq(effective(i), 0);
}
END_TEST

START_TEST(the_middle_of_a_chain_may_leave)
{
    make(5);
    make_chain(4);
    make_urgent(4, 20);
    ck_assert_int_eq(wait_for(4, 3), 0);
    pi_mutex_dequeue(&waiters[2]);
    ck_assert_uint_eq(effective(0), 0);
    ck_assert_uint_eq(effective(1), 0);
    ck_assert_uint_eq(effective(2), 20);
    ck_assert_uint_eq(effective(3), 20);
    ck_assert_int_eq(wait_for(2, 1), 0);
    ck_assert_uint_eq(effective(0), 20);
}
END_TEST

START_TEST(circles_are_refused)
{
    make(60);
    own(0, 0);
    ck_assert_int_eq(wait_for(0, 0), -EDEADLK);
    make_chain(50);
    for (unsigned i = 0; i < 50; i++)
        ck_assert_int_eq(wait_for(0, i), -EDEADLK);
    ck_assert_int_eq(wait_for(51, 49), 0);    /* it owns nothing */
    ck_assert_uint_eq(effective(0), 0);
}
END_TEST

START_TEST(chains_that_are_too_long_are_refused)
{
    make(PI_CHAIN_MAX + 3);
    make_chain(PI_CHAIN_MAX + 1);
    ck_assert_int_eq(wait_for(PI_CHAIN_MAX + 1, PI_CHAIN_MAX - 1), 0);
    ck_assert_int_eq(wait_for(PI_CHAIN_MAX + 2, PI_CHAIN_MAX), -EDEADLK);
}
END_TEST

START_TEST(the_highest_of_several_counts)
{
    make(4);
    own(0, 0);
    own(1, 0);
    own(2, 0);
    for (unsigned i = 1; i < 4; i++) {
        make_urgent(i, (uint8_t)(10 * i));
        ck_assert_int_eq(wait_for(i, i - 1), 0);
        ck_assert_uint_eq(effective(0), 10 * i);
    }
    pi_mutex_dequeue(&waiters[2]);
    ck_assert_uint_eq(effective(0), 30);
    pi_mutex_dequeue(&waiters[3]);
    ck_assert_uint_eq(effective(0), 10);
}
END_TEST

static unsigned first_of(unsigned mutex)
{
    const struct pi_waiter *waiter = pi_mutex_first(&mutexes[mutex]);

    ck_assert_ptr_nonnull(waiter);
    return (unsigned)(waiter - waiters);
}

START_TEST(the_most_urgent_is_first_then_the_oldest)
{
    static const uint8_t priorities[] = { 0, 0, 5, 9, 5, 9 };
    static const unsigned expected[] = { 3, 5, 2, 4, 0, 1 };

    make(7);
    own(0, 6);
    for (unsigned i = 0; i < 6; i++) {
        make_urgent(i, priorities[i]);
        ck_assert_int_eq(wait_for(i, 0), 0);
    }
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_uint_eq(first_of(0), expected[i]);
        ck_assert_ptr_eq(pi_mutex_hand_over(&mutexes[0]), &waiters[expected[i]]);
        ck_assert_ptr_eq(pi_mutex_owner(&mutexes[0]), threads[expected[i]]);
    }
    ck_assert_ptr_null(pi_mutex_hand_over(&mutexes[0]));
    ck_assert_ptr_null(pi_mutex_owner(&mutexes[0]));
}
END_TEST

START_TEST(a_waiter_that_becomes_urgent_moves_ahead)
{
    make(4);
    own(0, 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(wait_for(i, 0), 0);
    make_urgent(2, 1);
    ck_assert_uint_eq(first_of(0), 2);
    ck_assert_uint_eq(effective(3), 1);
    make_urgent(2, 0);
    ck_assert_uint_eq(first_of(0), 0);
    ck_assert_uint_eq(effective(3), 0);
}
END_TEST

START_TEST(who_is_handed_the_mutex_gets_what_the_others_lend)
{
    make(4);
    own(0, 0);
    make_urgent(1, 30);
    make_urgent(2, 20);
    make_urgent(3, 20);
    for (unsigned i = 1; i < 4; i++)
        ck_assert_int_eq(wait_for(i, 0), 0);
    ck_assert_ptr_eq(pi_mutex_hand_over(&mutexes[0]), &waiters[1]);
    ck_assert_uint_eq(effective(0), 0);
    make_urgent(1, 0);
    ck_assert_uint_eq(effective(1), 20);
}
END_TEST

static struct pi_mutex *owned[2];
static unsigned owned_count;

static void note(struct pi_mutex *mutex, void *context)
{
    (void)context;
    owned[owned_count++] = mutex;
}

/* In a thread of the fake machine, because it is about the current one. */
static void leave(void *argument)
{
    struct thread *self = current_thread();

    (void)argument;
    ck_assert_int_eq(pi_mutex_set_owner(&mutexes[0], self), 0);
    ck_assert_int_eq(wait_for(0, 0), 0);
    ck_assert_int_eq(pi_mutex_set_owner(&mutexes[1], self), 0);
    ck_assert(pi_thread_first_owned(note, NULL));
    ck_assert_ptr_eq(owned[0], &mutexes[0]);
    pi_thread_leave();
    ck_assert_int_eq(pi_mutex_set_owner(&mutexes[2], self), -ESRCH);
    ck_assert_int_eq(wait_for(1, 1), -ESRCH);    /* nobody waits yet: nobody would hand it on */
    ck_assert_int_eq(wait_for(2, 0), 0);         /* will be handed on with the others */
    ck_assert_ptr_eq(pi_mutex_hand_over(&mutexes[0]), &waiters[0]);
    ck_assert(!pi_thread_first_owned(note, NULL));
    pi_mutex_dequeue(&waiters[2]);
}

START_TEST(a_thread_that_leaves_becomes_no_owner)
{
    make(3);
    thread_release(fake_thread_start("leaving", leave, NULL));
    fake_scheduler_run();
    ck_assert_uint_eq(owned_count, 1);
}
END_TEST

/* ---- What the kernel's own mutexes and the run queues make of it --------------------------- */

static struct mutex kernel_mutex;
static char order[8];
static unsigned order_count;
static bool may_release;

static void hold_mutex(void *argument)
{
    (void)argument;
    mutex_lock(&kernel_mutex);
    while (!may_release)
        scheduler_block();
    ck_assert_uint_eq(priority_effective(current_thread()), 40);
    mutex_unlock(&kernel_mutex);
    ck_assert_uint_eq(priority_effective(current_thread()), 0);
    order[order_count++] = 'h';
}

static void take_mutex(void *argument)
{
    uint8_t priority = (uint8_t)(uintptr_t)argument;

    if (priority)
        priority_set_own(current_thread(), CLASS_FIFO, priority);
    mutex_lock(&kernel_mutex);
    order[order_count++] = (char)('0' + priority / 10);
    mutex_unlock(&kernel_mutex);
}

START_TEST(the_kernels_mutexes_hand_on_priority)
{
    struct thread *holder;

    fake_scheduler_init(1);
    mutex_init(&kernel_mutex, RANK_INODE, "tested");
    holder = fake_thread_start("holder", hold_mutex, NULL);
    fake_scheduler_run();
    thread_release(fake_thread_start("normal", take_mutex, NULL));
    thread_release(fake_thread_start("forty", take_mutex, (void *)40));
    thread_release(fake_thread_start("ten", take_mutex, (void *)10));
    fake_scheduler_run();
    ck_assert_uint_eq(priority_effective(holder), 40);
    may_release = true;
    ck_assert(scheduler_wake(holder));
    thread_release(holder);
    fake_scheduler_run();
    ck_assert_str_eq(order, "h410");
}
END_TEST

static void note_name(void *argument)
{
    order[order_count++] = *(const char *)argument;
}

START_TEST(a_ready_thread_that_is_lent_priority_runs_first)
{
    struct thread *c;

    make(1);
    make_urgent(0, 10);
    thread_release(fake_thread_start("a", note_name, (void *)(uintptr_t)"a"));
    thread_release(fake_thread_start("b", note_name, (void *)(uintptr_t)"b"));
    c = fake_thread_start("c", note_name, (void *)(uintptr_t)"c");
    ck_assert_int_eq(pi_mutex_set_owner(&mutexes[0], c), 0);
    ck_assert_int_eq(wait_for(0, 0), 0);
    fake_scheduler_run();
    ck_assert_str_eq(order, "cab");
}
END_TEST

/* ---- At random ----------------------------------------------------------------------------- */

#define CAST 24    /* threads, and as many mutexes */

static uint8_t own_priority[CAST];
static int owner_of[CAST], waits_for[CAST];    /* -1: none */

/* By the definition, without any order of events. */
static unsigned expected_priority(int thread)
{
    unsigned highest = own_priority[thread];

    for (int i = 0; i < CAST; i++) {
        if (waits_for[i] >= 0 && owner_of[waits_for[i]] == thread) {
            unsigned lent = expected_priority(i);

            if (lent > highest)
                highest = lent;
        }
    }
    return highest;
}

static bool would_close_circle(int thread, int mutex)
{
    int owner = owner_of[mutex];

    while (owner >= 0 && owner != thread)
        owner = waits_for[owner] >= 0 ? owner_of[waits_for[owner]] : -1;
    return owner == thread;
}

static void step(struct random *random)
{
    int thread = (int)random_below(random, CAST);
    int mutex = (int)random_below(random, CAST);

    switch (random_below(random, 5)) {
    case 0:
        own_priority[thread] = (uint8_t)(random_below(random, 2) ? random_below(random, 100) : 0);
        make_urgent((unsigned)thread, own_priority[thread]);
        return;
    case 1:
        if (owner_of[mutex] >= 0 || waits_for[thread] == mutex)
            return;
        if (would_close_circle(thread, mutex) || waits_for[thread] >= 0)
            return;
        own((unsigned)mutex, (unsigned)thread);
        owner_of[mutex] = thread;
        return;
    case 2:
        if (waits_for[thread] < 0)
            return;
        pi_mutex_dequeue(&waiters[thread]);
        waits_for[thread] = -1;
        return;
    case 3: {
        if (owner_of[mutex] < 0)
            return;

        struct pi_waiter *next = pi_mutex_hand_over(&mutexes[mutex]);

        owner_of[mutex] = next ? (int)(next - waiters) : -1;
        if (next)
            waits_for[owner_of[mutex]] = -1;
        return;
    }
    default:
        if (waits_for[thread] >= 0 || owner_of[mutex] < 0)
            return;
        if (would_close_circle(thread, mutex)) {
            ck_assert_int_eq(wait_for((unsigned)thread, (unsigned)mutex), -EDEADLK);
            return;
        }
        ck_assert_int_eq(wait_for((unsigned)thread, (unsigned)mutex), 0);
        waits_for[thread] = mutex;
    }
}

START_TEST(random_changes_agree_with_the_definition)
{
    struct random random;

    random_init(&random, 7);
    make(CAST);
    for (int i = 0; i < CAST; i++)
        owner_of[i] = waits_for[i] = -1;
    for (int i = 0; i < 20000; i++) {
        step(&random);
        for (int thread = 0; thread < CAST; thread++) {
            if (effective((unsigned)thread) != expected_priority(thread))
                ck_abort_msg("step %d: thread %d has %u instead of %u", i, thread,
                             effective((unsigned)thread), expected_priority(thread));
        }
    }
}
END_TEST

TEST_MAIN("sync/pi_mutex", a_waiter_lends_until_it_leaves,
          an_owner_that_is_more_urgent_keeps_its_priority, priority_goes_along_a_chain,
          the_middle_of_a_chain_may_leave, circles_are_refused,
          chains_that_are_too_long_are_refused, the_highest_of_several_counts,
          the_most_urgent_is_first_then_the_oldest, a_waiter_that_becomes_urgent_moves_ahead,
          who_is_handed_the_mutex_gets_what_the_others_lend, a_thread_that_leaves_becomes_no_owner,
          the_kernels_mutexes_hand_on_priority, a_ready_thread_that_is_lent_priority_runs_first,
          random_changes_agree_with_the_definition)
