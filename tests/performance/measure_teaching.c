/*
 * The same for the teaching ABI: `measure_teaching NAME` prints nanoseconds for one unit.  Its
 * native counterparts are in measure.c, with System V semaphores, which are kernel calls on keys as
 * well.
 */
#include "teaching.h"

enum { FORKS = 500, PAIRS = 20000, PING_PONGS = 10000, RING_STEPS = 20000, RING_MAX = 1000 };
enum semaphore { PING = 0x100, PONG = 0x101, RING = 0x1000 };

static int ring_size;

static void nothing(int unused)
{
    (void)unused;
}

/* A process that only exits, from fork to the end of waitpid. */
static uint64_t fork_wait(void)
{
    for (int i = 0; i < FORKS; i++)
        (void)process_wait(process_start(nothing, 0));
    return FORKS;
}

/* A wait that finds the semaphore free, and the signal. */
static uint64_t semaphore_pair(void)
{
    (void)semaphore_new(PING, 1);
    for (int i = 0; i < PAIRS; i++) {
        (void)semaphore_wait(PING);
        (void)semaphore_signal(PING);
    }
    return PAIRS;
}

static void pong(int unused)
{
    (void)unused;
    for (int i = 0; i < PING_PONGS; i++) {
        (void)semaphore_wait(PING);
        (void)semaphore_signal(PONG);
    }
}

/* There and back again between two processes. */
static uint64_t ping_pong(void)
{
    int child;

    (void)semaphore_new(PING, 0);
    (void)semaphore_new(PONG, 0);
    child = process_start(pong, 0);
    for (int i = 0; i < PING_PONGS; i++) {
        (void)semaphore_signal(PING);
        (void)semaphore_wait(PONG);
    }
    (void)process_wait(child);
    return PING_PONGS;
}

/* Each process waits for its semaphore and signals its neighbour's. */
static void ring_member(int index)
{
    uint32_t next = RING + (uint32_t)((index + 1) % ring_size);

    for (int i = 0; i < RING_STEPS / ring_size; i++) {
        (void)semaphore_wait(RING + (uint32_t)index);
        (void)semaphore_signal(next);
    }
}

/* All tokens at once: as many are ready as there are processes, and each step is a switch. */
static uint64_t ring(int size)
{
    static int children[RING_MAX];

    ring_size = size;
    for (int i = 0; i < size; i++)
        (void)semaphore_new(RING + (uint32_t)i, 0);
    for (int i = 0; i < size; i++)
        children[i] = process_start(ring_member, i);
    for (int i = 0; i < size; i++)
        (void)semaphore_signal(RING + (uint32_t)i);
    (void)process_wait_all(children, size);
    return RING_STEPS;
}

static uint64_t ring_2(void)
{
    return ring(2);
}

static uint64_t ring_1000(void)
{
    return ring(RING_MAX);
}

static const struct {
    const char *name;
    uint64_t (*run)(void);
} measures[] = {
    { "fork_wait", fork_wait },   { "semaphore_pair", semaphore_pair },
    { "ping_pong", ping_pong },   { "ring_2", ring_2 },
    { "ring_1000", ring_1000 },
};

static bool is_same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(measures) / sizeof(measures[0]); i++) {
        if (is_same(argv[1], measures[i].name)) {
            int64_t start = time_now_ns();
            uint64_t units = measures[i].run();

            print("%lu\n", (uint64_t)(time_now_ns() - start) / units);
            return 0;
        }
    }
    return 99;
}
