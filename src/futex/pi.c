/*
 * Locks that hand on priority: FUTEX_LOCK_PI and its like.
 *
 * The word holds the owner's id; who finds it 0 may take it without the kernel.  Who has to wait
 * sets FUTEX_WAITERS, so that the owner comes here to unlock.  From the first waiter on there is a
 * struct futex_lock.  What may be found together, as Linux has it:
 *
 *   a waiter   its lock   owner      id in the word   owner died   verdict
 *   none       -          -          0                any          free: taken
 *   none       -          -          an id            any          a lock is made for that thread
 *   yes        none       -          any              any          EINVAL: not a waiter for a lock
 *   yes        yes        any        any              any          in transit: wait
 *   yes        yes        a thread   0                yes          wait: the owner is ending
 *   yes        yes        a thread   0                no           EINVAL
 *   yes        yes        a thread   its id           any          wait
 *   yes        yes        a thread   another id       any          EINVAL
 *
 *   waiter                                 owner
 *   finds it locked
 *                                          word: id -> 0, without the kernel, as nobody waits
 *   sets FUTEX_WAITERS: sleeps for ever    <- forbidden: it exchanges the word for the one it saw
 *
 *   time is up
 *                                          hands over: the waiter owns it
 *   returns ETIMEDOUT with the lock        <- forbidden: it looks at `is_owner` with the bucket
 *                                             locked, where handing over happens, and returns 0
 */
#include "config.h"
#include "futex/futex_internal.h"
#include "lib/assert.h"
#include "lib/container.h"
#include "lib/mark.h"
#include "memory/pool.h"
#include "memory/user_word.h"
#include "sched/scheduler.h"
#include "sched/thread.h"

_Static_assert((FUTEX_WAITERS | FUTEX_OWNER_DIED | FUTEX_OWNER) == UINT32_MAX, "every bit");
_Static_assert((FUTEX_WAITERS & FUTEX_OWNER_DIED) == 0, "two bits");
_Static_assert(THREAD_ID_MAX <= FUTEX_OWNER, "each thread can be named in a word");

static struct pool lock_pool = POOL_INITIAL("futex lock", struct futex_lock, THREADS_MAX);

/* ---- The lock of a word; its bucket is locked ---------------------------------------------- */

static struct futex_lock *lock_create(const struct futex_key *key)
{
    struct futex_lock *lock = pool_allocate(&lock_pool);

    if (!lock)
        return NULL;
    pi_mutex_init(&lock->mutex, true);
    lock->key = *key;
    lock->key.object = NULL;
    lock->users = 1;
    return lock;
}

void futex_lock_drop(struct futex_lock *lock)
{
    ASSERT(lock);
    ASSERT(lock->users > 0);
    if (--lock->users > 0)
        return;
    ASSERT(!lock->in_transit);    /* to whom it is in transit is a user */
    ASSERT(!pi_mutex_first(&lock->mutex));
    pool_free(&lock_pool, lock);
}

void futex_lock_part_init(struct futex_lock_part *part, struct futex_waiter *waiter)
{
    *part = (struct futex_lock_part){ .waiter = waiter };
    pi_waiter_init(&part->lends, waiter->thread, waiter->queue);
    waiter->lock = part;
}

int futex_lock_join(struct futex_lock *lock, struct futex_waiter *waiter)
{
    ASSERT(lock->users > 0);
    ASSERT(!waiter->lock->lock);
    ASSERT(!waiter->lock->is_owner);

    int error = pi_mutex_enqueue(&lock->mutex, &waiter->lock->lends);

    if (error)
        return error == -ESRCH ? ATTEMPT_LEAVING : error;
    waiter->lock->lock = lock;
    lock->users++;
    return 0;
}

/* ---- Attempts ------------------------------------------------------------------------------ */

/* Somebody waits on the word already: does he fit? */
static int attach(struct futex_attempt *attempt, const struct futex_waiter *waiter, uint32_t word)
{
    struct futex_lock *lock = waiter->lock ? waiter->lock->lock : NULL;
    uint32_t id = word & FUTEX_OWNER;

    if (!lock)
        return -EINVAL;
    ASSERT(lock->users > 0);    /* that waiter */
    ASSERT(futex_key_equal(&lock->key, attempt->key));
    ASSERT_IMPLIES(lock->in_transit, pi_mutex_owner(&lock->mutex));
    if (!lock->in_transit && !(id == 0 && (word & FUTEX_OWNER_DIED))) {
        const struct thread *owner = pi_mutex_owner(&lock->mutex);

        if (!owner || id != (uint32_t)owner->id)
            return -EINVAL;
    }
    lock->users++;
    attempt->lock = lock;
    return ATTEMPT_WAIT;
}

/* The thread that the word names is not there, or has ended: unless the word is another one now, it
 * never was. */
