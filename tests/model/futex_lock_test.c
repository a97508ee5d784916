/*
 * Locks that hand on priority, and robust ones, in the interleavings of two CPUs: handing over,
 * times, signals, ends of owners.  A model of a broken program shows that the error would be found.
 */
#include "model/futex_model.h"

/* ---- Locks --------------------------------------------------------------------------------- */

static void lock_and_unlock(uintptr_t member, uint64_t deadline_ns)
{
    int error = lock_until(deadline_ns);

    results[member] = error;
    if (!error)
        use_lock(member);
}

static void enter(void *member)
{
    lock_and_unlock((uintptr_t)member, WAIT_FOREVER);
}

static void enter_soon(void *member)
{
    lock_and_unlock((uintptr_t)member, 1000);
}

static const char *check_all_entered(void)
{
    if (results[0] != 0 || results[1] != 0)
        return "a thread did not get the lock";
    return check_exclusion();
}

static void two_enter(void)
{
    begin();
    play(0, 0, enter);
    play(1, 1, enter);
}

START_TEST(model_a_lock_is_handed_over)
{
    explore(&(struct model){ .cpu_count = 2, .setup = two_enter, .check = check_all_entered,
                             .preemptions_max = 3 });
}
END_TEST

static void three_enter_one_soon(void)
{
    begin();
    play(0, 0, enter);
    play(1, 1, enter);
    play(0, 2, enter_soon);
}

static const char *check_two_entered(void)
{
    if (results[2] != 0 && results[2] != -ETIMEDOUT)
        return "a wrong error";
    return check_all_entered();
}

START_TEST(model_a_lock_and_time)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = three_enter_one_soon,
                             .check = check_two_entered,
                             .preemptions_max = 2 });
}
END_TEST

static void two_enter_one_is_interrupted(void)
{
    begin();
    play(0, 0, enter);
    refcount_take(&members[0]->references);
    play(1, 1, enter);
    play(1, 2, interrupt_first);
}

static const char *check_interrupted(void)
{
    if (results[1] != 0 || (results[0] != 0 && results[0] != -EINTR))
        return "a wrong error";
    return check_exclusion();
}

START_TEST(model_a_lock_and_a_signal)
{
    explore(&(struct model){ .cpu_count = 2,
                             .setup = two_enter_one_is_interrupted,
                             .check = check_interrupted,
                             .preemptions_max = 2 });
}
END_TEST

/* ---- Ends of owners ------------------------------------------------------------------------ */

static void lock_and_leave(void *member)
{
    results[(uintptr_t)member] = lock_until(WAIT_FOREVER);
    futex_thread_leave(space, 0);
}

static void enter_after(void *member)
{
    uint32_t died;
    int error = lock_until(WAIT_FOREVER);

    results[(uintptr_t)member] = error;
    if (error)
        return;
    died = atomic_load(word_at(LOCK)) & FUTEX_OWNER_DIED;
    if (unlock() != 0)
        results[(uintptr_t)member] = -EIO;
    if (died)
        woken++;
}

static void owner_leaves(void)
{
    begin();
    play(0, 0, lock_and_leave);
    play(1, 1, enter_after);
}

/* The second waits: it owns the lock then.  Or it comes when the first is gone for good. */
static const char *check_owner_left(void)
{
    if (results[0] != 0)
        return "the first did not get the lock";
    if (results[1] == 0 || results[1] == -ESRCH)
        return NULL;
    return "a wrong error";
}

START_TEST(model_the_owner_ends)
{
    explore(&(struct model){ .cpu_count = 2, .setup = owner_leaves, .check = check_owner_left,
                             .preemptions_max = 3 });
}
END_TEST

static void owner_leaves_two_wait(void)
{
    begin();
    play(0, 0, lock_and_leave);
    play(1, 1, enter_after);
    play(0, 2, enter_after);
}

START_TEST(model_the_owner_ends_and_two_wait)
{
    explore(&(struct model){ .cpu_count = 2, .setup = owner_leaves_two_wait,
                             .check = check_owner_left, .preemptions_max = 2 });
}
END_TEST

/* A list with one entry, whose word is LOCK: waited for as an ordinary futex. */
#define LIST (DATA + 256)
#define ENTRY (DATA + 512)

static void put_pointer(user_address address, uint64_t value)
{
    atomic_store(word_at(address), (uint32_t)value);
    atomic_store(word_at(address + 4), (uint32_t)(value >> 32));
}

static void make_list(void)
{
    put_pointer(LIST, ENTRY);
    put_pointer(LIST + 8, LOCK - ENTRY);
    put_pointer(LIST + 16, 0);
    put_pointer(ENTRY, LIST);
}

static void own_and_leave(void *member)
{
    (void)member;
    futex_thread_leave(space, LIST);
}

/* Says that it waits, and does, until the owner is gone. */
static void wait_for_robust(void *member)
{
    const struct futex_word word = { .space = space, .address = LOCK };
    int error = 0;

    for (;;) {
        uint32_t seen = atomic_load(word_at(LOCK));
        struct futex_wait wait = {
            .word = word, .expected = seen | FUTEX_WAITERS, .bits = FUTEX_ANY,
            .deadline = { WAIT_FOREVER, false },
        };

        if (seen & FUTEX_OWNER_DIED)
            break;
        if (!atomic_compare_exchange_strong(word_at(LOCK), &seen, seen | FUTEX_WAITERS))
            continue;
        error = futex_wait(&wait);
        if (error && error != -EAGAIN)
            break;
    }
    results[(uintptr_t)member] = error == -EAGAIN ? 0 : error;
}

static void robust_owner_leaves(void)
{
    begin();
    make_list();
    play(0, 0, own_and_leave);
    play(1, 1, wait_for_robust);
    atomic_store(word_at(LOCK), (uint32_t)members[0]->id);
}

static const char *check_robust(void)
{
    if (results[1] != 0)
        return "the waiter was not woken";
    return atomic_load(word_at(LOCK)) & FUTEX_OWNER_DIED ? NULL : "the word does not say so";
}

START_TEST(model_a_robust_owner_ends)
{
    explore(&(struct model){ .cpu_count = 2, .setup = robust_owner_leaves,
                             .check = check_robust, .preemptions_max = 2 });
}
END_TEST

/* ---- What is broken must be found ---------------------------------------------------------- */

static const char *check_nothing(void)
{
    return NULL;
}

/* Unlocks without the kernel though others wait. */
static void enter_and_unlock_badly(void *member)
{
    results[(uintptr_t)member] = lock_until(WAIT_FOREVER);
    stay_inside();
    atomic_store(word_at(LOCK), 0);
}

static void careless_owner(void)
{
    begin();
    play(0, 0, enter_and_unlock_badly);
    play(1, 1, enter);
}

START_TEST(model_finds_an_unlock_without_the_kernel)
{
    explore_broken(&(struct model){ .cpu_count = 2, .setup = careless_owner,
                                    .check = check_nothing, .preemptions_max = 2 },
                   "threads sleep for ever");
}
END_TEST

TEST_MAIN("model/futex_lock", model_a_lock_is_handed_over, model_a_lock_and_time,
          model_a_lock_and_a_signal, model_the_owner_ends, model_the_owner_ends_and_two_wait,
          model_a_robust_owner_ends, model_finds_an_unlock_without_the_kernel)
