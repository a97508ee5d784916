/*
 * Who waits for which word.
 *
 * Buckets share out the locks: there are BUCKETS_PER_CPU for each CPU, so that two CPUs seldom want
 * the same one.  In a bucket the words that are waited for form a tree, and the waiters of a word a
 * ring.  So the cost of a wake-up depends on how many it wakes, hardly on how many others wait, and
 * nothing has to grow with their number: a bucket's tree does so by itself, out of the waiters.
 *
 * Invariants, with the bucket locked: a waiter whose `bucket` is this one is on the ring of its
 * key; the ring is sorted by priority, then by age; exactly the first of a ring is in the tree.
 *
 *   waiter                                 waker
 *   time is up; is it still queued?
 *                                          takes it off: bucket = NULL; wakes its thread
 *   no: returns, its stack is used anew
 *                                          touches the waiter   <- forbidden: `bucket` becomes NULL
 *                                                                  after the last access, and until
 *                                                                  then the waiter needs the
 *                                                                  bucket's lock to leave
 */
#include "config.h"
#include "futex/futex_internal.h"
#include "lib/assert.h"
#include "lib/mark.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "sched/priority.h"
#include "sched/thread.h"
#include "time/clock.h"

#define BUCKETS_PER_CPU 256u
#define KINDS 4u

_Static_assert(BUCKETS_PER_CPU > 1, "bucket_of shifts by less than 64 bits");
_Static_assert(KEY_OF_OBJECT < KINDS, "the kinds of one owner go to different buckets");

static struct futex_bucket *buckets;
static unsigned bucket_bits;    /* log2 of their number */

static unsigned bucket_count(void)
{
    return 1u << bucket_bits;
}

void futex_init(void)
{
    while (bucket_count() < BUCKETS_PER_CPU * machine_info()->cpu_count)
        bucket_bits++;
    if (!buckets)
        buckets = memory_allocate(bucket_count() * sizeof(*buckets));
    if (!buckets)
        panic("no memory for futexes");
    for (unsigned i = 0; i < bucket_count(); i++) {
        spin_init(&buckets[i].lock, RANK_FUTEX, "futex bucket");
        tree_init(&buckets[i].words, NULL);
    }
}

/* ---- Buckets ------------------------------------------------------------------------------- */

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
    uint64_t mixed = (key->owner / PAGE_SIZE * KINDS + key->kind) * UINT64_C(0xff51afd7ed558ccd);

    mixed = (mixed ^ (mixed >> 32) ^ (key->position / sizeof(uint32_t))) *
            UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[mixed >> (64 - bucket_bits)];
}

struct futex_bucket *futex_bucket_lock(const struct futex_key *key) LOCKS_UNCHECKED
{
    struct futex_bucket *bucket = bucket_of(key);

    spin_lock(&bucket->lock);
    return bucket;
}

void futex_bucket_unlock(struct futex_bucket *bucket)
{
    spin_unlock(&bucket->lock);
}

struct futex_pair futex_pair_lock(const struct futex_key keys[2]) LOCKS_UNCHECKED
{
    struct futex_pair pair = { bucket_of(&keys[0]), bucket_of(&keys[1]) };
    bool in_order = pair.first <= pair.second;

    spin_lock(in_order ? &pair.first->lock : &pair.second->lock);
    if (pair.first != pair.second)
        spin_lock_same_rank(in_order ? &pair.second->lock : &pair.first->lock);
    return pair;
}

void futex_pair_unlock(const struct futex_pair *pair) LOCKS_UNCHECKED
{
    if (pair->first != pair->second)
        spin_unlock(&pair->second->lock);
    spin_unlock(&pair->first->lock);
}

/* ---- The words of a bucket ----------------------------------------------------------------- */

static struct futex_waiter *waiter_of_word(struct tree_node *node)
{
    return TREE_ENTRY(node, struct futex_waiter, word_node);
}

static struct futex_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct futex_waiter, node);
}

