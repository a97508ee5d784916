/*
 * Several processors at once: as many threads as the first argument says spin, until all of them
 * have been on processors of their own at the same moment; then they increment a shared counter.
 * Nothing here gives a processor up.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 64
#define ROUNDS 20000

static unsigned threads;
static _Atomic int processor_of[THREADS_MAX];    /* where each spins, plus 1 */
static _Atomic int all_apart;
static _Atomic long counter;

static int are_apart(void)
{
    unsigned long seen = 0;

    for (unsigned i = 0; i < threads; i++) {
        int processor = processor_of[i] - 1;

        if (processor < 0 || seen >> processor & 1)
            return 0;
        seen |= 1ul << processor;
    }
    return 1;
}

static void *spin(void *argument)
{
    unsigned own = (unsigned)(size_t)argument;

    while (!all_apart) {
        processor_of[own] = sched_getcpu() + 1;
        if (own == 0 && are_apart())
            all_apart = 1;
    }
    for (int i = 0; i < ROUNDS; i++)
        counter++;
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t started[THREADS_MAX];

    threads = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    if (threads < 1 || threads > THREADS_MAX)
        return 2;
    for (unsigned i = 0; i < threads; i++) {
        if (pthread_create(&started[i], NULL, spin, (void *)(size_t)i) != 0)
            return 1;
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(started[i], NULL);
    printf("%u threads on %u processors, counter %s\n", threads, threads,
           counter == (long)threads * ROUNDS ? "right" : "WRONG");
    return 0;
}
