/*
 * What a panic prints about CPUs, threads and locks.  Reads without locks: the CPU that holds them
 * will not give them back.
 */
#include "debug/panic.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sync/mutex.h"

/* Damaged lists may be circular. */
#define LOCKS_SHOWN 16

static void report_spin_locks(const struct per_cpu *cpu)
{
    const struct spinlock *lock = cpu->held;

    for (int i = 0; lock && i < LOCKS_SHOWN; i++, lock = lock->below)
        panic_line("  spin lock %s, rank %d", lock->name, (int)lock->rank);
}

static void report_mutexes(const struct thread *thread)
{
    const struct mutex *mutex = thread->mutexes;

    for (int i = 0; mutex && i < LOCKS_SHOWN; i++, mutex = mutex->below)
        panic_line("  mutex %s, rank %d", mutex->name, (int)mutex->rank);
}

static void report_cpu(unsigned index)
{
    const struct per_cpu *cpu = cpu_at(index);
    const struct thread *thread = cpu->current;

    if (!thread)
        return;
    panic_line("cpu %u%s: thread %d (%s) %s, %u ready%s", index,
               index == machine_cpu_index() ? " (this one)" : "", thread->id, thread->name,
               thread_state_name(thread->state), cpu->runqueue.ready_count,
               cpu->interrupt_depth > 0 ? ", in an interrupt" : "");
    report_spin_locks(cpu);
    report_mutexes(thread);
}

static void report_cpus(void)
{
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++)
        report_cpu(cpu);
}

static void stack_bounds(uintptr_t frame, uintptr_t *low, uintptr_t *high)
{
    const struct thread *thread = this_cpu()->current;
    uintptr_t stack = (uintptr_t)thread->stack;

    /* Idle threads, and handlers with a stack of their own, are on the machine's stacks. */
    bool own = stack && frame >= stack && frame < stack + KERNEL_STACK_SIZE;

    *low = own ? stack : frame;
    *high = own ? stack + KERNEL_STACK_SIZE : frame + KERNEL_STACK_SIZE;
}

void report_init(void)
{
    static const struct panic_hooks hooks = { .report = report_cpus, .stack_bounds = stack_bounds };

    panic_set_hooks(&hooks);
}
