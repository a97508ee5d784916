/* Faults and what handlers do about them: they see every register, change what they like, repair
 * the cause or step over the instruction. */
#include <setjmp.h>
#include <sys/mman.h>

#include "with_signals.h"

static greg_t seen_registers[NGREG];
static siginfo_t seen_information;
static void (*repair)(ucontext_t *frame);
static char *page;
static sigjmp_buf back;

static void on_fault(int number, siginfo_t *information, void *context)
{
    ucontext_t *frame = context;

    (void)number;
    seen_information = *information;
    memcpy(seen_registers, frame->uc_mcontext.gregs, sizeof(seen_registers));
    repair(frame);
}

static void show(void)
{
    printf("signal %d code %d trap %lld error %lld, address %s, cr2 %s, rip %s\n",
           seen_information.si_signo, seen_information.si_code,
           (long long)seen_registers[REG_TRAPNO], (long long)seen_registers[REG_ERR],
           seen_information.si_addr == page + 8 ? "of the page"
           : seen_information.si_addr == (void *)seen_registers[REG_RIP] ? "of the code"
           : seen_information.si_addr ? "another" : "0",
           seen_registers[REG_CR2] == (greg_t)(uintptr_t)(page + 8) ? "of the page" : "another",
           seen_registers[REG_RIP] ? "set" : "0");
}

/* ---- Repairs ------------------------------------------------------------------------------- */

static int steps;

static void step_over(ucontext_t *frame)
{
    frame->uc_mcontext.gregs[REG_RIP] += steps;
}

static void allow(ucontext_t *frame)
{
    (void)frame;
    (void)mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void repairs(void)
{
    unsigned long value = 7;

    SECTION("a page that the handler makes accessible");
    repair = allow;
    *(volatile unsigned long *)(page + 8) = 5;
    show();
    VALUE(*(volatile unsigned long *)(page + 8));
    (void)mprotect(page, 4096, PROT_READ);
    *(volatile unsigned long *)(page + 8) = 6;
    show();
    VALUE(*(volatile unsigned long *)(page + 8));
    (void)mprotect(page, 4096, PROT_NONE);
    SECTION("stepped over");
    repair = step_over;
    steps = 3;    /* mov 8(%rsi), %rax is four bytes, without displacement three */
    __asm__ volatile("movq (%1), %0" : "=a"(value) : "S"(page + 8), "0"(value));
    show();
    VALUE(value);
    steps = 2;
    __asm__ volatile("ud2");
    show();
    __asm__ volatile("divl %%ecx" : : "a"(1), "d"(0), "c"(0));
    show();
    steps = 1;
    __asm__ volatile("hlt");
    show();
    __asm__ volatile("cli");
    show();
    steps = 0;
    __asm__ volatile("int3");
    show();
    steps = 2;
    __asm__ volatile("int $0x7b");
    seen_registers[REG_ERR] &= 7;    /* emulators differ in which entry of the table it was */
    show();
}

static void all_registers(void)
{
    unsigned long got[15];

    SECTION("every register of the interrupted code");
    repair = step_over;
    steps = 2;
    __asm__ volatile(
        "pushq %%rbp; pushq %%rbx; pushq %0;"
        "movq $1, %%rax; movq $2, %%rbx; movq $3, %%rcx; movq $4, %%rdx; movq $5, %%rsi;"
        "movq $6, %%rdi; movq $7, %%rbp; movq $8, %%r8; movq $9, %%r9; movq $10, %%r10;"
        "movq $11, %%r11; movq $12, %%r12; movq $13, %%r13; movq $14, %%r14; movq $15, %%r15;"
        "ud2;"
        "xchgq (%%rsp), %%rax;"    /* the address of `got`; rax waits on the stack */
        "movq %%rbx, 8(%%rax); movq %%rcx, 16(%%rax); movq %%rdx, 24(%%rax);"
        "movq %%rsi, 32(%%rax); movq %%rdi, 40(%%rax); movq %%rbp, 48(%%rax);"
        "movq %%r8, 56(%%rax); movq %%r9, 64(%%rax); movq %%r10, 72(%%rax);"
        "movq %%r11, 80(%%rax); movq %%r12, 88(%%rax); movq %%r13, 96(%%rax);"
        "movq %%r14, 104(%%rax); movq %%r15, 112(%%rax);"
        "popq %%rbx; movq %%rbx, (%%rax); popq %%rbx; popq %%rbp"
        : : "a"(got)
        : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "memory", "cc");
    static const int order[15] = {
        REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_R8, REG_R9, REG_R10,
        REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
    };
    for (int i = 0; i < 15; i++)
        printf("%lld %lu ", (long long)seen_registers[order[i]], got[i]);
    printf("\n");
}

static void set_all(ucontext_t *frame)
{
    frame->uc_mcontext.gregs[REG_RAX] = 101;
    frame->uc_mcontext.gregs[REG_R12] = 112;
    frame->uc_mcontext.gregs[REG_EFL] |= 0x8d5 | 0x400;    /* and what no program may set */
    frame->uc_mcontext.gregs[REG_EFL] |= 0x3000 | 0x20000;
    frame->uc_mcontext.gregs[REG_RIP] += 2;
}

static void changes(void)
{
    unsigned long rax, r12, flags;

    SECTION("registers and flags that the handler changes");
    repair = set_all;
    __asm__ volatile("ud2; pushfq; cld; popq %2; movq %%r12, %1"
                     : "=a"(rax), "=m"(r12), "=r"(flags) : : "r12", "memory", "cc");
    printf("rax %lu r12 %lu flags %#lx\n", rax, r12, flags & ~0x202UL);
    __asm__ volatile("cld" ::: "cc");
}

/* ---- Frames that are broken ---------------------------------------------------------------- */

static void jump_back(ucontext_t *frame)
{
    (void)frame;
    siglongjmp(back, 1);
}

static void (*breaking)(ucontext_t *frame);

static void on_usr1(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    breaking(context);
}

static void code_segment_0(ucontext_t *frame)
{
    uint16_t *segments = (uint16_t *)&frame->uc_mcontext.gregs[REG_CSGSFS];

    segments[0] = 0;
}

static void stack_segment_0(ucontext_t *frame)
{
    uint16_t *segments = (uint16_t *)&frame->uc_mcontext.gregs[REG_CSGSFS];

    segments[3] = 0;
}

static void wild_stack(ucontext_t *frame)
{
    frame->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)jump_back;
    frame->uc_mcontext.gregs[REG_RSP] = 0x10;
}

