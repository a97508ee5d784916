/* Calls that a signal interrupts: which are repeated, which fail, and what remains of a sleep. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

static void alarm_in(int milliseconds, int again)
{
    const struct itimerval timer = {
        .it_value = { .tv_usec = milliseconds * 1000 },
        .it_interval = { .tv_usec = again * 1000 },
    };

    calls = 0;
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

#define TIMED(expression, least)                                   \
    do {                                                           \
        struct timespec start;                                     \
        (void)clock_gettime(CLOCK_MONOTONIC, &start);              \
        CALL(expression);                                          \
        long took = elapsed_ms(&start);                            \
        FACT(took >= (least));                                     \
        FACT(took < (least) + 400);                                \
        VALUE(calls);                                              \
    } while (0)

static void sleeping(void)
{
    const struct timespec wanted = { 0, 200000000 };
    struct timespec left = { 7, 7 };
    struct timespec until;

    SECTION("sleeps");
    install(SA_RESTART);
    alarm_in(50, 0);
    TIMED(nanosleep(&wanted, &left), 50);
    FACT(left.tv_sec == 0 && left.tv_nsec > 50000000 && left.tv_nsec <= 151000000);
    alarm_in(50, 0);
    TIMED(nanosleep(&wanted, NULL), 50);
    alarm_in(50, 0);
    TIMED(syscall(SYS_nanosleep, &wanted, (void *)1), 50);
    alarm_in(50, 0);
    left.tv_nsec = 7;
    TIMED(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wanted, &left), 50);
    FACT(left.tv_nsec > 50000000 && left.tv_nsec <= 151000000);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    alarm_in(50, 0);
    left = (struct timespec){ 7, 7 };
    TIMED(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left), 50);
    FACT(left.tv_sec == 7 && left.tv_nsec == 7);
}

static void ignored(void)
{
    const struct timespec wanted = { 0, 200000000 };

    SECTION("a signal that is ignored does not interrupt");
    (void)signal(SIGALRM, SIG_IGN);
    alarm_in(50, 0);
    TIMED(nanosleep(&wanted, NULL), 200);
}

static void waiting(void)
{
    struct pollfd none = { .fd = -1 };
    struct timeval long_time = { 1, 0 };
    const struct timespec timeout = { 1, 0 };
    sigset_t empty, blocked;

    SECTION("waits that are not repeated");
    install(SA_RESTART);
    alarm_in(50, 0);
    TIMED(pause(), 50);
    alarm_in(50, 0);
    TIMED(poll(&none, 1, 1000), 50);
    alarm_in(50, 0);
    TIMED(select(0, NULL, NULL, NULL, &long_time), 50);
    alarm_in(50, 0);
    TIMED(pselect(0, NULL, NULL, NULL, &timeout, NULL), 50);
    SECTION("with another mask for the time of the call");
    sigemptyset(&empty);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    (void)sigprocmask(SIG_SETMASK, &blocked, NULL);
    alarm_in(50, 0);
    TIMED(sigsuspend(&empty), 50);
    (void)sigprocmask(SIG_SETMASK, NULL, &empty);
    FACT(sigismember(&empty, SIGALRM));
    sigemptyset(&empty);
    alarm_in(50, 0);
    TIMED(ppoll(&none, 1, &timeout, &empty), 50);
    (void)sigprocmask(SIG_SETMASK, NULL, &empty);
    FACT(sigismember(&empty, SIGALRM));
    sigemptyset(&empty);
    (void)sigprocmask(SIG_SETMASK, &empty, NULL);
}

int main(void)
{
    sleeping();
    ignored();
    waiting();
    return 0;
}
