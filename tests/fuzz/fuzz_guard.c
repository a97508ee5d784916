/*
 * What keeps the fuzzing guest alive without making it tame: calls that would end it are not made,
 * signals it sends itself are caught, a timer interrupts every call that blocks, and what a call
 * did to its memory is repaired when it is next touched.
 */
#include "fuzz_calls.h"

#define SIGNAL_SEGMENT 11
#define SIGNAL_ALARM 14
#define SIGNAL_KILL 9
#define SIGNAL_STOP 19
#define SIGNALS 64
#define SIGNAL_UNBLOCK_MASK 2    /* SIG_SETMASK */
#define TICK_US 5000
#define FAULTS_MAX 100000
#define STACK_KEPT 0x200000u
#define MAP_FIXED_BIT 0x10u
#define LIMIT_CORE_SIZE 4
#define FUTEX_LOCK_PI 6
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_LOCK_PI2 13
#define OPEN_READ_WRITE_CREATE 0102u

extern const char __ehdr_start[], _end[];

struct memory_areas fuzz_areas;

/* For the masks of calls that wait: SIGALRM is never in it. */
static uint64_t safe_mask;
static uint64_t safe_mask_pair[2];

static bool named(const struct syscall_descriptor *call, const char *const *names)
{
    for (; *names; names++) {
        if (text_equal(call->name, *names))
            return true;
    }
    return false;
}

bool guard_allows(const struct syscall_descriptor *call)
{
    /* They end the program or start another; reboot ends the machine. */
    static const char *const excluded[] = { "exit", "exit_group", "rt_sigreturn", "fork", "vfork",
                                            "clone", "clone3", "execve", "execveat", "reboot",
                                            NULL };

    /* Once done they leave nothing to be allowed. */
    static const char *const lasting[] = { "setuid", "setgid", "setreuid", "setregid", "setresuid",
                                           "setresgid", "setfsuid", "setfsgid", "capset", "chroot",
                                           "umask", "close_range", NULL };

    return !named(call, excluded) && (!named(call, lasting) || random_once_in(100));
}

/* ---- Signals and timers -------------------------------------------------------------------- */

static void ignore(int signal, void *information, void *context)
{
    (void)signal;
    (void)information;
    (void)context;
}

/* Something of ours was unmapped or protected: map it again, and try once more. */
static void mend_memory(int signal, void *information, void *context)
{
    static unsigned faults;

    (void)signal;
    (void)information;
    (void)context;
    if (++faults > FAULTS_MAX || !memory_areas_make(&fuzz_areas))
        program_exit(97);
}

static void install_handlers(void)
{
    for (int signal = 1; signal <= SIGNALS; signal++)
        signal_handle(signal, signal == SIGNAL_SEGMENT ? mend_memory : ignore);
}

static void start_timer(void)
{
    static const uint64_t no_signals = 0, tick[4] = { 0, TICK_US, 0, TICK_US };

    system_call6(CALL_RT_SIGPROCMASK, SIGNAL_UNBLOCK_MASK, address_of(&no_signals), 0, 8, 0, 0);
    system_call3(CALL_SETITIMER, 0, address_of(tick), 0);
}

/* A few open files and a directory to be in, after whatever was closed, removed or left. */
void guard_refresh(void)
{
    static const struct {
        const char *name;
        uint64_t flags;
    } files[] = {
        { "a", OPEN_READ_WRITE_CREATE }, { "b", OPEN_READ_WRITE_CREATE },
        { "c", OPEN_READ_WRITE_CREATE }, { "d/f", OPEN_READ_WRITE_CREATE },
        { "/dev/zero", 2 }, { "/proc/self/maps", 0 }, { ".", 0 },
    };

    system_call3(CALL_CHDIR, address_of("/tmp"), 0, 0);
    system_call3(CALL_MKDIR, address_of("d"), 0777, 0);
    system_call3(CALL_SYMLINK, address_of("d"), address_of("link"), 0);
    system_call3(CALL_SYMLINK, address_of("loop"), address_of("loop"), 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int64_t fd = system_call3(CALL_OPEN, address_of(files[i].name), files[i].flags,
                                  0666);

        if (fd > 10)
            system_call3(CALL_CLOSE, (uint64_t)fd, 0, 0);
    }
}

bool guard_start(void)
{
    if (!memory_areas_make(&fuzz_areas))
        return false;
    install_handlers();
    start_timer();
    guard_refresh();
    return true;
}

void guard_repair(const struct syscall_descriptor *call)
{
    static const char *const timers[] = { "alarm", "setitimer", "rt_sigprocmask", NULL };
    static const char *const actions[] = { "rt_sigaction", NULL };

    if (named(call, actions))
        install_handlers();
    if (named(call, timers) || named(call, actions))
        start_timer();
}