static void breaks(void)
{
    static const struct {
        const char *what;
        void (*breaking)(ucontext_t *frame);
    } cases[] = {
        { "no code segment", code_segment_0 },
        { "no stack segment", stack_segment_0 },
        { "a stack that is not there", wild_stack },
    };
    static char memory[65536];
    const stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
    struct sigaction action = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };

    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaltstack(&stack, NULL);
    repair = jump_back;
    for (size_t i = 0; i < COUNT(cases); i++) {
        SECTION(cases[i].what);
        breaking = cases[i].breaking;
        if (sigsetjmp(back, 1) == 0) {
            (void)raise(SIGUSR1);
            printf("returned\n");
        } else {
            printf("signal %d code %d\n", seen_information.si_signo, seen_information.si_code);
        }
    }
}

/* rt_sigreturn with nothing on the stack that could be a frame. */
static void no_frame(void)
{
    __asm__ volatile("movq $64, %%rsp; movl $15, %%eax; syscall" ::: "memory");
}

static void wild_frame(void)
{
    static unsigned long garbage[200];

    memset(garbage, 0xa5, sizeof(garbage));
    __asm__ volatile("movq %0, %%rsp; movl $15, %%eax; syscall" : : "r"(garbage + 10) : "memory");
}

/* The same fault while its signal is blocked or ignored: the end. */
static void fault_blocked(void)
{
    (void)change_mask(SIG_SETMASK, ~0UL);
    *(volatile char *)page = 1;
}

static void fault_ignored(void)
{
    (void)signal(SIGSEGV, SIG_IGN);
    *(volatile char *)page = 1;
}

static void fault_in_handler_of(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    (void)context;
    *(volatile char *)page = 1;
}

static void fault_twice(void)
{
    struct sigaction action = { .sa_sigaction = fault_in_handler_of, .sa_flags = SA_SIGINFO };

    (void)sigaction(SIGSEGV, &action, NULL);
    *(volatile char *)page = 1;
}

static void no_restorer(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } action = { .handler = (void *)(uintptr_t)on_usr1 };

    CALL(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8));
    (void)raise(SIGUSR1);
    printf("returned\n");
}

int main(void)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };

    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct sigaction action = {
            .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
        };

        (void)sigaction(numbers[i], &action, NULL);
    }
    repairs();
    all_registers();
    changes();
    breaks();
    (void)signal(SIGSEGV, SIG_DFL);
    SECTION("the end");
    (void)mprotect(page, 4096, PROT_NONE);
    reap("rt_sigreturn without a frame", spawn(no_frame));
    reap("rt_sigreturn from garbage", spawn(wild_frame));
    reap("a blocked fault", spawn(fault_blocked));
    reap("an ignored fault", spawn(fault_ignored));
    reap("a fault in its own handler", spawn(fault_twice));
    reap("an action without a restorer", spawn(no_restorer));
    return 0;
}
