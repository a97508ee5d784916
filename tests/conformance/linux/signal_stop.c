/* Stopping and continuing: all threads, what the parent is told, and groups that nobody can
 * continue. */
#include <pthread.h>
#include <sys/mman.h>

#include "with_signals.h"

static volatile siginfo_t told[16];
static volatile int told_count;

static void note_child(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    if (told_count < (int)COUNT(told))
        told[told_count++] = *information;
}

static void handle_children(int flags)
{
    struct sigaction action = { .sa_sigaction = note_child, .sa_flags = flags | SA_SIGINFO };

    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGCHLD, &action, NULL);
}

static void await_told(int count)
{
    await(&told_count, count);
}

static void show_told(pid_t child)
{
    for (int i = 0; i < told_count; i++)
        printf("told: code %d status %d %s uid %s\n", told[i].si_code, told[i].si_status,
               told[i].si_pid == child ? "the child" : "another",
               told[i].si_uid == getuid() ? "own" : "other");
    told_count = 0;
}

static void rest(void)
{
    for (;;)
        pause_ms(10);
}

static void wait_show(const char *what, pid_t child, int flags)
{
    int status = 0;
    pid_t got;

    do
        got = waitpid(child, &status, flags);
    while (got < 0 && errno == EINTR);
    if (got == child)
        show_status(what, status);
    else
        printf("%s: %s\n", what, got == 0 ? "nothing" : error_name(errno));
}

static void end(pid_t child)
{
    (void)kill(child, SIGKILL);
    wait_show("end", child, 0);
    told_count = 0;
}

/* ---- What the parent learns ---------------------------------------------------------------- */

static void by_each(void)
{
    static const int numbers[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
    pid_t child = spawn(rest);

    SECTION("stopped and continued");
    /* A group that is not orphaned: its parent is in another one of the session. */
    CALL(setpgid(child, child));
    handle_children(0);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        VALUE(numbers[i]);
        CALL(kill(child, numbers[i]));
        await_told(1);
        FACT(state_of(child) == 'T');
        wait_show("without WUNTRACED", child, WNOHANG);
        wait_show("stopped", child, WUNTRACED);
        wait_show("once only", child, WUNTRACED | WNOHANG);
        show_told(child);
        CALL(kill(child, SIGCONT));
        await_told(1);
        wait_show("continued", child, WCONTINUED);
        wait_show("once only", child, WCONTINUED | WNOHANG);
        show_told(child);
    }
    end(child);
}

static void by_waitid(void)
{
    siginfo_t information = { .si_pid = 0 };
    pid_t child = spawn(rest);

    SECTION("waitid, with and without WNOWAIT");
    CALL(kill(child, SIGSTOP));
    await_told(1);
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED | WNOWAIT));
    VALUE(information.si_code);
    VALUE(information.si_status);
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED));
    CALL(waitid(P_PID, (id_t)child, &information, WSTOPPED | WNOHANG));
    VALUE(information.si_pid);
    CALL(kill(child, SIGCONT));
    await_told(2);
    CALL(waitid(P_PID, (id_t)child, &information, WCONTINUED | WNOWAIT));
    CALL(waitid(P_PID, (id_t)child, &information, WCONTINUED | WEXITED));
    VALUE(information.si_code);
    VALUE(information.si_status);
    end(child);
}

static void flags(void)
{
    pid_t child;

    SECTION("SA_NOCLDSTOP: only the end is told");
    handle_children(SA_NOCLDSTOP);
    child = spawn(rest);
    CALL(kill(child, SIGSTOP));
    wait_show("stopped", child, WUNTRACED);
    CALL(kill(child, SIGCONT));
    wait_show("continued", child, WCONTINUED);
    CALL(kill(child, SIGTERM));
    wait_show("end", child, 0);
    show_told(child);
    handle_children(0);
    SECTION("a stop that is over is not reported");
    child = spawn(rest);
    CALL(kill(child, SIGSTOP));
    await_told(1);
    CALL(kill(child, SIGCONT));
    wait_show("stopped", child, WUNTRACED | WNOHANG);
    wait_show("continued", child, WCONTINUED);
    end(child);
}

/* ---- What is pending ----------------------------------------------------------------------- */

static void show_signals(void)
{
    handle(SIGUSR1, 0);
    handle(SIGCONT, 0);
    while (!seen[SIGUSR1])
        pause_ms(1);
    printf("USR1 %d CONT %d\n", (int)seen[SIGUSR1], (int)seen[SIGCONT]);
}

static void while_stopped(void)
{
    pid_t child;

    SECTION("signals wait while it is stopped");
    child = spawn(show_signals);
    pause_ms(30);
    CALL(kill(child, SIGSTOP));
    wait_show("stopped", child, WUNTRACED);
    CALL(kill(child, SIGUSR1));
    CALL(kill(child, SIGSTOP));    /* taken back by SIGCONT */
    pause_ms(20);
    FACT(state_of(child) == 'T');
    (void)kill(child, SIGCONT);    /* the child says what came */
    wait_show("end", child, 0);
    SECTION("SIGKILL ends it");
    child = spawn(rest);
    CALL(kill(child, SIGSTOP));
    wait_show("stopped", child, WUNTRACED);
    end(child);
    SECTION("a stop takes back a continue, and the other way round");
    (void)change_mask(SIG_SETMASK, ~0UL);
    CALL(raise(SIGCONT));
    CALL(raise(SIGTSTP));
    printf("%#lx\n", pending());
    CALL(kill(getpid(), SIGCONT));
    printf("%#lx\n", pending());
    FACT(take(BIT(SIGCONT), NULL) == SIGCONT);
    (void)change_mask(SIG_SETMASK, 0);
    told_count = 0;
}

