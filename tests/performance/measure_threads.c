/* Futexes and threads, each measured from the inside.  Where two threads take turns, natively both
 * are on one processor, as they are inside on one virtual CPU. */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
#define SMALL_STACK (64 << 10)
#define LONELY_WAKES 200000
#define TURNS 100000
#define MUTEX_THREADS 4
#define MUTEX_ROUNDS 200000
#define CREATED 5000
#define FEW 10
#define MANY 10000
#define SELECTED_WAKES 3000

static long futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    if (pthread_create(&thread, &attributes, body, argument) != 0) {
        fprintf(stderr, "measure: no thread\n");
        exit(97);
    }
    pthread_attr_destroy(&attributes);
    return thread;
}

/* ns for a wake-up that finds nobody. */
static double wake_nobody(void)
{
    static _Atomic uint32_t word;
    double begin = now_ns();

    for (int i = 0; i < LONELY_WAKES; i++)
        futex(&word, FUTEX_WAKE_PRIVATE, 1);
    return (now_ns() - begin) / LONELY_WAKES;
}

/* ---- Two threads take turns ---------------------------------------------------------------- */

static _Atomic uint32_t turn;

static void take_turns(uint32_t own)
{
    for (int i = 0; i < TURNS; i++) {
        while (turn != own)
            futex(&turn, FUTEX_WAIT_PRIVATE, !own);
        turn = !own;
        futex(&turn, FUTEX_WAKE_PRIVATE, 1);
    }
}

static void *second_player(void *unused)
{
    take_turns(1);
    return unused;
}

/* ns from one thread to the other: a wake-up, and a wait. */
static double ping_pong(void)
{
    pthread_t other;
    double begin;

    use_one_processor();
    other = start(second_player, NULL);
    begin = now_ns();
    take_turns(0);
    pthread_join(other, NULL);
    return (now_ns() - begin) / (2.0 * TURNS);
}

/* ---- A mutex that all want ----------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t all_there;
static volatile uint64_t guarded;

static void *locker(void *unused)
{
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < MUTEX_ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        guarded = guarded * 3 + 1;
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

/* ns for a lock and unlock, of all four threads together. */
static double contended_mutex(void)
{
    pthread_t threads[MUTEX_THREADS];
    double begin;

    pthread_barrier_init(&all_there, NULL, MUTEX_THREADS + 1);
    for (int i = 0; i < MUTEX_THREADS; i++)
        threads[i] = start(locker, NULL);
    begin = now_ns();
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < MUTEX_THREADS; i++)
        pthread_join(threads[i], NULL);
    return (now_ns() - begin) / (MUTEX_THREADS * MUTEX_ROUNDS);
}

/* ---- New threads --------------------------------------------------------------------------- */

static void *nothing(void *unused)
{
    return unused;
}

/* ns for pthread_create and pthread_join. */
static double create_and_join(void)
{
    double begin;

    pthread_join(start(nothing, NULL), NULL);    /* its stack is used again */
    begin = now_ns();
    for (int i = 0; i < CREATED; i++)
        pthread_join(start(nothing, NULL), NULL);
    return (now_ns() - begin) / CREATED;
}

/* ---- A wake-up among many waiters ---------------------------------------------------------- */

static _Atomic uint32_t *words;
static _Atomic unsigned waiting;

static void *waiter(void *word)
{
    waiting++;
    while (*(_Atomic uint32_t *)word == 0)
        futex(word, FUTEX_WAIT_PRIVATE, 0);
    return NULL;
}

/* ns for a wake-up of nobody while so many threads wait, each on a word of its own. */
static double wake_among(unsigned count)
{
    pthread_t *threads = calloc(count, sizeof(*threads));
    double begin, taken;

    words = mmap(NULL, (count + 1) * sizeof(*words), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < count; i++)
        threads[i] = start(waiter, (void *)&words[i]);
    while (waiting < count)
        usleep(1000);
    usleep(50000);
    begin = now_ns();
    for (int i = 0; i < SELECTED_WAKES; i++)
        futex(&words[count], FUTEX_WAKE_PRIVATE, INT_MAX);
    taken = (now_ns() - begin) / SELECTED_WAKES;
    for (unsigned i = 0; i < count; i++) {
        words[i] = 1;
        futex(&words[i], FUTEX_WAKE_PRIVATE, 1);
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return taken;
}

static double wake_among_few(void)
{
    return wake_among(FEW);
}

static double wake_among_many(void)
{
    return wake_among(MANY);
}

const struct measure thread_measures[] = {
    { "futex_wake", wake_nobody },
    { "futex_turns", ping_pong },
    { "mutex_of_four", contended_mutex },
    { "thread_create", create_and_join },
    { "wake_among_10", wake_among_few },
    { "wake_among_10000", wake_among_many },
    { NULL, NULL },
};
