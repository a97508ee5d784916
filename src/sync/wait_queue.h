#pragma once
/*
 * Wait queues: the only way to block.  Every wait records what is waited for, so that deadlock
 * reports, /proc/<pid>/wchan, traces and gdb can tell.
 *
 * The usual pattern: the condition is protected by a spin lock of the caller's, waiting is a loop:
 *
 *     spin_lock(&pipe->lock);
 *     while (!pipe_has_data(pipe)) {
 *         int error = wait_queue_wait(&pipe->readers, &pipe->lock, &reason, deadline_ns);
 *         if (error)
 *             break;               -EINTR or -ETIMEDOUT; the lock is held again
 *     }
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "sync/spinlock.h"

struct thread;

enum wait_kind {
    WAIT_NONE,
    WAIT_SLEEP,       /* until a time */
    WAIT_MUTEX,       /* a kernel mutex; owner known */
    WAIT_INPUT,       /* bytes from a terminal, pipe or channel */
    WAIT_OUTPUT,      /* room in a terminal, pipe or channel */
    WAIT_POLL,        /* one of several files */
    WAIT_CHILD,       /* a process to end */
    WAIT_SIGNAL,      /* a signal (pause, sigsuspend) */
    WAIT_SEMAPHORE,
    WAIT_FUTEX,
    WAIT_PAGE,        /* a page being filled */
    WAIT_FILE_LOCK,   /* a lock on a range of a file */
    WAIT_SEMAPHORE_ARRAY,    /* System V semaphores */
    WAIT_EVENT,       /* a counter that is a file (eventfd) */
    WAIT_MESSAGES,    /* a queue of messages: one to come, or room for one */
    WAIT_SPIN,        /* goes round in user code until another thread changes memory */
};
#define WAIT_KIND_LAST WAIT_SPIN

/* "sleep", "mutex", ... for reports and /proc/<pid>/wchan; "none" when not waiting. */
const char *wait_kind_name(enum wait_kind kind);

/* What a thread waits for; copied into the thread while it waits. */
struct wait_reason {
    enum wait_kind kind;
    uint64_t object;            /* number or address that names it to a person */
    struct thread *owner;       /* who could end the wait, if known */
    bool uninterruptible;       /* signals do not end it: short waits for the kernel's own work */
    bool external;              /* the world outside can end it: input, room for output */
    uint64_t since_ns;          /* when it began; 0: now */
};

#define WAIT_FOREVER UINT64_MAX

struct wait_queue {
    struct spinlock lock;       /* RANK_WAIT_QUEUE */
    /* Constant: the world outside wakes it too (a terminal, a channel), so a wait on it is one for
     * which wait_reason.external is set. */
    bool external;

    /* Protected by `lock`. */
    struct list waiters;        /* struct wait_entry: those of polls, then the others by age */
};

void wait_queue_init(struct wait_queue *queue);
/* The same for a queue that the world outside wakes. */
void wait_queue_init_external(struct wait_queue *queue);

/* Gives `lock` back, sleeps until woken, and takes it again.  0 when woken, -EINTR when a signal
 * ended the wait, -ETIMEDOUT at the absolute deadline (machine_time_ns).  May sleep; holds no other
 * spin lock; `lock` ranks below RANK_WAIT_QUEUE. */
MUST_CHECK int wait_queue_wait(struct wait_queue *queue, struct spinlock *lock,
                               const struct wait_reason *reason, uint64_t deadline_ns);

/* Any context.  Returns how many were woken.  wake_one wakes the oldest thread in wait_queue_wait
 * and, because a poll only looks, every poll. */
unsigned wait_queue_wake_one(struct wait_queue *queue);
unsigned wait_queue_wake_all(struct wait_queue *queue);

/* For a wait on several queues at once (poll): an entry that makes `thread` ready when its
 * queue is woken.  The queue outlives the entry. */
struct wait_entry {
    struct list node;           /* protected by the queue's lock */
    struct thread *thread;      /* the one that added it */
    struct wait_queue *queue;   /* NULL when on none; the thread's own */
    bool is_poll;               /* a wake-up of this one is not used up by it */
    _Atomic bool woken;
};

void wait_entry_add(struct wait_entry *entry, struct wait_queue *queue);
void wait_entry_remove(struct wait_entry *entry);    /* also when already woken */
/* Sleeps until one of the current thread's entries is woken (at once if one already is), the
 * deadline passes or a signal comes; results as wait_queue_wait. */
MUST_CHECK int wait_entries_wait(struct wait_entry *entries, unsigned count,
                                 const struct wait_reason *reason, uint64_t deadline_ns);
