/*
 * Other processors: waking them up, comparing their clocks, stopping them.
 *
 * They are woken one after the other before the kernel starts, so that it learns how many there are
 * really; each then sleeps until machine_cpu_start gives it something to do.
 */
#include "config.h"
#include "lib/memory.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define LOW_MEMORY_START 0x8000
#define LOW_MEMORY_END 0x90000
#define WAKE_PAUSE_NS 200000
#define WAKE_WAIT_NS UINT64_C(2000000000)    /* the host may have other things to do */
#define STOP_WAIT_NS UINT64_C(500000000)
#define COMPARE_ROUNDS 8

extern const char smp_trampoline[], smp_trampoline_end[];

_Noreturn void smp_entry(void);

static unsigned running = 1;                /* processors, this one included */
static unsigned waking;                     /* index of the one that wakes up */
static _Atomic uint64_t compared_round;     /* odd: the new one's turn */
static _Atomic uint64_t compared_time;
static _Atomic bool times_disagree;
static _Atomic bool is_stopping, prints_stops;

/* ---- Comparing ----------------------------------------------------------------------------- */

/* Processor A and B in turn write the time they read; each must not read an earlier one than the
 * other has just written.  `parity` says which turns are the caller's. */
static void compare_times(unsigned parity)
{
    for (uint64_t round = parity; round < 2 * COMPARE_ROUNDS; round += 2) {
        while (atomic_load_explicit(&compared_round, memory_order_acquire) != round)
            cpu_pause();

        uint64_t now = timestamp_read();

        if (now < atomic_load_explicit(&compared_time, memory_order_relaxed))
            atomic_store_explicit(&times_disagree, true, memory_order_relaxed);
        atomic_store_explicit(&compared_time, now, memory_order_relaxed);
        atomic_store_explicit(&compared_round, round + 1, memory_order_release);
    }
}

/* ---- Waking up ----------------------------------------------------------------------------- */

/* On the new processor, on its idle stack, interrupts off. */
_Noreturn void smp_entry(void)
{
    unsigned index = waking;
    struct cpu *cpu = cpu_of(index);

    cpu_init(index);
    machine_address_space_activate(0);
    apic_init_cpu();
    atomic_store_explicit(&cpu->is_running, true, memory_order_release);
    compare_times(1);
    while (!atomic_load_explicit(&cpu->entry, memory_order_acquire))
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    clock_init_cpu();
    cpu->is_working = true;
    atomic_load_explicit(&cpu->entry, memory_order_relaxed)();
    cpu_stop();
}

void machine_cpu_start(unsigned index, void (*entry)(void))
{
    struct cpu *cpu = cpu_of(index);

    atomic_store_explicit(&cpu->entry, entry, memory_order_release);
    apic_send(cpu->apic_id, APIC_FIXED, VECTOR_NOTIFY);
}

void machine_cpu_notify(unsigned index)
{
    apic_send(cpu_of(index)->apic_id, APIC_FIXED, VECTOR_NOTIFY);
}

static bool wait_for(const _Atomic bool *flag, uint64_t ns)
{
    uint64_t end = machine_time_ns() + ns;

    while (!atomic_load_explicit(flag, memory_order_acquire)) {
        if (machine_time_ns() > end)
            return false;
        cpu_pause();
    }
    return true;
}

/* A page of RAM that a processor in 16-bit mode can reach; 0 if there is none. */
static physical_address find_low_page(void)
{
    const struct boot_information *boot = boot_information();

    for (physical_address page = LOW_MEMORY_START; page < LOW_MEMORY_END; page += TRAMPOLINE_SIZE) {
        for (unsigned i = 0; i < boot->range_count; i++) {
            if (boot->ranges[i].type == BOOT_MEMORY_RAM && boot->ranges[i].start <= page &&
                boot->ranges[i].end >= page + TRAMPOLINE_SIZE)
                return page;
        }
    }
    return 0;
}

