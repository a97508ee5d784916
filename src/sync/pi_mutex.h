#pragma once
/*
 * Priority inheritance: who waits for whom, and the priority that the waiters lend to the owner.
 *
 * A pi_mutex is the bookkeeping of a lock, not the lock itself: the kernel's mutexes (sync/mutex.c)
 * and the locks of user programs (futex/pi.c) each have one.  A waiter lends its priority to the
 * owner, and if that one waits itself, to the owner of what it waits for, and so on.
 *
 * All functions: any context; they never sleep.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/tree.h"
#include "sync/wait_queue.h"

struct scheduling;
struct thread;

#define PI_CHAIN_MAX 1025    /* owners that one wait may stand behind: as many as on Linux */

struct pi_mutex {
    /* Protected by the one lock of pi_mutex.c. */
    struct thread *owner;            /* NULL: nobody */
    struct tree waiters;             /* most urgent first, then by age */
    struct tree_node owner_node;     /* in owner->priority.lent while there are waiters */
    uint8_t lends;                   /* priority of the first waiter while it is there */
    uint64_t arrivals;
    bool owner_may_leave;            /* constant: threads that end give it up */
};

/* On the stack of the thread that waits. */
struct pi_waiter {
    /* Protected by the one lock of pi_mutex.c. */
    struct tree_node node;
    struct pi_mutex *mutex;          /* NULL: does not wait */
    uint8_t priority;
    uint64_t arrival;
    /* Constant while it waits. */
    struct thread *thread;
    struct wait_queue *queue;        /* to be woken; for the owner of the lock */
};

void pi_mutex_init(struct pi_mutex *mutex, bool owner_may_leave);
void pi_waiter_init(struct pi_waiter *waiter, struct thread *thread, struct wait_queue *queue);

/* The waiter lends from here on.  -EDEADLK: the owner waits, perhaps through others, for its
 * thread, or the chain is longer than PI_CHAIN_MAX; -ESRCH: the owner is leaving. */
MUST_CHECK int pi_mutex_enqueue(struct pi_mutex *mutex, struct pi_waiter *waiter);
/* It waits no more; also when it has been handed the mutex. */
void pi_mutex_dequeue(struct pi_waiter *waiter);
/* The first waiter, NULL: none.  The caller keeps it from going. */
struct pi_waiter *pi_mutex_first(const struct pi_mutex *mutex);
/* The waiters lend to this thread from now on; NULL: to nobody.  -ESRCH: it is leaving. */
MUST_CHECK int pi_mutex_set_owner(struct pi_mutex *mutex, struct thread *owner);
/* The first waiter becomes the owner and waits no more; NULL: there is none, and no owner. */
struct pi_waiter *pi_mutex_hand_over(struct pi_mutex *mutex);
/* The same for one that was the first when the caller looked: priorities may have changed since. */
void pi_mutex_hand_over_to(struct pi_mutex *mutex, struct pi_waiter *waiter);
struct thread *pi_mutex_owner(const struct pi_mutex *mutex);

/* ---- Threads ------------------------------------------------------------------------------- */

/* For sched/priority.c: the thread's own class and priority. */
void pi_thread_change(struct thread *thread, const struct scheduling *setting);
/* The current thread can become the owner of no pi_mutex with `owner_may_leave` from now on; or it
 * can again. */
void pi_thread_leave(void);
void pi_thread_stay(void);
/* Calls `visit` for the most urgent of those that the current thread still owns and that are waited
 * for, with the lock held; false: there is none. */
bool pi_thread_first_owned(void (*visit)(struct pi_mutex *mutex, void *context), void *context);
/* Who could end the wait of this thread: the id of the owner of what it waits for; 0: it does not
 * wait, or nobody owns it. */
int32_t pi_thread_waits_for(const struct thread *thread);
