/* Whom a signal is for: which thread is made to look, and who looks when that one will not. */
#include <errno.h>

#include "signal/signal_internal.h"
#include "unit/process/process_fixture.h"

#define HANDLER 0x400000

static struct thread *others[2];
static bool ended;

/* Other threads: they wait until the test is over. */
static void rest(void *argument)
{
    (void)argument;
    while (!ended)
        scheduler_yield();
    process_exit_thread(0);
}

static void handle(int number)
{
    const struct signal_action action = { .handler = HANDLER };

    ck_assert_int_eq(signal_action_change(number, &action, NULL), 0);
}

static void begin(void)
{
    ended = false;
    for (unsigned i = 0; i < 2; i++)
        others[i] = fixture_thread(rest);
    scheduler_yield();
    handle(SIGNAL_USR1);
    handle(SIGNAL_USR2);
}

static void end(void)
{
    ended = true;
    for (unsigned i = 0; i < 2; i++)
        thread_release(others[i]);
}

static void send(int number)
{
    ck_assert_int_eq(signal_kill(current_process()->id, number), 0);
}

static bool looks(struct thread *thread)
{
    return thread->interrupted;
}

static void forget(void)
{
    struct signal_information information;

    while (signal_take(~UINT64_C(0), &information))
        continue;
    current_thread()->interrupted = others[0]->interrupted = others[1]->interrupted = false;
}

static void block_in(struct thread *thread, signal_set set)
{
    thread_signals_of(thread)->blocked = set;
}

static void the_first(void)
{
    begin();
    send(SIGNAL_USR1);
    ck_assert(looks(current_thread()) && !looks(others[0]) && !looks(others[1]));
    send(SIGNAL_USR2);    /* it looks already: another one may be faster */
    ck_assert(looks(others[0]) && !looks(others[1]));
    forget();
    end();
}

START_TEST(the_first_thread_takes_it_if_it_is_not_busy)
{
    fixture_run(the_first);
    ck_assert(fixture_halted);
}
END_TEST

static void the_others(void)
{
    begin();
    block_in(current_thread(), SIGNAL_BIT(SIGNAL_USR1));
    send(SIGNAL_USR1);
    ck_assert(!looks(current_thread()) && looks(others[0]) && !looks(others[1]));
    forget();
    block_in(others[0], SIGNAL_BIT(SIGNAL_USR1));
    send(SIGNAL_USR1);
    ck_assert(!looks(current_thread()) && !looks(others[0]) && looks(others[1]));
    forget();
    block_in(others[1], SIGNAL_BIT(SIGNAL_USR1));
    send(SIGNAL_USR1);
    ck_assert(!looks(current_thread()) && !looks(others[0]) && !looks(others[1]));
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_USR1));
    forget();
    end();
}

START_TEST(others_take_what_the_first_blocks)
{
    fixture_run(the_others);
    ck_assert(fixture_halted);
}
END_TEST

static void for_a_thread(void)
{
    begin();
    ck_assert_int_eq(signal_thread_kill(0, others[1]->id, SIGNAL_USR1), 0);
    ck_assert(!looks(current_thread()) && !looks(others[0]) && looks(others[1]));
    ck_assert_uint_eq(thread_signals_of(others[1])->pending.set, SIGNAL_BIT(SIGNAL_USR1));
    ck_assert_uint_eq(current_process()->signals.pending.set, 0);
    forget();
    ck_assert_int_eq(signal_thread_kill(0, others[0]->id, 65), -EINVAL);
    ck_assert_int_eq(signal_thread_kill(current_process()->id + 1, others[0]->id, 65), -ESRCH);
    end();
}

START_TEST(what_is_for_a_thread_is_for_nobody_else)
{
    fixture_run(for_a_thread);
}
END_TEST

static void blocked_later(void)
{
    begin();
    send(SIGNAL_USR1);
    ck_assert(looks(current_thread()) && !looks(others[0]));
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    ck_assert(looks(others[0]) && !looks(others[1]));
    forget();
    /* Two at once: each goes to one that does not block it. */
    signal_set_blocked(0);
    block_in(others[0], SIGNAL_BIT(SIGNAL_USR2));
    send(SIGNAL_USR1);
    send(SIGNAL_USR2);
    others[0]->interrupted = others[1]->interrupted = false;
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1) | SIGNAL_BIT(SIGNAL_USR2));
    ck_assert(looks(others[0]) && looks(others[1]));
    forget();
    end();
}

