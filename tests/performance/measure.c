/*
 * Measures one thing at a time, from the inside: `measure NAME [FILE]` prints nanoseconds for one
 * unit of it.  The bench script runs it natively and inside the kernel, and compares.
 * `measure run COMMAND [ARGUMENT...]` starts a command and prints the nanoseconds until it had
 * ended and its peak memory in KiB: from a parent this small nothing is added to either.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define TOUCHED (64UL << 20)
#define SCATTERED_PAGES 4096UL

static const char *file_name;

const char *measured_file(void)
{
    return file_name;
}

double now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Integer arithmetic with a dependency from step to step: ns a step. */
static double cpu_bound(void)
{
    const uint64_t steps = 300000000;
    uint64_t value = (uint64_t)getpid();
    double start = now_ns();

    for (uint64_t i = 0; i < steps; i++)
        value = value * 6364136223846793005u + (value >> 29);
    __asm__ volatile("" : : "r"(value));
    return (now_ns() - start) / (double)steps;
}

/* Copies of 1 MiB between buffers that were touched before: ns a KiB. */
static double memory_copy(void)
{
    const int rounds = 3000;
    char *from = malloc(1 << 20), *to = malloc(1 << 20);
    double start;

    memset(from, 1, 1 << 20);
    memset(to, 2, 1 << 20);
    start = now_ns();
    for (int i = 0; i < rounds; i++) {
        memcpy(to, from, 1 << 20);
        __asm__ volatile("" : : "r"(to) : "memory");
    }
    return (now_ns() - start) / rounds / 1024;
}

/* The cheapest system call: ns a call. */
static double null_call(void)
{
    const int calls = 200000;
    double start = now_ns();

    for (int i = 0; i < calls; i++)
        syscall(SYS_getppid);
    return (now_ns() - start) / calls;
}

static void do_nothing(int number)
{
    (void)number;
}

/* A signal from a thread to itself, its handler, and the way back: ns a signal. */
static double signal_self(void)
{
    const int signals = 50000;
    const struct sigaction action = { .sa_handler = do_nothing };
    double start;

    sigaction(SIGUSR1, &action, NULL);
    start = now_ns();
    for (int i = 0; i < signals; i++)
        syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
    return (now_ns() - start) / signals;
}

/* As programs ask for the time, with a vDSO where there is one: ns a call. */
static double clock_call(void)
{
    const int calls = 500000;
    struct timespec time;
    double start = now_ns();

    for (int i = 0; i < calls; i++)
        clock_gettime(CLOCK_MONOTONIC, &time);
    return (now_ns() - start) / calls;
}

/* A timer that is set, set anew and deleted before it goes off: ns. */
static double timer_life(void)
{
    const int rounds = 10000;
    struct itimerspec later = { .it_value = { 1000, 0 } };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    double start = now_ns();

    for (int i = 0; i < rounds; i++) {
        int timer;

        syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
        syscall(SYS_timer_settime, timer, 0, &later, NULL);
        syscall(SYS_timer_settime, timer, 0, &later, NULL);
        syscall(SYS_timer_delete, timer);
    }
    return (now_ns() - start) / rounds;
}

/* First write to each page of 64 MiB, in order: ns a page. */
static double touch_in_order(void)
{
    char *area = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double start;

    madvise(area, TOUCHED, MADV_NOHUGEPAGE);    /* natively that would be another thing */
    start = now_ns();
    for (size_t offset = 0; offset < TOUCHED; offset += PAGE)
        area[offset] = 1;
    return (now_ns() - start) / (double)(TOUCHED / PAGE);
}

/* First write to single pages, 256 KiB or more from each other, in a shuffled order: ns a page. */
static double touch_scattered(void)
{
    const size_t stride = 64 * PAGE, size = SCATTERED_PAGES * stride;
    char *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    double start;

    madvise(area, size, MADV_NOHUGEPAGE);
    start = now_ns();
    for (size_t i = 0; i < SCATTERED_PAGES; i++)
        area[i * 2654435761u % SCATTERED_PAGES * stride] = 1;
    return (now_ns() - start) / (double)SCATTERED_PAGES;
}

