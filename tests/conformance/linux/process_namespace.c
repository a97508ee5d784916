/* PID namespaces: ids inside and outside, the first process and its end, signals across, ids that
 * are asked for, unshare. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};

static long own_id(void)
{
    return syscall(SYS_gettid);
}

/* A process, in a namespace of its own if the flags say so; 0 in the child. */
static long make(uint64_t flags, const int *ids, uint64_t count)
{
    struct arguments arguments = {
        .flags = flags, .exit_signal = SIGCHLD,
        .set_tid = (uintptr_t)ids, .set_tid_size = count,
    };

    return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/* Runs it in a child and says how that ended. */
static void within(uint64_t flags, void (*run)(void))
{
    int status = 0;
    long id = make(flags, NULL, 0);

    if (id == 0) {
        run();
        exit(7);
    }
    FACT(id > 0 && waitpid((pid_t)id, &status, 0) == id);
    printf("exited %d, code %d, signal %d\n", WIFEXITED(status), WEXITSTATUS(status),
           WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void show_ids(void)
{
    VALUE(getpid());
    VALUE(own_id());
    VALUE(getppid());
    VALUE(getpgrp());
    VALUE(getsid(0));
    VALUE(syscall(SYS_set_tid_address, NULL));
}

/* ---- Ids ----------------------------------------------------------------------------------- */

#define STRANGER 31999    /* nobody has this id */

static void *run_thread(void *unused)
{
    (void)unused;
    VALUE(own_id());
    return NULL;
}

static void look_around(void)
{
    pthread_t thread;
    int status;
    pid_t child;

    show_ids();
    CALL(kill(STRANGER, 0));
    CALL(kill(1, 0));
    CALL(getpgid(1));
    CALL(getpgid(STRANGER));
    child = fork();
    if (child == 0) {
        show_ids();
        CALL(setsid());
        show_ids();
        exit(5);
    }
    CALL(waitpid(child, &status, 0));
    VALUE(WEXITSTATUS(status));
    (void)pthread_create(&thread, NULL, run_thread, NULL);
    (void)pthread_join(thread, NULL);
    CALL(setsid());
    CALL(setpgid(0, 0));
    CALL(getpriority(PRIO_PROCESS, 1));
    CALL(getpriority(PRIO_PROCESS, STRANGER));
    CALL(sched_getscheduler(1));
    CALL(sched_getscheduler(STRANGER));
    CALL(prctl(PR_SET_CHILD_SUBREAPER, 0));
    within(CLONE_NEWPID, show_ids);
}

/* ---- Words with ids in them ---------------------------------------------------------------- */

static void lock_by_id(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;

    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    (void)pthread_mutex_init(&mutex, &attributes);
    VALUE(pthread_mutex_lock(&mutex));
    VALUE(pthread_mutex_lock(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
}

static void tell_ids(void)
{
    pid_t child_sees = 0, parent_sees = 0;
    long id = syscall(SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID,
                      NULL, &parent_sees, &child_sees, 0);

    if (id == 0) {
        VALUE(child_sees);
        exit(0);
    }
    (void)waitpid((pid_t)id, NULL, 0);
    FACT(parent_sees == id);
}

/* ---- Signals ------------------------------------------------------------------------------- */

static volatile sig_atomic_t sender = -1, code, number;

static void note(int signal, siginfo_t *information, void *context)
{
    (void)context;
    sender = information->si_pid;
    code = information->si_code;
    number = signal;
}

static void handle(int signal)
{
    struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };

    (void)sigaction(signal, &action, NULL);
}

static void take_signals(void)
{
    siginfo_t information;
    int status;
    pid_t child;

    CALL(kill(1, SIGTERM));    /* nothing: it has no handler */
    CALL(kill(1, SIGKILL));
    handle(SIGUSR1);
    CALL(raise(SIGUSR1));
    VALUE(sender);
    handle(SIGCHLD);
    child = fork();
    if (child == 0) {
        CALL(kill(getppid(), SIGUSR1));
        CALL(kill(getppid(), SIGKILL));
        exit(3);
    }
    memset(&information, 0, sizeof(information));
    while (waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT) != 0)
        continue;
    VALUE(information.si_pid);
    CALL(waitpid(child, &status, 0));
    VALUE(sender);
    child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    CALL(kill(-1, SIGKILL));    /* to all but itself */
    CALL(waitpid(child, &status, 0));
    VALUE(WTERMSIG(status));
    CALL(kill(-1, 0));
    child = (pid_t)make(CLONE_NEWPID, NULL, 0);    /* the first one of a namespace below */
    if (child == 0) {
        for (;;)
            pause();
    }
    CALL(kill(-1, SIGKILL));
    CALL(waitpid(child, &status, 0));
    VALUE(WTERMSIG(status));
}

static int told[2];

static void wait_for_signal(void)
{
    sigset_t set;
    siginfo_t information;

    handle(SIGUSR2);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    VALUE(sigwaitinfo(&set, &information));
    VALUE(information.si_pid);    /* its sender cannot be seen from here */
    (void)write(told[1], "x", 1);
    for (;;)
        pause();
}

static void signals_from_outside(void)
{
    sigset_t set;
    siginfo_t information;
    int status;
    char byte;
    long id;

    (void)pipe(told);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR2);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    id = make(CLONE_NEWPID, NULL, 0);
    if (id == 0) {
        wait_for_signal();
        exit(1);
    }
    (void)kill((pid_t)id, SIGUSR2);
    (void)read(told[0], &byte, 1);    /* until it has said what it got */
    CALL(kill((pid_t)id, SIGTERM));
    CALL(kill((pid_t)id, SIGKILL));
    (void)sigdelset(&set, SIGUSR2);
    VALUE(sigwaitinfo(&set, &information));
    FACT(information.si_pid == id);
    VALUE(information.si_code);
    FACT(waitpid((pid_t)id, &status, 0) == id);
    VALUE(WTERMSIG(status));
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- The end of the first process ---------------------------------------------------------- */

static int ends[2];

static void leave_others(void)
{
    char byte = 0;
    int ready[2];

    (void)pipe(ready);
    for (int i = 0; i < 3; i++) {
        pid_t child = i == 1 ? (pid_t)make(CLONE_NEWPID, NULL, 0) : fork();

        if (child == 0) {
            (void)setsid();
            (void)write(ready[1], &byte, 1);
            for (;;)
                pause();
        }
    }
    for (int i = 0; i < 3; i++)
        (void)read(ready[0], &byte, 1);
    exit(11);
}

/* Its children have the other end of the pipe as well: it is at its end when all are gone. */
static void end_of_all(void)
{
    char byte;

    (void)pipe(ends);
    within(CLONE_NEWPID, leave_others);
    (void)close(ends[1]);
    CALL(read(ends[0], &byte, 1));
    (void)close(ends[0]);
}

/* Two processes of a namespace whose parent is outside: the end of the first waits for the other's
 * parent. */
static void end_waits(void)
{
    siginfo_t information;
    struct pollfd end = { .events = POLLIN };
    pid_t first, second;
    int status;

    CALL(unshare(CLONE_NEWPID));
    first = fork();
    if (first == 0)
        for (;;)
            pause();
    second = fork();
    if (second == 0)
        for (;;)
            pause();
    end.fd = (int)syscall(SYS_pidfd_open, first, 0);
    (void)kill(first, SIGKILL);
    (void)waitid(P_PID, (id_t)second, &information, WEXITED | WNOWAIT);
    VALUE(information.si_status);
    CALL(waitpid(first, &status, WNOHANG));
    CALL(poll(&end, 1, 0));
    CALL(kill(first, 0));
    CALL(fork());
    FACT(waitpid(second, &status, 0) == second);
    FACT(waitpid(first, &status, 0) == first);
    VALUE(WTERMSIG(status));
    CALL(poll(&end, 1, 0));
    (void)close(end.fd);
}

/* A zombie and two levels below that end on their own. */
static void end_with_zombies(void)
{
    siginfo_t information;
    pid_t child = fork();

    if (child == 0)
        exit(1);
    (void)waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT);
    if (make(CLONE_NEWPID, NULL, 0) == 0) {
        if (make(CLONE_NEWPID, NULL, 0) == 0)
            for (;;)
                pause();
        for (;;)
            pause();
    }
    exit(13);
}

static void adopt(void)
{
    int status, middle, id, pipe_of[2];
    char byte;

    (void)pipe(pipe_of);
    middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            (void)read(pipe_of[0], &byte, 1);    /* until the middle one is gone */
            VALUE(getppid());
            exit(21);
        }
        exit(20);
    }
    (void)waitpid(middle, &status, 0);
    (void)write(pipe_of[1], "x", 1);
    id = wait(&status);
    VALUE(id);
    VALUE(WEXITSTATUS(status));
}