/* ---- Threads ------------------------------------------------------------------------------- */

static void *count(void *argument)
{
    volatile long *counter = argument;

    for (;;)
        ++*counter;
    return NULL;
}

static volatile long *counters;

static void three_threads(void)
{
    pthread_t thread;

    for (int i = 1; i < 3; i++)
        (void)pthread_create(&thread, NULL, count, (void *)&counters[i]);
    (void)pthread_create(&thread, NULL, count, (void *)&counters[0]);
    rest();
}

static void all_threads(void)
{
    long before[3];
    pid_t child;

    SECTION("all threads stop");
    child = spawn(three_threads);
    for (int i = 0; i < 3; i++) {
        while (counters[i] == 0)
            pause_ms(1);
    }
    CALL(kill(child, SIGSTOP));
    wait_show("stopped", child, WUNTRACED);
    for (int i = 0; i < 3; i++)
        before[i] = counters[i];
    pause_ms(30);
    FACT(counters[0] == before[0] && counters[1] == before[1] && counters[2] == before[2]);
    CALL(kill(child, SIGCONT));
    wait_show("continued", child, WCONTINUED);
    for (int i = 0; i < 3; i++) {
        while (counters[i] == before[i])
            pause_ms(1);
    }
    SECTION("again and again");
    for (int i = 0; i < 20; i++) {
        int status;

        (void)kill(child, SIGSTOP);
        while (waitpid(child, &status, WUNTRACED) != child)
            continue;
        if (!WIFSTOPPED(status))
            printf("not stopped\n");
        (void)kill(child, SIGCONT);
    }
    for (int i = 0; i < 200; i++) {    /* in the middle of each other */
        (void)kill(child, SIGSTOP);
        (void)kill(child, SIGCONT);
    }
    for (int i = 0; i < 3; i++)
        before[i] = counters[i];
    for (int i = 0; i < 3; i++) {
        while (counters[i] == before[i])
            pause_ms(1);
    }
    end(child);
}

/* One thread ends the process, or replaces it, while the others are stopped. */
static void *stop_all(void *argument)
{
    (void)argument;
    (void)kill(getpid(), SIGSTOP);
    return NULL;
}

static void exit_while_stopping(void)
{
    pthread_t thread;

    (void)pthread_create(&thread, NULL, stop_all, NULL);
    _exit(5);
}

static void racing_exit(void)
{
    SECTION("a stop and an exit at once: it ends");
    for (int i = 0; i < 20; i++) {
        pid_t child = spawn(exit_while_stopping);
        int status = 0;
        pid_t got;

        while ((got = waitpid(child, &status, WUNTRACED)) < 0 || WIFSTOPPED(status)) {
            if (got == child)
                (void)kill(child, SIGCONT);
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 5)
            show_status("child", status);
    }
}

/* ---- Orphaned groups ----------------------------------------------------------------------- */

static volatile int *shared;

/* In a group of its own, in a session whose only other member is about to leave. */
static void orphan(void)
{
    handle(SIGHUP, 0);
    handle(SIGCONT, 0);
    shared[0] = getpid();
    await(&shared[1], 1);
    shared[2] = seen[SIGHUP];
    shared[3] = seen[SIGCONT];
    (void)raise(SIGTSTP);    /* nobody could continue it: not stopped */
    (void)raise(SIGTTIN);
    (void)raise(SIGTTOU);
    shared[4] = 1;
}

static void session_leader(void)
{
    pid_t child;
    int status;

    (void)setsid();
    child = spawn(orphan);
    (void)setpgid(child, child);
    while (shared[0] != child)
        pause_ms(1);
    (void)kill(child, SIGSTOP);
    (void)waitpid(child, &status, WUNTRACED);
    show_status("member", status);
}

static void in_orphaned_group(void)
{
    (void)setsid();
    (void)raise(SIGTSTP);
    (void)raise(SIGTTIN);
    (void)raise(SIGTTOU);
    printf("does not stop\n");
}

static void orphans(void)
{
    SECTION("an orphaned group does not stop");
    reap("child", spawn(in_orphaned_group));
    SECTION("a stopped group that becomes one is told");
    reap("leader", spawn(session_leader));
    shared[1] = 1;
    await(&shared[4], 1);
    VALUE(shared[2]);
    VALUE(shared[3]);
}

int main(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    shared = page;
    counters = (volatile long *)page + 100;
    by_each();
    by_waitid();
    flags();
    while_stopped();
    all_threads();
    racing_exit();
    orphans();
    return 0;
}