START_TEST(who_blocks_it_hands_it_on)
{
    fixture_run(blocked_later);
    ck_assert(fixture_halted);
}
END_TEST

static void awaited(void)
{
    struct signal_information information;

    begin();
    signal_set_blocked(SIGNAL_BIT(SIGNAL_URG));
    send(SIGNAL_URG);    /* ignored by default, but somebody may ask for it */
    ck_assert_int_eq(signal_await(SIGNAL_BIT(SIGNAL_URG), 0, &information), SIGNAL_URG);
    ck_assert_int_eq(information.code, CODE_USER);
    ck_assert_int_eq(signal_await(SIGNAL_BIT(SIGNAL_URG), 0, &information), -EAGAIN);
    forget();
    end();
    fake_machine.time_ns = 5000;
    ck_assert_int_eq(signal_await(SIGNAL_BIT(SIGNAL_URG), 1000, &information), -EAGAIN);
    ck_assert_uint_eq(signal_blocked(), SIGNAL_BIT(SIGNAL_URG));
    ck_assert_uint_eq(thread_signals_of(current_thread())->blocked_else, 0);
}

START_TEST(waiting_for_a_signal_keeps_the_mask)
{
    fixture_run(awaited);
    ck_assert(fixture_halted);
}
END_TEST

static void queued(void)
{
    struct signal_information information = { .number = SIGNAL_USR1, .code = CODE_QUEUE };

    begin();
    ck_assert_int_eq(signal_queue(current_process()->id, &information), 0);
    ck_assert_int_eq(signal_thread_queue(current_process()->id, others[0]->id, &information), 0);
    information.code = CODE_TKILL;
    ck_assert_int_eq(signal_queue(current_process()->id, &information), 0);
    ck_assert_int_eq(signal_thread_queue(current_process()->id, others[0]->id, &information),
                     -EPERM);
    information.code = CODE_KERNEL;
    ck_assert_int_eq(signal_queue(current_process()->id + 1, &information), -EPERM);
    information.code = CODE_QUEUE;
    ck_assert_int_eq(signal_queue(999999, &information), -ESRCH);
    information.number = 65;
    ck_assert_int_eq(signal_queue(current_process()->id, &information), -EINVAL);
    forget();
    end();
}

START_TEST(only_to_itself_may_a_program_speak_for_the_kernel)
{
    fixture_run(queued);
    ck_assert(fixture_halted);
}
END_TEST

static void groups(void)
{
    const int32_t group = 77;    /* -1 would mean all */

    begin();
    current_process()->group_id = group;
    ck_assert_int_eq(signal_kill(0, SIGNAL_USR1), 0);
    ck_assert(looks(current_thread()));
    forget();
    ck_assert_int_eq(signal_kill(-group, SIGNAL_USR1), 0);
    ck_assert(looks(current_thread()));
    forget();
    ck_assert_int_eq(signal_kill(-group, 0), 0);
    ck_assert_int_eq(signal_kill(-group, 65), -EINVAL);
    ck_assert(!looks(current_thread()));
    ck_assert_int_eq(signal_kill(-999999, SIGNAL_USR1), -ESRCH);
    ck_assert_int_eq(signal_kill(INT32_MIN, SIGNAL_USR1), -ESRCH);
    ck_assert_int_eq(signal_kill(-1, SIGNAL_USR1), -ESRCH);    /* the sender is not one of all */
    ck_assert_uint_eq(signal_send_group(group, SIGNAL_USR1), 1);
    ck_assert(looks(current_thread()));
    ck_assert_uint_eq(signal_send_group(0, SIGNAL_USR1), 0);
    forget();
    end();
}

START_TEST(groups_are_found_by_their_number)
{
    fixture_run(groups);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("signal/send", the_first_thread_takes_it_if_it_is_not_busy,
          others_take_what_the_first_blocks, what_is_for_a_thread_is_for_nobody_else,
          who_blocks_it_hands_it_on, waiting_for_a_signal_keeps_the_mask,
          only_to_itself_may_a_program_speak_for_the_kernel,
          groups_are_found_by_their_number)
