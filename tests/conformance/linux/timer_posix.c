/* timer_create and its like: errors and their order, signals, overruns, threads, fork and exec. */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "passing.h"

#define WILD ((void *)1)

static int make(int clock, int notify, int number, int *id)
{
    struct sigevent event = { .sigev_notify = notify, .sigev_signo = number };

    event.sigev_value.sival_int = 4711;
    return (int)syscall(SYS_timer_create, clock, &event, id);
}

static int set(int id, int flags, long first_ns, long interval_ns)
{
    struct itimerspec setting = {
        .it_interval = { interval_ns / 1000000000, interval_ns % 1000000000 },
        .it_value = { first_ns / 1000000000, first_ns % 1000000000 },
    };

    return (int)syscall(SYS_timer_settime, id, flags, &setting, NULL);
}

static int wait_signal(int number, siginfo_t *information)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    return sigwaitinfo(&set, information);
}

static void errors(void)
{
    struct itimerspec bad = { { 0, 0 }, { 0, 1000000000 } }, good = { { 0, 0 }, { 100, 0 } }, old;
    int id = -1, clock;

    SECTION("errors");
    for (clock = -9; clock < 13; clock++) {
        id = -1;
        printf("clock %d: ", clock);
        if (CALL(make(clock, SIGEV_SIGNAL, SIGUSR1, &id)) == 0)
            (void)syscall(SYS_timer_delete, id);
    }
    CALL(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, &id));
    CALL(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, 65, &id));
    CALL(make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, &id));
    CALL(make(CLOCK_MONOTONIC, 3, SIGUSR1, &id));
    CALL(make(CLOCK_MONOTONIC, 8, SIGUSR1, &id));
    CALL(syscall(SYS_timer_create, 99, WILD, &id));
    CALL(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, WILD));
    CALL(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, NULL));
    CALL(syscall(SYS_timer_settime, 12345, 0, &good, NULL));
    CALL(syscall(SYS_timer_settime, 12345, 0, NULL, NULL));
    CALL(syscall(SYS_timer_settime, 12345, 0, WILD, NULL));
    CALL(syscall(SYS_timer_gettime, 12345, &old));
    CALL(syscall(SYS_timer_getoverrun, 12345));
    CALL(syscall(SYS_timer_delete, 12345));
    CALL(syscall(SYS_timer_delete, -1));
    CALL(make(CLOCK_MONOTONIC, SIGEV_NONE, 0, &id));
    CALL(syscall(SYS_timer_settime, id, 0, &bad, NULL));
    CALL(syscall(SYS_timer_settime, id, 0, &good, WILD));
    CALL(syscall(SYS_timer_settime, id, 0xff00, &good, &old));
    CALL(syscall(SYS_timer_gettime, id, WILD));
    CALL(syscall(SYS_timer_gettime, id, &old));
    FACT(old.it_value.tv_sec >= 90 && old.it_value.tv_sec < 100);
    CALL(syscall(SYS_timer_delete, id));
    CALL(syscall(SYS_timer_delete, id));
}

static void ids(void)
{
    int a, b, c;

    SECTION("ids");
    CALL(make(CLOCK_MONOTONIC, SIGEV_NONE, 0, &a));
    CALL(make(CLOCK_MONOTONIC, SIGEV_NONE, 0, &b));
    CALL(syscall(SYS_timer_delete, a));
    CALL(make(CLOCK_MONOTONIC, SIGEV_NONE, 0, &c));
    VALUE(b - a);
    VALUE(c - b);
    CALL(syscall(SYS_timer_delete, b));
    CALL(syscall(SYS_timer_delete, c));
}

static void signals(int clock)
{
    siginfo_t information;
    long long before;
    int id, plain;

    printf("-- signals of clock %d\n", clock);
    CALL(make(clock, SIGEV_SIGNAL, SIGRTMIN, &id));
    before = now_of(CLOCK_MONOTONIC);
    CALL(set(id, 0, 2 * MS, 0));
    FACT(wait_signal(SIGRTMIN, &information) == SIGRTMIN);
    FACT(now_of(CLOCK_MONOTONIC) - before >= 2 * MS);
    FACT(information.si_code == SI_TIMER && information.si_timerid == id);
    VALUE(information.si_value.sival_int);
    VALUE(information.si_overrun);
    CALL(syscall(SYS_timer_getoverrun, id));

    before = now_of(clock);
    CALL(set(id, TIMER_ABSTIME, (long)(before + 2 * MS), 0));
    FACT(wait_signal(SIGRTMIN, &information) == SIGRTMIN);
    FACT(now_of(clock) - before >= 2 * MS);
    CALL(set(id, TIMER_ABSTIME, 1, 0));    /* long ago */
    FACT(wait_signal(SIGRTMIN, &information) == SIGRTMIN);

    CALL(syscall(SYS_timer_create, clock, NULL, &plain));
    CALL(set(plain, 0, MS, 0));
    FACT(wait_signal(SIGALRM, &information) == SIGALRM);
    FACT(information.si_value.sival_int == plain && information.si_timerid == plain);
    CALL(syscall(SYS_timer_delete, plain));
    CALL(syscall(SYS_timer_delete, id));
}

