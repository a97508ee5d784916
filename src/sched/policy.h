#pragma once
/*
 * What a scheduling policy decides: the order of the ready threads, and how long one may run when
 * another is waiting.  A policy is a table of functions; all are called with the queue's lock held
 * and run in constant or logarithmic time.
 */
#include <stdbool.h>
#include <stdint.h>

struct runqueue;
struct thread;

struct sched_policy {
    const char *name;
    uint64_t slice_ns;
    uint64_t short_slice_ns;    /* while the first ready thread is urgent (see thread.h) */
    /* Puts the thread on queue->ready at its place. */
    void (*enqueue)(struct runqueue *queue, struct thread *thread);
    /* Removes and returns the thread that should run next; NULL when there is none. */
    struct thread *(*take_next)(struct runqueue *queue);
    /* Does the first ready thread put an end to the slice of this one, which
     * runs?  NULL: always. */
    bool (*ends_slice)(const struct thread *first, const struct thread *running);
    /* Should a thread that has become ready run at once instead of this one?  A hint: takes no
     * lock. NULL: never. */
    bool (*preempts)(const struct thread *ready, const struct thread *running);
};

extern const struct sched_policy policy_round_robin;
extern const struct sched_policy policy_observed;    /* machine/observer.h: it chooses */
