/* Calls about signals: errors, their order, and what masks and actions read back. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define WILD ((void *)1)

struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    unsigned long mask;
};

static void actions(void)
{
    struct kernel_action action = { .handler = SIG_IGN, .flags = -1UL, .mask = -1UL };
    struct kernel_action before = { .flags = 5 };

    SECTION("rt_sigaction");
    CALL(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, -1, NULL, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, SIGKILL, &action, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    CALL(syscall(SYS_rt_sigaction, 99, WILD, NULL, 8));
    CALL(syscall(SYS_rt_sigaction, 99, WILD, NULL, 4));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, &action, WILD, 8));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &before, 8));
    FACT(before.handler == (void *)SIG_IGN);
    printf("flags %#lx mask %#lx\n", before.flags, before.mask);
    CALL(syscall(SYS_rt_sigaction, 64, &action, &before, 8));
    printf("flags %#lx mask %#lx\n", before.flags, before.mask);
}

static void masks(void)
{
    unsigned long all = -1UL, some = 1UL << (SIGUSR2 - 1), old = 0;

    SECTION("rt_sigprocmask");
    CALL(syscall(SYS_rt_sigprocmask, 99, NULL, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, 99, &all, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, 99, WILD, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, WILD, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, NULL, 4));
    CALL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8));
    printf("%#lx\n", old);
    CALL(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &some, &old, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8));
    printf("%#lx\n", old);
    CALL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &some, WILD, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, &old, 8));
    printf("%#lx\n", old);
}

static void pending(void)
{
    unsigned long set = 0, block = 1UL << (SIGUSR2 - 1) | 1UL << (SIGHUP - 1) | 1UL << 39;

    SECTION("rt_sigpending");
    CALL(syscall(SYS_rt_sigpending, WILD, 9));
    CALL(syscall(SYS_rt_sigpending, WILD, 8));
    CALL(syscall(SYS_rt_sigpending, WILD, 0));
    CALL(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &block, NULL, 8));
    CALL(syscall(SYS_rt_sigpending, &set, 8));
    printf("%#lx\n", set);
    CALL(kill(getpid(), SIGUSR2));
    CALL(syscall(SYS_tkill, syscall(SYS_gettid), SIGHUP));
    CALL(kill(getpid(), 40));
    CALL(kill(getpid(), 40));
    CALL(kill(getpid(), SIGCHLD));
    CALL(syscall(SYS_rt_sigpending, &set, 8));
    printf("%#lx\n", set);
    set = 0;
    CALL(syscall(SYS_rt_sigpending, &set, 1));
    printf("%#lx\n", set);
    /* An action that ignores takes back what is pending. */
    (void)signal(SIGUSR2, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(40, SIG_IGN);
    CALL(syscall(SYS_rt_sigpending, &set, 8));
    printf("%#lx\n", set);
}

static void sending(void)
{
    int me = getpid();

    SECTION("kill, tkill, tgkill");
    CALL(kill(me, 65));
    CALL(kill(me, -1));
    CALL(kill(me, 0));
    CALL(kill(999999999, 65));
    CALL(kill(999999999, 0));
    CALL(kill(0, 65));
    CALL(kill(-999999999, 65));
    CALL(kill(-999999999, 0));
    CALL(kill((int)0x80000000, 0));
    CALL(kill(0, 0));
    CALL(syscall(SYS_tkill, 0, 0));
    CALL(syscall(SYS_tkill, -1, 0));
    CALL(syscall(SYS_tkill, me, 65));
    CALL(syscall(SYS_tkill, me, 0));
    CALL(syscall(SYS_tkill, 999999999, 65));
    CALL(syscall(SYS_tgkill, me, me, 65));
    CALL(syscall(SYS_tgkill, me, me, 0));
    CALL(syscall(SYS_tgkill, 0, me, 0));
    CALL(syscall(SYS_tgkill, me, 0, 0));
    CALL(syscall(SYS_tgkill, -1, me, 0));
    CALL(syscall(SYS_tgkill, me + 1, me, 0));
    CALL(syscall(SYS_tgkill, me, 999999999, 65));
    CALL(syscall(SYS_rt_sigsuspend, WILD, 4));
    CALL(syscall(SYS_rt_sigsuspend, WILD, 8));
    CALL(syscall(SYS_restart_syscall));
}

static void show_stack(void)
{
    stack_t stack;

    CALL(syscall(SYS_sigaltstack, NULL, &stack));
    printf("base %s, flags %#x, size %zu\n", stack.ss_sp ? "set" : "0", (unsigned)stack.ss_flags,
           stack.ss_size);
}

static void stacks(void)
{
    static char memory[65536];
    stack_t stack = { .ss_sp = memory, .ss_flags = 5, .ss_size = sizeof(memory) };

    SECTION("sigaltstack");
    CALL(syscall(SYS_sigaltstack, WILD, NULL));
    CALL(syscall(SYS_sigaltstack, NULL, WILD));
    show_stack();
    CALL(syscall(SYS_sigaltstack, &stack, NULL));
    stack.ss_flags = 0;
    stack.ss_size = 2047;
    CALL(syscall(SYS_sigaltstack, &stack, NULL));
    stack.ss_size = 2048;
    CALL(syscall(SYS_sigaltstack, &stack, NULL));
    show_stack();
    stack.ss_flags = SS_ONSTACK;
    stack.ss_size = sizeof(memory);
    CALL(syscall(SYS_sigaltstack, &stack, NULL));
    show_stack();
    stack.ss_flags = (int)0x80000000;
    CALL(syscall(SYS_sigaltstack, &stack, WILD));
    show_stack();
    stack.ss_flags = SS_DISABLE;
    CALL(syscall(SYS_sigaltstack, &stack, NULL));
    show_stack();
    stack.ss_flags = (int)(0x80000000 | SS_DISABLE);
    CALL(syscall(SYS_sigaltstack, &stack, NULL));
    show_stack();
}

int main(void)
{
    stacks();
    actions();
    masks();
    sending();
    pending();
    return 0;
}
