/*
 * A `syscall` that is executed again and again, and what a program can notice of it: registers,
 * jumps onto the instruction and to what stands before it, signals, single steps, faults beside it.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

#define OFTEN 40
#define FLAG_CARRY 1UL
#define FLAG_DIRECTION 0x400UL
#define FLAG_STEP 0x100UL

#define STRING(number) #number
#define TEXT_OF(number) STRING(number)
#define PADDING ".balign 64\n.fill 96, 1, 0x90\n"

/* Each function has the pair of instructions that C libraries have, with a few more around it. */
__asm__(".text\n"
        PADDING
        ".globl get_parent, get_parent_call, get_parent_end\n"
        "get_parent:\n"
        "    mov $" TEXT_OF(SYS_getppid) ", %eax\n"
        "get_parent_call:\n"
        "    syscall\n"
        "    cmp $-4095, %rax\n"
        "    ret\n"
        "get_parent_end:\n"
        PADDING
        /* rdi: the number; what moves has three instructions */
        ".globl by_number, by_number_second, by_number_third, by_number_call\n"
        "by_number:\n"
        "    mov %rsi, %r8\n"
        "by_number_second:\n"
        "    mov %rdi, %rax\n"
        "by_number_third:\n"
        "    mov %rdx, %rdi\n"
        "by_number_call:\n"
        "    syscall\n"
        "    ret\n"
        PADDING
        /* rdi: from where the number comes */
        ".globl by_address, by_address_load, by_address_call\n"
        "by_address:\n"
        "    xor %r8d, %r8d\n"
        "by_address_load:\n"
        "    movslq (%rdi), %rax\n"
        "by_address_call:\n"
        "    syscall\n"
        "    ret\n"
        PADDING
        /* rdi: registers to load and to store: rax, rbx, ... r15 without rsp, then flags */
        ".globl all_registers, all_registers_call\n"
        "all_registers:\n"
        "    push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n push %rdi\n"
        "    push 120(%rdi)\n popfq\n"
        "    mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n mov 24(%rdi), %rdx\n mov 32(%rdi), %rsi\n"
        "    mov 48(%rdi), %rbp\n mov 56(%rdi), %r8\n mov 64(%rdi), %r9\n mov 72(%rdi), %r10\n"
        "    mov 80(%rdi), %r11\n mov 88(%rdi), %r12\n mov 96(%rdi), %r13\n mov 104(%rdi), %r14\n"
        "    mov 112(%rdi), %r15\n movups 128(%rdi), %xmm7\n mov 40(%rdi), %rdi\n"
        "    movq $0x5a5a, -8(%rsp)\n movq $0x6b6b, -128(%rsp)\n"
        "    mov $" TEXT_OF(SYS_getppid) ", %eax\n"
        "all_registers_call:\n"
        "    syscall\n"
        "    push %rdi\n mov 8(%rsp), %rdi\n"
        "    pushfq\n pop 120(%rdi)\n cld\n"
        "    mov %rax, (%rdi)\n pop 40(%rdi)\n"
        "    mov %rbx, 8(%rdi)\n mov %rcx, 16(%rdi)\n mov %rdx, 24(%rdi)\n mov %rsi, 32(%rdi)\n"
        "    mov %rbp, 48(%rdi)\n mov %r8, 56(%rdi)\n mov %r9, 64(%rdi)\n mov %r10, 72(%rdi)\n"
        "    mov %r11, 80(%rdi)\n mov %r12, 88(%rdi)\n mov %r13, 96(%rdi)\n mov %r14, 104(%rdi)\n"
        "    mov %r15, 112(%rdi)\n movups %xmm7, 144(%rdi)\n"
        "    mov -128(%rsp), %rax\n mov %rax, 160(%rdi)\n"
        "    pop %rdi\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
        "    ret\n"
        PADDING
        /* A child on another stack ends at once: rdi flags, rsi its stack. */
        ".globl clone_and_end\n"
        "clone_and_end:\n"
        "    xor %edx, %edx\n"
        "    mov $" TEXT_OF(SYS_clone) ", %eax\n"
        "    syscall\n"
        "    test %rax, %rax\n"
        "    jnz 1f\n"
        "    mov $7, %edi\n"
        "    mov $" TEXT_OF(SYS_exit) ", %eax\n"
        "    syscall\n"
        "1:  ret\n"
        PADDING);

