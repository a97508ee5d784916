/*
 * Priority inversion and wake-ups under load, decided by order and not by time: all threads are on
 * one processor, so who runs is who should run.
 *
 * A thread between the two priorities would run for ever if the owner of the lock were not lent the
 * priority of who waits for it: it stops only when that one has had the lock.
 */
#include <semaphore.h>

#include "with_threads.h"

#define ROUNDS 30
#define CHAIN 6
#define WORK 200000
#define GIVES_UP 400000000ul
#define CYCLES 50
#define CYCLE_MS 2

static volatile unsigned long between;    /* steps of the thread between */
static volatile int stop;
static sem_t held, go;

static void use_one_processor(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(0, &one);
    FACT(sched_setaffinity(0, sizeof(one), &one) == 0);
}

static void use_priority(int priority)
{
    const struct sched_param parameter = { .sched_priority = priority };

    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &parameter) != 0)    /* musl has none */
        (void)printf("no priority %d: %s\n", priority, error_name(errno));
}

/* Of the thread that it is, from its start on: the maker has the highest. */
struct member {
    int priority, index;
    void (*body)(int index);
};

static void *begin(void *argument)
{
    const struct member *member = argument;

    use_priority(member->priority);
    member->body(member->index);
    return NULL;
}

static void work(void)
{
    for (volatile int i = 0; i < WORK; i++)
        continue;
}

static void run_between(int unused)
{
    (void)unused;
    while (!stop && between < GIVES_UP)
        between++;
}

/* ---- A chain of locks ---------------------------------------------------------------------- */

static pthread_mutex_t locks[CHAIN];
static unsigned long before, after;

/* Owns its lock and waits for the one below; the lowest works. */
static void hold(int index)
{
    (void)pthread_mutex_lock(&locks[index]);
    (void)sem_post(&held);
    if (index > 0) {
        (void)pthread_mutex_lock(&locks[index - 1]);
        (void)pthread_mutex_unlock(&locks[index - 1]);
    } else {
        (void)sem_wait(&go);
        work();
    }
    (void)pthread_mutex_unlock(&locks[index]);
}

static void want(int index)
{
    before = between;
    (void)pthread_mutex_lock(&locks[index]);
    after = between;
    stop = 1;
    (void)pthread_mutex_unlock(&locks[index]);
}

/* Returns whether the thread between did not run while the highest one waited. */
static bool invert(int depth)
{
    struct member members[CHAIN], middle = { 20, 0, run_between }, high = { 30, depth - 1, want };
    pthread_t holders[CHAIN], others[2];

    between = 0;
    stop = 0;
    for (int i = 0; i < depth; i++) {
        members[i] = (struct member){ 10, i, hold };
        holders[i] = start(begin, &members[i]);
        (void)sem_wait(&held);
    }
    sleep_ms(1);    /* they come to their waits */
    others[0] = start(begin, &middle);
    others[1] = start(begin, &high);
    (void)sem_post(&go);
    for (int i = 0; i < 2; i++)
        (void)join(others[i]);
    for (int i = 0; i < depth; i++)
        (void)join(holders[i]);
    return before == after && between < GIVES_UP;
}

static void inversions(void)
{
    pthread_mutexattr_t attributes;

    SECTION("no inversion lasts longer than the owner works");
    (void)pthread_mutexattr_init(&attributes);
    VALUE(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    for (int i = 0; i < CHAIN; i++)
        VALUE(pthread_mutex_init(&locks[i], &attributes));
    for (int depth = 1; depth <= CHAIN; depth++) {
        int good = 0;

        for (int round = 0; round < ROUNDS; round++)
            good += invert(depth);
        (void)printf("%d locks in a row: %d of %d\n", depth, good, ROUNDS);
    }
}

/* ---- Cycles -------------------------------------------------------------------------------- */

static int cycles, early;

static void cycle(int unused)
{
    struct timespec next = from_now(CLOCK_MONOTONIC, CYCLE_MS), now;

    (void)unused;
    for (; cycles < CYCLES; cycles++) {
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        early += now.tv_sec < next.tv_sec ||
                 (now.tv_sec == next.tv_sec && now.tv_nsec < next.tv_nsec);
        next.tv_nsec += CYCLE_MS * 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_sec++;
            next.tv_nsec -= 1000000000;
        }
    }
    stop = 1;
}

/* The thread that would run for ever must give way at each cycle. */
static void wake_under_load(void)
{
    struct member busy = { 10, 0, run_between }, cyclic = { 50, 0, cycle };
    pthread_t threads[2];

    SECTION("cycles beside a thread that never waits");
    between = 0;
    stop = 0;
    threads[0] = start(begin, &cyclic);
    threads[1] = start(begin, &busy);
    for (int i = 0; i < 2; i++)
        (void)join(threads[i]);
    VALUE(cycles);
    VALUE(early);
    FACT(between > 0 && between < GIVES_UP * 10);
}

int main(void)
{
    use_one_processor();
    use_priority(60);
    (void)sem_init(&held, 0, 0);
    (void)sem_init(&go, 0, 0);
    inversions();
    wake_under_load();
    return 0;
}
