#pragma once
/*
 * Counting semaphores: what both ABIs' semaphores are made of.
 *
 * Without an observer a signal hands over to the oldest waiter.  With one it raises the count and
 * makes all waiters ready; the observer chooses which of them takes it.  Over all arrival orders
 * the two are the same, and a wait is then something that either can be executed or cannot.
 *
 * Besides the count a semaphore keeps what reports need: who used it last and from where, who holds
 * it while it is used as a lock, how long threads waited and how often others came before them.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "machine/machine.h"
#include "machine/observer.h"
#include "sync/spinlock.h"

struct thread;

#define SEMAPHORE_COUNT_MAX INT64_MAX    /* more signals than that change nothing */

/* One use of a semaphore: thread 0 means that there was none. */
struct semaphore_use {
    int32_t thread;
    uint64_t at_ns;                 /* machine_time_ns */
    user_address instruction;       /* the program's call; 0 for the kernel's own threads */
};

struct semaphore_statistics {
    struct semaphore_use acquired, signalled;    /* the last ones */
    uint64_t signals;
    /* Used as a lock: it began with 1 and every signal came from who held it. */
    bool is_lock;
    int32_t holder;                 /* thread id; 0: nobody, or not a lock */
    uint64_t acquisitions;
    uint64_t waits;                 /* acquisitions that had to wait */
    uint64_t wait_ns, longest_wait_ns;
    int32_t longest_waiter;         /* whose wait that was */
    uint64_t overtakings;           /* threads that came later and acquired first */
    uint64_t most_overtakings;      /* in one wait */
};

struct semaphore {
    /* Constant after initialisation. */
    uint64_t id;                    /* names it to a person: set << 32 | key */

    struct spinlock lock;           /* RANK_SEMAPHORE */

    /* Protected by `lock`; the count is also read without, by the choice among threads.  1 when the
     * semaphore is removed: a wait can be executed then, and tells that. */
    _Atomic int64_t count;
    bool removed;
    uint64_t removals;              /* so far: it may have begun again since a thread came */
    int64_t initial;
    struct list waiters;            /* struct semaphore_waiter, oldest first */
    unsigned waiting;               /* how many they are */
    bool any_asleep;                /* with an observer: not all of them have been woken */
    uint64_t arrivals;
    struct semaphore_statistics statistics;
};

void semaphore_init(struct semaphore *semaphore, uint64_t id, int64_t initial);
/* One that is removed from the start. */
void semaphore_init_removed(struct semaphore *semaphore, uint64_t id);
/* A use by this thread, which is in a call. */
struct semaphore_use semaphore_use_now(const struct thread *thread);

/*
 * Takes one, waits if there is none.  -EIDRM: it was removed; -EINTR: a signal came, and what had
 * been handed over has gone to the next one.  `operation` (may be NULL) is what the observer is
 * told.  May sleep.
 */
MUST_CHECK int semaphore_wait(struct semaphore *semaphore, const struct operation *operation);
/* Gives one.  -EIDRM.  Any context that holds no lock of a higher rank. */
MUST_CHECK int semaphore_signal(struct semaphore *semaphore);
/* All waiters, and whoever comes later, get -EIDRM.  Returns whether it was there. */
bool semaphore_remove(struct semaphore *semaphore);
/* Removes it, if it was not yet, and begins again with this count: a thread that was about to wait
 * finds the new one.  Returns whether it was there. */
bool semaphore_renew(struct semaphore *semaphore, int64_t initial);
bool semaphore_is_removed(struct semaphore *semaphore);

/* A copy for reports. */
struct semaphore_report {
    uint64_t id;
    int64_t initial, count;
    bool removed;
    unsigned waiting;
    struct semaphore_statistics statistics;
};
void semaphore_report(struct semaphore *semaphore, struct semaphore_report *report);
