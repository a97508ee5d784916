/* Signals with a value: who may say what, the order of many, and the limit on how many wait. */
#include "with_signals.h"

#define WILD ((void *)1)
#define NOBODY 54321    /* a user with no other processes */

static void errors(void)
{
    siginfo_t information;

    SECTION("rt_sigqueueinfo: errors");
    CALL(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, NULL));
    CALL(syscall(SYS_rt_sigqueueinfo, 999999999, 99, WILD));
    CALL(queue(999999999, 99, SI_QUEUE, 0));
    CALL(queue(999999999, 99, SI_USER, 0));
    CALL(queue(getpid(), 99, SI_QUEUE, 0));
    CALL(queue(getpid(), -1, SI_QUEUE, 0));
    CALL(queue(getpid(), 0, SI_QUEUE, 0));
    CALL(queue(0, SIGUSR1, SI_QUEUE, 0));
    CALL(queue(-1, 0, SI_QUEUE, 0));
    CALL(queue(-getpgrp(), 0, SI_QUEUE, 0));
    CALL(queue(getppid(), 0, SI_USER, 0));
    CALL(queue(getppid(), 0, SI_KERNEL, 0));
    CALL(queue(getppid(), 0, SI_TKILL, 0));
    CALL(queue(getppid(), 0, 1, 0));
    CALL(queue(getpid(), 0, SI_USER, 0));
    CALL(queue(getpid(), 0, SI_TKILL, 0));
    CALL(queue(getpid(), 0, SI_KERNEL, 0));
    SECTION("rt_sigqueueinfo: bytes that the kernel does not know");
    memset(&information, 0, sizeof(information));
    ((char *)&information)[100] = 1;
    static const int codes[] = { SI_QUEUE, SI_MESGQ, SI_TIMER, -7, -8, -59, -60, -61, -1000 };
    for (size_t i = 0; i < COUNT(codes); i++) {
        information.si_code = codes[i];
        VALUE(codes[i]);
        CALL(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &information));
    }
    SECTION("rt_tgsigqueueinfo: errors");
    memset(&information, 0, sizeof(information));
    information.si_code = SI_QUEUE;
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, NULL));
    CALL(syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), 0, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, 0, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, -1, getpid(), 0, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, getppid(), getpid(), 0, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 99, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), 999999999, 99, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &information));
    information.si_code = SI_USER;
    CALL(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &information));
    CALL(syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), 0, &information));
}

static void show(unsigned long set)
{
    siginfo_t information;
    int number;

    while ((number = take(set, &information)) != 0)
        printf("signal %d number %d errno %d code %d value %d%s\n", number, information.si_signo,
               information.si_errno, information.si_code,
               information.si_code == SI_QUEUE ? information.si_value.sival_int : 0,
               information.si_pid == getpid() ? " own" : information.si_pid ? " other" : "");
}

static void order(void)
{
    unsigned long all = ~0UL;

    SECTION("order: lowest number, of one number the oldest; ordinary ones once");
    (void)change_mask(SIG_SETMASK, all);
    for (int i = 0; i < 3; i++) {
        CALL(queue(getpid(), FIRST_REAL_TIME + 2, SI_QUEUE, i));
        CALL(queue(getpid(), FIRST_REAL_TIME, SI_QUEUE, 10 + i));
        CALL(queue(getpid(), SIGUSR2, SI_QUEUE, 20 + i));
        CALL(queue(getpid(), SIGSEGV, SI_QUEUE, 30 + i));
        CALL(kill(getpid(), FIRST_REAL_TIME));
    }
    CALL(syscall(SYS_tkill, getpid(), SIGTERM));
    CALL(syscall(SYS_tkill, getpid(), FIRST_REAL_TIME + 2));
    printf("%#lx\n", pending());
    show(all);
    printf("%#lx\n", pending());
    SECTION("handlers: the frame of the last one is the first to run");
    for (int number = FIRST_REAL_TIME; number < FIRST_REAL_TIME + 3; number++)
        handle(number, 0);
    for (int i = 0; i < 5; i++)
        CALL(queue(getpid(), FIRST_REAL_TIME, SI_QUEUE, i));
    (void)change_mask(SIG_SETMASK, 0);
    VALUE(seen[FIRST_REAL_TIME]);
    VALUE(last_value);
}

/* How many the user has pending, and may have, as /proc says it. */
static void show_account(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "SigQ:", 5) == 0)
            printf("%s", line);
    }
    if (file)
        (void)fclose(file);
}

static void limited(void)
{
    const struct rlimit three = { 3, 3 };
    unsigned long all = ~0UL;

    SECTION("the limit");
    if (getuid() == 0)
        CALL(setresuid(NOBODY, NOBODY, NOBODY));
    (void)change_mask(SIG_SETMASK, all);
    CALL(setrlimit(RLIMIT_SIGPENDING, &three));
    for (int i = 0; i < 5; i++)
        CALL(queue(getpid(), FIRST_REAL_TIME + 1, SI_QUEUE, i));
    CALL(queue(getpid(), SIGUSR1, SI_QUEUE, 7));          /* ordinary: without its value */
    CALL(kill(getpid(), SIGUSR2));                        /* not limited */
    CALL(kill(getpid(), FIRST_REAL_TIME + 3));            /* comes, with nothing known */
    CALL(syscall(SYS_tkill, getpid(), FIRST_REAL_TIME + 4));
    CALL(syscall(SYS_tkill, getpid(), SIGHUP));
    printf("%#lx\n", pending());
    show_account();
    show(all);
    show_account();
    SECTION("what was taken may be sent again");
    for (int i = 0; i < 4; i++)
        CALL(queue(getpid(), FIRST_REAL_TIME + 1, SI_QUEUE, i));
    show(all);
    SECTION("of all processes of the user");
    CALL(queue(getpid(), FIRST_REAL_TIME + 1, SI_QUEUE, 0));
    pid_t child = fork();
    if (child == 0) {
        printf("%#lx\n", pending());
        for (int i = 0; i < 3; i++)
            CALL(queue(getpid(), FIRST_REAL_TIME + 1, SI_QUEUE, i));
        _exit(0);
    }
    reap("child", child);
    for (int i = 0; i < 3; i++)    /* the child's are gone with it */
        CALL(queue(getpid(), FIRST_REAL_TIME + 1, SI_QUEUE, i));
}

int main(void)
{
    reap("errors", spawn(errors));    /* in a child, because it has a parent */
    order();
    reap("limited", spawn(limited));
    return 0;
}
