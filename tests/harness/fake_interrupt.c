/* Interrupts of tests that have a scheduler: as kernel/interrupt.c. */
#include "harness/fake_interrupt.h"

#include "sched/scheduler.h"
#include "time/timer.h"

void fake_interrupt(enum machine_interrupt which)
{
    scheduler_interrupt_enter();
    switch (which) {
    case INTERRUPT_TIMER:
        timer_interrupt();
        break;
    case INTERRUPT_NOTIFY:
        scheduler_notified();
        break;
    case INTERRUPT_CONSOLE:
    case INTERRUPT_CHANNEL:
    case INTERRUPT_TIME_LIMIT:
        break;
    }
    scheduler_interrupt_leave();
}