/* Below, at or above 0 as `a` comes before, with or behind `b`. */
static int key_order(const struct futex_key *a, const struct futex_key *b)
{
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

/* The place where the word's first waiter is or would be linked. */
static struct tree_node **find_link(struct futex_bucket *bucket, const struct futex_key *key,
                                    struct tree_node **parent)
{
    struct tree_node **link = &bucket->words.root;

    *parent = NULL;
    while (*link) {
        int order = key_order(key, &waiter_of_word(*link)->key);

        if (order == 0)
            break;
        *parent = *link;
        link = order < 0 ? &(*link)->left : &(*link)->right;
    }
    return link;
}

struct futex_waiter *futex_first(struct futex_bucket *bucket, const struct futex_key *key)
    LOCKS_UNCHECKED
{
    struct tree_node *parent;
    struct tree_node *node = *find_link(bucket, key, &parent);

    ASSERT(spin_is_held(&bucket->lock));
    ASSERT_IMPLIES(node, waiter_of_word(node)->is_first);
    return node ? waiter_of_word(node) : NULL;
}

struct futex_waiter *futex_next(const struct futex_waiter *waiter)
{
    struct futex_waiter *next = waiter_of(waiter->node.next);

    ASSERT_IMPLIES(!next->is_first, next->priority <= waiter->priority);
    ASSERT_IMPLIES(next == waiter, next->is_first);
    return next->is_first ? NULL : next;
}

/* ---- Waiters ------------------------------------------------------------------------------- */

void futex_waiter_init(struct futex_waiter *waiter, const struct futex_key *key,
                       struct wait_queue *queue)
{
    ASSERT(queue);
    *waiter = (struct futex_waiter){
        .key = *key,
        .bits = FUTEX_ANY,
        .thread = current_thread(),
        .priority = current_thread()->priority.own,
        .queue = queue,
    };
    list_init(&waiter->node);
}

/* The waiter before which it goes: the first that is less urgent, or the first of all, at which the
 * ring ends. */
static struct futex_waiter *position_in(struct futex_waiter *first,
                                        const struct futex_waiter *waiter)
{
    struct futex_waiter *position = first;

    if (waiter_of(first->node.previous)->priority >= waiter->priority)
        return first;
    while (position->priority >= waiter->priority) {
        position = futex_next(position);
        ASSERT(position);    /* not beyond the last, which is less urgent */
    }
    return position;
}

void futex_enqueue(struct futex_bucket *bucket, struct futex_waiter *waiter)
{
    struct tree_node *parent;
    struct tree_node **link = find_link(bucket, &waiter->key, &parent);
    struct futex_waiter *first = *link ? waiter_of_word(*link) : NULL;

    ASSERT(spin_is_held(&bucket->lock));
    ASSERT(bucket == bucket_of(&waiter->key));
    ASSERT(!list_is_linked(&waiter->node));
    ASSERT_IMPLIES(first, first->is_first);
    waiter->is_first = !first || first->priority < waiter->priority;
    if (!first) {
        tree_insert(&bucket->words, &waiter->word_node, parent, link);
    } else {
        list_insert_before(&position_in(first, waiter)->node, &waiter->node);
        if (waiter->is_first) {
            tree_replace(&bucket->words, &first->word_node, &waiter->word_node);
            first->is_first = false;
        }
    }
    atomic_store_explicit(&waiter->bucket, bucket, memory_order_relaxed);
}

/* Off the tree and the ring; `bucket` stays as it is. */
static void unlink_waiter(struct futex_waiter *waiter) LOCKS_UNCHECKED
{
    struct futex_bucket *bucket = atomic_load_explicit(&waiter->bucket, memory_order_relaxed);
    bool is_only = !list_is_linked(&waiter->node);

    ASSERT(spin_is_held(&bucket->lock));
    ASSERT(bucket == bucket_of(&waiter->key));
    ASSERT_IMPLIES(is_only, waiter->is_first);
    if (waiter->is_first && is_only) {
        tree_remove(&bucket->words, &waiter->word_node);
    } else if (waiter->is_first) {
        struct futex_waiter *next = waiter_of(waiter->node.next);

        ASSERT(!next->is_first);
        tree_replace(&bucket->words, &waiter->word_node, &next->word_node);
        next->is_first = true;
    }
    if (!is_only)
        list_remove(&waiter->node);
}

void futex_wake_waiter(struct futex_waiter *waiter)
{
    ASSERT_IMPLIES(waiter->lock, !waiter->lock->lock);    /* it has got what it waited for */
    unlink_waiter(waiter);
    (void)wait_queue_wake_all(waiter->queue);
    atomic_store_explicit(&waiter->bucket, NULL, memory_order_release);
}

void futex_move_waiter(struct futex_waiter *waiter, const struct futex_pair *pair,
                       const struct futex_key *key)
{
    struct futex_key before = waiter->key;

    ASSERT(spin_is_held(&pair->first->lock));
    ASSERT(spin_is_held(&pair->second->lock));
    ASSERT(waiter->bucket == pair->first);
    ASSERT(!futex_key_equal(&before, key));
    unlink_waiter(waiter);
    if (key->object)
        memory_object_reference(key->object);
    waiter->key = *key;
    futex_enqueue(pair->second, waiter);
    /* Not the last one: the caller has this key as well. */
    futex_key_put(&before);
}

struct futex_bucket *futex_waiter_lock(struct futex_waiter *waiter) LOCKS_UNCHECKED
{
    for (;;) {
        struct futex_bucket *bucket = atomic_load_explicit(&waiter->bucket, memory_order_acquire);

        if (!bucket)
            return NULL;
        spin_lock(&bucket->lock);
        if (atomic_load_explicit(&waiter->bucket, memory_order_acquire) == bucket)
            return bucket;
        MARK(futex_waiter_moved);
        spin_unlock(&bucket->lock);    /* it was moved or woken */
    }
}

void futex_dequeue(struct futex_waiter *waiter)
{
    unlink_waiter(waiter);
    atomic_store_explicit(&waiter->bucket, NULL, memory_order_relaxed);
}

bool futex_unqueue(struct futex_waiter *waiter)
{
    struct futex_bucket *bucket = futex_waiter_lock(waiter);

    if (!bucket)
        return false;
    spin_lock_taken(&bucket->lock);
    futex_dequeue(waiter);
    spin_unlock(&bucket->lock);
    return true;
}

/* ---- Sleeping ------------------------------------------------------------------------------ */

void futex_sleep_begin(struct futex_sleep *sleep)
{
    wait_queue_init(&sleep->queue);
    wait_entry_add(&sleep->entries[0], &sleep->queue);
    sleep->entries[1].queue = NULL;
}

void futex_sleep_end(struct futex_sleep *sleep)
{
    ASSERT(sleep->entries[0].queue == &sleep->queue);
    ASSERT(!sleep->entries[1].queue);
    wait_entry_remove(&sleep->entries[0]);
}

/* In machine_time_ns, as the clock is set now. */
static uint64_t monotonic_deadline(const struct futex_deadline *deadline)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t now_real_ns = clock_real_ns();
    uint64_t ns;

    if (!deadline->real || deadline->ns == WAIT_FOREVER)
        return deadline->ns;
    if (deadline->ns <= now_real_ns)
        return now_ns;
    return __builtin_add_overflow(now_ns, deadline->ns - now_real_ns, &ns) ? WAIT_FOREVER : ns;
}

static int sleep_until_real(struct futex_sleep *sleep, const struct wait_reason *reason,
                            const struct futex_deadline *deadline)
{
    for (;;) {
        wait_entry_add(&sleep->entries[1], clock_changes());

        int error = wait_entries_wait(sleep->entries, 2, reason, monotonic_deadline(deadline));
        bool clock_was_set = atomic_load(&sleep->entries[1].woken);

        wait_entry_remove(&sleep->entries[1]);
        if (error || !clock_was_set || atomic_load(&sleep->entries[0].woken))
            return error;
    }
}

int futex_sleep_until(struct futex_sleep *sleep, user_address word,
                      const struct futex_deadline *deadline)
{
    const struct wait_reason reason = { .kind = WAIT_FUTEX, .object = word };

    if (deadline->real && deadline->ns != WAIT_FOREVER)
        return sleep_until_real(sleep, &reason, deadline);
    return wait_entries_wait(sleep->entries, 1, &reason, deadline->ns);
}
