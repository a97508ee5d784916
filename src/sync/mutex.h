#pragma once
/*
 * Sleeping locks with ranks and an owner, to which those that wait lend their priority.  May not be
 * taken with a spin lock held or in an interrupt.  Waits are not interruptible.  During boot,
 * before there are other threads, they work as well: they are free then.
 */
#include <stdbool.h>

#include "sync/lock_rank.h"
#include "sync/pi_mutex.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

struct mutex {
    struct spinlock lock;          /* RANK_MUTEX_INTERNAL */

    /* Protected by `lock`. */
    struct thread *_Atomic owner;
    unsigned waiting;              /* threads in mutex_lock that found it taken */
    struct pi_mutex lending;       /* they lend to the owner; set up while there are any */

    enum lock_rank rank;           /* constant after initialisation */
    const char *name;
    struct mutex *below;           /* taken before this one by its owner; the owner's */
} LOCK_TYPE("mutex");

void mutex_init(struct mutex *mutex, enum lock_rank rank, const char *name);
void mutex_lock(struct mutex *mutex) ACQUIRES(mutex);
/* A second mutex of a rank already held: the caller orders them (parent before child, or by
 * address). */
void mutex_lock_same_rank(struct mutex *mutex) ACQUIRES(mutex);
/* Never sleeps, so it may go against the order of ranks. */
bool mutex_try_lock(struct mutex *mutex) TRIES_TO_ACQUIRE(true, mutex);
void mutex_unlock(struct mutex *mutex) RELEASES(mutex);
/* By the current thread.  Asked in assertions. */
bool mutex_is_held(const struct mutex *mutex) ASSERTS_HELD(mutex);
