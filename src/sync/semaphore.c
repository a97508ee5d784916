/*
 * Counting semaphores.
 *
 * Invariants: without an observer nobody waits while the count is above 0, except a thread that was
 * interrupted and is on its way out.  Every waiter has a queue of its own, so that one thread can
 * be chosen; it is touched with the semaphore locked only, and a waiter takes that lock to leave.
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
    uint64_t overtakings;
    bool waited;
    bool given;                 /* by a signal that handed over to it */
};

void semaphore_init(struct semaphore *semaphore, uint64_t id, int64_t initial)
{
    ASSERT(initial >= 0);
    *semaphore = (struct semaphore){ .id = id, .initial = initial };
    spin_init(&semaphore->lock, RANK_SEMAPHORE, "semaphore");
    list_init(&semaphore->waiters);
    atomic_init(&semaphore->count, initial);
    semaphore->statistics.is_lock = initial == 1;
    trace_record(TRACE_semaphore, id, (uint64_t)initial, 0);
}

static int64_t count_of(const struct semaphore *semaphore)
{
    return atomic_load_explicit(&semaphore->count, memory_order_relaxed);
}

static void set_count(struct semaphore *semaphore, int64_t count)
{
    ASSERT(spin_is_held(&semaphore->lock));
    ASSERT(count >= 0);
    atomic_store_explicit(&semaphore->count, count, memory_order_relaxed);
}

/* For timelines and for gdb. */
static void trace_count(const struct semaphore *semaphore)
{
    trace_record(TRACE_semaphore, semaphore->id, (uint64_t)count_of(semaphore), 0);
}

static struct semaphore_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct semaphore_waiter, node);
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
        if (waiter_of(node) != waiter && waiter_of(node)->arrival < waiter->arrival)
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
        .statistics = semaphore->statistics,
    };
    LIST_FOR_EACH(node, &semaphore->waiters)
        report->waiting++;
    spin_unlock(&semaphore->lock);
}

/* ---- Giving: all with the semaphore locked ------------------------------------------------- */

static void hand_over(struct semaphore *semaphore)
{
    struct semaphore_waiter *oldest = waiter_of(semaphore->waiters.next);

    ASSERT(!list_is_empty(&semaphore->waiters));
    ASSERT(!oldest->given);
    list_remove(&oldest->node);
    oldest->given = true;
    note_taken(semaphore, oldest->thread);
    (void)wait_queue_wake_one(&oldest->queue);
}

static void wake_all(struct semaphore *semaphore)
{
    LIST_FOR_EACH(node, &semaphore->waiters)
        (void)wait_queue_wake_one(&waiter_of(node)->queue);
}

static void give_one(struct semaphore *semaphore)
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

void semaphore_remove(struct semaphore *semaphore)
{
    spin_lock(&semaphore->lock);
    watch_removed(semaphore);
    semaphore->removed = true;
    semaphore->statistics.holder = 0;
    set_count(semaphore, 1);
    wake_all(semaphore);
    spin_unlock(&semaphore->lock);
}

/* ---- Taking -------------------------------------------------------------------------------- */

static void waiter_init(struct semaphore_waiter *waiter, struct semaphore *semaphore)
{
    *waiter = (struct semaphore_waiter){
        .thread = current_thread(),
        .since_ns = machine_time_ns(),
        .arrival = ++semaphore->arrivals,
    };
    list_init(&waiter->node);
    wait_queue_init(&waiter->queue);
}

/* Locked, also on return.  Until there may be something for this thread. */
static void sleep_once(struct semaphore *semaphore, struct semaphore_waiter *waiter)
{
    struct thread *holder = semaphore->statistics.holder
                                ? thread_find(semaphore->statistics.holder) : NULL;
    const struct wait_reason reason = {
        .kind = WAIT_SEMAPHORE,
        .object = semaphore->id,
        .owner = holder,
    };

    if (!waiter->waited)
        list_append(&semaphore->waiters, &waiter->node);
    waiter->waited = true;
    /* The loop of the caller looks at what could have ended the wait. */
    int error = wait_queue_wait(&waiter->queue, &semaphore->lock, &reason, WAIT_FOREVER);

    (void)error;
    if (holder)
        thread_release(holder);
}

/* Locked.  1: not yet; else the result of the wait. */
static int try_take(struct semaphore *semaphore, struct semaphore_waiter *waiter)
{
    if (is_interrupted(waiter->thread)) {
        if (waiter->given && !semaphore->removed) {
            semaphore->statistics.holder = 0;
            give_one(semaphore);
        }
        return -EINTR;
    }
    if (waiter->given)
        return 0;
    if (semaphore->removed)
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
    if (semaphore->removed && operation) {
        spin_unlock(&semaphore->lock);
        return -EAGAIN;
    }
    waiter_init(&waiter, semaphore);
    for (result = try_take(semaphore, &waiter); result > 0;
         result = try_take(semaphore, &waiter))
        sleep_once(semaphore, &waiter);
    if (list_is_linked(&waiter.node))
        list_remove(&waiter.node);
    if (result == 0)
        note_acquisition(semaphore, &waiter);
    spin_unlock(&semaphore->lock);
    if (operation && result != -EINTR)
        choice_done(operation);
    return result;
}
