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
 */
#include "process/process.h"
#include "signal/signal_internal.h"

static struct thread *thread_of(struct list *node)
{
    return LIST_ENTRY(node, struct thread, sibling_node);
}

static bool blocks(struct thread *thread, int number)
{
    return (user_thread_of(thread)->signals.blocked & SIGNAL_BIT(number)) != 0;
}

/* A stop takes back a pending continue, and the other way round. */
static void apply_side_effects(struct process *process, int number)
{
    signal_set opposite = 0;

    if (number == SIGNAL_CONT)
        opposite = SIGNALS_STOPPING;
    else if (SIGNAL_BIT(number) & SIGNALS_STOPPING)
        opposite = SIGNAL_BIT(SIGNAL_CONT);
    if (opposite) {
        signal_pending_discard(&process->signals.pending, opposite);
        LIST_FOR_EACH(node, &process->threads)
            signal_pending_discard(&user_thread_of(thread_of(node))->signals.pending, opposite);
    }
    if ((number == SIGNAL_CONT || number == SIGNAL_KILL) && process->signals.stopped) {
        process->signals.stopped = false;
        process->signals.continue_untold = number == SIGNAL_CONT;
        wait_queue_wake_all(&process->signals.continued);
    }
}

/* `thread` would take it, or is the oldest one. */
static bool is_ignored(struct process *process, struct thread *thread, int number)
{
    return !blocks(thread, number) &&
           signal_action_ignores(&process->signals.actions[number - 1], number);
}

static struct thread *choose_thread(struct process *process, int number)
{
    LIST_FOR_EACH(node, &process->threads) {
        if (!blocks(thread_of(node), number))
            return thread_of(node);
    }
    return NULL;
}

/* Both locks held; the process has threads.  `target` NULL: the process. */
static int send(struct process *process, struct thread *target,
                const struct signal_information *information)
{
    int number = information->number;
    struct thread *first = thread_of(process->threads.next);
    struct signal_pending *pending = target ? &user_thread_of(target)->signals.pending
                                            : &process->signals.pending;
    int error;

    ASSERT(number >= 1 && number <= SIGNAL_MAX);
    apply_side_effects(process, number);
    if (is_ignored(process, target ? target : first, number))
        return 0;
    error = signal_pending_add(pending, information);
    if (error)
        return error;
    if (!target)
        target = choose_thread(process, number);
    if (target && !blocks(target, number))
        thread_interrupt(target, THREAD_WORK_SIGNAL);
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
        .sender = { .process_id = current_process()->id,
                    .user_id = current_credentials().user_id },
    };

    (void)signal_send_thread(current_thread(), &information);
}

/* Which threads would act on something that is pending? */
void signal_retarget(struct process *process)
{
    spin_lock(&process->lock);
    spin_lock(&process->signals.lock);
    LIST_FOR_EACH(node, &process->threads) {
        if (process->signals.pending.set & ~user_thread_of(thread_of(node))->signals.blocked)
            thread_interrupt(thread_of(node), THREAD_WORK_SIGNAL);
    }
    spin_unlock(&process->signals.lock);
    spin_unlock(&process->lock);
}
