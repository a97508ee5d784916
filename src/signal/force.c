/* Signals that the current thread's own instructions cause. */
#include "memory/page_table.h"
#include "process/process.h"
#include "signal/signal_internal.h"

/* Vectors of the processor. */
#define VECTOR_DIVIDE 0
#define VECTOR_DEBUG 1
#define VECTOR_BREAKPOINT 3
#define VECTOR_INVALID_OPCODE 6
#define VECTOR_SEGMENT_ABSENT 11
#define VECTOR_STACK_SEGMENT 12
#define VECTOR_PROTECTION 13
#define VECTOR_PAGE_FAULT 14
#define VECTOR_X87 16
#define VECTOR_ALIGNMENT 17
#define VECTOR_SIMD 19

/* Bits of a page fault's error code. */
#define FAULT_CODE_PRESENT 1u
#define FAULT_CODE_WRITE 2u
#define FAULT_CODE_USER 4u
#define FAULT_CODE_EXECUTE 16u

/* Places in the vector state (the FXSAVE part). */
#define VECTOR_CONTROL_WORD 0
#define VECTOR_STATUS_WORD 2
#define VECTOR_MXCSR 24

/* A blocked or ignored one becomes fatal: the instruction would only be repeated. */
static void force(const struct signal_information *information)
{
    struct thread *thread = current_thread();
    struct process *process = current_process();
    struct signal_action *action;
    struct thread_signals *own = &user_thread_of(thread)->signals;
    signal_set bit = SIGNAL_BIT(information->number);

    spin_lock(&process->signals.lock);
    action = signal_action_lock(&process->signals, information->number);
    if ((own->blocked & bit) || action->handler == SIGNAL_IGNORE) {
        action->handler = SIGNAL_DEFAULT;
        own->blocked &= ~bit;
    }
    signal_action_unlock(&process->signals);
    spin_unlock(&process->signals.lock);
    (void)signal_send_thread(thread, information);    /* these are never refused */
}

void signal_force(int number, const char *cause)
{
    const struct signal_information information = { .number = number, .code = CODE_KERNEL };

    user_thread_of(current_thread())->fault.cause = cause;
    force(&information);
}

static void force_fault(int number, int code, user_address address)
{
    const struct signal_information information = {
        .number = number,
        .code = code,
        .fault = { .address = address },
    };

    force(&information);
}

/* As the processor would have found it; Linux says so of all that is not the program's. */
static bool page_is_present(user_address address)
{
    user_address start, end;

    return address >= USER_SPACE_END ||
           page_table_lookup(address_space_root(current_space()), address, 0, &start, &end) != 0;
}

void signal_force_page_fault(int number, int code, const struct trap *trap)
{
    struct last_fault *fault = &user_thread_of(current_thread())->fault;

    fault->trap_number = VECTOR_PAGE_FAULT;
    fault->address = trap->address;
    fault->error_code = FAULT_CODE_USER;
    if (page_is_present(trap->address))
        fault->error_code |= FAULT_CODE_PRESENT;
    if (trap->access & ACCESS_WRITE)
        fault->error_code |= FAULT_CODE_WRITE;
    if (trap->access & ACCESS_EXECUTE)
        fault->error_code |= FAULT_CODE_EXECUTE;
    force_fault(number, code, trap->address);
}

static uint16_t vector_word(const struct thread *thread, size_t place)
{
    const uint8_t *bytes = thread->registers.vector;

    return (uint16_t)(bytes[place] | bytes[place + 1] << 8);
}

/* Which unmasked floating-point exception it was; 0: none. */
static int floating_point_code(const struct thread *thread, uint32_t vector)
{
    unsigned raised;

    if (vector == VECTOR_X87) {
        raised = vector_word(thread, VECTOR_STATUS_WORD) &
                 ~(unsigned)vector_word(thread, VECTOR_CONTROL_WORD);
    } else {
        unsigned mxcsr = vector_word(thread, VECTOR_MXCSR);

        raised = mxcsr & ~(mxcsr >> 7);
    }
    if (raised & 0x01)
        return CODE_FPE_FLTINV;
    if (raised & 0x04)
        return CODE_FPE_FLTDIV;
    if (raised & 0x08)
        return CODE_FPE_FLTOVF;
    if (raised & 0x12)    /* denormal operand, underflow */
        return CODE_FPE_FLTUND;
    return raised & 0x20 ? CODE_FPE_FLTRES : 0;
}

static void force_floating_point(struct thread *thread, uint32_t vector)
{
    int code = floating_point_code(thread, vector);

    if (code)    /* otherwise it was spurious, as Linux sees it */
        force_fault(SIGNAL_FPE, code, thread->registers.rip);
}

void signal_force_exception(uint32_t vector, uint32_t error_code)
{
    struct thread *thread = current_thread();
    struct last_fault *fault = &user_thread_of(thread)->fault;
    user_address rip = thread->registers.rip;

    fault->trap_number = vector;
    fault->error_code = error_code;
    switch (vector) {
    case VECTOR_DIVIDE:
        force_fault(SIGNAL_FPE, CODE_FPE_INTDIV, rip);
        return;
    case VECTOR_DEBUG:
        force_fault(SIGNAL_TRAP, CODE_TRAP_TRACE, rip);
        return;
    case VECTOR_BREAKPOINT:
        signal_force(SIGNAL_TRAP, "breakpoint");
        return;
    case VECTOR_INVALID_OPCODE:
        force_fault(SIGNAL_ILL, CODE_ILL_ILLOPN, rip);
        return;
    case VECTOR_SEGMENT_ABSENT:
    case VECTOR_STACK_SEGMENT:
        signal_force(SIGNAL_BUS, "invalid stack segment");
        return;
    case VECTOR_X87:
    case VECTOR_SIMD:
        force_floating_point(thread, vector);
        return;
    case VECTOR_ALIGNMENT:
        force_fault(SIGNAL_BUS, CODE_BUS_ADRALN, 0);
        return;
    }
    signal_force(SIGNAL_SEGV, "general protection");    /* and what no program should see */
}

/* Does the processor know such an address?  Bits 47 to 63 are alike. */
static bool is_canonical(user_address address)
{
    uint64_t high = address >> 47;

    return high == 0 || high == UINT64_MAX >> 47;
}

void signal_check_program_counter(void)
{
    const struct trap trap = {
        .kind = TRAP_PAGE_FAULT,
        .access = ACCESS_EXECUTE,
        .address = current_thread()->registers.rip,
    };

    if (trap.address < USER_SPACE_END)
        return;
    if (is_canonical(trap.address))
        signal_force_page_fault(SIGNAL_SEGV, CODE_SEGV_MAPERR, &trap);
    else
        signal_force_exception(VECTOR_PROTECTION, 0);
}
