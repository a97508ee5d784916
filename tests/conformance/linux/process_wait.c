/* Waiting for children: statuses, options, who is waited for, SIGCHLD, orphans, groups. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int go[2];    /* a child waits for a byte here */

static pid_t make(void (*run)(int number), int number)
{
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        run(number);
        _exit(0);
    }
    return child;
}

static void run_exit(int number)
{
    _exit(number);
}

static void run_signal(int number)
{
    const struct rlimit none = { 0, 0 };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)raise(number);
}

static void run_read(int number)
{
    char byte;

    (void)number;
    (void)read(go[0], &byte, 1);
}

static void run_pause(int number)
{
    (void)number;
    for (;;)
        (void)pause();
}

static void let_go(void)
{
    (void)write(go[1], "x", 1);
}

/* Waits until nothing is left to be said about it, and leaves it so. */
static void wait_for_end(pid_t child)
{
    siginfo_t information;

    (void)waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT);
}

static void show_status(pid_t child)
{
    int status = -1;

    FACT(waitpid(child, &status, 0) == child);
    (void)printf("status %#x\n", (unsigned)status);
}

static void show_statuses(void)
{
    static const int codes[] = { 0, 1, 255, 256, -1 };
    static const int signals[] = { SIGTERM, SIGKILL, SIGABRT, SIGSEGV, SIGALRM, SIGCHLD };

    SECTION("statuses");
    for (size_t i = 0; i < COUNT(codes); i++)
        show_status(make(run_exit, codes[i]));
    for (size_t i = 0; i < COUNT(signals); i++)
        show_status(make(run_signal, signals[i]));
}

static void show_options(void)
{
    int status = 7;
    pid_t child = make(run_read, 0);

    SECTION("options");
    CALL(waitpid(child, &status, WNOHANG));
    VALUE(status);
    CALL(waitpid(child + 100000, &status, 0));
    CALL(waitpid(-child, &status, WNOHANG));
    CALL(waitpid(0, &status, WNOHANG));
    CALL(waitpid(-1, &status, WNOHANG));
    CALL(waitpid(-1, &status, WNOHANG | __WCLONE));
    CALL(waitpid(-1, &status, WNOHANG | __WALL));
    CALL(waitpid(child, &status, WEXITED));
    CALL(waitpid(child, &status, WNOWAIT));
    let_go();
    wait_for_end(child);
    CALL(kill(child, 0));
    CALL(waitpid(child, (int *)8, 0));
    CALL(waitpid(child, &status, 0));
    CALL(kill(child, 0));
}

static void show_information(const siginfo_t *information, pid_t child)
{
    (void)printf("signal %d, code %d, status %d, %s\n", information->si_signo,
                 information->si_code, information->si_status,
                 information->si_pid == child ? "this child"
                 : information->si_pid == 0   ? "no child"
                                              : "another child");
}

static void show_waitid(void)
{
    siginfo_t information;
    pid_t child = make(run_read, 0);

    SECTION("waitid");
    CALL(waitid(P_PID, 0, &information, WEXITED));
    CALL(waitid(P_PID, (id_t)child, &information, 0));
    CALL(waitid(P_PID, (id_t)child, &information, WNOHANG));
    CALL(waitid(P_PID, (id_t)child, &information, WEXITED | 0x80));
    CALL(waitid(9, (id_t)child, &information, WEXITED));
    CALL(waitid(P_PGID, (id_t)child, &information, WEXITED));
    memset(&information, 1, sizeof(information));
    CALL(waitid(P_PID, (id_t)child, &information, WEXITED | WNOHANG));
    show_information(&information, child);
    let_go();
    CALL(waitid(P_ALL, 0, &information, WEXITED | WNOWAIT));
    show_information(&information, child);
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED | WNOHANG));
    CALL(waitid(P_PID, (id_t)child, (void *)8, WEXITED | WNOWAIT));
    CALL(waitid(P_PID, (id_t)child, NULL, WEXITED));
    CALL(waitid(P_PID, (id_t)child, &information, WEXITED));
    child = make(run_signal, SIGUSR2);
    CALL(waitid(P_PID, (id_t)child, &information, WEXITED));
    show_information(&information, child);
}

static void show_stops(void)
{
    siginfo_t information;
    int status;
    pid_t child = make(run_pause, 0);

    SECTION("stops");
    CALL(waitpid(child, &status, WUNTRACED | WNOHANG));
    CALL(kill(child, SIGSTOP));
    FACT(waitpid(child, &status, WUNTRACED) == child);
    (void)printf("status %#x\n", (unsigned)status);
    CALL(waitpid(child, &status, WUNTRACED | WNOHANG));
    CALL(kill(child, SIGCONT));
    FACT(waitpid(child, &status, WCONTINUED) == child);
    (void)printf("status %#x\n", (unsigned)status);
    CALL(waitpid(child, &status, WCONTINUED | WNOHANG));
    CALL(kill(child, SIGSTOP));
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED | WNOWAIT));
    show_information(&information, child);
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED));
    show_information(&information, child);
    CALL(kill(child, SIGCONT));
    CALL(waitid(P_PID, (id_t)child, &information, WCONTINUED));
    show_information(&information, child);
    CALL(kill(child, SIGSTOP));
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED));
    CALL(kill(child, SIGKILL));
    show_status(child);
}

