/* POSIX mutexes of every type, alone and under contention. */
#include "with_threads.h"

#define WORKERS 6
#define ROUNDS 3000

static pthread_mutex_t mutex;
static volatile unsigned long total;
static uint32_t gate;

struct kind {
    const char *name;
    int type, protocol, robust, shared;
};
static const struct kind kinds[] = {
    { "normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0, 0 },
    { "error checking", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 0, 0 },
    { "recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 0, 0 },
    { "shared", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0, 1 },
    { "robust", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 1, 0 },
    { "robust, shared", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 1, 1 },
    { "robust, recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 1, 0 },
    { "inheriting", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, 0, 0 },
    { "inheriting, recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, 0, 0 },
    { "inheriting, shared", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, 0, 1 },
    { "inheriting, robust", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, 1, 0 },
};

/* Recursive mutexes, of which only the owner may give back. */
static bool is_recursive(const struct kind *kind)
{
    return kind->type == PTHREAD_MUTEX_RECURSIVE;
}

static void make(const struct kind *kind)
{
    pthread_mutexattr_t attributes;

    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, kind->type);
    VALUE(pthread_mutexattr_setprotocol(&attributes, kind->protocol));
    if (kind->robust)
        VALUE(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    if (kind->shared)
        VALUE(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    VALUE(pthread_mutex_init(&mutex, &attributes));
    (void)pthread_mutexattr_destroy(&attributes);
}

static void alone(const struct kind *kind)
{
    VALUE(pthread_mutex_lock(&mutex));
    if (kind->type != PTHREAD_MUTEX_NORMAL) {
        int again = pthread_mutex_lock(&mutex);

        (void)printf("locked again: %s\n", again ? error_name(again) : "yes");
        if (again == 0)
            VALUE(pthread_mutex_unlock(&mutex));
    }
    (void)printf("tried: %s\n", error_name(pthread_mutex_trylock(&mutex)));
    if (is_recursive(kind))
        VALUE(pthread_mutex_unlock(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
    if (kind->type != PTHREAD_MUTEX_NORMAL)
        (void)printf("unlocked again: %s\n", error_name(pthread_mutex_unlock(&mutex)));
    VALUE(pthread_mutex_trylock(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
}

/* ---- Held by another ----------------------------------------------------------------------- */

static void *hold(void *argument)
{
    (void)pthread_mutex_lock(&mutex);
    (void)futex(&gate, FUTEX_WAIT, 0);
    (void)pthread_mutex_unlock(&mutex);
    return argument;
}

static void *hold_and_die(void *argument)
{
    (void)pthread_mutex_lock(&mutex);
    (void)futex(&gate, FUTEX_WAIT, 0);
    return argument;
}

static void held(const struct kind *kind)
{
    pthread_t holder = start(hold, NULL);
    struct timespec soon = from_now(CLOCK_REALTIME, 20), past = { 1, 0 };

    await_waiters(&gate, 0, 1);
    (void)printf("held, tried: %s\n", error_name(pthread_mutex_trylock(&mutex)));
    (void)printf("held, timed: %s\n", error_name(pthread_mutex_timedlock(&mutex, &soon)));
    (void)printf("held, past: %s\n", error_name(pthread_mutex_timedlock(&mutex, &past)));
    if (kind->type != PTHREAD_MUTEX_NORMAL)
        (void)printf("another's: %s\n", error_name(pthread_mutex_unlock(&mutex)));
    (void)futex(&gate, FUTEX_WAKE, 1);
    soon = from_now(CLOCK_REALTIME, 10000);
    VALUE(pthread_mutex_timedlock(&mutex, &soon));
    VALUE(pthread_mutex_unlock(&mutex));
    (void)join(holder);
}

static void show_result(const char *what, int result)
{
    (void)printf("%s: %s\n", what,
                 result == 0            ? "locked"
                 : result == EOWNERDEAD ? "its owner is dead"
                 : result == ENOTRECOVERABLE ? "not recoverable"
                                             : error_name(result));
}

static void died(void)
{
    pthread_t holder = start(hold_and_die, NULL);

    await_waiters(&gate, 0, 1);
    (void)futex(&gate, FUTEX_WAKE, 1);
    show_result("its owner ended while we waited", pthread_mutex_lock(&mutex));
    (void)join(holder);
    VALUE(pthread_mutex_consistent(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
    show_result("then", pthread_mutex_lock(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
    holder = start(hold_and_die, NULL);
    await_waiters(&gate, 0, 1);
    (void)futex(&gate, FUTEX_WAKE, 1);
    (void)join(holder);
    show_result("tried after its end", pthread_mutex_trylock(&mutex));
    VALUE(pthread_mutex_unlock(&mutex));
    show_result("not made consistent", pthread_mutex_lock(&mutex));
    show_result("tried", pthread_mutex_trylock(&mutex));
}

/* ---- Under contention ---------------------------------------------------------------------- */

static void *add(void *argument)
{
    const struct kind *kind = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)pthread_mutex_lock(&mutex);
        if (is_recursive(kind))
            (void)pthread_mutex_lock(&mutex);
        total = total + 1;
        if (i % 64 == 0)
            (void)sched_yield();
        if (is_recursive(kind))
            (void)pthread_mutex_unlock(&mutex);
        (void)pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void contention(const struct kind *kind)
{
    pthread_t workers[WORKERS];
    struct kind copy = *kind;

    total = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = start(add, &copy);
    for (unsigned i = 0; i < WORKERS; i++)
        (void)join(workers[i]);
    VALUE(total);
}

int main(void)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        SECTION(kinds[i].name);
        make(&kinds[i]);
        alone(&kinds[i]);
        held(&kinds[i]);
        contention(&kinds[i]);
        if (kinds[i].robust)
            died();
        VALUE(pthread_mutex_destroy(&mutex));
    }
    return 0;
}
