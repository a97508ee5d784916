/*
 * Processors: features, control registers, descriptor tables.
 *
 * All processors of a machine are taken to have the features of the first.
 */
#include "machine/x86_64/cpu.h"

#include "lib/assert.h"
#include "lib/memory.h"
#include "machine/x86_64/port.h"

#define CR0_MONITOR (UINT64_C(1) << 1)
#define CR0_EMULATION (UINT64_C(1) << 2)
#define CR0_TASK_SWITCHED (UINT64_C(1) << 3)
#define CR0_NUMERIC_ERROR (UINT64_C(1) << 5)
#define CR0_WRITE_PROTECT (UINT64_C(1) << 16)
#define CR0_ALIGNMENT (UINT64_C(1) << 18)
#define CR4_DEBUGGING (UINT64_C(1) << 3)
#define CR4_PHYSICAL_EXTENSION (UINT64_C(1) << 5)
#define CR4_MACHINE_CHECK (UINT64_C(1) << 6)
#define CR4_GLOBAL_PAGES (UINT64_C(1) << 7)
#define CR4_VECTORS (UINT64_C(3) << 9)          /* FXSAVE, SSE exceptions */
#define CR4_UMIP (UINT64_C(1) << 11)
#define CR4_FS_GS_BASE (UINT64_C(1) << 16)
#define CR4_XSAVE (UINT64_C(1) << 18)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)

#define EFER_SYSCALL (UINT64_C(1) << 0)
#define EFER_NO_EXECUTE (UINT64_C(1) << 11)
#define MSR_STAR 0xc0000081
#define MSR_SYSCALL_ENTRY 0xc0000082
#define MSR_SYSCALL_FLAGS 0xc0000084
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_SYSENTER_CODE 0x174

/* `syscall` clears all flags but the reserved one: trap, direction, alignment, nested task, ... */
#define SYSCALL_FLAGS_CLEARED 0x257fd5

#define CPUID_FEATURES 1
#define CPUID_MORE_FEATURES 7
#define CPUID_VECTOR_STATE 0xd
#define CPUID_HYPERVISOR 0x40000000u
#define HYPERVISOR_TCG 0x54474354u          /* "TCGT" */
#define PAUSES_LEFT_OUT 1024u
#define CPUID_EXTENDED_FEATURES 0x80000001u
#define FEATURE_X2APIC (1u << 21)           /* leaf 1, ecx */
#define FEATURE_DEADLINE (1u << 24)
#define FEATURE_XSAVE (1u << 26)
#define FEATURE_HYPERVISOR (1u << 31)
#define FEATURE_FS_GS_BASE (1u << 0)        /* leaf 7, ebx */
#define FEATURE_SMEP (1u << 7)
#define FEATURE_SMAP (1u << 20)
#define FEATURE_UMIP (1u << 2)              /* leaf 7, ecx */
#define FEATURE_SYSCALL (1u << 11)          /* extended, edx */
#define FEATURE_NO_EXECUTE (1u << 20)
#define FEATURE_COUNTER_CPU (1u << 27)

/* x87, SSE, AVX and the three parts of AVX-512.  Protection keys are left out (the kernel gives
 * none), tiles too (Linux gives them on request only). */
#define VECTOR_FEATURES_WANTED UINT64_C(0xe7)
#define VECTOR_SIZE_LEGACY 512u
#define VECTOR_SIZE_HEADER 64u

#define DESCRIPTOR_KERNEL_CODE UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_KERNEL_DATA UINT64_C(0x00cf93000000ffff)
#define DESCRIPTOR_USER_DATA UINT64_C(0x00cff3000000ffff)
#define DESCRIPTOR_USER_CODE UINT64_C(0x00affb000000ffff)
#define DESCRIPTOR_TASK_TYPE UINT64_C(0x890000000000)

static struct cpu cpus[CPUS_LIMIT];
static struct cpu_features features;

