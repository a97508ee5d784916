/*
 * Tries from user mode what only a kernel may do: its memory, privileged instructions, ports, odd
 * return addresses and flags.  Each attempt must end with a signal, or not matter; what it was is
 * printed, so that Linux and Eft can be compared.
 *
 *     hostile            all attempts
 *     hostile spin       nothing, for ever
 *     hostile calls      kernel addresses for every argument of every call (inside Eft only)
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <ucontext.h>
#include <unistd.h>

#define FLAG_TRAP 0x100
#define FLAG_INTERRUPTS 0x200
#define FLAG_DIRECTION 0x400
#define FLAG_PORTS 0x3000
#define FLAG_NESTED 0x4000
#define FLAG_RESUME 0x10000
#define FLAG_VIRTUAL 0x20000
#define FLAG_ALIGNMENT 0x40000
#define NON_CANONICAL 0x8000000000000000u
#define FIRST_NON_CANONICAL 0x0000800000000000u
#define LAST_NON_CANONICAL 0xffff7fffffffffffu
#define RUNS 300
#define EVERY_CALL_CAME_BACK 42
#define CALL_WAIT_US 5000

static sigjmp_buf back;
static volatile sig_atomic_t caught;
static char handler_stack[65536];

static const uint64_t kernel_addresses[] = {
    0xffff800000000000, 0xffff800000200000, 0xffff888000000000, 0xffffc00000000000,
    0xffffe00000000000, 0xffffe80000008000, 0xffffffff80000000, 0xffffffff80200000,
    0xffffffff81000000, 0xfffffffffffff000, 0xffffffffffffffff,
};

static void handle(int number)
{
    caught = number;
    siglongjmp(back, 1);
}

static void install(void)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGALRM };
    const stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK | SA_NODEFER };

    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

static int is_about_stacks;

/* Of a wrong stack some processors (QEMU's before 9.1) make a general protection fault instead of a
 * stack fault: that much is not the kernel's. */
static int caught_signal(void)
{
    return is_about_stacks && caught == SIGBUS ? SIGSEGV : (int)caught;
}

/* Runs the statement and prints the signal that it ended with. */
#define ATTEMPT(name, statement)                                           \
    do {                                                                   \
        caught = 0;                                                        \
        if (sigsetjmp(back, 1) == 0) {                                     \
            statement;                                                     \
        }                                                                  \
        __asm__ volatile("pushq $0x202; popfq" : : : "memory", "cc");      \
        printf("%s: signal %d\n", name, caught_signal());                   \
    } while (0)
#define INSTRUCTION(text) ATTEMPT(text, __asm__ volatile(text : : : "memory", "rax", "rcx", "rdx"))

static void memory(void)
{
    for (size_t i = 0; i < sizeof(kernel_addresses) / sizeof(kernel_addresses[0]); i++) {
        volatile char *address = (volatile char *)(uintptr_t)kernel_addresses[i];

        printf("%#lx\n", (unsigned long)kernel_addresses[i]);
        ATTEMPT("read", (void)*address);
        ATTEMPT("write", *address = 1);
        ATTEMPT("execute", ((void (*)(void))(uintptr_t)address)());
        ATTEMPT("prefetch", __builtin_prefetch((const void *)address));
    }
}

static void instructions(void)
{
    static char bytes[16];

    INSTRUCTION("cli");
    INSTRUCTION("sti");
    INSTRUCTION("hlt");
    INSTRUCTION("clts");
    INSTRUCTION("wbinvd");
    INSTRUCTION("invd");
    INSTRUCTION("swapgs");
    INSTRUCTION("sysretq");
    INSTRUCTION("rdmsr");
    INSTRUCTION("wrmsr");
    INSTRUCTION("monitor");
    INSTRUCTION("mwait");
    INSTRUCTION("movq %%cr0, %%rax");
    INSTRUCTION("movq %%rax, %%cr0");
    INSTRUCTION("movq %%cr2, %%rax");
    INSTRUCTION("movq %%rax, %%cr3");
    INSTRUCTION("movq %%rax, %%cr4");
    INSTRUCTION("movq %%rax, %%cr8");
    INSTRUCTION("movq %%rax, %%dr7");
    INSTRUCTION("movq %%dr0, %%rax");
    INSTRUCTION("invlpg (%%rsp)");
    INSTRUCTION("movl $8, %%eax; ltr %%ax");
    INSTRUCTION("movl $8, %%eax; lldt %%ax");
    INSTRUCTION("lmsw %%ax");
    INSTRUCTION("xorl %%ecx, %%ecx; xsetbv");
    INSTRUCTION("inb $0x60, %%al");
    INSTRUCTION("outb %%al, $0x80");
    INSTRUCTION("movl $0xf4, %%edx; outl %%eax, %%dx");
    INSTRUCTION("movl $0x3f8, %%edx; inb %%dx, %%al");
    INSTRUCTION("movl $0x10, %%eax; movl %%eax, %%ds");
    INSTRUCTION("movl $0x18, %%eax; movl %%eax, %%ss");
    INSTRUCTION("movl $0xfff8, %%eax; movl %%eax, %%fs");
    ATTEMPT("lgdt", __asm__ volatile("lgdt %0" : : "m"(bytes)));
    ATTEMPT("lidt", __asm__ volatile("lidt %0" : : "m"(bytes)));
}

