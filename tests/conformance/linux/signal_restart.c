/* Calls that a signal interrupts: which are repeated, which fail, and what remains of a sleep. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile int calls;

static void count(int number)
{
    (void)number;
    calls++;
}

static void install(int flags)
{
    struct sigaction action = { .sa_handler = count, .sa_flags = flags };

    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
}

#define LONG_MS 20000
#define SHORT_MS 200

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

#define INTERRUPTED(expression)                                    \
    do {                                                           \
        calls = 0;                                                 \
        (void)signal_in_sleep(SIGALRM);                            \
        CALL(expression);                                          \
        VALUE(calls);                                              \
    } while (0)

/* What remains is what it has not slept. */
static void check_left(const struct timespec *left, const struct timespec *start)
{
    long left_ms = left->tv_sec * 1000 + left->tv_nsec / 1000000;

    FACT(left_ms > 0 && left_ms <= LONG_MS);
    FACT(left_ms + elapsed_ms(start) >= LONG_MS - 2);
}

static void sleeping(void)
{
    const struct timespec wanted = { LONG_MS / 1000, 0 };
    struct timespec left = { 7, 7 };
    struct timespec start, until;

    SECTION("sleeps");
    install(SA_RESTART);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    INTERRUPTED(nanosleep(&wanted, &left));
    check_left(&left, &start);
    INTERRUPTED(nanosleep(&wanted, NULL));
    INTERRUPTED(syscall(SYS_nanosleep, &wanted, (void *)1));
    left.tv_nsec = 7;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    INTERRUPTED(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wanted, &left));
    check_left(&left, &start);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LONG_MS / 1000;
    left = (struct timespec){ 7, 7 };
    INTERRUPTED(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left));
    FACT(left.tv_sec == 7 && left.tv_nsec == 7);
}

static void ignored(void)
{
    const struct timespec wanted = { 0, SHORT_MS * 1000000 };
    struct timespec start;

    SECTION("a signal that is ignored does not interrupt");
    (void)signal(SIGALRM, SIG_IGN);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    INTERRUPTED(nanosleep(&wanted, NULL));
    FACT(elapsed_ms(&start) >= SHORT_MS);
}

static void waiting(void)
{
    struct pollfd none = { .fd = -1 };
    struct timeval long_time = { LONG_MS / 1000, 0 };
    const struct timespec timeout = { LONG_MS / 1000, 0 };
    sigset_t empty, blocked;

    SECTION("waits that are not repeated");
    install(SA_RESTART);
    INTERRUPTED(pause());
    INTERRUPTED(poll(&none, 1, LONG_MS));
    INTERRUPTED(select(0, NULL, NULL, NULL, &long_time));
    INTERRUPTED(pselect(0, NULL, NULL, NULL, &timeout, NULL));
    SECTION("with another mask for the time of the call");
    sigemptyset(&empty);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
    INTERRUPTED(sigsuspend(&empty));
    (void)sigprocmask(SIG_SETMASK, NULL, &empty);
    FACT(sigismember(&empty, SIGALRM));
    sigemptyset(&empty);
    INTERRUPTED(ppoll(&none, 1, &timeout, &empty));
    (void)sigprocmask(SIG_SETMASK, NULL, &empty);
    FACT(sigismember(&empty, SIGALRM));
    sigemptyset(&empty);
    (void)sigprocmask(SIG_SETMASK, &empty, NULL);
}

int main(void)
{
    (void)signal(SIGCHLD, SIG_IGN);    /* nobody waits for those that send signals */
    sleeping();
    ignored();
    waiting();
    return 0;
}
