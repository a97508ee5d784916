/*
 * Advisory locks on ranges of files.
 *
 * A process that would wait in a circle is told so: each holder is followed to what it waits for
 * itself.  As on Linux this holds for locks of processes, not for those of open files.
 *
 * Invariant: the ranges that one owner holds on one inode do not overlap, and neighbours of one
 * kind are one lock.  All locks are on one list, which is short: LOCKS_MAX bounds it.
 */
#include "fs/record_lock.h"

#include <stdatomic.h>

#include "lib/assert.h"
#include "memory/pool.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

#define LOCKS_MAX 4096u
#define CIRCLE_MAX 10u    /* processes that wait for each other, as far as Linux looks */
/* Stands for the file as a whole: no range reaches it, nor ends just before it. */
#define WHOLE_FILE (RECORD_LOCK_END + 2)

struct record_lock {
    struct list node;
    const struct inode *inode;    /* no reference: the owner has the file open */
    const void *owner;
    struct record_range range;
};

/* Who waits, on his stack. */
struct lock_waiter {
    struct list node;
    const struct inode *inode;
    const void *owner;
    const struct record_range *range;
};

static struct {
    struct spinlock lock;         /* RANK_FILE_TABLE */

    /* Protected by `lock`. */
    struct list locks;
    struct list waiters;          /* processes only */

    struct wait_queue changed;    /* woken when a lock is given back */
    _Atomic unsigned count;       /* of `locks`; 0 is the usual case */
} table = {
    .lock = SPINLOCK_INITIAL(RANK_FILE_TABLE, "record locks"),
    .locks = LIST_INITIAL(table.locks),
    .waiters = LIST_INITIAL(table.waiters),
    .changed = {
        .lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE, "record lock waiters"),
        .waiters = LIST_INITIAL(table.changed.waiters),
    },
};

static struct pool lock_pool = POOL_INITIAL("record lock", struct record_lock, LOCKS_MAX);

static struct record_lock *lock_of(struct list *node)
{
    return LIST_ENTRY(node, struct record_lock, node);
}

