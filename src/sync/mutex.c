/*
 * Mutexes.
 *
 * Invariants: `owner` is the thread on whose chain `mutexes` the mutex is, NULL if it is on none.
 * `waiting` threads lend through `lending`, whose owner is theirs while there are any.
 * Unlocking wakes the most urgent waiter but does not hand over: whoever comes first gets it, so a
 * lock that is free is never left waiting for a thread that is not running yet.  Whoever gets it
 * while others wait owns `lending` as well.
 */
#include "sync/mutex.h"

#include <stddef.h>
#include <stdint.h>

#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/thread.h"

void mutex_init(struct mutex *mutex, enum lock_rank rank, const char *name)
{
    ASSERT(rank < RANK_FIRST_SPIN);
    *mutex = (struct mutex){ .rank = rank, .name = name };
    spin_init(&mutex->lock, RANK_MUTEX_INTERNAL, name);
    pi_mutex_init(&mutex->lending, false);
}

static struct thread *owner_of(const struct mutex *mutex)
{
    return atomic_load_explicit(&mutex->owner, memory_order_relaxed);
}

static void check_order(const struct thread *thread, const struct mutex *mutex, bool may_equal)
{
    for (const struct mutex *held = thread->mutexes; held; held = held->below) {
        if (held->rank > mutex->rank || (held->rank == mutex->rank && !may_equal))
            panic("lock order: %s (rank %d) wanted with %s (rank %d) held", mutex->name,
                  (int)mutex->rank, held->name, (int)held->rank);
    }
}

/* `mutex->lock` held: those that wait lend to this thread; NULL: to nobody. */
static void lend_to(struct mutex *mutex, struct thread *thread) REQUIRES(&mutex->lock)
{
    ASSERT(spin_is_held(&mutex->lock));
    ASSERT(mutex->waiting > 0);

    int error = pi_mutex_set_owner(&mutex->lending, thread);

    ASSERT(!error);    /* threads that end give back what they hold */
}

/* `mutex->lock` held. */
static void become_owner(struct mutex *mutex, struct thread *thread) REQUIRES(&mutex->lock)
{
    ASSERT(spin_is_held(&mutex->lock));
    ASSERT(!owner_of(mutex));
    ASSERT(!mutex->below);    /* on nobody's chain */
    atomic_store_explicit(&mutex->owner, thread, memory_order_relaxed);
    mutex->below = thread->mutexes;
    thread->mutexes = mutex;
    if (mutex->waiting > 0)
        lend_to(mutex, thread);
}

/* `mutex->lock` held, given back while asleep. */
static void sleep_once(struct mutex *mutex, struct wait_queue *queue) REQUIRES(&mutex->lock)
{
    const struct wait_reason reason = {
        .kind = WAIT_MUTEX,
        .object = (uintptr_t)mutex,
        .owner = owner_of(mutex),
        .uninterruptible = true,
    };

    int error = wait_queue_wait(queue, &mutex->lock, &reason, WAIT_FOREVER);

    ASSERT(!error);
}

/* `mutex->lock` held, given back while asleep. */
static void wait_until_free(struct mutex *mutex) REQUIRES(&mutex->lock)
{
    struct wait_queue queue;
    struct pi_waiter waiter;

    wait_queue_init(&queue);
    pi_waiter_init(&waiter, current_thread(), &queue);
    if (mutex->waiting++ == 0)
        lend_to(mutex, owner_of(mutex));

    int error = pi_mutex_enqueue(&mutex->lending, &waiter);

    ASSERT(!error);    /* ranks forbid circles */
    while (owner_of(mutex))
        sleep_once(mutex, &queue);
    pi_mutex_dequeue(&waiter);
    ASSERT(mutex->waiting > 0);
    mutex->waiting--;
}

/* `mutex->lock` held. */
static void wake_next(struct mutex *mutex) REQUIRES(&mutex->lock)
{
    ASSERT(!owner_of(mutex));
    lend_to(mutex, NULL);
    (void)wait_queue_wake_all(pi_mutex_first(&mutex->lending)->queue);
}

static void lock_checked(struct mutex *mutex, bool may_equal)
{
    struct thread *thread = current_thread();

    ASSERT(owner_of(mutex) != thread);
    check_order(thread, mutex, may_equal);

    spin_lock(&mutex->lock);
    ASSERT(!mutex->lock.below);    /* with another spin lock held it may not sleep */
    ASSERT(this_cpu()->interrupt_depth == 0);
    if (owner_of(mutex))
        wait_until_free(mutex);
    become_owner(mutex, thread);
    spin_unlock(&mutex->lock);
}

void mutex_lock(struct mutex *mutex) LOCKS_UNCHECKED
{
    lock_checked(mutex, false);
}

void mutex_lock_same_rank(struct mutex *mutex) LOCKS_UNCHECKED
{
    lock_checked(mutex, true);
}

bool mutex_try_lock(struct mutex *mutex) LOCKS_UNCHECKED
{
    struct thread *thread = current_thread();

    ASSERT(owner_of(mutex) != thread);
    spin_lock(&mutex->lock);
    bool is_free = !owner_of(mutex);

    if (is_free)
        become_owner(mutex, thread);
    spin_unlock(&mutex->lock);
    return is_free;
}

void mutex_unlock(struct mutex *mutex) LOCKS_UNCHECKED
{
    struct thread *thread = current_thread();
    struct mutex **link = &thread->mutexes;

    if (owner_of(mutex) != thread)
        panic("%s is given back by a thread that does not hold it", mutex->name);

    while (*link != mutex)
        link = &(*link)->below;
    *link = mutex->below;
    mutex->below = NULL;

    spin_lock(&mutex->lock);
    atomic_store_explicit(&mutex->owner, NULL, memory_order_relaxed);
    if (mutex->waiting > 0)
        wake_next(mutex);
    spin_unlock(&mutex->lock);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return owner_of(mutex) == current_thread();
}
