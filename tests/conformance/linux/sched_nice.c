/* getpriority and setpriority: of threads, groups and users; limits and permission; and what
 * becomes of nice values and classes in new threads, new processes and new programs. */
#include "with_threads.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define RESET_ON_FORK 0x40000000
#define NOBODY 65534

/* Linux's own numbers: 20 - nice. */
static long get(int which, int who)
{
    return syscall(SYS_getpriority, which, who);
}

static long set(int which, int who, int nice)
{
    return syscall(SYS_setpriority, which, who, nice);
}

static void test_arguments(void)
{
    SECTION("arguments");
    CALL(get(-1, 0));
    CALL(get(3, 0));
    CALL(get(PRIO_PROCESS, -1));
    CALL(get(PRIO_PROCESS, 4000000));
    CALL(get(PRIO_PGRP, 4000000));
    CALL(get(PRIO_USER, 4000000));
    CALL(set(3, 0, 0));
    CALL(set(-1, 4000000, 0));
    CALL(set(PRIO_PROCESS, 4000000, 0));
    CALL(set(PRIO_PGRP, 4000000, 0));
    CALL(set(PRIO_USER, 4000000, 0));
    CALL(get(PRIO_PROCESS, 0));
    CALL(set(PRIO_PROCESS, 0, 3));
    CALL(get(PRIO_PROCESS, 0));
    CALL(get(PRIO_PROCESS, getpid()));
    CALL(set(PRIO_PROCESS, 0, 1000));
    CALL(get(PRIO_PROCESS, 0));
    CALL(set(PRIO_PROCESS, 0, -1000));
    CALL(get(PRIO_PROCESS, 0));
    CALL(set(PRIO_PROCESS, 0, 0));
}

static volatile int member_id;
static uint32_t leave;

static void *member(void *argument)
{
    (void)argument;
    member_id = own_id();
    while (futex(&leave, FUTEX_WAIT, 0) != 0 && leave == 0)
        continue;
    return answer(get(PRIO_PROCESS, 0));
}

static void test_threads(void)
{
    pthread_t thread = start(member, NULL);

    SECTION("threads have their own");
    while (!member_id)
        sleep_ms(1);
    CALL(set(PRIO_PROCESS, member_id, 4));
    CALL(get(PRIO_PROCESS, member_id));
    CALL(get(PRIO_PROCESS, 0));
    CALL(set(PRIO_PROCESS, getpid(), 6));
    CALL(get(PRIO_PROCESS, member_id));
    CALL(get(PRIO_PGRP, 0) >= 16);
    leave = 1;
    (void)futex(&leave, FUTEX_WAKE, 1);
    show("it says", join(thread));
    await_end(member_id);
    CALL(get(PRIO_PROCESS, member_id));
    CALL(set(PRIO_PROCESS, 0, 0));
}

static void test_group(void)
{
    pid_t child;

    SECTION("a group of two processes");
    child = fork();
    if (child == 0) {
        (void)setpgid(0, 0);
        if (fork() == 0) {
            (void)pause();
            _exit(0);
        }
        (void)pause();
        _exit(0);
    }
    (void)setpgid(child, child);
    sleep_ms(50);
    CALL(get(PRIO_PGRP, child));
    CALL(set(PRIO_PGRP, child, 11));
    CALL(get(PRIO_PGRP, child));
    CALL(get(PRIO_PROCESS, child));
    CALL(set(PRIO_PROCESS, child, 2));
    CALL(get(PRIO_PGRP, child));
    CALL(get(PRIO_PROCESS, 0));
    CALL(kill(-child, SIGKILL));
    FACT(waitpid(child, NULL, 0) == child);
}

/* What a child finds, or what a thread does. */
static void show_inherited(const char *what)
{
    struct sched_param parameters;

    (void)syscall(SYS_sched_getparam, 0, &parameters);
    (void)printf("%s: policy %#lx, priority %d, 20 - nice %ld\n", what,
                 syscall(SYS_sched_getscheduler, 0), parameters.sched_priority,
                 get(PRIO_PROCESS, 0));
}

