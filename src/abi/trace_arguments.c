/* Printing of arguments and results in a call trace, by the kinds that the table of calls gives. */
#include "abi/linux/names.h"
#include "abi/trace_internal.h"
#include "lib/container.h"
#include "lib/text.h"
#include "process/process.h"

#define DIRECTORY_CURRENT (-100)    /* AT_FDCWD */
#define WORD_DECIMAL_MAX 65536    /* larger words look better in hexadecimal */
#define PERMISSION_BITS 0777u
#define OPEN_CREATE_BIT 0100u
#define OPEN_TEMPORARY_BIT 020000000u

static const bool is_output[KIND_COUNT] = {
    [KIND_OUT] = true,           [KIND_OUT_IOVEC] = true,     [KIND_OUT_INT] = true,
    [KIND_OUT_TIMESPEC] = true,  [KIND_OUT_TIMEVAL] = true,   [KIND_OUT_ITIMERVAL] = true,
    [KIND_OUT_SIGSET] = true,    [KIND_OUT_SIGACTION] = true, [KIND_OUT_SIGSTACK] = true,
    [KIND_OUT_RLIMIT] = true,    [KIND_OUT_STAT] = true,      [KIND_OUT_STATX] = true,
    [KIND_OUT_STATFS] = true,    [KIND_OUT_RUSAGE] = true,    [KIND_OUT_UTSNAME] = true,
    [KIND_OUT_TMS] = true,
};

bool trace_argument_is_output(unsigned kind)
{
    return is_output[kind];
}

/* A mode is looked at only when a file may be made. */
static bool is_unused_mode(const struct trace_call *call, unsigned index)
{
    const struct syscall_argument *argument = &call->call->arguments[index];

    return argument->kind == KIND_MODE && index > 0 && argument[-1].kind == KIND_FLAGS &&
           argument[-1].set == SET_open &&
           !(call->arguments[index - 1] & (OPEN_CREATE_BIT | OPEN_TEMPORARY_BIT));
}

/* ---- Numbers, names and plain addresses ---------------------------------------------------- */

static void print_directory(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    if ((int32_t)value == DIRECTORY_CURRENT)
        text_builder_add(line, "AT_FDCWD");
    else
        text_builder_add(line, "%d", (int32_t)value);
}

static void print_int(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    text_builder_add(line, "%d", (int32_t)value);
}

static void print_unsigned(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    text_builder_add(line, "%u", (uint32_t)value);
}

static void print_long(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    text_builder_add(line, "%lld", (long long)value);
}

static void print_size(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    text_builder_add(line, "%llu", (unsigned long long)value);
}

static void print_word(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    text_builder_add(line, value < WORD_DECIMAL_MAX ? "%llu" : "%#llx",
                     (unsigned long long)value);
}

static void print_mode(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    text_builder_add(line, "%#03o", (uint32_t)value);
}

static void print_signal(struct text_builder *line, uint64_t value, unsigned set)
{
    int32_t number = (int32_t)value;

    (void)set;
    if (number >= 1 && number <= SIGNAL_MAX)
        text_builder_add(line, "%s", signal_name(number));
    else
        text_builder_add(line, "%d", number);
}

/* Flags with permissions in their lowest bits. */
static void print_ipc_flags(struct text_builder *line, uint32_t value)
{
    if (value & ~PERMISSION_BITS)
        trace_flags(line, value & ~PERMISSION_BITS, SET_ipc);
    text_builder_add(line, value & ~PERMISSION_BITS ? "|%#03o" : "%#03o",
                     value & PERMISSION_BITS);
}

static void print_flags(struct text_builder *line, uint64_t value, unsigned set)
{
    if (set == SET_ipc)
        print_ipc_flags(line, (uint32_t)value);
    else
        trace_flags(line, (uint32_t)value, set);
}

static void print_address(struct text_builder *line, uint64_t value, unsigned set)
{
    (void)set;
    trace_address(line, value);
}

