/*
 * Signals that were sent and not yet delivered: a set of numbers, and a queue of what is known
 * about each.
 *
 * Invariant: a number is in the set if and only if something of it is pending.  Ordinary signals
 * (below SIGRTMIN) are queued at most once; real-time signals each time they are sent.  When memory
 * for a queue entry lacks, an ordinary signal stays in the set without information.
 */
#include "config.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "signal/signal_internal.h"

struct queued_signal {
    struct list node;
    struct signal_information information;
};

static struct pool queue_pool =
    POOL_INITIAL("queued signal", struct queued_signal, QUEUED_SIGNALS_MAX);

static struct queued_signal *queued_of(struct list *node)
{
    return LIST_ENTRY(node, struct queued_signal, node);
}

void signal_pending_init(struct signal_pending *pending)
{
    pending->set = 0;
    list_init(&pending->queue);
}

int signal_pending_add(struct signal_pending *pending,
                       const struct signal_information *information)
{
    int number = information->number;
    struct queued_signal *queued;

    if (number < SIGNAL_RTMIN && (pending->set & SIGNAL_BIT(number)))
        return 0;
    queued = pool_allocate(&queue_pool);
    if (!queued && number >= SIGNAL_RTMIN && information->code != CODE_USER)
        return -EAGAIN;
    if (queued) {
        list_init(&queued->node);
        queued->information = *information;
        list_append(&pending->queue, &queued->node);
    }
    pending->set |= SIGNAL_BIT(number);
    return 0;
}

static int next_number(signal_set wanted)
{
    if (wanted & SIGNALS_SYNCHRONOUS)
        wanted &= SIGNALS_SYNCHRONOUS;
    return __builtin_ctzll(wanted) + 1;
}

bool signal_pending_take(struct signal_pending *pending, signal_set blocked,
                         struct signal_information *information)
{
    signal_set wanted = pending->set & ~blocked;
    struct queued_signal *first = NULL;
    bool more = false;

    if (!wanted)
        return false;

    int number = next_number(wanted);

    LIST_FOR_EACH(node, &pending->queue) {
        if (queued_of(node)->information.number != number)
            continue;
        more = first != NULL;
        if (more)
            break;
        first = queued_of(node);
    }
    if (!more)
        pending->set &= ~SIGNAL_BIT(number);
    memset(information, 0, sizeof(*information));
    information->number = number;
    if (first) {
        *information = first->information;
        list_remove(&first->node);
        pool_free(&queue_pool, first);
    }
    return true;
}

void signal_pending_discard(struct signal_pending *pending, signal_set set)
{
    pending->set &= ~set;
    LIST_FOR_EACH_SAFE(node, following, &pending->queue) {
        struct queued_signal *queued = queued_of(node);

        if (set & SIGNAL_BIT(queued->information.number)) {
            list_remove(node);
            pool_free(&queue_pool, queued);
        }
    }
}
