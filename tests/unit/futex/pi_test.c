/* Locks that hand on priority: taking, handing over, lending, circles, time and signals. */
#include "unit/futex/futex_fixture.h"

static uint8_t effective(const struct thread *thread)
{
    return priority_effective(thread);
}

FUTEX_TEST(a_free_lock_is_taken_and_given_back)
{
    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_uint_eq(get(LOCK), own_id());
    ck_assert_int_eq(lock(LOCK), -EDEADLK);
    ck_assert_int_eq(try_lock(LOCK), -EDEADLK);
    ck_assert_uint_eq(get(LOCK), own_id());
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert_uint_eq(get(LOCK), 0);
    ck_assert_int_eq(unlock(LOCK), -EPERM);
    ck_assert_int_eq(try_lock(LOCK), 0);
    ck_assert_int_eq(unlock(LOCK), 0);
    put(LOCK, FUTEX_OWNER_DIED | FUTEX_WAITERS);    /* nobody waits in fact */
    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_uint_eq(get(LOCK), own_id() | FUTEX_OWNER_DIED);
}

FUTEX_TEST(wrong_words_are_refused)
{
    ck_assert_int_eq(lock(LOCK + 1), -EINVAL);
    ck_assert_int_eq(lock(NOWHERE), -EFAULT);
    ck_assert_int_eq(lock((user_address)-4), -EFAULT);
    ck_assert_int_eq(unlock(NOWHERE), -EFAULT);
    ck_assert_int_eq(unlock(LOCK + 1), -EPERM);    /* it is looked at first */
    put(LOCK, own_id());
    put(LOCK + 4, 0);
    put(LOCK_2 + 2, own_id());
    ck_assert_int_eq(unlock(LOCK_2 + 2), -EINVAL);
    protect(FIXTURE_DATA, PROTECTION_READ);
    ck_assert_int_eq(lock(LOCK_2), -EFAULT);
    ck_assert_int_eq(unlock(LOCK), -EFAULT);
    ck_assert_int_eq(lock(UNTOUCHED), 0);    /* brought in */
    ck_assert_uint_eq(get(UNTOUCHED), own_id());
}

FUTEX_TEST(it_is_handed_to_the_most_urgent_then_to_the_oldest)
{
    static const uint8_t priorities[] = { 0, 0, 10, 20, 10, 0 };
    static const unsigned turns[] = { 3, 4, 1, 0, 2, 5 };
    struct caller *waiters[6];

    ck_assert_int_eq(lock(LOCK), 0);
    for (unsigned i = 0; i < 6; i++) {
        waiters[i] = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK,
                                             .priority = priorities[i] });
        ck_assert_uint_eq(get(LOCK), own_id() | FUTEX_WAITERS);
    }
    ck_assert_int_eq(try_lock(LOCK), -EDEADLK);
    ck_assert_int_eq(unlock(LOCK), 0);
    settle();
    for (unsigned i = 0; i < 6; i++) {
        ck_assert(waiters[i]->is_over);
        ck_assert_int_eq(waiters[i]->result, 0);
        ck_assert_uint_eq(waiters[i]->turn, turns[i]);
    }
    ck_assert_uint_eq(get(LOCK), 0);
}

FUTEX_TEST(the_word_names_the_next_owner_at_once)
{
    struct caller *waiter;

    ck_assert_int_eq(lock(LOCK), 0);
    waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });
    ck_assert_int_eq(pi_thread_waits_for(waiter->thread), current_thread()->id);
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert(!waiter->is_over);
    ck_assert_uint_eq(get(LOCK), id_of(waiter) | FUTEX_WAITERS);
    ck_assert_int_eq(unlock(LOCK), -EPERM);
    ck_assert_int_eq(try_lock(LOCK), -EAGAIN);    /* no stealing */
    settle();
    ck_assert_int_eq(waiter->result, 0);
}

/* ---- Lending ------------------------------------------------------------------------------- */

FUTEX_TEST(an_owner_runs_as_the_most_urgent_waiter)
{
    struct caller *first, *second;

    ck_assert_int_eq(lock(LOCK), 0);
    first = start(&(struct caller){ .call = call_lock, .word = LOCK, .priority = 30,
                                    .delay_ns = DELAY_NS });
    ck_assert_uint_eq(effective(current_thread()), 30);
    second = start(&(struct caller){ .call = call_lock, .word = LOCK, .priority = 40 });
    ck_assert_uint_eq(effective(current_thread()), 40);
    interrupt(second);
    ck_assert_int_eq(second->result, -EINTR);
    ck_assert_uint_eq(effective(current_thread()), 30);
    let_time_go_by();
    ck_assert_int_eq(first->result, -ETIMEDOUT);
    ck_assert_uint_eq(effective(current_thread()), PRIORITY_NORMAL);
    ck_assert_uint_eq(get(LOCK), own_id() | FUTEX_WAITERS);    /* it stays */
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert_uint_eq(get(LOCK), 0);
}

FUTEX_TEST(two_locks_lend_and_each_takes_back_its_own)
{
    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_int_eq(lock(LOCK_2), 0);
    start(&(struct caller){ .call = call_lock, .word = LOCK, .priority = 10 });
    start(&(struct caller){ .call = call_lock, .word = LOCK_2, .priority = 20 });
    ck_assert_uint_eq(effective(current_thread()), 20);
    ck_assert_int_eq(unlock(LOCK_2), 0);
    ck_assert_uint_eq(effective(current_thread()), 10);
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert_uint_eq(effective(current_thread()), PRIORITY_NORMAL);
}

