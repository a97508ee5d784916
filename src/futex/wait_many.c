/*
 * Waiting on several words at once (futex_waitv): one sleep, one waiter for each word.
 *
 * The waiters are queued one after the other, each with its own bucket locked.  Whoever wakes one
 * of them wakes the thread; that leaves the other words by itself.
 */
#include "futex/futex_internal.h"
#include "lib/assert.h"
#include "memory/pool.h"

struct many {
    const struct futex_wait *waits;
    unsigned count;
    struct futex_waiter *waiters;    /* on the heap: too many for a kernel stack */
    struct futex_sleep sleep;
};

#define NONE_WOKEN (-1)

/* Takes the first `queued` waiters off.  The index of the last one that had been woken. */
static int leave(struct many *many, unsigned queued)
{
    int woken = NONE_WOKEN;

    for (unsigned i = 0; i < queued; i++) {
        if (!futex_unqueue(&many->waiters[i]))
            woken = (int)i;
    }
    return woken;
}

/* Queues all of them.  0: sleep now; above 0: 1 + the index of one that was woken meanwhile; or an
 * error, and none is queued. */
static int enter(struct many *many)
{
    for (unsigned i = 0; i < many->count; i++) {
        const struct futex_wait *wait = &many->waits[i];
        struct futex_waiter *waiter = &many->waiters[i];
        struct futex_bucket *bucket;
        int error = futex_lock_if_expected(&wait->word, &waiter->key, wait->expected, &bucket);

        if (error) {
            int woken = leave(many, i);

            return woken == NONE_WOKEN ? error : woken + 1;
        }
        futex_enqueue(bucket, waiter);
        futex_bucket_unlock(bucket);
    }
    return 0;
}

static int wait_for_any(struct many *many, const struct futex_deadline *deadline)
{
    futex_sleep_begin(&many->sleep);

    int result = enter(many);

    if (result == 0) {
        int error = futex_sleep_until(&many->sleep, many->waits[0].word.address, deadline);
        int woken = leave(many, many->count);

        ASSERT(error || woken != NONE_WOKEN);
        result = woken == NONE_WOKEN ? error : woken + 1;
    }
    futex_sleep_end(&many->sleep);
    return result > 0 ? result - 1 : result;
}

/* Names of all words. */
static int get_keys(struct many *many, unsigned *got)
{
    for (*got = 0; *got < many->count; (*got)++) {
        struct futex_key key;
        int error = futex_key_get(&many->waits[*got].word, false, &key);

        if (error)
            return error;
        futex_waiter_init(&many->waiters[*got], &key, &many->sleep.queue);
    }
    return 0;
}

int futex_wait_many(const struct futex_wait *waits, unsigned count,
                    const struct futex_deadline *deadline)
{
    struct many many = { .waits = waits, .count = count };
    size_t size = count * sizeof(*many.waiters);
    unsigned got;

    ASSERT(count >= 1);
    ASSERT(count <= FUTEX_WAIT_MANY_MAX);
    many.waiters = memory_allocate(size);
    if (!many.waiters)
        return -ENOMEM;

    int result = get_keys(&many, &got);

    if (result == 0)
        result = wait_for_any(&many, deadline);
    while (got > 0)
        futex_key_put(&many.waiters[--got].key);
    memory_free(many.waiters, size);
    return result;
}
