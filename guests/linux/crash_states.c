/*
 * States that a program may legally be in when it enters the kernel, though few ever are: odd
 * flags, wild stack pointers, changed segment bases.  What is printed says what survived.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash.h"

#define FLAG_TRAP 0x100u
#define FLAG_DIRECTION 0x400u
#define FLAG_NESTED 0x4000u
#define FLAG_ALIGNMENT 0x40000u
#define FLAG_IDENTIFICATION 0x200000u

/* Sets flags, makes a getppid, returns the flags after it and clears the dangerous ones. */
static uint64_t flags_across_call(uint64_t flags, long *result)
{
    uint64_t after, value;

    __asm__ volatile("sub $128, %%rsp\n"
                     "pushfq\n"
                     "orq %[flags], (%%rsp)\n"
                     "mov $110, %%eax\n"
                     "popfq\n"
                     "syscall\n"
                     "pushfq\n"
                     "pop %[after]\n"
                     "pushq $0x202\n"
                     "popfq\n"
                     "add $128, %%rsp\n"
                     : [after] "=&r"(after), "=&a"(value)
                     : [flags] "r"(flags)
                     : "rcx", "r11", "memory", "cc");
    *result = (long)value;
    return after;
}

static void show_flags(const char *name, uint64_t flag)
{
    long parent = 0;
    uint64_t after = flags_across_call(flag, &parent);

    printf("%s: call worked %d, flag after it %d\n", name, parent == getppid(),
           (after & flag) != 0);
}

static void flag_direction(void)
{
    show_flags("DF", FLAG_DIRECTION);
}

static void flag_nested(void)
{
    show_flags("NT", FLAG_NESTED);
}

static void flag_identification(void)
{
    show_flags("ID", FLAG_IDENTIFICATION);
}

static void flag_alignment(void)
{
    show_flags("AC", FLAG_ALIGNMENT);
}

static void flag_alignment_fault(void)    /* dies of SIGBUS */
{
    static char bytes[16];

    __asm__ volatile("pushfq\n orq $0x40000, (%%rsp)\n popfq\n movl 1(%0), %%eax"
                     : : "r"(bytes) : "rax", "memory", "cc");
}

static void flag_trap(void)    /* dies of SIGTRAP */
{
    __asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n nop\n nop" : : : "memory", "cc");
}

static void flag_trap_across_call(void)    /* dies of SIGTRAP too, at the call or behind it */
{
    long parent;

    flags_across_call(FLAG_TRAP, &parent);
}

static unsigned traps;

static void count_trap(int number)
{
    (void)number;
    traps++;
}

static void single_steps(void)
{
    signal(SIGTRAP, count_trap);
    __asm__ volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n"
                     "nop\n nop\n nop\n"
                     "pushfq\n andq $~0x100, (%%rsp)\n popfq\n"
                     : : : "memory", "cc");
    printf("single steps: %u\n", traps);
}

static void wild_stack_pointer(void)
{
    static const uint64_t wild[] = { 0, 1, 0x1000, 0x7fff00000000, 0x8000000000000000,
                                     0xffffffff80000000, UINT64_MAX };

    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        uint64_t after, saved;
        long value;

        __asm__ volatile("mov %%rsp, %[saved]\n"
                         "mov %[wild], %%rsp\n"
                         "mov $110, %%eax\n"
                         "syscall\n"
                         "mov %%rsp, %[after]\n"
                         "mov %[saved], %%rsp\n"
                         : [saved] "=&r"(saved), [after] "=&r"(after), "=&a"(value)
                         : [wild] "r"(wild[i])
                         : "rcx", "r11", "memory");
        printf("rsp %#lx: kept %d, call worked %d\n", wild[i], after == wild[i],
               value == getppid());
    }
}

/* All registers but rax, rcx and r11 keep their values; rcx is rip, r11 the flags. */
static void registers_across_call(void)
{
    uint64_t before[9], after[9], address, flags;

    for (unsigned i = 0; i < 9; i++)
        before[i] = 0x1111111111111111u * (i + 1);
    __asm__ volatile("mov (%[in]), %%rbx\n mov 8(%[in]), %%r8\n mov 16(%[in]), %%r9\n"
                     "mov 24(%[in]), %%r10\n mov 32(%[in]), %%r12\n mov 40(%[in]), %%r13\n"
                     "mov 48(%[in]), %%rdi\n mov 56(%[in]), %%rsi\n mov 64(%[in]), %%rdx\n"
                     "mov $39, %%eax\n syscall\n"
                     "1: mov %%rbx, (%[out])\n mov %%r8, 8(%[out])\n mov %%r9, 16(%[out])\n"
                     "mov %%r10, 24(%[out])\n mov %%r12, 32(%[out])\n mov %%r13, 40(%[out])\n"
                     "mov %%rdi, 48(%[out])\n mov %%rsi, 56(%[out])\n mov %%rdx, 64(%[out])\n"
                     "lea 1b(%%rip), %%rax\n sub %%rax, %%rcx\n"
                     : "=&c"(address)
                     : [in] "r"(before), [out] "r"(after)
                     : "rax", "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
                       "memory");
    __asm__ volatile("mov $39, %%eax\n syscall\n mov %%r11, %0" : "=r"(flags) : : "rax", "rcx",
                     "r11", "memory");
    printf("registers kept %d, rcx is rip %d, r11 has flags %d\n",
           memcmp(before, after, sizeof(before)) == 0, address == 0, (flags & 0x202) == 0x202);
}