/* `page` holds the trampoline. */
static bool wake(uint32_t id, physical_address page)
{
    struct cpu *cpu = cpu_of(running);
    char *trampoline = machine_info()->direct_map + page;

    paging_create_cpu_stacks(running);
    cpu_set_fault_stacks(running);
    waking = running;
    *(uint64_t *)(void *)(trampoline + TRAMPOLINE_STACK) =
        (uint64_t)(uintptr_t)paging_cpu_stack(running, CPU_IDLE_STACK);
    atomic_store_explicit(&compared_round, 0, memory_order_relaxed);
    atomic_store_explicit(&compared_time, 0, memory_order_relaxed);
    apic_send(id, APIC_INIT, 0);
    clock_wait_ns(WAKE_PAUSE_NS);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        apic_send(id, APIC_START, (uint8_t)(page / TRAMPOLINE_SIZE));
        if (wait_for(&cpu->is_running, WAKE_WAIT_NS)) {
            compare_times(0);
            while (atomic_load_explicit(&compared_round, memory_order_acquire) !=
                   2 * COMPARE_ROUNDS)
                cpu_pause();    /* its last turn: the next one begins at round 0 again */
            return true;
        }
    }
    apic_send(id, APIC_INIT, 0);    /* or it might come up later, on a stack of another's */
    return false;
}

static void wake_all(physical_address page)
{
    char *trampoline = machine_info()->direct_map + page;

    memcpy(trampoline, smp_trampoline, (size_t)(smp_trampoline_end - smp_trampoline));
    *(uint32_t *)(void *)(trampoline + TRAMPOLINE_ROOT) = (uint32_t)paging_trampoline_root(page);
    for (unsigned i = 0; i < acpi()->cpu_count && running < CPUS_MAX; i++) {
        uint32_t id = acpi()->cpu_apic_ids[i];

        if (id == cpu_of(0)->apic_id)
            continue;
        if (wake(id, page))
            running++;
        else
            port_log("the processor with APIC id %u does not answer", id);
    }
}

void smp_init(void)
{
    physical_address page = find_low_page();

    cpu_of(0)->is_running = true;
    cpu_of(0)->is_working = true;
    if (acpi()->cpu_count > 1 && page == 0)
        port_log("no memory below 1 MiB to wake up other processors");
    else if (acpi()->cpu_count > 1)
        wake_all(page);
    info_edit()->cpu_count = running;
    clock_choose(!atomic_load_explicit(&times_disagree, memory_order_relaxed));
}

/* ---- Stopping ------------------------------------------------------------------------------ */

void smp_stop_here(const struct kernel_trap *trap)
{
    struct cpu *cpu = cpu_self();

    if (!atomic_load_explicit(&is_stopping, memory_order_acquire)) {
        port_log("an NMI came to CPU %u", cpu->index);
        return;
    }
    if (atomic_load_explicit(&prints_stops, memory_order_relaxed)) {
        bool in_user = trap->cs & 3;

        port_log("CPU %u was %s:", cpu->index, in_user ? "in user mode" : "in the kernel");
        if (in_user)
            port_log("  %#llx", (unsigned long long)trap->rip);
        else
            print_backtrace_from(trap->rip, trap->rbp_of_frame, trap->rsp);
    }
    atomic_store_explicit(&cpu->is_stopped, true, memory_order_release);
    cpu_stop();
}

void smp_stop_others(bool print)
{
    /* The first to come stops the others; a second one stops by itself. */
    if (running == 1)
        return;
    if (atomic_exchange(&is_stopping, true))
        cpu_stop();
    atomic_store_explicit(&prints_stops, print, memory_order_relaxed);
    for (unsigned i = 0; i < running; i++) {
        struct cpu *cpu = cpu_of(i);

        if (cpu == cpu_self())
            continue;
        apic_send(cpu->apic_id, APIC_NMI, 0);
        (void)wait_for(&cpu->is_stopped, STOP_WAIT_NS);
    }
}
