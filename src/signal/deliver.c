/*
 * Acting on signals, on the way to user mode.
 *
 * Invariant: when signal_deliver_pending returns, the thread has no pending signal that it does
 * not block, or its `work` is set again; and no interrupted call is left undecided.
 */
#include "debug/log.h"
#include "debug/trace.h"
#include "process/process.h"
#include "process/relatives.h"
#include "signal/signal_internal.h"

#define SYSCALL_INSTRUCTION_SIZE 2    /* of `syscall` and of `int 0x80` */
#define USER_ADDRESS_END (UINT64_C(1) << 47)    /* the processor cannot run code beyond */

/* ---- Masks --------------------------------------------------------------------------------- */

/* signals.lock held. */
static bool has_deliverable(const struct process *process, const struct thread_signals *own)
{
    return ((own->pending.set | process->signals.pending.set) & ~own->blocked) != 0;
}

bool signal_is_pending(void)
{
    struct process *process = current_process();

    spin_lock(&process->signals.lock);
    bool pending = has_deliverable(process, &user_thread_of(current_thread())->signals);

    spin_unlock(&process->signals.lock);
    return pending;
}

signal_set signal_pending_blocked(void)
{
    struct process *process = current_process();
    const struct thread_signals *own = &user_thread_of(current_thread())->signals;

    spin_lock(&process->signals.lock);
    signal_set pending = (own->pending.set | process->signals.pending.set) & own->blocked;

    spin_unlock(&process->signals.lock);
    return pending;
}

signal_set signal_blocked(void)
{
    return user_thread_of(current_thread())->signals.blocked;
}

void signal_set_blocked(signal_set blocked)
{
    struct thread *thread = current_thread();
    struct process *process = current_process();
    struct thread_signals *own = &user_thread_of(thread)->signals;

    blocked &= ~SIGNALS_UNBLOCKABLE;
    spin_lock(&process->signals.lock);
    bool others_needed = (process->signals.pending.set & blocked & ~own->blocked) != 0;

    own->blocked = blocked;
    if (has_deliverable(process, own))
        thread_interrupt(thread, THREAD_WORK_SIGNAL);
    spin_unlock(&process->signals.lock);
    if (others_needed)
        signal_retarget(process);
}

void signal_set_blocked_for_call(signal_set blocked)
{
    struct thread_signals *own = &user_thread_of(current_thread())->signals;

    own->saved_blocked = own->blocked;
    own->restore_blocked = true;
    /* Makes delivery run at the end of the call also when no signal comes. */
    atomic_fetch_or(&current_thread()->work, THREAD_WORK_SIGNAL);
    signal_set_blocked(blocked);
}

/* ---- Interrupted calls --------------------------------------------------------------------- */

/* `action`: of the handler that is about to run; NULL: none. */
static void decide_interrupted_call(struct thread *thread, const struct signal_action *action)
{
    struct interrupted_call *call = &user_thread_of(thread)->interrupted;
    int code = call->code;

    if (code == 0)
        return;
    call->code = 0;

    bool repeat = !action || code == CALL_RESTART_ALWAYS ||
                  (code == CALL_RESTART && (action->flags & ACTION_RESTART));

    if (!repeat) {
        thread->registers.rax = (uint64_t)-EINTR;
        return;
    }
    thread->registers.rip -= SYSCALL_INSTRUCTION_SIZE;
    thread->registers.rax =
        code == CALL_RESUME ? thread->process->abi->resume_number : call->number;
}

/* ---- Actions ------------------------------------------------------------------------------- */

static bool take_signal(struct process *process, struct thread_signals *own,
                        struct signal_delivery *delivery)
{
    struct signal_information *information = &delivery->information;

    spin_lock(&process->signals.lock);
    bool found = signal_pending_take(&own->pending, own->blocked, information) ||
                 signal_pending_take(&process->signals.pending, own->blocked, information);

    if (found) {
        struct signal_action *action = &process->signals.actions[information->number - 1];

        delivery->action = *action;
        if ((action->flags & ACTION_RESET) && action->handler > SIGNAL_IGNORE)
            action->handler = SIGNAL_DEFAULT;
    }
    spin_unlock(&process->signals.lock);
    return found;
}

