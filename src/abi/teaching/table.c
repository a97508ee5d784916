/*
 * The teaching ABI: its calls by number, and how one is made.
 *
 * A call has its number in the low 16 bits of rax and at most three arguments.  It changes rax and
 * no other register, and rax only if it has a result.
 */
#include <stdatomic.h>

#include "abi/abi.h"
#include "abi/linux/names.h"
#include "abi/teaching/calls.h"
#include "abi/trace.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "lib/bitmap.h"
#include "lib/container.h"
#include "lib/format.h"
#include "process/family.h"
#include "process/process.h"
#include "sched/choice.h"
#include "sched/scheduler.h"

#define NUMBERS 65536
#define NUMBER_FORK 58
#define UNKNOWN_REPORTS_MAX 16
#define RESERVED_ID 1          /* the kernel's, as programs see it */

#define ACCESS_OF_READ OPERATION_READ
#define ACCESS_OF_CHANGE OPERATION_CHANGE
#define ACCESS_OF_GIVE OPERATION_GIVE
#define ACCESS_OF_SELF OPERATION_TAKE    /* not told here */

struct teaching_call {
    uint16_t number;
    uint8_t object;     /* enum call_object */
    uint8_t access;     /* enum operation_access; TAKE: the function tells the observer */
    uint8_t result;     /* enum call_result */
};

/* A wrapper takes the arguments of its call from the array one by one. */
#define CALL_0(function) teaching_##function()
#define CALL_1(function, a) teaching_##function(VALUE(a, 0))
#define CALL_2(function, a, b) teaching_##function(VALUE(a, 0), VALUE(b, 1))
#define CALL_3(function, a, b, c) teaching_##function(VALUE(a, 0), VALUE(b, 1), VALUE(c, 2))
#define VALUE(argument, index) (ARGUMENT_TYPE(ARGUMENT_##argument))arguments[index]