/* ---- Arguments ----------------------------------------------------------------------------- */

static bool meets(uint64_t start, uint64_t size, uint64_t kept_start, uint64_t kept_end)
{
    uint64_t end = start + size < start ? UINT64_MAX : start + size;

    return start < kept_end && end > kept_start;
}

/* A range of addresses that a call changes must not hold our image or our stack. */
static void keep_program(uint64_t *address, uint64_t *size)
{
    uint64_t stack = address_of(__builtin_frame_address(0));

    if (meets(*address, *size, address_of(__ehdr_start), address_of(_end) + PAGE_SIZE) ||
        meets(*address, *size, stack - STACK_KEPT, stack + STACK_KEPT) || random_once_in(2)) {
        *address = fuzz_areas.writable + random_below(16) * PAGE_SIZE;
        *size = random_once_in(4) ? random_below(4 * PAGE_SIZE) : random_below(5) * PAGE_SIZE;
    }
}

static void bend_memory_call(const struct syscall_descriptor *call, uint64_t a[6])
{
    static const char *const changing[] = { "munmap", "mprotect", "madvise", "mlock", "munlock",
                                            "mlock2", "msync", "remap_file_pages", NULL };

    if (named(call, changing)) {
        keep_program(&a[0], &a[1]);
    } else if (text_equal(call->name, "mremap")) {
        keep_program(&a[0], &a[1]);
        keep_program(&a[4], &a[2]);
    } else if (text_equal(call->name, "mmap") && (a[3] & MAP_FIXED_BIT)) {
        keep_program(&a[0], &a[1]);
    }
}

/* Signals that cannot be caught end or stop us; stops by the others are caught. */
static uint64_t harmless_signal(uint64_t signal)
{
    return (int32_t)signal == SIGNAL_KILL || (int32_t)signal == SIGNAL_STOP ? SIGNAL_ALARM : signal;
}

static void bend_signal_call(const struct syscall_descriptor *call, uint64_t a[6])
{
    for (unsigned i = 0; i < call->argument_count; i++) {
        if (call->kinds[i] == KIND_SIGNAL)
            a[i] = harmless_signal(a[i]);
    }
    if (text_equal(call->name, "rt_sigaction") &&
        ((int32_t)a[0] == SIGNAL_ALARM || (int32_t)a[0] == SIGNAL_SEGMENT))
        a[0]++;
}

/* Calls that wait with another mask: one that lets the timer in. */
static void bend_mask(const struct syscall_descriptor *call, uint64_t a[6])
{
    static const char *const first[] = { "rt_sigsuspend", NULL };
    static const char *const fourth[] = { "ppoll", NULL };
    static const char *const fifth[] = { "epoll_pwait", "epoll_pwait2", NULL };

    safe_mask = random_next() & ~((uint64_t)1 << (SIGNAL_ALARM - 1));
    safe_mask_pair[0] = address_of(&safe_mask);
    safe_mask_pair[1] = 8;
    if (named(call, first))
        a[0] = address_of(&safe_mask);
    else if (named(call, fourth))
        a[3] = address_of(&safe_mask);
    else if (named(call, fifth))
        a[4] = address_of(&safe_mask);
    else if (text_equal(call->name, "pselect6"))
        a[5] = address_of(safe_mask_pair);
}

/* Without CPU time, memory or descriptors nothing more would be tried. */
static void bend_limits(const struct syscall_descriptor *call, uint64_t a[6])
{
    static const char *const limits[] = { "setrlimit", "prlimit64", NULL };
    static const bool needed[16] = { [0] = true, [2] = true, [3] = true, [7] = true, [9] = true };

    for (unsigned i = 0; named(call, limits) && i < call->argument_count; i++) {
        if (call->kinds[i] == KIND_ENUM && (uint32_t)a[i] < 16 && needed[(uint32_t)a[i]])
            a[i] = LIMIT_CORE_SIZE;
    }
}

/* Waits that begin again after every signal, as on Linux: only a time ends them. */
static void bend_futex(const struct syscall_descriptor *call, uint64_t a[6])
{
    static const uint64_t long_ago[2] = { 1, 0 };
    uint32_t operation = (uint32_t)a[1] & 0x7f;

    if (text_equal(call->name, "futex") &&
        (operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2 ||
         operation == FUTEX_WAIT_REQUEUE_PI))
        a[3] = address_of(long_ago);
}

void guard_bend(const struct syscall_descriptor *call, uint64_t arguments[6])
{
    bend_memory_call(call, arguments);
    bend_signal_call(call, arguments);
    bend_mask(call, arguments);
    bend_limits(call, arguments);
    bend_futex(call, arguments);
}
