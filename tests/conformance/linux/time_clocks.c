/* Clocks, sleeping and timers: errors, their order, and that time goes by as it should. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define WILD ((void *)1)

static long long ns_of(const struct timespec *time)
{
    return time->tv_sec * 1000000000LL + time->tv_nsec;
}

static void reading(void)
{
    static const int clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 11 };

    SECTION("clock_gettime, clock_getres");
    for (size_t i = 0; i < COUNT(clocks); i++) {
        struct timespec first = { 0 }, second = { 0 }, resolution = { 9, 9 };
        int clock = clocks[i];

        printf("clock %d: ", clock);
        CALL(syscall(SYS_clock_gettime, clock, &first));
        (void)syscall(SYS_clock_gettime, clock, &second);
        FACT(ns_of(&second) >= ns_of(&first) && first.tv_nsec >= 0 && first.tv_nsec < 1000000000);
        CALL(syscall(SYS_clock_getres, clock, &resolution));
        printf("resolution %lld\n", ns_of(&resolution));
        CALL(syscall(SYS_clock_getres, clock, NULL));
    }
    for (int clock = 12; clock < 17; clock++) {
        CALL(syscall(SYS_clock_gettime, clock, WILD));
        CALL(syscall(SYS_clock_getres, clock, NULL));
    }
    CALL(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, WILD));
    CALL(syscall(SYS_clock_getres, CLOCK_MONOTONIC, WILD));
    CALL(syscall(SYS_clock_gettime, 99, WILD));
}

static void processors(void)
{
    struct timespec time;

    SECTION("clocks of processes and threads");
    CALL(syscall(SYS_clock_gettime, -6, &time));
    CALL(syscall(SYS_clock_gettime, -2, &time));
    CALL(syscall(SYS_clock_gettime, (unsigned)~getpid() << 3 | 2, &time));
    CALL(syscall(SYS_clock_gettime, (unsigned)~99999999 << 3 | 2, &time));
    CALL(syscall(SYS_clock_gettime, -1, &time));
    CALL(syscall(SYS_clock_gettime, -5, &time));
}

static void wall(void)
{
    struct timeval time;
    struct timezone zone = { 1, 1 };
    struct timespec real;

    SECTION("time of day");
    CALL(syscall(SYS_gettimeofday, &time, &zone));
    FACT(zone.tz_minuteswest == 0 && zone.tz_dsttime == 0);
    (void)clock_gettime(CLOCK_REALTIME, &real);
    FACT(real.tv_sec - time.tv_sec <= 1 && real.tv_sec > 1600000000);
    FACT(time.tv_usec >= 0 && time.tv_usec < 1000000);
    CALL(syscall(SYS_gettimeofday, NULL, NULL));
    CALL(syscall(SYS_gettimeofday, WILD, NULL));
    CALL(syscall(SYS_gettimeofday, NULL, WILD));
    FACT(syscall(SYS_time, NULL) - real.tv_sec <= 1);
    CALL(syscall(SYS_time, WILD));
    CALL(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &real));
    CALL(syscall(SYS_clock_settime, 99, &real));
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, WILD));
    real.tv_nsec = -1;
    CALL(syscall(SYS_clock_settime, CLOCK_REALTIME, &real));
}

static void sleeping(void)
{
    struct timespec short_time = { 0, 1 };
    struct timespec bad = { 0, 1000000000 };
    struct timespec before, after;

    SECTION("sleeping");
    for (int clock = 0; clock < 13; clock++) {
        if (clock == CLOCK_PROCESS_CPUTIME_ID)
            continue;    /* sleeps until the process has run that long */
        printf("clock %d: ", clock);
        CALL(syscall(SYS_clock_nanosleep, clock, 0, &short_time, NULL));
    }
    CALL(syscall(SYS_clock_nanosleep, 99, 0, WILD, NULL));
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, WILD, NULL));
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 99, WILD, NULL));
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL));
    CALL(syscall(SYS_nanosleep, &bad, NULL));
    bad = (struct timespec){ -1, 0 };
    CALL(syscall(SYS_nanosleep, &bad, NULL));
    CALL(syscall(SYS_nanosleep, WILD, NULL));
    CALL(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &short_time, WILD));
    short_time.tv_nsec = 30000000;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    CALL(syscall(SYS_nanosleep, &short_time, WILD));
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    FACT(ns_of(&after) - ns_of(&before) >= 30000000);
    (void)clock_gettime(CLOCK_REALTIME, &before);
    before.tv_nsec += 30000000;
    before.tv_sec += before.tv_nsec / 1000000000;
    before.tv_nsec %= 1000000000;
    CALL(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &before, NULL));
    (void)clock_gettime(CLOCK_REALTIME, &after);
    FACT(ns_of(&after) >= ns_of(&before));
}

static void timers(void)
{
    struct itimerval value = { .it_value = { 100, 0 }, .it_interval = { 7, 8 } };
    struct itimerval old;

    SECTION("alarm and timers");
    CALL(alarm(0));
    CALL(alarm(100));
    CALL(alarm(50));
    CALL(syscall(SYS_setitimer, ITIMER_REAL, &value, &old));
    FACT(old.it_value.tv_sec >= 49 && old.it_interval.tv_sec == 0);
    CALL(syscall(SYS_getitimer, ITIMER_REAL, &old));
    FACT(old.it_value.tv_sec >= 99 && old.it_interval.tv_sec == 7 &&
         old.it_interval.tv_usec == 8);
    CALL(alarm(0));
    CALL(syscall(SYS_getitimer, ITIMER_REAL, &old));
    FACT(old.it_value.tv_sec == 0 && old.it_interval.tv_sec == 0);
    value.it_value = (struct timeval){ 0, 0 };    /* off: what is kept of the interval */
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        CALL(syscall(SYS_setitimer, which, &value, NULL));
        CALL(syscall(SYS_getitimer, which, &old));
        VALUE(old.it_value.tv_sec + old.it_value.tv_usec);
        VALUE(old.it_interval.tv_sec);
    }
    CALL(syscall(SYS_setitimer, ITIMER_REAL, WILD, NULL));
    CALL(syscall(SYS_setitimer, ITIMER_REAL, NULL, WILD));
    CALL(syscall(SYS_setitimer, 9, &value, NULL));
    CALL(syscall(SYS_setitimer, 9, WILD, NULL));
    CALL(syscall(SYS_getitimer, 9, &old));
    CALL(syscall(SYS_getitimer, ITIMER_REAL, WILD));
    value.it_value.tv_usec = 1000000;
    CALL(syscall(SYS_setitimer, ITIMER_REAL, &value, NULL));
    value.it_value = (struct timeval){ -1, 0 };
    CALL(syscall(SYS_setitimer, ITIMER_REAL, &value, NULL));
    value.it_value.tv_sec = 1;
    value.it_interval.tv_usec = -1;
    CALL(syscall(SYS_setitimer, 9, &value, NULL));
}

int main(void)
{
    reading();
    processors();
    wall();
    sleeping();
    timers();
    return 0;
}