static void *inherit(void *argument)
{
    show_inherited(argument);
    return NULL;
}

static void have_children(int policy, int priority, int nice)
{
    const struct sched_param parameters = { .sched_priority = priority };
    pid_t child;

    CALL(set(PRIO_PROCESS, 0, nice));
    CALL(syscall(SYS_sched_setscheduler, 0, policy, &parameters));
    show_inherited("itself");
    (void)join(start(inherit, "a thread"));
    child = fork();
    if (child == 0) {
        show_inherited("a process");
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
    show_inherited("itself");
}

static void test_inheritance(void)
{
    static const struct sched_param none;

    SECTION("children");
    have_children(SCHED_OTHER, 0, 5);
    have_children(SCHED_OTHER, 0, -5);
    have_children(SCHED_BATCH, 0, 1);
    have_children(SCHED_IDLE, 0, 2);
    have_children(SCHED_FIFO, 8, 3);
    SECTION("children that begin anew");
    have_children(SCHED_OTHER | RESET_ON_FORK, 0, 5);
    have_children(SCHED_OTHER | RESET_ON_FORK, 0, -5);
    have_children(SCHED_BATCH | RESET_ON_FORK, 0, -5);
    have_children(SCHED_IDLE | RESET_ON_FORK, 0, -4);
    have_children(SCHED_FIFO | RESET_ON_FORK, 8, 4);
    have_children(SCHED_RR | RESET_ON_FORK, 9, -4);
    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none));
    CALL(set(PRIO_PROCESS, 0, 0));
}

static void test_nobody(void)
{
    const struct rlimit limit = { 0, 0 };
    pid_t child;

    SECTION("without privileges");
    child = fork();
    if (child == 0) {
        CALL(setrlimit(RLIMIT_NICE, &limit));
        CALL(setuid(NOBODY));
        CALL(set(PRIO_PROCESS, getppid(), 1));
        CALL(set(PRIO_PROCESS, 0, 7));
        CALL(set(PRIO_PROCESS, 0, 7));
        CALL(set(PRIO_PROCESS, 0, 5));
        CALL(set(PRIO_PROCESS, 0, 4));
        CALL(set(PRIO_USER, 0, 9));
        CALL(set(PRIO_USER, NOBODY, 3));
        CALL(get(PRIO_PROCESS, 0));
        CALL(get(PRIO_PROCESS, getppid()));
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

static void test_exec(char **argv)
{
    const struct sched_param parameters = { .sched_priority = 3 };
    pid_t child;

    SECTION("a new program");
    child = fork();
    if (child == 0) {
        char *again[] = { argv[0], "again", NULL };

        (void)set(PRIO_PROCESS, 0, 13);
        (void)syscall(SYS_sched_setscheduler, 0, SCHED_RR | RESET_ON_FORK, &parameters);
        execv("/proc/self/exe", again);
        _exit(1);
    }
    (void)waitpid(child, NULL, 0);
}

/* Fields of /proc/thread-self/stat: priority, nice, real-time priority and policy. */
static void show_stat(void)
{
    char line[1024];
    FILE *file = fopen("/proc/self/stat", "r");
    char *at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;

    for (int field = 3; at && field <= 41; field++) {
        at = strchr(at + 1, ' ');
        if (at && (field == 18 || field == 19 || field == 40 || field == 41))
            (void)printf("field %d: %d\n", field, atoi(at));
    }
    if (file)
        (void)fclose(file);
}

static void test_stat(void)
{
    const struct sched_param none = { 0 }, some = { .sched_priority = 42 };

    SECTION("/proc/self/stat");
    show_stat();
    CALL(set(PRIO_PROCESS, 0, 7));
    show_stat();
    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &some));
    show_stat();
    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none));
    show_stat();
    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none));
    CALL(set(PRIO_PROCESS, 0, 0));
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        show_inherited("the new program");
        return 0;
    }
    test_arguments();
    test_threads();
    test_group();
    test_inheritance();
    test_nobody();
    test_exec(argv);
    test_stat();
    return 0;
}
