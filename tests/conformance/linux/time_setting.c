/*
 * Setting real time: errors, and who notices.  Natively nobody's clock is set: there the facts are
 * printed as they must be.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "check.h"
#include "passing.h"

#define WILD ((void *)1)
#define HOUR (3600 * 1000 * MS)

static int may_set;

#define FACT_IF_SET(condition)                                                                 \
    (void)printf("%s: %s\n", #condition, !may_set || (condition) ? "yes" : "no")

static void errors(void)
{
    struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, far = { INT64_MAX / 2, 0 };
    struct timeval bad_day = { 0, 1000001 }, day = { 1, 0 };
    struct timezone zone = { 0, 0 };
    struct timex values;

    SECTION("errors");
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, &negative));
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, &far));
    CALL(syscall(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &day));
    CALL(syscall(SYS_clock_settime, CLOCK_BOOTTIME, &day));
    CALL(syscall(SYS_clock_settime, -2, WILD));
    CALL(syscall(SYS_clock_settime, -2, &day));
    CALL(syscall(SYS_clock_settime, -1, &day));
    CALL(syscall(SYS_settimeofday, &bad_day, NULL));
    CALL(syscall(SYS_settimeofday, WILD, NULL));
    CALL(syscall(SYS_settimeofday, NULL, WILD));
    CALL(syscall(SYS_adjtimex, WILD));
    CALL(syscall(SYS_clock_adjtime, CLOCK_REALTIME, WILD));
    CALL(syscall(SYS_clock_adjtime, 99, WILD));
    memset(&values, 0, sizeof(values));
    CALL(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &values));
    CALL(syscall(SYS_clock_adjtime, CLOCK_BOOTTIME, WILD));
    FACT(syscall(SYS_adjtimex, &values) >= 0 && values.tick >= 9000 && values.tick <= 11000);
    FACT(values.time.tv_sec >= now_of(CLOCK_REALTIME) / 1000000000 - 10);
    values.modes = 0x8000;
    CALL(syscall(SYS_adjtimex, &values));

    CALL(setuid(1000));
    CALL(syscall(SYS_settimeofday, &day, NULL));
    CALL(syscall(SYS_settimeofday, &bad_day, WILD));
    CALL(syscall(SYS_settimeofday, NULL, &zone));
    CALL(syscall(SYS_settimeofday, NULL, NULL));
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad));
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, (struct timespec[]){ { 5, 5 } }));
    values.modes = ADJ_SETOFFSET;
    CALL(syscall(SYS_adjtimex, &values));
    values.modes = ADJ_FREQUENCY;
    CALL(syscall(SYS_adjtimex, &values));
    values.modes = ADJ_OFFSET_SS_READ;
    FACT(syscall(SYS_adjtimex, &values) >= 0);
    values.modes = ADJ_OFFSET_SINGLESHOT;
    CALL(syscall(SYS_adjtimex, &values));
}

static void move_clock(long long ns)
{
    long long then = now_of(CLOCK_REALTIME) + ns;
    struct timespec time = { then / 1000000000, then % 1000000000 };

    if (may_set && clock_settime(CLOCK_REALTIME, &time) != 0)
        printf("the clock cannot be set: %s\n", strerror(errno));
}

static volatile int sleeping, slept;

static void *sleep_until_later(void *argument)
{
    long long then = now_of(CLOCK_REALTIME) + HOUR / 2;
    struct timespec time = { then / 1000000000, then % 1000000000 };

    (void)argument;
    sleeping = 1;
    slept = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) == 0 ? 1 : -1;
    return NULL;
}

static void sleeper(void)
{
    long long monotonic = now_of(CLOCK_MONOTONIC), real = now_of(CLOCK_REALTIME);
    pthread_t thread;

    SECTION("an absolute sleep");
    if (may_set)
        pthread_create(&thread, NULL, sleep_until_later, NULL);
    while (may_set && !sleeping)
        pass(MS);
    pass(5 * MS);
    FACT_IF_SET(slept == 0);
    move_clock(HOUR);
    if (may_set)
        pthread_join(thread, NULL);
    FACT_IF_SET(slept == 1);
    FACT_IF_SET(now_of(CLOCK_REALTIME) - real >= HOUR);
    FACT_IF_SET(now_of(CLOCK_MONOTONIC) - monotonic < HOUR / 2);
    FACT_IF_SET(now_of(CLOCK_REALTIME_COARSE) - real >= HOUR - 5 * MS);
    move_clock(-HOUR);
    FACT_IF_SET(now_of(CLOCK_REALTIME) - real < HOUR / 2);
}

static void timers(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    long long then = now_of(CLOCK_REALTIME) + HOUR / 2;
    struct itimerspec absolute = { { 0, 0 }, { then / 1000000000, then % 1000000000 } };
    struct itimerspec relative = { { 0, 0 }, { 1000, 0 } }, left;
    struct timespec moment = { 0, 5 * MS };
    siginfo_t information;
    sigset_t set;
    timer_t first, second;

    SECTION("timers");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    VALUE(timer_create(CLOCK_REALTIME, &event, &first));
    VALUE(timer_create(CLOCK_REALTIME, &event, &second));
    VALUE(timer_settime(first, TIMER_ABSTIME, &absolute, NULL));
    VALUE(timer_settime(second, 0, &relative, NULL));
    FACT(sigtimedwait(&set, &information, &moment) == -1);
    move_clock(HOUR);
    FACT_IF_SET(sigwaitinfo(&set, &information) == SIGUSR1);
    FACT_IF_SET(timer_gettime(first, &left) == 0 && left.it_value.tv_sec == 0);
    FACT_IF_SET(timer_gettime(second, &left) == 0 && left.it_value.tv_sec > 900);
    move_clock(-HOUR);
    timer_delete(first);
    timer_delete(second);
}

static void files(void)
{
    long long then = now_of(CLOCK_REALTIME) + HOUR / 2;
    struct itimerspec absolute = { { 0, 0 }, { then / 1000000000, then % 1000000000 } };
    int watching = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    int plain = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    struct pollfd ready = { .fd = watching, .events = POLLIN };
    uint64_t count = 0;

    SECTION("files");
    CALL(timerfd_settime(watching, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &absolute, NULL));
    CALL(timerfd_settime(plain, TFD_TIMER_ABSTIME, &absolute, NULL));
    CALL(read(watching, &count, sizeof(count)));
    move_clock(-HOUR);
    FACT_IF_SET(poll(&ready, 1, 0) == 1 && ready.revents == POLLIN);
    FACT_IF_SET(read(watching, &count, sizeof(count)) == -1 && errno == ECANCELED);
    FACT_IF_SET(read(watching, &count, sizeof(count)) == -1 && errno == EAGAIN);
    FACT_IF_SET(read(plain, &count, sizeof(count)) == -1 && errno == EAGAIN);
    move_clock(2 * HOUR);
    FACT_IF_SET(timerfd_settime(watching, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &absolute,
                                NULL) == -1 && errno == ECANCELED);
    FACT_IF_SET(read(plain, &count, sizeof(count)) == 8 && count == 1);
    move_clock(-HOUR);
    close(watching);
    close(plain);
}

static void steps(void)
{
    struct timex values = { .modes = ADJ_SETOFFSET, .time = { 3600, 0 } };
    long long real = now_of(CLOCK_REALTIME);

    SECTION("a step");
    FACT_IF_SET(adjtimex(&values) >= 0 && now_of(CLOCK_REALTIME) - real >= HOUR);
    values.time.tv_sec = -3600;
    FACT_IF_SET(adjtimex(&values) >= 0 && now_of(CLOCK_REALTIME) - real < HOUR / 2);
    values = (struct timex){ .modes = ADJ_TAI, .constant = 37 };
    FACT_IF_SET(adjtimex(&values) >= 0 && values.tai == 37);
    real = now_of(CLOCK_REALTIME);
    FACT_IF_SET(now_of(CLOCK_TAI) - real >= 37 * 1000 * MS);
}

int main(void)
{
    struct utsname name;
    pid_t child;

    uname(&name);
    may_set = strstr(name.release, "eft") && geteuid() == 0;
    child = fork();
    if (child == 0) {
        errors();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    sleeper();
    timers();
    files();
    steps();
    return 0;
}