static int owner_is_gone(const struct futex_attempt *attempt, uint32_t word)
{
    uint32_t now;

    if (user_word_read(attempt->word->space, attempt->word->address, &now) != WORD_DONE)
        return ATTEMPT_ABSENT;
    return now == word ? -ESRCH : ATTEMPT_AGAIN;
}

/* Makes the lock of a word whose owner is this thread. */
static int make_lock(struct futex_attempt *attempt, struct thread *owner)
{
    struct futex_lock *lock = lock_create(attempt->key);

    if (!lock)
        return -ENOMEM;
    if (pi_mutex_set_owner(&lock->mutex, owner) != 0) {
        futex_lock_drop(lock);
        return ATTEMPT_LEAVING;
    }
    attempt->lock = lock;
    return ATTEMPT_WAIT;
}

static int attach_to_owner(struct futex_attempt *attempt, uint32_t word)
{
    struct thread *owner = thread_find(pid_named((int32_t)(word & FUTEX_OWNER)));
    int result;

    if (!owner)
        return owner_is_gone(attempt, word);
    if (!owner->process)
        result = -EPERM;
    else if (futex_thread_has_left(owner))
        result = owner_is_gone(attempt, word);
    else
        result = make_lock(attempt, owner);
    attempt->leaving_id = owner->id;
    thread_release(owner);
    return result;
}

static int exchange(const struct futex_attempt *attempt, uint32_t word, uint32_t wanted)
{
    switch (user_word_exchange(attempt->word->space, attempt->word->address, &word, wanted)) {
    case WORD_DONE:
        return 0;
    case WORD_DIFFERS:
        return ATTEMPT_AGAIN;
    case WORD_ABSENT:
        return ATTEMPT_ABSENT;
    }
    UNREACHABLE();
}

static int take_free(struct futex_attempt *attempt, uint32_t word)
{
    uint32_t wanted = (word & FUTEX_OWNER_DIED) | (uint32_t)pid_own(attempt->thread);
    int result = exchange(attempt, word, attempt->waiters ? wanted | FUTEX_WAITERS : wanted);

    if (!result && attempt->waiters)
        result = make_lock(attempt, attempt->thread);
    return result ? result : ATTEMPT_OWNED;
}

int futex_attempt(struct futex_attempt *attempt)
{
    const struct futex_waiter *waiter;
    uint32_t word;
    int result;

    ASSERT(spin_is_held(&attempt->bucket->lock));
    attempt->lock = NULL;
    if (user_word_read(attempt->word->space, attempt->word->address, &word) != WORD_DONE)
        return ATTEMPT_ABSENT;
    if ((word & FUTEX_OWNER) == (uint32_t)pid_own(attempt->thread))
        return -EDEADLK;
    waiter = futex_first(attempt->bucket, attempt->key);
    if (waiter)
        return attach(attempt, waiter, word);
    if ((word & FUTEX_OWNER) == 0)
        return take_free(attempt, word);
    result = exchange(attempt, word, word | FUTEX_WAITERS);
    return result ? result : attach_to_owner(attempt, word | FUTEX_WAITERS);
}

int futex_attempt_failed(const struct futex_attempt *attempt, int result)
{
    switch (result) {
    case ATTEMPT_AGAIN:
        MARK(futex_word_changed);
        scheduler_yield();
        return 0;
    case ATTEMPT_ABSENT:
        return futex_bring_in(attempt->word, true);
    case ATTEMPT_LEAVING:
        MARK(futex_owner_is_leaving);
        futex_wait_while_leaving(attempt->leaving_id);
        return 0;
    }
    return result;
}

/* ---- Becoming the owner -------------------------------------------------------------------- */

static struct futex_lock_part *part_of(struct pi_waiter *waiter)
{
    return CONTAINER_OF(waiter, struct futex_lock_part, lends);
}

/* Bucket locked: the owner is ending; the word is the next one's affair. */
static void pass_on(struct futex_lock *lock)
{
    struct pi_waiter *next = pi_mutex_hand_over(&lock->mutex);

    ASSERT_IMPLIES(next, !part_of(next)->is_owner);
    ASSERT_IMPLIES(next, part_of(next)->lock == lock);
    lock->in_transit = next != NULL;
    if (!next)
        return;
    part_of(next)->is_owner = true;
    (void)wait_queue_wake_all(next->queue);
}

/* The lock is in transit to the current thread, the bucket is locked: writes the word. */
static int settle_word(const struct futex_word *word, uint32_t id)
{
    enum user_word_result result;
    uint32_t value;

    if (user_word_read(word->space, word->address, &value) != WORD_DONE)
        return ATTEMPT_ABSENT;
    do {
        result = user_word_exchange(word->space, word->address, &value,
                                    id | FUTEX_WAITERS | FUTEX_OWNER_DIED);
    } while (result == WORD_DIFFERS);
    return result == WORD_DONE ? 0 : ATTEMPT_ABSENT;
}

