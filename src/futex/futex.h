#pragma once
/*
 * Futexes: words of user memory that threads wait on.
 *
 * A private futex is named by its address space and address.  Another one is named by what its
 * memory is, so that processes that have the same memory at different addresses meet: the place in
 * a file or in shared memory, or else the space and the address.  A private name never meets
 * another one, nor, among them, one with a node one without.
 *
 * All calls may sleep and hold no lock; words are in the current thread's address space.  -EINVAL:
 * the address is not a multiple of 4, or of 8 where a node follows, or there is no such node;
 * -EFAULT: it is no user address, or, where the word is used, not there.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "memory/address_space.h"

#define FUTEX_ANY UINT32_MAX    /* the bit set that meets every other */
#define FUTEX_WAIT_MANY_MAX 128

/* A word that says who holds a lock: the id of a thread, or 0, and two bits. */
#define FUTEX_WAITERS UINT32_C(0x80000000)
#define FUTEX_OWNER_DIED UINT32_C(0x40000000)
#define FUTEX_OWNER UINT32_C(0x3fffffff)

/* Boot. */
void futex_init(void);

struct futex_word {
    struct address_space *space;
    user_address address;
    bool is_private;
    bool has_node;    /* the word behind it says on which node of memory it is waited for */
};

/* An absolute time. */
struct futex_deadline {
    uint64_t ns;    /* WAIT_FOREVER: none */
    bool real;      /* of the real clock, whoever sets it; else machine_time_ns */
};

/* ---- Waiting and waking -------------------------------------------------------------------- */

struct futex_wait {
    struct futex_word word;
    uint32_t expected;
    uint32_t bits;                    /* waiters and wakers meet if they share a bit; 0: -EINVAL */
    struct futex_deadline deadline;
};

/* Sleeps if the word still holds what is expected.  0: woken; -EAGAIN: it does not; -EINTR,
 * -ETIMEDOUT. */
MUST_CHECK int futex_wait(const struct futex_wait *wait);
/* The same for several words; `bits` do not count.  The index of one that was woken.  Also
 * -ENOMEM. */
MUST_CHECK int futex_wait_many(const struct futex_wait *waits, unsigned count,
                               const struct futex_deadline *deadline);
/* Wakes up to `count` waiters, the most urgent first, then by age; at least one, unless `count` is
 * 0 and `exact`.  How many there were.  -EINVAL: a waiter waits for a lock. */
MUST_CHECK int64_t futex_wake(const struct futex_word *word, uint32_t bits, int32_t count,
                              bool exact);

/* FUTEX_WAKE_OP: `operation` is Linux's encoding of what becomes of `second` and of when its
 * waiters are woken.  -ENOSYS: an unknown operation, or, after it was done, an unknown
 * comparison. */
struct futex_wake_two {
    struct futex_word first, second;
    int32_t first_count, second_count;
    uint32_t operation;
};
MUST_CHECK int64_t futex_wake_operation(const struct futex_wake_two *request);

/* Wakes some waiters of a word and makes others wait for another one.  How many of both. */
struct futex_requeue {
    struct futex_word source, target;
    int32_t wake_count, requeue_count;    /* negative: -EINVAL */
    bool compares;                        /* -EAGAIN if the source word does not hold `expected` */
    uint32_t expected;
};
MUST_CHECK int64_t futex_requeue(const struct futex_requeue *request);

/* ---- Locks that hand on priority ----------------------------------------------------------- */

/* -EDEADLK: the caller has it, or its owner waits for the caller; -ESRCH: its owner is no thread;
 * -EPERM: ... is the kernel's; -EINVAL: the word and those who wait for it do not fit together. */
MUST_CHECK int futex_lock(const struct futex_word *word, const struct futex_deadline *deadline);
/* -EAGAIN: somebody else has it. */
MUST_CHECK int futex_try_lock(const struct futex_word *word);
/* -EPERM: the caller has not got it. */
MUST_CHECK int futex_unlock(const struct futex_word *word);

/* Waits, on the way back with the lock `target`: 0.  -EAGAIN: a signal came when it waited for the
 * lock already. */
MUST_CHECK int futex_wait_for_lock(const struct futex_wait *wait, const struct futex_word *target);
/* FUTEX_CMP_REQUEUE_PI: gives the lock `target` to the first waiter, or makes it wait for that, and
 * the others too. */
MUST_CHECK int64_t futex_requeue_to_lock(const struct futex_requeue *request);

/* ---- The end of a thread ------------------------------------------------------------------- */

/* The current thread leaves its address space: locks on its list (0: it has none; see
 * set_robust_list) and those that others wait for go on without it.  It ends. */
void futex_thread_leave(struct address_space *space, user_address robust_list);
/* The same, but it goes on in another program, and may own locks there. */
void futex_thread_leave_program(struct address_space *space, user_address robust_list);
