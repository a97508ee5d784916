/* What it costs to choose the next thread, with few and with many that are ready. */
#define _GNU_SOURCE
#include "measure.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define YIELDS 200000
#define STACK_SIZE 16384

static unsigned begin;
static int yields_each;

/* One thread and nobody else: ns a call. */
static double yield_alone(void)
{
    double start;

    use_one_processor();
    start = now_ns();
    for (int i = 0; i < YIELDS; i++)
        sched_yield();
    return (now_ns() - start) / YIELDS;
}

static void *yield_often(void *argument)
{
    while (__atomic_load_n(&begin, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, &begin, FUTEX_WAIT_PRIVATE, 0, NULL);
    for (int i = 0; i < yields_each; i++)
        sched_yield();
    return argument;
}

/* Of so many threads on one processor each lets the others run, again and again: ns from one to
 * the next. */
static double yield_among(int count)
{
    pthread_t *threads = malloc((size_t)count * sizeof(*threads));
    pthread_attr_t attributes;
    double start;

    use_one_processor();
    yields_each = YIELDS / count;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], &attributes, yield_often, NULL) != 0)
            exit(97);
    }
    start = now_ns();
    __atomic_store_n(&begin, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &begin, FUTEX_WAKE_PRIVATE, INT_MAX);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return (now_ns() - start) / ((double)yields_each * count);
}

static double yield_among_10(void)
{
    return yield_among(10);
}

static double yield_among_1000(void)
{
    return yield_among(1000);
}

static double yield_among_10000(void)
{
    return yield_among(10000);
}

const struct measure scheduling_measures[] = {
    { "sched_yield", yield_alone },
    { "ready_10", yield_among_10 },
    { "ready_1000", yield_among_1000 },
    { "ready_10000", yield_among_10000 },
    { NULL, NULL },
};
