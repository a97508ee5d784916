/* POSIX conditions, read-write locks, barriers, spin locks and semaphores. */
#include <semaphore.h>

#include "with_threads.h"

#define WORKERS 8
#define ROUNDS 200

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t read_write = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static sem_t semaphore, other;
static unsigned waiting, woken, value_a, value_b, wrong, serial;
static uint32_t gate;
static bool open_now;

/* ---- Conditions ---------------------------------------------------------------------------- */

static void *wait_until_open(void *argument)
{
    (void)pthread_mutex_lock(&mutex);
    waiting++;
    while (!open_now)
        (void)pthread_cond_wait(&condition, &mutex);
    woken++;
    (void)pthread_mutex_unlock(&mutex);
    return argument;
}

static void await_count(const unsigned *count, unsigned wanted)
{
    bool done = false;

    for (int i = 0; i < MEMBER_PATIENCE_MS && !done; i++) {
        (void)pthread_mutex_lock(&mutex);
        done = *count >= wanted;
        (void)pthread_mutex_unlock(&mutex);
        if (!done)
            sleep_ms(1);
    }
}

static void broadcast(unsigned herd)
{
    pthread_t threads[100];

    waiting = woken = 0;
    open_now = false;
    for (unsigned i = 0; i < herd; i++)
        threads[i] = start(wait_until_open, NULL);
    await_count(&waiting, herd);
    (void)pthread_mutex_lock(&mutex);
    open_now = true;
    (void)pthread_cond_broadcast(&condition);
    (void)pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < herd; i++)
        (void)join(threads[i]);
    VALUE(woken);
}

static void timed(void)
{
    pthread_condattr_t attributes;
    pthread_cond_t monotonic;
    struct timespec time = from_now(CLOCK_REALTIME, 20), past = { 1, 0 };

    (void)pthread_mutex_lock(&mutex);
    FACT(pthread_cond_timedwait(&condition, &mutex, &time) == ETIMEDOUT);
    FACT(pthread_cond_timedwait(&condition, &mutex, &past) == ETIMEDOUT);
    (void)pthread_condattr_init(&attributes);
    VALUE(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    VALUE(pthread_cond_init(&monotonic, &attributes));
    time = from_now(CLOCK_MONOTONIC, 20);
    FACT(pthread_cond_timedwait(&monotonic, &mutex, &time) == ETIMEDOUT);
    FACT(pthread_cond_timedwait(&monotonic, &mutex, &past) == ETIMEDOUT);
    VALUE(pthread_cond_destroy(&monotonic));
    (void)pthread_mutex_unlock(&mutex);
}

/* Takes turns: each signals the next. */
static unsigned turn;

static void *take_turns(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)pthread_mutex_lock(&mutex);
        while (turn % 3 != me)
            (void)pthread_cond_wait(&condition, &mutex);
        turn++;
        (void)pthread_cond_broadcast(&condition);
        (void)pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void conditions(void)
{
    pthread_t threads[3];

    SECTION("conditions");
    broadcast(1);
    broadcast(100);
    timed();
    for (unsigned i = 0; i < 3; i++)
        threads[i] = start(take_turns, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < 3; i++)
        (void)join(threads[i]);
    VALUE(turn);
}

/* ---- Read-write locks ---------------------------------------------------------------------- */

static void *read_often(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)pthread_rwlock_rdlock(&read_write);
        if (value_a != value_b)
            (void)__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
        (void)pthread_rwlock_unlock(&read_write);
    }
    return argument;
}

static void *write_often(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)pthread_rwlock_wrlock(&read_write);
        value_a++;
        if (i % 16 == 0)
            (void)sched_yield();
        value_b++;
        (void)pthread_rwlock_unlock(&read_write);
    }
    return argument;
}

static void *hold_for_writing(void *argument)
{
    (void)pthread_rwlock_wrlock(&read_write);
    (void)futex(&gate, FUTEX_WAIT, 0);
    (void)pthread_rwlock_unlock(&read_write);
    return argument;
}

