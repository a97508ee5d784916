/*
 * User mode: runs guest code as a call and comes back with the reason.
 *
 * Out: user_enter (user_enter.S) loads the guest's registers and jumps.  Back: the host delivers
 * a signal (SIGSYS for a system call, SIGSEGV, ..., SIGALRM) on the alternate stack; the handler
 * copies the complete user state out of the signal frame and abandons the frame for the kernel
 * stack.  All signals are handled with SA_NODEFER and an empty mask, so there is nothing else
 * to undo.
 *
 * A program that counts its basic blocks (built by eft-cc) is not stopped by the alarm: the handler
 * only empties its budget, and it traps at its next block.  If the next alarm finds it still
 * there, it runs code that does not count, and is stopped like any other.
 *
 * Invariant: `user_running` is set from just before the guest's state is loaded until the
 * handler begins to save it; a synchronous signal at any other time is the kernel's own fault.
 *
 *   main thread                           host timer
 *   interrupt_attention == 0
 *                                         SIGALRM: sets interrupt_attention, returns
 *   jumps to user code, for ever          <- forbidden: from the check to the jump the handler
 *                                            redirects the interrupted code to user_enter_abort.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>

#include "chooser.h"
#include "code_copy.h"
#include "direct_call.h"
#include "machine/registers_layout.h"
#include "search/search.h"
#include "sim.h"
#include "user_layout.h"
#include "user_run.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif

_Static_assert(offsetof(struct user_registers, rsp) == REGISTERS_RSP, "layout");
_Static_assert(offsetof(struct user_registers, r15) == REGISTERS_R15, "layout");
_Static_assert(offsetof(struct user_registers, gs_base) == REGISTERS_GS, "layout");
_Static_assert(offsetof(struct user_registers, vector) == REGISTERS_VECTOR, "layout");
_Static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_EFL]) == UCONTEXT_RFLAGS, "layout");

/* user_enter.S */
uint64_t user_enter(const struct user_registers *registers);
_Noreturn void user_leave(uint64_t result);
extern const char user_enter_begin[], user_enter_end[], user_enter_abort[];
extern uint64_t user_host_fs;
extern uint64_t user_vector_mask;                       /* components that guests have */
extern struct user_registers *user_running_registers;    /* of the user code that runs */
extern volatile uint32_t user_running;

/* Linker-defined: the sim's own code. */
extern const char __executable_start[], etext[];

#define AUDIT_ARCH_INT80 0x40000003u
#define INT80_ERROR_CODE 0x402    /* #GP by `int 0x80` on a host without 32-bit emulation */
#define CALL_SIZE 2    /* of `syscall` and `int 0x80` */
#define VECTOR_PROTECTION 13
#define VECTOR_PAGE_FAULT 14
#define LEGACY_SIZE 512
#define XSAVE_HEADER_SIZE 64
#define XSAVE_MXCSR_OFFSET 24
#define MXCSR_INITIAL 0x1f80u
#define RED_ZONE_SIZE 128
#define RESTORER_SIZE 16u         /* mov $number, %rax; syscall */
#define COMPONENTS_MAX 63
#define XSAVEOPT_PRESENT 1u
#define COMPONENT_TILE_CONFIG 17  /* AMX needs a permission that guests do not get */
#define COMPONENT_TILE_DATA 18

static struct trap running_trap;                /* why user code stopped */
static bool goes_on_elsewhere;                  /* it did not: at the address in its registers */
static bool int80_was_slow;                     /* the host made a system call of it */
static volatile sig_atomic_t another_signal;    /* noted while a handler was at work */
static volatile sig_atomic_t budget_emptied;    /* by the alarm, since user code runs */

static struct {
    uint32_t offset, size;
} components[COMPONENTS_MAX];

/* ---- The state of the guest in a signal frame ---------------------------------------------- */

