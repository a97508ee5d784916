#pragma once
/*
 * What the files of futex/ share with each other only: names of words, buckets, waiters.
 *
 * A waiter's life:
 *
 *   state                     bucket     how it goes on
 *   not queued                NULL       futex_enqueue, its bucket locked
 *   waits                     set        woken or handed a lock by others: queue woken, bucket
 *                                        NULL; requeued by others: another bucket and key; leaves
 *                                        by itself (time, signal): futex_unqueue
 *   woken                     NULL       returns
 *
 * It lives on its thread's stack.  Whoever sets `bucket` to NULL for another thread does that last:
 * from then on the waiter may be gone.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "futex/futex.h"
#include "lib/list.h"
#include "lib/tree.h"
#include "memory/memory_object.h"
#include "sync/pi_mutex.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

/* ---- Names: key.c -------------------------------------------------------------------------- */

enum futex_key_kind { KEY_PRIVATE, KEY_PRIVATE_WITH_NODE, KEY_OF_SPACE, KEY_OF_OBJECT };

/* Plain numbers that are the same in every run: owner is the page table of a space, or the place of
 * an object in memory, which the key keeps there. */
struct futex_key {
    enum futex_key_kind kind;
    uint64_t owner, position;
    struct memory_object *object;    /* a reference; NULL: none */
};

/* `write`: the word is going to be written. */
MUST_CHECK int futex_key_get(const struct futex_word *word, bool write, struct futex_key *key);
void futex_key_put(struct futex_key *key);
bool futex_key_equal(const struct futex_key *a, const struct futex_key *b);

/* Two of them; on an error there is none. */
MUST_CHECK int futex_keys_get(const struct futex_word *first, const struct futex_word *second,
                              bool write_second, struct futex_key keys[2]);
void futex_keys_put(struct futex_key keys[2]);

/* What comes of an attempt that found a page absent: 0 if it is there now, try again; or
 * -EFAULT. */
MUST_CHECK int futex_bring_in(const struct futex_word *word, bool write);
/* The word's value, in one piece where its address is a multiple of 4.  May sleep.  -EFAULT. */
MUST_CHECK int futex_read(const struct futex_word *word, uint32_t *value);

/* ---- Waiters: queue.c ---------------------------------------------------------------------- */

struct futex_bucket {
    struct spinlock lock;      /* RANK_FUTEX */

    /* Protected by `lock`: the first waiter of each word, by key. */
    struct tree words;
};

struct futex_lock_part;

struct futex_waiter {
    /* The address of the bucket it is on; changes with both locks held. */
    _Atomic(struct futex_bucket *) bucket;

    /* Protected by the bucket's lock while it is on one. */
    struct tree_node word_node;       /* the first waiter of its word */
    struct list node;                 /* all of the word, in a ring: by urgency, then by age */
    bool is_first;
    struct futex_key key;             /* with a reference of its own */

    /* Constant while it waits. */
    uint32_t bits;
    uint8_t priority;
    struct thread *thread;
    struct wait_queue *queue;         /* how to wake its thread */
    struct futex_lock_part *lock;     /* it waits for a lock, or is going to; NULL: it does not */
};

/* `key` becomes the waiter's. */
void futex_waiter_init(struct futex_waiter *waiter, const struct futex_key *key,
                       struct wait_queue *queue);

struct futex_bucket *futex_bucket_lock(const struct futex_key *key);
void futex_bucket_unlock(struct futex_bucket *bucket) RELEASES(&bucket->lock);
/* The buckets of two words, which may be one. */
struct futex_pair {
    struct futex_bucket *first, *second;
};
struct futex_pair futex_pair_lock(const struct futex_key keys[2]);
void futex_pair_unlock(const struct futex_pair *pair)
    RELEASES(&pair->first->lock, &pair->second->lock);

/* For these the bucket is locked. */
void futex_enqueue(struct futex_bucket *bucket, struct futex_waiter *waiter)
    REQUIRES(&bucket->lock);
/* The first waiter of the word, NULL: none. */
struct futex_waiter *futex_first(struct futex_bucket *bucket, const struct futex_key *key);
/* The next one on the same word; NULL at the end. */
struct futex_waiter *futex_next(const struct futex_waiter *waiter);
/* Takes it off, and wakes it.  The waiter may be gone then. */
void futex_wake_waiter(struct futex_waiter *waiter);
/* Takes it off the first bucket and puts it on the second, under another name. */
void futex_move_waiter(struct futex_waiter *waiter, const struct futex_pair *pair,
                       const struct futex_key *key) REQUIRES(&pair->second->lock);

