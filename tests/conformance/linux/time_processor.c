/*
 * Processor time: clocks of processes and threads, timers and sleeps on them, interval timers,
 * limits, and what getrusage says.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>

#include "check.h"
#include "passing.h"

#define THREAD_CLOCK(id) ((int)(~(unsigned)(id) << 3 | 6))
#define PROCESS_CLOCK(id) ((int)(~(unsigned)(id) << 3 | 2))

static void burn(int clock, long long ns)
{
    long long end = now_of(clock) + ns;

    while (now_of(clock) < end)
        continue;
}

static long long usage_of(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}

/* ---- Clocks -------------------------------------------------------------------------------- */

static volatile int other_id, leave;

static void *burn_there(void *argument)
{
    (void)argument;
    other_id = (int)syscall(SYS_gettid);
    while (!leave)
        continue;
    return NULL;
}

static void one_thread(void)
{
    long long before = now_of(CLOCK_THREAD_CPUTIME_ID), slept;
    long long real = now_of(CLOCK_MONOTONIC);

    SECTION("one thread");
    burn(CLOCK_MONOTONIC, 20 * MS);
    FACT(now_of(CLOCK_THREAD_CPUTIME_ID) > before);
    before = now_of(CLOCK_THREAD_CPUTIME_ID);
    burn(CLOCK_THREAD_CPUTIME_ID, 10 * MS);
    FACT(now_of(CLOCK_THREAD_CPUTIME_ID) - before >= 10 * MS);
    slept = now_of(CLOCK_THREAD_CPUTIME_ID);
    FACT(now_of(CLOCK_PROCESS_CPUTIME_ID) >= slept);
    FACT(now_of(CLOCK_MONOTONIC) - real >= now_of(CLOCK_THREAD_CPUTIME_ID) - before);
    slept = now_of(CLOCK_PROCESS_CPUTIME_ID);
    pass(100 * MS);
    FACT(now_of(CLOCK_PROCESS_CPUTIME_ID) - slept < 90 * MS);
    FACT(usage_of(RUSAGE_SELF) >= 9 * MS && usage_of(RUSAGE_THREAD) >= 9 * MS);
    before = now_of(CLOCK_PROCESS_CPUTIME_ID) / 1000 * 1000;
    FACT(usage_of(RUSAGE_SELF) >= before - 2000);    /* two parts, each cut */
}

static void two_threads(void)
{
    long long own, other;
    pthread_t thread;
    clockid_t clock;

    SECTION("two threads");
    pthread_create(&thread, NULL, burn_there, NULL);
    while (!other_id)
        pass(MS);
    FACT(pthread_getcpuclockid(thread, &clock) == 0 && clock == THREAD_CLOCK(other_id));
    FACT(clock_getcpuclockid(0, &clock) == 0 && clock == PROCESS_CLOCK(0));
    own = now_of(CLOCK_THREAD_CPUTIME_ID);
    other = now_of(THREAD_CLOCK(other_id));
    while (now_of(THREAD_CLOCK(other_id)) - other < 20 * MS)
        pass(MS);
    FACT(now_of(THREAD_CLOCK(other_id)) - other >= 20 * MS);
    FACT(now_of(CLOCK_PROCESS_CPUTIME_ID) >= own + other + 20 * MS);
    FACT(now_of(PROCESS_CLOCK(getpid())) >= other);
    FACT(now_of(PROCESS_CLOCK(other_id)) == -1 && errno == EINVAL);
    leave = 1;
    pthread_join(thread, NULL);
    while (now_of(THREAD_CLOCK(other_id)) != -1)    /* it is gone soon after it was joined */
        pass(MS);
    VALUE(errno == EINVAL);
    FACT(now_of(CLOCK_PROCESS_CPUTIME_ID) >= own + other + 20 * MS);    /* it still counts */
    FACT(usage_of(RUSAGE_SELF) > usage_of(RUSAGE_THREAD));
}

static void children(void)
{
    struct tms times_before, times_after;
    long long before = usage_of(RUSAGE_CHILDREN);
    pid_t child;

    SECTION("children");
    child = fork();
    if (child == 0) {
        burn(CLOCK_PROCESS_CPUTIME_ID, 30 * MS);
        _exit(now_of(CLOCK_PROCESS_CPUTIME_ID) < 1000 * MS ? 0 : 1);    /* began with 0 */
    }
    times(&times_before);
    FACT(now_of(PROCESS_CLOCK(child)) >= 0);
    FACT(now_of(THREAD_CLOCK(child)) == -1 && errno == EINVAL);
    while (now_of(PROCESS_CLOCK(child)) >= 0 && now_of(PROCESS_CLOCK(child)) < 20 * MS)
        pass(MS);
    FACT(usage_of(RUSAGE_CHILDREN) == before);
    waitpid(child, NULL, 0);
    FACT(usage_of(RUSAGE_CHILDREN) - before >= 29 * MS);
    FACT(now_of(PROCESS_CLOCK(child)) == -1 && errno == EINVAL);
    times(&times_after);
    FACT(times_after.tms_cutime + times_after.tms_cstime -
         times_before.tms_cutime - times_before.tms_cstime >= 2);
}

