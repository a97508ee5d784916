#pragma once
/*
 * What a scheduling policy decides: the order of the ready threads, and how long one may run when
 * another is waiting.  A policy is a table of functions; all are called with the queue's lock held
 * and run in constant or logarithmic time.
 *
 * A run queue has two: one for threads with a real-time priority, which go first, and one for all
 * others (runqueue.h).
 */
#include <stdbool.h>
#include <stdint.h>

struct runqueue;
struct thread;

enum enqueue_reason {
    ENQUEUE_NEW,          /* it was started */
    ENQUEUE_WOKEN,
    ENQUEUE_PREEMPTED,    /* it would like to go on */
    ENQUEUE_YIELDED,      /* it lets others go first */
    ENQUEUE_MOVED,        /* it comes from another CPU */
    ENQUEUE_RAISED,       /* its priority is higher now, or its class or weight is another one */
    ENQUEUE_LOWERED,      /* its priority is lower now */
};

#define SLICE_FOREVER UINT64_MAX
#define SLICE_OVER 0

struct sched_policy {
    const char *name;
    uint64_t slice_ns;    /* the longest that one may run while others wait; 0: no limit */
    /* The thread is READY and in no queue: puts it at its place.  All but the real-time policy
     * link run_node into queue->ready. */
    void (*enqueue)(struct runqueue *queue, struct thread *thread, enum enqueue_reason why);
    /* Takes off a thread that does not run here next: it goes elsewhere, or changes. */
    void (*dequeue)(struct runqueue *queue, struct thread *thread);
    /* Takes off and returns the thread that should run next; NULL when there is none. */
    struct thread *(*take_next)(struct runqueue *queue);
    /* A thread is about to run here, or does not run any more.  Both also when a running thread
     * comes under this policy or leaves it.  NULL: nothing. */
    void (*begin_run)(struct runqueue *queue, struct thread *thread, uint64_t now_ns);
    void (*end_run)(struct runqueue *queue, struct thread *thread, uint64_t now_ns);
    /* When the running thread has to give way to those of this policy that are ready, as things
     * are: there is at least one. */
    uint64_t (*slice_end)(const struct runqueue *queue, const struct thread *running);
};

extern const struct sched_policy policy_real_time;      /* SCHED_FIFO and SCHED_RR */
extern const struct sched_policy policy_fair;
extern const struct sched_policy policy_round_robin;
extern const struct sched_policy policy_fifo;
extern const struct sched_policy policy_observed;    /* machine/observer.h: it chooses */
