/*
 * Loops that make no calls, each named by the first argument:
 *
 *   until...   goes round until a signal's handler sets a flag, one second from the start
 *              (until_used: when it has used as much processor time)
 *   forever    goes round, and nobody will ever change that
 *   counts     is no spin: it gets on for a while, and ends by itself
 *
 * What is printed depends on the number of rounds nowhere, except in `counts`.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define COUNTS UINT64_C(300000000)
#define INNER 20

static volatile int flag;
static volatile int word = 1;

static void on_alarm(int number)
{
    (void)number;
    flag = 1;
}

static void arm(void)
{
    struct itimerval setting = { .it_value = { .tv_sec = 1 } };

    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &setting, NULL);
}

/* Stores, but always what is there already: a lock that is never free. */
static void until_exchange(void)
{
    while (!flag)
        (void)__atomic_exchange_n(&word, 1, __ATOMIC_SEQ_CST);
}

static __attribute__((noinline)) int ask_deep(int depth)
{
    volatile int here = depth;

    return depth == 0 ? flag : ask_deep(here - 1);
}

/* Calls leave return addresses behind. */
static void until_called(void)
{
    while (!ask_deep(5))
        continue;
}

/* A counter in memory that comes back to where it was: several visits of one instruction. */
static void until_nested(void)
{
    volatile int round;

    while (!flag) {
        for (round = 0; round < INNER; round++)
            __asm__ volatile("pause");
    }
}

static void until_vector(void)
{
    double value = 1.5;

    while (!flag) {
        __asm__ volatile("addsd %0, %0\n\tmulsd %1, %0" : "+x"(value) : "x"(0.5));
    }
    if (value != 1.5)
        puts("the vector register is not what it was");
}

static void until_plain(void)
{
    while (!flag)
        continue;
}

/* Code that does not count its blocks, whoever compiles it. */
static void until_assembly(void)
{
    __asm__ volatile("1:\n\tpause\n\tcmpl $0, %0\n\tje 1b" : : "m"(flag) : "cc");
}

static volatile int rings;

static void on_ring(int number)
{
    (void)number;
    rings++;
}

/* Two timers on processor time, one of them on that of user code alone. */
static void until_used(void)
{
    struct itimerval often = { { .tv_usec = 50000 }, { .tv_usec = 50000 } };
    struct itimerval never = { .it_value = { .tv_sec = 0 } };

    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGPROF, on_alarm);
    signal(SIGVTALRM, on_ring);
    setitimer(ITIMER_VIRTUAL, &often, NULL);
    setitimer(ITIMER_PROF, &(struct itimerval){ .it_value = { .tv_sec = 1 } }, NULL);
    until_plain();
    printf("%d rings\n", rings);
}

static void forever(void)
{
    for (;;)
        __asm__ volatile("pause");
}

static void counts(void)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < COUNTS; i++) {
        sum += i ^ (sum >> 3);
        __asm__ volatile("" : "+r"(sum));
    }
    printf("counted to %llx\n", (unsigned long long)sum);
}

/* Makes progress for ever, in a register, without a trap. */
static __attribute__((noinline)) void endless(void)
{
    for (uint64_t count = 0;; count++)
        __asm__ volatile("" : "+r"(count));
}

static const struct {
    const char *name;
    void (*run)(void);
} loops[] = {
    { "until_plain", until_plain },   { "until_exchange", until_exchange },
    { "until_called", until_called }, { "until_nested", until_nested },
    { "until_vector", until_vector }, { "until_assembly", until_assembly },
    { "until_used", until_used },     { "forever", forever },
    { "counts", counts },             { "endless", endless },
};

int main(int argument_count, char **arguments)
{
    struct timespec now;

    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]) && argument_count > 1; i++) {
        if (strcmp(loops[i].name, arguments[1]) != 0)
            continue;
        if (strncmp(loops[i].name, "until", 5) == 0)
            arm();
        loops[i].run();
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("%s ended after %ld s\n", loops[i].name, (long)now.tv_sec);
        return 0;
    }
    fputs("usage: spins LOOP\n", stderr);
    return 1;
}