/* ---- Ids that are asked for ---------------------------------------------------------------- */

static void show_list(long id)
{
    char path[64], line[256];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/status", id);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        char *rest = strchr(line, '\t');

        if (strncmp(line, "NSpid:", 6) == 0 && rest && strchr(rest + 1, '\t'))
            printf("NSpid beyond the first: %s", strchr(rest + 1, '\t'));
    }
    if (file)
        (void)fclose(file);
}

static void be_numbered(uint64_t flags, const int *ids, uint64_t count)
{
    int status = 0, pipe_of[2];
    char byte;
    long id;

    (void)pipe(pipe_of);
    id = make(flags, ids, count);
    if (id == 0) {
        (void)close(pipe_of[1]);
        VALUE(getpid());
        (void)read(pipe_of[0], &byte, 1);
        exit(0);
    }
    if (id < 0)
        printf("%s\n", error_name(errno));
    else
        show_list(id);
    (void)close(pipe_of[0]);
    (void)close(pipe_of[1]);
    if (id > 0)
        FACT(waitpid((pid_t)id, &status, 0) == id);
}

/* Outside; found by one who has ended. */
static int free_id;

static void choose_ids(void)
{
    const int some[] = { 1, 33, free_id };
    static const int again[] = { 43, 1 };
    static const int taken[] = { 44, 1 };
    static const int first[] = { 2 };

    be_numbered(0, some + 1, 1);
    be_numbered(0, some + 1, 2);
    be_numbered(0, again, 2);
    be_numbered(0, taken, 1);
    be_numbered(CLONE_NEWPID, some, 1);
    be_numbered(CLONE_NEWPID, some, 2);
    be_numbered(CLONE_NEWPID, first, 1);
    be_numbered(CLONE_NEWPID, some, 3);
    be_numbered(CLONE_NEWPID, some, 4);
}

