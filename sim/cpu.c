/*
 * Virtual CPUs: contexts that the main thread runs in turn.
 *
 * In real time a CPU gives the host thread away at machine_cpu_relax, in machine_cpu_idle and when
 * its user code was interrupted (cpu_rotate), never elsewhere; so kernel code runs without being
 * interrupted by another CPU, but in any order.
 *
 * With an observer the seed chooses who goes on: before user code runs, in every spin, and at one
 * in KERNEL_POINTS of all calls that turn interrupts off or restore them.  The latter lie before
 * and behind each spin lock, so between any two of the kernel's critical sections, and within
 * them, another CPU may run for as long as it likes: the kernel's own races can come about.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "chooser.h"
#include "search/search.h"
#include "sim.h"

#define CPUS_MAX 64
#define CPU_STACK_SIZE (256u << 10)
#define KERNEL_POINTS 32u

static struct virtual_cpu cpus[CPUS_MAX];
static unsigned cpus_present;
static unsigned current;
bool cpu_takes_kernel_points;

void cpu_init(unsigned count)
{
    cpus_present = count;
    for (unsigned i = 0; i < count; i++)
        cpus[i].timer_deadline_ns = UINT64_MAX;
    cpu_takes_kernel_points = count > 1 && chooser_is_active();
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

bool cpu_others_share_space(void)
{
    for (unsigned i = 0; i < cpus_present; i++) {
        if (i != current && is_busy(&cpus[i]) && cpus[i].root == cpus[current].root)
            return true;
    }
    return false;
}

bool cpu_uses_root(physical_address root)
{
    for (unsigned i = 0; i < cpus_present; i++) {
        if (cpus[i].root == root)
            return true;
    }
    return false;
}

/* ---- Switching ----------------------------------------------------------------------------- */

static void switch_to(unsigned next)
{
    unsigned previous = current;

    if (next == previous)
        return;
    current = next;
    machine_context_switch(&cpus[previous].context, &cpus[next].context);
}

static void rotate_in_order(void)
{
    for (unsigned step = 1; step < cpus_present; step++) {
        unsigned next = (current + step) % cpus_present;

        if (is_busy(&cpus[next])) {
            switch_to(next);
            return;
        }
    }
}

/* Any busy CPU, each as likely; `or_this`: so is the current one. */
static void switch_by_choice(bool or_this)
{
    unsigned candidates[CPUS_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < cpus_present; i++) {
        if (i == current ? or_this : is_busy(&cpus[i]))
            candidates[count++] = i;
    }
    if (count > 0)
        switch_to(candidates[chooser_number(CHOOSE_CPU, count)]);
}

void cpu_rotate(void)
{
    if (chooser_is_active())
        switch_by_choice(false);
    else
        rotate_in_order();
}

void cpu_choose(void)
{
    if (cpu_takes_kernel_points)
        switch_by_choice(true);
}

void cpu_choose_at_kernel_point(void)
{
    if (chooser_number(CHOOSE_CPU, KERNEL_POINTS) == 0)
        switch_by_choice(false);
}

/* ---- Starting ------------------------------------------------------------------------------ */

char *cpu_stack(unsigned index, size_t *size)
{
    *size = cpus[index].stack ? CPU_STACK_SIZE : 0;
    return cpus[index].stack;
}

static void start_here(void)
{
    cpu_current()->entry();
}

void machine_cpu_start(unsigned index, void (*entry)(void))
{
    struct virtual_cpu *cpu = &cpus[index];

    cpu->stack = mmap(NULL, CPU_STACK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (cpu->stack == MAP_FAILED)
        refuse("no memory for the stack of CPU %u", index);
    machine_context_init(&cpu->context, cpu->stack, CPU_STACK_SIZE, start_here);
    cpu->entry = entry;
    cpu->started = true;
}

void cpu_start_kernel(void)
{
    struct machine_context host;

    machine_cpu_start(0, kernel_start);
    machine_context_switch(&host, &cpus[0].context);
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
    if (chooser_is_active())
        clock_advance(TIME_RELAX_NS);
    search_relax();
    interrupt_collect();    /* what it waits for may be another CPU's timer */
    cpu_rotate();
}
