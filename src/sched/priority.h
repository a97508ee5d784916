#pragma once
/*
 * Priorities of threads: 1 to 99 for the real-time classes, 0 for all others.  What the run queues
 * obey is the effective priority: the thread's own, or a higher one that somebody who waits for it
 * lends (sync/pi_mutex.h).
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/tree.h"

struct pi_waiter;
struct runqueue;
struct thread;

#define PRIORITY_MAX 99
#define PRIORITY_NORMAL 0

/* Linux's numbers. */
enum scheduling_class {
    CLASS_OTHER = 0,
    CLASS_FIFO = 1,
    CLASS_ROUND_ROBIN = 2,
    CLASS_BATCH = 3,
    CLASS_IDLE = 5,
};

/* In each thread; all zero is an ordinary thread to which nobody lends. */
struct priority {
    /* Protected by the one lock of sync/pi_mutex.c. */
    struct tree lent;                /* struct pi_mutex of which it is the owner and for which
                                      * threads wait: the most urgent first */
    struct pi_waiter *waits;         /* for a pi_mutex; NULL: for none */
    bool leaving;                    /* becomes the owner of no lock of a program any more */

    /* Written with that lock and the run queue's held, so either of them keeps them still. */
    uint8_t own;
    uint8_t effective;
    uint8_t class;                   /* enum scheduling_class */
    bool reset_on_fork;

    _Atomic bool left;               /* has given up all that it owned (futex/robust.c) */
};

static inline bool class_is_real_time(uint8_t class)
{
    return class == CLASS_FIFO || class == CLASS_ROUND_ROBIN;
}

/* For sync/pi_mutex.c: what the run queue obeys from now on. */
void priority_set_effective(struct thread *thread, uint8_t effective);
/* The thread's own class and priority, as sched_setscheduler sets them; what is lent to it counts
 * as before.  Any context. */
void priority_set_own(struct thread *thread, enum scheduling_class class, uint8_t own);
/* A new thread, not started yet, gets the current one's class and priority. */
void priority_inherit(struct thread *thread);
uint8_t priority_effective(const struct thread *thread);

/* For policies: puts the thread behind all that are as urgent, before all that are less so.  The
 * queue is locked. */
void priority_enqueue(struct runqueue *queue, struct thread *thread);
/* Should a thread that has become ready run before `running`?  A hint: takes no lock. */
bool priority_preempts(const struct thread *ready, const struct thread *running);