#define INTERRUPT(number) \
    ATTEMPT("int " #number, __asm__ volatile("int $" #number : : : "memory"))

static void interrupts(void)
{
    INTERRUPT(0);
    INTERRUPT(1);
    INTERRUPT(2);
    INTERRUPT(3);
    INTERRUPT(4);
    INTERRUPT(8);
    INTERRUPT(13);
    INTERRUPT(14);
    INTERRUPT(18);
    INTERRUPT(32);
    INTERRUPT(0x81);
    INTERRUPT(0xe0);
    INTERRUPT(0xe1);
    INTERRUPT(0xff);
}

/* Far jumps and returns to selectors of the kernel's, or to none. */
static void selectors(void)
{
    static const uint16_t wanted[] = { 0x08, 0x10, 0x13, 0x18, 0x40, 0x43, 0x48, 0x0c, 0x100 };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        uint64_t selector = wanted[i];

        printf("selector %#x\n", wanted[i]);
        ATTEMPT("lretq", __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
                                          : : "r"(selector) : "rax", "memory"));
        ATTEMPT("iretq", __asm__ volatile("movq %%rsp, %%rcx; pushq $0x2b; pushq %%rcx; pushfq; "
                                          "pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; iretq; 1:"
                                          : : "r"(selector) : "rax", "rcx", "memory"));
    }
}

static uint64_t target_address, target_stack;

/* Lets the kernel return to another address or stack, or with other flags. */
static uint64_t wanted_flags;
static void rewrite(int number, siginfo_t *information, void *context)
{
    greg_t *general = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)number;
    (void)information;
    if (target_address)
        general[REG_RIP] = (greg_t)target_address;
    if (target_stack)
        general[REG_RSP] = (greg_t)target_stack;
    general[REG_EFL] |= (greg_t)wanted_flags;
}

