/*
 * Waiting for a condition and then for a lock, in one sleep: FUTEX_WAIT_REQUEUE_PI and
 * FUTEX_CMP_REQUEUE_PI, for condition variables whose mutex hands on priority.
 *
 *   queued on       its lock   what happens                                    it returns
 *   source          none       time is up                                      ETIMEDOUT
 *   source          none       a signal comes                                  EINTR: repeated
 *   source -> none  none       the lock was free: the requeuer takes it for    0, owner
 *                              the waiter
 *   source -> target  the lock   it is requeued: waits for the lock, and lends
 *   target          the lock   handed over                                     0, owner
 *   target          the lock   time is up                                      ETIMEDOUT
 *   target          the lock   a signal comes                                  EAGAIN: the program
 *                                                                              must look again
 */
#include "futex/futex_internal.h"
#include "memory/user_word.h"

/* ---- Waiting ------------------------------------------------------------------------------- */

/* The sleep is over. */
static int finish(struct futex_waiter *waiter, const struct futex_word *target, int error)
{
    struct futex_bucket *bucket = futex_waiter_lock(waiter);

    if (!bucket)
        return 0;    /* it was given the lock */
    spin_lock_taken(&bucket->lock);

    bool is_requeued = waiter->lock->lock != NULL;

    if (!is_requeued)
        futex_dequeue(waiter);
    futex_bucket_unlock(bucket);
    if (!is_requeued)
        return error;
    return futex_lock_finish(waiter, target, error == -EINTR ? -EAGAIN : error);
}

static int wait_in(struct futex_bucket *bucket, const struct futex_wait *wait,
                   const struct futex_word *target, struct futex_key keys[2])
    RELEASES(&bucket->lock)
{
    struct futex_lock_part part;
    struct futex_waiter waiter;
    struct futex_sleep sleep;

    futex_sleep_begin(&sleep);
    futex_waiter_init(&waiter, &keys[0], &sleep.queue);
    waiter.bits = wait->bits;
    futex_lock_part_init(&part, &waiter);
    part.target = &keys[1];
    futex_enqueue(bucket, &waiter);
    futex_bucket_unlock(bucket);

    int error = futex_sleep_until(&sleep, wait->word.address, &wait->deadline);

    error = finish(&waiter, target, error);
    futex_sleep_end(&sleep);
    keys[0] = waiter.key;    /* it may have been requeued */
    return error;
}

int futex_wait_for_lock(const struct futex_wait *wait, const struct futex_word *target)
    LOCKS_UNCHECKED
{
    struct futex_bucket *bucket;
    struct futex_key keys[2];
    int error;

    if (wait->word.address == target->address || wait->bits == 0)
        return -EINVAL;
    error = futex_key_get(target, true, &keys[1]);
    if (error)
        return error;
    error = futex_key_get(&wait->word, false, &keys[0]);
    if (!error) {
        error = futex_lock_if_expected(&wait->word, &keys[0], wait->expected, &bucket);
        if (!error && futex_key_equal(&keys[0], &keys[1])) {
            futex_bucket_unlock(bucket);
            error = -EINVAL;
        } else if (!error) {
            error = wait_in(bucket, wait, target, keys);
        }
        futex_key_put(&keys[0]);
    }
    futex_key_put(&keys[1]);
    return error;
}

/* ---- Requeueing: both buckets are locked --------------------------------------------------- */

/* Did it come here by futex_wait_for_lock, with this target, and does it still wait for that? */
static bool expects(const struct futex_waiter *waiter, const struct futex_key *target)
{
    const struct futex_lock_part *part = waiter->lock;

    return part && !part->lock && part->target && futex_key_equal(part->target, target);
}

/* The first waiter gets the lock if it is free. */
static int64_t give_to_first(struct futex_attempt *attempt, struct futex_waiter *first)
    REQUIRES(&attempt->bucket->lock)
{
    int result;

    if (!expects(first, attempt->key))
        return -EINVAL;
    attempt->thread = first->thread;
    result = futex_attempt(attempt);
    if (result == ATTEMPT_OWNED)
        futex_wake_waiter(first);
    return result;
}

