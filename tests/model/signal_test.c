/*
 * Signals against waiting, blocking, stopping and leaving: the real sending and delivery in the
 * interleavings of two and three CPUs.  Models of broken protocols show that the errors would be
 * found.
 */
#include <stdio.h>
#include <string.h>

#include "harness/model.h"
#include "harness/model_locks.h"
#include "harness/test.h"
#include "process/process_internal.h"
#include "process/relatives.h"
#include "sched/scheduler.h"
#include "signal/signal_internal.h"

#define HANDLER 0x400000
#define NO_PARENT 9999
#define PLAYERS 3u

/* A thread of the process: what the process layer keeps of it, and what came of it. */
struct player {
    struct user_thread part;    /* first: it is the thread's argument */
    struct thread *thread;
    void (*body)(void);
    int result;                 /* a number or error; frames if it delivers */
    bool done;
};

static struct process process;
static struct player players[PLAYERS];

static int push_frame(struct thread *thread, const struct signal_delivery *delivery)
{
    (void)delivery;
    ((struct player *)thread->argument)->result++;
    return 0;
}

static const struct abi abi = { .name = "test", .push_signal_frame = push_frame };

static void handle(int number)
{
    signal_action_lock(&process.signals, number)->handler = HANDLER;
    signal_action_unlock(&process.signals);
}

static void begin(void)
{
    if (process.signals.actions)
        signals_release(&process.signals);
    memset(&process, 0, sizeof(process));
    memset(players, 0, sizeof(players));
    spin_init(&process.lock, RANK_PROCESS, "process");
    ck_assert_int_eq(signals_init(&process.signals), 0);
    list_init(&process.threads);
    list_init(&process.children_list);
    limits_init(&process.limits);
    process.abi = &abi;
    process.id = 1;
    process.pid_namespace = pid_namespace_own();
    process.parent_id = NO_PARENT;
    handle(SIGNAL_USR1);
    handle(SIGNAL_USR2);
}

static struct player *current_player(void)
{
    return current_thread()->argument;
}

static void leave(void)
{
    spin_lock(&process.lock);
    signal_thread_leaves(&process, current_thread());
    spin_unlock(&process.lock);
    signal_retarget(&process, ~UINT64_C(0));
}

static void run(void *argument)
{
    struct player *player = argument;

    if (player->body)
        player->body();
    leave();
}

/* `body` NULL: it leaves at once. */
static void play(unsigned cpu, unsigned member, void (*body)(void), signal_set blocked)
{
    static const char *const names[] = { "first", "second", "third" };
    struct player *player = &players[member];

    thread_signals_init(&player->part.signals);
    player->part.signals.blocked = blocked;
    player->body = body;
    player->thread = model_thread(cpu, names[member], run, player);
    player->thread->process = &process;
    list_append(&process.threads, &player->thread->sibling_node);
}

static void send_to_process(int number)
{
    const struct signal_information information = { .number = number, .code = CODE_KERNEL };

    ck_assert_int_eq(signal_send_process(&process, &information), 0);
}

/* `failure`: what is wrong with a model of something broken, and must be found; else NULL. */
static void explore_for(const struct model *model, const char *failure)
{
    struct model_result result = model_explore(model);

    printf("%llu runs of at most %u choices\n", (unsigned long long)result.runs,
           result.choices_max);
    if (failure)
        ck_assert_pstr_eq(result.failure, failure);
    else
        ck_assert_msg(!result.failure && result.runs > 20, "%s in run %llu, choices %s",
                      result.failure, (unsigned long long)result.runs, result.choices);
}

static void explore(const struct model *model)
{
    explore_for(model, NULL);
}

/* ---- Senders: not threads of the process --------------------------------------------------- */

static void send_one(void *argument)
{
    (void)argument;
    send_to_process(SIGNAL_USR1);
}

static void send_two(void *argument)
{
    (void)argument;
    send_to_process(SIGNAL_USR1);
    send_to_process(SIGNAL_USR2);
}

/* ---- sigtimedwait -------------------------------------------------------------------------- */

#define AWAITED (SIGNAL_BIT(SIGNAL_USR1) | SIGNAL_BIT(SIGNAL_USR2))

static void await_one(void)
{
    struct signal_information information;

    do {    /* woken for one that another took: once more, as a program would */
        signal_deliver_pending();
        current_player()->result = signal_await(AWAITED, WAIT_FOREVER, &information);
    } while (current_player()->result == -EINTR);
}