static void return_to(const char *name, uint64_t address, uint64_t stack, uint64_t flags)
{
    struct sigaction action = { .sa_sigaction = rewrite, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigaction(SIGUSR1, &action, NULL);
    target_address = address;
    target_stack = stack;
    wanted_flags = flags;
    ATTEMPT(name, raise(SIGUSR1));
}

static void returns(void)
{
    ATTEMPT("jump to a non-canonical address",
            ((void (*)(void))(uintptr_t)NON_CANONICAL)());
    return_to("return to a non-canonical address", NON_CANONICAL, 0, 0);
    return_to("return to the first of them", FIRST_NON_CANONICAL, 0, 0);
    return_to("return to the last of them", LAST_NON_CANONICAL, 0, 0);
    return_to("return to the kernel", 0xffffffff80200000u, 0, 0);
    return_to("return to the last byte", UINT64_MAX, 0, 0);
    is_about_stacks = 1;
    return_to("return with a non-canonical stack", 0, NON_CANONICAL, 0);
    is_about_stacks = 0;
    return_to("return with the kernel's stack", 0, 0xffffe80000008000u, 0);
    return_to("return with port rights", 0, 0, FLAG_PORTS);
    INSTRUCTION("inb $0x60, %%al");
    return_to("return with the virtual flag", 0, 0, FLAG_VIRTUAL);
    return_to("return with the nested flag", 0, 0, FLAG_NESTED);
    return_to("return with the trap flag", 0, 0, FLAG_TRAP);
}

/* `syscall` in the last bytes that can be mapped: it would return to the next page. */
static void call_at_the_end(void)
{
    char *page = mmap((void *)0x7fffffffe000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    if (page == MAP_FAILED) {
        ATTEMPT("syscall at the end", raise(SIGSEGV));
        return;
    }
    memcpy(page + 4094, "\x0f\x05", 2);
    ATTEMPT("syscall at the end",
            __asm__ volatile("movl $39, %%eax; call *%0" : : "r"(page + 4094)
                             : "rax", "rcx", "r11", "memory"));
    munmap(page, 4096);
}

#define WITH_FLAGS(flags, text)                                                            \
    ATTEMPT(#flags ": " text,                                                              \
            __asm__ volatile("pushfq; orq %0, (%%rsp); movl $39, %%eax; popfq; " text      \
                             : : "r"((uint64_t)(flags)) : "rax", "rcx", "r11", "memory", "cc"))
#define ALL_TRAPS(flags)                              \
    do {                                              \
        WITH_FLAGS(flags, "syscall");                 \
        WITH_FLAGS(flags, "int3");                    \
        WITH_FLAGS(flags, "ud2");                     \
        WITH_FLAGS(flags, "int $0x20");               \
        WITH_FLAGS(flags, "movq 0, %%rax");           \
        WITH_FLAGS(flags, "cli");                     \
    } while (0)

static void flags(void)
{
    ALL_TRAPS(FLAG_TRAP);
    ALL_TRAPS(FLAG_DIRECTION);
    ALL_TRAPS(FLAG_NESTED);
    ALL_TRAPS(FLAG_PORTS);
    ALL_TRAPS(FLAG_ALIGNMENT);
    ALL_TRAPS(FLAG_RESUME);
    ALL_TRAPS(FLAG_TRAP | FLAG_NESTED | FLAG_DIRECTION);
}

/* A stack that no signal frame fits on, and none at all. */
static void stacks(void)
{
    static const uint64_t wanted[] = { 0, 8, FIRST_NON_CANONICAL, NON_CANONICAL,
                                       0xffffffff80200000u, UINT64_MAX - 7 };

    is_about_stacks = 1;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        printf("stack at %#lx\n", (unsigned long)wanted[i]);
        ATTEMPT("push", __asm__ volatile("movq %0, %%rsp; pushq $1" : : "r"(wanted[i]) : "memory"));
        ATTEMPT("syscall, then push",
                __asm__ volatile("movl $39, %%eax; movq %0, %%rsp; syscall; pushq $1"
                                 : : "r"(wanted[i]) : "rax", "rcx", "r11", "memory"));
        ATTEMPT("ud2", __asm__ volatile("movq %0, %%rsp; ud2" : : "r"(wanted[i]) : "memory"));
    }
}

static int is_harmful(long number)
{
    static const int harmful[] = {
        15, 34, 56, 57, 58, 59, 60, 61, 62, 130, 200, 231, 234, 247, 322, 424, 435, 128, 219,
    };

    for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++) {
        if (harmful[i] == number)
            return 1;
    }
    return 0;
}

/* A call that waits is interrupted. */
static void call_everywhere(long number, uint64_t a)
{
    const struct itimerval soon = { .it_value = { .tv_usec = CALL_WAIT_US } };

    caught = 0;
    if (sigsetjmp(back, 1) != 0)
        return;
    setitimer(ITIMER_REAL, &soon, NULL);
    syscall(number, a, a, a, a, a, a);
    syscall(number, 1L, a, 64L, 0L, 0L, 0L);
    syscall(number, 0L, 0L, a, a, a, a);
}

/* Results depend on the call; that the machine lives, and its memory is as it was, is the test. */
static int calls(void)
{
    struct utsname name;

    if (uname(&name) != 0 || !strstr(name.release, "eft")) {
        printf("not on Linux itself\n");
        return 99;
    }
    for (long number = 0; number < 460; number++) {
        for (size_t i = 0; i < sizeof(kernel_addresses) / sizeof(kernel_addresses[0]); i++) {
            if (!is_harmful(number))
                call_everywhere(number, kernel_addresses[i]);
        }
    }
    return EVERY_CALL_CAME_BACK;    /* there is nothing left to print to */
}

/* The flags again and again: a timer interrupt meets each of them at some time. */
static void interrupted(void)
{
    uint64_t odd = FLAG_DIRECTION | FLAG_NESTED | FLAG_ALIGNMENT;

    for (unsigned i = 0; i < RUNS; i++)
        __asm__ volatile("pushfq; orq %0, (%%rsp); popfq; movl $20000, %%ecx; 1: loop 1b; "
                         "pushq $0x202; popfq" : : "r"(odd) : "rcx", "memory", "cc");
    printf("interrupted with odd flags\n");
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    install();
    if (argc > 1 && strcmp(argv[1], "calls") == 0)
        return calls();
    while (argc > 1 && strcmp(argv[1], "spin") == 0)
        __asm__ volatile("pause");
    memory();
    instructions();
    interrupts();
    selectors();
    returns();
    call_at_the_end();
    flags();
    stacks();
    interrupted();
    return 0;
}