static void save_general(struct user_registers *registers, const greg_t *general)
{
    registers->rax = (uint64_t)general[REG_RAX];
    registers->rbx = (uint64_t)general[REG_RBX];
    registers->rcx = (uint64_t)general[REG_RCX];
    registers->rdx = (uint64_t)general[REG_RDX];
    registers->rsi = (uint64_t)general[REG_RSI];
    registers->rdi = (uint64_t)general[REG_RDI];
    registers->rbp = (uint64_t)general[REG_RBP];
    registers->rsp = (uint64_t)general[REG_RSP];
    registers->r8 = (uint64_t)general[REG_R8];
    registers->r9 = (uint64_t)general[REG_R9];
    registers->r10 = (uint64_t)general[REG_R10];
    registers->r11 = (uint64_t)general[REG_R11];
    registers->r12 = (uint64_t)general[REG_R12];
    registers->r13 = (uint64_t)general[REG_R13];
    registers->r14 = (uint64_t)general[REG_R14];
    registers->r15 = (uint64_t)general[REG_R15];
    registers->rip = (uint64_t)general[REG_RIP];
    registers->rflags = (uint64_t)general[REG_EFL];
}

/* Copies the components that are in use; the others are marked as initial in the header. */
static void save_vector(struct user_registers *registers, const char *frame)
{
    char *area = registers->vector;
    uint64_t used = *(const uint64_t *)(const void *)(frame + LEGACY_SIZE) & user_vector_mask;

    memcpy(area, frame, LEGACY_SIZE);
    memset(area + LEGACY_SIZE, 0, XSAVE_HEADER_SIZE);
    *(uint64_t *)(void *)(area + LEGACY_SIZE) = used;
    for (uint64_t rest = used & ~UINT64_C(3); rest; rest &= rest - 1) {
        int component = __builtin_ctzll(rest);

        memcpy(area + components[component].offset, frame + components[component].offset,
               components[component].size);
    }
}

/* ---- Why user code stopped ----------------------------------------------------------------- */

static struct trap trap_of_segv(const ucontext_t *context, struct user_registers *registers)
{
    const greg_t *general = context->uc_mcontext.gregs;
    uint32_t error = (uint32_t)general[REG_ERR];

    if (general[REG_TRAPNO] == VECTOR_PAGE_FAULT)
        return (struct trap){
            .kind = TRAP_PAGE_FAULT,
            .address = (user_address)general[REG_CR2],
            .access = (error & 2 ? ACCESS_WRITE : 0) | (error & 16 ? ACCESS_EXECUTE : 0),
        };
    if (general[REG_TRAPNO] == VECTOR_PROTECTION && error == INT80_ERROR_CODE) {
        registers->rip += 2;
        return (struct trap){ .kind = TRAP_INT80 };
    }
    if (general[REG_TRAPNO] == VECTOR_PROTECTION && error == 0) {
        user_address call = int80_of_fault(registers->rip);

        if (call) {
            registers->rip = call + 2;
            return (struct trap){ .kind = TRAP_INT80 };
        }
    }
    return (struct trap){
        .kind = TRAP_EXCEPTION,
        .vector = (uint32_t)general[REG_TRAPNO],
        .error_code = error,
    };
}

/* The bytes of a `syscall` that was made direct, or of what lies before it. */
static bool is_call_without_signal(struct user_registers *registers)
{
    user_address way;
    enum direct_call_place place = direct_call_at(registers->rip, &way);

    goes_on_elsewhere = place == DIRECT_CALL_INSIDE;
    if (goes_on_elsewhere)
        registers->rip = way;
    if (place == DIRECT_CALL_CALL)
        registers->rip += CALL_SIZE;
    return place == DIRECT_CALL_CALL;
}

/* On the way to a direct call user code is where it would be without one.  A single step is not
 * over when only the jump to the way was made, which is there no more. */
static void leave_way(int number, const greg_t *general, struct user_registers *registers)
{
    user_address instruction = registers->rip;

    registers->rip = direct_call_origin(instruction);
    if (registers->rip != instruction && number == SIGTRAP && general[REG_TRAPNO] == VECTOR_DEBUG)
        goes_on_elsewhere = direct_call_unmake(instruction);
}