/* The C library's thread pointer is put back before anything of the library runs. */
static void segment_bases(void)
{
    uint64_t wild[] = { 0, 0x1234, 0x7fff12345678 };
    uint64_t kept = 0, thread, seen;

    syscall(SYS_arch_prctl, ARCH_GET_FS, &thread);
    for (size_t i = 0; i < 3; i++) {
        __asm__ volatile("mov $158, %%eax\n mov $0x1002, %%edi\n mov %[wild], %%rsi\n syscall\n"
                         "mov $110, %%eax\n syscall\n"
                         "mov $158, %%eax\n mov $0x1003, %%edi\n mov %[seen], %%rsi\n syscall\n"
                         "mov $158, %%eax\n mov $0x1002, %%edi\n mov %[thread], %%rsi\n syscall\n"
                         : : [wild] "r"(wild[i]), [seen] "r"(&seen), [thread] "r"(thread)
                         : "rax", "rcx", "rdi", "rsi", "r11", "memory");
        kept += seen == wild[i];
        syscall(SYS_arch_prctl, ARCH_SET_GS, wild[i]);
        getppid();
        syscall(SYS_arch_prctl, ARCH_GET_GS, &seen);
        kept += seen == wild[i];
    }
    printf("bases kept by arch_prctl: %lu of 6\n", kept);
    printf("kernel half refused: %ld %ld\n", syscall(SYS_arch_prctl, ARCH_SET_FS, -4096L),
           syscall(SYS_arch_prctl, ARCH_SET_GS, 1L << 63));
    syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
}

static void segment_instructions(void)
{
    uint64_t saved, seen, gs;

    if (!(getauxval(AT_HWCAP2) & 2)) {
        printf("no wrfsbase here\n");
        return;
    }
    __asm__ volatile("rdfsbase %[saved]\n"
                     "mov $0x123456789, %%rbx\n"
                     "wrfsbase %%rbx\n"
                     "wrgsbase %%rbx\n"
                     "mov $110, %%eax\n"
                     "syscall\n"
                     "rdfsbase %[seen]\n"
                     "rdgsbase %[gs]\n"
                     "wrfsbase %[saved]\n"
                     : [saved] "=&r"(saved), [seen] "=&r"(seen), [gs] "=&r"(gs)
                     : : "rax", "rbx", "rcx", "r11", "memory");
    printf("bases kept by wrfsbase: %#lx %#lx\n", seen, gs);
}

static void wild_call_numbers(void)
{
    static const long numbers[] = { 900, 1000, 0x3fffffff, 0x40000000, 0x7fffffff, -1, INT64_MIN };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        long result;

        __asm__ volatile("syscall" : "=a"(result) : "a"(numbers[i]), "D"(-1L)
                         : "rcx", "r11", "memory");
        printf("call %ld: %ld\n", numbers[i], result);
    }
}

/* The gate of 32-bit programs, from 64-bit code: what it answers differs from kernel to kernel, but
 * the program goes on behind it. */
static void legacy_gate(void)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(64L) : "memory", "r8", "r9", "r10", "r11");
    printf("int 0x80 came back: %d\n", result != 64);
}

const struct crash crash_states[] = {
    { "flag_direction", flag_direction },
    { "flag_nested", flag_nested },
    { "flag_identification", flag_identification },
    { "flag_alignment", flag_alignment },
    { "flag_alignment_fault", flag_alignment_fault },
    { "flag_trap", flag_trap },
    { "flag_trap_across_call", flag_trap_across_call },
    { "single_steps", single_steps },
    { "wild_stack_pointer", wild_stack_pointer },
    { "registers_across_call", registers_across_call },
    { "segment_bases", segment_bases },
    { "segment_instructions", segment_instructions },
    { "wild_call_numbers", wild_call_numbers },
    { "legacy_gate", legacy_gate },
    { NULL, NULL },
};