/* ---- unshare ------------------------------------------------------------------------------- */

static void *nothing(void *unused)
{
    return unused;
}

static void go_apart(void)
{
    pthread_t thread;
    int status;

    VALUE(getpid());
    CALL(unshare(CLONE_NEWPID));
    VALUE(getpid());
    CALL(unshare(CLONE_NEWPID));
    VALUE(pthread_create(&thread, NULL, nothing, NULL) == 0);
    CALL(make(CLONE_NEWPID, NULL, 0));
    for (int i = 0; i < 2; i++) {
        long id = make(0, NULL, 0);

        if (id == 0) {
            show_ids();
            exit(31);
        }
        if (id < 0) {
            printf("%s\n", error_name(errno));
            continue;
        }
        CALL(waitpid((pid_t)id, &status, 0));
        VALUE(WEXITSTATUS(status));
    }
}

static void drop_rights(void)
{
    (void)setuid(54321);
    CALL(make(CLONE_NEWPID, NULL, 0));
    CALL(unshare(CLONE_NEWPID));
}

int main(void)
{
    SECTION("ids");
    within(CLONE_NEWPID, look_around);
    SECTION("words");
    within(CLONE_NEWPID, lock_by_id);
    tell_ids();
    SECTION("signals");
    within(CLONE_NEWPID, take_signals);
    signals_from_outside();
    SECTION("the end");
    end_of_all();
    within(0, end_waits);
    within(CLONE_NEWPID, end_with_zombies);
    within(CLONE_NEWPID, adopt);
    SECTION("ids that are asked for");
    free_id = fork();
    if (free_id == 0)
        exit(0);
    (void)waitpid(free_id, NULL, 0);
    within(CLONE_NEWPID, choose_ids);
    SECTION("unshare");
    within(CLONE_NEWPID, go_apart);
    within(0, drop_rights);
    return 0;
}
