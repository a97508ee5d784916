/*
 * Sending signals.
 *
 * A signal becomes pending, of a thread or of the process, and a thread that does not block it is
 * made to look.  All of it happens with the process and its signals locked, in any context.
 *
 *   thread                                    sender
 *   looks for signals: none
 *                                             makes one pending, marks the thread's `work`
 *   enters user mode, never looks             <- forbidden: `work` is looked at last with
 *                                                interrupts off, and marking it interrupts that CPU
 *
 *   blocks the signal that it was chosen for
 *                                             <- the others never look: forbidden, who blocks or
 *                                                leaves hands on (signal_retarget), under the lock
 */
#include "process/process.h"
#include "signal/signal_internal.h"

static bool blocks(struct thread *thread, int number)
{
    return (thread_signals_of(thread)->blocked & SIGNAL_BIT(number)) != 0;
}

void signal_side_effects(struct process *process, int number)
{
    signal_set opposite = 0;

    if (number == SIGNAL_CONT)
        opposite = SIGNALS_STOPPING;
    else if (SIGNAL_BIT(number) & SIGNALS_STOPPING)
        opposite = SIGNAL_BIT(SIGNAL_CONT);
    if (opposite) {
        signal_pending_discard(&process->signals.pending, opposite);
        LIST_FOR_EACH(node, &process->threads)
            signal_pending_discard(&thread_signals_of(thread_of(node))->pending, opposite);
    }
    if (number == SIGNAL_CONT || number == SIGNAL_KILL)
        signal_stop_continue(process, number);
}

/* The first process of a PID namespace only gets what it handles, but for the two that nobody can
 * handle, from outside. */
static bool is_spared(const struct process *process, int number)
{
    if (!process_is_first_of_namespace(process))
        return false;
    return !(SIGNAL_BIT(number) & SIGNALS_UNBLOCKABLE) ||
           pid_is_within(current_thread()->id, process->pid_namespace);
}

bool signal_is_ignored(struct process *process, struct thread *target, int number)
{
    const struct thread_signals *own = thread_signals_of(target);

    /* What is blocked is kept: the action may change until somebody takes it. */
    if ((own->blocked | own->blocked_else) & SIGNAL_BIT(number))
        return false;

    const struct signal_action action = signal_action_of(&process->signals, number);

    return signal_action_ignores(&action, number) ||
           (action.handler == SIGNAL_DEFAULT && is_spared(process, number));
}

/* ---- Choosing a thread --------------------------------------------------------------------- */

/* One that is about to look anyway need not be told; `interrupted` is cleared before the look. */
static bool wants(struct thread *thread, int number)
{
    return !blocks(thread, number) && (number == SIGNAL_KILL || !atomic_load(&thread->interrupted));
}

static struct thread *thread_after(struct process *process, struct thread *thread)
{
    struct list *next = thread->sibling_node.next;

    return thread_of(next == &process->threads ? process->threads.next : next);
}

/* In turn, beginning with the one that was chosen last.  NULL: all that could take it look soon. */
static struct thread *choose_other(struct process *process, int number)
{
    struct thread *begin = process->signals.target_last;
    struct thread *thread;

    if (!begin)
        begin = thread_of(list_first(&process->threads));
    thread = begin;
    do {
        if (wants(thread, number))
            return thread;
        thread = thread_after(process, thread);
    } while (thread != begin);
    return NULL;
}

void signal_wake_taker(struct process *process, struct thread *first, bool is_shared, int number)
{
    struct thread *target = wants(first, number) ? first : NULL;

    if (!list_is_empty(&process->signals.readers.waiters))
        wait_queue_wake_all(&process->signals.readers);
    if (!target && is_shared)
        target = choose_other(process, number);
    if (!target)
        return;
    if (is_shared)
        process->signals.target_last = target;
    thread_interrupt(target, THREAD_WORK_SIGNAL);
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* Both locks held; the process has threads.  `target` NULL: the process. */
static int send(struct process *process, struct thread *target,
                const struct signal_information *information) REQUIRES(&process->signals.lock)
{
    int number = information->number;
    struct thread *first = target ? target : thread_of(list_first(&process->threads));
    struct signal_pending *pending =
        target ? &thread_signals_of(target)->pending : &process->signals.pending;
    const struct signal_payer payer = {
        .user_id = process->credentials.user_id,
        .limit = process->limits.of[LIMIT_PENDING_SIGNALS].soft,
    };
    int error;

    ASSERT(number >= 1);
    ASSERT(number <= SIGNAL_MAX);
    signal_side_effects(process, number);
    if (signal_is_ignored(process, first, number))
        return 0;
    error = signal_pending_add(pending, information, &payer);
    if (error)
        return error;
    signal_wake_taker(process, first, !target, number);
    return 0;
}

static int send_locked(struct process *process, struct thread *target,
                       const struct signal_information *information)
{
    int error = 0;

    spin_lock(&process->lock);
    spin_lock(&process->signals.lock);
    /* What has ended, or is about to, takes no signals. */
    if (!list_is_empty(&process->threads) &&
        (!target || list_is_linked(&target->sibling_node)))
        error = send(process, target, information);
    spin_unlock(&process->signals.lock);
    spin_unlock(&process->lock);
    return error;
}

int signal_send_process(struct process *process, const struct signal_information *information)
{
    return send_locked(process, NULL, information);
}

int signal_send_thread(struct thread *thread, const struct signal_information *information)
{
    return send_locked(thread->process, thread, information);
}

void signal_send_kernel(struct process *process, int number)
{
    const struct signal_information information = { .number = number, .code = CODE_KERNEL };

    (void)signal_send_process(process, &information);    /* nothing that could be refused */
}

void signal_raise(int number)
{
    const struct signal_information information = {
        .number = number,
        .code = CODE_USER,
        .sender = { .process_id = pid_seen(current_process()->id),
                    .user_id = current_credentials().user_id },
    };

    (void)signal_send_thread(current_thread(), &information);
}

/* ---- Handing on ---------------------------------------------------------------------------- */

void signal_retarget(struct process *process, signal_set lost)
{
    spin_lock(&process->lock);
    spin_lock(&process->signals.lock);
    lost &= process->signals.pending.set;
    LIST_FOR_EACH(node, &process->threads) {
        struct thread *thread = thread_of(node);
        signal_set takes = lost & ~thread_signals_of(thread)->blocked;

        if (lost == 0)
            break;
        if (!takes || thread == current_thread())
            continue;
        thread_interrupt(thread, THREAD_WORK_SIGNAL);
        lost &= ~takes;
    }
    spin_unlock(&process->signals.lock);
    spin_unlock(&process->lock);
}
