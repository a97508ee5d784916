/*
 * Wait queues.
 *
 * Invariants: an entry is linked from wait_entry_add until it is woken or removed, whichever comes
 * first; `woken` is set, once, when a waker unlinks it.  A thread waits for one thing at a time:
 * `waiting_for` is that.  A relay that is pending is in one waker's chain, which has a reference.
 *
 *   waiter                                  waker
 *   sees that there is no data
 *                                           adds data; wakes: the queue is empty
 *   adds its entry, sleeps for ever         <- forbidden: the waiter holds the condition's lock
 *                                              from its look until its entry is on the queue
 *
 *   adds its entry, unlocks; still awake
 *                                           unlinks it, sets `woken`; wakes: it is not blocked
 *   sleeps for ever                         <- forbidden: scheduler_wake leaves a mark for the
 *                                              next scheduler_block (scheduler.c)
 *
 *   deadline passes: leaves, returns
 *                                           has unlinked the entry, touches it and its thread
 *   its stack is used for something else    <- forbidden: the waker does both with the queue
 *                                              locked, and a waiter takes that lock to leave
 */
#include "sync/wait_queue.h"

#include <stddef.h>

#include "debug/trace.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "sched/watch.h"
#include "time/timer.h"

const char *wait_kind_name(enum wait_kind kind)
{
    switch (kind) {
    case WAIT_NONE:
        return "none";
    case WAIT_SLEEP:
        return "sleep";
    case WAIT_MUTEX:
        return "mutex";
    case WAIT_INPUT:
        return "input";
    case WAIT_OUTPUT:
        return "output";
    case WAIT_POLL:
        return "poll";
    case WAIT_CHILD:
        return "child";
    case WAIT_SIGNAL:
        return "signal";
    case WAIT_SEMAPHORE:
        return "semaphore";
    case WAIT_FUTEX:
        return "futex";
    case WAIT_PAGE:
        return "page";
    case WAIT_FILE_LOCK:
        return "file lock";
    case WAIT_SEMAPHORE_ARRAY:
        return "semop";
    case WAIT_EVENT:
        return "event";
    case WAIT_MESSAGES:
        return "messages";
    case WAIT_SOCKET_INPUT:
        return "socket input";
    case WAIT_SOCKET_ROOM:
        return "socket room";
    case WAIT_CONNECTION:
        return "connection";
    case WAIT_SPIN:
        return "spin";
    }
    return "unknown";
}

void wait_queue_init(struct wait_queue *queue)
{
    spin_init(&queue->lock, RANK_WAIT_QUEUE, "wait queue");
    list_init(&queue->waiters);
    queue->external = false;
    queue->may_end = false;
}

void wait_queue_init_external(struct wait_queue *queue)
{
    wait_queue_init(queue);
    queue->external = true;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static void entry_init(struct wait_entry *entry, struct wait_queue *queue, bool is_poll)
{
    list_init(&entry->node);
    entry->thread = current_thread();
    entry->queue = queue;
    entry->is_poll = is_poll;
    entry->is_relay = false;
    atomic_init(&entry->woken, false);
}

static bool entry_is_woken(const struct wait_entry *entry)
{
    return atomic_load_explicit(&entry->woken, memory_order_acquire);
}

static void entry_link(struct wait_entry *entry)
{
    struct wait_queue *queue = entry->queue;

    spin_lock(&queue->lock);
    if (entry->is_poll)
        list_prepend(&queue->waiters, &entry->node);
    else
        list_append(&queue->waiters, &entry->node);
    spin_unlock(&queue->lock);
}

void wait_entry_add(struct wait_entry *entry, struct wait_queue *queue)
{
    entry_init(entry, queue, true);
    entry_link(entry);
}

void wait_entry_add_single(struct wait_entry *entry, struct wait_queue *queue)
{
    entry_init(entry, queue, false);
    entry_link(entry);
}

void wait_entry_remove(struct wait_entry *entry)
{
    if (!entry->queue)
        return;
    ASSERT(entry->thread == current_thread());
    /* Taken even if it is woken already: the waker may still be at work on it. */
    spin_lock(&entry->queue->lock);
    if (list_is_linked(&entry->node))
        list_remove(&entry->node);
    spin_unlock(&entry->queue->lock);
    entry->queue = NULL;
}

/* ---- Relays -------------------------------------------------------------------------------- */

#define RELAY_EVENTS 0x041u    /* what a poll of a relay can say: POLL_READABLE, POLL_READ_NORMAL */

/* Held to look at the queue of an entry whose queue may end, and by whoever ends one. */
static struct spinlock ending_lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE_END, "ends of wait queues");