/* The bucket on which the waiter of the current thread is, locked; NULL: it was woken. */
struct futex_bucket *futex_waiter_lock(struct futex_waiter *waiter);
/* The current thread's waiter leaves the bucket, which is locked. */
void futex_dequeue(struct futex_waiter *waiter);
/* ... if it is on one.  False: it was woken. */
bool futex_unqueue(struct futex_waiter *waiter);

/* ---- Sleeping: queue.c --------------------------------------------------------------------- */

/* On the stack of a thread, from before its waiters are queued until they are not any more. */
struct futex_sleep {
    struct wait_queue queue;
    struct wait_entry entries[2];    /* on the queue, and on that of changes of the real clock */
};

void futex_sleep_begin(struct futex_sleep *sleep);
/* 0: the queue was woken; -EINTR, -ETIMEDOUT. */
MUST_CHECK int futex_sleep_until(struct futex_sleep *sleep, user_address word,
                                 const struct futex_deadline *deadline);
void futex_sleep_end(struct futex_sleep *sleep);

/* ---- Waiting and waking: wait_wake.c ------------------------------------------------------- */

/* Locks the word's bucket if it holds `expected`.  -EAGAIN, -EFAULT. */
MUST_CHECK int futex_lock_if_expected(const struct futex_word *word, const struct futex_key *key,
                                      uint32_t expected, struct futex_bucket **locked)
    TRIES_TO_ACQUIRE(0, &(*locked)->lock);

/* ---- Locks: pi.c, for requeue_pi.c and robust.c -------------------------------------------- */

/*
 * A lock that somebody waits for.  The word says who has it, for those who look from user space;
 * this says it for the kernel, and to whom priority is lent.
 *
 *   made          by the first thread that has to wait: the owner is the thread in the word
 *   handed over   by the owner (unlock): the first waiter is the owner, and the word says so
 *   in transit    by the owner's end: the first waiter is the owner, but only that one can write
 *                 the word, because nobody else is sure to have it in his memory
 *   gone          with the last waiter
 *
 * Protected by the lock of the word's bucket.
 */
struct futex_lock {
    struct pi_mutex mutex;
    struct futex_key key;     /* without a reference: the waiters have them */
    unsigned users;           /* waiters, and whoever is about to make some */
    bool in_transit;
};

/* Beside a waiter that waits for a lock, or that is going to. */
struct futex_lock_part {
    struct pi_waiter lends;
    struct futex_waiter *waiter;
    struct futex_lock *lock;              /* NULL: not yet, or not any more */
    const struct futex_key *target;       /* of a waiter that is going to be requeued; else NULL */
    bool is_owner;                        /* it was handed over */
};

/* Results of attempts besides errors. */
#define ATTEMPT_WAIT 0        /* *lock has a user more */
#define ATTEMPT_OWNED 1       /* the thread has it; with `waiters` there is a *lock, too */
#define ATTEMPT_AGAIN (-EAGAIN)    /* the word has changed */
#define ATTEMPT_ABSENT (-EFAULT)   /* the page must be brought in */
#define ATTEMPT_LEAVING (-EBUSY)   /* the owner is ending */

struct futex_attempt {
    const struct futex_word *word;
    const struct futex_key *key;
    struct futex_bucket *bucket;    /* locked */
    struct thread *thread;          /* who wants it */
    bool waiters;                   /* others are going to wait, whoever has it */
    struct futex_lock *lock;        /* a result */
    int32_t leaving_id;             /* with ATTEMPT_LEAVING: who */
};
MUST_CHECK int futex_attempt(struct futex_attempt *attempt) REQUIRES(&attempt->bucket->lock);
/* What to do about ATTEMPT_AGAIN, _ABSENT, _LEAVING, with no lock held: 0: try again. */
MUST_CHECK int futex_attempt_failed(const struct futex_attempt *attempt, int result);

/* Makes the waiter one for locks. */
void futex_lock_part_init(struct futex_lock_part *part, struct futex_waiter *waiter);
/* The waiter begins to wait for the lock, of which it becomes a user.  -EDEADLK, -EBUSY. */
MUST_CHECK int futex_lock_join(struct futex_lock *lock, struct futex_waiter *waiter);
void futex_lock_drop(struct futex_lock *lock);
/* The wait for the lock `word` is over: 0 if the lock is owned; otherwise leaves it and returns
 * `error`. */
MUST_CHECK int futex_lock_finish(struct futex_waiter *waiter, const struct futex_word *word,
                                 int error);
/* Gives away all that the current thread owns and others wait for. */
void futex_give_up_owned(void);

/* ---- The end of a thread: robust.c --------------------------------------------------------- */

/* Has it ended, and given up all that it owned? */
bool futex_thread_has_left(const struct thread *thread);
/* Sleeps while the thread is leaving: until it has given up all that it owned. */
void futex_wait_while_leaving(int32_t thread_id);
