/* Pending signals: sets and queues, one of each ordinary signal, every real-time one. */
#include <errno.h>

#include "config.h"
#include "fs/user_account.h"
#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/page.h"
#include "signal/signal_internal.h"

#define USER 1000
#define OTHER_USER 1001

static struct signal_pending pending;
static struct signal_taken taken;
static uint64_t limit;

#define information taken.information

static void begin(void)
{
    fake_machine_init(64 << 20);
    page_allocator_init();
    signal_pending_init(&pending);
    limit = LIMIT_INFINITY;
}

static int add_code(int number, int code, uint64_t value)
{
    const struct signal_information wanted = {
        .number = number, .code = code, .sender = { .value = value },
    };
    const struct signal_payer payer = { .user_id = USER, .limit = limit };

    return signal_pending_add(&pending, &wanted, &payer);
}

static int add(int number, uint64_t value)
{
    return add_code(number, CODE_QUEUE, value);
}

static bool take(signal_set blocked)
{
    return signal_pending_take(&pending, blocked, &taken);
}

START_TEST(nothing_is_pending_at_first)
{
    begin();
    ck_assert(!take(0));
    ck_assert_uint_eq(pending.set, 0);
}
END_TEST

START_TEST(ordinary_signals_do_not_queue)
{
    begin();
    ck_assert_int_eq(add(SIGNAL_USR1, 1), 0);
    ck_assert_int_eq(add(SIGNAL_USR1, 2), 0);
    ck_assert(take(0));
    ck_assert_uint_eq(information.sender.value, 1);    /* the first one counts */
    ck_assert(!take(0));
}
END_TEST

START_TEST(real_time_signals_queue_in_order)
{
    begin();
    for (uint64_t value = 0; value < 100; value++)
        ck_assert_int_eq(add(SIGNAL_RTMIN + 3, value), 0);
    for (uint64_t value = 0; value < 100; value++) {
        ck_assert_uint_ne(pending.set, 0);
        ck_assert(take(0));
        ck_assert_uint_eq(information.sender.value, value);
    }
    ck_assert(!take(0));
    ck_assert_uint_eq(pending.set, 0);
}
END_TEST

START_TEST(lower_numbers_are_first)
{
    static const int order[] = { SIGNAL_SEGV, SIGNAL_SYS, SIGNAL_HUP, SIGNAL_TERM,
                                 SIGNAL_RTMIN, SIGNAL_MAX };

    begin();
    for (unsigned i = 0; i < 6; i++)
        ck_assert_int_eq(add(order[5 - i], 0), 0);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert(take(0));
        ck_assert_int_eq(information.number, order[i]);
    }
}
END_TEST

START_TEST(blocked_ones_stay)
{
    begin();
    ck_assert_int_eq(add(SIGNAL_HUP, 0), 0);
    ck_assert_int_eq(add(SIGNAL_TERM, 0), 0);
    ck_assert(take(SIGNAL_BIT(SIGNAL_HUP)));
    ck_assert_int_eq(information.number, SIGNAL_TERM);
    ck_assert(!take(SIGNAL_BIT(SIGNAL_HUP)));
    ck_assert_uint_eq(pending.set, SIGNAL_BIT(SIGNAL_HUP));
    ck_assert(take(0));
}
END_TEST

START_TEST(discarded_ones_are_gone)
{
    begin();
    ck_assert_int_eq(add(SIGNAL_HUP, 0), 0);
    ck_assert_int_eq(add(SIGNAL_RTMIN, 0), 0);
    ck_assert_int_eq(add(SIGNAL_RTMIN, 1), 0);
    ck_assert_int_eq(add(SIGNAL_TERM, 0), 0);
    signal_pending_discard(&pending, SIGNAL_BIT(SIGNAL_RTMIN) | SIGNAL_BIT(SIGNAL_HUP));
    ck_assert_uint_eq(pending.set, SIGNAL_BIT(SIGNAL_TERM));
    ck_assert(take(0));
    ck_assert_int_eq(information.number, SIGNAL_TERM);
    ck_assert(list_is_empty(&pending.queue));
}
END_TEST

START_TEST(the_limit_refuses_queued_signals_only)
{
    begin();
    for (unsigned i = 0; i < QUEUED_SIGNALS_MAX; i++)
        ck_assert_int_eq(add(SIGNAL_RTMIN, i), 0);
    ck_assert_int_eq(add(SIGNAL_RTMIN, 0), -EAGAIN);
    ck_assert_int_eq(add(SIGNAL_TERM, 5), 0);
    ck_assert(take(0));
    ck_assert_int_eq(information.number, SIGNAL_TERM);    /* without what is known of it */
    ck_assert_uint_eq(information.sender.value, 0);
    signal_pending_discard(&pending, ~UINT64_C(0));
    ck_assert_int_eq(add(SIGNAL_RTMIN, 0), 0);
}
END_TEST