void wait_relay_init(struct wait_relay *relay)
{
    wait_queue_init(&relay->waiters);
    wait_queue_init(&relay->watchers);
    refcount_init(&relay->references, 1);
    atomic_init(&relay->sleepers, 0);
    atomic_init(&relay->is_pending, false);
    relay->next = NULL;
}

void wait_relay_release(struct wait_relay *relay)
{
    if (!refcount_drop(&relay->references))
        return;
    ASSERT(!atomic_load(&relay->is_pending));
    relay->destroy(relay);
}

void relay_entry_add(struct relay_entry *entry, struct wait_relay *relay,
                     struct wait_queue *queue, bool is_exclusive)
{
    entry->entry = (struct wait_entry){
        .queue = queue, .is_poll = !is_exclusive, .is_relay = true,
    };
    list_init(&entry->entry.node);
    entry->relay = relay;
    entry->is_exclusive = is_exclusive;
    entry->may_end = queue->may_end;
    entry_link(&entry->entry);
}

static void relay_entry_unlink(struct relay_entry *entry)
{
    struct wait_queue *queue = entry->entry.queue;

    if (!queue)
        return;
    spin_lock(&queue->lock);
    list_remove(&entry->entry.node);
    spin_unlock(&queue->lock);
    entry->entry.queue = NULL;
}

void relay_entry_remove(struct relay_entry *entry)
{
    if (!entry->may_end) {
        relay_entry_unlink(entry);
        return;
    }
    spin_lock(&ending_lock);
    relay_entry_unlink(entry);
    spin_unlock(&ending_lock);
}

void wait_queue_end(struct wait_queue *queue)
{
    struct list *node;

    ASSERT(queue->may_end);
    spin_lock(&ending_lock);
    spin_lock(&queue->lock);
    while ((node = list_take_first(&queue->waiters)) != NULL) {
        struct wait_entry *entry = LIST_ENTRY(node, struct wait_entry, node);

        ASSERT(entry->is_relay);
        entry->queue = NULL;
    }
    spin_unlock(&queue->lock);
    spin_unlock(&ending_lock);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

#define POLL_SLACK_PART 1000
#define POLL_SLACK_MAX_NS UINT64_C(100000000)

struct timeout {
    struct timer timer;
    struct thread *thread;
    _Atomic bool passed;
};

static void timeout_expired(struct timer *timer)
{
    struct timeout *timeout = CONTAINER_OF(timer, struct timeout, timer);

    atomic_store_explicit(&timeout->passed, true, memory_order_release);
    (void)scheduler_wake(timeout->thread);
}

static bool any_is_woken(const struct wait_entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (entry_is_woken(&entries[i]))
            return true;
    }
    return false;
}

static bool any_is_external(const struct wait_entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (entries[i].queue && entries[i].queue->external)
            return true;
    }
    return false;
}

static bool is_interrupted(const struct thread *thread)
{
    return !thread->waiting_for.uninterruptible &&
           atomic_load_explicit(&thread->interrupted, memory_order_acquire);
}

/* Each pass looks at all that could end the wait; whatever happens after the look leaves a mark
 * that makes scheduler_block return, so nothing is missed between the look and the sleep. */
static int block_until_over(const struct wait_entry *entries, unsigned count,
                            const struct thread *thread, const struct timeout *timeout)
{
    for (;;) {
        if (any_is_woken(entries, count))
            return 0;
        if (is_interrupted(thread))
            return -EINTR;
        if (atomic_load_explicit(&timeout->passed, memory_order_acquire))
            return -ETIMEDOUT;
        scheduler_block();
    }
}

