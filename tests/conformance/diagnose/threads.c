/*
 * Programs with POSIX threads or System V semaphores that cannot go on, one by each name, on both C
 * libraries: see run_threads.py.  Threads meet by a word that they spin and yield for, so that
 * nobody waits for anything but what the name says.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t first_lock, second_lock, third_lock;
static _Atomic int arrived;

static void meet(int count)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < count)
        sched_yield();
}

/* Two locks in one order ... */
static void *take_forwards(void *argument)
{
    pthread_mutex_lock(&first_lock);
    meet(2);
    pthread_mutex_lock(&second_lock);
    return argument;
}

/* ... and in the other one. */
static void *take_backwards(void *argument)
{
    pthread_mutex_lock(&second_lock);
    meet(2);
    pthread_mutex_lock(&first_lock);
    return argument;
}

static pthread_t start(void *(*run)(void *))
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, NULL) != 0)
        exit(1);
    return thread;
}

static void join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

static void set_up(int type, int robust, int protocol)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    pthread_mutex_init(&first_lock, &attributes);
    pthread_mutex_init(&second_lock, &attributes);
    pthread_mutex_init(&third_lock, &attributes);
}

static void abba(void)
{
    pthread_t other;

    set_up(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    other = start(take_forwards);
    start(take_backwards);
    join(other);
}

static void checked(void)
{
    pthread_t other;

    set_up(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    other = start(take_forwards);
    take_backwards(NULL);
    join(other);
}

static void robust(void)
{
    set_up(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    start(take_forwards);
    take_backwards(NULL);
}

/* Waits for a lock whose owner waits for a lock whose owner sleeps. */
static void *hold_third(void *argument)
{
    pthread_mutex_lock(&third_lock);
    meet(2);
    for (;;)
        pause();
    return argument;
}

static void *hold_second(void *argument)
{
    pthread_mutex_lock(&second_lock);
    meet(3);
    pthread_mutex_lock(&third_lock);
    return argument;
}

static void chain(void)
{
    set_up(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    start(hold_third);
    while (atomic_load(&arrived) < 1)
        sched_yield();
    start(hold_second);
    meet(3);
    pthread_mutex_lock(&second_lock);
}

static void *sleep_long(void *argument)
{
    while (sleep(1000) != 0)
        continue;
    return argument;
}

/* One thread sleeps, so that time alone could still change something. */
static void asleep(void)
{
    start(sleep_long);
    abba();
}

static int semaphores;

static void change(int index, int by)
{
    struct sembuf operation = { (unsigned short)index, (short)by, 0 };

    semop(semaphores, &operation, 1);
}

static void take_both(int first, int second)
{
    change(first, -1);
    change(2, -1);    /* the other one has its first, too */
    change(2, 0);
    change(second, -1);
}

/* The same with two processes and System V semaphores. */
static void semaphore_circle(void)
{
    unsigned short values[3] = { 1, 1, 2 };

    semaphores = semget(IPC_PRIVATE, 3, 0600);
    semctl(semaphores, 0, SETALL, values);
    if (fork() == 0)
        take_both(0, 1);
    else
        take_both(1, 0);
}

/* Nobody is left who could give it back. */
static void semaphore_of_dead(void)
{
    semaphores = semget(IPC_PRIVATE, 3, 0600);
    semctl(semaphores, 1, SETVAL, 1);
    if (fork() == 0) {
        change(1, -1);
        exit(0);
    }
    wait(NULL);
    change(1, -1);
}

/* Sleeps so briefly that it never hangs. */
static void busy(void)
{
    for (int i = 0; i < 40; i++)
        usleep(10000);
    puts("done");
}

/* Ends after a while in which nothing ran. */
static void late(void)
{
    usleep(700000);
    puts("done");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        { "abba", abba },     { "checked", checked }, { "robust", robust }, { "chain", chain },
        { "asleep", asleep }, { "busy", busy },       { "late", late },
        { "semaphores", semaphore_circle },           { "dead", semaphore_of_dead },
    };

    for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].run();
    }
    return 0;
}
