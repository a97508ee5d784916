/*
 * Condition variables whose mutex hands on priority, in the interleavings of two CPUs: a waiter
 * that is given the lock or made to wait for it, beside time, signals, and others that lock.
 */
#include "model/futex_model.h"

/* Waits for the condition, which is WORD_A's being 1, as a C library does. */
static int wait_until(uint64_t deadline_ns)
{
    const struct futex_word target = private_word(LOCK);
    const struct futex_wait wait = {
        .word = private_word(WORD_A),
        .expected = 0,
        .bits = FUTEX_ANY,
        .deadline = { deadline_ns, false },
    };

    return futex_wait_for_lock(&wait, &target);
}

static void wait_for_condition(uintptr_t member, uint64_t deadline_ns)
{
    int error = wait_until(deadline_ns);

    results[member] = error;
    if (!error)
        use_lock(member);
}

static void wait_long(void *member)
{
    wait_for_condition((uintptr_t)member, WAIT_FOREVER);
}

static void wait_shortly(void *member)
{
    wait_for_condition((uintptr_t)member, 1000);
}

static void requeue(void)
{
    const struct futex_requeue request = {
        .source = private_word(WORD_A),
        .target = private_word(LOCK),
        .wake_count = 1,
        .requeue_count = 9,
        .compares = true,
        .expected = 1,
    };

    moved = futex_requeue_to_lock(&request);
}

/* Makes the condition true and tells, with the lock ... */
static void signal_inside(void *member)
{
    results[(uintptr_t)member] = lock_until(WAIT_FOREVER);
    atomic_store(word_at(WORD_A), 1);
    requeue();
    stay_inside();
    if (unlock() != 0)
        results[(uintptr_t)member] = -EIO;
}

/* ... or without it. */
static void signal_outside(void *member)
{
    atomic_store(word_at(WORD_A), 1);
    requeue();
    results[(uintptr_t)member] = 0;
}

static void enter(void *member)
{
    results[(uintptr_t)member] = lock_until(WAIT_FOREVER);
    stay_inside();
    if (unlock() != 0)
        results[(uintptr_t)member] = -EIO;
}

/* Who was moved has the lock now or left for a reason; who was not saw the condition. */
static const char *check_waiter(int result, int reason)
{
    if (result == 0 && moved != 1)
        return "a waiter has the lock that nobody gave it";
    if (result != 0 && result != -EAGAIN && result != reason)
        return "a wrong error";
    return check_exclusion();
}

/* ---- One waiter ---------------------------------------------------------------------------- */

static void one_waits_one_signals(void)
{
    begin();
    play(0, 0, wait_long);
    play(1, 1, signal_inside);
}

static const char *check_signalled(void)
{
    if (results[1] != 0 || moved < 0)
        return "who signals failed";
    if ((results[0] == 0) != (moved == 1))
        return "waiter and requeuer disagree";
    return check_waiter(results[0], 0);
}

START_TEST(model_a_condition_is_not_missed)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_waits_one_signals,
                             .check = check_signalled, .preemptions_max = 3 });
}
END_TEST

static void one_waits_shortly(void)
{
    begin();
    play(0, 0, wait_shortly);
    play(1, 1, signal_inside);
}

static const char *check_time(void)
{
    return results[1] != 0 || moved < 0 ? "who signals failed"
                                        : check_waiter(results[0], -ETIMEDOUT);
}

START_TEST(model_a_condition_and_time)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_waits_shortly, .check = check_time,
                             .preemptions_max = 3 });
}
END_TEST

static void one_waits_and_is_interrupted(void)
{
    begin();
    play(0, 0, wait_long);
    refcount_take(&members[0]->references);
    play(1, 1, signal_inside);
    play(1, 2, interrupt_first);
}

static const char *check_interrupted(void)
{
    return results[1] != 0 || moved < 0 ? "who signals failed"
                                        : check_waiter(results[0], -EINTR);
}

START_TEST(model_a_condition_and_a_signal)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_waits_and_is_interrupted,
                             .check = check_interrupted, .preemptions_max = 2 });
}
END_TEST

/* ---- Several ------------------------------------------------------------------------------- */

static void two_wait_one_signals(void)
{
    begin();
    play(0, 0, wait_long);
    play(1, 1, signal_inside);
    play(0, 2, wait_long);
}

static const char *check_two(void)
{
    if (results[1] != 0 || moved != (results[0] == 0) + (results[2] == 0))
        return "waiters and requeuer disagree";
    if ((results[0] != 0 && results[0] != -EAGAIN) || (results[2] != 0 && results[2] != -EAGAIN))
        return "a wrong error";
    return check_exclusion();
}

START_TEST(model_all_who_wait_get_the_lock_in_turn)
{
    explore(&(struct model){ .cpu_count = 2, .setup = two_wait_one_signals, .check = check_two,
                             .preemptions_max = 2 });
}
END_TEST

static void one_waits_another_enters(void)
{
    begin();
    play(0, 0, wait_long);
    play(1, 1, signal_outside);
    play(1, 2, enter);
}

static const char *check_entered(void)
{
    if (results[1] != 0 || results[2] != 0)
        return "who signals or enters failed";
    if ((results[0] == 0) != (moved == 1))
        return "waiter and requeuer disagree";
    return check_waiter(results[0], 0);
}

START_TEST(model_a_gift_beside_one_who_enters)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_waits_another_enters,
                             .check = check_entered, .preemptions_max = 2 });
}
END_TEST

/* ---- What is broken must be found ---------------------------------------------------------- */

/* Tells first, and makes the condition true afterwards. */
static void signal_too_early(void *member)
{
    const struct futex_requeue request = {
        .source = private_word(WORD_A), .target = private_word(LOCK), .wake_count = 1,
        .requeue_count = 9, .compares = true, .expected = 0,
    };

    moved = futex_requeue_to_lock(&request);
    atomic_store(word_at(WORD_A), 1);
    results[(uintptr_t)member] = 0;
}

static void careless_signal(void)
{
    begin();
    play(0, 0, wait_long);
    play(1, 1, signal_too_early);
}

static const char *check_nothing(void)
{
    return NULL;
}

START_TEST(model_finds_a_signal_before_the_condition)
{
    explore_broken(&(struct model){ .cpu_count = 2, .setup = careless_signal,
                                    .check = check_nothing, .preemptions_max = 2 },
                   "threads sleep for ever");
}
END_TEST

TEST_MAIN("model/futex_requeue", model_a_condition_is_not_missed, model_a_condition_and_time,
          model_a_condition_and_a_signal, model_all_who_wait_get_the_lock_in_turn,
          model_a_gift_beside_one_who_enters, model_finds_a_signal_before_the_condition)
