#pragma once
/*
 * Spin locks with ranks.  Taking one turns interrupts off on this CPU (counted, so locks nest);
 * giving the last one back restores them as they were.  While one is held the thread may not
 * sleep and is not preempted.  Violations of rank, owner or sleep rules panic.
 *
 * They work from the first instruction of the kernel on, before scheduler_init().
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "sync/lock_contract.h"
#include "sync/lock_rank.h"

struct spinlock {
    _Atomic unsigned owner;     /* 1 + the index of the CPU that holds it; 0: free */
    enum lock_rank rank;        /* constant after initialisation */
    const char *name;
    struct spinlock *below;     /* the lock this CPU took before this one; protected by itself */
} LOCK_TYPE("spin lock");

#define SPINLOCK_INITIAL(lock_rank, lock_name) { .rank = (lock_rank), .name = (lock_name) }

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name);
void spin_lock(struct spinlock *lock) ACQUIRES(lock);
/* A second lock of a rank already held; the caller orders such locks by address. */
void spin_lock_same_rank(struct spinlock *lock) ACQUIRES(lock);
void spin_unlock(struct spinlock *lock) RELEASES(lock);
/* Notifies a CPU, at once or when this one gives its last spin lock back: a thread that is woken
 * soon wants the locks of whoever woke it. */
void spin_notify(unsigned index);
/* By this CPU.  Asked in assertions. */
bool spin_is_held(const struct spinlock *lock) ASSERTS_HELD(lock);
/* Only for the compiler: a function that was called has come back with the lock, which it could not
 * say in its type. */
static inline void spin_lock_taken(const struct spinlock *lock) ACQUIRES(lock) LOCKS_UNCHECKED
{
    (void)lock;
}