static void read_write_locks(void)
{
    pthread_t threads[WORKERS];
    struct timespec soon;

    SECTION("read-write locks");
    for (unsigned i = 0; i < WORKERS; i++)
        threads[i] = start(i < 2 ? write_often : read_often, NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        (void)join(threads[i]);
    VALUE(value_a);
    VALUE(value_b);
    VALUE(wrong);
    VALUE(pthread_rwlock_rdlock(&read_write));
    VALUE(pthread_rwlock_tryrdlock(&read_write));
    FACT(pthread_rwlock_trywrlock(&read_write) == EBUSY);
    VALUE(pthread_rwlock_unlock(&read_write));
    VALUE(pthread_rwlock_unlock(&read_write));
    threads[0] = start(hold_for_writing, NULL);
    await_waiters(&gate, 0, 1);
    FACT(pthread_rwlock_tryrdlock(&read_write) == EBUSY);
    soon = from_now(CLOCK_REALTIME, 20);
    FACT(pthread_rwlock_timedrdlock(&read_write, &soon) == ETIMEDOUT);
    soon = from_now(CLOCK_REALTIME, 20);
    FACT(pthread_rwlock_timedwrlock(&read_write, &soon) == ETIMEDOUT);
    (void)futex(&gate, FUTEX_WAKE, 1);
    VALUE(pthread_rwlock_wrlock(&read_write));
    VALUE(pthread_rwlock_unlock(&read_write));
    (void)join(threads[0]);
}

/* ---- Barriers and spin locks --------------------------------------------------------------- */

static unsigned passed[ROUNDS];

static void *pass_barriers(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)__atomic_fetch_add(&passed[i], 1, __ATOMIC_SEQ_CST);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            (void)__atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&passed[i], __ATOMIC_SEQ_CST) != 5)
            (void)__atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
    }
    return argument;
}

static void *add_with_spin(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)pthread_spin_lock(&spin);
        value_a++;
        (void)pthread_spin_unlock(&spin);
    }
    return argument;
}

static void barriers(void)
{
    pthread_t threads[5];

    SECTION("barriers");
    wrong = 0;
    VALUE(pthread_barrier_init(&barrier, NULL, 5));
    for (unsigned i = 0; i < 5; i++)
        threads[i] = start(pass_barriers, NULL);
    for (unsigned i = 0; i < 5; i++)
        (void)join(threads[i]);
    VALUE(serial);
    VALUE(wrong);
    VALUE(pthread_barrier_destroy(&barrier));
    SECTION("spin locks");
    value_a = 0;
    VALUE(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
    for (unsigned i = 0; i < 4; i++)
        threads[i] = start(add_with_spin, NULL);
    for (unsigned i = 0; i < 4; i++)
        (void)join(threads[i]);
    VALUE(value_a);
    VALUE(pthread_spin_lock(&spin));
    FACT(pthread_spin_trylock(&spin) == EBUSY);
    VALUE(pthread_spin_unlock(&spin));
}

/* ---- Semaphores ---------------------------------------------------------------------------- */

static void *ping(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)sem_wait(&semaphore);
        value_b++;
        (void)sem_post(&other);
    }
    return argument;
}

static void semaphores(void)
{
    struct timespec soon = from_now(CLOCK_REALTIME, 20), past = { 1, 0 };
    pthread_t thread;
    int value;

    SECTION("semaphores");
    VALUE(sem_init(&semaphore, 0, 2));
    VALUE(sem_init(&other, 1, 0));
    CALL(sem_wait(&semaphore));
    CALL(sem_trywait(&semaphore));
    CALL(sem_trywait(&semaphore));
    CALL(sem_timedwait(&semaphore, &soon));
    CALL(sem_timedwait(&semaphore, &past));
    value_b = 0;
    thread = start(ping, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)sem_post(&semaphore);
        (void)sem_wait(&other);
    }
    (void)join(thread);
    VALUE(value_b);
    VALUE(sem_post(&semaphore));
    VALUE(sem_getvalue(&semaphore, &value));
    VALUE(value);
    VALUE(sem_destroy(&semaphore));
}

int main(void)
{
    conditions();
    read_write_locks();
    barriers();
    semaphores();
    return 0;
}