/* Bucket locked: leaves it, and the lock. */
static void leave(struct futex_waiter *waiter)
{
    struct futex_lock *lock = waiter->lock->lock;

    pi_mutex_dequeue(&waiter->lock->lends);
    futex_dequeue(waiter);
    waiter->lock->lock = NULL;
    futex_lock_drop(lock);
}

/* One look, with the bucket locked.  ATTEMPT_ABSENT: bring the word in and look again. */
static int finish_in(struct futex_waiter *waiter, const struct futex_word *word, int error,
                     bool give_up)
{
    struct futex_lock *lock = waiter->lock->lock;

    ASSERT(lock);    /* who was handed it by its owner is on no bucket */
    ASSERT(error || waiter->lock->is_owner);
    ASSERT_IMPLIES(waiter->lock->is_owner, lock->in_transit);
    ASSERT_IMPLIES(waiter->lock->is_owner, pi_mutex_owner(&lock->mutex) == waiter->thread);
    if (waiter->lock->is_owner && !give_up) {
        error = settle_word(word, (uint32_t)pid_own(waiter->thread));
        if (error)
            return error;
        lock->in_transit = false;
    } else if (waiter->lock->is_owner) {
        waiter->lock->is_owner = false;
        pass_on(lock);
    }
    leave(waiter);
    return error;
}

int futex_lock_finish(struct futex_waiter *waiter, const struct futex_word *word, int error)
{
    bool give_up = false;

    for (;;) {
        struct futex_bucket *bucket = futex_waiter_lock(waiter);

        if (!bucket)
            return 0;    /* it was handed over, and the word says so */
        spin_lock_taken(&bucket->lock);

        int result = finish_in(waiter, word, error, give_up);

        futex_bucket_unlock(bucket);
        if (result != ATTEMPT_ABSENT || give_up)
            return result;
        if (futex_bring_in(word, true) != 0) {
            MARK(futex_lock_without_memory);
            give_up = true;    /* its memory is gone: it cannot have the lock */
            error = -EFAULT;
        }
    }
}

/* ---- Calls --------------------------------------------------------------------------------- */

/* The bucket is locked, the lock has a user for us. */
static int wait_for_lock(struct futex_attempt *attempt, const struct futex_deadline *deadline,
                         struct futex_key *key) RELEASES(&attempt->bucket->lock)
{
    struct futex_lock_part part;
    struct futex_waiter waiter;
    struct futex_sleep sleep;

    futex_sleep_begin(&sleep);
    futex_waiter_init(&waiter, key, &sleep.queue);
    futex_lock_part_init(&part, &waiter);

    int error = futex_lock_join(attempt->lock, &waiter);

    if (!error)
        futex_enqueue(attempt->bucket, &waiter);
    futex_lock_drop(attempt->lock);
    futex_bucket_unlock(attempt->bucket);
    if (!error) {
        error = futex_sleep_until(&sleep, attempt->word->address, deadline);
        error = futex_lock_finish(&waiter, attempt->word, error);
        *key = waiter.key;
    }
    futex_sleep_end(&sleep);
    return error;
}

/* `deadline` NULL: does not wait. */
static int lock_once(struct futex_attempt *attempt, const struct futex_deadline *deadline,
                     struct futex_key *key)
{
    attempt->bucket = futex_bucket_lock(key);
    spin_lock_taken(&attempt->bucket->lock);

    int result = futex_attempt(attempt);

    if (result == ATTEMPT_WAIT && deadline)
        return wait_for_lock(attempt, deadline, key);
    if (result == ATTEMPT_WAIT)
        futex_lock_drop(attempt->lock);
    futex_bucket_unlock(attempt->bucket);
    return result;
}

static bool is_failed_attempt(int result)
{
    return result == ATTEMPT_AGAIN || result == ATTEMPT_ABSENT || result == ATTEMPT_LEAVING;
}

static int lock(const struct futex_word *word, const struct futex_deadline *deadline)
{
    struct futex_attempt attempt = { .word = word, .thread = current_thread() };
    struct futex_key key;
    int result = futex_key_get(word, true, &key);
    int error = result;

    attempt.key = &key;
    while (!error) {
        result = lock_once(&attempt, deadline, &key);
        if (!is_failed_attempt(result))
            break;
        error = futex_attempt_failed(&attempt, result);
    }
    futex_key_put(&key);
    return error ? error : result;
}

int futex_lock(const struct futex_word *word, const struct futex_deadline *deadline)
{
    int result = lock(word, deadline);

    return result == ATTEMPT_OWNED ? 0 : result;
}

int futex_try_lock(const struct futex_word *word)
{
    int result = lock(word, NULL);

    if (result == ATTEMPT_OWNED)
        return 0;
    return result == ATTEMPT_WAIT ? -EAGAIN : result;
}

