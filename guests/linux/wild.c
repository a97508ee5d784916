/*
 * Passes wild pointers to every system call that takes one: each pointer argument in turn gets
 * each of a list of bad values while the other arguments are harmless, and the result is printed.
 *
 *     wild compare    only calls that do no harm to the system they run on, to be run natively and
 *                     inside the kernel, where both must print the same
 *     wild all        every call but those that end or multiply the program: inside the kernel only
 */
#include "abi/linux/descriptors.h"
#include "guest.h"

#define FILE_NAME "wild.data"
#define OPEN_READ_WRITE_CREATE (02u | 0100u)
#define SIGNAL_USER 10
#define TERMINAL_GET 0x5401
#define RESOURCE_CORE 4

struct wild_value {
    const char *name;
    uint64_t value;
};

/* Safe to call natively with any pointers, as root: nothing but errors and own files. */
static const char *const comparable[] = {
    "read", "write", "open", "stat", "fstat", "lstat", "poll", "pread64", "pwrite64", "readv",
    "writev", "access", "select", "nanosleep", "getitimer", "sendfile", "uname", "truncate",
    "getdents", "getcwd", "chdir", "rename", "mkdir", "rmdir", "creat", "link", "unlink",
    "symlink", "readlink", "chmod", "chown", "lchown", "gettimeofday", "getrlimit", "getrusage",
    "sysinfo", "times", "getresuid", "getresgid", "rt_sigpending", "sigaltstack", "utime", "statfs",
    "fstatfs", "time", "sched_getaffinity", "getdents64", "clock_gettime", "clock_getres",
    "clock_nanosleep", "utimes", "openat", "mkdirat", "fchownat", "futimesat", "newfstatat",
    "unlinkat", "renameat", "linkat", "symlinkat", "readlinkat", "fchmodat", "faccessat",
    "pselect6", "ppoll", "utimensat", "preadv", "pwritev", "prlimit64", "getcpu", "renameat2",
    "getrandom", "memfd_create", "copy_file_range", "statx", "faccessat2", "rt_sigaction",
    "rt_sigprocmask", "setitimer", "setrlimit", "fchmodat2", "preadv2", "pwritev2", "openat2",
};

/* They end the program, start another, or never come back. */
static const char *const excluded[] = {
    "exit", "exit_group", "rt_sigreturn", "fork", "vfork", "clone", "clone3", "execve", "execveat",
    "pause",
};

static struct memory_areas areas;
static uint64_t own_id;

static bool in_list(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(name, list[i]))
            return true;
    }
    return false;
}

static bool is_pointer(uint8_t kind)
{
    return kind >= KIND_USER;
}

/* What is not wild: values that let most calls come as far as looking at the pointer. */
static uint64_t harmless_value(uint8_t kind, uint64_t fd)
{
    switch (kind) {
    case KIND_FD:
        return fd;
    case KIND_DIRFD:
        return (uint64_t)-100;
    case KIND_SIZE:
        return 64;
    case KIND_MODE:
        return 0600;
    case KIND_PID:
        return own_id;
    case KIND_SIGNAL:
        return SIGNAL_USER;
    case KIND_U32:
        return 64;
    case KIND_INT:
    case KIND_LONG:
        return 1;
    case KIND_REQUEST:
        return TERMINAL_GET;
    case KIND_PATH:
        return address_of(FILE_NAME);
    default:
        return is_pointer(kind) ? areas.writable : 0;
    }
}

static bool starts_with(const char *text, const char *start)
{
    size_t length = text_length(start);

    return text_length(text) >= length && memcmp(text, start, length) == 0;
}

/* Sizes of signal sets are the last argument of their calls and must be 8. */
static bool ends_with_set_size(const struct syscall_descriptor *call)
{
    static const char *const calls[] = {
        "rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
        "ppoll", "epoll_pwait", "signalfd", "signalfd4",
    };

    return in_list(call->name, calls, sizeof(calls) / sizeof(calls[0]));
}

static uint64_t harmless_argument(const struct syscall_descriptor *call, unsigned at, uint64_t fd)
{
    static const char *const limits[] = { "getrlimit", "setrlimit", "prlimit64" };

    if (ends_with_set_size(call) && at == call->argument_count - 1u)
        return 8;
    if (call->kinds[at] == KIND_ENUM && in_list(call->name, limits, 3))
        return RESOURCE_CORE;    /* the first one, CPU time, would end the program */
    return harmless_value(call->kinds[at], fd);
}

