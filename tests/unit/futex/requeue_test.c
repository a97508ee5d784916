/* Requeueing: who is woken, who waits elsewhere from then on, and what is refused. */
#include "unit/futex/futex_fixture.h"

#define MIRROR UINT64_C(0x20000000)    /* where shared memory is mapped */

static int64_t requeue_words(struct futex_word source, struct futex_word target, int32_t wake_count,
                             int32_t requeue_count)
{
    const struct futex_requeue request = {
        .source = source,
        .target = target,
        .wake_count = wake_count,
        .requeue_count = requeue_count,
    };

    return futex_requeue(&request);
}

static int64_t requeue(int32_t wake_count, int32_t requeue_count)
{
    return requeue_words(private_word(WORD), private_word(OTHER), wake_count, requeue_count);
}

static int64_t requeue_if(user_address source, uint32_t expected)
{
    const struct futex_requeue request = {
        .source = private_word(source),
        .target = private_word(OTHER),
        .wake_count = 1,
        .compares = true,
        .expected = expected,
    };

    return futex_requeue(&request);
}

static struct caller *start_waiter(void)
{
    return start(&(struct caller){ .call = call_wait, .word = WORD });
}

FUTEX_TEST(some_are_woken_and_some_are_moved)
{
    struct caller *waiters[5];

    for (unsigned i = 0; i < 5; i++)
        waiters[i] = start_waiter();
    ck_assert_int_eq(requeue(1, 2), 3);    /* both count */
    settle();
    ck_assert(waiters[0]->is_over);
    ck_assert_int_eq(waiters[0]->result, 0);
    for (unsigned i = 1; i < 5; i++)
        ck_assert(!waiters[i]->is_over);
    ck_assert_int_eq(wake(OTHER, 9), 2);
    settle();
    ck_assert(waiters[1]->is_over && waiters[2]->is_over);
    ck_assert_uint_lt(waiters[1]->turn, waiters[2]->turn);
    ck_assert_int_eq(requeue(0, 0), 0);
    ck_assert_int_eq(wake(WORD, 9), 2);
}

FUTEX_TEST(onto_the_same_word_nobody_moves)
{
    struct caller *first = start_waiter(), *second = start_waiter();

    ck_assert_int_eq(requeue_words(private_word(WORD), private_word(WORD), 0, 9), 2);
    ck_assert_int_eq(wake(WORD, 1), 1);
    settle();
    ck_assert(first->is_over && !second->is_over);
}

FUTEX_TEST(who_was_moved_leaves_from_there)
{
    struct caller *timed = start(&(struct caller){ .call = call_wait, .word = WORD,
                                                   .delay_ns = DELAY_NS });
    struct caller *waiter = start_waiter();

    ck_assert_int_eq(requeue(0, 9), 2);
    interrupt(waiter);
    ck_assert_int_eq(waiter->result, -EINTR);
    let_time_go_by();
    ck_assert_int_eq(timed->result, -ETIMEDOUT);
    ck_assert_int_eq(wake(OTHER, 9), 0);
    ck_assert_int_eq(wake(WORD, 9), 0);
}

FUTEX_TEST(bits_go_with_the_waiter)
{
    const struct futex_word other = private_word(OTHER);

    start(&(struct caller){ .call = call_wait, .word = WORD, .bits = 4 });
    ck_assert_int_eq(requeue(0, 1), 1);
    ck_assert_int_eq(futex_wake(&other, 2, 9, false), 0);
    ck_assert_int_eq(futex_wake(&other, 4, 9, false), 1);
}

FUTEX_TEST(the_word_is_compared_if_that_is_wanted)
{
    struct caller *waiter = start_waiter();

    ck_assert_int_eq(requeue_if(WORD, EXPECTED + 1), -EAGAIN);
    ck_assert_int_eq(requeue_if(UNTOUCHED, EXPECTED), -EAGAIN);    /* brought in: 0 */
    ck_assert_int_eq(requeue_if(NOWHERE, EXPECTED), -EFAULT);
    ck_assert(!waiter->is_over);
    ck_assert_int_eq(requeue_if(WORD, EXPECTED), 1);
    settle();
    ck_assert(waiter->is_over);
}