static struct trap trap_of_signal(int number, const siginfo_t *information,
                                  const ucontext_t *context, struct user_registers *registers)
{
    if (number == SIGSYS) {
        bool int80 = information->si_arch == AUDIT_ARCH_INT80;

        int80_was_slow = int80;
        return (struct trap){ .kind = int80 ? TRAP_INT80 : TRAP_SYSCALL };
    }
    if (number == SIGSEGV || number == SIGBUS)
        return trap_of_segv(context, registers);
    if (number == SIGILL && is_call_without_signal(registers))
        return (struct trap){ .kind = TRAP_SYSCALL };
    return (struct trap){
        .kind = TRAP_EXCEPTION,
        .vector = (uint32_t)context->uc_mcontext.gregs[REG_TRAPNO],
        .error_code = (uint32_t)context->uc_mcontext.gregs[REG_ERR],
    };
}

static bool is_asynchronous(int number)
{
    return number != SIGSYS && number != SIGSEGV && number != SIGBUS && number != SIGFPE &&
           number != SIGILL && number != SIGTRAP;
}

static bool within(uint64_t address, const char *start, const char *end)
{
    return address >= (uintptr_t)start && address < (uintptr_t)end;
}

/* Makes the code that faulted call kernel_fault, so that the backtrace shows how it came there.
 * A second fault may mean that its stack is unusable: that one is reported from here. */
static void report_kernel_fault(int number, const siginfo_t *information, greg_t *general)
{
    static bool is_second;
    uint64_t instruction = (uint64_t)general[REG_RIP];
    uint64_t address = (uint64_t)(uintptr_t)information->si_addr;
    uint64_t *stack = (uint64_t *)(((uint64_t)general[REG_RSP] - RED_ZONE_SIZE) & ~UINT64_C(15));

    user_running = 0;
    if (is_second)
        kernel_fault(strsignal(number), address, instruction);
    is_second = true;
    *--stack = instruction;
    general[REG_RSP] = (greg_t)(uintptr_t)stack;
    general[REG_RDI] = (greg_t)(uintptr_t)strsignal(number);
    general[REG_RSI] = (greg_t)address;
    general[REG_RDX] = (greg_t)instruction;
    general[REG_RIP] = (greg_t)(uintptr_t)kernel_fault;
}

/* A handler is just beginning, or returning to user code and looks no more.  What is called here
 * may be interrupted, too, and is no user code. */
static void ring_again(void)
{
    do {
        user_running = 0;
        another_signal = 0;
        clock_alarm_again();
        user_running = 1;
    } while (another_signal);
    another_signal = 1;    /* for a handler that has not looked yet */
}

/* The main thread was in the kernel (or in libc on its behalf). */
static void signal_in_kernel(int number, const siginfo_t *information, ucontext_t *context)
{
    greg_t *general = context->uc_mcontext.gregs;

    if (within((uint64_t)general[REG_RIP], user_enter_begin, user_enter_end)) {
        general[REG_RIP] = (greg_t)(uintptr_t)user_enter_abort;
        return;
    }
    if (number == SIGSEGV && (user_observed_tsc_for_host(context) ||
                              code_copy_resolve_write((uintptr_t)information->si_addr)))
        return;
    if (is_asynchronous(number)) {
        another_signal = 1;
        if (user_running)
            ring_again();
    }
    if (!is_asynchronous(number))
        report_kernel_fault(number, information, general);
}

/* Whether user code goes on after this signal, which it did not cause. */
static bool goes_on(int number)
{
    int64_t *budget = user_running_registers->block_budget;

    if (chooser_is_active())
        return user_observed_goes_on(number);
    if (!budget || budget_emptied)
        return false;
    budget_emptied = 1;
    *budget = 0;
    clock_alarm_again();
    return true;
}

