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
#include "sched/choice.h"
#include "signal/signal_internal.h"

#define SYSCALL_INSTRUCTION_SIZE 2    /* of `syscall` and of `int 0x80` */
#define USER_ADDRESS_END (UINT64_C(1) << 47)    /* the processor cannot run code beyond */

/* ---- Masks --------------------------------------------------------------------------------- */

/* signals.lock held. */
static bool has_deliverable(const struct process *process, const struct thread_signals *own)
{
    return ((own->pending.set | process->signals.pending.set) & ~own->blocked) != 0;
}

/* signals.lock held.  Returns what other threads should look at. */
static signal_set change_blocked(struct process *process, struct thread *thread, signal_set blocked)
{
    struct thread_signals *own = thread_signals_of(thread);
    signal_set lost = process->signals.pending.set & blocked & ~own->blocked;

    own->blocked = blocked;
    if (has_deliverable(process, own))
        thread_interrupt(thread, THREAD_WORK_SIGNAL);
    return lost;
}

bool signal_is_pending(void)
{
    struct process *process = current_process();

    spin_lock(&process->signals.lock);
    bool pending = has_deliverable(process, thread_signals_of(current_thread()));

    spin_unlock(&process->signals.lock);
    return pending;
}

signal_set signal_pending_blocked(void)
{
    struct process *process = current_process();
    const struct thread_signals *own = thread_signals_of(current_thread());

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
    struct process *process = current_process();

    spin_lock(&process->signals.lock);
    signal_set lost = change_blocked(process, current_thread(), blocked & ~SIGNALS_UNBLOCKABLE);

    spin_unlock(&process->signals.lock);
    if (lost)
        signal_retarget(process, lost);
}

void signal_set_blocked_for_call(signal_set blocked)
{
    struct thread_signals *own = thread_signals_of(current_thread());

    own->saved_blocked = own->blocked;
    own->restore_blocked = true;
    /* Makes delivery run at the end of the call also when no signal comes. */
    atomic_fetch_or(&current_thread()->work, THREAD_WORK_SIGNAL);
    signal_set_blocked(blocked);
}

void signal_restore_blocked(void)
{
    struct thread_signals *own = thread_signals_of(current_thread());

    if (!own->restore_blocked)
        return;
    own->restore_blocked = false;
    signal_set_blocked(own->saved_blocked);
}

/* ---- Taking -------------------------------------------------------------------------------- */

/* signals.lock held: first what an instruction of the thread did, then the thread's, then the
 * process's. */
static bool take(struct process *process, signal_set blocked, struct signal_taken *taken)
{
    struct signal_pending *own = &thread_signals_of(current_thread())->pending;

    return signal_pending_take_fault(own, blocked, taken) ||
           signal_pending_take(own, blocked, taken) ||
           signal_pending_take(&process->signals.pending, blocked, taken);
}

int signal_take(signal_set wanted, struct signal_information *information)
{
    struct process *process = current_process();
    struct signal_taken taken;
    bool found;

    do {
        spin_lock(&process->signals.lock);
        found = take(process, ~wanted, &taken);
        spin_unlock(&process->signals.lock);
    } while (found && taken.timer && !timer_signal_taken(&taken));
    if (!found)
        return 0;
    *information = taken.information;
    return information->number;
}

/*
 * While it waits, the thread does not block these signals, so that it is chosen and woken for them;
 * it takes them before it would act on them.
 */
int signal_await(signal_set wanted, uint64_t deadline_ns, struct signal_information *information)
{
    /* Somebody outside can send one (kill, Ctrl-C), except in a run that repeats. */
    const struct wait_reason reason = { .kind = WAIT_SIGNAL, .external = !choice_is_observed() };
    struct process *process = current_process();
    struct thread_signals *own = thread_signals_of(current_thread());
    signal_set before = own->blocked;
    int number = signal_take(wanted, information);
    int error;

    if (number || deadline_ns == 0)
        return number ? number : -EAGAIN;
    spin_lock(&process->signals.lock);
    own->blocked_else = before;
    (void)change_blocked(process, current_thread(), before & ~wanted);
    spin_unlock(&process->signals.lock);
    error = wait_entries_wait(NULL, 0, &reason, deadline_ns);
    spin_lock(&process->signals.lock);
    own->blocked_else = 0;
    spin_unlock(&process->signals.lock);
    /* Taken before it is blocked again, or the others would be woken for it in vain. */
    number = signal_take(wanted, information);
    signal_set_blocked(before);
    if (number)
        return number;
    return error == -ETIMEDOUT ? -EAGAIN : -EINTR;
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

/* signals.lock held: what to do about it. */
static void read_action(struct process *process, struct signal_delivery *delivery)
{
    int number = delivery->information.number;
    struct signal_action *action = signal_action_lock(&process->signals, number);

    delivery->action = *action;
    if (action->handler == SIGNAL_DEFAULT && (SIGNAL_BIT(number) & SIGNALS_STOPPING))
        thread_signals_of(current_thread())->stop_taken = true;
    if ((action->flags & ACTION_RESET) && action->handler > SIGNAL_IGNORE)
        action->handler = SIGNAL_DEFAULT;
    signal_action_unlock(&process->signals);
}

static bool take_signal(struct process *process, struct signal_delivery *delivery)
{
    struct thread_signals *own = thread_signals_of(current_thread());
    struct signal_taken taken;
    bool found;

    spin_lock(&process->signals.lock);
    while ((found = take(process, own->blocked, &taken)) && taken.timer) {
        spin_unlock(&process->signals.lock);

        bool meant = timer_signal_taken(&taken);

        spin_lock(&process->signals.lock);
        if (meant)
            break;
    }
    if (found) {
        delivery->information = taken.information;
        read_action(process, delivery);
    }
    spin_unlock(&process->signals.lock);
    return found;
}

/* The first process stops together with the machine, as it would stop without one; whoever
 * continues that sends it SIGCONT.  A group that nobody could continue does not stop, except by
 * SIGSTOP. */
static void stop_process(struct process *process, int number)
{
    if (process->parent_id == 0) {
        machine_suspend();
        (void)signal_send_group(process->group_id, SIGNAL_CONT);
        return;
    }
    if (number != SIGNAL_STOP && process_group_is_orphaned())
        return;
    signal_stop_begin(process, number);
    signal_stop_wait(process);
}

static void run_handler(struct thread *thread, struct signal_delivery *delivery)
{
    struct thread_signals *own = thread_signals_of(thread);
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
            struct signals *signals = &thread->process->signals;

            spin_lock(&signals->lock);
            signal_action_lock(signals, number)->handler = SIGNAL_DEFAULT;
            signal_action_unlock(signals);
            spin_unlock(&signals->lock);
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
    struct signal_delivery delivery;

    /* Cleared before looking: what is sent from here on sets them again. */
    atomic_fetch_and(&thread->work, ~(uint32_t)THREAD_WORK_SIGNAL);
    atomic_store(&thread->interrupted, false);
    if (process->signals.stopped || process->signals.untold)
        signal_stop_wait(process);
    if (process->exiting || (process->executing && process->executing != thread))
        process_exit_thread(0);
    while (take_signal(process, &delivery))
        act(thread, &delivery);
    decide_interrupted_call(thread, NULL);
    signal_restore_blocked();
}
