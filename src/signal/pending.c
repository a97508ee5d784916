/*
 * Signals that were sent and not yet delivered: a set of numbers, and a queue of what is known
 * about each.
 *
 * Invariant: a number is in the set if and only if something of it is pending.  Ordinary signals
 * (below SIGRTMIN) are queued at most once; real-time signals each time they are sent.  When memory
 * for a queue entry lacks or its user has too many, a signal stays in the set without information,
 * except real-time signals whose sender can be told.
 */
#include "config.h"
#include "fs/user_account.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "signal/signal_internal.h"
#include "signal/timer_signal.h"

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

void signal_pending_link(struct signal_pending *pending, struct queued_signal *queued)
{
    list_append(&pending->queue, &queued->node);
    pending->set |= SIGNAL_BIT(queued->information.number);
}

/* The limit does not hold for what the kernel and kill() say with an ordinary signal. */
static struct queued_signal *create(const struct signal_information *information,
                                    const struct signal_payer *payer)
{
    bool is_unlimited = information->number < SIGNAL_RTMIN && information->code >= 0;
    uint64_t limit = is_unlimited ? LIMIT_INFINITY : payer->limit;
    struct user_account *account =
        user_account_open_charged(payer->user_id, USER_PENDING_SIGNALS, limit);
    struct queued_signal *queued = account ? pool_allocate(&queue_pool) : NULL;

    if (account && !queued)
        user_account_release_charged(account, USER_PENDING_SIGNALS);
    if (!queued)
        return NULL;
    list_init(&queued->node);
    queued->information = *information;
    queued->account = account;
    return queued;
}

/* It is off the queue. */
static void destroy(struct queued_signal *queued)
{
    if (queued->timer) {
        timer_signal_drop(queued->timer);
        return;
    }
    user_account_release_charged(queued->account, USER_PENDING_SIGNALS);
    pool_free(&queue_pool, queued);
}

int signal_pending_add(struct signal_pending *pending,
                       const struct signal_information *information,
                       const struct signal_payer *payer)
{
    int number = information->number;
    struct queued_signal *queued;

    if (number < SIGNAL_RTMIN && (pending->set & SIGNAL_BIT(number)))
        return 0;
    queued = create(information, payer);
    if (queued)
        signal_pending_link(pending, queued);
    else if (number >= SIGNAL_RTMIN && information->code != CODE_USER)
        return -EAGAIN;
    pending->set |= SIGNAL_BIT(number);
    return 0;
}

/* ---- Taking -------------------------------------------------------------------------------- */

static int next_number(signal_set wanted)
{
    if (wanted & SIGNALS_SYNCHRONOUS)
        wanted &= SIGNALS_SYNCHRONOUS;
    return __builtin_ctzll(wanted) + 1;
}

/* The oldest entry of this number; NULL: none.  *more: there is another one. */
static struct queued_signal *find(struct signal_pending *pending, int number, bool *more)
{
    struct queued_signal *first = NULL;

    *more = false;
    LIST_FOR_EACH(node, &pending->queue) {
        if (queued_of(node)->information.number != number)
            continue;
        *more = first != NULL;
        if (*more)
            break;
        first = queued_of(node);
    }
    return first;
}

/* What is in the entry, which goes; a timer's stays with its reference. */
static void take_entry(struct queued_signal *queued, struct signal_taken *taken)
{
    list_remove(&queued->node);
    taken->information = queued->information;
    taken->timer = queued->timer;
    if (!queued->timer)
        destroy(queued);
}

bool signal_pending_take(struct signal_pending *pending, signal_set blocked,
                         struct signal_taken *taken)
{
    signal_set wanted = pending->set & ~blocked;
    bool more;

    if (!wanted)
        return false;

    int number = next_number(wanted);
    struct queued_signal *first = find(pending, number, &more);

    if (!more)
        pending->set &= ~SIGNAL_BIT(number);
    memset(taken, 0, sizeof(*taken));
    taken->information.number = number;
    if (first)
        take_entry(first, taken);
    return true;
}

bool signal_pending_take_fault(struct signal_pending *pending, signal_set blocked,
                               struct signal_taken *taken)
{
    if (!(pending->set & ~blocked & SIGNALS_SYNCHRONOUS))
        return false;
    LIST_FOR_EACH(node, &pending->queue) {
        struct queued_signal *queued = queued_of(node);
        int number = queued->information.number;
        bool more;

        if (queued->information.code <= CODE_USER ||
            !(SIGNAL_BIT(number) & ~blocked & SIGNALS_SYNCHRONOUS))
            continue;
        (void)find(pending, number, &more);
        if (!more)
            pending->set &= ~SIGNAL_BIT(number);
        take_entry(queued, taken);
        return true;
    }
    return false;
}

void signal_pending_discard(struct signal_pending *pending, signal_set set)
{
    if (!(pending->set & set))
        return;
    pending->set &= ~set;
    LIST_FOR_EACH_SAFE(node, following, &pending->queue) {
        struct queued_signal *queued = queued_of(node);

        if (set & SIGNAL_BIT(queued->information.number)) {
            list_remove(node);
            destroy(queued);
        }
    }
}