extern char get_parent_call[], get_parent_end[], by_number_second[], by_number_third[],
    by_number_call[], by_address_load[], by_address_call[], all_registers_call[];
long get_parent(void);
long by_number(long number, long unused, long first);
long by_address(const int *number);
void all_registers(uint64_t *values);
long clone_and_end(long flags, void *stack);

static void make_all_hot(void)
{
    const int number = SYS_getppid;
    int right = 0;

    for (int i = 0; i < OFTEN; i++) {
        right += get_parent() == getppid();
        right += by_number(SYS_getpid, 0, 0) == getpid();
        right += by_address(&number) == getppid();
    }
    VALUE(right);
}

static void keep_registers(void)
{
    static const uint64_t flags[] = { 0x202, 0x202 | FLAG_CARRY, 0x202 | FLAG_DIRECTION, 0xad7 };
    uint64_t values[24];
    int differences = 0;

    for (int round = 0; round < OFTEN; round++) {
        for (uint64_t i = 0; i < COUNT(values); i++)
            values[i] = 0x0101010101010101u * (i + 1) + (uint64_t)round;
        values[15] = flags[round % 4];
        all_registers(values);
        for (uint64_t i = 1; i < 15; i++)
            differences += i != 2 && i != 10 &&
                           values[i] != 0x0101010101010101u * (i + 1) + (uint64_t)round;
        differences += values[2] != (uint64_t)(uintptr_t)all_registers_call + 2;
        differences += (values[10] & ~0x10000UL) != flags[round % 4];
        differences += (values[15] & ~0x10000UL) != flags[round % 4];
        differences += values[0] != (uint64_t)getppid();
        differences += values[18] != values[16] || values[19] != values[17];
    }
    VALUE(differences);
}

/* Calls a place in the middle of a function, with this in rax and the rest as said. */
static long jump_to(const void *place, long rax, long rdi, long rdx)
{
    register long r8 __asm__("r8") = 0;

    __asm__ volatile("sub $128, %%rsp\n call *%[place]\n add $128, %%rsp"
                     : "+a"(rax), "+D"(rdi), "+d"(rdx), "+r"(r8)
                     : [place] "r"(place)
                     : "rcx", "rsi", "r9", "r10", "r11", "memory", "cc");
    return rax;
}

static void jump_onto(void)
{
    int right = 0;

    for (int i = 0; i < OFTEN; i++) {
        right += jump_to(get_parent_call, SYS_getpid, 0, 0) == getpid();
        right += jump_to(by_number_call, SYS_getpid, 0, 0) == getpid();
        right += jump_to(by_number_second, -1, SYS_getuid, 0) == (long)getuid();
        right += jump_to(by_number_third, SYS_getppid, 0, 5) == getppid();
        right += get_parent() == getppid();
    }
    VALUE(right);
}

static volatile long seen, outside, loads;
static const int good_number = SYS_getppid;

static void look_where(int number, siginfo_t *information, void *context)
{
    const greg_t *general = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t at = (uintptr_t)general[REG_RIP];

    (void)number;
    (void)information;
    seen++;
    if (at >= 0x61060000 && at < 0x62000000)    /* where nothing of this program is */
        outside++;
    (void)get_parent();
}

static void install(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

    sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void under_alarms(void)
{
    const struct itimerval often = { .it_value = { .tv_usec = 100 },
                                     .it_interval = { .tv_usec = 100 } };
    const struct itimerval never = { 0 };
    long wrong = 0;

    install(SIGALRM, look_where, SA_RESTART);
    seen = outside = 0;
    (void)setitimer(ITIMER_REAL, &often, NULL);
    while (seen < 300)
        wrong += get_parent() != getppid();
    (void)setitimer(ITIMER_REAL, &never, NULL);
    VALUE(wrong);
    VALUE(outside);
}

static int ends[2];

static void feed(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    (void)context;
    seen++;
    if (seen % 2 == 0)
        (void)!write(ends[1], "x", 1);
}

/* A read of an empty pipe begins again after the first alarm, and has a byte after the second. */
static void begin_again(void)
{
    const struct itimerval soon = { .it_value = { .tv_usec = 300 },
                                    .it_interval = { .tv_usec = 300 } };
    const struct itimerval never = { 0 };
    int bytes = 0, interrupted = 0;
    char byte;

    (void)!pipe(ends);
    for (int restart = 0; restart < 2; restart++) {
        install(SIGALRM, feed, restart ? SA_RESTART : 0);
        (void)setitimer(ITIMER_REAL, &soon, NULL);
        for (int i = 0; i < 20; i++) {
            long result = syscall(SYS_read, ends[0], &byte, 1);

            bytes += restart && result == 1;
            interrupted += restart && result < 0;
        }
        (void)setitimer(ITIMER_REAL, &never, NULL);
    }
    VALUE(bytes);
    VALUE(interrupted);
    FACT(seen >= 20);
}

static void mend_pointer(int number, siginfo_t *information, void *context)
{
    greg_t *general = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)number;
    loads += (char *)general[REG_RIP] == by_address_load && information->si_addr == (void *)8 &&
             general[REG_R8] == 0;
    general[REG_RDI] = (greg_t)(uintptr_t)&good_number;
}

