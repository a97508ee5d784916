/* Waiting for a condition, then for a lock: who is given the lock, who waits for it, and when. */
#include "unit/futex/futex_fixture.h"

#define MIRROR UINT64_C(0x20000000)    /* where shared memory is mapped */
#define MIRROR_2 UINT64_C(0x30000000)

static int64_t requeue_words(struct futex_word source, struct futex_word target, int32_t wake_count,
                             int32_t requeue_count)
{
    const struct futex_requeue request = {
        .source = source,
        .target = target,
        .wake_count = wake_count,
        .requeue_count = requeue_count,
        .compares = true,
        .expected = EXPECTED,
    };

    return futex_requeue_to_lock(&request);
}

static int64_t requeue(user_address target, int32_t requeue_count)
{
    return requeue_words(private_word(WORD), private_word(target), 1, requeue_count);
}

static int64_t call_wait_and_unlock(const struct caller *caller)
{
    const struct futex_word target = word_of(caller, caller->other);
    int64_t error = call_wait_for_lock(caller);

    return error ? error : futex_unlock(&target);
}

static struct caller *start_waiter(uint8_t priority)
{
    return start(&(struct caller){ .call = call_wait_and_unlock, .word = WORD, .other = LOCK,
                                   .priority = priority });
}

static struct caller *start_short_waiter(void)
{
    return start(&(struct caller){ .call = call_wait_for_lock, .word = WORD, .other = LOCK,
                                   .delay_ns = DELAY_NS });
}

/* ---- What is given ------------------------------------------------------------------------- */

FUTEX_TEST(a_free_lock_is_given_to_the_first)
{
    struct caller *first = start_waiter(0);
    struct caller *second = start_waiter(0);

    ck_assert_int_eq(requeue(LOCK, 0), 1);
    ck_assert_uint_eq(get(LOCK), id_of(first));    /* nobody waits for it */
    settle();
    ck_assert_int_eq(first->result, 0);
    ck_assert(!second->is_over);
    ck_assert_uint_eq(get(LOCK), 0);
    ck_assert_int_eq(requeue(LOCK, 9), 1);
    settle();
    ck_assert_int_eq(second->result, 0);
    ck_assert_int_eq(requeue(LOCK, 9), 0);
}

FUTEX_TEST(the_others_wait_for_the_lock_in_their_order)
{
    static const uint8_t priorities[] = { 0, 10, 0, 20 };
    static const unsigned turns[] = { 2, 1, 3, 0 };
    struct caller *waiters[4];

    for (unsigned i = 0; i < 4; i++)
        waiters[i] = start_waiter(priorities[i]);
    /* Not to be overtaken by those who run now. */
    priority_set_own(current_thread(), CLASS_FIFO, 90);
    ck_assert_int_eq(requeue(LOCK, INT32_MAX), 4);
    ck_assert_uint_eq(get(LOCK), id_of(waiters[3]) | FUTEX_WAITERS);
    ck_assert_int_eq(pi_thread_waits_for(waiters[0]->thread), waiters[3]->thread->id);
    settle();
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(waiters[i]->result, 0);
        ck_assert_uint_eq(waiters[i]->turn, turns[i]);
    }
    ck_assert_uint_eq(get(LOCK), 0);
}

FUTEX_TEST(a_lock_of_the_caller_is_waited_for)
{
    struct caller *ordinary = start_waiter(0);
    struct caller *urgent = start_waiter(30);
    struct caller *left = start_waiter(0);

    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_int_eq(requeue(LOCK, 1), 2);    /* one more than asked: the first counts as woken */
    ck_assert_uint_eq(get(LOCK), own_id() | FUTEX_WAITERS);
    ck_assert_uint_eq(priority_effective(current_thread()), 30);
    settle();
    ck_assert(!urgent->is_over && !ordinary->is_over);
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert_uint_eq(priority_effective(current_thread()), PRIORITY_NORMAL);
    settle();
    ck_assert_int_eq(urgent->result, 0);
    ck_assert_int_eq(ordinary->result, 0);
    ck_assert_uint_lt(urgent->turn, ordinary->turn);
    ck_assert(!left->is_over);
}