/* Only the sim's own few instructions around user code run with user_running set, and those of
 * libc by which a handler returns; the signal frame begins with their address. */
static bool interrupted_user_code(const ucontext_t *context)
{
    uint64_t instruction = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    uint64_t restorer = ((const uint64_t *)(const void *)context)[-1];

    return user_running && !within(instruction, __executable_start, etext) &&
           instruction - restorer > RESTORER_SIZE;
}

/* What this handler calls may be interrupted by further signals, which find user_running off and
 * are only noted; it looks again then.  A later one sees to itself (ring_again). */
static bool resumes_user_code(int number)
{
    do {
        user_running = 0;
        another_signal = 0;
        if (!goes_on(number))
            return false;
        search_alarm();
        user_running = 1;
    } while (another_signal);
    return true;
}

/* Called by user_trap_entry with the host's FS base loaded and the guest's in *fs_base. */
void user_run_signal(int number, siginfo_t *information, ucontext_t *context, uint64_t *fs_base)
{
    bool in_user_code = interrupted_user_code(context);

    if (in_user_code)
        user_running = 0;
    if (is_asynchronous(number))
        signals_note(number);
    if (!in_user_code) {
        signal_in_kernel(number, information, context);
        return;
    }
    if (is_asynchronous(number) && resumes_user_code(number))
        return;

    struct user_registers *registers = user_running_registers;

    save_general(registers, context->uc_mcontext.gregs);
    leave_way(number, context->uc_mcontext.gregs, registers);
    save_vector(registers, (const char *)context->uc_mcontext.fpregs);
    registers->fs_base = *fs_base;
    __asm__ volatile("rdgsbase %0" : "=r"(registers->gs_base));
    if (is_asynchronous(number))
        running_trap = (struct trap){ .kind = TRAP_INTERRUPT };
    else
        running_trap = trap_of_signal(number, information, context, registers);
    user_leave(USER_ENTER_TRAPPED);
}

/* ---- The seam ------------------------------------------------------------------------------ */

/* An area of zeros means the initial state, but XRSTOR takes the control word from memory
 * even then. */
static void prepare_vector(struct user_registers *registers)
{
    char *area = registers->vector;
    uint64_t used = *(uint64_t *)(void *)(area + LEGACY_SIZE);
    uint32_t *control = (uint32_t *)(void *)(area + XSAVE_MXCSR_OFFSET);

    if (used == 0 && *control == 0)
        *control = MXCSR_INITIAL;
}

/* What the kernel allowed after a page fault is mapped before user code faults a second time. */
static bool enter_address_space(void)
{
    bool was_fault = running_trap.kind == TRAP_PAGE_FAULT;

    running_trap.kind = TRAP_INTERRUPT;
    code_copy_settle();
    return soft_tlb_enter(cpu_current()->root, was_fault ? &running_trap : NULL);
}

static uint64_t user_enter_again(struct user_registers *registers)
{
    uint64_t result;

    do {
        goes_on_elsewhere = false;
        result = user_enter(registers);
    } while (goes_on_elsewhere);
    registers->rip = direct_call_origin(registers->rip);    /* it may not have been entered */
    return result;
}

struct trap user_run_once(struct user_registers *registers)
{
    clock_show_cpu(machine_cpu_index());
    user_running_registers = registers;
    budget_emptied = 0;

    uint64_t result = user_enter_again(registers);

    if (result == USER_ENTER_ABORTED)
        return (struct trap){ .kind = TRAP_INTERRUPT };
    if (result == USER_ENTER_CALLED)
        running_trap.kind = TRAP_SYSCALL;
    else if (int80_was_slow)
        int80_executed(registers->rip - CALL_SIZE);
    else if (running_trap.kind == TRAP_SYSCALL)
        direct_call_missed(registers->rip - CALL_SIZE);
    int80_was_slow = false;
    return running_trap;
}

