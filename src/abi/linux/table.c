/*
 * The calls of x86-64 Linux by number: syscalls.def expanded into wrappers of one type and a table
 * of them.  A wrapper converts the registers to the types that the function behind the call has.
 */
#include "abi/abi.h"
#include "abi/linux/interruption.h"
#include "abi/linux/names.h"
#include "abi/linux/signal_frame.h"
#include "abi/linux/syscalls.h"
#include "abi/trace.h"
#include "lib/container.h"
#include "process/exec.h"
#include "sched/pid_namespace.h"

#define RESTART_SYSCALL_NUMBER 219

/* The wrapper of a call that is there takes its arguments from the array one by one. */
#define CALL_0(name) sys_##name()
#define CALL_1(name, a) sys_##name(VALUE(a, 0))
#define CALL_2(name, a, b) sys_##name(VALUE(a, 0), VALUE(b, 1))
#define CALL_3(name, a, b, c) sys_##name(VALUE(a, 0), VALUE(b, 1), VALUE(c, 2))
#define CALL_4(name, a, b, c, d) sys_##name(VALUE(a, 0), VALUE(b, 1), VALUE(c, 2), VALUE(d, 3))
#define CALL_5(name, a, b, c, d, e) \
    sys_##name(VALUE(a, 0), VALUE(b, 1), VALUE(c, 2), VALUE(d, 3), VALUE(e, 4))
#define CALL_6(name, a, b, c, d, e, f) \
    sys_##name(VALUE(a, 0), VALUE(b, 1), VALUE(c, 2), VALUE(d, 3), VALUE(e, 4), VALUE(f, 5))
/* The kernel knows threads and processes by the ids of the machine's own PID namespace. */
#define VALUE(argument, index)                                                               \
    (ARGUMENT_TYPE(ARGUMENT_##argument))(ARGUMENT_KIND(ARGUMENT_##argument) == KIND_PID      \
                                             ? (uint64_t)pid_named((int32_t)arguments[index]) \
                                             : arguments[index])
#define CALL(name, ...) \
    ARGUMENT_PASTE(CALL_, ARGUMENT_COUNT(name, ##__VA_ARGS__))(name, ##__VA_ARGS__)

#define WRAPPER_DONE(name, ...)                               \
    static int64_t call_##name(const uint64_t *arguments)     \
    {                                                         \
        (void)arguments;                                      \
        return CALL(name, ##__VA_ARGS__);                     \
    }
#define WRAPPER_PARTIAL(name, ...) WRAPPER_DONE(name, ##__VA_ARGS__)
#define WRAPPER_ABSENT(name, ...)

#define SYSCALL(number, name, status, ...) WRAPPER_##status(name, ##__VA_ARGS__)
#include "abi/linux/syscalls.def"
#include "abi/linux/vdso.h"
#undef SYSCALL

#define POINTER_DONE(name) call_##name
#define POINTER_PARTIAL(name) call_##name
#define POINTER_ABSENT(name) NULL

#define DESCRIPTION(...) { ARGUMENT_KIND(__VA_ARGS__), ARGUMENT_SET(__VA_ARGS__) }
#define NO_DESCRIPTION { 0 }

#define SYSCALL(call_number, call_name, call_status, ...)                                     \
    [call_number] = {                                                                         \
        .call = POINTER_##call_status(call_name),                                             \
        .name = #call_name,                                                                   \
        .status = SYSCALL_##call_status,                                                      \
        .argument_count = ARGUMENT_COUNT(call_name, ##__VA_ARGS__),                           \
        .arguments = { ARGUMENT_LIST(DESCRIPTION, NO_DESCRIPTION, call_name, ##__VA_ARGS__) }, \
    },
static const struct syscall table[] = {
#include "abi/linux/syscalls.def"
};
#undef SYSCALL

static bool accepts_all(const struct elf_image *elf)
{
    (void)elf;
    return true;
}

const struct abi abi_linux = {
    .name = "linux",
    .accepts = accepts_all,
    .scheduling = "fair",
    .build_start = linux_build_start,
    .describe_address = vdso_describe,
    .call_instruction = TRAP_SYSCALL,
    .serve = abi_serve_linux,
    .table = table,
    .table_size = ARRAY_SIZE(table),
    .resume_number = RESTART_SYSCALL_NUMBER,
    .interruption = call_interruption,
    .push_signal_frame = signal_frame_push,
    .observe_signal = trace_signal,
    .observe_end = trace_end,
};