/* A kernel mutex is named by its address; where the machine put memory is not part of a run. */
static uint64_t object_of(const struct wait_reason *reason)
{
    if (reason->kind != WAIT_MUTEX)
        return reason->object;

    const struct machine_info *info = machine_info();
    size_t ranges = info->memory_range_count;
    uint64_t offset = reason->object - (uintptr_t)info->direct_map;

    if (ranges > 0 && offset < info->memory[ranges - 1].end)
        return offset;
    return reason->object - (uintptr_t)&wait_kind_name;    /* static memory of the kernel */
}

/* How much later than at its deadline the wait may end, as Linux has it: a poll by a thousandth of
 * its time. */
static uint64_t slack(const struct thread *thread, enum wait_kind kind, uint64_t left_ns)
{
    uint64_t estimate_ns = left_ns / POLL_SLACK_PART;

    if (thread_is_real_time(thread))
        return 0;
    if (kind != WAIT_POLL || thread->timer_slack_ns == 0)
        return thread->timer_slack_ns;
    if (estimate_ns > POLL_SLACK_MAX_NS)
        estimate_ns = POLL_SLACK_MAX_NS;
    return estimate_ns > thread->timer_slack_ns ? estimate_ns : thread->timer_slack_ns;
}

static void arm_timeout(struct timeout *timeout, enum wait_kind kind, uint64_t now_ns,
                        uint64_t deadline_ns)
{
    uint64_t latest_ns = deadline_ns + slack(timeout->thread, kind, deadline_ns - now_ns);

    timer_arm_between(&timeout->timer, deadline_ns,
                      latest_ns < deadline_ns ? UINT64_MAX : latest_ns);
}

int wait_entries_wait(struct wait_entry *entries, unsigned count,
                      const struct wait_reason *reason, uint64_t deadline_ns)
{
    struct thread *thread = current_thread();
    struct timeout timeout = { .thread = thread };
    uint64_t now_ns = machine_time_ns();

    scheduler_assert_may_sleep();
    ASSERT(reason->kind != WAIT_NONE);
    ASSERT(thread->waiting_for.kind == WAIT_NONE);
    thread->waiting_for = *reason;
    thread->waiting_for.external = reason->external || any_is_external(entries, count);
    thread->waiting_since_ns = reason->since_ns ? reason->since_ns : now_ns;
    trace_record(TRACE_wait_begin, reason->kind, object_of(reason),
                 reason->owner ? (uint64_t)reason->owner->id : 0);

    timer_init(&timeout.timer, timeout_expired);
    if (deadline_ns <= now_ns)
        timeout.passed = true;
    else if (deadline_ns != WAIT_FOREVER)
        arm_timeout(&timeout, reason->kind, now_ns, deadline_ns);

    if (thread->waiting_for.external)
        watch_external(true);
    watch_blocks(thread);

    int error = block_until_over(entries, count, thread, &timeout);

    if (thread->waiting_for.external)
        watch_external(false);

    if (deadline_ns != WAIT_FOREVER)
        (void)timer_cancel(&timeout.timer);
    thread->waiting_for.kind = WAIT_NONE;
    trace_record(TRACE_wait_end, reason->kind, object_of(reason), (uint64_t)(int64_t)error);
    return error;
}

int wait_queue_wait(struct wait_queue *queue, struct spinlock *lock,
                    const struct wait_reason *reason, uint64_t deadline_ns)
{
    struct wait_entry entry;

    ASSERT(spin_is_held(lock));
    ASSERT(lock->rank < RANK_WAIT_QUEUE);
    wait_entry_add_single(&entry, queue);
    spin_unlock(lock);

    int error = wait_entries_wait(&entry, 1, reason, deadline_ns);

    wait_entry_remove(&entry);
    /* It may have been woken between the decision to leave and the removal.  wake_one has chosen
     * this thread then and no other, so the wake-up must not get lost with an error. */
    if (entry_is_woken(&entry))
        error = 0;
    spin_lock(lock);
    return error;
}

