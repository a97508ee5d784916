/*
 * epolls that watch epolls: never in a circle, and not too many in a row, because polling the first
 * polls the last.
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

int epoll_nest_begin(struct epoll *epoll, struct epoll *target)
{
    unsigned distance;

    mutex_lock(&nesting.lock);
    nesting.from = epoll;
    nesting.looks++;
    distance = distance_below(target);
    if (distance > EPOLL_NESTING_MAX)
        return -ELOOP;
    nesting.looks++;
    epoll_watching_lock();
    distance += 1 + distance_above(epoll);
    epoll_watching_unlock();
    return distance > EPOLL_NESTING_MAX ? -ELOOP : 0;
}

void epoll_nest_end(void)
{
    mutex_unlock(&nesting.lock);
}