static void fault_beside(void)
{
    int right = 0;

    install(SIGSEGV, mend_pointer, 0);
    for (int i = 0; i < OFTEN; i++) {
        right += by_address((const int *)(i % 4 == 3 ? 8 : (uintptr_t)&good_number)) == getppid();
    }
    VALUE(right);
    VALUE(loads);
}

static char *step_from;
static long steps[16];
static volatile unsigned step_count;

static void note_step(int number, siginfo_t *information, void *context)
{
    const greg_t *general = ((ucontext_t *)context)->uc_mcontext.gregs;
    long distance = (char *)general[REG_RIP] - step_from;

    (void)number;
    (void)information;
    if (distance >= -5 && distance < 32 && step_count < COUNT(steps))
        steps[step_count++] = distance;
}

static void step_through(void)
{
    install(SIGTRAP, note_step, 0);
    step_from = get_parent_call;
    for (int i = 0; i < 2; i++) {
        step_count = 0;
        __asm__ volatile("sub $128, %%rsp\n pushfq\n orq %[step], (%%rsp)\n popfq\n"
                         "call *%[function]\n"
                         "pushfq\n andq %[clear], (%%rsp)\n popfq\n add $128, %%rsp"
                         :
                         : [step] "i"(FLAG_STEP), [clear] "i"(~FLAG_STEP),
                           [function] "r"(get_parent)
                         : "rax", "rcx", "r11", "memory", "cc");
        for (unsigned k = 0; k < step_count; k++)
            printf("step %u: at %ld\n", k, steps[k]);
        make_all_hot();
    }
}

static void read_text(void)
{
    static char text[4096];
    size_t size = (size_t)(get_parent_end - (char *)(uintptr_t)get_parent);
    int both[2];

    (void)!pipe(both);
    VALUE(write(both[1], (char *)(uintptr_t)get_parent, size) == (ssize_t)size);
    VALUE(read(both[0], text, sizeof(text)) == (ssize_t)size);
    for (size_t i = 0; i < size; i++)
        printf("%02x%s", (unsigned char)text[i], i + 1 == size ? "\n" : " ");
}

static void make_children(void)
{
    static char stack[64 << 10] __attribute__((aligned(64)));
    static volatile int ended, vforked, forked;
    int status;

    for (int i = 0; i < OFTEN; i++) {
        long child = clone_and_end(SIGCHLD | 0x4100 /* VM, VFORK */, stack + sizeof(stack));

        ended += waitpid((pid_t)child, &status, 0) == child && WEXITSTATUS(status) == 7;
    }
    for (int i = 0; i < OFTEN / 4; i++) {
        pid_t child = vfork();

        if (child == 0)
            _exit(8);
        vforked += waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 8;
        child = fork();
        if (child == 0)
            _exit(get_parent() == getppid() ? 9 : 1);
        forked += waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 9;
    }
    VALUE(ended);
    VALUE(vforked);
    VALUE(forked);
}

int main(void)
{
    SECTION("often");
    make_all_hot();
    SECTION("registers");
    keep_registers();
    SECTION("jumps");
    jump_onto();
    SECTION("signals");
    under_alarms();
    begin_again();
    SECTION("a fault beside a call");
    fault_beside();
    SECTION("the kernel reads the instructions");
    read_text();
    SECTION("children");
    make_children();
    SECTION("single steps");
    step_through();
    make_all_hot();
    return 0;
}
