#pragma once
/*
 * Processors: what each has for itself, and the instructions that C cannot say.
 *
 * In kernel mode GS points to the processor's struct cpu.  swapgs stands at the first
 * instruction from user mode and at the last one to it; the three vectors that may come in between
 * (NMI, machine check, debug) trust nothing and load GS anew (entry.S).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"
#include "machine/x86_64/layout.h"

/* ---- Instructions -------------------------------------------------------------------------- */

static inline void port_write_8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void port_write_16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void port_write_32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read_8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t port_read_32(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t msr_read(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t number, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

struct cpuid {
    uint32_t a, b, c, d;
};
static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid result;

    __asm__ volatile("cpuid" : "=a"(result.a), "=b"(result.b), "=c"(result.c), "=d"(result.d)
                     : "a"(leaf), "c"(subleaf));
    return result;
}

static inline uint64_t flags_read(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return flags;
}

/* Ordered behind all loads before it. */
static inline uint64_t timestamp_read(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

#define MSR_COUNTER_CPU 0xc0000103u    /* what rdtscp gives besides the counter */
#define MSR_TIMESTAMP_DEADLINE 0x6e0
#define FLAG_INTERRUPTS (UINT64_C(1) << 9)

/* ---- What each processor has --------------------------------------------------------------- */

struct task_state {
    uint32_t reserved_0;
    uint64_t kernel_stack;           /* rsp0: where traps from user mode push */
    uint64_t other_stacks[2];
    uint64_t reserved_1;
    uint64_t fault_stacks[7];        /* IST 1 to 7 */
    uint64_t reserved_2;
    uint16_t reserved_3;
    uint16_t port_map;               /* beyond the limit: user code gets no ports */
} __attribute__((packed));

#define DESCRIPTORS 10

struct cpu {
    struct cpu *self;
    struct user_registers *registers;    /* of the user code that runs */
    uint64_t kernel_stack;               /* to return to from user code; also the task state's */
    uint64_t scratch;                    /* of entry.S, while interrupts are off */
    struct task_state task;
    uint64_t descriptors[DESCRIPTORS];
    uint32_t index;                      /* the kernel's number of it */
    uint32_t apic_id;
    uint32_t relaxed;                    /* calls of machine_cpu_relax */
    uint32_t pending;                    /* enum machine_interrupt, noted but not yet delivered */
    uint64_t timer_deadline_ns;          /* UINT64_MAX: none */
    physical_address active_root;        /* what CR3 holds */
    void (*_Atomic entry)(void);         /* where it starts working for the kernel */
    _Atomic bool is_running;             /* has come up */
    bool is_working;                     /* runs the kernel: interrupts go there */
    _Atomic bool is_stopped;             /* has answered the NMI that stops it */
};

struct cpu *cpu_of(unsigned index);
static inline struct cpu *cpu_self(void)
{
    struct cpu *cpu;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Features, found once on the first processor. */
struct cpu_features {
    bool smep, smap, umip, fs_gs_base, x2apic, deadline_timer, has_xsave;
    bool has_counter_cpu;            /* rdtscp */
    bool pause_is_dear;              /* see machine_cpu_relax */
    uint64_t vector_features;        /* XCR0 */
    uint32_t vector_size;
};
const struct cpu_features *cpu_features(void);

/* Looks at the processor; the boot stops here if it lacks what cannot be done without. */
void cpu_find_features(void);
/* On each processor, first of all: control registers, descriptors, GS. */
void cpu_init(unsigned index);
/* On each processor: the interrupt table. */
void cpu_load_interrupts(void);
/* Stacks of this processor for the vectors that need their own. */
void cpu_set_fault_stacks(unsigned index);
void cpu_set_smap(bool on);
_Noreturn void cpu_stop(void);
