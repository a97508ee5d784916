/*
 * Counting semaphores.
 *
 * Invariants: without an observer nobody waits while the count is above 0, except a thread that was
 * interrupted and is on its way out.  `waiting` threads are on the list; one that was handed over
 * to is not, nor does it sleep again.  Every waiter has a queue of its own, so that one thread can
 * be chosen; it is touched with the semaphore locked only, and a waiter takes that lock to leave.
 * A removal takes all waiters off the list: when the semaphore begins again, nobody is on it.
 *
 *   signaller                              killer
 *   hands over to the oldest waiter
 *                                          ends that thread's process
 *   the waiter wakes, and dies with it     <- forbidden: a waiter that finds itself interrupted
 *                                             passes on what it was given
 */
#include "sync/semaphore.h"

#include <stddef.h>

#include "debug/trace.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "sched/choice.h"
#include "sched/thread.h"
#include "sched/watch.h"
#include "sync/wait_queue.h"

#define CALL_INSTRUCTION_SIZE 2    /* of `syscall` and of `int 0x80` */

struct semaphore_waiter {
    struct list node;           /* linked until it has been given one, or leaves */
    struct wait_queue queue;    /* for this thread alone */
    struct thread *thread;
    uint64_t since_ns;
    uint64_t arrival;
    uint64_t removals;          /* of the semaphore, when it came */
    uint64_t overtakings;
    bool waited;
    bool given;                 /* by a signal that handed over to it */
};

static int64_t count_of(const struct semaphore *semaphore)
{
    return atomic_load_explicit(&semaphore->count, memory_order_relaxed);
}

static void set_count(struct semaphore *semaphore, int64_t count)
{
    ASSERT(count >= 0);
    atomic_store_explicit(&semaphore->count, count, memory_order_relaxed);
}

/* For timelines and for gdb. */
static void trace_count(const struct semaphore *semaphore)
{
    trace_record(TRACE_semaphore, semaphore->id, (uint64_t)count_of(semaphore), 0);
}

/* Locked, or nobody else's yet. */
static void start_again(struct semaphore *semaphore, int64_t initial)
{
    ASSERT(list_is_empty(&semaphore->waiters));
    semaphore->removed = false;
    semaphore->initial = initial;
    semaphore->statistics = (struct semaphore_statistics){ .is_lock = initial == 1 };
    set_count(semaphore, initial);
    trace_count(semaphore);
}

void semaphore_init(struct semaphore *semaphore, uint64_t id, int64_t initial)
{
    semaphore_init_removed(semaphore, id);
    start_again(semaphore, initial);
}

void semaphore_init_removed(struct semaphore *semaphore, uint64_t id)
{
    *semaphore = (struct semaphore){ .id = id, .removed = true };
    spin_init(&semaphore->lock, RANK_SEMAPHORE, "semaphore");
    list_init(&semaphore->waiters);
    atomic_init(&semaphore->count, 1);
}

static struct semaphore_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct semaphore_waiter, node);
}

static void link_waiter(struct semaphore *semaphore, struct semaphore_waiter *waiter)
{
    ASSERT(waiter->thread == current_thread());
    ASSERT(!waiter->given);
    list_append(&semaphore->waiters, &waiter->node);
    semaphore->waiting++;
}

static void unlink_waiter(struct semaphore *semaphore, struct semaphore_waiter *waiter)
{
    ASSERT(semaphore->waiting > 0);
    list_remove(&waiter->node);
    semaphore->waiting--;
    ASSERT((semaphore->waiting == 0) == list_is_empty(&semaphore->waiters));
}

static bool is_interrupted(const struct thread *thread)
{
    return atomic_load_explicit(&thread->interrupted, memory_order_acquire);
}

/* ---- What reports are made of -------------------------------------------------------------- */

struct semaphore_use semaphore_use_now(const struct thread *thread)
{
    return (struct semaphore_use){
        .thread = thread->id,
        .at_ns = machine_time_ns(),
        .instruction = thread->process ? thread->registers.rip - CALL_INSTRUCTION_SIZE : 0,
    };
}

/* The thread has it from here on, though it may not be running yet. */
static void note_taken(struct semaphore *semaphore, const struct thread *thread)
{
    struct semaphore_statistics *statistics = &semaphore->statistics;

    statistics->acquired = semaphore_use_now(thread);
    statistics->holder = statistics->is_lock ? thread->id : 0;
}

