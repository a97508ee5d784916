#pragma once
/*
 * The threads that are ready to run on one CPU.  The order among them is the policy's affair
 * (sched/policy.h); who runs when is the scheduler's.
 */
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
    unsigned ready_count;
    uint64_t enqueued;                    /* how many threads ever came */
};

void runqueue_init(struct runqueue *queue, const struct sched_policy *policy);

/* For both: `lock` held. */
/* The thread is READY and on no queue. */
void runqueue_enqueue(struct runqueue *queue, struct thread *thread);
/* Takes the thread that should run next off the queue; NULL when there is none. */
struct thread *runqueue_take_next(struct runqueue *queue);
