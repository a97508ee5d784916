/*
 * Waiting on a word and waking those who wait.
 *
 *   waiter                          waker
 *   reads word == 1
 *                                   word = 0; looks for waiters: none
 *   enqueues, sleeps for ever       <- forbidden: the word is read with the bucket locked, and the
 *                                      waker takes the same lock after its store.
 *
 * The word is read through the page table and the direct map, because nothing may sleep with the
 * bucket locked.  If its page is not there, the lock is given back, the page brought in, and all
 * begins anew.
 *
 * Invariant: a waiter is on its bucket's list from enqueue until it is woken or gives up, and only
 * then; it lives on the stack of its thread, which leaves only with the bucket locked.
 */
#include "futex/futex.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/list.h"
#include "memory/page.h"
#include "memory/page_table.h"
#include "memory/user_memory.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

#define BUCKETS 256    /* a power of two */

struct futex_bucket {
    struct spinlock lock;      /* RANK_FUTEX */

    /* Protected by `lock`. */
    struct list waiters;       /* oldest first */
};

struct futex_waiter {
    struct list node;
    const struct futex_request *request;
    struct wait_queue queue;
    bool woken;
};

static struct futex_bucket buckets[BUCKETS];

void futex_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        spin_init(&buckets[i].lock, RANK_FUTEX, "futex bucket");
        list_init(&buckets[i].waiters);
    }
}

/* By the word's address only: pointers of the kernel must not decide about anything. */
static struct futex_bucket *bucket_lock(user_address word)
{
    uint64_t mixed = (word / sizeof(uint32_t)) * UINT64_C(0x9e3779b97f4a7c15);
    struct futex_bucket *bucket = &buckets[mixed >> 56];

    _Static_assert(BUCKETS == 256, "the highest eight bits choose");
    spin_lock(&bucket->lock);
    return bucket;
}

static int check_request(const struct futex_request *request)
{
    if (request->bits == 0 || !is_aligned(request->word, sizeof(uint32_t)))
        return -EINVAL;
    return request->word < USER_SPACE_END ? 0 : -EFAULT;
}

/* Without sleeping; false: its page is not there. */
static bool read_word(const struct futex_request *request, uint32_t *value)
{
    user_address start, end;
    uint64_t entry = page_table_lookup(address_space_root(request->space), request->word, 0, &start,
                                       &end);

    if (!(entry & ENTRY_PRESENT))
        return false;

    physical_address word = (entry & ENTRY_ADDRESS) + request->word % PAGE_SIZE;

    *value = atomic_load((_Atomic uint32_t *)(void *)(machine_info()->direct_map + word));
    return true;
}

/* Locks the bucket when the word is there and holds `expected`; -EAGAIN, -EFAULT. */
static int lock_if_expected(const struct futex_request *request, uint32_t expected,
                            struct futex_bucket **locked)
{
    for (;;) {
        struct futex_bucket *bucket = bucket_lock(request->word);
        uint32_t value;

        if (read_word(request, &value)) {
            *locked = bucket;
            if (value == expected)
                return 0;
            spin_unlock(&bucket->lock);
            return -EAGAIN;
        }
        spin_unlock(&bucket->lock);
        if (user_copy_in(request->space, &value, request->word, sizeof(value)) != 0)
            return -EFAULT;
    }
}

int futex_wait(const struct futex_request *request, uint32_t expected, uint64_t deadline_ns)
{
    const struct wait_reason reason = { .kind = WAIT_FUTEX, .object = request->word };
    struct futex_waiter waiter = { .request = request };
    struct futex_bucket *bucket;
    int error = check_request(request);

    if (!error)
        error = lock_if_expected(request, expected, &bucket);
    if (error)
        return error;
    list_init(&waiter.node);
    wait_queue_init(&waiter.queue);
    list_append(&bucket->waiters, &waiter.node);
    while (!waiter.woken && !error)
        error = wait_queue_wait(&waiter.queue, &bucket->lock, &reason, deadline_ns);
    if (waiter.woken)
        error = 0;    /* also when the time was up just then: the waker has counted it */
    else
        list_remove(&waiter.node);
    spin_unlock(&bucket->lock);
    return error;
}

static bool is_wanted(const struct futex_waiter *waiter, const struct futex_request *request)
{
    return waiter->request->space == request->space && waiter->request->word == request->word &&
           (waiter->request->bits & request->bits) != 0;
}

int64_t futex_wake(const struct futex_request *request, uint32_t count)
{
    struct futex_bucket *bucket;
    uint32_t woken = 0;
    int error = check_request(request);

    if (error)
        return error;
    if (count == 0)
        count = 1;
    bucket = bucket_lock(request->word);
    LIST_FOR_EACH_SAFE(node, following, &bucket->waiters) {
        struct futex_waiter *waiter = LIST_ENTRY(node, struct futex_waiter, node);

        if (woken == count)
            break;
        if (!is_wanted(waiter, request))
            continue;
        list_remove(node);
        waiter->woken = true;
        (void)wait_queue_wake_all(&waiter->queue);
        woken++;
    }
    spin_unlock(&bucket->lock);
    return woken;
}