static bool overlaps(const struct record_range *a, const struct record_range *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static bool is_own(const struct record_lock *lock, const struct inode *inode, const void *owner)
{
    return lock->inode == inode && lock->owner == owner;
}

static struct record_lock *find_conflict(const struct inode *inode, const void *owner,
                                         const struct record_range *range) REQUIRES(&table.lock)
{
    ASSERT(spin_is_held(&table.lock));
    LIST_FOR_EACH(node, &table.locks) {
        struct record_lock *lock = lock_of(node);

        if (lock->inode == inode && lock->owner != owner && overlaps(&lock->range, range) &&
            (lock->range.is_write || range->is_write))
            return lock;
    }
    return NULL;
}

static void insert(struct record_lock *lock) REQUIRES(&table.lock)
{
    list_append(&table.locks, &lock->node);
    atomic_fetch_add_explicit(&table.count, 1, memory_order_relaxed);
}

static void discard(struct record_lock *lock) REQUIRES(&table.lock)
{
    list_remove(&lock->node);
    pool_free(&lock_pool, lock);
    atomic_fetch_sub_explicit(&table.count, 1, memory_order_relaxed);
}

/* Takes the range out of a lock; `spare` becomes its second part if it falls into two. */
static bool cut(struct record_lock *lock, const struct record_range *range,
                struct record_lock *spare) REQUIRES(&table.lock)
{
    bool keeps_start = lock->range.first < range->first;
    bool keeps_end = lock->range.last > range->last;

    if (keeps_start && keeps_end) {
        ASSERT(spare);
        *spare = *lock;
        list_init(&spare->node);
        spare->range.first = range->last + 1;
        insert(spare);
    }
    if (keeps_start)
        lock->range.last = range->first - 1;
    else if (keeps_end)
        lock->range.first = range->last + 1;
    else
        discard(lock);
    return keeps_start && keeps_end;
}

/* The owner has nothing in the range any more.  Returns whether `spare` is used now. */
static bool clear_range(const struct inode *inode, const void *owner,
                        const struct record_range *range, struct record_lock *spare)
    REQUIRES(&table.lock)
{
    bool used = false;

    ASSERT(spin_is_held(&table.lock));
    LIST_FOR_EACH_SAFE(node, following, &table.locks) {
        struct record_lock *lock = lock_of(node);

        /* Only one can contain the whole range, as they do not overlap. */
        if (is_own(lock, inode, owner) && overlaps(&lock->range, range))
            used |= cut(lock, range, spare);
    }
    return used;
}

/* Neighbours of the same kind become part of the new lock. */
static void merge(struct record_lock *new) REQUIRES(&table.lock)
{
    LIST_FOR_EACH_SAFE(node, following, &table.locks) {
        struct record_lock *lock = lock_of(node);

        if (lock == new || !is_own(lock, new->inode, new->owner) ||
            lock->range.is_write != new->range.is_write)
            continue;
        if (lock->range.last + 1 == new->range.first)
            new->range.first = lock->range.first;
        else if (new->range.last + 1 == lock->range.first)
            new->range.last = lock->range.last;
        else
            continue;
        discard(lock);
    }
}

/* What hinders the owner of a lock, if it waits itself. */
static const struct record_lock *what_hinders(const void *owner) REQUIRES(&table.lock)
{
    LIST_FOR_EACH(node, &table.waiters) {
        const struct lock_waiter *waiter = LIST_ENTRY(node, struct lock_waiter, node);

        if (waiter->owner == owner)
            return find_conflict(waiter->inode, owner, waiter->range);
    }
    return NULL;
}

/* Does the holder of this lock wait, perhaps through others, for the owner? */
static bool waits_in_circle(const struct record_lock *lock, const void *owner)
    REQUIRES(&table.lock)
{
    for (unsigned i = 0; lock && i <= CIRCLE_MAX; i++) {
        lock = what_hinders(lock->owner);
        if (lock && lock->owner == owner)
            return true;
    }
    return false;
}

static int wait_for_range(const struct inode *inode, const void *owner,
                          const struct record_range *range, bool wait) REQUIRES(&table.lock)
{
    const struct wait_reason reason = { .kind = WAIT_FILE_LOCK, .object = inode->number };
    struct lock_waiter waiter = { .inode = inode, .owner = owner, .range = range };
    bool is_process = range->process_id > 0;
    const struct record_lock *conflict;
    int error = 0;

    list_init(&waiter.node);
    while (!error && (conflict = find_conflict(inode, owner, range))) {
        if (!wait)
            return -EAGAIN;
        if (is_process && waits_in_circle(conflict, owner))
            return -EDEADLK;
        if (is_process)
            list_append(&table.waiters, &waiter.node);
        error = wait_queue_wait(&table.changed, &table.lock, &reason, WAIT_FOREVER);
        if (is_process)
            list_remove(&waiter.node);
    }
    return error;
}

int record_lock_take(struct inode *inode, const void *owner, const struct record_range *range,
                     bool wait)
{
    struct record_lock *new = pool_allocate(&lock_pool), *spare = pool_allocate(&lock_pool);
    int error = new && spare ? 0 : -ENOLCK;

    if (!error) {
        *new = (struct record_lock){ .inode = inode, .owner = owner, .range = *range };
        list_init(&new->node);
        spin_lock(&table.lock);
        error = wait_for_range(inode, owner, range, wait);
        if (!error) {
            if (clear_range(inode, owner, range, spare))
                spare = NULL;
            insert(new);
            merge(new);
            new = NULL;
        }
        spin_unlock(&table.lock);
    }
    pool_free(&lock_pool, new);
    pool_free(&lock_pool, spare);
    if (!error)
        wait_queue_wake_all(&table.changed);    /* a write lock may have become a read lock */
    return error;
}

int record_lock_drop(struct inode *inode, const void *owner, const struct record_range *range)
{
    struct record_lock *spare = pool_allocate(&lock_pool);

    if (!spare)
        return -ENOLCK;
    spin_lock(&table.lock);
    bool used = clear_range(inode, owner, range, spare);
    spin_unlock(&table.lock);
    if (!used)
        pool_free(&lock_pool, spare);
    wait_queue_wake_all(&table.changed);
    return 0;
}

bool record_lock_find(struct inode *inode, const void *owner, const struct record_range *range,
                      struct record_range *other)
{
    spin_lock(&table.lock);
    const struct record_lock *lock = find_conflict(inode, owner, range);
    if (lock)
        *other = lock->range;
    spin_unlock(&table.lock);
    return lock != NULL;
}

void record_lock_drop_all(struct inode *inode, const void *owner)
{
    const struct record_range everything = { .first = 0, .last = WHOLE_FILE };

    if (atomic_load_explicit(&table.count, memory_order_relaxed) == 0)
        return;
    spin_lock(&table.lock);
    if (clear_range(inode, owner, &everything, NULL))
        UNREACHABLE();
    spin_unlock(&table.lock);
    wait_queue_wake_all(&table.changed);
}

/* ---- Whole files --------------------------------------------------------------------------- */

static bool has_whole(const struct inode *inode, const void *owner, bool is_write)
{
    bool has = false;

    spin_lock(&table.lock);
    LIST_FOR_EACH(node, &table.locks) {
        const struct record_lock *lock = lock_of(node);

        has = has || (is_own(lock, inode, owner) && lock->range.first == WHOLE_FILE &&
                      lock->range.is_write == is_write);
    }
    spin_unlock(&table.lock);
    return has;
}

int whole_lock_take(struct inode *inode, const void *owner, bool is_write, bool wait)
{
    const struct record_range whole = {
        .first = WHOLE_FILE, .last = WHOLE_FILE, .is_write = is_write,
    };
    int error;

    if (has_whole(inode, owner, is_write))
        return 0;
    error = whole_lock_drop(inode, owner);
    return error ? error : record_lock_take(inode, owner, &whole, wait);
}

int whole_lock_drop(struct inode *inode, const void *owner)
{
    const struct record_range whole = { .first = WHOLE_FILE, .last = WHOLE_FILE };

    return record_lock_drop(inode, owner, &whole);
}
