/* FUTEX_WAKE_OP: what becomes of the second word, and whose waiters are woken. */
#include "unit/futex/futex_fixture.h"

enum { SET, ADD, OR, AND_NOT, XOR, UNKNOWN };
enum { EQUAL, UNEQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, NO_COMPARISON };
#define SHIFTED 8

static uint32_t encode(unsigned operation, int argument, unsigned comparison, int compared)
{
    return operation << 28 | comparison << 24 | ((uint32_t)argument & 0xfff) << 12 |
           ((uint32_t)compared & 0xfff);
}

static int64_t wake_with(user_address first, user_address second, uint32_t operation)
{
    const struct futex_wake_two request = {
        .first = private_word(first),
        .second = private_word(second),
        .first_count = 1,
        .second_count = 1,
        .operation = operation,
    };

    return futex_wake_operation(&request);
}

static struct caller *start_waiter(user_address word)
{
    return start(&(struct caller){ .call = call_wait, .word = word });
}

FUTEX_TEST(the_second_word_is_changed)
{
    static const struct {
        unsigned operation;
        int argument;
        uint32_t before, after;
    } cases[] = {
        { SET, 7, 100, 7 },
        { SET, -1, 100, UINT32_MAX },
        { ADD, 5, 100, 105 },
        { ADD, -5, 3, UINT32_MAX - 1 },
        { OR, 6, 9, 15 },
        { AND_NOT, 6, 15, 9 },
        { XOR, 0x7ff, 0x801, 0xffe },
        { SHIFTED | SET, 31, 0, UINT32_C(0x80000000) },
        { SHIFTED | OR, 4, 1, 17 },
        { SHIFTED | SET, 33, 0, 2 },    /* the shift wraps */
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put(LOCK, cases[i].before);
        ck_assert_int_eq(wake_with(WORD, LOCK, encode(cases[i].operation, cases[i].argument,
                                                      EQUAL, 0)), 0);
        ck_assert_msg(get(LOCK) == cases[i].after, "case %u: %x", i, get(LOCK));
    }
}

FUTEX_TEST(the_old_value_decides_with_its_sign)
{
    static const struct {
        unsigned comparison;
        bool less, equal, greater;    /* -3 compared with -2; with -3; with -4 */
    } cases[] = {
        { EQUAL, false, true, false }, { UNEQUAL, true, false, true },
        { LESS, true, false, false }, { LESS_EQUAL, true, true, false },
        { GREATER, false, false, true }, { GREATER_EQUAL, false, true, true },
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const bool wanted[] = { cases[i].less, cases[i].equal, cases[i].greater };

        for (int j = 0; j < 3; j++) {
            struct caller *waiter;

            caller_count = callers_begun = 0;    /* all have ended */
            put(OTHER, EXPECTED);
            waiter = start_waiter(OTHER);
            put(OTHER, (uint32_t)-3);
            ck_assert_int_eq(wake_with(WORD, OTHER, encode(SET, 0, cases[i].comparison, -2 - j)),
                             wanted[j]);
            (void)wake(OTHER, 1);
            settle();
            ck_assert(waiter->is_over);
        }
    }
}

FUTEX_TEST(waiters_of_both_words_are_counted)
{
    struct caller *waiters[4];

    for (unsigned i = 0; i < 4; i++)
        waiters[i] = start_waiter(i % 2 ? OTHER : WORD);
    ck_assert_int_eq(wake_with(WORD, OTHER, encode(SET, EXPECTED, EQUAL, EXPECTED)), 2);
    settle();
    ck_assert(waiters[0]->is_over && waiters[1]->is_over);
    ck_assert(!waiters[2]->is_over && !waiters[3]->is_over);
    ck_assert_int_eq(wake_with(WORD, OTHER, encode(SET, 0, EQUAL, 0)), 1);    /* not equal */
    settle();
    ck_assert(waiters[2]->is_over && !waiters[3]->is_over);
}

FUTEX_TEST(wrong_requests_are_refused)
{
    struct caller *waiter = start_waiter(WORD);
    const uint32_t good = encode(SET, 7, EQUAL, 0);

    ck_assert_int_eq(wake_with(WORD + 1, OTHER, good), -EINVAL);
    ck_assert_int_eq(wake_with(WORD, OTHER + 2, good), -EINVAL);
    ck_assert_int_eq(wake_with(WORD, NOWHERE, good), -EFAULT);
    ck_assert_int_eq(wake_with(WORD, OTHER, encode(UNKNOWN, 7, EQUAL, 0)), -ENOSYS);
    ck_assert_uint_eq(get(OTHER), EXPECTED);
    /* That is found only when the word has been changed. */
    ck_assert_int_eq(wake_with(WORD, OTHER, encode(SET, 7, NO_COMPARISON, 0)), -ENOSYS);
    ck_assert_uint_eq(get(OTHER), 7);
    protect(UNTOUCHED, PROTECTION_READ);
    ck_assert_int_eq(wake_with(WORD, UNTOUCHED, good), -EFAULT);
    ck_assert(!waiter->is_over);
    ck_assert_int_eq(wake_with(NOWHERE, OTHER, good), 0);    /* the first is not looked at */
    ck_assert_int_eq(wake_with(WORD, UNTOUCHED + PAGE_SIZE, good), 1);    /* brought in */
    ck_assert_uint_eq(get(UNTOUCHED + PAGE_SIZE), 7);
}

FUTEX_TEST(who_waits_for_a_lock_is_in_the_way)
{
    const uint32_t always = encode(ADD, 1, GREATER_EQUAL, 0);

    ck_assert_int_eq(lock(LOCK), 0);
    start(&(struct caller){ .call = call_lock, .word = LOCK });
    start_waiter(WORD);
    ck_assert_int_eq(wake_with(LOCK, OTHER, always), -EINVAL);
    ck_assert_uint_eq(get(OTHER), EXPECTED + 1);
    ck_assert_int_eq(wake_with(WORD, LOCK, encode(OR, 0, UNEQUAL, 0)), -EINVAL);
    ck_assert_int_eq(wake(WORD, 1), 0);    /* the first word's was woken */
    ck_assert_int_eq(unlock(LOCK), 0);
}

/* A program changes the word between the kernel's look and its exchange. */
static void change_word_once(user_address word)
{
    uint32_t value;

    before_exchange = NULL;
    ck_assert_int_eq(user_word_read(current_space(), word, &value), WORD_DONE);
    ck_assert_int_eq(unobserved_user_word_exchange(current_space(), word, &value, 50),
                     WORD_DONE);
}

FUTEX_TEST(a_change_in_between_is_not_lost)
{
    start_waiter(OTHER);
    before_exchange = change_word_once;
    ck_assert_int_eq(wake_with(WORD, OTHER, encode(ADD, 1, EQUAL, 50)), 1);
    ck_assert_uint_eq(get(OTHER), 51);
}

TEST_MAIN("futex/wake_operation", the_second_word_is_changed, the_old_value_decides_with_its_sign,
          waiters_of_both_words_are_counted, wrong_requests_are_refused,
          who_waits_for_a_lock_is_in_the_way, a_change_in_between_is_not_lost)