/* ---- Waking -------------------------------------------------------------------------------- */

/* The queue is locked, and stays so until the last access to entry and thread. */
static void entry_wake(struct wait_entry *entry) LOCKS_UNCHECKED
{
    ASSERT(spin_is_held(&entry->queue->lock));
    ASSERT(!entry->is_relay);
    ASSERT(!entry_is_woken(entry));
    list_remove(&entry->node);
    atomic_store_explicit(&entry->woken, true, memory_order_release);
    (void)scheduler_wake(entry->thread);
}

/* Relays to be woken, once each, in order. */
struct relay_chain {
    struct wait_relay *first, *last;
};

/* The queue is locked.  True: somebody waits there, so an exclusive wake-up is used up. */
static bool relay_notify(struct relay_entry *entry, uint32_t events, struct relay_chain *chain)
{
    struct wait_relay *relay = entry->relay;

    if (!relay->notify(entry, events))
        return false;
    if (!atomic_exchange(&relay->is_pending, true)) {
        refcount_take(&relay->references);
        relay->next = NULL;
        if (chain->last)
            chain->last->next = relay;
        else
            chain->first = relay;
        chain->last = relay;
    }
    return atomic_load_explicit(&relay->sleepers, memory_order_relaxed) > 0;
}

static unsigned wake_entries(struct wait_queue *queue, uint32_t events, unsigned waiters_max,
                             struct relay_chain *chain)
{
    unsigned woken = 0;
    unsigned waiters = 0;
    bool exclusive_done = false;

    spin_lock(&queue->lock);
    LIST_FOR_EACH_SAFE(node, following, &queue->waiters) {
        struct wait_entry *entry = LIST_ENTRY(node, struct wait_entry, node);

        if (entry->is_relay) {
            struct relay_entry *relay = CONTAINER_OF(entry, struct relay_entry, entry);

            if (relay->is_exclusive && exclusive_done)
                continue;
            if (relay_notify(relay, events, chain) && relay->is_exclusive)
                exclusive_done = events != 0;
            continue;
        }
        if (!entry->is_poll && waiters++ == waiters_max)
            break;
        entry_wake(entry);
        woken++;
    }
    spin_unlock(&queue->lock);
    return woken;
}

/*
 * Relays are woken when no queue is locked any more, because they have queues of the same rank;
 * and one after the other, so that many that watch each other need no stack.
 *
 *   this waker                               another waker
 *   has the relay in its chain
 *                                            makes a file ready; the relay is pending: leaves it
 *   wakes nobody, because nobody was waiting <- forbidden: it takes the mark back first, and then
 *                                               sees whoever waited before that file was ready
 */
static void wake_relays(struct relay_chain *chain)
{
    while (chain->first) {
        struct wait_relay *relay = chain->first;

        chain->first = relay->next;
        if (!chain->first)
            chain->last = NULL;

        bool was_pending = atomic_exchange(&relay->is_pending, false);

        ASSERT(was_pending);
        (void)wake_entries(&relay->waiters, RELAY_EVENTS, 1, chain);
        (void)wake_entries(&relay->watchers, RELAY_EVENTS, UINT32_MAX, chain);
        wait_relay_release(relay);
    }
}

static unsigned wake(struct wait_queue *queue, uint32_t events, unsigned waiters_max)
{
    struct relay_chain chain = { NULL, NULL };
    unsigned woken = wake_entries(queue, events, waiters_max, &chain);

    if (chain.first)
        wake_relays(&chain);
    return woken;
}

unsigned wait_queue_wake_one(struct wait_queue *queue)
{
    return wake(queue, 0, 1);
}

unsigned wait_queue_wake_all(struct wait_queue *queue)
{
    return wake(queue, 0, UINT32_MAX);
}

unsigned wait_queue_wake_for(struct wait_queue *queue, uint32_t events)
{
    return wake(queue, events, UINT32_MAX);
}

void wait_relay_wake(struct wait_relay *relay)
{
    (void)wait_queue_wake_one(&relay->waiters);
    (void)wait_queue_wake_for(&relay->watchers, RELAY_EVENTS);
}
