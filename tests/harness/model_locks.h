#pragma once
/*
 * Included once by every model (it defines functions): the real spin locks of src/sync/spinlock.c
 * with a choice before each outermost lock, and after each outermost unlock of a lock that
 * protects a condition (ranks below RANK_WAIT_QUEUE).
 *
 * No more are needed for what locks protect: what is done with a lock held is seen by other CPUs as
 * one step.  `all_points` adds the others, for what is read without a lock (flags of waits, the
 * state after a switch).  A CPU that would spin is not run until the lock is free.
 */
#include "harness/model.h"
#include "sync/spinlock.h"

void unobserved_spin_lock(struct spinlock *lock);
void unobserved_spin_lock_same_rank(struct spinlock *lock);
void unobserved_spin_unlock(struct spinlock *lock);

#define spin_lock unobserved_spin_lock
#define spin_lock_same_rank unobserved_spin_lock_same_rank
#define spin_unlock unobserved_spin_unlock
#include "../../src/sync/spinlock.c"
#undef spin_lock
#undef spin_lock_same_rank
#undef spin_unlock

void spin_lock(struct spinlock *lock)
{
    model_before_lock(lock);
    unobserved_spin_lock(lock);
}

void spin_lock_same_rank(struct spinlock *lock)
{
    model_before_lock(lock);
    unobserved_spin_lock_same_rank(lock);
}

void spin_unlock(struct spinlock *lock)
{
    unobserved_spin_unlock(lock);
    model_after_unlock(lock);
}