FUTEX_TEST(priority_is_lent_along_a_chain)
{
    struct caller *near, *far, *urgent;

    ck_assert_int_eq(lock(LOCK), 0);
    near = start(&(struct caller){ .call = call_lock_both, .word = LOCK, .other = LOCK_2 });
    far = start(&(struct caller){ .call = call_lock_both, .word = LOCK_2, .other = LOCK_3 });
    urgent = start(&(struct caller){ .call = call_lock, .word = LOCK_3, .priority = 50,
                                     .delay_ns = DELAY_NS });
    ck_assert_uint_eq(effective(far->thread), 50);
    ck_assert_uint_eq(effective(near->thread), 50);
    ck_assert_uint_eq(effective(current_thread()), 50);
    priority_set_own(urgent->thread, CLASS_FIFO, 60);
    ck_assert_uint_eq(effective(current_thread()), 60);
    let_time_go_by();
    ck_assert_int_eq(urgent->result, -ETIMEDOUT);
    ck_assert_uint_eq(effective(far->thread), PRIORITY_NORMAL);
    ck_assert_uint_eq(effective(current_thread()), PRIORITY_NORMAL);
    ck_assert_int_eq(unlock(LOCK), 0);
    settle();
    ck_assert_int_eq(near->result, 0);
}

/* ---- Circles ------------------------------------------------------------------------------- */

FUTEX_TEST(a_circle_is_refused_at_once)
{
    struct caller *waiter;

    ck_assert_int_eq(lock(LOCK), 0);
    waiter = start(&(struct caller){ .call = call_lock_both, .word = LOCK, .other = LOCK_2 });
    ck_assert(!waiter->is_over);
    ck_assert_int_eq(lock(LOCK_2), -EDEADLK);
    ck_assert_uint_eq(get(LOCK_2), id_of(waiter) | FUTEX_WAITERS);
    start(&(struct caller){ .call = call_lock_both, .word = LOCK_2, .other = LOCK_3 });
    ck_assert_int_eq(lock(LOCK_3), -EDEADLK);    /* of three */
    ck_assert_int_eq(unlock(LOCK), 0);
    settle();
    ck_assert_int_eq(waiter->result, 0);
}

FUTEX_TEST(a_circle_that_was_refused_leaves_nothing_behind)
{
    struct caller *waiter;

    ck_assert_int_eq(lock(LOCK), 0);
    waiter = start(&(struct caller){ .call = call_lock_both, .word = LOCK, .other = LOCK_2,
                                     .delay_ns = DELAY_NS });
    ck_assert_int_eq(lock(LOCK_2), -EDEADLK);
    let_time_go_by();
    ck_assert_int_eq(waiter->result, -ETIMEDOUT);
    /* Its owner has ended without unlocking, and nobody was known to wait. */
    ck_assert_int_eq(lock(LOCK_2), -ESRCH);
    ck_assert_int_eq(unlock(LOCK), 0);
}

/* ---- Time and signals ---------------------------------------------------------------------- */

FUTEX_TEST(a_time_that_is_past_ends_the_wait)
{
    const struct futex_deadline past = { 0, false };
    const struct futex_deadline real_past = { 1, true };
    const struct futex_deadline real_never = { WAIT_FOREVER, true };
    const struct futex_word word = private_word(LOCK);
    struct caller *owner;

    ck_assert_int_eq(futex_lock(&word, &past), 0);    /* free: its time does not matter */
    ck_assert_int_eq(unlock(LOCK), 0);
    owner = start(&(struct caller){ .call = call_hold, .word = LOCK, .other = OTHER });
    ck_assert_int_eq(try_lock(LOCK), -EAGAIN);
    ck_assert_int_eq(futex_lock(&word, &past), -ETIMEDOUT);
    ck_assert_int_eq(futex_lock(&word, &real_past), -ETIMEDOUT);
    ck_assert_uint_eq(get(LOCK), id_of(owner) | FUTEX_WAITERS);
    ck_assert_int_eq(wake(OTHER, 1), 1);
    ck_assert_int_eq(futex_lock(&word, &real_never), 0);
    ck_assert_int_eq(unlock(LOCK), 0);
}

FUTEX_TEST(a_signal_does_not_undo_a_hand_over)
{
    struct caller *waiter;

    ck_assert_int_eq(lock(LOCK), 0);
    waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });
    ck_assert_int_eq(unlock(LOCK), 0);
    interrupt(waiter);    /* too late */
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_uint_eq(get(LOCK), id_of(waiter) | FUTEX_WAITERS);
}

FUTEX_TEST(a_waiter_that_leaves_does_not_keep_the_others)
{
    struct caller *waiters[3];

    ck_assert_int_eq(lock(LOCK), 0);
    for (unsigned i = 0; i < 3; i++)
        waiters[i] = start(&(struct caller){ .call = call_lock_and_unlock, .word = LOCK });
    interrupt(waiters[1]);
    ck_assert_int_eq(waiters[1]->result, -EINTR);
    ck_assert_int_eq(unlock(LOCK), 0);
    settle();
    ck_assert_int_eq(waiters[0]->result, 0);
    ck_assert_int_eq(waiters[2]->result, 0);
    ck_assert_uint_eq(get(LOCK), 0);
}

TEST_MAIN("futex/pi", a_free_lock_is_taken_and_given_back, wrong_words_are_refused,
          it_is_handed_to_the_most_urgent_then_to_the_oldest,
          the_word_names_the_next_owner_at_once, an_owner_runs_as_the_most_urgent_waiter,
          two_locks_lend_and_each_takes_back_its_own, priority_is_lent_along_a_chain,
          a_circle_is_refused_at_once, a_circle_that_was_refused_leaves_nothing_behind,
          a_time_that_is_past_ends_the_wait, a_signal_does_not_undo_a_hand_over,
          a_waiter_that_leaves_does_not_keep_the_others)
