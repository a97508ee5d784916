/*
 * Interrupts and the kernel's own faults.
 *
 * In kernel mode an interrupt calls kernel_interrupt at once.  In user mode it is acknowledged and
 * noted in `pending` of the processor, user code stops, and machine_interrupts_restore delivers
 * what is noted before it lets further ones in.
 *
 * Invariant: `pending` is touched by its own processor only, interrupts off.
 */
#include "lib/assert.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

#define VECTORS 256
#define VECTOR_SIZE 16              /* of a stub in entry.S */
#define GATE_INTERRUPT 0x8e
#define GATE_FOR_USERS 0x60         /* privilege level 3 */
#define VECTOR_BREAKPOINT 3
#define VECTOR_OVERFLOW 4

struct gate {
    uint16_t offset_low, selector;
    uint8_t stack, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

/* entry.S: VECTORS stubs of VECTOR_SIZE bytes. */
void entry_vectors(void);
void interrupt_in_kernel(struct kernel_trap *trap);
void interrupt_on_own_stack(struct kernel_trap *trap);

static struct gate gates[VECTORS];

static const char *const exception_names[VECTOR_EXCEPTIONS] = {
    "division error", "debug trap", "NMI", "breakpoint", "overflow", "bound exceeded",
    "invalid instruction", "no x87", "double fault", "x87 overrun", "invalid task state",
    "segment not present", "stack fault", "general protection fault", "page fault", "exception 15",
    "x87 error", "misaligned access", "machine check", "SIMD error", "virtualization exception",
    "control protection fault", "exception 22", "exception 23", "exception 24", "exception 25",
    "exception 26", "exception 27", "hypervisor exception", "VMM exception", "security exception",
    "exception 31",
};

/* ---- The table ----------------------------------------------------------------------------- */

static void gate_set(unsigned vector, uint8_t stack, uint8_t type)
{
    uint64_t address = (uint64_t)(uintptr_t)entry_vectors + vector * VECTOR_SIZE;

    gates[vector] = (struct gate){
        .offset_low = (uint16_t)address,
        .selector = SELECTOR_KERNEL_CODE,
        .stack = stack,
        .type = type,
        .offset_middle = (uint16_t)(address >> 16),
        .offset_high = (uint32_t)(address >> 32),
    };
}

void interrupt_init(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++)
        gate_set(vector, 0, GATE_INTERRUPT);
    gate_set(VECTOR_BREAKPOINT, 0, GATE_INTERRUPT | GATE_FOR_USERS);
    gate_set(VECTOR_OVERFLOW, 0, GATE_INTERRUPT | GATE_FOR_USERS);
    gate_set(VECTOR_INT80, 0, GATE_INTERRUPT | GATE_FOR_USERS);
}

/* From now on NMI, double fault, machine check and debug traps have stacks (cpu_set_fault_stacks
 * was called); before, there is only the stack of the boot. */
void interrupt_use_fault_stacks(void)
{
    gate_set(VECTOR_NMI, 1, GATE_INTERRUPT);
    gate_set(VECTOR_DOUBLE_FAULT, 2, GATE_INTERRUPT);
    gate_set(VECTOR_MACHINE_CHECK, 3, GATE_INTERRUPT);
    gate_set(VECTOR_DEBUG, 4, GATE_INTERRUPT);
}

void cpu_load_interrupts(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = { sizeof(gates) - 1, (uint64_t)(uintptr_t)gates };

    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* ---- Delivering ---------------------------------------------------------------------------- */

void interrupt_raise_here(enum machine_interrupt which)
{
    cpu_self()->pending |= 1u << which;
}

/* Acknowledges; what it means for the kernel becomes pending. */
void interrupt_note(uint32_t vector)
{
    if (vector == VECTOR_SPURIOUS)
        return;
    apic_end_of_interrupt();
    switch (vector) {
    case VECTOR_TIMER:
        if (clock_timer_due())
            interrupt_raise_here(INTERRUPT_TIMER);
        return;
    case VECTOR_NOTIFY:
        interrupt_raise_here(INTERRUPT_NOTIFY);
        return;
    case VECTOR_SERIAL:
        interrupt_raise_here(INTERRUPT_CONSOLE);
        return;
    case VECTOR_LINK:
        link_interrupt();
        return;
    }
}

/* The kernel may switch to another thread, and this one go on elsewhere: so the processor is looked
 * up again each time. */
static void interrupt_deliver_pending(void)
{
    while (cpu_self()->pending) {
        unsigned which = (unsigned)__builtin_ctz(cpu_self()->pending);

        cpu_self()->pending &= ~(1u << which);
        kernel_interrupt((enum machine_interrupt)which);
    }
}

bool machine_interrupts_enabled(void)
{
    return flags_read() & FLAG_INTERRUPTS;
}

bool machine_interrupts_disable(void)
{
    bool were_on = machine_interrupts_enabled();

    __asm__ volatile("cli" : : : "memory");
    return were_on;
}

void machine_interrupts_restore(bool enabled)
{
    if (!enabled)
        return;
    if (!machine_interrupts_enabled())
        interrupt_deliver_pending();
    __asm__ volatile("sti" : : : "memory");
}

void machine_cpu_idle(void)
{
    if (cpu_self()->pending)
        interrupt_deliver_pending();
    else
        __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* ---- Traps in kernel mode ------------------------------------------------------------------ */

static uint64_t fault_address(void)
{
    uint64_t address;

    __asm__ volatile("movq %%cr2, %0" : "=r"(address));
    return address;
}

void interrupt_in_kernel(struct kernel_trap *trap)
{
    uint64_t address = trap->vector == VECTOR_PAGE_FAULT ? fault_address() : trap->rip;

    if (trap->vector >= VECTOR_EXCEPTIONS) {
        interrupt_note((uint32_t)trap->vector);
        if (cpu_self()->is_working)    /* else it sleeps, and the kernel does not know it yet */
            interrupt_deliver_pending();
        return;
    }
    kernel_fault(exception_names[trap->vector], address, trap->rip);
}

static void double_fault(const struct kernel_trap *trap)
{
    uint64_t address = fault_address();
    bool is_overflow = paging_is_stack_guard(address) || paging_is_stack_guard(trap->rsp);

    kernel_fault(is_overflow ? "kernel stack overflow" : "double fault", address, trap->rip);
}

/* NMI, double fault, machine check, debug trap. */
void interrupt_on_own_stack(struct kernel_trap *trap)
{
    switch (trap->vector) {
    case VECTOR_NMI:
        smp_stop_here(trap);
        return;
    case VECTOR_DOUBLE_FAULT:
        double_fault(trap);
        return;
    }
    kernel_fault(exception_names[trap->vector], trap->rip, trap->rip);
}
