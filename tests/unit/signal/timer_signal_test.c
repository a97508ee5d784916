/* Signals of timers: once at most, never refused, dropped when the timer says so. */
#include "signal/timer_signal.h"

#include <errno.h>

#include "fs/user_account.h"
#include "signal/signal_internal.h"
#include "unit/process/process_fixture.h"

#define HANDLER 0x400000

struct test_timer {
    struct timer_signal signal;
    bool is_meant;
    int overrun;
    unsigned taken, released;
};

static struct test_timer timer;

static bool on_taken(struct timer_signal *signal, struct signal_information *information)
{
    ck_assert_ptr_eq(signal, &timer.signal);
    ck_assert(!spin_is_held(&current_process()->signals.lock));
    timer.taken++;
    information->timer.overrun = timer.overrun;
    return timer.is_meant;
}

static void on_released(struct timer_signal *signal)
{
    ck_assert_ptr_eq(signal, &timer.signal);
    timer.released++;
}

static void set_action(user_address handler)
{
    const struct signal_action action = { .handler = handler };

    ck_assert_int_eq(signal_action_change(SIGNAL_USR1, &action, NULL), 0);
}

static uint64_t pending_signals(void)
{
    return user_account_charged(current_credentials().user_id, USER_PENDING_SIGNALS);
}

static void begin(void)
{
    const struct timer_signal_request request = {
        .information = { .number = SIGNAL_USR1, .code = CODE_TIMER,
                         .timer = { .timer_id = 7, .value = 99 } },
        .taken = on_taken,
        .released = on_released,
    };

    timer = (struct test_timer){ .is_meant = true };
    set_action(HANDLER);
    ck_assert_int_eq(timer_signal_init(&timer.signal, &request), 0);
    ck_assert_uint_eq(pending_signals(), 1);
}

static void end(void)
{
    timer_signal_release(&timer.signal);
    ck_assert_uint_eq(timer.released, 1);
    ck_assert_uint_eq(pending_signals(), 0);
}

static enum timer_signal_result go_off(bool keep)
{
    return timer_signal_send(&timer.signal, current_process(), NULL, keep);
}

static void once(void)
{
    begin();
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_SENT);
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_PENDING);
    ck_assert_int_eq(timer_signal_send(&timer.signal, current_process(), current_thread(), true),
                     TIMER_SIGNAL_PENDING);
    timer.overrun = 5;
    signal_deliver_pending();
    ck_assert_uint_eq(fixture_frame_count, 1);
    ck_assert_int_eq(fixture_frames[0].information.code, CODE_TIMER);
    ck_assert_int_eq(fixture_frames[0].information.timer.timer_id, 7);
    ck_assert_int_eq(fixture_frames[0].information.timer.overrun, 5);
    ck_assert_uint_eq(fixture_frames[0].information.timer.value, 99);
    signal_set_blocked(0);
    ck_assert_int_eq(timer_signal_send(&timer.signal, current_process(), current_thread(), true),
                     TIMER_SIGNAL_SENT);
    signal_deliver_pending();
    ck_assert_uint_eq(timer.taken, 2);
    end();
}

START_TEST(it_is_pending_once)
{
    fixture_run(once);
    ck_assert(fixture_halted);
}
END_TEST

static void not_meant(void)
{
    struct signal_information information;

    begin();
    timer.is_meant = false;
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_SENT);
    signal_send_kernel(current_process(), SIGNAL_USR1);    /* dropped: one is pending */
    signal_deliver_pending();
    ck_assert_uint_eq(fixture_frame_count, 0);
    ck_assert_uint_eq(timer.taken, 1);
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_SENT);
    ck_assert_int_eq(signal_take(SIGNAL_BIT(SIGNAL_USR1), &information), 0);
    ck_assert_uint_eq(timer.taken, 2);
    end();
}

START_TEST(what_the_timer_takes_back_counts_as_never_sent)
{
    fixture_run(not_meant);
    ck_assert(fixture_halted);
}
END_TEST

static void ignored(void)
{
    begin();
    set_action(SIGNAL_IGNORE);
    ck_assert_int_eq(go_off(false), TIMER_SIGNAL_IGNORED);
    set_action(HANDLER);
    ck_assert(!signal_is_pending());
    set_action(SIGNAL_IGNORE);
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_IGNORED);
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_IGNORED);
    ck_assert(!signal_is_pending());
    set_action(HANDLER);
    ck_assert(signal_is_pending());
    ck_assert(list_is_empty(&current_process()->signals.ignored_timers));
    set_action(SIGNAL_IGNORE);    /* takes it back */
    ck_assert(!signal_is_pending());
    ck_assert_uint_eq(timer.taken, 0);
    /* Blocked: kept although it is ignored. */
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_SENT);
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_USR1));
    set_action(SIGNAL_IGNORE);
    end();
}

START_TEST(what_is_ignored_is_sent_when_that_ends)
{
    fixture_run(ignored);
    ck_assert(fixture_halted);
}
END_TEST

static void outlives(void)
{
    begin();
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_SENT);
    timer_signal_release(&timer.signal);    /* deleted while it is pending */
    ck_assert_uint_eq(timer.released, 0);
    timer.is_meant = false;
    signal_deliver_pending();
    ck_assert_uint_eq(timer.released, 1);
    ck_assert_uint_eq(fixture_frame_count, 0);
}

START_TEST(the_memory_stays_while_it_is_pending)
{
    fixture_run(outlives);
    ck_assert(fixture_halted);
}
END_TEST

static void at_the_end(void)
{
    begin();
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    ck_assert_int_eq(go_off(true), TIMER_SIGNAL_SENT);
    timer_signal_release(&timer.signal);
}

START_TEST(the_end_of_the_process_releases_it)
{
    fixture_run(at_the_end);
    ck_assert(fixture_halted);
    ck_assert_uint_eq(timer.released, 1);
}
END_TEST

static void limited(void)
{
    const struct timer_signal_request request = {
        .information = { .number = SIGNAL_USR1, .code = CODE_TIMER },
        .taken = on_taken,
        .released = on_released,
    };
    struct timer_signal another;

    begin();
    current_process()->limits.of[LIMIT_PENDING_SIGNALS].soft = 1;
    ck_assert_int_eq(timer_signal_init(&another, &request), -EAGAIN);
    end();
}

START_TEST(timers_count_as_pending_signals)
{
    fixture_run(limited);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("signal/timer_signal", it_is_pending_once,
          what_the_timer_takes_back_counts_as_never_sent, what_is_ignored_is_sent_when_that_ends,
          the_memory_stays_while_it_is_pending, the_end_of_the_process_releases_it,
          timers_count_as_pending_signals)