START_TEST(a_user_has_so_many_and_no_more)
{
    begin();
    limit = 2;
    ck_assert_int_eq(add(SIGNAL_RTMIN, 1), 0);
    ck_assert_int_eq(add(SIGNAL_RTMIN, 2), 0);
    ck_assert_uint_eq(user_account_charged(USER, USER_PENDING_SIGNALS), 2);
    ck_assert_uint_eq(user_account_charged(OTHER_USER, USER_PENDING_SIGNALS), 0);
    ck_assert_int_eq(add(SIGNAL_RTMIN, 3), -EAGAIN);
    ck_assert_int_eq(add_code(SIGNAL_RTMIN, CODE_TKILL, 3), -EAGAIN);
    ck_assert_int_eq(add_code(SIGNAL_MAX, CODE_USER, 3), 0);    /* nothing of it is known */
    ck_assert_int_eq(add(SIGNAL_TERM, 3), 0);                   /* the same */
    ck_assert_int_eq(add_code(SIGNAL_HUP, CODE_KERNEL, 3), 0);  /* beyond the limit */
    ck_assert_uint_eq(user_account_charged(USER, USER_PENDING_SIGNALS), 3);
    ck_assert(take(0));
    ck_assert_uint_eq(information.sender.value, 3);
    ck_assert_int_eq(information.number, SIGNAL_HUP);
    ck_assert(take(0));
    ck_assert_int_eq(information.number, SIGNAL_TERM);
    ck_assert_int_eq(information.code, CODE_USER);
    ck_assert(take(0));
    ck_assert_uint_eq(information.sender.value, 1);
    ck_assert_int_eq(add(SIGNAL_RTMIN, 4), 0);
    signal_pending_discard(&pending, ~UINT64_C(0));
    ck_assert_uint_eq(user_account_charged(USER, USER_PENDING_SIGNALS), 0);
}
END_TEST

START_TEST(users_have_accounts_of_their_own)
{
    struct user_account *accounts[40];

    begin();
    for (uint32_t user = 0; user < 40; user++) {
        accounts[user] = user_account_open_charged(user, USER_PENDING_SIGNALS, 1);
        ck_assert_ptr_nonnull(accounts[user]);
        ck_assert_ptr_null(user_account_open_charged(user, USER_PENDING_SIGNALS, 1));
    }
    ck_assert_ptr_null(user_account_open_charged(99, USER_PENDING_SIGNALS, 0));
    for (uint32_t user = 0; user < 40; user++) {
        ck_assert_uint_eq(user_account_charged(user, USER_PENDING_SIGNALS), 1);
        user_account_release_charged(accounts[user], USER_PENDING_SIGNALS);
        ck_assert_uint_eq(user_account_charged(user, USER_PENDING_SIGNALS), 0);
    }
}
END_TEST

START_TEST(faults_are_taken_in_the_order_in_which_they_happened)
{
    begin();
    ck_assert_int_eq(add_code(SIGNAL_TRAP, CODE_TKILL, 1), 0);    /* somebody sent it */
    ck_assert_int_eq(add_code(SIGNAL_SEGV, CODE_SEGV_MAPERR, 2), 0);
    ck_assert_int_eq(add_code(SIGNAL_ILL, CODE_KERNEL, 3), 0);
    ck_assert_int_eq(add_code(SIGNAL_HUP, CODE_KERNEL, 4), 0);    /* no fault */
    ck_assert(!signal_pending_take_fault(&pending, ~UINT64_C(0), &taken));
    ck_assert(signal_pending_take_fault(&pending, 0, &taken));
    ck_assert_int_eq(information.number, SIGNAL_SEGV);
    ck_assert(signal_pending_take_fault(&pending, 0, &taken));
    ck_assert_int_eq(information.number, SIGNAL_ILL);
    ck_assert(!signal_pending_take_fault(&pending, 0, &taken));
    ck_assert_uint_eq(pending.set, SIGNAL_BIT(SIGNAL_TRAP) | SIGNAL_BIT(SIGNAL_HUP));
}
END_TEST

TEST_MAIN("signal/pending", nothing_is_pending_at_first, ordinary_signals_do_not_queue,
          real_time_signals_queue_in_order, lower_numbers_are_first, blocked_ones_stay,
          discarded_ones_are_gone, the_limit_refuses_queued_signals_only,
          a_user_has_so_many_and_no_more, users_have_accounts_of_their_own,
          faults_are_taken_in_the_order_in_which_they_happened)