static void note_signal(struct semaphore *semaphore)
{
    struct semaphore_statistics *statistics = &semaphore->statistics;

    statistics->signalled = semaphore_use_now(current_thread());
    statistics->signals++;
    if (statistics->holder != statistics->signalled.thread)
        statistics->is_lock = false;
    statistics->holder = 0;
}

/* Those that came before this one and still wait have been overtaken. */
static void note_overtaking(struct semaphore *semaphore, const struct semaphore_waiter *waiter)
{
    LIST_FOR_EACH(node, &semaphore->waiters) {
        if (waiter_of(node)->arrival >= waiter->arrival)
            return;
        waiter_of(node)->overtakings++;
    }
}

static void note_acquisition(struct semaphore *semaphore, const struct semaphore_waiter *waiter)
{
    struct semaphore_statistics *statistics = &semaphore->statistics;
    uint64_t waited_ns;

    statistics->acquisitions++;
    waited_ns = waiter->waited ? machine_time_ns() - waiter->since_ns : 0;
    thread_acquired(waiter->thread, waited_ns, waiter->overtakings);
    if (!waiter->waited)
        return;
    statistics->waits++;
    statistics->wait_ns += waited_ns;
    if (waited_ns >= statistics->longest_wait_ns) {
        statistics->longest_wait_ns = waited_ns;
        statistics->longest_waiter = waiter->thread->id;
    }
    statistics->overtakings += waiter->overtakings;
    if (waiter->overtakings > statistics->most_overtakings)
        statistics->most_overtakings = waiter->overtakings;
}

void semaphore_report(struct semaphore *semaphore, struct semaphore_report *report)
{
    spin_lock(&semaphore->lock);
    *report = (struct semaphore_report){
        .id = semaphore->id,
        .initial = semaphore->initial,
        .count = semaphore->removed ? 0 : count_of(semaphore),
        .removed = semaphore->removed,
        .waiting = semaphore->waiting,
        .statistics = semaphore->statistics,
    };
    spin_unlock(&semaphore->lock);
}

/* ---- Giving: all with the semaphore locked ------------------------------------------------- */

static void hand_over(struct semaphore *semaphore)
{
    ASSERT(!list_is_empty(&semaphore->waiters));

    struct semaphore_waiter *oldest = waiter_of(semaphore->waiters.next);

    ASSERT(!oldest->given);
    ASSERT(oldest->removals == semaphore->removals);    /* a removal takes all off the list */
    unlink_waiter(semaphore, oldest);
    oldest->given = true;
    note_taken(semaphore, oldest->thread);
    (void)wait_queue_wake_one(&oldest->queue);
}

static void wake_all(struct semaphore *semaphore)
{
    if (!semaphore->any_asleep)
        return;
    semaphore->any_asleep = false;
    LIST_FOR_EACH(node, &semaphore->waiters)
        (void)wait_queue_wake_one(&waiter_of(node)->queue);
}

static void give_one(struct semaphore *semaphore) REQUIRES(&semaphore->lock)
{
    ASSERT(spin_is_held(&semaphore->lock));
    ASSERT(!semaphore->removed);
    if (!choice_is_observed() && !list_is_empty(&semaphore->waiters)) {
        hand_over(semaphore);
        return;
    }
    if (count_of(semaphore) < SEMAPHORE_COUNT_MAX)
        set_count(semaphore, count_of(semaphore) + 1);
    trace_count(semaphore);
    wake_all(semaphore);
}

int semaphore_signal(struct semaphore *semaphore)
{
    int error = 0;

    spin_lock(&semaphore->lock);
    if (semaphore->removed) {
        error = -EIDRM;
    } else {
        note_signal(semaphore);
        give_one(semaphore);
    }
    spin_unlock(&semaphore->lock);
    return error;
}

/* ---- The end, and another beginning -------------------------------------------------------- */

/* Locked.  Whether it was there. */
static bool remove(struct semaphore *semaphore)
{
    if (semaphore->removed)
        return false;
    watch_removed(semaphore);
    semaphore->removed = true;
    semaphore->removals++;
    semaphore->statistics.holder = 0;
    set_count(semaphore, 1);
    LIST_FOR_EACH_SAFE(node, following, &semaphore->waiters) {
        struct semaphore_waiter *waiter = waiter_of(node);

        unlink_waiter(semaphore, waiter);
        choice_possible(waiter->thread);
        (void)wait_queue_wake_one(&waiter->queue);
    }
    ASSERT(semaphore->waiting == 0);
    semaphore->any_asleep = false;
    return true;
}

