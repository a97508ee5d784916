/*
 * Vector registers belong to the program: no system call, page fault or signal handler may change
 * one.  Each test fills all registers of one kind with a pattern, makes system calls and touches
 * fresh pages inside the same piece of assembly, and stores the registers for comparison.
 */
#include <cpuid.h>
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

#define ROUNDS 2000
#define PAGE 4096

struct registers {
    _Alignas(64) unsigned char bytes[32][64];
};

static struct registers pattern, found;
static uint64_t mask_pattern[8], mask_found[8];

static void fill(struct registers *registers, unsigned seed)
{
    for (unsigned i = 0; i < sizeof(registers->bytes); i++) {
        seed = seed * 1103515245u + 12345u;
        ((unsigned char *)registers->bytes)[i] = (unsigned char)(seed >> 16);
    }
}

/* rdi counts rounds, rsi walks over fresh pages: a getpid and a first touch in every round. */
#define CROSS_THE_KERNEL                                    \
    "1: mov $39, %%eax\n"                                   \
    "   syscall\n"                                          \
    "   movb $1, (%[page])\n"                               \
    "   add $4096, %[page]\n"                               \
    "   dec %[rounds]\n"                                    \
    "   jnz 1b\n"

#define EVERY_16(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) \
    do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
#define EVERY_32(do) EVERY_16(do) do(16) do(17) do(18) do(19) do(20) do(21) do(22) do(23) \
    do(24) do(25) do(26) do(27) do(28) do(29) do(30) do(31)
#define EVERY_MASK(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7)

#define LOAD_XMM(n) "movdqa 64*" #n "(%[in]), %%xmm" #n "\n"
#define SAVE_XMM(n) "movdqa %%xmm" #n ", 64*" #n "(%[out])\n"
#define LOAD_YMM(n) "vmovdqa 64*" #n "(%[in]), %%ymm" #n "\n"
#define SAVE_YMM(n) "vmovdqa %%ymm" #n ", 64*" #n "(%[out])\n"
#define LOAD_ZMM(n) "vmovdqa64 64*" #n "(%[in]), %%zmm" #n "\n"
#define SAVE_ZMM(n) "vmovdqa64 %%zmm" #n ", 64*" #n "(%[out])\n"
#define LOAD_MASK(n) "kmovq 8*" #n "(%[masks]), %%k" #n "\n"
#define SAVE_MASK(n) "kmovq %%k" #n ", 8*" #n "(%[masks_out])\n"

static void cross_xmm(char *page, long rounds)
{
    __asm__ volatile(EVERY_16(LOAD_XMM) CROSS_THE_KERNEL EVERY_16(SAVE_XMM)
                     : [page] "+r"(page), [rounds] "+r"(rounds)
                     : [in] "r"(&pattern), [out] "r"(&found)
                     : "rax", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                       "xmm14", "xmm15");
}

__attribute__((target("avx"))) static void cross_ymm(char *page, long rounds)
{
    __asm__ volatile(EVERY_16(LOAD_YMM) CROSS_THE_KERNEL EVERY_16(SAVE_YMM) "vzeroupper\n"
                     : [page] "+r"(page), [rounds] "+r"(rounds)
                     : [in] "r"(&pattern), [out] "r"(&found)
                     : "rax", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                       "xmm14", "xmm15");
}

__attribute__((target("avx512f,avx512bw"))) static void cross_zmm(char *page, long rounds)
{
    __asm__ volatile(EVERY_32(LOAD_ZMM) EVERY_MASK(LOAD_MASK) CROSS_THE_KERNEL
                     EVERY_32(SAVE_ZMM) EVERY_MASK(SAVE_MASK) "vzeroupper\n"
                     : [page] "+r"(page), [rounds] "+r"(rounds)
                     : [in] "r"(&pattern), [out] "r"(&found), [masks] "r"(mask_pattern),
                       [masks_out] "r"(mask_found)
                     : "rax", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                       "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21",
                       "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29",
                       "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7");
}

/* Not all processors have them, and what is printed is the same on all. */
#define ZMM "zmm registers, if any, across calls and faults"

static void show(const char *name, unsigned registers, size_t size)
{
    unsigned changed = 0;

    for (unsigned i = 0; i < registers; i++)
        changed += memcmp(pattern.bytes[i], found.bytes[i], size) != 0;
    printf("%s: %u registers changed\n", name, changed);
}

static void cross(const char *name, void (*run)(char *, long), unsigned registers, size_t size)
{
    char *pages = mmap(NULL, (size_t)ROUNDS * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        printf("%s: no memory\n", name);
        return;
    }
    fill(&pattern, (unsigned)size);
    memset(&found, 0, sizeof(found));
    run(pages, ROUNDS);
    show(name, registers, size);
    munmap(pages, (size_t)ROUNDS * PAGE);
}

/* A handler that spoils everything it can reach: the frame must bring it all back. */
static void spoil(int signal)
{
    (void)signal;
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n pxor %%xmm7, %%xmm7\n pcmpeqd %%xmm15, %%xmm15\n"
                     "fninit\n"
                     : : : "xmm0", "xmm7", "xmm15", "memory");
}

static void cross_handler(void)
{
    long process = getpid();

    signal(SIGUSR1, spoil);
    fill(&pattern, 99);
    memset(&found, 0, sizeof(found));
    __asm__ volatile(EVERY_16(LOAD_XMM)
                     "mov $62, %%eax\n"
                     "syscall\n" EVERY_16(SAVE_XMM)
                     : "+D"(process)
                     : "S"((long)SIGUSR1), [in] "r"(&pattern), [out] "r"(&found)
                     : "rax", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                       "xmm14", "xmm15");
    show("xmm across a signal handler", 16, 16);
    signal(SIGUSR1, SIG_DFL);
}

/* Control words and the x87 stack survive system calls, and start as the ABI says. */
static void cross_x87(void)
{
    uint16_t control = 0;
    uint32_t mxcsr = _mm_getcsr();
    long double sum = 0, x = 1;

    __asm__ volatile("fnstcw %0" : "=m"(control));
    printf("x87 control word %#x, mxcsr %#x\n", control, mxcsr & ~0x3fu);
    _mm_setcsr((mxcsr & ~0x6000u) | 0x2000);    /* round down */
    for (int i = 0; i < 1000; i++) {
        sum += x;
        x /= 3;
        getppid();
    }
    printf("rounding mode kept: %#x, sum %.15Lf\n", _mm_getcsr() & 0x6000u, sum);
    _mm_setcsr(mxcsr);
}

void probe_vector(void)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 8; i++)
        mask_pattern[i] = 0x0123456789abcdefu * (i + 3);
    cross_x87();
    cross("xmm across calls and faults", cross_xmm, 16, 16);
    cross_handler();
    if (__builtin_cpu_supports("avx"))
        cross("ymm across calls and faults", cross_ymm, 16, 32);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
        cross(ZMM, cross_zmm, 32, 64);
        for (unsigned i = 0; i < 8; i++)
            mask += mask_pattern[i] != mask_found[i];
    } else {
        printf("%s: 0 registers changed\n", ZMM);
    }
    printf("mask registers, if any, across calls and faults: %u changed\n", mask);
}
