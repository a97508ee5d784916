/*
 * Signals of timers.
 *
 *   thread                                    timer
 *   takes the signal off its queue
 *                                             goes off: it is not pending, so it is sent again
 *   asks the timer what it means              says which of the two is true: `taken` of one that
 *                                             is no longer meant gives false
 *
 * Invariant: a signal is on one list at most: a queue of pending signals, or signals.ignored_timers
 * of the process (then `is_ignored` is set); there it holds one reference.
 */
#include "signal/timer_signal.h"

#include "fs/user_account.h"
#include "process/process.h"
#include "signal/signal_internal.h"

int timer_signal_init(struct timer_signal *signal, const struct timer_signal_request *request)
{
    uint64_t limit = process_limit(current_process(), LIMIT_PENDING_SIGNALS).soft;
    struct user_account *account =
        user_account_open_charged(current_credentials().user_id, USER_PENDING_SIGNALS, limit);

    ASSERT(request->information.number >= 1);
    ASSERT(request->information.number <= SIGNAL_MAX);
    if (!account)
        return -EAGAIN;
    *signal = (struct timer_signal){
        .queued = { .information = request->information, .account = account, .timer = signal },
        .taken = request->taken,
        .released = request->released,
    };
    list_init(&signal->queued.node);
    refcount_init(&signal->references, 1);
    return 0;
}

void timer_signal_release(struct timer_signal *signal)
{
    struct user_account *account = signal->queued.account;

    if (!refcount_drop(&signal->references))
        return;
    ASSERT(!list_is_linked(&signal->queued.node));
    user_account_release_charged(account, USER_PENDING_SIGNALS);
    signal->released(signal);
}

void timer_signal_drop(struct timer_signal *signal)
{
    ASSERT(!list_is_linked(&signal->queued.node));
    signal->is_ignored = false;
    timer_signal_release(signal);
}

bool timer_signal_taken(struct signal_taken *taken)
{
    bool meant = taken->timer->taken(taken->timer, &taken->information);

    timer_signal_release(taken->timer);
    taken->timer = NULL;
    return meant;
}

/* ---- Sending: the process and its signals are locked --------------------------------------- */

static enum timer_signal_result ignore(struct timer_signal *signal, struct process *process,
                                       struct thread *thread, bool keep)
{
    struct queued_signal *queued = &signal->queued;

    if (signal->is_ignored || list_is_linked(&queued->node) || !keep)
        return TIMER_SIGNAL_IGNORED;
    refcount_take(&signal->references);
    signal->is_ignored = true;
    signal->thread = thread;
    list_append(&process->signals.ignored_timers, &queued->node);
    return TIMER_SIGNAL_IGNORED;
}

/* The thread that was interrupted may do it as well as any other one, if it is of the process. */
static struct thread *preferred_thread(struct process *process)
{
    struct thread *thread = current_thread();

    return thread->process == process && list_is_linked(&thread->sibling_node)
               ? thread
               : thread_of(list_first(&process->threads));
}

static void make_pending(struct timer_signal *signal, struct process *process,
                         struct thread *thread)
{
    struct signal_pending *pending =
        thread ? &thread_signals_of(thread)->pending : &process->signals.pending;
    int number = signal->queued.information.number;

    signal_pending_link(pending, &signal->queued);
    signal_wake_taker(process, thread ? thread : preferred_thread(process), !thread, number);
}

static enum timer_signal_result send(struct timer_signal *signal, struct process *process,
                                     struct thread *thread, bool keep)
    REQUIRES(&process->signals.lock)
{
    int number = signal->queued.information.number;

    signal_side_effects(process, number);
    if (signal_is_ignored(process, thread ? thread : preferred_thread(process), number))
        return ignore(signal, process, thread, keep);
    if (signal->is_ignored) {
        list_remove(&signal->queued.node);
        signal->is_ignored = false;
    } else if (list_is_linked(&signal->queued.node)) {
        return TIMER_SIGNAL_PENDING;
    } else {
        refcount_take(&signal->references);
    }
    make_pending(signal, process, thread);
    return TIMER_SIGNAL_SENT;
}

enum timer_signal_result timer_signal_send(struct timer_signal *signal, struct process *process,
                                           struct thread *thread, bool keep)
{
    enum timer_signal_result result = TIMER_SIGNAL_GONE;

    spin_lock(&process->lock);
    spin_lock(&process->signals.lock);
    if (!list_is_empty(&process->threads) && (!thread || list_is_linked(&thread->sibling_node)))
        result = send(signal, process, thread, keep);
    spin_unlock(&process->signals.lock);
    spin_unlock(&process->lock);
    return result;
}

/* ---- The action changes -------------------------------------------------------------------- */

void timer_signals_unignore(struct process *process, int number)
{
    LIST_FOR_EACH_SAFE(node, following, &process->signals.ignored_timers) {
        struct queued_signal *queued = LIST_ENTRY(node, struct queued_signal, node);
        struct timer_signal *signal = queued->timer;

        if (queued->information.number != number)
            continue;
        list_remove(node);
        signal->is_ignored = false;
        make_pending(signal, process, signal->thread);
    }
}

void timer_signals_discard(struct signals *signals, const struct thread *thread)
{
    LIST_FOR_EACH_SAFE(node, following, &signals->ignored_timers) {
        struct timer_signal *signal = LIST_ENTRY(node, struct queued_signal, node)->timer;

        if (thread && signal->thread != thread)
            continue;
        list_remove(node);
        timer_signal_drop(signal);
    }
}
