/*
 * From a trap to the function behind a call and back.
 *
 * This is the path that every call takes, so it does nothing that is not needed: one look at the
 * table, one at whether the process is traced.
 *
 * Which ABI a program has follows from its file (abi->accepts, at exec), and each ABI has one
 * instruction for its calls.  The other one makes no call: `int 0x80` has other numbers in 32-bit
 * Linux, so a program of one ABI that executes the instruction of the other is better stopped by
 * an error than served by accident.
 */
#include "abi/abi.h"

#include <stdatomic.h>

#include "abi/trace.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "lib/error.h"
#include "process/process.h"
#include "sched/choice.h"

#define LOGGED_CALLS 512

/* The first time that a call is missed is worth a line: it may be why a program does not work. */
static int64_t call_unknown(const struct abi *abi, uint32_t number)
{
    static _Atomic bool logged[LOGGED_CALLS];
    bool is_named = number < abi->table_size && abi->table[number].name;

    if (number < LOGGED_CALLS &&
        !atomic_exchange_explicit(&logged[number], true, memory_order_relaxed))
        log_line(LOG_INFO, "%s calls %s (%u), which is not there", current_thread()->name,
                 is_named ? abi->table[number].name : "a number without a name", number);
    return -ENOSYS;
}

/* A signal ended the call: what becomes of it is decided on the way to user mode. */
static void note_interrupted(struct thread *thread, uint64_t number, int code)
{
    struct interrupted_call *interrupted = &user_thread_of(thread)->interrupted;

    interrupted->code = code;
    interrupted->number = number;
    atomic_fetch_or(&thread->work, THREAD_WORK_SIGNAL);
}

int64_t abi_make_call(struct thread *thread, const struct syscall *call,
                      const uint64_t *arguments)
{
    const struct abi *abi = thread->process->abi;
    int64_t result;

    if (__builtin_expect(thread->process->traced, 0))
        trace_call_begin(thread, call, arguments);
    result = call->call ? call->call(arguments)
                        : call_unknown(abi, (uint32_t)(call - abi->table));
    if (__builtin_expect(thread->process->traced, 0))
        trace_call_end(thread, result);
    return result;
}

/* ---- Linux --------------------------------------------------------------------------------- */

/* With an observer others may go first: any of them could notice this call, or the other way
 * round. */
static int64_t make_observed_call(struct thread *thread, const struct syscall *call,
                                  const uint64_t *arguments)
{
    const struct operation operation = {
        .object_kind = OBJECT_EVERYTHING,
        .access = OPERATION_CHANGE,
        .call = (uint16_t)thread->registers.rax,
        .instruction = thread->registers.rip - ABI_CALL_SIZE,
    };

    choice_before(&operation, NULL);

    int64_t result = abi_make_call(thread, call, arguments);

    choice_done(&operation);
    return result;
}

static void make_linux_call(struct thread *thread, const struct abi *abi, uint64_t number,
                            const uint64_t *arguments)
{
    const struct syscall *call = &abi->table[(uint32_t)number];
    int64_t result = choice_is_observed() ? make_observed_call(thread, call, arguments)
                                          : abi_make_call(thread, call, arguments);

    thread->registers.rax = (uint64_t)result;
    if (__builtin_expect(result < 0 && result >= -CALL_RESUME, 0)) {
        int code = abi->interruption((uint32_t)number, result);

        if (code)
            note_interrupted(thread, number, code);
        else if (result == -CALL_NO_RESTART)
            thread->registers.rax = (uint64_t)-EINTR;
    }
    trace_record(TRACE_syscall_exit, number, (uint64_t)result, 0);
}

void abi_serve_linux(struct thread *thread)
{
    struct user_registers *registers = &thread->registers;
    const struct abi *abi = thread->process->abi;
    uint64_t number = registers->rax;
    const uint64_t arguments[SYSCALL_ARGUMENTS_MAX] = {
        registers->rdi, registers->rsi, registers->rdx,
        registers->r10, registers->r8,  registers->r9,
    };

    trace_record(TRACE_syscall_enter, number, arguments[0], arguments[1]);
    /* As Linux: the upper half of the number does not matter. */
    if ((uint32_t)number < abi->table_size) {
        make_linux_call(thread, abi, number, arguments);
        return;
    }
    trace_unknown_call(thread, (uint32_t)number);
    registers->rax = (uint64_t)call_unknown(abi, (uint32_t)number);
}

/* ---- Both ---------------------------------------------------------------------------------- */

/* A program that counts its basic blocks has run out of them: others may run, nothing else happens.
 * Without an observer the way back to user mode looks whether somebody else's turn has come. */
static void count_again(const struct thread *thread)
{
    const struct operation nothing = {
        .object_kind = OBJECT_NONE,
        .instruction = thread->registers.rip,
    };

    choice_before(&nothing, NULL);
}

static void refuse(struct thread *thread, const struct trap *trap)
{
    static _Atomic bool logged;

    thread->registers.rax = (uint64_t)-ENOSYS;
    if (!atomic_exchange_explicit(&logged, true, memory_order_relaxed))
        log_line(LOG_WARNING, "%s (process %d) is a %s program, but makes calls by %s: refused",
                 thread->name, thread->process->id, thread->process->abi->name,
                 trap->kind == TRAP_INT80 ? "int 0x80" : "syscall");
}

void abi_dispatch(struct thread *thread, const struct trap *trap)
{
    struct user_registers *registers = &thread->registers;
    const struct abi *abi = thread->process->abi;

    if (trap->kind == TRAP_SYSCALL) {
        /* What the instruction leaves in them; a call that restores registers overwrites them. */
        registers->rcx = registers->rip;
        registers->r11 = registers->rflags;
        if (__builtin_expect(registers->rax == CALL_BUDGET_USED_UP, 0)) {
            count_again(thread);
            return;
        }
    }
    if (__builtin_expect(trap->kind == abi->call_instruction, 1))
        abi->serve(thread);
    else
        refuse(thread, trap);
}