#define CALL(number, function, name, object, access, result, ...)                            \
    static int64_t call_##number(const uint64_t *arguments)                                  \
    {                                                                                        \
        (void)arguments;                                                                     \
        return ARGUMENT_PASTE(CALL_, ARGUMENT_COUNT(name, ##__VA_ARGS__))(function,          \
                                                                           ##__VA_ARGS__);   \
    }
#include "abi/teaching/syscalls.def"
#undef CALL

#define DESCRIPTION(...) { ARGUMENT_KIND(__VA_ARGS__), ARGUMENT_SET(__VA_ARGS__) }
#define NO_DESCRIPTION { 0 }
#define CALL(call_number, function, call_name, call_object, call_access, call_result, ...)    \
    {                                                                                         \
        .call = call_##call_number,                                                           \
        .name = #call_name,                                                                   \
        .status = SYSCALL_DONE,                                                               \
        .argument_count = ARGUMENT_COUNT(call_name, ##__VA_ARGS__),                           \
        .arguments = { ARGUMENT_LIST(DESCRIPTION, NO_DESCRIPTION, call_name, ##__VA_ARGS__) }, \
    },
static const struct syscall table[] = {
#include "abi/teaching/syscalls.def"
};
#undef CALL

#define CALL(call_number, function, name, call_object, call_access, call_result, ...)         \
    { call_number, CALL_TOUCHES_##call_object, ACCESS_OF_##call_access, RESULT_##call_result },
static const struct teaching_call details[] = {
#include "abi/teaching/syscalls.def"
};
#undef CALL

/* By halving; NULL: no call has this number. */
static const struct teaching_call *find_call(uint16_t number)
{
    size_t low = 0, high = ARRAY_SIZE(details);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (details[middle].number == number)
            return &details[middle];
        if (details[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- Telling the observer ------------------------------------------------------------------ */

static bool is_console(uint64_t fd)
{
    return (uint8_t)fd < 3;
}

static void describe_object(const struct process *process, const struct teaching_call *call,
                            const uint64_t *arguments, struct operation *operation)
{
    switch ((enum call_object)call->object) {
    case CALL_TOUCHES_NOTHING:
        operation->object_kind = OBJECT_NONE;
        return;
    case CALL_TOUCHES_DESCRIPTOR:
        operation->object_kind = is_console(arguments[0]) ? OBJECT_CONSOLE : OBJECT_FILE;
        return;
    case CALL_TOUCHES_FILES:
        operation->object_kind = OBJECT_FILE;
        return;
    case CALL_TOUCHES_SPACE:
        operation->object_kind = OBJECT_MEMORY;
        operation->object = (uint64_t)process->family->id;
        return;
    case CALL_TOUCHES_HEAP:
        operation->object_kind = OBJECT_MEMORY;
        return;
    case CALL_TOUCHES_CLOCK:
        operation->object_kind = OBJECT_CLOCK;
        return;
    case CALL_TOUCHES_PROCESS_IDS:
        operation->object_kind = OBJECT_PROCESS;
        return;
    case CALL_TOUCHES_OWN_PROCESS:
        operation->object_kind = OBJECT_PROCESS;
        operation->object = (uint64_t)process->id;
        return;
    case CALL_TOUCHES_EVERYTHING:
        operation->object_kind = OBJECT_EVERYTHING;
        return;
    }
    UNREACHABLE();
}

struct operation teaching_operation(uint8_t object_kind, uint8_t access, uint64_t object)
{
    const struct user_registers *registers = &current_thread()->registers;

    return (struct operation){
        .object_kind = object_kind,
        .access = access,
        .call = (uint16_t)registers->rax,
        .object = object,
        .instruction = registers->rip - ABI_CALL_SIZE,
    };
}

/* ---- Making a call ------------------------------------------------------------------------- */

/* A few different numbers are worth a line each. */
static void report_unknown(struct thread *thread, uint16_t number)
{
    static _Atomic uint64_t reported[BITMAP_WORDS(NUMBERS)];
    static _Atomic unsigned reports;
    uint64_t bit = UINT64_C(1) << (number % 64);

    trace_unknown_call(thread, number);
    if (atomic_fetch_or_explicit(&reported[number / 64], bit, memory_order_relaxed) & bit)
        return;
    if (atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed) < UNKNOWN_REPORTS_MAX)
        log_line(LOG_WARNING, "%s (process %d) makes call %u (0x%x), which there is not",
                 thread->name, thread->process->id, number, number);
}

int64_t teaching_interrupted(void)
{
    user_thread_of(current_thread())->interrupted.code = CALL_RESTART_ALWAYS;
    return 0;
}

/* The child runs first, as far as that is the scheduler's to decide. */
static void after_fork(const struct teaching_call *call, int64_t result)
{
    if (call->number == NUMBER_FORK && result > 0)
        scheduler_yield();
}

static void make(struct thread *thread, const struct teaching_call *call,
                 const uint64_t *arguments)
{
    struct interrupted_call *interrupted = &user_thread_of(thread)->interrupted;
    uint64_t number = thread->registers.rax;
    int64_t result = abi_make_call(thread, &table[call - details], arguments);

    if (interrupted->code) {
        interrupted->number = number;
        atomic_fetch_or(&thread->work, THREAD_WORK_SIGNAL);
        return;
    }
    if (call->result != RESULT_NOTHING)
        thread->registers.rax = (uint64_t)result;
}

static void serve(struct thread *thread)
{
    const struct user_registers *registers = &thread->registers;
    const struct teaching_call *call = find_call((uint16_t)registers->rax);
    const uint64_t arguments[SYSCALL_ARGUMENTS_MAX] = {
        registers->rdi, registers->rsi, registers->rdx,
    };
    struct operation operation = teaching_operation(OBJECT_NONE, OPERATION_READ, 0);

    trace_record(TRACE_syscall_enter, operation.call, arguments[0], arguments[1]);
    if (!call) {
        report_unknown(thread, operation.call);
        return;
    }
    if (call->object != CALL_TOUCHES_CLOCK && call->object != CALL_TOUCHES_DESCRIPTOR)
        user_thread_of(thread)->polling.active = false;
    if (call->access == OPERATION_TAKE) {
        make(thread, call, arguments);
    } else {
        operation.access = call->access;
        describe_object(thread->process, call, arguments, &operation);
        choice_before(&operation, NULL);
        if (thread->process->exiting)    /* killed while others went first */
            return;
        make(thread, call, arguments);
        if (operation.object_kind != OBJECT_NONE)
            choice_done(&operation);
    }
    trace_record(TRACE_syscall_exit, operation.call, registers->rax, 0);
    after_fork(call, (int64_t)registers->rax);
}

/* ---- The ABI ------------------------------------------------------------------------------- */

/* Its programs have no handlers. */
static int push_no_frame(struct thread *thread, const struct signal_delivery *delivery)
{
    (void)thread;
    (void)delivery;
    return -EFAULT;
}

static int no_interruption(uint32_t number, int64_t result)
{
    (void)number;
    (void)result;
    return 0;
}

static void trace_result_of(struct text_builder *line, const struct syscall *call, int64_t result)
{
    switch ((enum call_result)details[call - table].result) {
    case RESULT_NUMBER:
        text_builder_add(line, "%lld", (long long)result);
        return;
    case RESULT_ADDRESS:
        text_builder_add(line, result == FAILED ? "-1" : "0x%llx", (unsigned long long)result);
        return;
    case RESULT_NOTHING:
    case RESULT_NEVER:
        text_builder_add(line, "?");
        return;
    }
    UNREACHABLE();
}

static const char *call_name(uint64_t number)
{
    const struct teaching_call *call = find_call((uint16_t)number);

    return call ? table[call - details].name : NULL;
}

const struct abi abi_teaching = {
    .name = "teaching",
    .accepts = teaching_accepts,
    .build_start = teaching_build_start,
    .leave = teaching_leave,
    .scheduling = "rr",
    .reserved_id = RESERVED_ID,
    .call_instruction = TRAP_INT80,
    .serve = serve,
    .table = table,
    .table_size = ARRAY_SIZE(table),
    .call_name = call_name,
    .interruption = no_interruption,
    .push_signal_frame = push_no_frame,
    .trace_result = trace_result_of,
    .observe_signal = trace_signal,
    .observe_end = trace_end,
};
