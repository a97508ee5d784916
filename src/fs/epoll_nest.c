/*
 * epolls that watch epolls: never in a circle, and not too many in a row, because polling the first
 * polls the last.
 *
 * A file may wake many epolls that nobody watches, but not so many by way of others: what one event
 * costs has a limit.
 *
 * Only with the lock here does an epoll come to watch another one, so what a look has found about
 * the rows stays true, or becomes shorter, until then.  A look goes through each epoll once.
 */
#include "fs/epoll_internal.h"

static struct {
    struct mutex lock;         /* RANK_EPOLL_NESTING */

    /* Protected by `lock`. */
    uint64_t looks;
    const struct epoll *from;  /* what a row downwards must not come back to */
} nesting;

void epoll_init(void)
{
    mutex_init(&nesting.lock, RANK_EPOLL_NESTING, "epoll nesting");
}

static unsigned larger(unsigned left, unsigned right)
{
    return left > right ? left : right;
}

/* How many epolls are in the longest row below this one; more than the limit: too many. */
static unsigned distance_below(struct epoll *epoll)
{
    unsigned distance = 0;

    if (epoll == nesting.from)
        return EPOLL_NESTING_MAX + 1;
    if (epoll->visited == nesting.looks)
        return epoll->distance;
    mutex_lock_same_rank(&epoll->mutex);
    LIST_FOR_EACH(node, &epoll->nested) {
        const struct epoll_item *item = LIST_ENTRY(node, struct epoll_item, nested);

        distance = larger(distance, 1 + distance_below(epoll_of(item->file)));
        if (distance > EPOLL_NESTING_MAX)
            break;
    }
    mutex_unlock(&epoll->mutex);
    epoll->visited = nesting.looks;
    epoll->distance = distance;
    return distance;
}

/* The same above it, with the lock of all watched files held. */
static unsigned distance_above(struct epoll *epoll)
{
    unsigned distance = 0;

    if (epoll->visited == nesting.looks)
        return epoll->distance;
    for (const struct epoll_item *item = atomic_load(&epoll->file->watchers); item;
         item = item->next)
        distance = larger(distance, 1 + distance_above(item->epoll));
    epoll->visited = nesting.looks;
    epoll->distance = distance;
    return distance;
}

int epoll_nest_begin(struct epoll *epoll, const struct file *target) ACQUIRES(&nesting.lock)
{
    unsigned distance;

    mutex_lock(&nesting.lock);
    if (!file_is_epoll(target))
        return 0;
    nesting.from = epoll;
    nesting.looks++;
    distance = distance_below(epoll_of(target));
    if (distance > EPOLL_NESTING_MAX)
        return -ELOOP;
    nesting.looks++;
    epoll_watching_lock();
    distance += 1 + distance_above(epoll);
    epoll_watching_unlock();
    return distance > EPOLL_NESTING_MAX ? -ELOOP : 0;
}

/* ---- Ways upwards -------------------------------------------------------------------------- */

/* Ways to epolls that nobody watches, by how many others are on them. */
static const unsigned ways_max[EPOLL_NESTING_MAX + 1] = { UINT32_MAX, 500, 100, 50, 10 };

/* The lock of all watched files is held. */
static bool count_ways(const struct file *file, unsigned depth, unsigned *ways)
{
    if (depth > EPOLL_NESTING_MAX)
        return false;
    for (const struct epoll_item *item = atomic_load(&file->watchers); item; item = item->next) {
        const struct file *above = item->epoll->file;

        if (atomic_load(&above->watchers) ? !count_ways(above, depth + 1, ways)
                                          : ++ways[depth] > ways_max[depth])
            return false;
    }
    return true;
}

static bool ways_fit(const struct file *file)
{
    unsigned ways[EPOLL_NESTING_MAX + 1] = { 0 };
    bool fits;

    epoll_watching_lock();
    fits = count_ways(file, 0, ways);
    epoll_watching_unlock();
    return fits;
}

/* For all files that are watched from here downwards. */
static bool ways_below_fit(struct epoll *epoll)
{
    bool fits = true;

    if (epoll->visited == nesting.looks)
        return true;
    epoll->visited = nesting.looks;
    mutex_lock_same_rank(&epoll->mutex);
    for (struct tree_node *node = tree_first(&epoll->items); node && fits; node = tree_next(node)) {
        const struct file *file = TREE_ENTRY(node, struct epoll_item, node)->file;

        fits = file_is_epoll(file) ? ways_below_fit(epoll_of(file)) : ways_fit(file);
    }
    mutex_unlock(&epoll->mutex);
    return fits;
}

bool epoll_nest_fits(struct file *target) REQUIRES(&nesting.lock)
{
    ASSERT(mutex_is_held(&nesting.lock));
    nesting.looks++;
    return file_is_epoll(target) ? ways_below_fit(epoll_of(target)) : ways_fit(target);
}

void epoll_nest_end(void) RELEASES(&nesting.lock)
{
    mutex_unlock(&nesting.lock);
}