bool semaphore_remove(struct semaphore *semaphore)
{
    spin_lock(&semaphore->lock);
    bool was_there = remove(semaphore);

    spin_unlock(&semaphore->lock);
    return was_there;
}

bool semaphore_renew(struct semaphore *semaphore, int64_t initial)
{
    spin_lock(&semaphore->lock);
    bool was_there = remove(semaphore);

    start_again(semaphore, initial);
    spin_unlock(&semaphore->lock);
    return was_there;
}

bool semaphore_is_removed(struct semaphore *semaphore)
{
    spin_lock(&semaphore->lock);
    bool removed = semaphore->removed;

    spin_unlock(&semaphore->lock);
    return removed;
}

/* ---- Taking -------------------------------------------------------------------------------- */

static void waiter_init(struct semaphore_waiter *waiter, struct semaphore *semaphore)
{
    *waiter = (struct semaphore_waiter){
        .thread = current_thread(),
        .since_ns = machine_time_ns(),
        .arrival = ++semaphore->arrivals,
        .removals = semaphore->removals,
    };
    list_init(&waiter->node);
    wait_queue_init(&waiter->queue);
}

/* Locked, also on return.  Until there may be something for this thread. */
static void sleep_once(struct semaphore *semaphore, struct semaphore_waiter *waiter)
    REQUIRES(&semaphore->lock)
{
    struct thread *holder = semaphore->statistics.holder
                                ? thread_find(semaphore->statistics.holder) : NULL;
    const struct wait_reason reason = {
        .kind = WAIT_SEMAPHORE,
        .object = semaphore->id,
        .owner = holder,
        .since_ns = waiter->since_ns,    /* before anybody could hand over to it */
    };

    ASSERT(spin_is_held(&semaphore->lock));
    ASSERT(waiter->waited == list_is_linked(&waiter->node));
    if (!waiter->waited)
        link_waiter(semaphore, waiter);
    waiter->waited = true;
    semaphore->any_asleep = true;
    /* The loop of the caller looks at what could have ended the wait. */
    int error = wait_queue_wait(&waiter->queue, &semaphore->lock, &reason, WAIT_FOREVER);

    (void)error;
    if (holder)
        thread_release(holder);
}

/* Locked.  1: not yet; else the result of the wait. */
static int try_take(struct semaphore *semaphore, struct semaphore_waiter *waiter)
    REQUIRES(&semaphore->lock)
{
    bool is_gone = semaphore->removed || waiter->removals != semaphore->removals;

    ASSERT(spin_is_held(&semaphore->lock));
    ASSERT_IMPLIES(waiter->given || is_gone, !list_is_linked(&waiter->node));
    if (is_interrupted(waiter->thread)) {
        if (waiter->given && !is_gone) {
            semaphore->statistics.holder = 0;
            give_one(semaphore);
        }
        return -EINTR;
    }
    if (waiter->given)
        return 0;
    if (is_gone)
        return -EIDRM;
    if (count_of(semaphore) == 0)
        return 1;
    set_count(semaphore, count_of(semaphore) - 1);
    trace_count(semaphore);
    note_taken(semaphore, waiter->thread);
    note_overtaking(semaphore, waiter);
    return 0;
}

/* With an observer: others may take it first, but a wait that cannot be executed is no choice. */
static void give_way(struct semaphore *semaphore, const struct operation *operation)
{
    if (count_of(semaphore) > 0)
        choice_before(operation, &semaphore->count);
    else
        choice_announce(operation, &semaphore->count);
}

int semaphore_wait(struct semaphore *semaphore, const struct operation *operation)
{
    struct semaphore_waiter waiter;
    int result;

    if (operation && choice_is_observed())
        give_way(semaphore, operation);
    spin_lock(&semaphore->lock);
    waiter_init(&waiter, semaphore);
    for (result = try_take(semaphore, &waiter); result > 0;
         result = try_take(semaphore, &waiter))
        sleep_once(semaphore, &waiter);
    if (list_is_linked(&waiter.node))
        unlink_waiter(semaphore, &waiter);
    if (result == 0)
        note_acquisition(semaphore, &waiter);
    spin_unlock(&semaphore->lock);
    if (operation && result == -EINTR)
        choice_give_up(operation);
    else if (operation)
        choice_done(operation);
    return result;
}
