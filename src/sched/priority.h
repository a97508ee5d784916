#pragma once
/*
 * Priorities of threads: 1 to 99 for the real-time classes, 0 for all others, among which nice
 * values say who gets how much.  What the run queues obey is the effective priority: the thread's
 * own, or a higher one that somebody who waits for it lends (sync/pi_mutex.h).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/tree.h"

struct pi_waiter;
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
    _Atomic bool leaving;            /* its program: becomes the owner of no lock of one meanwhile;
                                      * written under that lock, read also without */

    /* Written with that lock and the run queue's held, so either of them keeps them still; the
     * thread itself reads the first two without. */
    _Atomic uint8_t own;
    _Atomic uint8_t class;           /* enum scheduling_class */
    uint8_t effective;
    int8_t nice;                     /* also of a thread that is in a real-time class now */
    bool reset_on_fork;

    _Atomic bool left;               /* ends, and has given up all that it owned: futex/robust.c */
};

/* What sched_setattr changes. */
struct scheduling {
    uint8_t class, own;
    int8_t nice;
    bool reset_on_fork;
};

static inline bool class_is_real_time(uint8_t class)
{
    return class == CLASS_FIFO || class == CLASS_ROUND_ROBIN;
}

/* For sync/pi_mutex.c: what the run queue obeys from now on; also with another setting. */
void priority_set_effective(struct thread *thread, uint8_t effective);
void priority_write(struct thread *thread, const struct scheduling *setting, uint8_t effective);
/* The thread's own class, priority and nice value; what is lent to it counts as before.  What stays
 * as it is moves nothing.  Any context. */
void priority_change(struct thread *thread, const struct scheduling *setting);
void priority_get(const struct thread *thread, struct scheduling *setting);
/* The same for class and priority only. */
void priority_set_own(struct thread *thread, enum scheduling_class class, uint8_t own);
/* A new thread, not started yet, gets the current one's settings and CPUs. */
void priority_inherit(struct thread *thread);
uint8_t priority_effective(const struct thread *thread);
/* The longest that the thread may run while others of its kind wait; 0: no limit. */
uint64_t priority_slice_ns(const struct thread *thread);
