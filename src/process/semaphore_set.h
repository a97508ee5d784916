#pragma once
/*
 * Semaphores by key, shared by the processes that have the set.
 *
 * A semaphore is found by its key in O(log n); at most SEMAPHORES_MAX exist.  Whoever waits for one
 * that is removed or replaced gets the answer that it is gone.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/tree.h"
#include "sync/semaphore.h"
#include "sync/spinlock.h"

struct semaphore_set {
    uint32_t id;                /* upper half of the ids of its semaphores; constant */
    struct spinlock lock;       /* RANK_SEMAPHORE_SET */

    /* Protected by `lock`. */
    struct tree tree;
    uint32_t lost_key;          /* of the last signal that found no semaphore */
    struct semaphore_use lost;
    struct list sets_node;      /* among all sets; protected by RANK_SEMAPHORE_SETS */
};

/* `id` becomes known later, before the first semaphore. */
void semaphore_set_init(struct semaphore_set *set);
/* Removes all semaphores. */
void semaphore_set_destroy(struct semaphore_set *set);

/* 0; 1: there was one with this key, which has been removed; -ENOMEM. */
MUST_CHECK int semaphore_set_create(struct semaphore_set *set, uint32_t key, int64_t initial);
/* -ENOENT. */
MUST_CHECK int semaphore_set_remove(struct semaphore_set *set, uint32_t key);
MUST_CHECK int semaphore_set_signal(struct semaphore_set *set, uint32_t key);
/* -ENOENT also when it is removed meanwhile; -EINTR.  Tells the observer of `operation` (object and
 * access are filled in here) before it takes effect and after.  May sleep. */
MUST_CHECK int semaphore_set_wait(struct semaphore_set *set, uint32_t key,
                                  struct operation *operation);

/* By id (wait_reason.object).  Returns whether there is one. */
bool semaphore_sets_find(uint64_t id, struct semaphore_report *report);
/* The last signal to this id that found no semaphore, if there was one. */
bool semaphore_sets_lost_signal(uint64_t id, struct semaphore_use *lost);
/* Of every semaphore that there is: set by set, in the order of keys, with both locks held. */
void semaphore_sets_for_each(void (*visit)(const struct semaphore_report *report, void *context),
                             void *context);
