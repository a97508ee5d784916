/*
 * Stopping and going on.
 *
 *   state of the process    stopped  stop_complete  stopping  what ends it
 *   runs                    no       no             0         a thread takes a stop signal
 *   is about to stop        yes      no             > 0       the last thread stops, or leaves
 *   has stopped             yes      yes            0         SIGCONT, SIGKILL, its end
 *
 * Each thread stops on its way to user mode.  The parent is told by the last one to stop, and of a
 * SIGCONT by the first one that looks afterwards, because the sender may be anywhere.  A SIGCONT
 * that comes while threads are still on their way counts as if all had stopped: the parent is told
 * of the stop only.
 *
 *   thread                                    sender
 *   takes SIGTSTP, has not acted on it
 *                                             sends SIGCONT: nothing is stopped, nothing pending
 *   stops for ever                            <- forbidden: SIGCONT clears `stop_taken`, and
 *                                                without that the thread goes on
 *
 *   looks: stopped                            ends the process, or replaces its program
 *   waits for SIGCONT                         <- forbidden: `exiting` and `executing` are looked at
 *                                                under the lock, and who sets them wakes the queue
 *
 * Invariant: `stopping` is the number of threads with `owes_stop`, all of which are on the
 * process's list.
 */
#include "process/relatives.h"
#include "signal/signal_internal.h"

/* ---- With the process and its signals locked ----------------------------------------------- */

static void forget_stop(struct process *process)
{
    struct signals *signals = &process->signals;

    signals->stopped = false;
    signals->stop_complete = false;
    signals->stop_signal = 0;
    signals->stopping = 0;
    LIST_FOR_EACH(node, &process->threads)
        thread_signals_of(thread_of(node))->owes_stop = false;
    wait_queue_wake_all(&signals->continued);
}

void signal_stop_continue(struct process *process, int number)
{
    struct signals *signals = &process->signals;

    LIST_FOR_EACH(node, &process->threads)
        thread_signals_of(thread_of(node))->stop_taken = false;
    if (!signals->stopped)
        return;
    if (number == SIGNAL_CONT) {
        signals->untold = signals->stop_complete ? CODE_CHILD_CONTINUED : CODE_CHILD_STOPPED;
        signals->was_continued = true;
    }
    forget_stop(process);
}

/* Returns whether the parent must be told. */
static bool stop_thread(struct signals *signals, struct thread_signals *own)
{
    if (!own->owes_stop)
        return false;
    own->owes_stop = false;
    ASSERT(signals->stopping > 0);
    signals->stop_complete = --signals->stopping == 0;
    if (signals->stop_complete)
        signals->untold = CODE_CHILD_STOPPED;
    return signals->stop_complete;
}

void signal_thread_leaves(struct process *process, struct thread *thread) REQUIRES(&process->lock)
{
    struct signals *signals = &process->signals;

    ASSERT(spin_is_held(&process->lock));
    spin_lock(&signals->lock);
    if (signals->target_last == thread)
        signals->target_last = NULL;
    timer_signals_discard(signals, thread);
    /* The parent learns it from who looks next: those that stopped before do. */
    if (stop_thread(signals, thread_signals_of(thread)))
        wait_queue_wake_all(&signals->continued);
    list_remove(&thread->sibling_node);
    spin_unlock(&signals->lock);
}

void signal_stop_end(struct process *process) REQUIRES(&process->lock)
{
    ASSERT(spin_is_held(&process->lock));
    spin_lock(&process->signals.lock);
    forget_stop(process);
    process->signals.untold = 0;
    spin_unlock(&process->signals.lock);
}

void signal_stop_look(struct process *process) REQUIRES(&process->lock)
{
    ASSERT(spin_is_held(&process->lock));
    spin_lock(&process->signals.lock);
    wait_queue_wake_all(&process->signals.continued);
    spin_unlock(&process->signals.lock);
}

/* ---- The current thread -------------------------------------------------------------------- */

void signal_stop_begin(struct process *process, int number)
{
    struct signals *signals = &process->signals;
    struct thread_signals *own = thread_signals_of(current_thread());

    spin_lock(&process->lock);
    spin_lock(&signals->lock);
    /* SIGCONT came between; or another thread has begun. */
    bool begins = own->stop_taken && !signals->stopped && !process->exiting;

    own->stop_taken = false;
    if (begins) {
        signals->stopped = true;
        signals->stop_signal = number;
        signals->was_continued = false;
        LIST_FOR_EACH(node, &process->threads) {
            struct thread *thread = thread_of(node);

            thread_signals_of(thread)->owes_stop = true;
            signals->stopping++;
            if (thread != current_thread())
                thread_interrupt(thread, THREAD_WORK_SIGNAL);
        }
    }
    spin_unlock(&signals->lock);
    spin_unlock(&process->lock);
}

static bool leaves(const struct process *process)
{
    return process->exiting || (process->executing && process->executing != current_thread());
}

/* signals.lock held, given back for the while. */
static void tell_parent(struct process *process) LOCKS_UNCHECKED
{
    struct signals *signals = &process->signals;
    const struct stop_news news = { .code = signals->untold, .number = signals->stop_signal };

    signals->untold = 0;
    spin_unlock(&signals->lock);
    process_notify_stop(process, &news);
    spin_lock(&signals->lock);
}

void signal_stop_wait(struct process *process)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL, .uninterruptible = true };
    struct signals *signals = &process->signals;
    struct thread_signals *own = thread_signals_of(current_thread());

    spin_lock(&signals->lock);
    for (;;) {
        if (leaves(process))
            break;
        if (signals->stopped)
            (void)stop_thread(signals, own);
        if (signals->untold) {
            tell_parent(process);
            continue;    /* much may have happened */
        }
        if (!signals->stopped)
            break;

        int error = wait_queue_wait(&signals->continued, &signals->lock, &reason, WAIT_FOREVER);

        ASSERT(!error);
    }
    spin_unlock(&signals->lock);
}

/* ---- Others -------------------------------------------------------------------------------- */

int signal_stop_report(struct process *process, bool leave)
{
    struct signals *signals = &process->signals;
    int number = 0;

    spin_lock(&signals->lock);
    if (signals->stop_complete) {
        number = signals->stop_signal;
        if (!leave)
            signals->stop_signal = 0;
    }
    spin_unlock(&signals->lock);
    return number;
}

bool signal_continue_report(struct process *process, bool leave)
{
    struct signals *signals = &process->signals;

    spin_lock(&signals->lock);

    bool was_continued = signals->was_continued;

    if (!leave)
        signals->was_continued = false;
    spin_unlock(&signals->lock);
    return was_continued;
}

bool signal_is_stopped(struct process *process)
{
    spin_lock(&process->signals.lock);

    bool is_stopped = process->signals.stop_complete;

    spin_unlock(&process->signals.lock);
    return is_stopped;
}
