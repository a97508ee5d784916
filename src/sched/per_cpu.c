/*
 * The per-CPU structures.
 *
 * All zero is a valid state for spin locks, and CPU 0 has the boot thread from the first
 * instruction on: so locks and current_thread() need no special case before scheduler_init().
 */
#include "sched/per_cpu.h"

#include "lib/assert.h"

/* The context the machine started the kernel in; later the idle thread of CPU 0. */
static struct thread boot_thread = {
    .name = "boot",
    .state = THREAD_RUNNING,
    .references = { 1 },
};

static struct per_cpu per_cpu[CPUS_MAX] = {
    [0] = { .current = &boot_thread, .idle = &boot_thread },
};

struct per_cpu *cpu_at(unsigned index)
{
    ASSERT(index < CPUS_MAX);
    return &per_cpu[index];
}

struct per_cpu *this_cpu(void)
{
    return cpu_at(machine_cpu_index());
}

struct thread *current_thread(void)
{
    /* Between finding the CPU and reading its field the thread may not move to another CPU. */
    bool were_on = machine_interrupts_disable();
    struct thread *thread = this_cpu()->current;

    machine_interrupts_restore(were_on);
    return thread;
}
