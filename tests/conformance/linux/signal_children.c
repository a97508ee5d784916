/* What a parent is told of the end of its children, and children that nobody waits for. */
#include "with_signals.h"

static void end_well(void)
{
    _exit(0x1234);
}

static void end_badly(void)
{
    (void)change_mask(SIG_SETMASK, 0);
    (void)raise(SIGTERM);
}

static void abort_it(void)
{
    (void)change_mask(SIG_SETMASK, 0);
    (void)raise(SIGABRT);
}

static void work(void)
{
    struct timespec now, start;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 100000000);
}

static void told(const char *what, void (*body)(void))
{
    siginfo_t information = { .si_signo = 0 };
    pid_t child = spawn(body);
    unsigned long set = BIT(SIGCHLD);

    SECTION(what);
    VALUE(syscall(SYS_rt_sigtimedwait, &set, &information, NULL, 8));
    VALUE(information.si_code);
    VALUE(information.si_status);
    VALUE(information.si_errno);
    FACT(information.si_pid == child);
    FACT(information.si_uid == getuid());
    information.si_code = 0;
    CALL(waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT));
    VALUE(information.si_code);
    VALUE(information.si_status);
    reap("status", child);
}

/* Linux counts here by the timer, what just ran when it came: on a busy machine perhaps nothing. */
static bool tells_time(void)
{
    unsigned long set = BIT(SIGCHLD);
    long ticks = 0;

    for (int i = 0; i < 20 && ticks == 0; i++) {
        siginfo_t information = { .si_signo = 0 };
        pid_t child = spawn(work);

        (void)syscall(SYS_rt_sigtimedwait, &set, &information, NULL, 8);
        (void)waitpid(child, NULL, 0);
        ticks = information.si_utime + information.si_stime;
    }
    return ticks > 0;
}

static void merged(void)
{
    SECTION("three ends, one signal");
    for (int i = 0; i < 3; i++)
        (void)spawn(end_well);
    for (int i = 0; i < 3; i++) {
        siginfo_t information;

        (void)waitid(P_ALL, 0, &information, WEXITED);
    }
    FACT(take(BIT(SIGCHLD), NULL) == SIGCHLD);
    FACT(take(BIT(SIGCHLD), NULL) == 0);
}

static void ignored(void)
{
    struct sigaction action = { .sa_handler = SIG_IGN };
    int status;

    SECTION("ignored: no zombie, and wait ends when all have");
    (void)sigaction(SIGCHLD, &action, NULL);
    (void)spawn(end_well);
    (void)spawn(work);
    CALL(wait(&status));
    FACT(take(BIT(SIGCHLD), NULL) == 0);
    SECTION("SA_NOCLDWAIT: the same, but the signal comes");
    action.sa_sigaction = note;
    action.sa_flags = SA_NOCLDWAIT | SA_SIGINFO;
    (void)sigaction(SIGCHLD, &action, NULL);
    pid_t child = spawn(end_well);
    CALL(waitpid(child, &status, 0));
    FACT(take(BIT(SIGCHLD), NULL) == SIGCHLD);
    SECTION("ignored by default: a zombie");
    (void)signal(SIGCHLD, SIG_DFL);
    child = spawn(end_well);
    reap("status", child);
    printf("%#lx\n", pending());
}

static void other_signal(void)
{
    static const int numbers[] = { SIGUSR1, 0, FIRST_REAL_TIME };

    SECTION("another signal at the end, or none");
    for (size_t i = 0; i < COUNT(numbers); i++) {
        siginfo_t information = { .si_code = 0 };
        int status = 0;
        long child = syscall(SYS_clone, numbers[i], NULL, NULL, NULL, 0L);

        if (child == 0)
            _exit(3);
        CALL(waitpid((pid_t)child, &status, 0));
        CALL(waitpid((pid_t)child, &status, __WCLONE) == child);
        show_status("status", status);
        VALUE(take(~0UL, &information));
        VALUE(information.si_code);
        VALUE(information.si_status);
    }
}

static void grandchild(void)
{
    pause_ms(20);
    _exit(9);
}

static void leave_orphan(void)
{
    (void)spawn(grandchild);
}

int main(void)
{
    (void)change_mask(SIG_SETMASK, ~0UL);
    told("exit", end_well);
    told("killed", end_badly);
    told("aborted", abort_it);
    told("worked", work);
    FACT(tells_time());
    merged();
    ignored();
    other_signal();
    SECTION("a child's child is not told of");
    reap("child", spawn(leave_orphan));
    VALUE(take(~0UL, NULL));
    return 0;
}
