/*
 * Waiting on a word and waking those who wait.
 *
 *   waiter                          waker
 *   reads word == 1
 *                                   word = 0; looks for waiters: none
 *   enqueues, sleeps for ever       <- forbidden: the word is read with the bucket locked, and the
 *                                      waker takes the same lock after its store.
 *
 * Nothing may sleep with a bucket locked.  If the word's page is not there, the lock is given back,
 * the page brought in, and all begins anew.
 */
#include "futex/futex_internal.h"
#include "lib/assert.h"
#include "lib/mark.h"
#include "memory/user_word.h"

/* ---- Waiting ------------------------------------------------------------------------------- */

int futex_lock_if_expected(const struct futex_word *word, const struct futex_key *key,
                           uint32_t expected, struct futex_bucket **locked) LOCKS_UNCHECKED
{
    for (;;) {
        struct futex_bucket *bucket = futex_bucket_lock(key);
        uint32_t value;

        if (user_word_read(word->space, word->address, &value) == WORD_DONE) {
            *locked = bucket;
            if (value == expected)
                return 0;
            futex_bucket_unlock(bucket);
            return -EAGAIN;
        }
        futex_bucket_unlock(bucket);

        int error = futex_bring_in(word, false);

        if (error)
            return error;
    }
}

static int wait_in(struct futex_bucket *bucket, const struct futex_wait *wait,
                   struct futex_key *key) RELEASES(&bucket->lock)
{
    struct futex_waiter waiter;
    struct futex_sleep sleep;

    futex_sleep_begin(&sleep);
    futex_waiter_init(&waiter, key, &sleep.queue);
    waiter.bits = wait->bits;
    futex_enqueue(bucket, &waiter);
    futex_bucket_unlock(bucket);

    int error = futex_sleep_until(&sleep, wait->word.address, &wait->deadline);

    if (!futex_unqueue(&waiter)) {
        MARK_IF(error, futex_woken_at_the_last_moment);
        error = 0;    /* also when the time was up just then: the waker has counted it */
    }
    futex_sleep_end(&sleep);
    *key = waiter.key;    /* it may have been requeued */
    return error;
}

int futex_wait(const struct futex_wait *wait)
{
    struct futex_bucket *bucket;
    struct futex_key key;

    if (wait->bits == 0)
        return -EINVAL;

    int error = futex_key_get(&wait->word, false, &key);

    if (error)
        return error;
    error = futex_lock_if_expected(&wait->word, &key, wait->expected, &bucket);
    if (!error)
        error = wait_in(bucket, wait, &key);
    futex_key_put(&key);
    return error;
}

/* ---- Waking -------------------------------------------------------------------------------- */

/* Bucket locked.  Wakes up to `count`, at least one. */
static int64_t wake_in(struct futex_bucket *bucket, const struct futex_key *key, uint32_t bits,
                       int32_t count)
{
    struct futex_waiter *waiter = futex_first(bucket, key);
    int32_t woken = 0;

    while (waiter) {
        struct futex_waiter *next = futex_next(waiter);

        if (waiter->lock)
            return -EINVAL;
        if (waiter->bits & bits) {
            futex_wake_waiter(waiter);
            if (++woken >= count)
                break;
        }
        waiter = next;
    }
    return woken;
}

int64_t futex_wake(const struct futex_word *word, uint32_t bits, int32_t count, bool exact)
{
    struct futex_key key;

    if (bits == 0)
        return -EINVAL;

    int64_t woken = futex_key_get(word, false, &key);

    if (woken)
        return woken;
    if (!exact || count != 0) {
        struct futex_bucket *bucket = futex_bucket_lock(&key);

        spin_lock_taken(&bucket->lock);
        woken = wake_in(bucket, &key, bits, count);
        futex_bucket_unlock(bucket);
    }
    futex_key_put(&key);
    return woken;
}

/* ---- Waking with an operation -------------------------------------------------------------- */

#define OPERATION_SHIFTS 8u    /* the argument is the number of a bit */

