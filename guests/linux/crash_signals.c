/* Signals that end a program, and handlers that cannot be run: all end by a signal. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash.h"

static void fault(void)
{
    __asm__ volatile("movb $1, (%0)" : : "r"((uint64_t)8) : "memory");
}

static void abort_program(void)
{
    abort();
}

static void raise_kill(void)
{
    raise(SIGKILL);
}

static void raise_terminate(void)
{
    raise(SIGTERM);
}

static void raise_real_time(void)
{
    raise(SIGRTMIN + 5);
}

static void raise_user(void)
{
    kill(getpid(), SIGUSR1);
}

static void write_to_alarm(void)
{
    alarm(1);
    for (;;)
        pause();
}

static void spin_to_alarm(void)
{
    ualarm(20000, 0);
    for (;;)
        __asm__ volatile("pause");
}

/* A blocked or ignored fault kills all the same. */
static void fault_while_blocked(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fault();
}

static void fault_while_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    fault();
}

static void handle_by_fault(int number)
{
    (void)number;
    fault();
}

static void fault_in_handler(void)
{
    signal(SIGSEGV, handle_by_fault);
    fault();
}

static void handle_by_nothing(int number)
{
    (void)number;
}

static void recurse(void)
{
    volatile char frame[1000];
    void (*volatile again)(void) = recurse;

    frame[0] = 1;
    again();
    frame[999] = frame[0];
}

static void overflow_with_handler(void)    /* no room for the frame either */
{
    signal(SIGSEGV, handle_by_nothing);
    recurse();
}

static void handler_at_wild_address(void)
{
    signal(SIGUSR1, (void (*)(int))(uintptr_t)0x1234);
    raise(SIGUSR1);
}

static void handler_non_canonical(void)
{
    signal(SIGUSR1, (void (*)(int))(uintptr_t)0x8123456789abcdef);
    raise(SIGUSR1);
}

static void handler_on_wild_stack(void)
{
    signal(SIGUSR1, handle_by_nothing);
    /* kill(getpid(), SIGUSR1) with a stack pointer that leads nowhere */
    __asm__ volatile("mov $0x1000, %%rsp\n mov $62, %%eax\n syscall"
                     : : "D"((long)getpid()), "S"((long)SIGUSR1) : "rax", "rcx", "r11", "memory");
}

static void handler_on_wild_alternate_stack(void)
{
    stack_t stack = { .ss_sp = (void *)(uintptr_t)0x10000, .ss_size = 65536 };
    struct sigaction action = { .sa_handler = handle_by_nothing, .sa_flags = SA_ONSTACK };

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void handler_without_restorer(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } action = { handle_by_nothing, 0, NULL, 0 };

    syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8L);
    raise(SIGUSR1);
}

static void return_from_no_handler(void)
{
    __asm__ volatile("mov $0x1000, %%rsp\n mov $15, %%eax\n syscall" : : : "rax", "memory");
}

/* Frame bytes of the program's own making: the kernel must look at each before it believes. */
static void return_from_garbage(void)
{
    static _Alignas(64) unsigned char frame[8192];

    memset(frame, 0xa5, sizeof(frame));
    __asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall"
                     : : "r"(frame + 1024) : "rax", "memory");
}

static void handle_by_spoiling_context(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = 0x4141414141414141;
}

static void return_to_non_canonical(void)
{
    struct sigaction action = { .sa_sigaction = handle_by_spoiling_context,
                                .sa_flags = SA_SIGINFO };

    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

const struct crash crash_signals[] = {
    { "abort_program", abort_program },
    { "raise_kill", raise_kill },
    { "raise_terminate", raise_terminate },
    { "raise_real_time", raise_real_time },
    { "raise_user", raise_user },
    { "write_to_alarm", write_to_alarm },
    { "spin_to_alarm", spin_to_alarm },
    { "fault_while_blocked", fault_while_blocked },
    { "fault_while_ignored", fault_while_ignored },
    { "fault_in_handler", fault_in_handler },
    { "overflow_with_handler", overflow_with_handler },
    { "handler_at_wild_address", handler_at_wild_address },
    { "handler_non_canonical", handler_non_canonical },
    { "handler_on_wild_stack", handler_on_wild_stack },
    { "handler_on_wild_alternate_stack", handler_on_wild_alternate_stack },
    { "handler_without_restorer", handler_without_restorer },
    { "return_from_no_handler", return_from_no_handler },
    { "return_from_garbage", return_from_garbage },
    { "return_to_non_canonical", return_to_non_canonical },
    { NULL, NULL },
};