_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "layout");
_Static_assert(offsetof(struct cpu, registers) == CPU_REGISTERS, "layout");
_Static_assert(offsetof(struct cpu, kernel_stack) == CPU_KERNEL_STACK, "layout");
_Static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH, "layout");
_Static_assert(offsetof(struct cpu, task.kernel_stack) == CPU_TASK_STACK, "layout");
_Static_assert(sizeof(struct task_state) == 104, "layout");

struct cpu *cpu_of(unsigned index)
{
    return &cpus[index];
}

unsigned machine_cpu_index(void)
{
    uint32_t index;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(index) : "i"(offsetof(struct cpu, index)));
    return index;
}

const struct cpu_features *cpu_features(void)
{
    return &features;
}

/* ---- Features ------------------------------------------------------------------------------ */

static void find_vector_state(void)
{
    struct cpuid first = cpuid_read(CPUID_VECTOR_STATE, 0);

    features.vector_features = ((uint64_t)first.d << 32 | first.a) & VECTOR_FEATURES_WANTED;
    features.vector_size = VECTOR_SIZE_LEGACY + VECTOR_SIZE_HEADER;
    for (uint32_t component = 2; component < 63; component++) {
        if (!(features.vector_features >> component & 1))
            continue;

        struct cpuid part = cpuid_read(CPUID_VECTOR_STATE, component);

        if (part.a + part.b > features.vector_size)
            features.vector_size = part.a + part.b;
    }
}

void cpu_find_features(void)
{
    struct cpuid basic = cpuid_read(CPUID_FEATURES, 0);
    struct cpuid extended = cpuid_read(CPUID_EXTENDED_FEATURES, 0);

    if (!(extended.d & FEATURE_NO_EXECUTE) || !(extended.d & FEATURE_SYSCALL))
        port_refuse("this processor cannot forbid execution (NX), or has no `syscall`");
    features.has_counter_cpu = extended.d & FEATURE_COUNTER_CPU;
    features.x2apic = basic.c & FEATURE_X2APIC;
    features.deadline_timer = basic.c & FEATURE_DEADLINE;
    features.has_xsave = basic.c & FEATURE_XSAVE;
    features.vector_size = VECTOR_SIZE_LEGACY;
    if (cpuid_read(0, 0).a >= CPUID_MORE_FEATURES) {
        struct cpuid more = cpuid_read(CPUID_MORE_FEATURES, 0);

        features.smep = more.b & FEATURE_SMEP;
        features.smap = more.b & FEATURE_SMAP;
        features.umip = more.c & FEATURE_UMIP;
        features.fs_gs_base = more.b & FEATURE_FS_GS_BASE;
    }
    if (features.has_xsave)
        find_vector_state();
    features.pause_is_dear = (basic.c & FEATURE_HYPERVISOR) &&
                             cpuid_read(CPUID_HYPERVISOR, 0).b == HYPERVISOR_TCG;
}

/* ---- Each processor ------------------------------------------------------------------------ */

static void set_control_registers(void)
{
    uint64_t cr0, cr4 = CR4_PHYSICAL_EXTENSION | CR4_DEBUGGING | CR4_MACHINE_CHECK |
                        CR4_GLOBAL_PAGES | CR4_VECTORS;

    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SYSCALL | EFER_NO_EXECUTE);
    cr4 |= features.umip ? CR4_UMIP : 0;
    cr4 |= features.fs_gs_base ? CR4_FS_GS_BASE : 0;
    cr4 |= features.has_xsave ? CR4_XSAVE : 0;
    cr4 |= features.smep ? CR4_SMEP : 0;
    cr4 |= features.smap ? CR4_SMAP : 0;
    __asm__ volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    cr0 |= CR0_MONITOR | CR0_NUMERIC_ERROR | CR0_WRITE_PROTECT | CR0_ALIGNMENT;
    cr0 &= ~(CR0_EMULATION | CR0_TASK_SWITCHED);
    __asm__ volatile("movq %0, %%cr0" : : "r"(cr0) : "memory");
    if (features.has_xsave)
        __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)features.vector_features),
                         "d"((uint32_t)(features.vector_features >> 32)));
}

