/* Calls that a stop interrupts go on where they were; with a handler each has its own rule; and a
 * mask for the time of a call lets in only what ends it. */
#include <poll.h>
#include <sys/prctl.h>
#include <sys/select.h>

#include "with_signals.h"

#define CALL_FUTEX_WAIT 0
#define LONG_MS 200
#define VERY_LONG_MS 9000

static double now_ms(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static uint32_t word;
static int pipes[2];
static struct timespec long_time;
static int long_ms;

static void set_time(int ms)
{
    long_ms = ms;
    long_time = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
}

static long sleep_call(void)
{
    return nanosleep(&long_time, NULL);
}

static long sleep_until_call(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += long_time.tv_sec;
    until.tv_nsec += long_time.tv_nsec;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static long poll_call(void)
{
    struct pollfd file = { .fd = pipes[0], .events = POLLIN };

    return syscall(SYS_poll, &file, 1, long_ms);
}

static long ppoll_call(void)
{
    struct pollfd file = { .fd = pipes[0], .events = POLLIN };
    struct timespec left = long_time;

    return syscall(SYS_ppoll, &file, 1, &left, NULL, 8);
}

static long select_call(void)
{
    struct timeval left = { long_ms / 1000, long_ms % 1000 * 1000 };

    return syscall(SYS_select, 0, NULL, NULL, NULL, &left);
}

static long futex_call(void)
{
    return syscall(SYS_futex, &word, CALL_FUTEX_WAIT, 0, &long_time);
}

static long read_call(void)
{
    char byte;

    return read(pipes[0], &byte, 1);
}

static long wait_call(void)
{
    return waitpid(-1, NULL, 0);
}

static long pause_call(void)
{
    return pause();
}

static long suspend_call(void)
{
    unsigned long none = 0;

    return syscall(SYS_rt_sigsuspend, &none, 8);
}

static const struct {
    const char *name;
    long (*call)(void);
    int ends;    /* by itself */
} calls[] = {
    { "nanosleep", sleep_call, 1 },  { "clock_nanosleep", sleep_until_call, 1 },
    { "poll", poll_call, 1 },        { "ppoll", ppoll_call, 1 },
    { "select", select_call, 1 },    { "futex", futex_call, 1 },
    { "read", read_call, 0 },        { "waitpid", wait_call, 0 },
    { "pause", pause_call, 0 },      { "rt_sigsuspend", suspend_call, 0 },
};

static pid_t rests_for;

/* Not longer than its parent. */
static void rest(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == rests_for)
        (void)pause();
}

static size_t which;
static int flags, use_handler;

static void make_call(void)
{
    double start = now_ms();
    pid_t other = 0;

    if (use_handler)
        handle(SIGUSR1, flags);
    rests_for = getpid();
    if (calls[which].call == wait_call)
        other = spawn(rest);
    errno = 0;
    long result = calls[which].call();
    int error = errno;
    printf("%s: %ld %s", calls[which].name, result, result < 0 ? error_name(error) : "");
    if (calls[which].ends && !use_handler)
        printf(", long enough: %s", now_ms() - start >= LONG_MS ? "yes" : "no");
    printf(", handled %d\n", (int)seen[SIGUSR1]);
    if (use_handler) {    /* there is nothing to go on with */
        errno = 0;
        result = syscall(SYS_restart_syscall);
        printf("restart_syscall: %ld %s\n", result, result < 0 ? error_name(errno) : "");
    }
    if (other)
        (void)kill(other, SIGKILL);
}

/* Its status; it may have ended before it stops, or before it is seen to go on. */
static int stop_and_go(pid_t child)
{
    int status;

    while (state_of(child) == 'R')
        pause_ms(1);
    (void)kill(child, SIGSTOP);
    (void)waitpid(child, &status, WUNTRACED);
    if (WIFSTOPPED(status)) {
        (void)kill(child, SIGCONT);
        (void)waitpid(child, &status, WCONTINUED);
    }
    return status;
}

static void stopped(void)
{
    SECTION("a stop: the call goes on, and ends in time");
    use_handler = 0;
    set_time(LONG_MS);
    for (which = 0; which < COUNT(calls); which++) {
        pid_t child = spawn(make_call);
        int status = stop_and_go(child);

        if (!calls[which].ends)
            (void)kill(child, SIGKILL);
        if (WIFCONTINUED(status))
            (void)waitpid(child, &status, 0);
        show_status(calls[which].name, status);
    }
}

static void handled(const char *what, int with_flags)
{
    SECTION(what);
    use_handler = 1;
    set_time(VERY_LONG_MS);
    flags = with_flags;
    for (which = 0; which < COUNT(calls); which++) {
        pid_t child = spawn(make_call);
        int status = 0;

        await_state(child, 'S');
        (void)kill(child, SIGUSR1);
        /* A signal makes who sleeps ready at once: who sleeps again goes on. */
        for (int asleep = 0; asleep < 3 && waitpid(child, &status, WNOHANG) == 0;) {
            pause_ms(10);
            asleep = state_of(child) == 'S' ? asleep + 1 : 0;
        }
        if (!WIFEXITED(status) || waitpid(child, &status, WNOHANG) == 0) {
            printf("%s goes on\n", calls[which].name);
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
        }
    }
}

/* ---- Masks of calls ------------------------------------------------------------------------ */

static void show_after(const char *what, long result)
{
    printf("%s: %ld %s, handled %d, pending %#lx, mask %#lx\n", what, result,
           result < 0 ? error_name(errno) : "", (int)seen[SIGUSR1], pending(),
           change_mask(SIG_BLOCK, 0));
    (void)take(BIT(SIGUSR1), NULL);
    seen[SIGUSR1] = 0;
}

static void masks(void)
{
    struct pollfd file = { .fd = pipes[1], .events = POLLOUT };
    const struct timespec none = { 0, 0 };
    const unsigned long empty = 0;
    struct {
        const unsigned long *set;
        size_t size;
    } argument = { &empty, 8 };

    SECTION("a mask for the call, and a signal that is pending already");
    handle(SIGUSR1, SA_RESTART);
    (void)change_mask(SIG_SETMASK, BIT(SIGUSR1));
    (void)raise(SIGUSR1);
    show_after("ppoll, ready", syscall(SYS_ppoll, &file, 1, NULL, &empty, 8));
    (void)raise(SIGUSR1);
    file.fd = -1;
    show_after("ppoll, not ready", syscall(SYS_ppoll, &file, 1, NULL, &empty, 8));
    (void)raise(SIGUSR1);
    show_after("ppoll, no time", syscall(SYS_ppoll, &file, 1, &none, &empty, 8));
    (void)raise(SIGUSR1);
    show_after("ppoll, bad", syscall(SYS_ppoll, (void *)8, 1, &none, &empty, 8));
    (void)raise(SIGUSR1);
    show_after("pselect6", syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, &argument));
    (void)raise(SIGUSR1);
    show_after("rt_sigsuspend", syscall(SYS_rt_sigsuspend, &empty, 8));
    (void)raise(SIGUSR1);
    argument.size = 4;
    show_after("pselect6, bad", syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, &argument));
    (void)change_mask(SIG_SETMASK, 0);
}

int main(void)
{
    if (pipe(pipes) != 0)
        return 1;
    stopped();
    handled("a handler", 0);
    handled("a handler with SA_RESTART", SA_RESTART);
    masks();
    return 0;
}
