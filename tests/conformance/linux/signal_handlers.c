/* Handlers: what they are told, on which stack and with which mask they run, and how they return
 * (rt_sigreturn). */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static volatile int depth, calls;
static char alternate[65536];
static sigjmp_buf back;

static void install(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) != 0)
        printf("cannot install a handler\n");
}

static void show_mask(const char *when)
{
    unsigned long mask = 0;

    (void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
    printf("mask %s: %#lx\n", when, mask);
}

/* ---- What is told -------------------------------------------------------------------------- */

static void tell(int number, siginfo_t *information, void *context)
{
    ucontext_t *user = context;
    int on_alternate = (char *)&number >= alternate &&
                       (char *)&number < alternate + sizeof(alternate);

    calls++;
    printf("signal %d si_signo %d si_errno %d si_code %d%s\n", number, information->si_signo,
           information->si_errno, information->si_code, on_alternate ? " on the other stack" : "");
    if (information->si_code <= 0)
        FACT(information->si_pid == getpid() && information->si_uid == getuid());
    printf("uc_flags %lu, uc_link %s, stack flags %d, cs %llx, trap %lld, error %lld\n",
           user->uc_flags, user->uc_link ? "set" : "0", user->uc_stack.ss_flags,
           (unsigned long long)user->uc_mcontext.gregs[REG_CSGSFS] & 0xffff,
           (long long)user->uc_mcontext.gregs[REG_TRAPNO],
           (long long)user->uc_mcontext.gregs[REG_ERR]);
    show_mask("in the handler");
}

static void sent(void)
{
    const stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };

    SECTION("sent");
    install(SIGUSR1, tell, 0);
    install(SIGUSR2, tell, SA_NODEFER);
    CALL(raise(SIGUSR1));
    CALL(kill(getpid(), SIGUSR1));
    CALL(raise(SIGUSR2));
    show_mask("after it");
    SECTION("on the alternate stack");
    CALL(sigaltstack(&stack, NULL));
    install(SIGUSR1, tell, SA_ONSTACK);
    CALL(raise(SIGUSR1));
    install(SIGUSR1, tell, 0);
    CALL(raise(SIGUSR1));
    SECTION("once");
    install(SIGUSR1, tell, SA_RESETHAND);
    CALL(raise(SIGUSR1));
    struct sigaction now;
    CALL(sigaction(SIGUSR1, NULL, &now));
    FACT(now.sa_handler == SIG_DFL);
}

/* ---- Faults -------------------------------------------------------------------------------- */

static void *expected_address;

static void leave(int number, siginfo_t *information, void *context)
{
    ucontext_t *user = context;

    const char *address = "other";

    if (information->si_addr == expected_address)
        address = "as expected";
    else if (information->si_addr == (void *)user->uc_mcontext.gregs[REG_RIP])
        address = "of the code";
    printf("signal %d code %d address %s, trap %lld, error %lld, cr2 %s\n", number,
           information->si_code, address, (long long)user->uc_mcontext.gregs[REG_TRAPNO],
           (long long)user->uc_mcontext.gregs[REG_ERR],
           (void *)user->uc_mcontext.gregs[REG_CR2] == expected_address ? "the same" : "other");
    siglongjmp(back, 1);
}

#define FAULT(what)                 \
    do {                            \
        printf("%s\n", #what);      \
        if (sigsetjmp(back, 1) == 0) { what; } \
    } while (0)

static void faults(void)
{
    static const char constant[] = "constant";
    char *none = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *text;

    SECTION("faults");
    for (int number = 1; number < 32; number++) {
        if (number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
            number == SIGTRAP)
            install(number, leave, 0);
    }
    expected_address = none + 100;
    FAULT(*(volatile char *)(none + 100));
    FAULT(*(volatile char *)(none + 100) = 1);
    (void)munmap(none, 8192);
    FAULT(*(volatile char *)(none + 100));
    FAULT(*(volatile char *)(none + 100) = 1);
    FAULT(((void (*)(void))(void *)(none + 100))());
    text = (char *)(uintptr_t)constant;
    expected_address = text;
    FAULT(*(volatile char *)text = 1);
    expected_address = NULL;
    FAULT(*(volatile char *)0);
    FAULT(__asm__ volatile("ud2"));
    FAULT(__asm__ volatile("hlt"));
    FAULT(__asm__ volatile("int3"));
    FAULT(__asm__ volatile("movq $1, %%rax; cqo; xorl %%ecx, %%ecx; idivl %%ecx" ::
                               : "rax", "rcx", "rdx"));
    FAULT(__asm__ volatile("movabsq $0x8000000000000000, %%rax; movb (%%rax), %%al" ::: "rax"));
    FAULT(__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop" ::: "memory"));
    show_mask("after all");
}

/* ---- Nesting and returning ----------------------------------------------------------------- */

static void nest(int number, siginfo_t *information, void *context)
{
    (void)information;
    (void)context;
    printf("enter %d at depth %d\n", number, depth);
    depth++;
    if (++calls < 6)
        (void)raise(number == SIGUSR1 ? SIGUSR2 : SIGUSR1);
    depth--;
    printf("leave %d at depth %d\n", number, depth);
}

static void change_registers(int number, siginfo_t *information, void *context)
{
    ucontext_t *user = context;

    (void)number;
    (void)information;
    user->uc_mcontext.gregs[REG_RBX] = 0x1234;
    user->uc_mcontext.gregs[REG_R15] = 0x5678;
    sigaddset(&user->uc_sigmask, SIGHUP);
    user->uc_mcontext.fpregs->mxcsr = 0x1f80 | 0x8000;
}

static void returning(void)
{
    unsigned long rbx, r15;
    unsigned mxcsr = 0;

    SECTION("nested");
    calls = 0;
    install(SIGUSR1, nest, 0);
    install(SIGUSR2, nest, SA_NODEFER);
    CALL(raise(SIGUSR1));
    SECTION("changed on the way back");
    install(SIGUSR1, change_registers, 0);
    __asm__ volatile("movq $1, %%rbx; movq $2, %%r15; syscall; movq %%rbx, %0; movq %%r15, %1"
                     : "=m"(rbx), "=m"(r15)
                     : "a"(SYS_tkill), "D"(getpid()), "S"(SIGUSR1)
                     : "rbx", "r15", "rcx", "r11", "memory");
    printf("rbx %#lx r15 %#lx\n", rbx, r15);
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    printf("mxcsr %#x\n", mxcsr);
    show_mask("as the handler left it");
}

static void order(void)
{
    sigset_t all;

    SECTION("order of many");
    for (int number = 34; number < 40; number++)
        install(number, tell, 0);
    install(SIGHUP, tell, 0);
    install(SIGTERM, tell, 0);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int number = 39; number > 33; number--)
        (void)raise(number);
    (void)raise(SIGTERM);
    (void)raise(SIGHUP);
    (void)raise(36);
    sigemptyset(&all);
    calls = 0;
    sigprocmask(SIG_SETMASK, &all, NULL);
    VALUE(calls);
}

int main(void)
{
    sent();
    faults();
    returning();
    order();
    return 0;
}
