#pragma once
/*
 * The threads that are ready to run on one CPU.  The order among them is the policy's affair
 * (sched/policy.h); who runs when is the scheduler's.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "lib/list.h"
#include "sync/spinlock.h"

struct sched_policy;
struct thread;

struct runqueue {
    struct spinlock lock;                 /* RANK_RUNQUEUE */
    const struct sched_policy *policy;    /* constant after initialisation */

    /* Protected by `lock`. */
    struct list ready;                    /* thread.run_node, in an order of the policy's */
    _Atomic unsigned ready_count;         /* others may peek at it without the lock */
    unsigned overtakings;                 /* the policy's: urgent threads that went first */
    uint64_t enqueued;                    /* how many threads ever came */
};

void runqueue_init(struct runqueue *queue, const struct sched_policy *policy);

/* For both: `lock` held. */
/* The thread is READY and on no queue. */
void runqueue_enqueue(struct runqueue *queue, struct thread *thread);
/* Takes the thread that should run next off the queue; NULL when there is none. */
struct thread *runqueue_take_next(struct runqueue *queue);