/* Kinds that are not here are about memory. */
static void (*const scalar_printers[KIND_COUNT])(struct text_builder *, uint64_t, unsigned) = {
    [KIND_FD] = print_int,         [KIND_DIRFD] = print_directory,
    [KIND_INT] = print_int,        [KIND_U32] = print_unsigned,
    [KIND_LONG] = print_long,      [KIND_U64] = print_word,
    [KIND_SIZE] = print_size,      [KIND_OFFSET] = print_long,
    [KIND_MODE] = print_mode,      [KIND_PID] = print_int,
    [KIND_UID] = print_int,        [KIND_SIGNAL] = print_signal,
    [KIND_REQUEST] = print_flags,  [KIND_FLAGS] = print_flags,
    [KIND_FLAGS64] = trace_flags,  [KIND_ENUM] = print_flags,
    [KIND_USER] = print_address,
};

/* Memory that is read (`size` bytes or segments: the next argument), or was written. */
static void print_memory(struct trace_call *call, unsigned index, int64_t written)
{
    struct text_builder *line = &call->builder;
    unsigned kind = call->call->arguments[index].kind;
    user_address address = call->arguments[index];
    uint64_t next = index + 1 < SYSCALL_ARGUMENTS_MAX ? call->arguments[index + 1] : 0;

    if (kind == KIND_PATH)
        trace_user_string(line, address);
    else if (kind == KIND_IN)
        trace_user_bytes(line, address, next);
    else if (kind == KIND_OUT)
        trace_user_bytes(line, address, (uint64_t)written);
    else if (kind == KIND_IN_SEMBUF)
        trace_semaphore_operations(line, address, (uint32_t)next);
    else if (kind == KIND_IN_IOVEC)
        trace_segments(line, address, (uint32_t)next, UINT64_MAX);
    else if (kind == KIND_OUT_IOVEC)
        trace_segments(line, address, (uint32_t)next, (uint64_t)written);
    else if (!trace_structure(line, kind, address))
        trace_address(line, address);
}

void trace_argument(struct trace_call *call, unsigned index, bool has_result, int64_t result)
{
    const struct syscall_argument *argument = &call->call->arguments[index];
    struct text_builder *line = &call->builder;
    bool failed = !has_result || result < 0;

    if (is_unused_mode(call, index))
        return;
    if (index > 0 && !(call->interrupted && index == call->resumed_at))
        text_builder_add(line, ", ");
    if (scalar_printers[argument->kind])
        scalar_printers[argument->kind](line, call->arguments[index], argument->set);
    else if (failed && trace_argument_is_output(argument->kind))
        trace_address(line, call->arguments[index]);
    else
        print_memory(call, index, result);
}

/* ---- Results ------------------------------------------------------------------------------- */

static bool is_named(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(name, names[i]))
            return true;
    }
    return false;
}

static void print_interruption(struct text_builder *line, int code)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
        { CALL_RESTART, "ERESTARTSYS (To be restarted if SA_RESTART is set)" },
        { CALL_RESTART_ALWAYS, "ERESTARTNOINTR (To be restarted)" },
        { CALL_RESTART_NO_HANDLER, "ERESTARTNOHAND (To be restarted if no handler)" },
        { CALL_NO_RESTART, "EINTR (Interrupted system call)" },
        { CALL_RESUME, "ERESTART_RESTARTBLOCK (Interrupted by signal)" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (texts[i].code == code)
            text_builder_add(line, "? %s", texts[i].text);
    }
}

void trace_result(struct trace_call *call, int64_t result)
{
    static const char *const addresses[] = { "mmap", "brk", "mremap", "shmat" };
    static const char *const modes[] = { "umask" };
    struct text_builder *line = &call->builder;
    const char *name = call->call->name;

    if (result < 0 && result > -CALL_RESTART) {
        text_builder_add(line, "-1 ");
        trace_error(line, (int)-result);
    } else if (result <= -CALL_RESTART && result >= -CALL_RESUME) {
        print_interruption(line, (int)-result);
    } else if (is_named(name, addresses, ARRAY_SIZE(addresses))) {
        text_builder_add(line, "0x%llx", (unsigned long long)result);
    } else if (is_named(name, modes, ARRAY_SIZE(modes))) {
        text_builder_add(line, "%#03o", (unsigned)result);
    } else {
        text_builder_add(line, "%lld", (long long)result);
    }
}
