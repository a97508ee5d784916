/* Waiting on several words: which one ends it, and what else does. */
#include "unit/futex/futex_fixture.h"

#define WORDS 3
#define WORD_AT(index) (FIXTURE_DATA + 0x1000 + 8u * (index))

static unsigned words_wanted = WORDS;
static user_address last_word;    /* instead of that of the last one; 0: no other */

static int64_t call_wait_many(const struct caller *caller)
{
    static struct futex_wait waits[FUTEX_WAIT_MANY_MAX];
    const struct futex_deadline deadline = deadline_of(caller);

    for (unsigned i = 0; i < words_wanted; i++)
        waits[i] = (struct futex_wait){ .word = word_of(caller, WORD_AT(i)), .expected = EXPECTED };
    if (last_word)
        waits[words_wanted - 1].word.address = last_word;
    return futex_wait_many(waits, words_wanted, &deadline);
}

static struct caller *start_many(uint64_t delay_ns)
{
    for (unsigned i = 0; i < words_wanted; i++)
        put(WORD_AT(i), EXPECTED);
    return start(&(struct caller){ .call = call_wait_many, .delay_ns = delay_ns });
}

static void check_nobody_waits(void)
{
    for (unsigned i = 0; i < words_wanted; i++)
        ck_assert_int_eq(wake(WORD_AT(i), 9), 0);
}

FUTEX_TEST(each_word_ends_the_wait)
{
    for (unsigned i = 0; i < WORDS; i++) {
        struct caller *waiter = start_many(0);

        ck_assert(!waiter->is_over);
        ck_assert_int_eq(wake(WORD_AT(i), 9), 1);
        settle();
        ck_assert_int_eq(waiter->result, i);
        check_nobody_waits();
    }
}

FUTEX_TEST(of_several_that_were_woken_one_is_told)
{
    struct caller *waiter = start_many(0);

    ck_assert_int_eq(wake(WORD_AT(0), 9), 1);
    ck_assert_int_eq(wake(WORD_AT(2), 9), 1);
    settle();
    ck_assert_int_eq(waiter->result, 2);
    check_nobody_waits();
}

FUTEX_TEST(time_and_signals_end_it)
{
    struct caller *timed = start_many(DELAY_NS), *interrupted = start_many(0);

    interrupt(interrupted);
    ck_assert_int_eq(interrupted->result, -EINTR);
    let_time_go_by();
    ck_assert_int_eq(timed->result, -ETIMEDOUT);
    check_nobody_waits();
}

FUTEX_TEST(a_wake_up_counts_more_than_a_signal)
{
    struct caller *waiter = start_many(0);

    ck_assert_int_eq(wake(WORD_AT(1), 9), 1);
    interrupt(waiter);
    ck_assert_int_eq(waiter->result, 1);
}

FUTEX_TEST(a_requeued_word_keeps_its_index)
{
    const struct futex_requeue request = {
        .source = private_word(WORD_AT(1)), .target = private_word(OTHER), .requeue_count = 1
    };
    struct caller *waiter = start_many(0);

    ck_assert_int_eq(futex_requeue(&request), 1);
    ck_assert_int_eq(wake(OTHER, 1), 1);
    settle();
    ck_assert_int_eq(waiter->result, 1);
    check_nobody_waits();
}

FUTEX_TEST(one_wrong_word_refuses_all)
{
    last_word = NOWHERE;
    ck_assert_int_eq(start_many(0)->result, -EFAULT);
    last_word = WORD_AT(2) + 1;
    ck_assert_int_eq(start_many(0)->result, -EINVAL);
    last_word = UNTOUCHED;    /* holds 0 */
    ck_assert_int_eq(start_many(0)->result, -EAGAIN);
    check_nobody_waits();
    last_word = WORD_AT(0);    /* one word twice is allowed */
    struct caller *waiter = start_many(0);

    ck_assert_int_eq(wake(WORD_AT(0), 9), 2);
    settle();
    ck_assert_int_eq(waiter->result, 2);
}

FUTEX_TEST(as_many_words_as_there_may_be)
{
    words_wanted = FUTEX_WAIT_MANY_MAX;
    struct caller *waiter = start_many(0);

    ck_assert_int_eq(wake(WORD_AT(FUTEX_WAIT_MANY_MAX - 1), 9), 1);
    settle();
    ck_assert_int_eq(waiter->result, FUTEX_WAIT_MANY_MAX - 1);
    check_nobody_waits();
}

FUTEX_TEST(without_memory_there_is_no_waiting)
{
    const struct caller caller = { .delay_ns = 0 };

    words_wanted = FUTEX_WAIT_MANY_MAX;
    take_all_memory();
    ck_assert_int_eq(call_wait_many(&caller), -ENOMEM);
    give_memory_back();
    ck_assert_int_eq(call_wait_many(&caller), -EAGAIN);
}

TEST_MAIN("futex/wait_many", each_word_ends_the_wait, of_several_that_were_woken_one_is_told,
          time_and_signals_end_it, a_wake_up_counts_more_than_a_signal,
          a_requeued_word_keeps_its_index, one_wrong_word_refuses_all,
          as_many_words_as_there_may_be, without_memory_there_is_no_waiting)