enum operation { OPERATION_SET, OPERATION_ADD, OPERATION_OR, OPERATION_AND_NOT, OPERATION_XOR };
#define OPERATIONS 5u
enum comparison {
    COMPARE_EQUAL, COMPARE_UNEQUAL, COMPARE_LESS, COMPARE_LESS_EQUAL, COMPARE_GREATER,
    COMPARE_GREATER_EQUAL,
};
#define COMPARISONS 6u

/* Twelve bits with a sign, from bit `shift` on. */
static int32_t signed_part(uint32_t encoded, unsigned shift)
{
    int32_t part = (int32_t)(encoded >> shift & 0xfff);

    return part >= 0x800 ? part - 0x1000 : part;
}

static uint32_t apply(enum operation operation, uint32_t value, uint32_t argument)
{
    switch (operation) {
    case OPERATION_SET:
        return argument;
    case OPERATION_ADD:
        return value + argument;
    case OPERATION_OR:
        return value | argument;
    case OPERATION_AND_NOT:
        return value & ~argument;
    case OPERATION_XOR:
        return value ^ argument;
    }
    UNREACHABLE();
}

static bool compare(enum comparison comparison, int32_t value, int32_t argument)
{
    switch (comparison) {
    case COMPARE_EQUAL:
        return value == argument;
    case COMPARE_UNEQUAL:
        return value != argument;
    case COMPARE_LESS:
        return value < argument;
    case COMPARE_LESS_EQUAL:
        return value <= argument;
    case COMPARE_GREATER:
        return value > argument;
    case COMPARE_GREATER_EQUAL:
        return value >= argument;
    }
    UNREACHABLE();
}

/* Bucket locked, so no waker comes between, but programs may: hence the exchange. */
static enum user_word_result change_word(const struct futex_word *word, uint32_t encoded,
                                         uint32_t *before)
{
    enum operation operation = (enum operation)(encoded >> 28 & 7);
    uint32_t argument = (uint32_t)signed_part(encoded, 12);
    enum user_word_result result;

    if (encoded >> 28 & OPERATION_SHIFTS)
        argument = UINT32_C(1) << (argument & 31);
    if (user_word_read(word->space, word->address, before) != WORD_DONE)
        return WORD_ABSENT;
    do {
        result = user_word_exchange(word->space, word->address, before,
                                    apply(operation, *before, argument));
    } while (result == WORD_DIFFERS);
    return result;
}

/* Both buckets locked. */
static int64_t wake_both(const struct futex_wake_two *request, const struct futex_pair *pair,
                         const struct futex_key keys[2], uint32_t before)
{
    enum comparison comparison = (enum comparison)(request->operation >> 24 & 15);
    int64_t first = wake_in(pair->first, &keys[0], FUTEX_ANY, request->first_count);

    if (first < 0 || !compare(comparison, (int32_t)before, signed_part(request->operation, 0)))
        return first;

    int64_t second = wake_in(pair->second, &keys[1], FUTEX_ANY, request->second_count);

    return second < 0 ? second : first + second;
}

static int64_t wake_with_keys(const struct futex_wake_two *request,
                              const struct futex_key keys[2])
{
    bool is_known = (request->operation >> 28 & 7) < OPERATIONS;
    uint32_t before;

    for (;;) {
        struct futex_pair pair = futex_pair_lock(keys);
        enum user_word_result result = WORD_ABSENT;
        int64_t woken = -ENOSYS;

        spin_lock_taken(&pair.first->lock);
        spin_lock_taken(&pair.second->lock);
        if (is_known)
            result = change_word(&request->second, request->operation, &before);
        /* Linux notices an unknown comparison when the operation is done. */
        if (result == WORD_DONE && (request->operation >> 24 & 15) < COMPARISONS)
            woken = wake_both(request, &pair, keys, before);
        futex_pair_unlock(&pair);
        if (result == WORD_DONE || !is_known)
            return woken;

        int error = futex_bring_in(&request->second, true);

        if (error)
            return error;
    }
}

int64_t futex_wake_operation(const struct futex_wake_two *request)
{
    struct futex_key keys[2];
    int error = futex_keys_get(&request->first, &request->second, true, keys);

    if (error)
        return error;

    int64_t woken = wake_with_keys(request, keys);

    futex_keys_put(keys);
    return woken;
}
