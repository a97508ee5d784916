/*
 * The vDSO: code of the kernel's that runs in programs of Linux, for questions that need no trap.
 *
 * The page before this image is struct time_page (src/abi/linux/time_page.h), which the kernel
 * keeps up to date.  Where it cannot answer, these functions make the system call; so they give
 * what the calls give, always.
 *
 *   program                                kernel or port
 *   reads the counter and the line
 *                                          begins a new line
 *   computes with parts of both            <- forbidden: `sequence` is odd or another one
 */
#include <stddef.h>
#include <stdint.h>

#include "abi/linux/time_page.h"

#define HIDDEN __attribute__((visibility("hidden")))
#define EXPORTED __attribute__((visibility("default")))

/* The linker says where.  Not const: others change it, and nothing read before counts later. */
extern struct time_page time_page HIDDEN;

struct timespec {
    int64_t seconds, nanoseconds;
};
struct timeval {
    int64_t seconds, microseconds;
};

/* Those that programs know by these numbers. */
enum clock { REAL = 0, MONOTONIC = 1, RAW = 4, REAL_COARSE = 5, MONOTONIC_COARSE = 6, BOOT = 7 };
enum call { CALL_GETTIMEOFDAY = 96, CALL_TIME = 201, CALL_GETTIME = 228, CALL_GETRES = 229,
            CALL_GETCPU = 309 };

#define SECOND_NS 1000000000u

static inline long call3(enum call number, long first, const void *second, const void *third)
{
    register long result __asm__("rax") = (long)number;

    __asm__ volatile("syscall" : "+a"(result) : "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

static inline uint64_t read_counter(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Monotonic time; 0: the kernel must be asked. */
static inline uint64_t read_monotonic(void)
{
    const struct machine_time_line *line = &time_page.line;

    for (;;) {
        uint32_t sequence = __atomic_load_n(&line->sequence, __ATOMIC_ACQUIRE);
        struct machine_time_line copy = {
            .counter = __atomic_load_n(&line->counter, __ATOMIC_RELAXED),
            .time_ns = __atomic_load_n(&line->time_ns, __ATOMIC_RELAXED),
            .multiplier = __atomic_load_n(&line->multiplier, __ATOMIC_RELAXED),
        };
        uint64_t ns;

        if (!__atomic_load_n(&line->has_line, __ATOMIC_RELAXED))
            return 0;
        ns = machine_time_of(&copy, read_counter());
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(sequence & 1) && sequence == __atomic_load_n(&line->sequence, __ATOMIC_RELAXED))
            return ns;
    }
}

/* Real time; 0: the kernel must be asked. */
static inline uint64_t read_real(void)
{
    uint64_t ns = read_monotonic();

    return ns ? ns + __atomic_load_n(&time_page.real_offset_ns, __ATOMIC_ACQUIRE) : 0;
}

static inline uint64_t read_clock(int clock)
{
    switch (clock) {
    case REAL:
        return read_real();
    case MONOTONIC:
    case RAW:
    case BOOT:
        return read_monotonic();
    case REAL_COARSE:
        return read_real() / TIME_PAGE_COARSE_NS * TIME_PAGE_COARSE_NS;
    case MONOTONIC_COARSE:
        return read_monotonic() / TIME_PAGE_COARSE_NS * TIME_PAGE_COARSE_NS;
    }
    return 0;
}

EXPORTED int __vdso_clock_gettime(int clock, struct timespec *time);
EXPORTED int __vdso_clock_gettime(int clock, struct timespec *time)
{
    uint64_t ns = read_clock(clock);

    if (ns == 0)
        return (int)call3(CALL_GETTIME, clock, time, NULL);
    time->seconds = (int64_t)(ns / SECOND_NS);
    time->nanoseconds = (int64_t)(ns % SECOND_NS);
    return 0;
}

EXPORTED int __vdso_clock_getres(int clock, struct timespec *resolution);
EXPORTED int __vdso_clock_getres(int clock, struct timespec *resolution)
{
    switch (clock) {
    case REAL:
    case MONOTONIC:
    case RAW:
    case BOOT:
        if (resolution)
            *resolution = (struct timespec){ 0, 1 };
        return 0;
    case REAL_COARSE:
    case MONOTONIC_COARSE:
        if (resolution)
            *resolution = (struct timespec){ 0, TIME_PAGE_COARSE_NS };
        return 0;
    }
    return (int)call3(CALL_GETRES, clock, resolution, NULL);
}

EXPORTED int __vdso_gettimeofday(struct timeval *time, void *zone);
EXPORTED int __vdso_gettimeofday(struct timeval *time, void *zone)
{
    uint64_t ns = zone || !time ? 0 : read_real();

    if (ns == 0)
        return (int)call3(CALL_GETTIMEOFDAY, (long)time, zone, NULL);
    time->seconds = (int64_t)(ns / SECOND_NS);
    time->microseconds = (int64_t)(ns % SECOND_NS / 1000);
    return 0;
}

EXPORTED int64_t __vdso_time(int64_t *seconds);
EXPORTED int64_t __vdso_time(int64_t *seconds)
{
    int64_t now = (int64_t)(read_real() / SECOND_NS);

    if (now == 0)
        return call3(CALL_TIME, (long)seconds, NULL, NULL);
    if (seconds)
        *seconds = now;
    return now;
}

static inline uint32_t read_cpu_of_counter(void)
{
    uint32_t low, high, cpu;

    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(cpu));
    return cpu;
}

EXPORTED long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
EXPORTED long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    uint32_t number;

    switch (__atomic_load_n(&time_page.line.cpu_source, __ATOMIC_RELAXED)) {
    case CPU_SOURCE_WORD:
        number = __atomic_load_n(&time_page.line.cpu, __ATOMIC_RELAXED);
        break;
    case CPU_SOURCE_COUNTER:
        number = read_cpu_of_counter();
        break;
    default:
        return call3(CALL_GETCPU, (long)cpu, node, unused);
    }
    if (cpu)
        *cpu = number;
    if (node)
        *node = 0;
    return 0;
}

#define ALIAS(name, target)                                                                    \
    EXPORTED __typeof__(target) name __attribute__((weak, alias(#target)))
ALIAS(clock_gettime, __vdso_clock_gettime);
ALIAS(clock_getres, __vdso_clock_getres);
ALIAS(gettimeofday, __vdso_gettimeofday);
ALIAS(time, __vdso_time);
ALIAS(getcpu, __vdso_getcpu);
