/*
 * Virtual CPUs: ucontexts that the main thread runs in turn.
 *
 * A CPU gives the host thread away at machine_cpu_relax, in machine_cpu_idle and when its user
 * code was interrupted (cpu_rotate), never elsewhere; so kernel code runs without being
 * interrupted by another CPU, but in any order.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "sim.h"

#define CPUS_MAX 64
#define CPU_STACK_SIZE (64u << 10)

static struct virtual_cpu cpus[CPUS_MAX];
static unsigned cpus_present;
static unsigned current;

void cpu_init(unsigned count)
{
    cpus_present = count;
    for (unsigned i = 0; i < count; i++)
        cpus[i].timer_deadline_ns = UINT64_MAX;
    cpus[0].started = true;
}

struct virtual_cpu *cpu_current(void)
{
    return &cpus[current];
}

struct virtual_cpu *cpu_of(unsigned index)
{
    return &cpus[index];
}

unsigned cpu_count(void)
{
    return cpus_present;
}

static bool is_busy(struct virtual_cpu *cpu)
{
    return cpu->started && (!cpu->idle || atomic_load(&cpu->pending));
}

bool cpu_others_busy(void)
{
    for (unsigned i = 0; i < cpus_present; i++) {
        if (i != current && is_busy(&cpus[i]))
            return true;
    }
    return false;
}

void cpu_rotate(void)
{
    for (unsigned step = 1; step < cpus_present; step++) {
        unsigned next = (current + step) % cpus_present;

        if (!is_busy(&cpus[next]))
            continue;

        unsigned previous = current;

        current = next;
        swapcontext(&cpus[previous].context, &cpus[next].context);
        soft_tlb_switch(cpu_current()->root);
        return;
    }
}

static void start_here(void)
{
    cpu_current()->entry();
}

void machine_cpu_start(unsigned index, void (*entry)(void))
{
    struct virtual_cpu *cpu = &cpus[index];
    void *stack = mmap(NULL, CPU_STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        refuse("no memory for the stack of CPU %u", index);
    getcontext(&cpu->context);
    cpu->context.uc_stack.ss_sp = stack;
    cpu->context.uc_stack.ss_size = CPU_STACK_SIZE;
    cpu->entry = entry;
    makecontext(&cpu->context, start_here, 0);
    cpu->started = true;
}

unsigned machine_cpu_index(void)
{
    return current;
}

void machine_cpu_notify(unsigned index)
{
    interrupt_raise(index, INTERRUPT_NOTIFY);
}

void machine_cpu_relax(void)
{
    cpu_rotate();
}