FUTEX_TEST(wrong_requests_are_refused)
{
    const struct futex_word word = private_word(WORD), nowhere = private_word(NOWHERE);

    ck_assert_int_eq(requeue(-1, 0), -EINVAL);
    ck_assert_int_eq(requeue(0, -1), -EINVAL);
    ck_assert_int_eq(requeue_words(private_word(WORD + 1), word, 1, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, private_word(OTHER + 2), 1, 1), -EINVAL);
    ck_assert_int_eq(requeue_words(word, shared_word(NOWHERE), 1, 1), -EFAULT);
    /* Private words need not be there. */
    ck_assert_int_eq(requeue_words(word, nowhere, 1, 1), 0);
    ck_assert_int_eq(requeue_words(nowhere, word, 1, 1), 0);
}

FUTEX_TEST(who_waits_for_a_lock_is_in_the_way)
{
    struct caller *ordinary = start(&(struct caller){ .call = call_wait, .word = WORD,
                                                      .priority = 10 });
    const struct caller caller = { .call = call_wait_for_lock, .word = WORD, .other = LOCK };
    struct caller *waiter = start(&caller);

    ck_assert_int_eq(requeue(0, 9), -EINVAL);
    ck_assert_int_eq(wake(OTHER, 9), 1);    /* what came before was done */
    settle();
    ck_assert(ordinary->is_over && !waiter->is_over);
}

/* ---- Names --------------------------------------------------------------------------------- */

FUTEX_TEST(shared_words_are_named_by_their_object)
{
    struct memory_object *objects[2];
    struct caller *waiter, *moved;

    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(memory_object_create_anonymous(PAGE_SIZE, &objects[i]), 0);
        map_object(MIRROR + 2 * i * PAGE_SIZE, objects[i], PROTECTION_READ | PROTECTION_WRITE);
        map_object(MIRROR + (2 * i + 1) * PAGE_SIZE, objects[i], PROTECTION_READ);
    }
    const struct futex_word first = shared_word(MIRROR + PAGE_SIZE);
    const struct futex_word second = shared_word(MIRROR + 2 * PAGE_SIZE);
    const uint32_t references[] = { refcount_value(&objects[0]->references),
                                    refcount_value(&objects[1]->references) };

    put(MIRROR, EXPECTED);
    waiter = start(&(struct caller){ .call = call_wait, .word = MIRROR, .is_shared = true });
    moved = start(&(struct caller){ .call = call_wait, .word = MIRROR, .is_shared = true });
    ck_assert_int_eq(wake(MIRROR, 9), 0);    /* a private name is another one */
    ck_assert_int_eq(futex_wake(&second, FUTEX_ANY, 9, false), 0);
    ck_assert_int_eq(futex_wake(&first, FUTEX_ANY, 1, false), 1);
    settle();
    ck_assert_int_eq(waiter->result, 0);
    ck_assert_int_eq(requeue_words(first, second, 0, 1), 1);
    ck_assert_uint_eq(refcount_value(&objects[0]->references), references[0]);
    ck_assert_uint_eq(refcount_value(&objects[1]->references), references[1] + 1);
    ck_assert_int_eq(futex_wake(&second, FUTEX_ANY, 9, false), 1);
    settle();
    ck_assert_int_eq(moved->result, 0);
    ck_assert_uint_eq(refcount_value(&objects[1]->references), references[1]);
    for (unsigned i = 0; i < 2; i++)
        memory_object_release(objects[i]);
}

FUTEX_TEST(own_memory_has_two_names)
{
    const struct futex_word word = shared_word(WORD);
    struct caller *waiter = start(&(struct caller){ .call = call_wait, .word = WORD,
                                                    .is_shared = true });

    ck_assert_int_eq(wake(WORD, 9), 0);
    ck_assert_int_eq(futex_wake(&word, FUTEX_ANY, 9, false), 1);
    settle();
    ck_assert_int_eq(waiter->result, 0);
    protect(UNTOUCHED, PROTECTION_READ);
    const struct futex_word constant = shared_word(UNTOUCHED);

    ck_assert_int_eq(futex_wake(&constant, FUTEX_ANY, 9, false), -EFAULT);
}

TEST_MAIN("futex/requeue", some_are_woken_and_some_are_moved, onto_the_same_word_nobody_moves,
          who_was_moved_leaves_from_there, bits_go_with_the_waiter,
          the_word_is_compared_if_that_is_wanted, wrong_requests_are_refused,
          who_waits_for_a_lock_is_in_the_way, shared_words_are_named_by_their_object,
          own_memory_has_two_names)