/* Until SIGCONT or SIGKILL. */
static void wait_while_stopped(struct process *process)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL, .uninterruptible = true };

    spin_lock(&process->signals.lock);
    while (process->signals.stopped) {
        int error = wait_queue_wait(&process->signals.continued, &process->signals.lock, &reason,
                                    WAIT_FOREVER);

        ASSERT(!error);
    }
    bool tells = process->signals.continue_untold;

    process->signals.continue_untold = false;
    spin_unlock(&process->signals.lock);
    if (tells)
        process_notify_stop(process, 0);
}

/* The first process stops together with the machine, as it would stop without one; whoever
 * continues that sends it SIGCONT. */
static void stop_process(struct process *process, int number)
{
    if (process->parent_id == 0) {
        machine_suspend();
        (void)signal_send_group(process->group_id, SIGNAL_CONT);
        return;
    }
    spin_lock(&process->lock);
    spin_lock(&process->signals.lock);
    process->signals.stopped = true;
    LIST_FOR_EACH(node, &process->threads)
        thread_interrupt(LIST_ENTRY(node, struct thread, sibling_node), THREAD_WORK_SIGNAL);
    spin_unlock(&process->signals.lock);
    spin_unlock(&process->lock);
    process_notify_stop(process, number);
}

static void run_handler(struct thread *thread, struct signal_delivery *delivery)
{
    struct thread_signals *own = &user_thread_of(thread)->signals;
    int number = delivery->information.number;
    signal_set blocked = own->blocked | delivery->action.mask;
    int error = -EFAULT;

    decide_interrupted_call(thread, &delivery->action);
    delivery->blocked_before = own->restore_blocked ? own->saved_blocked : own->blocked;
    own->restore_blocked = false;
    if (delivery->action.handler < USER_ADDRESS_END)
        error = thread->process->abi->push_signal_frame(thread, delivery);
    if (error) {
        if (number == SIGNAL_SEGV) {
            struct signal_action *action = &thread->process->signals.actions[number - 1];

            spin_lock(&thread->process->signals.lock);
            action->handler = SIGNAL_DEFAULT;
            spin_unlock(&thread->process->signals.lock);
        }
        signal_force(SIGNAL_SEGV, "no room for a signal frame on its stack");
        return;
    }
    if (!(delivery->action.flags & ACTION_NO_DEFER))
        blocked |= SIGNAL_BIT(number);
    signal_set_blocked(blocked);
}

static void act_by_default(struct process *process, const struct signal_information *information)
{
    switch (signal_default_effect(information->number)) {
    case EFFECT_IGNORE:
    case EFFECT_CONTINUE:
        return;
    case EFFECT_STOP:
        stop_process(process, information->number);
        wait_while_stopped(process);
        return;
    case EFFECT_TERMINATE:
        signal_report_death(information);
        process_exit_all(information->number);
    }
    UNREACHABLE();
}

static void act(struct thread *thread, struct signal_delivery *delivery)
{
    const struct signal_information *information = &delivery->information;

    trace_record(TRACE_signal, (uint64_t)information->number, (uint64_t)thread->id,
                 (uint64_t)information->code);
    if (delivery->action.handler == SIGNAL_IGNORE)
        return;
    if (thread->process->traced)
        thread->process->abi->observe_signal(thread, information);
    if (delivery->action.handler == SIGNAL_DEFAULT)
        act_by_default(thread->process, information);
    else
        run_handler(thread, delivery);
}

void signal_deliver_pending(void)
{
    struct thread *thread = current_thread();
    struct process *process = current_process();
    struct thread_signals *own = &user_thread_of(thread)->signals;
    struct signal_delivery delivery;

    /* Cleared before looking: what is sent from here on sets them again. */
    atomic_fetch_and(&thread->work, ~(uint32_t)THREAD_WORK_SIGNAL);
    atomic_store(&thread->interrupted, false);
    if (process->signals.stopped)
        wait_while_stopped(process);
    if (process->exiting || (process->executing && process->executing != thread))
        process_exit_thread(0);
    while (take_signal(process, own, &delivery))
        act(thread, &delivery);
    decide_interrupted_call(thread, NULL);
    if (own->restore_blocked) {
        own->restore_blocked = false;
        signal_set_blocked(own->saved_blocked);
    }
}
