/* The kernel's queues of futexes, which are looked at here too; linked into build/sim-checked. */
#include "../../src/futex/queue.c"

#include "invariants.h"

static void must(bool holds, const struct futex_waiter *waiter, const char *what)
{
    if (!holds)
        panic("invariant: a waiter at %llx %s", (unsigned long long)waiter->key.position, what);
}

/* A waiter of the word that `first` is first of, with so much urgency at most. */
static void check_waiter(const struct futex_bucket *bucket, const struct futex_waiter *first,
                         const struct futex_waiter *waiter, uint8_t most_urgent)
{
    must(atomic_load(&waiter->bucket) == bucket, waiter, "is on another bucket than it thinks");
    must(bucket_of(&waiter->key) == bucket, waiter, "is on the wrong bucket");
    must(futex_key_equal(&waiter->key, &first->key), waiter, "waits for another word");
    must(waiter->is_first == (waiter == first), waiter, "is first, or is not");
    must(waiter->priority <= most_urgent, waiter, "is in the wrong place");
    must(waiter->bits != 0, waiter, "can never be woken");
}

static void check_word(const struct futex_bucket *bucket, const struct futex_waiter *first)
{
    const struct futex_lock *lock = first->lock ? first->lock->lock : NULL;
    uint8_t most_urgent = UINT8_MAX;
    unsigned count = 0;

    for (const struct futex_waiter *waiter = first; waiter; waiter = futex_next(waiter)) {
        check_waiter(bucket, first, waiter, most_urgent);
        must((waiter->lock ? waiter->lock->lock : NULL) == lock, waiter, "waits for another lock");
        most_urgent = waiter->priority;
        count++;
    }
    if (!lock)
        return;
    must(lock->users == count, first, "has a lock with other users");
    must(lock->key.owner == first->key.owner && lock->key.position == first->key.position, first,
         "has the lock of another word");
}

static void check_bucket(struct futex_bucket *bucket)
{
    const struct futex_waiter *last = NULL;

    spin_lock(&bucket->lock);
    for (struct tree_node *node = tree_first(&bucket->words); node; node = tree_next(node)) {
        const struct futex_waiter *first = waiter_of_word(node);

        if (last)
            must(key_order(&last->key, &first->key) < 0, first, "is out of order");
        check_word(bucket, first);
        last = first;
    }
    spin_unlock(&bucket->lock);
}

void invariants_check_futexes(void)
{
    for (unsigned i = 0; buckets && i < bucket_count(); i++) {
        if (__atomic_load_n(&buckets[i].words.root, __ATOMIC_RELAXED))
            check_bucket(&buckets[i]);
    }
}
