#pragma once
/* For the programs about signals: calls without a C library in between, and children. */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

#define PATIENCE_MS 10000
#define FIRST_REAL_TIME 35    /* the C libraries keep those below */

#define BIT(number) (1UL << ((number) - 1))

static volatile sig_atomic_t seen[65];
static volatile int last_code, last_value, last_status;
static volatile pid_t last_sender, last_thread;

__attribute__((unused)) static pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

__attribute__((unused)) static void note(int number, siginfo_t *information, void *context)
{
    (void)context;
    seen[number]++;
    last_code = information->si_code;
    last_value = information->si_value.sival_int;
    last_status = information->si_status;
    last_sender = information->si_pid;
    last_thread = thread_id();
}

__attribute__((unused)) static void handle(int number, int flags)
{
    struct sigaction action = { .sa_sigaction = note, .sa_flags = flags | SA_SIGINFO };

    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) != 0)
        printf("cannot handle %d\n", number);
}

__attribute__((unused)) static unsigned long change_mask(int how, unsigned long set)
{
    unsigned long old = 0;

    (void)syscall(SYS_rt_sigprocmask, how, &set, &old, 8);
    return old;
}

__attribute__((unused)) static unsigned long pending(void)
{
    unsigned long set = 0;

    (void)syscall(SYS_rt_sigpending, &set, 8);
    return set;
}

/* Which signal, 0 if none is there; never waits. */
__attribute__((unused)) static int take(unsigned long set, siginfo_t *information)
{
    const struct timespec now = { 0, 0 };
    long number = syscall(SYS_rt_sigtimedwait, &set, information, &now, 8);

    return number > 0 ? (int)number : 0;
}

__attribute__((unused)) static long queue(pid_t process, int number, int code, int value)
{
    siginfo_t information;

    memset(&information, 0, sizeof(information));
    information.si_code = code;
    information.si_pid = getpid();
    information.si_uid = getuid();
    information.si_value.sival_int = value;
    return syscall(SYS_rt_sigqueueinfo, process, number, &information);
}

__attribute__((unused)) static void pause_ms(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* Until the word has the value. */
__attribute__((unused)) static void await(const volatile int *word, int value)
{
    for (int i = 0; i < PATIENCE_MS && *word != value; i++)
        pause_ms(1);
    if (*word != value)
        printf("it does not happen\n");
}

__attribute__((unused)) static void await_state(pid_t thread, char state)
{
    for (int i = 0; i < PATIENCE_MS && state_of(thread) != state; i++)
        pause_ms(1);
    if (state_of(thread) != state)
        printf("it does not come to state %c but is in %c\n", state, state_of(thread));
}

__attribute__((unused)) static void show_status(const char *what, int status)
{
    if (WIFEXITED(status))
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("%s: killed by %d%s\n", what, WTERMSIG(status),
               WCOREDUMP(status) ? " with a core file" : "");
    else if (WIFSTOPPED(status))
        printf("%s: stopped by %d\n", what, WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        printf("%s: continued\n", what);
    else
        printf("%s: status %#x\n", what, (unsigned)status);
}

/* A child that does this and ends; its id. */
__attribute__((unused)) static pid_t spawn(void (*body)(void))
{
    pid_t child = fork();

    if (child == 0) {
        body();
        (void)fflush(stdout);
        _exit(0);
    }
    if (child < 0)
        printf("no child\n");
    return child;
}

__attribute__((unused)) static void reap(const char *what, pid_t child)
{
    int status = 0;

    if (waitpid(child, &status, 0) != child)
        printf("%s: cannot wait: %s\n", what, error_name(errno));
    else
        show_status(what, status);
}
