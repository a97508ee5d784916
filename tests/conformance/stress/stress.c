/*
 * Stressors: `stress KIND COUNT` does one thing again and again with several threads or processes,
 * counts what must come out, and prints one line.  Status 1: something else came out.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 6
#define SMALL_STACK (64 << 10)
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
#define FUTEX_REQUEUE_PRIVATE 131

static unsigned long count;    /* rounds of each worker */

static long futex(_Atomic uint32_t *word, int operation, uint32_t value, uintptr_t more,
                  _Atomic uint32_t *target)
{
    return syscall(SYS_futex, word, operation, value, more, target, 0);
}

static pthread_t start(void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    error = pthread_create(&thread, &attributes, body, argument);
    if (error) {
        printf("no thread: %s\n", strerror(error));
        exit(1);
    }
    pthread_attr_destroy(&attributes);
    return thread;
}

static void run_workers(void *(*body)(void *))
{
    pthread_t threads[WORKERS];

    for (uintptr_t i = 0; i < WORKERS; i++)
        threads[i] = start(body, (void *)i);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- futex: a lock of three states, whose waiters are moved to another word and back --------- */

static _Atomic uint32_t lock_word, parking_word;
static unsigned long guarded;

static void lock(void)
{
    uint32_t seen = 0;

    if (atomic_compare_exchange_strong(&lock_word, &seen, 1))
        return;
    while (atomic_exchange(&lock_word, 2) != 0)
        futex(&lock_word, FUTEX_WAIT_PRIVATE, 2, 0, NULL);
}

static void unlock(void)
{
    if (atomic_exchange(&lock_word, 0) == 2)
        futex(&lock_word, FUTEX_WAKE_PRIVATE, 1, 0, NULL);
}

static void *futex_worker(void *number)
{
    for (unsigned long i = 0; i < count; i++) {
        lock();
        guarded++;
        unlock();
        if (i % 16 == (uintptr_t)number) {
            futex(&lock_word, FUTEX_REQUEUE_PRIVATE, 1, INT_MAX, &parking_word);
            futex(&parking_word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL);
        }
    }
    return NULL;
}

static unsigned long stress_futex(void)
{
    run_workers(futex_worker);
    return guarded;
}

/* ---- mutex, of each kind ------------------------------------------------------------------- */

static pthread_mutex_t mutexes[3];

static void *mutex_worker(void *number)
{
    for (unsigned long i = 0; i < count; i++) {
        pthread_mutex_t *mutex = &mutexes[i % 3];
        struct timespec soon;

        if (i % 5 == 0) {
            do {
                clock_gettime(CLOCK_REALTIME, &soon);
                soon.tv_nsec = (soon.tv_nsec + 100000) % 1000000000;
            } while (pthread_mutex_timedlock(mutex, &soon) != 0);
        } else {
            pthread_mutex_lock(mutex);
        }
        if (mutex == &mutexes[0])
            guarded++;
        if (i % 7 == (uintptr_t)number)
            sched_yield();
        pthread_mutex_unlock(mutex);
    }
    return NULL;
}

static unsigned long stress_mutex(void)
{
    pthread_mutexattr_t attributes;

    count -= count % 3;
    pthread_mutexattr_init(&attributes);
    pthread_mutex_init(&mutexes[0], NULL);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutexes[1], &attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_NONE);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutexes[2], &attributes);
    run_workers(mutex_worker);
    return guarded * 3;
}

/* ---- sem: tokens that go round ------------------------------------------------------------- */

static sem_t semaphores[WORKERS];
static _Atomic unsigned long passed;

static void *semaphore_worker(void *number)
{
    uintptr_t own = (uintptr_t)number;

    for (unsigned long i = 0; i < count; i++) {
        while (sem_wait(&semaphores[own]) != 0)
            continue;
        passed++;
        sem_post(&semaphores[(own + 1) % WORKERS]);
    }
    return NULL;
}

static unsigned long stress_sem(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        sem_init(&semaphores[i], 0, i % 2);
    run_workers(semaphore_worker);
    return passed;
}

/* ---- clone: threads and processes, one after the other and several at once ------------------- */

static void *nothing(void *unused)
{
    passed++;
    return unused;
}