FUTEX_TEST(who_was_requeued_inherits_from_the_dead)
{
    struct caller *waiter = start(&(struct caller){ .call = call_wait_for_lock, .word = WORD,
                                                    .other = LOCK });

    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_int_eq(requeue(LOCK, 1), 1);
    futex_thread_leave(current_space(), 0);
    settle();
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_uint_eq(get(LOCK), id_of(waiter) | FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

/* ---- Time and signals ---------------------------------------------------------------------- */

FUTEX_TEST(time_ends_both_waits)
{
    struct caller *before = start_short_waiter(), *after;

    let_time_go_by();
    ck_assert_int_eq(before->result, -ETIMEDOUT);
    ck_assert_int_eq(requeue(LOCK, 9), 0);
    after = start_short_waiter();
    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_int_eq(requeue(LOCK, 9), 1);
    let_time_go_by();
    ck_assert_int_eq(after->result, -ETIMEDOUT);
    ck_assert_int_eq(unlock(LOCK), 0);
    ck_assert_uint_eq(get(LOCK), 0);
}

FUTEX_TEST(a_signal_ends_both_waits_differently)
{
    struct caller *before = start_waiter(0), *after, *given;

    interrupt(before);
    ck_assert_int_eq(before->result, -EINTR);    /* to be begun again */
    after = start_waiter(0);
    given = start_waiter(0);
    ck_assert_int_eq(lock(LOCK), 0);
    ck_assert_int_eq(requeue(LOCK, 9), 2);
    interrupt(after);
    ck_assert_int_eq(after->result, -EAGAIN);    /* the program must look again */
    ck_assert_int_eq(unlock(LOCK), 0);
    interrupt(given);
    ck_assert_int_eq(given->result, 0);          /* too late */
}

FUTEX_TEST(a_signal_does_not_refuse_a_gift)
{
    struct caller *waiter = start_waiter(0);

    ck_assert_int_eq(requeue(LOCK, 0), 1);
    interrupt(waiter);
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_uint_eq(get(LOCK), 0);
}

/* ---- What is refused ----------------------------------------------------------------------- */

static int64_t wait_now(user_address word, user_address target)
{
    const struct caller caller = { .word = word, .other = target, .delay_ns = 1 };

    return call_wait_for_lock(&caller);
}

FUTEX_TEST(wrong_waits_are_refused)
{
    const struct futex_wait no_bits = { .word = private_word(WORD), .expected = EXPECTED };
    const struct futex_word target = private_word(LOCK);

    ck_assert_int_eq(wait_now(WORD, WORD), -EINVAL);
    ck_assert_int_eq(futex_wait_for_lock(&no_bits, &target), -EINVAL);
    ck_assert_int_eq(wait_now(WORD, LOCK + 2), -EINVAL);
    ck_assert_int_eq(wait_now(WORD + 2, LOCK), -EINVAL);
    ck_assert_int_eq(wait_now(NOWHERE, LOCK), -EFAULT);
    ck_assert_int_eq(wait_now(LOCK_2, LOCK), -EAGAIN);    /* holds something else */
    ck_assert_int_eq(wait_now(WORD, (user_address)-4), -EFAULT);
}

FUTEX_TEST(wrong_requeues_are_refused)
{
    struct caller *waiter = start_waiter(0);
    const struct futex_word word = private_word(WORD), target = private_word(LOCK);

    ck_assert_int_eq(requeue_words(word, target, 1, -1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, target, -1, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, target, 0, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, target, 2, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, word, 1, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, private_word(LOCK + 2), 1, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, private_word(NOWHERE), 1, 1), -EFAULT);
    ck_assert_int_eq(requeue_words(private_word(NOWHERE), target, 1, 1), -EFAULT);
    ck_assert_int_eq(requeue_words(private_word(UNTOUCHED), target, 1, 1), -EAGAIN);
    ck_assert_int_eq(requeue_words(word, private_word(LOCK_2), 1, 1), -EINVAL);    /* not its */
    put(WORD, EXPECTED + 1);
    ck_assert_int_eq(requeue(LOCK, 1), -EAGAIN);
    put(WORD, EXPECTED);
    ck_assert(!waiter->is_over);
    ck_assert_uint_eq(get(LOCK), 0);
    ck_assert_int_eq(requeue(LOCK, 1), 1);
}

FUTEX_TEST(waiters_of_both_kinds_do_not_mix)
{
    const struct futex_requeue plain = {
        .source = private_word(WORD), .target = private_word(OTHER), .requeue_count = 1
    };
    struct caller *waiter = start_waiter(0), *ordinary;

    ck_assert_int_eq(wake(WORD, 1), -EINVAL);
    ck_assert_int_eq(futex_requeue(&plain), -EINVAL);
    ck_assert_int_eq(requeue(LOCK, 1), 1);
    settle();
    ck_assert_int_eq(waiter->result, 0);
    ordinary = start(&(struct caller){ .call = call_wait, .word = WORD });
    ck_assert_int_eq(requeue(LOCK, 1), -EINVAL);
    ck_assert_uint_eq(get(LOCK), 0);
    start_waiter(20);    /* in front of it */
    ck_assert_int_eq(requeue(LOCK, 1), -EINVAL);
    settle();
    ck_assert_uint_eq(get(LOCK), 0);    /* but the first one had it */
    ck_assert(!ordinary->is_over);
    ck_assert_int_eq(wake(WORD, 1), 1);
}

FUTEX_TEST(a_circle_is_found_when_they_are_requeued)
{
    struct caller *first = start_waiter(20), *second = start_waiter(10), *holder;

    put(LOCK, id_of(first));
    ck_assert_int_eq(requeue(LOCK, 1), -EDEADLK);
    put(LOCK, 0);
    put(LOCK_2, id_of(second));
    holder = start(&(struct caller){ .call = call_lock_both, .word = LOCK_2, .other = LOCK });
    ck_assert_int_eq(pi_thread_waits_for(holder->thread), second->thread->id);
    ck_assert_int_eq(requeue(LOCK, 1), -EDEADLK);
    ck_assert_int_eq(pi_thread_waits_for(first->thread), holder->thread->id);    /* it was moved */
    ck_assert_int_eq(pi_thread_waits_for(second->thread), 0);
    ck_assert(!first->is_over && !second->is_over);
}

FUTEX_TEST(owners_that_are_not_there)
{
    struct caller *waiter = start_waiter(0);

    put(LOCK, UINT32_C(0x3ffffff0));
    ck_assert_int_eq(requeue(LOCK, 1), -ESRCH);
    ck_assert(!waiter->is_over);
    put(LOCK, 0);
    put(UNTOUCHED, EXPECTED);
    protect(UNTOUCHED, PROTECTION_READ);
    ck_assert_int_eq(requeue(UNTOUCHED, 1), -EINVAL);    /* another lock; it cannot be looked at */
    ck_assert_int_eq(address_space_unmap(current_space(), UNTOUCHED, PAGE_SIZE), 0);
    ck_assert_int_eq(requeue(UNTOUCHED, 1), -EFAULT);
}

static void leave_and_wait(void *argument)
{
    const struct caller caller = { .word = OTHER };

    (void)argument;
    ck_assert_int_eq(try_lock(LOCK), 0);
    pi_thread_leave();
    ck_assert_int_eq(call_wait(&caller), 0);
    process_exit_thread(0);
}

static int64_t call_requeue(const struct caller *caller)
{
    (void)caller;
    return requeue(LOCK, 1);
}

FUTEX_TEST(an_owner_that_is_ending_is_waited_for)
{
    struct caller *waiter = start_waiter(0), *requeuer;

    thread_release(fixture_thread(leave_and_wait));
    settle();
    requeuer = start(&(struct caller){ .call = call_requeue });
    ck_assert(!requeuer->is_over);
    put(LOCK, FUTEX_OWNER_DIED);
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(requeuer->result, 1);
    ck_assert_int_eq(waiter->result, 0);
}

/* ---- Shared memory ------------------------------------------------------------------------- */

FUTEX_TEST(shared_words_are_one_at_two_addresses)
{
    struct memory_object *object;
    struct caller *waiter;

    ck_assert_int_eq(memory_object_create_anonymous(PAGE_SIZE, &object), 0);
    map_object(MIRROR, object, PROTECTION_READ | PROTECTION_WRITE);
    map_object(MIRROR_2, object, PROTECTION_READ | PROTECTION_WRITE);
    put(MIRROR, EXPECTED);
    const uint32_t references = refcount_value(&object->references);
    waiter = start(&(struct caller){ .call = call_wait_for_lock, .word = MIRROR,
                                     .other = MIRROR_2, .is_shared = true });
    ck_assert_int_eq(waiter->result, -EINVAL);    /* the same word */
    ck_assert_int_eq(requeue_words(shared_word(MIRROR), shared_word(MIRROR_2), 1, 1), -EINVAL);

    waiter = start(&(struct caller){ .call = call_wait_for_lock, .word = MIRROR + 8,
                                     .other = MIRROR + 4, .is_shared = true });
    ck_assert_int_eq(waiter->result, -EAGAIN);
    put(MIRROR + 8, EXPECTED);
    waiter = start(&(struct caller){ .call = call_wait_for_lock, .word = MIRROR + 8,
                                     .other = MIRROR + 4, .is_shared = true });
    const struct futex_word target = shared_word(MIRROR_2 + 4);

    ck_assert_int_eq(futex_try_lock(&target), 0);
    ck_assert_int_eq(requeue_words(shared_word(MIRROR_2 + 8), target, 1, 1), 1);
    ck_assert_int_eq(futex_unlock(&target), 0);
    settle();
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_uint_eq(get(MIRROR + 4), id_of(waiter) | FUTEX_WAITERS);
    ck_assert_uint_eq(refcount_value(&object->references), references);
    memory_object_release(object);
}

TEST_MAIN("futex/requeue_pi", a_free_lock_is_given_to_the_first,
          the_others_wait_for_the_lock_in_their_order, a_lock_of_the_caller_is_waited_for,
          who_was_requeued_inherits_from_the_dead, time_ends_both_waits,
          a_signal_ends_both_waits_differently, a_signal_does_not_refuse_a_gift,
          wrong_waits_are_refused, wrong_requeues_are_refused, waiters_of_both_kinds_do_not_mix,
          a_circle_is_found_when_they_are_requeued, owners_that_are_not_there,
          an_owner_that_is_ending_is_waited_for, shared_words_are_one_at_two_addresses)