static struct trap run_in_real_time(struct user_registers *registers)
{
    for (;;) {
        if (registers->rip >= HOST_ADDRESS_END)
            return (struct trap){ .kind = TRAP_EXCEPTION, .vector = VECTOR_PROTECTION };
        if (registers->block_budget)
            *registers->block_budget = BUDGET_ENDLESS;

        struct trap trap = user_run_once(registers);

        if (trap.kind == TRAP_INTERRUPT) {
            interrupt_collect();
            return trap;
        }
        if (trap.kind != TRAP_PAGE_FAULT || !soft_tlb_fill(trap.address, trap.access))
            return trap;
    }
}

static bool is_interrupted(void)
{
    return atomic_load_explicit(&cpu_current()->pending, memory_order_relaxed);
}

/* Another address space was brought to the window, and an interrupt came meanwhile.  That may take
 * longer than a turn or a slice: so user code runs for a moment before the kernel is told, else
 * nobody might ever get on. */
static void begin_late(void)
{
    interrupt_collect();
    (void)clock_turn_is_over();
    clock_alarm_again();
}

struct trap machine_user_run(struct user_registers *registers)
{
    search_before_user();
    prepare_vector(registers);
    if (chooser_is_active())
        return user_run_observed(registers);
    if (clock_turn_is_over())
        cpu_rotate();
    if (is_interrupted())
        return (struct trap){ .kind = TRAP_INTERRUPT };
    if (enter_address_space() && atomic_load(&interrupt_attention))
        begin_late();
    clock_turn_begin();
    return run_in_real_time(registers);
}

/* ---- Setting up ---------------------------------------------------------------------------- */

/* Size of an area with all components that the host enabled, except those guests do not get. */
static size_t find_components(void)
{
    uint32_t low, size, unused, high;
    size_t end = LEGACY_SIZE + XSAVE_HEADER_SIZE;

    __cpuid_count(0xd, 0, low, size, unused, high);
    user_vector_mask = (uint64_t)high << 32 | low;
    user_vector_mask &= ~(UINT64_C(1) << COMPONENT_TILE_CONFIG |
                          UINT64_C(1) << COMPONENT_TILE_DATA);
    for (int component = 2; component < COMPONENTS_MAX; component++) {
        if (!(user_vector_mask >> component & 1))
            continue;
        __cpuid_count(0xd, component, components[component].size, components[component].offset,
                      unused, unused);
        if (components[component].offset + components[component].size > end)
            end = components[component].offset + components[component].size;
    }
    return end;
}

static void check_processor(void)
{
    uint32_t a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        refuse("this processor has no XSAVE, which guests' vector registers need");
    if (!(info_edit()->hwcap2 & 2))
        refuse("this host lets no program set its FS base (FSGSBASE): Linux 5.9 or newer on a "
               "processor from 2012 or later is needed");
}

/* Who looks at the guest's instructions from outside, and stops at them, finds them as they are. */
static bool is_debugged(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    int tracer = 0;

    while (status && fgets(line, sizeof(line), status)) {
        if (sscanf(line, "TracerPid: %d", &tracer) == 1)
            break;
    }
    if (status)
        fclose(status);
    return tracer != 0;
}

void user_run_init(bool direct_calls)
{
    uint32_t features, unused;
    bool direct = direct_calls && !chooser_is_active() && !is_debugged();

    check_processor();
    __cpuid_count(0xd, 1, features, unused, unused, unused);
    direct = direct && features & XSAVEOPT_PRESENT;
    info_edit()->vector_state_size = find_components();
    info_edit()->vector_features = user_vector_mask;
    __asm__ volatile("rdfsbase %0" : "=r"(user_host_fs));
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, GUEST_END,
              HOST_ADDRESS_END - GUEST_END, 0UL) != 0)
        refuse("this host cannot catch the guest's system calls (Syscall User Dispatch): "
               "Linux 5.11 or newer on x86-64 is needed");
    if (chooser_is_active())
        user_observed_init();
    code_copy_init(direct);
    if (direct)
        direct_calls_init();
}
