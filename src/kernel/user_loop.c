/*
 * The life of a thread of a process: run user code, handle what stopped it, repeat.
 *
 * Invariant: user code runs only when thread->work is clear, and that was looked at with interrupts
 * off; whoever sets a bit later interrupts the CPU, so it is not left waiting.
 */
#include "abi/abi.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "fs/file.h"
#include "kernel/kernel.h"
#include "lib/assert.h"
#include "memory/address_space.h"
#include "process/process.h"
#include "process/processor_timer.h"
#include "sched/scheduler.h"
#include "signal/signal.h"
#include "sync/spin_wait.h"

static void handle_page_fault(struct thread *thread, const struct trap *trap)
{
    trace_record(TRACE_page_fault, trap->address, trap->access, thread->registers.rip);
    switch (address_space_fault(thread->process->space, trap->address, trap->access)) {
    case FAULT_RESOLVED:
        return;
    case FAULT_NOT_MAPPED:
        signal_force_page_fault(SIGNAL_SEGV, CODE_SEGV_MAPERR, trap);
        return;
    case FAULT_NOT_PERMITTED:
        signal_force_page_fault(SIGNAL_SEGV, CODE_SEGV_ACCERR, trap);
        return;
    case FAULT_BUS:
        signal_force_page_fault(SIGNAL_BUS, CODE_BUS_ADRERR, trap);
        return;
    case FAULT_NO_MEMORY:
        log_line(LOG_ERROR, "out of memory: %s (process %d) is killed; give more with --memory",
                 thread->name, thread->process->id);
        signal_force(SIGNAL_KILL, "out of memory");
        return;
    }
    UNREACHABLE();
}

static void handle_trap(struct thread *thread, const struct trap *trap)
{
    switch (trap->kind) {
    case TRAP_SYSCALL:
    case TRAP_INT80:
        abi_dispatch(thread, trap);
        return;
    case TRAP_PAGE_FAULT:
        handle_page_fault(thread, trap);
        return;
    case TRAP_EXCEPTION:
        signal_force_exception(trap->vector, trap->error_code);
        return;
    case TRAP_INTERRUPT:
        return;    /* has been delivered when interrupts came on */
    case TRAP_SPIN:
        return;    /* user_loop waits */
    }
    UNREACHABLE();
}

/* Does what must be done before user code may run; returns with interrupts off. */
static void prepare_user(struct thread *thread)
{
    for (;;) {
        uint32_t work = atomic_load_explicit(&thread->work, memory_order_acquire);

        if (work & THREAD_WORK_FILES)
            file_end_waiting();
        if (work & THREAD_WORK_PROCESSOR_TIME)
            processor_timers_check();
        if (work & THREAD_WORK_SIGNAL)
            signal_deliver_pending();
        machine_interrupts_disable();
        scheduler_preempt_if_due();
        if (!atomic_load_explicit(&thread->work, memory_order_acquire))
            return;
        machine_interrupts_restore(true);
    }
}

_Noreturn void user_loop(void *argument)
{
    struct thread *thread = current_thread();

    (void)argument;
    address_space_activate(thread->process->space);
    for (;;) {
        prepare_user(thread);
        thread->registers.block_budget = address_space_block_budget(thread->process->space);
        scheduler_account_user_enter();

        struct trap trap = machine_user_run(&thread->registers);

        uint64_t changes = spin_wait_trapped(&trap);

        scheduler_account_user_leave();
        machine_interrupts_restore(true);
        if (trap.kind == TRAP_SPIN)
            spin_wait(changes, thread->registers.rip);
        else
            handle_trap(thread, &trap);
        spin_wait_progress();
    }
}
