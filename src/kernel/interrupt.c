/*
 * Interrupts: who is told of each, and the switch of threads that may follow.
 */
#include "debug/trace.h"
#include "diagnose/diagnose.h"
#include "fs/channel_file.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "memory/tlb.h"
#include "sched/scheduler.h"
#include "time/timer.h"
#include "tty/console.h"

static void dispatch(enum machine_interrupt which)
{
    switch (which) {
    case INTERRUPT_TIMER:
        timer_interrupt();
        return;
    case INTERRUPT_NOTIFY:
        tlb_notified();
        diagnose_notified();
        scheduler_notified();
        return;
    case INTERRUPT_CONSOLE:
        console_interrupt();
        return;
    case INTERRUPT_CHANNEL:
        channel_interrupt();
        return;
    case INTERRUPT_TIME_LIMIT:
        diagnose_time_limit();
    }
    UNREACHABLE();
}

void kernel_interrupt(enum machine_interrupt which)
{
    ASSERT(!machine_interrupts_enabled());
    trace_record(TRACE_interrupt, which, 0, 0);
    scheduler_interrupt_enter();
    dispatch(which);
    scheduler_interrupt_leave();
}

void kernel_fault(const char *what, uint64_t address, uint64_t instruction)
{
    char where[128];

    if (machine_describe_address(0, instruction, where, sizeof(where)) == 0)
        where[0] = '\0';
    panic("%s in the kernel at address %#llx, by the instruction at %#llx %s", what,
          (unsigned long long)address, (unsigned long long)instruction, where);
}
