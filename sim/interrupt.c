/*
 * Soft interrupts.  "Off" is a flag of the virtual CPU; what arrives meanwhile is a pending bit.
 *
 * Signal handlers and the watcher thread only set bits.  Bits become calls of kernel_interrupt at
 * four places, all on the main thread: machine_interrupts_restore, machine_cpu_idle, and, by way
 * of the first, after machine_user_run and in the kernel's own loops.
 *
 * With an observer the bits that the world outside sets wait in `from_outside` until outside.c
 * lets them in, at a point of the run that has a number.
 */
#include "chooser.h"
#include "outside.h"
#include "sim.h"

_Atomic uint32_t interrupt_attention;
static _Atomic uint32_t from_outside;

void interrupt_raise(unsigned cpu, enum machine_interrupt which)
{
    atomic_fetch_or(&cpu_of(cpu)->pending, 1u << which);
    atomic_store(&interrupt_attention, 1);
}

void interrupt_raise_outside(enum machine_interrupt which)
{
    if (!chooser_is_active()) {
        interrupt_raise(0, which);
        return;
    }
    atomic_fetch_or(&from_outside, 1u << which);
    atomic_store(&interrupt_attention, 1);
}

uint32_t interrupt_take_outside(void)
{
    return atomic_exchange(&from_outside, 0);
}

bool interrupt_outside_waits(void)
{
    return atomic_load(&from_outside) != 0;
}

/* Timers that are due become pending; the alarm is set for the next one. */
void interrupt_collect(void)
{
    if (!atomic_exchange(&interrupt_attention, 0))
        return;

    uint64_t now = machine_time_ns();

    for (unsigned i = 0; i < cpu_count(); i++) {
        struct virtual_cpu *cpu = cpu_of(i);

        if (cpu->timer_deadline_ns <= now) {
            cpu->timer_deadline_ns = UINT64_MAX;
            atomic_fetch_or(&cpu->pending, 1u << INTERRUPT_TIMER);
        }
    }
    clock_arm();
}

/* Takes the pending interrupts of this CPU one by one; interrupts are off before and after. */
static void deliver_pending(void)
{
    for (;;) {
        uint32_t pending = atomic_load(&cpu_current()->pending);

        if (!pending)
            return;

        unsigned which = (unsigned)__builtin_ctz(pending);

        atomic_fetch_and(&cpu_current()->pending, ~(1u << which));
        kernel_interrupt((enum machine_interrupt)which);
    }
}

bool machine_interrupts_disable(void)
{
    cpu_kernel_point();

    struct virtual_cpu *cpu = cpu_current();
    bool were_on = cpu->interrupts_on;

    cpu->interrupts_on = false;
    return were_on;
}

void machine_interrupts_restore(bool enabled)
{
    cpu_kernel_point();
    if (enabled && !cpu_current()->interrupts_on) {
        if (atomic_load_explicit(&interrupt_attention, memory_order_relaxed))
            interrupt_collect();
        if (atomic_load_explicit(&cpu_current()->pending, memory_order_relaxed))
            deliver_pending();
    }
    cpu_current()->interrupts_on = enabled;
}

bool machine_interrupts_enabled(void)
{
    return cpu_current()->interrupts_on;
}

static void sleep_until_something(void)
{
    if (cpu_others_busy())
        cpu_rotate();
    else if (chooser_is_active())
        outside_idle(clock_next_deadline());
    else
        signals_wait(clock_next_deadline());
}

void machine_cpu_idle(void)
{
    for (;;) {
        struct virtual_cpu *cpu = cpu_current();

        interrupt_collect();
        if (atomic_load(&cpu->pending)) {
            cpu->idle = false;
            deliver_pending();
            return;
        }
        cpu->idle = true;
        sleep_until_something();
    }
}
