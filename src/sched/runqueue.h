#pragma once
/*
 * The threads that are ready to run on one CPU, and the one that runs.  The order among them is the
 * affair of two policies (sched/policy.h); who runs when is the scheduler's.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/bitmap.h"
#include "lib/list.h"
#include "sched/fair.h"
#include "sched/policy.h"
#include "sched/priority.h"
#include "sched/real_time_share.h"
#include "sync/spinlock.h"

struct thread;

/* What a thread with a real-time priority weighs for the balance between CPUs. */
#define LOAD_REAL_TIME (4 * FAIR_WEIGHT_NORMAL)

struct real_time_queue {
    uint64_t levels[BITMAP_WORDS(PRIORITY_MAX + 1)];    /* whose lists are not empty */
    struct list threads[PRIORITY_MAX + 1];              /* thread.run_node, by priority */
};

struct runqueue {
    struct spinlock lock;                 /* RANK_RUNQUEUE */
    unsigned cpu;                         /* constant after initialisation: whose it is */
    const struct sched_policy *real_time; /* constant after initialisation */
    const struct sched_policy *ordinary;  /* changes only while the queue is empty */

    /* Protected by `lock`. */
    struct thread *running;               /* NULL: the idle thread */
    struct list ready;                    /* thread.run_node, in an order of the policy's */
    unsigned overtakings;                 /* the policy's: urgent threads that went first */
    struct real_time_queue real_time_queue;
    struct fair_queue fair;
    struct real_time_share share;
    unsigned real_time_count;             /* ready threads with a real-time priority */
    uint64_t slice_end_ns;                /* the last that the CPU's timer was told */
    uint64_t enqueued;                    /* how many threads ever came */

    /* Written with `lock` held; others may peek at them without it. */
    _Atomic unsigned ready_count;
    _Atomic uint64_t load;                /* weights of all that are ready or running */
    _Atomic uint8_t running_priority;     /* effective; of the idle thread 0 */
    _Atomic uint8_t waiting_priority;     /* the highest of those that are ready */
};

void runqueue_init(struct runqueue *queue, const struct sched_policy *ordinary);

/* For all: `lock` held. */
/* The thread is READY and on no queue. */
void runqueue_enqueue(struct runqueue *queue, struct thread *thread, enum enqueue_reason why)
    REQUIRES(&queue->lock);
/* The thread is on the queue, and goes to another one or changes. */
void runqueue_dequeue(struct runqueue *queue, struct thread *thread) REQUIRES(&queue->lock);
/* Takes the thread that should run next off the queue; NULL when there is none. */
struct thread *runqueue_take_next(struct runqueue *queue) REQUIRES(&queue->lock);
/* The thread, no idle one, runs on the queue's CPU from now on; or does not any more. */
void runqueue_begin_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
    REQUIRES(&queue->lock);
void runqueue_end_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
    REQUIRES(&queue->lock);
/* When the running thread has to give way, as things are: SLICE_OVER: now; SLICE_FOREVER: never, or
 * nobody runs. */
uint64_t runqueue_slice_end(const struct runqueue *queue) REQUIRES(&queue->lock);
/* Real-time threads and others are ready, or run, and it is the others' turn: real_time_share.h. */
bool runqueue_is_turn_of_others(const struct runqueue *queue);

/* Around a change of what the queue's policies look at: the thread's priority, class or weight.
 * Returns what the second needs. */
enum runqueue_place { PLACE_ELSEWHERE, PLACE_READY, PLACE_RUNNING };
enum runqueue_place runqueue_change_begin(struct runqueue *queue, struct thread *thread)
    REQUIRES(&queue->lock);
void runqueue_change_end(struct runqueue *queue, struct thread *thread, enum runqueue_place place,
                         enum enqueue_reason why) REQUIRES(&queue->lock);

static inline unsigned runqueue_ready_count(const struct runqueue *queue)
{
    return atomic_load_explicit(&queue->ready_count, memory_order_relaxed);
}

static inline uint64_t runqueue_load(const struct runqueue *queue)
{
    return atomic_load_explicit(&queue->load, memory_order_relaxed);
}

/* Of those that wait there; PRIORITY_NORMAL: none does. */
static inline uint8_t real_time_highest(const struct real_time_queue *queue)
{
    if (queue->levels[1])
        return (uint8_t)(127 - __builtin_clzll(queue->levels[1]));
    return (uint8_t)(queue->levels[0] ? 63 - __builtin_clzll(queue->levels[0]) : PRIORITY_NORMAL);
}

/* What the thread adds to it. */
uint64_t runqueue_load_of(const struct thread *thread);