/* The rest of them wait for the lock from now on. */
static int64_t move_waiters(const struct futex_requeue *request, const struct futex_pair *pair,
                            const struct futex_key keys[2], struct futex_lock *lock, int64_t done)
    REQUIRES(&pair->second->lock)
{
    struct futex_waiter *waiter = futex_first(pair->first, &keys[0]);

    ASSERT(request->wake_count == 1);
    ASSERT_IMPLIES(!lock, request->requeue_count == 0);
    while (waiter && done - request->wake_count < request->requeue_count) {
        struct futex_waiter *next = futex_next(waiter);
        int error = expects(waiter, &keys[1]) ? futex_lock_join(lock, waiter) : -EINVAL;

        if (error)
            return error;
        futex_move_waiter(waiter, pair, &keys[1]);
        done++;
        waiter = next;
    }
    return done;
}

static int64_t requeue_in(const struct futex_requeue *request, const struct futex_pair *pair,
                          const struct futex_key keys[2], struct futex_attempt *attempt)
    REQUIRES(&pair->first->lock, &pair->second->lock)
{
    struct futex_waiter *first = futex_first(pair->first, &keys[0]);
    int64_t result;
    uint32_t value;

    if (user_word_read(request->target.space, request->target.address, &value) != WORD_DONE)
        return ATTEMPT_ABSENT;
    if (!first)
        return 0;
    ASSERT(spin_is_held(&pair->first->lock));
    ASSERT(spin_is_held(&pair->second->lock));
    attempt->bucket = pair->second;
    ASSERT(spin_is_held(&attempt->bucket->lock));
    result = give_to_first(attempt, first);
    if (result < 0)
        return result;
    ASSERT_IMPLIES(result == ATTEMPT_WAIT, attempt->lock);
    result = move_waiters(request, pair, keys, attempt->lock, result == ATTEMPT_OWNED ? 1 : 0);
    if (attempt->lock)
        futex_lock_drop(attempt->lock);
    return result;
}

/* ---- Requeueing ---------------------------------------------------------------------------- */

/* 0: done, *result says how; above 0: try again; or an error. */
static int requeue_once(const struct futex_requeue *request, const struct futex_key keys[2],
                        int64_t *result)
{
    struct futex_attempt attempt = {
        .word = &request->target, .key = &keys[1], .waiters = request->requeue_count != 0
    };
    struct futex_pair pair = futex_pair_lock(keys);
    uint32_t value;
    int error;

    spin_lock_taken(&pair.first->lock);
    spin_lock_taken(&pair.second->lock);
    if (user_word_read(request->source.space, request->source.address, &value) != WORD_DONE) {
        futex_pair_unlock(&pair);
        error = futex_bring_in(&request->source, false);
        return error ? error : 1;
    }
    *result = -EAGAIN;
    if (value != request->expected) {
        futex_pair_unlock(&pair);
        return 0;
    }
    *result = requeue_in(request, &pair, keys, &attempt);
    futex_pair_unlock(&pair);
    if (*result != ATTEMPT_AGAIN && *result != ATTEMPT_ABSENT && *result != ATTEMPT_LEAVING)
        return 0;
    error = futex_attempt_failed(&attempt, (int)*result);
    return error ? error : 1;
}

int64_t futex_requeue_to_lock(const struct futex_requeue *request)
{
    struct futex_key keys[2];
    int64_t result = 0;
    int again;

    if (request->wake_count < 0 || request->requeue_count < 0)
        return -EINVAL;
    if (request->source.address == request->target.address || request->wake_count != 1)
        return -EINVAL;

    int error = futex_keys_get(&request->source, &request->target, true, keys);

    if (error)
        return error;
    again = futex_key_equal(&keys[0], &keys[1]) ? -EINVAL : 1;
    while (again > 0)
        again = requeue_once(request, keys, &result);
    futex_keys_put(keys);
    return again ? again : result;
}
