/*
 * Requeueing: waiters of one word are made waiters of another one, without waking them.
 *
 *   requeuer                               waiter
 *   takes it off the first bucket
 *                                          time is up: it is on no bucket, so it was woken; returns
 *   puts it on the second; its stack is
 *   used anew                              <- forbidden: both buckets are locked, `bucket` is never
 *                                             NULL in between, and to leave it takes the lock of
 *                                             the one where it is
 */
#include "futex/futex_internal.h"
#include "memory/user_word.h"

/* Both buckets locked.  Linux, too, keeps what it has done when it meets a waiter of the wrong
 * kind. */
static int64_t move_waiters(const struct futex_requeue *request, const struct futex_pair *pair,
                            const struct futex_key keys[2]) REQUIRES(&pair->second->lock)
{
    struct futex_waiter *waiter = futex_first(pair->first, &keys[0]);
    bool is_same = futex_key_equal(&keys[0], &keys[1]);
    int64_t done = 0;

    while (waiter && done - request->wake_count < request->requeue_count) {
        struct futex_waiter *next = futex_next(waiter);

        if (waiter->lock)
            return -EINVAL;
        if (++done <= request->wake_count)
            futex_wake_waiter(waiter);
        else if (!is_same)
            futex_move_waiter(waiter, pair, &keys[1]);
        waiter = next;
    }
    return done;
}

/* Locks both if the source holds what is expected, when that matters. */
static int lock_pair_if_expected(const struct futex_requeue *request,
                                 const struct futex_key keys[2], struct futex_pair *pair)
    TRIES_TO_ACQUIRE(0, &pair->first->lock, &pair->second->lock) LOCKS_UNCHECKED
{
    const struct futex_word *source = &request->source;

    for (;;) {
        uint32_t value;

        *pair = futex_pair_lock(keys);
        if (!request->compares)
            return 0;

        bool is_there = user_word_read(source->space, source->address, &value) == WORD_DONE;

        if (is_there && value == request->expected)
            return 0;
        futex_pair_unlock(pair);
        if (is_there)
            return -EAGAIN;

        int error = futex_bring_in(source, false);

        if (error)
            return error;
    }
}

int64_t futex_requeue(const struct futex_requeue *request)
{
    struct futex_key keys[2];
    struct futex_pair pair;

    if (request->wake_count < 0 || request->requeue_count < 0)
        return -EINVAL;

    int64_t result = futex_keys_get(&request->source, &request->target, false, keys);

    if (result)
        return result;
    result = lock_pair_if_expected(request, keys, &pair);
    if (!result) {
        result = move_waiters(request, &pair, keys);
        futex_pair_unlock(&pair);
    }
    futex_keys_put(keys);
    return result;
}
