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
#include "lib/refcount.h"
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
    WAIT_SOCKET_INPUT,       /* a message */
    WAIT_SOCKET_ROOM,        /* room for a message, or for a connection */
    WAIT_CONNECTION,         /* a connection to accept */
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
    /* Constant: wait_queue_end is called before it goes, and relay entries may be on it then. */
    bool may_end;

    /* Protected by `lock`. */
    struct list waiters;        /* struct wait_entry: those that only look (polls, relays), then
                                 * the others by age, among them exclusive relays */
};

void wait_queue_init(struct wait_queue *queue);
/* The same for a queue that the world outside wakes. */
void wait_queue_init_external(struct wait_queue *queue);

/* Gives `lock` back, sleeps until woken, and takes it again.  0 when woken, -EINTR when a signal
 * ended the wait, -ETIMEDOUT at the absolute deadline (machine_time_ns).  May sleep; holds no other
 * spin lock; `lock` ranks below RANK_WAIT_QUEUE. */
MUST_CHECK int wait_queue_wait(struct wait_queue *queue, struct spinlock *lock,
                               const struct wait_reason *reason, uint64_t deadline_ns)
    REQUIRES(lock);

/* Any context.  Returns how many were woken.  wake_one wakes the oldest thread in wait_queue_wait
 * and, because a poll only looks, every poll. */
unsigned wait_queue_wake_one(struct wait_queue *queue);
unsigned wait_queue_wake_all(struct wait_queue *queue);
/* Wakes all, and tells relays which events of a poll may hold now (0: perhaps any): those that want
 * none of these are passed by, and of the exclusive ones one is enough. */
unsigned wait_queue_wake_for(struct wait_queue *queue, uint32_t events);

/* For a wait on several queues at once (poll): an entry that makes `thread` ready when its
 * queue is woken.  The queue outlives the entry. */
struct wait_entry {
    struct list node;           /* protected by the queue's lock */
    struct thread *thread;      /* the one that added it */
    struct wait_queue *queue;   /* NULL when on none; the thread's own */
    bool is_poll;               /* a wake-up of this one is not used up by it */
    bool is_relay;              /* part of a struct relay_entry; `thread` is NULL */
    _Atomic bool woken;
};

void wait_entry_add(struct wait_entry *entry, struct wait_queue *queue);
/* The same for one that wake_one chooses alone, the oldest first. */
void wait_entry_add_single(struct wait_entry *entry, struct wait_queue *queue);
void wait_entry_remove(struct wait_entry *entry);    /* also when already woken */
/* Sleeps until one of the current thread's entries is woken (at once if one already is), the
 * deadline passes or a signal comes; results as wait_queue_wait. */
MUST_CHECK int wait_entries_wait(struct wait_entry *entries, unsigned count,
                                 const struct wait_reason *reason, uint64_t deadline_ns);

/* ---- Relays: what passes wake-ups of many queues on to who waits for all of them (epoll) ---- */

struct relay_entry;

struct wait_relay {
    struct wait_queue waiters;      /* threads: one is woken */
    struct wait_queue watchers;     /* polls and other relays: all are woken */
    struct refcount references;     /* its owner's, and a waker's that has it in hand */
    /* An entry's queue is woken, and stays locked during the call; any context.  False: these
     * events do not matter.  True: the relay's two queues are woken next. */
    bool (*notify)(struct relay_entry *entry, uint32_t events);
    void (*destroy)(struct wait_relay *relay);    /* last reference dropped; any context */
    _Atomic unsigned sleepers;      /* threads that wait; kept by whoever waits */
    _Atomic bool is_pending;        /* a waker has it in hand, and has not yet woken the queues */
    struct wait_relay *next;        /* of that waker's chain */
};

/* Stays on its queue until it is removed, or the queue ends. */
struct relay_entry {
    struct wait_entry entry;
    struct wait_relay *relay;       /* outlives the entry */
    bool is_exclusive;              /* wait_queue_wake_for needs one such only that has sleepers */
    bool may_end;                   /* of its queue */
};

/* With one reference; `notify` and `destroy` are set by the caller. */
void wait_relay_init(struct wait_relay *relay);
void wait_relay_release(struct wait_relay *relay);
void relay_entry_add(struct relay_entry *entry, struct wait_relay *relay,
                     struct wait_queue *queue, bool is_exclusive);
/* Afterwards the queue is not looked at any more, and may go. */
void relay_entry_remove(struct relay_entry *entry);
/* Wakes those that wait for the relay, through other relays too.  Any context. */
void wait_relay_wake(struct wait_relay *relay);

/* No thread is on the queue, which goes now; relay entries leave it.  Of queues with `may_end`. */
void wait_queue_end(struct wait_queue *queue);
