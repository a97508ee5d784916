/* futex: condition variables whose mutex hands on priority (WAIT_REQUEUE_PI, CMP_REQUEUE_PI). */
#include "with_threads.h"

#define MANY 4

static uint32_t condition, mutex, other;
static int flags;
static long results[MANY];
static int ids[MANY];
static bool unlocks = true;
static volatile unsigned returned;

static void *wait_for_condition(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;

    ids[index] = own_id();
    results[index] = (long)(intptr_t)answer(
        futex(&condition, FUTEX_WAIT_REQUEUE_PI | flags, 0, NULL, &mutex, 0));
    if (results[index] == 0 && (mutex & FUTEX_TID_MASK) != (uint32_t)own_id())
        (void)printf("it returns without the lock\n");
    (void)__atomic_fetch_add(&returned, 1, __ATOMIC_SEQ_CST);
    if (results[index] == 0 && unlocks)
        (void)futex(&mutex, FUTEX_UNLOCK_PI | flags, 0);
    return NULL;
}

static pthread_t start_waiter(unsigned index)
{
    pthread_t thread;

    ids[index] = 0;
    thread = start(wait_for_condition, (void *)(uintptr_t)index);
    while (*(volatile int *)&ids[index] == 0)
        sleep_ms(1);
    await_asleep(ids[index]);
    return thread;
}

static void await_returned(unsigned count)
{
    for (int i = 0; i < MEMBER_PATIENCE_MS && returned < count; i++)
        sleep_ms(1);
}

static void begin(void)
{
    condition = mutex = other = 0;
    returned = 0;
    unlocks = true;
}

static void nobody_waits(void)
{
    SECTION("nobody waits");
    begin();
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 9, &mutex, 0));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 9, &mutex, 1));
    VALUE(mutex);
}

static void lock_is_free(void)
{
    pthread_t waiter;

    SECTION("the lock is free");
    for (int requeue = 0; requeue < 2; requeue++) {
        begin();
        unlocks = false;
        waiter = start_waiter(0);
        CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, requeue, &mutex, 0));
        (void)join(waiter);
        show("waiter", results[0]);
        show_lock("mutex", mutex, (uint32_t)ids[0]);
    }
}

static void lock_is_held(void)
{
    pthread_t waiters[MANY];

    SECTION("the lock is held");
    begin();
    for (unsigned i = 0; i < MANY; i++)
        waiters[i] = start_waiter(i);
    CALL(futex(&mutex, FUTEX_LOCK_PI | flags, 0));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 1, &mutex, 0));
    show_lock("mutex", mutex, (uint32_t)own_id());
    VALUE(returned);
    CALL(futex(&mutex, FUTEX_UNLOCK_PI | flags, 0));
    await_returned(2);
    VALUE(returned);
    CALL(futex(&mutex, FUTEX_LOCK_PI | flags, 0));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, INT_MAX, &mutex, 0));
    CALL(futex(&mutex, FUTEX_UNLOCK_PI | flags, 0));
    for (unsigned i = 0; i < MANY; i++) {
        (void)join(waiters[i]);
        show("waiter", results[i]);
    }
    VALUE(mutex);
}

static void all_of_a_free_lock(void)
{
    pthread_t waiters[MANY];

    SECTION("many, and the lock is free");
    begin();
    for (unsigned i = 0; i < MANY; i++)
        waiters[i] = start_waiter(i);
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, INT_MAX, &mutex, 0));
    for (unsigned i = 0; i < MANY; i++) {
        (void)join(waiters[i]);
        show("waiter", results[i]);
    }
    VALUE(mutex);
}

static void wrong_partners(void)
{
    pthread_t waiter;

    SECTION("calls that do not fit");
    begin();
    waiter = start_waiter(0);
    CALL(futex(&condition, FUTEX_WAKE | flags, 1));
    CALL(futex(&condition, FUTEX_WAKE_BITSET | flags, 1, NULL, NULL, 1));
    CALL(futex(&condition, FUTEX_REQUEUE | flags, 0, 1, &other));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE | flags, 0, 1, &other, 0));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &other, 0));
    CALL(futex(&condition, FUTEX_WAKE_OP | flags, 1, 1, &other, 0));
    CALL(futex(&condition, FUTEX_LOCK_PI | flags, 0));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 1));
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    (void)join(waiter);
    show("waiter", results[0]);
}

static void *wait_plainly(void *argument)
{
    (void)argument;
    return answer(futex(&condition, FUTEX_WAIT | flags, 0));
}

static void plain_waiter(void)
{
    pthread_t plain;

    SECTION("a waiter for no lock");
    begin();
    plain = start(wait_plainly, NULL);
    await_waiters(&condition, flags, 1);
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    VALUE(mutex);
    CALL(futex(&condition, FUTEX_WAKE | flags, 1));
    (void)join(plain);
}

static void bad_locks(void)
{
    pthread_t waiter;

    SECTION("the lock has no owner that could be");
    begin();
    waiter = start_waiter(0);
    mutex = 0x3ffffff0;
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    (void)printf("mutex %#x\n", mutex);
    mutex = (uint32_t)ids[0];
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    mutex = 0;
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    (void)join(waiter);
    show("waiter", results[0]);
}

/* ---- Times and signals --------------------------------------------------------------------- */

static void *wait_a_while(void *argument)
{
    struct timespec soon = from_now(CLOCK_MONOTONIC, (long)(intptr_t)argument);

    ids[0] = own_id();
    return answer(futex(&condition, FUTEX_WAIT_REQUEUE_PI | flags, 0, &soon, &mutex));
}

static void times(void)
{
    pthread_t waiter;

    SECTION("the time is up after requeueing");
    begin();
    (void)futex(&mutex, FUTEX_LOCK_PI | flags, 0);
    ids[0] = 0;
    waiter = start(wait_a_while, (void *)1000L);
    while (*(volatile int *)&ids[0] == 0)
        sleep_ms(1);
    await_asleep(ids[0]);
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    show("waiter", join(waiter));
    FACT((mutex & FUTEX_WAITERS) != 0);
    CALL(futex(&mutex, FUTEX_UNLOCK_PI | flags, 0));
    VALUE(mutex);
}

static volatile int handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static void signals(int action_flags)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = action_flags };
    pthread_t waiter;

    SECTION(action_flags ? "a signal, SA_RESTART" : "a signal");
    (void)sigaction(SIGUSR1, &action, NULL);
    begin();
    handled = 0;
    (void)futex(&mutex, FUTEX_LOCK_PI | flags, 0);
    waiter = start_waiter(0);
    (void)pthread_kill(waiter, SIGUSR1);
    while (!handled)
        sleep_ms(1);
    await_asleep(ids[0]);
    CALL(futex(&condition, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, &mutex, 0));
    (void)pthread_kill(waiter, SIGUSR1);
    (void)join(waiter);
    show("waiter", results[0]);
    VALUE(handled);
    CALL(futex(&mutex, FUTEX_UNLOCK_PI | flags, 0));
}

static void all(void)
{
    nobody_waits();
    lock_is_free();
    lock_is_held();
    all_of_a_free_lock();
    wrong_partners();
    plain_waiter();
    bad_locks();
    times();
    signals(0);
    signals(SA_RESTART);
}

int main(void)
{
    private_and_shared(all, &flags);
    return 0;
}