static void *maker(void *number)
{
    for (unsigned long i = 0; i < count; i++) {
        if (i % 8 != (uintptr_t)number) {
            pthread_join(start(nothing, NULL), NULL);
            continue;
        }

        int status;
        pid_t child = fork();

        if (child == 0)
            _exit(7);
        if (child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7)
            passed++;
    }
    return NULL;
}

static unsigned long stress_clone(void)
{
    run_workers(maker);
    return passed;
}

/* Threads alone: one after the other from one thread. */
static unsigned long stress_threads(void)
{
    for (unsigned long i = 0; i < count * WORKERS; i++)
        pthread_join(start(nothing, NULL), NULL);
    return passed;
}

/* ---- switch: pairs that wake each other ------------------------------------------------------ */

static _Atomic uint32_t turns[WORKERS / 2];

static void *switcher(void *number)
{
    _Atomic uint32_t *turn = &turns[(uintptr_t)number / 2];
    uint32_t own = (uintptr_t)number % 2;

    for (unsigned long i = 0; i < count; i++) {
        while (*turn != own)
            futex(turn, FUTEX_WAIT_PRIVATE, !own, 0, NULL);
        passed++;
        *turn = !own;
        futex(turn, FUTEX_WAKE_PRIVATE, 1, 0, NULL);
    }
    return NULL;
}

static unsigned long stress_switch(void)
{
    run_workers(switcher);
    return passed;
}

/* ---- signal: queued ones from thread to thread, none of which may get lost ------------------- */

static pthread_t players[WORKERS];
static pthread_barrier_t all_know_themselves;
static _Atomic unsigned long received[WORKERS];
static _Thread_local uintptr_t self;

static void note_signal(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    if (information->si_code == SI_TKILL)
        received[self]++;
}

static void *signal_worker(void *number)
{
    self = (uintptr_t)number;
    pthread_barrier_wait(&all_know_themselves);
    for (unsigned long i = 0; i < count; i++) {
        uintptr_t next = (self + 1) % WORKERS;

        while (pthread_kill(players[next], SIGRTMIN + 3) == EAGAIN)
            sched_yield();
    }
    while (received[self] < count)
        sched_yield();
    passed += count;
    return NULL;
}

static unsigned long stress_signal(void)
{
    const struct sigaction action = {
        .sa_sigaction = note_signal, .sa_flags = SA_SIGINFO | SA_RESTART,
    };

    pthread_barrier_init(&all_know_themselves, NULL, WORKERS + 1);
    sigaction(SIGRTMIN + 3, &action, NULL);
    for (uintptr_t i = 0; i < WORKERS; i++)
        players[i] = start(signal_worker, (void *)i);
    pthread_barrier_wait(&all_know_themselves);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(players[i], NULL);
    return passed;
}

/* ---- timer: waits with a deadline, sleeps, and an interval timer meanwhile ------------------- */

static _Atomic unsigned long ticks;

static void tick(int number)
{
    (void)number;
    ticks++;
}

static void *timer_worker(void *number)
{
    const struct timespec moment = { 0, 50000 };

    for (unsigned long i = 0; i < count; i++) {
        if (i % 2 == (uintptr_t)number % 2)
            futex(&parking_word, FUTEX_WAIT_PRIVATE, 0, (uintptr_t)&moment, NULL);
        else
            nanosleep(&moment, NULL);
        passed++;
    }
    return NULL;
}

static unsigned long stress_timer(void)
{
    const struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };

    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &often, NULL);
    run_workers(timer_worker);
    while (ticks == 0)
        sched_yield();
    setitimer(ITIMER_REAL, &never, NULL);
    return passed;
}

static const struct {
    const char *name;
    unsigned long (*run)(void);
} kinds[] = {
    { "futex", stress_futex }, { "mutex", stress_mutex }, { "sem", stress_sem },
    { "clone", stress_clone }, { "threads", stress_threads }, { "switch", stress_switch },
    { "signal", stress_signal }, { "timer", stress_timer },
};

int main(int argc, char **argv)
{
    count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;

        unsigned long result = kinds[i].run();

        printf("%s: %lu of %lu\n", argv[1], result, count * WORKERS);
        return result == count * WORKERS ? 0 : 1;
    }
    fprintf(stderr, "usage: stress KIND COUNT\n");
    return 2;
}
