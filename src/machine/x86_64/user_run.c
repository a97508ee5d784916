/*
 * User mode: runs a program's code as a call (entry.S), and tells why it stopped.
 *
 * The kernel is compiled without vector instructions, so the program's vector state stays in the
 * registers until it is stored here, right after the return, and is loaded right before the entry.
 * Interrupts are off all the time in between.
 */
#include "lib/assert.h"
#include "machine/registers_layout.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define USER_END UINT64_C(0x800000000000)
#define MSR_FS_BASE 0xc0000100
#define MSR_KERNEL_GS_BASE 0xc0000102

#define FLAG_RESERVED (UINT64_C(1) << 1)
#define FLAG_TRAP (UINT64_C(1) << 8)
#define FLAG_RESUME (UINT64_C(1) << 16)
/* Carry, parity, adjust, zero, sign, trap, direction, overflow, nested task, resume, alignment,
 * identification: what user code may change by itself. */
#define FLAGS_OF_USER UINT64_C(0x254dd5)

#define PLACE_CONTROL_WORD 0
#define PLACE_MXCSR 24
#define PLACE_MXCSR_MASK 28
#define PLACE_FEATURES 512
#define CONTROL_WORD_INITIAL 0x37f
#define MXCSR_INITIAL 0x1f80

#define ERROR_WRITE 2u
#define ERROR_USER 4u
#define ERROR_RESERVED 8u
#define ERROR_EXECUTE 16u

#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITE (UINT64_C(1) << 1)
#define ENTRY_USER (UINT64_C(1) << 2)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)

_Static_assert(offsetof(struct user_registers, rsp) == REGISTERS_RSP, "layout");
_Static_assert(offsetof(struct user_registers, r15) == REGISTERS_R15, "layout");
_Static_assert(offsetof(struct user_registers, rflags) == REGISTERS_RFLAGS, "layout");

/* entry.S */
uint64_t user_enter(struct user_registers *registers, bool after_syscall);

/* ---- Vector state -------------------------------------------------------------------------- */

/* An area of zeros means the initial state, but the processor takes the control words from
 * memory even then. */
static void prepare_initial(char *area, bool has_xsave)
{
    uint32_t *mxcsr = (uint32_t *)(void *)(area + PLACE_MXCSR);
    const uint32_t *mask = (const uint32_t *)(const void *)(area + PLACE_MXCSR_MASK);

    if (*mxcsr != 0)
        return;
    if (has_xsave && *(const uint64_t *)(const void *)(area + PLACE_FEATURES) == 0)
        *mxcsr = MXCSR_INITIAL;
    if (!has_xsave && *mask == 0) {
        *mxcsr = MXCSR_INITIAL;
        *(uint16_t *)(void *)(area + PLACE_CONTROL_WORD) = CONTROL_WORD_INITIAL;
    }
}

static void vector_load(char *area)
{
    bool has_xsave = cpu_features()->has_xsave;

    prepare_initial(area, has_xsave);
    if (has_xsave)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

static void vector_save(char *area)
{
    if (cpu_features()->has_xsave)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

/* ---- Segment bases ------------------------------------------------------------------------- */

/* The user's GS base waits behind swapgs; nothing may use GS between the two. */
static void bases_load(const struct user_registers *registers)
{
    if (cpu_features()->fs_gs_base) {
        __asm__ volatile("wrfsbase %0" : : "r"(registers->fs_base));
        __asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(registers->gs_base));
    } else {
        msr_write(MSR_FS_BASE, registers->fs_base);
        msr_write(MSR_KERNEL_GS_BASE, registers->gs_base);
    }
}

static void bases_save(struct user_registers *registers)
{
    if (cpu_features()->fs_gs_base) {
        __asm__ volatile("rdfsbase %0" : "=r"(registers->fs_base));
        __asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(registers->gs_base));
    } else {
        registers->fs_base = msr_read(MSR_FS_BASE);
        registers->gs_base = msr_read(MSR_KERNEL_GS_BASE);
    }
}

