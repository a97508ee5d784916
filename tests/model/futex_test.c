/*
 * Futexes in the interleavings of two CPUs: waking, requeueing, times and signals.  A model of a
 * broken program shows that the error would be found.
 */
#include "model/futex_model.h"
#include "harness/marks.h"

/* ---- Waiting and waking -------------------------------------------------------------------- */

static int wait_until(user_address address, uint64_t deadline_ns)
{
    const struct futex_wait wait = {
        .word = private_word(address),
        .expected = 0,
        .bits = FUTEX_ANY,
        .deadline = { deadline_ns, false },
    };

    return futex_wait(&wait);
}

static void wait_for_a(void *member)
{
    results[(uintptr_t)member] = wait_until(WORD_A, WAIT_FOREVER);
}

static void wait_for_a_soon(void *member)
{
    results[(uintptr_t)member] = wait_until(WORD_A, 1000);
}

static void wake_word(user_address address, int32_t count)
{
    const struct futex_word word = private_word(address);

    woken += futex_wake(&word, FUTEX_ANY, count, false);
}

static void store_and_wake(void *member)
{
    (void)member;
    atomic_store(word_at(WORD_A), 1);
    wake_word(WORD_A, 9);
}

static void one_waits_one_wakes(void)
{
    begin();
    play(0, 0, wait_for_a);
    play(1, 1, store_and_wake);
}

static const char *check_woken(void)
{
    if (results[0] == 0 && woken == 1)
        return NULL;
    return results[0] == -EAGAIN && woken == 0 ? NULL : "waiter and waker disagree";
}

START_TEST(model_no_wake_up_is_lost)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_waits_one_wakes, .check = check_woken,
                             .preemptions_max = 4 });
}
END_TEST

static void two_wait_one_wakes(void)
{
    begin();
    play(0, 0, wait_for_a);
    play(1, 1, store_and_wake);
    play(0, 2, wait_for_a);
}

static const char *check_both_woken(void)
{
    int64_t slept = (results[0] == 0) + (results[2] == 0);

    return woken == slept ? NULL : "waiters and waker disagree";
}

START_TEST(model_all_waiters_are_woken)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = two_wait_one_wakes,
                             .check = check_both_woken,
                             .preemptions_max = 2 });
}
END_TEST

static void wake_only(void *member)
{
    (void)member;
    wake_word(WORD_A, 1);
}

static void time_beside_wake(void)
{
    begin();
    play(0, 0, wait_for_a_soon);
    play(1, 1, wake_only);
}

static const char *check_time_or_woken(void)
{
    if (results[0] == 0 && woken == 1)
        return NULL;
    return results[0] == -ETIMEDOUT && woken == 0 ? NULL : "waiter and waker disagree";
}

START_TEST(model_a_wake_up_at_the_last_moment_counts)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = time_beside_wake,
                             .check = check_time_or_woken,
                             .preemptions_max = 4 });
    EXPECT_MARK(futex_woken_at_the_last_moment);
}
END_TEST

static void signal_beside_wake(void)
{
    begin();
    play(0, 0, wait_for_a);
    refcount_take(&members[0]->references);
    play(1, 1, interrupt_first);
    play(1, 2, wake_only);
}

static const char *check_signal_or_woken(void)
{
    if (results[0] == 0 && woken == 1)
        return NULL;
    return results[0] == -EINTR && woken == 0 ? NULL : "waiter and waker disagree";
}

START_TEST(model_a_signal_does_not_eat_a_wake_up)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = signal_beside_wake,
                             .check = check_signal_or_woken,
                             .preemptions_max = 2 });
}
END_TEST

/* ---- Requeueing ---------------------------------------------------------------------------- */

static void requeue_and_wake(void *member)
{
    const struct futex_requeue request = {
        .source = private_word(WORD_A),
        .target = private_word(WORD_B),
        .requeue_count = 9,
    };

    (void)member;
    moved = futex_requeue(&request);
    wake_word(WORD_B, 9);
}

static void requeue_beside_time(void)
{
    begin();
    play(0, 0, wait_for_a_soon);
    play(1, 1, requeue_and_wake);
}

static const char *check_requeued(void)
{
    if (woken > moved)
        return "more were woken than moved";
    return (results[0] == 0) == (woken == 1) ? NULL : "waiter and waker disagree";
}

START_TEST(model_requeueing_and_time)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = requeue_beside_time,
                             .check = check_requeued,
                             .preemptions_max = 3 });
    EXPECT_MARK(futex_waiter_moved);
}
END_TEST

static void requeue_back(void *member)
{
    const struct futex_requeue request = {
        .source = private_word(WORD_B),
        .target = private_word(WORD_A),
        .requeue_count = 9,
    };

    (void)member;
    moved += futex_requeue(&request);
    wake_word(WORD_A, 9);
}

/* Both ways at once: the two buckets must be locked in one order. */
static void requeue_both_ways(void)
{
    begin();
    play(0, 0, wait_for_a_soon);
    play(1, 1, requeue_and_wake);
    play(2, 2, requeue_back);
}

static const char *check_agreement(void)
{
    return (results[0] == 0) == (woken == 1) ? NULL : "waiter and waker disagree";
}

START_TEST(model_requeueing_both_ways)
{
    explore(&(struct model){ .cpu_count = 3,
                             .setup = requeue_both_ways,
                             .check = check_agreement,
                             .preemptions_max = 2 });
}
END_TEST

/* ---- What is broken must be found ---------------------------------------------------------- */

/* Looks at the word before it calls, and then waits for whatever is there. */
static void wait_without_look(void *member)
{
    uint32_t seen = atomic_load(word_at(WORD_A));

    if (seen == 0) {
        spin_lock(&point);
        spin_unlock(&point);

        const struct futex_wait wait = {
            .word = private_word(WORD_A),
            .expected = atomic_load(word_at(WORD_A)),
            .bits = FUTEX_ANY,
            .deadline = { WAIT_FOREVER, false },
        };

        results[(uintptr_t)member] = futex_wait(&wait);
    }
}

static void careless_waiter(void)
{
    begin();
    play(0, 0, wait_without_look);
    play(1, 1, store_and_wake);
}

static const char *check_nothing(void)
{
    return NULL;
}

START_TEST(model_finds_a_wait_without_a_look)
{
    explore_broken(&(struct model){ .cpu_count = 2, .setup = careless_waiter,
                                    .check = check_nothing, .preemptions_max = 2 },
                   "threads sleep for ever");
}
END_TEST

TEST_MAIN("model/futex", model_no_wake_up_is_lost, model_all_waiters_are_woken,
          model_a_wake_up_at_the_last_moment_counts, model_a_signal_does_not_eat_a_wake_up,
          model_requeueing_and_time, model_requeueing_both_ways, model_finds_a_wait_without_a_look)