/* ---- Unlocking ----------------------------------------------------------------------------- */

#define UNLOCK_DIFFERS 1    /* the program has changed it just now: its own fault */
#define UNLOCK_FAULTS 2     /* not ATTEMPT_ABSENT: it may end on another page, and stay absent */

/* Nobody waits. */
static int unlock_free(const struct futex_word *word, uint32_t value)
{
    switch (user_word_exchange(word->space, word->address, &value, 0)) {
    case WORD_DONE:
        return 0;
    case WORD_DIFFERS:
        return UNLOCK_DIFFERS;
    case WORD_ABSENT:
        return ATTEMPT_ABSENT;
    }
    UNREACHABLE();
}

/* The bucket is locked; `value` is the word, with our id.  ATTEMPT_AGAIN, ATTEMPT_ABSENT. */
static int hand_over(const struct futex_word *word, struct futex_lock *lock, uint32_t value)
{
    struct pi_waiter *next = pi_mutex_first(&lock->mutex);
    uint32_t now = value;
    enum user_word_result result;

    ASSERT(next);    /* the lock has users, and we own it */
    result = user_word_exchange(word->space, word->address, &now,
                                (uint32_t)pid_own(next->thread) | FUTEX_WAITERS);
    if (result == WORD_ABSENT)
        return ATTEMPT_ABSENT;
    MARK_IF(result == WORD_DIFFERS, futex_word_changed_before_hand_over);
    if (result == WORD_DIFFERS)
        return (now & FUTEX_OWNER) == value ? ATTEMPT_AGAIN : -EINVAL;

    struct futex_lock_part *part = part_of(next);

    ASSERT(part->lock == lock);
    ASSERT(!part->is_owner);
    ASSERT(!lock->in_transit);    /* or its owner would still be in the kernel */
    pi_mutex_hand_over_to(&lock->mutex, next);    /* as the word says by now */
    part->lock = NULL;
    futex_lock_drop(lock);
    futex_wake_waiter(part->waiter);
    return 0;
}

static int unlock_in(struct futex_bucket *bucket, const struct futex_word *word,
                     const struct futex_key *key, uint32_t value)
{
    const struct futex_waiter *waiter = futex_first(bucket, key);
    struct futex_lock *lock = waiter && waiter->lock ? waiter->lock->lock : NULL;

    if (!waiter)
        return unlock_free(word, value);
    if (!lock || pi_mutex_owner(&lock->mutex) != current_thread())
        return -EINVAL;
    return hand_over(word, lock, value);
}

static int unlock_once(const struct futex_word *word)
{
    struct futex_key key;
    uint32_t value;
    int result;

    if (futex_read(word, &value) != 0)
        return UNLOCK_FAULTS;
    if ((value & FUTEX_OWNER) != (uint32_t)pid_own(current_thread()))
        return -EPERM;
    result = futex_key_get(word, true, &key);
    if (result)
        return result;

    struct futex_bucket *bucket = futex_bucket_lock(&key);

    spin_lock_taken(&bucket->lock);
    result = unlock_in(bucket, word, &key, value);
    futex_bucket_unlock(bucket);
    futex_key_put(&key);
    return result;
}

int futex_unlock(const struct futex_word *word)
{
    for (;;) {
        const struct futex_attempt attempt = { .word = word };
        int result = unlock_once(word);
        int error;

        if (result == UNLOCK_DIFFERS)
            return -EAGAIN;
        if (result == UNLOCK_FAULTS)
            return -EFAULT;
        if (!is_failed_attempt(result))
            return result;
        error = futex_attempt_failed(&attempt, result);
        if (error)
            return error;
    }
}

/* ---- The end of the owner ------------------------------------------------------------------ */

struct owned {
    struct futex_lock *lock;
    struct futex_key key;
};

static void note_owned(struct pi_mutex *mutex, void *context)
{
    struct owned *owned = context;

    ASSERT(mutex->owner_may_leave);    /* a lock of a program: the kernel's are given back before */
    owned->lock = CONTAINER_OF(mutex, struct futex_lock, mutex);
    owned->key = owned->lock->key;
}

void futex_give_up_owned(void)
{
    struct owned owned, now;

    ASSERT(current_thread()->priority.leaving);    /* so nothing comes, and the loop ends */
    while (pi_thread_first_owned(note_owned, &owned)) {
        struct futex_bucket *bucket = futex_bucket_lock(&owned.key);

        spin_lock_taken(&bucket->lock);
        /* Its waiters may have left meanwhile, and it with them. */
        if (pi_thread_first_owned(note_owned, &now) && now.lock == owned.lock &&
            futex_key_equal(&now.key, &owned.key))
            pass_on(owned.lock);
        futex_bucket_unlock(bucket);
    }
}
