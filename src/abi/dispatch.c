/*
 * From a trap to the function behind a call and back.
 *
 * This is the path that every call takes, so it does nothing that is not needed: one look at the
 * table, one at whether the process is traced.
 */
#include "abi/abi.h"

#include <stdatomic.h>

#include "abi/trace.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "lib/error.h"
#include "process/process.h"

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

static int64_t make_call(struct thread *thread, const struct syscall *call,
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

static void dispatch(struct thread *thread)
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
    if ((uint32_t)number >= abi->table_size) {
        trace_unknown_call(thread, (uint32_t)number);
        registers->rax = (uint64_t)call_unknown(abi, (uint32_t)number);
        return;
    }

    const struct syscall *call = &abi->table[(uint32_t)number];
    int64_t result = make_call(thread, call, arguments);

    registers->rax = (uint64_t)result;
    if (__builtin_expect(result < 0 && result >= -CALL_RESUME, 0)) {
        int code = abi->interruption((uint32_t)number, result);

        if (code)
            note_interrupted(thread, number, code);
    }
    trace_record(TRACE_syscall_exit, number, (uint64_t)result, 0);
}

void abi_dispatch(struct thread *thread, const struct trap *trap)
{
    struct user_registers *registers = &thread->registers;

    if (trap->kind == TRAP_INT80) {    /* no ABI of ours is served there yet */
        registers->rax = (uint64_t)-ENOSYS;
        return;
    }
    /* What the instruction leaves in them; a call that restores registers overwrites them. */
    registers->rcx = registers->rip;
    registers->r11 = registers->rflags;
    dispatch(thread);
}