/* ---- Traps --------------------------------------------------------------------------------- */

static bool entry_allows(uint64_t entry, uint32_t access)
{
    if (!(entry & ENTRY_PRESENT) || !(entry & ENTRY_USER))
        return false;
    if ((access & ACCESS_WRITE) && !(entry & ENTRY_WRITE))
        return false;
    return !((access & ACCESS_EXECUTE) && (entry & ENTRY_NO_EXECUTE));
}

/*
 * A fault in user mode of an access that the processor makes as a supervisor.  QEMU's TCG before
 * 9.1 so reads the stack of a far return; SMAP forbids that for ever.  The instruction is tried
 * once more without SMAP: the kernel's own code runs with it again right after.
 */
static bool needs_supervisor_access(uint32_t vector, uint32_t error)
{
    return vector == VECTOR_PAGE_FAULT && !(error & ERROR_USER) && cpu_features()->smap;
}

/* The tables allow the access by now: this processor, or another, has only just got there. */
static bool is_spurious(const struct trap *trap)
{
    user_address start, end;
    uint64_t entry = page_table_lookup(cpu_self()->active_root, trap->address, 0, &start, &end);

    return entry_allows(entry, trap->access);
}

static struct trap page_fault(uint32_t error)
{
    uint64_t address;

    __asm__ volatile("movq %%cr2, %0" : "=r"(address));
    ASSERT(!(error & ERROR_RESERVED));
    return (struct trap){
        .kind = TRAP_PAGE_FAULT,
        .address = address,
        .access = (error & ERROR_WRITE ? ACCESS_WRITE : 0) |
                  (error & ERROR_EXECUTE ? ACCESS_EXECUTE : 0),
    };
}

static struct trap trap_of(uint32_t vector, uint32_t error)
{
    if (vector == VECTOR_SYSCALL)
        return (struct trap){ .kind = TRAP_SYSCALL };
    if (vector == VECTOR_INT80)
        return (struct trap){ .kind = TRAP_INT80 };
    if (vector == VECTOR_PAGE_FAULT)
        return page_fault(error);
    if (vector < VECTOR_EXCEPTIONS)
        return (struct trap){ .kind = TRAP_EXCEPTION, .vector = vector, .error_code = error };
    interrupt_note(vector);
    return (struct trap){ .kind = TRAP_INTERRUPT };
}

/* `sysret` loads rcx and r11 with what it jumps to; with a wrong address some processors fault in
 * kernel mode on the user's stack, so it gets none. */
static bool is_after_syscall(const struct user_registers *registers)
{
    return registers->rcx == registers->rip && registers->r11 == registers->rflags &&
           !(registers->rflags & (FLAG_TRAP | FLAG_RESUME));
}

static struct trap run_once(struct user_registers *registers)
{
    registers->rflags = (registers->rflags & FLAGS_OF_USER) | FLAG_RESERVED | FLAG_INTERRUPTS;
    vector_load(registers->vector);
    bases_load(registers);

    uint64_t result = user_enter(registers, is_after_syscall(registers));

    if (needs_supervisor_access((uint32_t)result, (uint32_t)(result >> 32))) {
        cpu_set_smap(false);
        result = user_enter(registers, false);
        cpu_set_smap(true);
    }
    bases_save(registers);
    vector_save(registers->vector);
    return trap_of((uint32_t)result, (uint32_t)(result >> 32));
}

struct trap machine_user_run(struct user_registers *registers)
{
    if (is_after_syscall(registers))
        self_test(registers->rip);
    for (;;) {
        if (cpu_self()->pending)
            return (struct trap){ .kind = TRAP_INTERRUPT };
        if (registers->rip >= USER_END && registers->rip < DIRECT_MAP_BASE)
            return (struct trap){ .kind = TRAP_EXCEPTION, .vector = VECTOR_PROTECTION };

        struct trap trap = run_once(registers);

        if (trap.kind != TRAP_PAGE_FAULT || !is_spurious(&trap))
            return trap;
    }
}