static void load_descriptors(struct cpu *cpu)
{
    uint64_t base = (uint64_t)(uintptr_t)&cpu->task;
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {
        .limit = sizeof(cpu->descriptors) - 1, .base = (uint64_t)(uintptr_t)cpu->descriptors,
    };

    cpu->descriptors[SELECTOR_KERNEL_CODE / 8] = DESCRIPTOR_KERNEL_CODE;
    cpu->descriptors[SELECTOR_KERNEL_DATA / 8] = DESCRIPTOR_KERNEL_DATA;
    cpu->descriptors[SELECTOR_USER_DATA / 8] = DESCRIPTOR_USER_DATA;
    cpu->descriptors[SELECTOR_USER_CODE / 8] = DESCRIPTOR_USER_CODE;
    cpu->descriptors[SELECTOR_TASK / 8] = (sizeof(cpu->task) - 1) | DESCRIPTOR_TASK_TYPE |
                                          (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    cpu->descriptors[SELECTOR_TASK / 8 + 1] = base >> 32;
    cpu->task.port_map = sizeof(cpu->task);
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
                     : : "i"(SELECTOR_KERNEL_CODE) : "rax", "memory");
    __asm__ volatile("movw %w0, %%ss; movw %w1, %%ds; movw %w1, %%es; movw %w1, %%fs;"
                     "movw %w1, %%gs; lldt %w1" : : "r"(SELECTOR_KERNEL_DATA), "r"(0));
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TASK));
}

static void set_system_calls(void)
{
    /* sysret takes the selectors from here: stack + 8, code + 16. */
    msr_write(MSR_STAR, (uint64_t)(SELECTOR_USER_CODE32 & ~3) << 48 |
                            (uint64_t)SELECTOR_KERNEL_CODE << 32 | UINT64_C(3) << 48);
    msr_write(MSR_SYSCALL_ENTRY, (uint64_t)(uintptr_t)entry_syscall);
    msr_write(MSR_SYSCALL_FLAGS, SYSCALL_FLAGS_CLEARED);
    msr_write(MSR_SYSENTER_CODE, 0);    /* the other instruction faults */
}

void cpu_init(unsigned index)
{
    struct cpu *cpu = &cpus[index];

    cpu->self = cpu;
    cpu->index = index;
    cpu->timer_deadline_ns = UINT64_MAX;
    set_control_registers();
    load_descriptors(cpu);
    msr_write(MSR_GS_BASE, (uint64_t)(uintptr_t)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    if (features.has_counter_cpu)
        msr_write(MSR_COUNTER_CPU, index);
    set_system_calls();
    cpu_load_interrupts();
}

void cpu_set_fault_stacks(unsigned index)
{
    for (unsigned stack = 0; stack < CPU_FAULT_STACKS; stack++) {
        uint64_t *top = paging_cpu_stack(index, stack);

        *--top = 0;
        *--top = (uint64_t)(uintptr_t)&cpus[index];    /* entry.S looks for it here */
        cpus[index].task.fault_stacks[stack] = (uint64_t)(uintptr_t)top;
    }
}

void cpu_set_smap(bool on)
{
    uint64_t cr4;

    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    cr4 = on ? cr4 | CR4_SMAP : cr4 & ~CR4_SMAP;
    __asm__ volatile("movq %0, %%cr4" : : "r"(cr4) : "memory");
}

/* QEMU without KVM takes a lock of its own for each `pause`: whoever spins would keep those away
 * from it who have work to do. */
void machine_cpu_relax(void)
{
    if (!features.pause_is_dear || cpu_self()->relaxed++ % PAUSES_LEFT_OUT == 0)
        cpu_pause();
    else
        __asm__ volatile("" : : : "memory");
}

_Noreturn void cpu_stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}