static volatile siginfo_t last;
static volatile int signals;

static void caught(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    *(siginfo_t *)&last = *information;
    signals++;
}

static void handle(void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO | flags };

    action.sa_sigaction = handler;
    (void)sigaction(SIGCHLD, &action, NULL);
}

static void show_signal(void)
{
    pid_t child;

    SECTION("SIGCHLD");
    handle(caught, SA_RESTART);
    child = make(run_exit, 9);
    show_status(child);
    VALUE(signals);
    show_information((const siginfo_t *)&last, child);
    FACT(last.si_uid == getuid());
    child = make(run_pause, 0);
    CALL(kill(child, SIGSTOP));
    wait_for_end(make(run_exit, 1));
    CALL(waitpid(child, NULL, WUNTRACED) == child);
    CALL(kill(child, SIGKILL));
    CALL(waitpid(child, NULL, 0) == child);
    CALL(waitpid(-1, NULL, 0) > 0);
    show_information((const siginfo_t *)&last, child);
    signals = 0;
    handle(caught, SA_NOCLDWAIT);
    child = make(run_exit, 9);
    CALL(waitpid(child, NULL, 0));
    VALUE(signals);
    (void)signal(SIGCHLD, SIG_IGN);
    child = make(run_exit, 9);
    CALL(waitpid(child, NULL, 0));
    CALL(waitpid(-1, NULL, 0));
    (void)signal(SIGCHLD, SIG_DFL);
}

/* Its child outlives it and ends with what its parent is then. */
static void run_orphan(int number)
{
    pid_t heir = (pid_t)number;
    pid_t parent = getpid();
    int ready[2];
    char byte;

    (void)pipe(ready);
    if (fork() == 0) {
        (void)write(ready[1], "x", 1);
        while (getppid() == parent)
            (void)usleep(1000);
        _exit(getppid() == heir ? 42 : 43);
    }
    (void)read(ready[0], &byte, 1);
}

static void show_orphans(void)
{
    int status = 0;

    SECTION("orphans");
    CALL(prctl(PR_SET_CHILD_SUBREAPER, 1));
    show_status(make(run_orphan, getpid()));
    CALL(wait(&status) > 0);
    (void)printf("status %#x\n", (unsigned)status);
    CALL(wait(&status));
    CALL(prctl(PR_SET_CHILD_SUBREAPER, 0));
}

static void show_groups(void)
{
    pid_t child = make(run_read, 0);
    pid_t second;

    SECTION("groups");
    CALL(setpgid(child, child));
    FACT(getpgid(child) == child);
    second = make(run_read, 0);
    CALL(setpgid(second, child));
    FACT(getpgid(second) == child);
    CALL(setpgid(second, getpid() + 100000));
    CALL(waitpid(-child, NULL, WNOHANG));
    CALL(waitpid(0, NULL, WNOHANG));
    CALL(kill(-child, SIGTERM));
    CALL(waitpid(-child, NULL, 0) > 0);
    CALL(waitpid(-child, NULL, 0) > 0);
    CALL(waitpid(-child, NULL, 0));
    CALL(kill(-child, SIGTERM));
}

static void run_session(int number)
{
    (void)number;
    CALL(setsid() == getpid());
    FACT(getsid(0) == getpid() && getpgrp() == getpid());
    CALL(setsid());
    CALL(setpgid(0, 0));
    (void)fflush(stdout);
}

static void show_sessions(void)
{
    pid_t child;

    SECTION("sessions");
    child = make(run_session, 0);
    CALL(waitpid(child, NULL, 0) == child);
}

static void run_work(int number)
{
    static char memory[8 << 20];

    memset(memory, 1, sizeof(memory));    /* Linux counts a few pages late */
    for (volatile long i = 0; i < (long)number * 1000000; i++)
        continue;
}

static void show_usage(void)
{
    struct rusage usage, all;
    int status;
    pid_t child = make(run_work, 200);

    SECTION("usage");
    CALL(wait4(child, &status, 0, &usage) == child);
    FACT(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec > 0 ||
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec > 10000);
    FACT(usage.ru_maxrss > 4096 && usage.ru_minflt > 0);
    (void)getrusage(RUSAGE_CHILDREN, &all);
    FACT(all.ru_utime.tv_sec > 0 || all.ru_utime.tv_usec >= usage.ru_utime.tv_usec);
    FACT(all.ru_maxrss >= usage.ru_maxrss);
}

static void interrupt(int number)
{
    (void)number;
}

static void show_interruption(void)
{
    struct sigaction action = { .sa_handler = interrupt };
    pid_t child = make(run_pause, 0), sender;

    SECTION("a wait that is interrupted");
    (void)sigaction(SIGALRM, &action, NULL);
    sender = signal_in_sleep(SIGALRM);
    CALL(waitpid(child, NULL, 0));
    FACT(waitpid(sender, NULL, 0) == sender);
    CALL(kill(child, SIGKILL));
    show_status(child);
}

int main(void)
{
    (void)pipe(go);
    show_statuses();
    show_options();
    show_waitid();
    show_stops();
    show_signal();
    show_orphans();
    show_groups();
    show_sessions();
    show_usage();
    show_interruption();
    return 0;
}