static int64_t call_with(const struct syscall_descriptor *call, unsigned at, uint64_t wild)
{
    uint64_t a[6] = { 0, 0, 0, 0, 0, 0 };
    int64_t fd = starts_with(call->name, "getdents")
                     ? system_call3(CALL_OPEN, address_of("."), 0, 0)
                     : system_call3(CALL_OPEN, address_of(FILE_NAME), OPEN_READ_WRITE_CREATE, 0600);
    int64_t result;

    memset((void *)(uintptr_t)areas.writable, 0, AREA_SIZE);
    for (unsigned i = 0; i < call->argument_count; i++)
        a[i] = i == at ? wild : harmless_argument(call, i, (uint64_t)fd);
    result = system_call6(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    system_call3(CALL_CLOSE, (uint64_t)fd, 0, 0);
    return result;
}

static void print_result(const struct syscall_descriptor *call, unsigned at,
                         const struct wild_value *wild, int64_t result)
{
    if (result > 0 && (result > 64 || starts_with(call->name, "time")))
        print_format(1, "%s argument %d %s: succeeds\n", call->name, (int64_t)at, wild->name);
    else
        print_format(1, "%s argument %d %s: %d\n", call->name, (int64_t)at, wild->name, result);
}

static void ignore(int signal, void *information, void *context)
{
    (void)signal;
    (void)information;
    (void)context;
}

/* Whatever the last call did to signals is undone; a call that blocks is interrupted. */
static void be_ready(void)
{
    static const uint64_t no_signals = 0, soon[4] = { 0, 20000, 0, 20000 };

    for (int signal = 1; signal <= 64; signal++)
        signal_handle(signal, ignore);
    system_call6(CALL_RT_SIGPROCMASK, 2, address_of(&no_signals), 0, 8, 0, 0);
    system_call3(CALL_SETITIMER, 0, address_of(soon), 0);
    memory_areas_make(&areas);
}

static unsigned try_call(const struct syscall_descriptor *call, bool compare)
{
    const struct wild_value values[] = {
        { "null", 0 },
        { "one", 1 },
        { "page zero", 0xff8 },
        { "as of the program", 0x555555554000 },
        { "as of a library", 0x700000000000 },
        { "last page", 0x7fffffffe000 },
        { "end of the user half", 0x7ffffffffff8 },
        { "behind the user half", 0x800000000000 },
        { "not canonical", 0x1234567812345678 },
        { "kernel half", 0xffff800000000000 },
        { "kernel text", 0xffffffff81000000 },
        { "minus eight", (uint64_t)-8 },
        { "minus one", UINT64_MAX },
        { "before an area", areas.writable - 8 },
        { "last byte of an area", areas.writable + AREA_SIZE - 1 },
        { "behind an area", areas.writable + AREA_SIZE },
        { "read-only", areas.read_only },
        { "end of read-only", areas.read_only + PAGE_SIZE - 4 },
        { "no permission", areas.read_only + PAGE_SIZE },
    };
    unsigned calls = 0;

    for (unsigned at = 0; at < call->argument_count; at++) {
        if (!is_pointer(call->kinds[at]))
            continue;
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            be_ready();
            int64_t result = call_with(call, at, values[i].value);

            calls++;
            if (compare)
                print_result(call, at, &values[i], result);
        }
    }
    return calls;
}

int main(int argc, char **argv, char **envp)
{
    bool compare = argc > 1 && text_equal(argv[1], "compare");
    uint64_t calls = 0;

    (void)envp;
    if (argc < 2 || !(compare || text_equal(argv[1], "all"))) {
        print_error("usage: wild compare | all\n");
        return 99;
    }
    if (!compare && !kernel_is_eft()) {
        print_error("wild all: not on Linux itself, where it would hit everything\n");
        return 99;
    }
    if (!memory_areas_make(&areas))
        return 98;
    own_id = (uint64_t)system_call3(CALL_GETPID, 0, 0, 0);
    for (size_t i = 0; i < sizeof(syscall_descriptors) / sizeof(syscall_descriptors[0]); i++) {
        const struct syscall_descriptor *call = &syscall_descriptors[i];
        bool known = in_list(call->name, comparable, sizeof(comparable) / sizeof(comparable[0]));

        if (in_list(call->name, excluded, sizeof(excluded) / sizeof(excluded[0])))
            continue;
        if (compare && (!known || call->status == DESCRIPTOR_ABSENT))
            continue;
        calls += try_call(call, compare);
    }
    print_format(1, "%s\n", calls > 1000 ? "every call came back" : "too few calls");
    return 0;
}
