#pragma once
/*
 * Included once by a test (it defines functions): a machine whose CPUs are threads of the host, so
 * that the real scheduler runs kernel threads on all of them at once.  Built with
 * -fsanitize=thread it finds what is not ordered; without, what gets lost.
 *
 *     hammer_begin();                     memory and scheduler
 *     thread_start(...)                   as many as wanted; they must end
 *     hammer_run();                       until one of them has set hammer_is_over, as the last
 *
 * Interrupts are taken where they are switched on, and when a CPU is idle.  What a CPU knows of
 * itself is found by functions of their own: a kernel thread may go on on another host thread, and
 * the compiler must not keep the address of thread-local data.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "config.h"
#include "harness/fake_interrupt.h"
#include "harness/opaque.h"
#include "machine/machine.h"
#include "memory/page.h"
#include "sched/scheduler.h"
#include "sched/thread.h"

#define HAMMER_CPUS 4
#define HAMMER_MEMORY (64u << 20)
#define HAMMER_MEMORY_START 0x100000u

struct hammer_cpu {
    /* Its own. */
    bool interrupts_enabled;
    uint64_t timer_deadline_ns;
    _Atomic bool notified;    /* set by others */
};

static _Atomic bool hammer_is_over;
static struct hammer_cpu hammer_cpus[HAMMER_CPUS];
static _Thread_local unsigned hammer_cpu_index;
static struct machine_range hammer_memory = { HAMMER_MEMORY_START,
                                              HAMMER_MEMORY_START + HAMMER_MEMORY };
static const struct machine_range hammer_user_range = { 0x10000, UINT64_C(0x7ffffffff000) };
static struct machine_info hammer_info = {
    .name = "hammer",
    .cpu_count = HAMMER_CPUS,
    .memory = &hammer_memory,
    .memory_range_count = 1,
    .memory_is_zero = true,
    .user_ranges = &hammer_user_range,
    .user_range_count = 1,
    .random_seed = 1,
    .vector_state_size = 832,
    .minimum_signal_stack = 2048,
    .cpu_model = "host",
    .node_name = "host",
};

const struct machine_info *machine_info(void)
{
    return &hammer_info;
}

OPAQUE unsigned machine_cpu_index(void)
{
    return hammer_cpu_index;
}

static struct hammer_cpu *hammer_self(void)
{
    return &hammer_cpus[machine_cpu_index()];
}

/* ---- Time ---------------------------------------------------------------------------------- */

uint64_t machine_time_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void machine_timer_set(uint64_t deadline_ns)
{
    hammer_self()->timer_deadline_ns = deadline_ns;
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static bool hammer_take_interrupt(void)
{
    struct hammer_cpu *cpu = hammer_self();

    if (atomic_exchange_explicit(&cpu->notified, false, memory_order_acq_rel)) {
        fake_interrupt(INTERRUPT_NOTIFY);
        return true;
    }
    if (cpu->timer_deadline_ns > machine_time_ns())
        return false;
    cpu->timer_deadline_ns = UINT64_MAX;
    fake_interrupt(INTERRUPT_TIMER);
    return true;
}

bool machine_interrupts_disable(void)
{
    bool were_on = hammer_self()->interrupts_enabled;

    hammer_self()->interrupts_enabled = false;
    return were_on;
}

void machine_interrupts_restore(bool enabled)
{
    /* After each, the thread may be on another CPU. */
    while (enabled && hammer_take_interrupt())
        continue;
    hammer_self()->interrupts_enabled = enabled;
}

bool machine_interrupts_enabled(void)
{
    return hammer_self()->interrupts_enabled;
}

void machine_cpu_notify(unsigned cpu)
{
    atomic_store_explicit(&hammer_cpus[cpu].notified, true, memory_order_release);
}

/* The host may have fewer CPUs than we: the owner of a lock must get to run. */
void machine_cpu_relax(void)
{
    sched_yield();
}

void machine_cpu_idle(void)
{
    const struct timespec little = { 0, 20000 };

    while (!hammer_take_interrupt()) {
        if (atomic_load(&hammer_is_over))
            pthread_exit(NULL);
        nanosleep(&little, NULL);
    }
}

/* ---- What the kernel needs besides --------------------------------------------------------- */

_Noreturn void machine_halt(enum machine_halt why, int status)
{
    fprintf(stderr, "halted: %d, %d\n", (int)why, status);
    abort();
}

size_t machine_console_write(enum machine_stream stream, const char *text, size_t length)
{
    (void)stream;
    return fwrite(text, 1, length, stderr);
}

size_t machine_describe_address(physical_address root, uint64_t address, char *text, size_t size)
{
    (void)root;
    (void)address;
    (void)text;
    (void)size;
    return 0;
}

size_t machine_describe_file(const char *path, uint64_t offset, char *text, size_t size)
{
    (void)path;
    (void)offset;
    (void)text;
    (void)size;
    return 0;
}

void machine_address_space_activate(physical_address root)
{
    (void)root;    /* words are reached through the direct map */
}

void machine_tlb_flush(user_address start, user_address end)
{
    (void)start;
    (void)end;
}

void machine_memory_prepare(physical_address start, physical_address end)
{
    (void)start;
    (void)end;
}

/* ---- Running ------------------------------------------------------------------------------- */

static void hammer_begin(void)
{
    char *memory = mmap(NULL, HAMMER_MEMORY, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    hammer_info.direct_map = (char *)((uintptr_t)memory - HAMMER_MEMORY_START);
    for (unsigned cpu = 0; cpu < HAMMER_CPUS; cpu++)
        hammer_cpus[cpu].timer_deadline_ns = UINT64_MAX;
    page_allocator_init();
    scheduler_init();
}

static void *hammer_cpu_main(void *index)
{
    hammer_cpu_index = (unsigned)(uintptr_t)index;
    scheduler_run_idle();
    return NULL;
}

static void hammer_run(void)
{
    pthread_t cpus[HAMMER_CPUS];

    for (unsigned cpu = 0; cpu < HAMMER_CPUS; cpu++) {
        if (pthread_create(&cpus[cpu], NULL, hammer_cpu_main, (void *)(uintptr_t)cpu) != 0)
            abort();
    }
    for (unsigned cpu = 0; cpu < HAMMER_CPUS; cpu++)
        pthread_join(cpus[cpu], NULL);
}