static double read_file(size_t block, int rounds)
{
    char *buffer = malloc(block);
    int fd = open(file_name, O_RDONLY);
    double start = 0, total = 0;

    memset(buffer, 1, block);
    if (fd < 0)
        return -1;
    for (int round = 0; round <= rounds; round++) {    /* the first only fills the cache */
        ssize_t count;

        if (round == 1)
            start = now_ns();
        lseek(fd, 0, SEEK_SET);
        while ((count = read(fd, buffer, block)) > 0)
            total += round > 0 ? (double)count : 0;
    }
    return (now_ns() - start) / (total / (double)PAGE);
}

/* A cached file in blocks of 4 KiB: ns a block. */
static double read_small(void)
{
    return read_file(PAGE, 20);
}

/* The same in blocks of 1 MiB: ns for 4 KiB. */
static double read_large(void)
{
    return read_file(1 << 20, 40);
}

/*
 * Natively only: what guests/teaching/timing.c does in the kernel, here in processes and System V
 * semaphores, all on one processor as the processes of one virtual CPU are.
 */
#define FORKS 2000
#define PAIRS 100000
#define PASSES 100000

void use_one_processor(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static void semaphore_add(int set, int index, int change)
{
    struct sembuf operation = { (unsigned short)index, (short)change, 0 };

    if (semop(set, &operation, 1) != 0)
        _exit(97);
}

static double fork_time(void)
{
    double start;

    use_one_processor();
    start = now_ns();
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
    }
    return (now_ns() - start) / FORKS;
}

static double alone_time(void)
{
    int set = semget(IPC_PRIVATE, 1, 0600);
    double start = now_ns();

    semaphore_add(set, 0, 1);
    for (int i = 0; i < PAIRS; i++) {
        semaphore_add(set, 0, -1);
        semaphore_add(set, 0, 1);
    }
    semctl(set, 0, IPC_RMID);
    return (now_ns() - start) / PAIRS;
}

/* Waits for the start, which has the last index; then for its own semaphore, again and again, and
 * signals its neighbour's. */
static void ring_member(int set, int index, int size)
{
    semaphore_add(set, size, -1);
    for (int i = 0; i < PASSES / size; i++) {
        semaphore_add(set, index, -1);
        semaphore_add(set, (index + 1) % size, 1);
    }
    _exit(0);
}

static double ring_time(int size)
{
    int set = semget(IPC_PRIVATE, size + 1, 0600);
    double start;

    use_one_processor();
    for (int i = 0; i < size; i++) {
        if (i % 2 == 0)
            semaphore_add(set, i, 1);
        if (fork() == 0)
            ring_member(set, i, size);
    }
    start = now_ns();
    semaphore_add(set, size, size);
    while (wait(NULL) > 0)
        continue;
    semctl(set, 0, IPC_RMID);
    return (now_ns() - start) / (PASSES / size * size);
}

static double pair_time(void)
{
    return ring_time(2);
}

static double many_time(void)
{
    return ring_time(1000);
}

static const struct measure measures[] = {
    { "cpu_bound", cpu_bound },
    { "memory_copy", memory_copy },
    { "null_call", null_call },
    { "clock_call", clock_call },
    { "timer_life", timer_life },
    { "signal_self", signal_self },
    { "touch_in_order", touch_in_order },
    { "touch_scattered", touch_scattered },
    { "read_small", read_small },
    { "read_large", read_large },
    { "semop", alone_time },
    { "semop_turns", pair_time },
    { "alone", alone_time },
    { "pair", pair_time },
    { "fork", fork_time },
    { "many", many_time },
    { NULL, NULL },
};

static const struct measure *measure_find(const char *name)
{
    static const struct measure *const tables[] = {
        measures, process_measures, thread_measures, scheduling_measures,
    };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct measure *measure = tables[i]; measure->name; measure++) {
            if (strcmp(name, measure->name) == 0)
                return measure;
        }
    }
    return NULL;
}

static int run_command(char **command)
{
    double start = now_ns();
    struct rusage usage;
    int status;
    pid_t child = vfork();

    if (child == 0) {
        execv(command[0], command);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 98;
    printf("%.0f %ld\n", now_ns() - start, usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "nothing") == 0)
        return 0;
    if (argc > 2 && strcmp(argv[1], "run") == 0)
        return run_command(argv + 2);
    file_name = argc > 2 ? argv[2] : "";

    const struct measure *measure = argc > 1 ? measure_find(argv[1]) : NULL;

    if (measure) {
        printf("%.3f\n", measure->run());
        return 0;
    }
    fprintf(stderr, "usage: measure NAME [FILE] | run COMMAND...\n");
    return 99;
}