/* ---- Timers -------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

static void timer(int clock)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    struct itimerspec once = { { 0, 0 }, { 0, 10 * MS } }, often = { { 0, 5 * MS }, { 0, MS } };
    struct itimerspec left;
    long long before, real;
    int id;

    printf("-- timers on clock %d\n", clock);
    signal(SIGUSR1, count_signal);
    CALL(syscall(SYS_timer_create, clock, &event, &id));
    before = now_of(clock);
    real = now_of(CLOCK_MONOTONIC);
    signals = 0;
    CALL(syscall(SYS_timer_settime, id, 0, &once, NULL));
    pass(20 * MS);
    FACT(signals == 0);    /* it does not run while it sleeps */
    while (signals == 0)
        continue;
    FACT(now_of(clock) - before >= 10 * MS && now_of(CLOCK_MONOTONIC) - real >= 30 * MS);
    CALL(syscall(SYS_timer_gettime, id, &left));
    FACT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    before = now_of(clock);
    signals = 0;
    CALL(syscall(SYS_timer_settime, id, 0, &often, NULL));
    while (signals < 4)
        continue;
    FACT(now_of(clock) - before >= 16 * MS);
    CALL(syscall(SYS_timer_gettime, id, &left));
    FACT(left.it_value.tv_nsec > 0 && left.it_interval.tv_nsec == 5 * MS);
    once.it_value.tv_nsec = 1;    /* absolute, and long ago */
    signals = 0;
    CALL(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &once, NULL));
    FACT(signals == 1);
    CALL(syscall(SYS_timer_delete, id));
}

static void sleeps(void)
{
    struct timespec wait = { 0, 15 * MS }, past = { 0, 1 };
    int own = THREAD_CLOCK(syscall(SYS_gettid));
    long long before;
    pthread_t thread;

    SECTION("sleeping");
    CALL(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &wait, NULL));
    FACT(syscall(SYS_clock_nanosleep, own, 0, &wait, NULL) == -1 && errno == EINVAL);
    FACT(syscall(SYS_clock_nanosleep, THREAD_CLOCK(0), 0, &wait, NULL) == -1 && errno == EINVAL);
    FACT(syscall(SYS_clock_nanosleep, PROCESS_CLOCK(9999999), 0, &wait, NULL) == -1 &&
         errno == EINVAL);
    CALL(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &past, NULL));
    leave = other_id = 0;
    pthread_create(&thread, NULL, burn_there, NULL);
    while (!other_id)
        pass(MS);
    before = now_of(CLOCK_PROCESS_CPUTIME_ID);
    CALL(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &wait, NULL));
    FACT(now_of(CLOCK_PROCESS_CPUTIME_ID) - before >= 15 * MS);
    before = now_of(THREAD_CLOCK(other_id));
    FACT(syscall(SYS_clock_nanosleep, THREAD_CLOCK(other_id), 0, &wait, NULL) == 0);
    FACT(now_of(THREAD_CLOCK(other_id)) - before >= 15 * MS);
    leave = 1;
    pthread_join(thread, NULL);
}

static void interval(int which, int number)
{
    struct itimerval setting = { .it_value = { 0, 5000 }, .it_interval = { 0, 5000 } }, old;
    long long before = now_of(CLOCK_MONOTONIC);    /* Linux counts in ticks, roughly */

    printf("-- interval timer %d\n", which);
    signal(number, count_signal);
    signals = 0;
    CALL(setitimer(which, &setting, NULL));
    while (signals < 4)
        continue;
    FACT(now_of(CLOCK_MONOTONIC) - before >= 12 * MS);
    memset(&setting, 0, sizeof(setting));
    CALL(getitimer(which, &old));
    VALUE(old.it_interval.tv_usec);
    CALL(setitimer(which, &setting, &old));
    VALUE(old.it_interval.tv_usec);
    CALL(getitimer(which, &old));
    FACT(old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0 && old.it_interval.tv_usec == 0);
}

/* ---- RLIMIT_CPU ---------------------------------------------------------------------------- */

static void limit(rlim_t soft, rlim_t hard)
{
    struct rlimit limits = { soft, hard };
    int status = 0;
    pid_t child;

    printf("-- limit %d, %d\n", (int)soft, (int)hard);
    child = fork();
    if (child == 0) {
        signal(SIGXCPU, soft < hard ? count_signal : SIG_DFL);
        signals = 0;
        setrlimit(RLIMIT_CPU, &limits);
        while (signals == 0)
            continue;
        getrlimit(RLIMIT_CPU, &limits);
        _exit((int)limits.rlim_cur);
    }
    waitpid(child, &status, 0);
    VALUE(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    VALUE(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

int main(void)
{
    one_thread();
    two_threads();
    children();
    timer(CLOCK_PROCESS_CPUTIME_ID);
    timer(CLOCK_THREAD_CPUTIME_ID);
    sleeps();
    interval(ITIMER_VIRTUAL, SIGVTALRM);
    interval(ITIMER_PROF, SIGPROF);
    limit(0, 5);
    limit(1, 1);
    return 0;
}