static void overruns(void)
{
    struct itimerspec setting;
    struct timespec none = { 0, 0 };
    siginfo_t information;
    sigset_t wanted;
    int id, overrun;

    SECTION("overruns");
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGRTMIN);
    CALL(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, &id));
    CALL(set(id, 0, MS, MS));
    pass(10 * MS);
    FACT(wait_signal(SIGRTMIN, &information) == SIGRTMIN);
    FACT(information.si_overrun >= 8);
    overrun = (int)syscall(SYS_timer_getoverrun, id);
    FACT(overrun == information.si_overrun);
    FACT(wait_signal(SIGRTMIN, &information) == SIGRTMIN);
    CALL(syscall(SYS_timer_gettime, id, &setting));
    VALUE(setting.it_interval.tv_nsec);
    FACT(setting.it_value.tv_nsec > 0 && setting.it_value.tv_nsec <= MS);

    CALL(set(id, 0, 0, MS));    /* off, whatever the interval */
    CALL(sigtimedwait(&wanted, &information, &none));
    CALL(syscall(SYS_timer_getoverrun, id));
    CALL(syscall(SYS_timer_gettime, id, &setting));
    VALUE(setting.it_interval.tv_nsec);
    VALUE(setting.it_value.tv_nsec);

    CALL(set(id, 0, MS, 0));    /* pending, then set anew: the old one does not count */
    pass(3 * MS);
    CALL(set(id, 0, 1000000 * MS, 0));
    CALL(sigtimedwait(&wanted, &information, &none));
    CALL(set(id, 0, MS, 0));
    pass(3 * MS);
    CALL(syscall(SYS_timer_delete, id));
    CALL(sigtimedwait(&wanted, &information, &none));
}

static void silent(int clock)
{
    struct itimerspec setting;
    int id;

    printf("-- without a signal, clock %d\n", clock);
    CALL(make(clock, SIGEV_NONE, 0, &id));
    CALL(syscall(SYS_timer_gettime, id, &setting));
    FACT(setting.it_value.tv_sec == 0 && setting.it_value.tv_nsec == 0);
    CALL(set(id, 0, 1000 * MS, 7 * MS));
    CALL(syscall(SYS_timer_gettime, id, &setting));
    FACT(setting.it_value.tv_sec == 0 || setting.it_value.tv_nsec == 0);
    FACT(setting.it_interval.tv_nsec == 7 * MS);
    CALL(set(id, TIMER_ABSTIME, 1, 0));
    CALL(syscall(SYS_timer_gettime, id, &setting));
    FACT(setting.it_value.tv_sec == 0 && setting.it_value.tv_nsec == 0);
    CALL(set(id, TIMER_ABSTIME, 1, 50 * MS));
    CALL(syscall(SYS_timer_gettime, id, &setting));
    FACT(setting.it_value.tv_sec == 0 && setting.it_value.tv_nsec > 0);
    CALL(syscall(SYS_timer_delete, id));
}

static volatile sig_atomic_t handled_by;

static void note_thread(int number)
{
    (void)number;
    handled_by = (sig_atomic_t)syscall(SYS_gettid);
}

static void *to_thread(void *argument)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
    int id;

    (void)argument;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    CALL(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    handled_by = 0;
    CALL(set(id, 0, MS, 0));
    while (!handled_by)
        pass(MS);
    FACT(handled_by == syscall(SYS_gettid) && handled_by != getpid());
    return NULL;    /* the timer stays, without anybody to signal */
}

static void threads(void)
{
    pthread_t thread;

    SECTION("to a thread");
    signal(SIGUSR2, note_thread);
    pthread_create(&thread, NULL, to_thread, NULL);
    pthread_join(thread, NULL);
}

static void children(void)
{
    struct itimerspec setting;
    char text[16];
    int id, status = 0;
    pid_t child;

    SECTION("fork and exec");
    CALL(make(CLOCK_MONOTONIC, SIGEV_NONE, 0, &id));
    CALL(set(id, 0, 1000000 * MS, 0));
    child = fork();
    if (child == 0)
        _exit(syscall(SYS_timer_gettime, id, &setting) == -1 && errno == EINVAL ? 11 : 12);
    waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
    child = fork();
    if (child == 0) {
        (void)make(CLOCK_MONOTONIC, SIGEV_NONE, 0, &id);
        (void)snprintf(text, sizeof(text), "%d", id);
        execl("/proc/self/exe", "again", text, NULL);
        _exit(99);
    }
    waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
}

static void ignored(void)
{
    siginfo_t information;
    sigset_t none, all;
    int id;

    SECTION("ignored for a while");
    sigemptyset(&none);
    sigfillset(&all);
    signal(SIGUSR1, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    CALL(make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, &id));
    CALL(set(id, 0, MS, MS));
    pass(5 * MS);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGUSR1, SIG_DFL);
    FACT(wait_signal(SIGUSR1, &information) == SIGUSR1);
    CALL(syscall(SYS_timer_delete, id));
}

int main(int count, char **arguments)
{
    struct itimerspec setting;
    sigset_t blocked;

    if (count > 1)
        return syscall(SYS_timer_gettime, atoi(arguments[1]), &setting) == -1 ? 21 : 22;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    errors();
    ids();
    signals(CLOCK_REALTIME);
    signals(CLOCK_MONOTONIC);
    signals(CLOCK_BOOTTIME);
    overruns();
    silent(CLOCK_REALTIME);
    silent(CLOCK_MONOTONIC);
    silent(CLOCK_PROCESS_CPUTIME_ID);
    threads();
    children();
    ignored();
    return 0;
}