static void one_awaits(void)
{
    begin();
    play(0, 0, await_one, AWAITED);
    (void)model_thread(1, "sender", send_one, NULL);
}

static const char not_taken[] = "it has not got the signal";

static const char *check_one(void)
{
    return players[0].result == SIGNAL_USR1 ? NULL : not_taken;
}

START_TEST(model_a_signal_ends_a_wait_for_it)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_awaits, .check = check_one,
                             .preemptions_max = 4 });
}
END_TEST

static void two_await(void)
{
    begin();
    play(0, 0, await_one, AWAITED);
    play(1, 1, await_one, AWAITED);
    (void)model_thread(2, "sender", send_two, NULL);
}

static const char *check_two(void)
{
    return players[0].result + players[1].result == SIGNAL_USR1 + SIGNAL_USR2
               ? NULL
               : "a signal was taken twice, or not at all";
}

START_TEST(model_two_wait_for_two_signals)
{
    explore(&(struct model){ .cpu_count = 3, .setup = two_await, .check = check_two,
                             .preemptions_max = 2 });
}
END_TEST

/* Takes a look, blocks nothing while it sleeps: the sender cannot know that it is meant. */
static void await_blocked(void)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL };
    struct signal_information information;

    while ((current_player()->result = signal_take(AWAITED, &information)) == 0) {
        if (wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER) != -EINTR)
            return;
    }
}

static void one_awaits_blocked(void)
{
    begin();
    play(0, 0, await_blocked, AWAITED);
    (void)model_thread(1, "sender", send_one, NULL);
}

START_TEST(model_a_wait_that_blocks_is_never_woken)
{
    explore_for(&(struct model){ .cpu_count = 2, .setup = one_awaits_blocked,
                                 .check = check_one }, not_taken);
}
END_TEST

/* ---- sigsuspend, and a mask that changes --------------------------------------------------- */

static void suspend(signal_set blocked)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL };
    struct player *player = current_player();

    while (player->result == 0) {
        signal_set_blocked_for_call(blocked);
        if (wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER) != -EINTR)
            return;
        signal_deliver_pending();
    }
}

static void suspend_for_any(void)
{
    suspend(0);
}

static void one_suspends(void)
{
    begin();
    play(0, 0, suspend_for_any, AWAITED);
    (void)model_thread(1, "sender", send_one, NULL);
}

static const char *check_frame(void)
{
    return players[0].result == 1 ? NULL : "not one handler has run";
}

START_TEST(model_a_signal_ends_sigsuspend)
{
    explore(&(struct model){ .cpu_count = 2, .setup = one_suspends, .check = check_frame,
                             .preemptions_max = 4 });
}
END_TEST

/* Blocks the signal at any time: it was chosen for it, or not. */
static void block_it(void)
{
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    signal_deliver_pending();
    suspend(SIGNAL_BIT(SIGNAL_USR1));
}

/* The same without handing on. */
static void block_it_badly(void)
{
    spin_lock(&process.signals.lock);
    current_player()->part.signals.blocked = SIGNAL_BIT(SIGNAL_USR1);
    spin_unlock(&process.signals.lock);
    signal_deliver_pending();
    suspend(SIGNAL_BIT(SIGNAL_USR1));
}

static void one_blocks(void)
{
    begin();
    play(0, 0, block_it, 0);
    play(1, 1, suspend_for_any, AWAITED);
    (void)model_thread(2, "sender", send_one, NULL);
}

static void one_blocks_badly(void)
{
    begin();
    play(0, 0, block_it_badly, 0);
    play(1, 1, suspend_for_any, AWAITED);
    (void)model_thread(2, "sender", send_one, NULL);
}

static void one_leaves(void)
{
    begin();
    play(0, 0, NULL, 0);
    play(1, 1, suspend_for_any, AWAITED);
    (void)model_thread(2, "sender", send_one, NULL);
}

static const char lost[] = "nobody has got it";

/* The first one, before it blocked it, or the second one. */
static const char *check_either(void)
{
    return players[0].result + players[1].result == 1 ? NULL : lost;
}

/* Those that still wait. */
static void release(void)
{
    send_to_process(SIGNAL_USR2);
}

START_TEST(model_who_blocks_a_signal_hands_it_on)
{
    explore(&(struct model){ .cpu_count = 3, .setup = one_blocks, .check = check_either,
                             .clean_up = release, .preemptions_max = 2 });
}
END_TEST

START_TEST(model_a_blocked_signal_that_is_not_handed_on_is_lost)
{
    explore_for(&(struct model){ .cpu_count = 3, .setup = one_blocks_badly,
                                 .check = check_either, .clean_up = release,
                                 .preemptions_max = 2 }, lost);
}
END_TEST

START_TEST(model_who_leaves_hands_a_signal_on)
{
    explore(&(struct model){ .cpu_count = 3, .setup = one_leaves, .check = check_either,
                             .clean_up = release, .preemptions_max = 2 });
}
END_TEST

/* ---- Stopping ------------------------------------------------------------------------------ */

static void look(void)
{
    signal_deliver_pending();
    current_player()->done = true;
}

static void stop_and_continue(void *argument)
{
    (void)argument;
    send_to_process(SIGNAL_STOP);
    send_to_process(SIGNAL_CONT);
}

static void two_stop(void)
{
    begin();
    play(0, 0, look, 0);
    play(1, 1, look, 0);
    (void)model_thread(2, "sender", stop_and_continue, NULL);
}

static const char left[] = "a thread is left stopped";

static const char *check_all_go_on(void)
{
    return players[0].done && players[1].done && !process.signals.stopped &&
                   process.signals.stopping == 0
               ? NULL
               : left;
}

START_TEST(model_a_continue_never_misses_a_stop)
{
    explore(&(struct model){ .cpu_count = 3, .setup = two_stop, .check = check_all_go_on,
                             .preemptions_max = 2 });
}
END_TEST

/* One stops the process, one leaves, one is stopped with it; then somebody kills it. */
static void stop_it(void)
{
    current_player()->part.signals.stop_taken = true;
    signal_stop_begin(&process, SIGNAL_STOP);
    signal_stop_wait(&process);
    current_player()->done = true;
}

static void end_it(void)
{
    spin_lock(&process.lock);
    process.exiting = true;
    signal_stop_end(&process);
    spin_unlock(&process.lock);
    current_player()->done = true;
}

static void stop_against_end(void)
{
    begin();
    play(0, 0, stop_it, 0);
    play(1, 1, end_it, 0);
}

START_TEST(model_the_end_never_misses_a_stop)
{
    explore(&(struct model){ .cpu_count = 2, .setup = stop_against_end,
                             .check = check_all_go_on, .preemptions_max = 4 });
}
END_TEST

static void mark_only(void)
{
    spin_lock(&process.lock);
    process.exiting = true;
    spin_unlock(&process.lock);
    current_player()->done = true;
}

static void stop_against_mark(void)
{
    begin();
    play(0, 0, stop_it, 0);
    play(1, 1, mark_only, 0);
}

START_TEST(model_an_end_that_wakes_nobody_leaves_them_stopped)
{
    explore_for(&(struct model){ .cpu_count = 2, .setup = stop_against_mark,
                                 .check = check_all_go_on }, left);
}
END_TEST

static void stop_against_leaving(void)
{
    begin();
    play(0, 0, stop_it, 0);
    play(1, 1, NULL, 0);
}

static const char *check_complete(void)
{
    return process.signals.stop_complete && process.signals.stopping == 0
               ? NULL
               : "the stop is not complete";
}

static void go_on(void)
{
    send_to_process(SIGNAL_CONT);
}

START_TEST(model_who_leaves_completes_a_stop)
{
    explore(&(struct model){ .cpu_count = 2, .setup = stop_against_leaving,
                             .check = check_complete, .clean_up = go_on, .preemptions_max = 4 });
}
END_TEST

TEST_MAIN("model/signal", model_a_signal_ends_a_wait_for_it, model_two_wait_for_two_signals,
          model_a_wait_that_blocks_is_never_woken, model_a_signal_ends_sigsuspend,
          model_who_blocks_a_signal_hands_it_on,
          model_a_blocked_signal_that_is_not_handed_on_is_lost,
          model_who_leaves_hands_a_signal_on, model_a_continue_never_misses_a_stop,
          model_the_end_never_misses_a_stop,
          model_an_end_that_wakes_nobody_leaves_them_stopped, model_who_leaves_completes_a_stop)
