/*
 * Run queues.
 *
 * Invariants: a thread is on exactly one run queue while it is READY, that of thread->cpu, where it
 * may run, and on none in every other state; the one exception is a thread between two CPUs
 * (placement.c).  (Idle threads are never on one.)  `ready_count` is the number of threads on the
 * queue, `load` the sum of their weights and that of `running`.  Threads with a real-time priority
 * are under the policy `real_time`, all others under `ordinary`; so a thread changes only off the
 * queue.  The former go first, unless they have used up their share of this period.
 */
#include "sched/runqueue.h"

#include "lib/assert.h"
#include "sched/policy.h"
#include "sched/sched_internal.h"
#include "sched/thread.h"

void runqueue_init(struct runqueue *queue, const struct sched_policy *ordinary)
{
    spin_init(&queue->lock, RANK_RUNQUEUE, "run queue");
    queue->ordinary = ordinary;
    queue->real_time = ordinary == &policy_observed ? ordinary : &policy_real_time;
    queue->running = NULL;
    list_init(&queue->ready);
    queue->overtakings = 0;
    for (unsigned level = 0; level <= PRIORITY_MAX; level++)
        list_init(&queue->real_time_queue.threads[level]);
    queue->real_time_queue.levels[0] = queue->real_time_queue.levels[1] = 0;
    fair_queue_init(&queue->fair);
    real_time_share_init(&queue->share);
    queue->real_time_count = 0;
    queue->slice_end_ns = SLICE_FOREVER;
    queue->enqueued = 0;
    atomic_init(&queue->ready_count, 0);
    atomic_init(&queue->load, 0);
    atomic_init(&queue->running_priority, PRIORITY_NORMAL);
    atomic_init(&queue->waiting_priority, PRIORITY_NORMAL);
}

static bool is_real_time(const struct thread *thread)
{
    return priority_effective(thread) != PRIORITY_NORMAL;
}

static const struct sched_policy *policy_of(const struct runqueue *queue,
                                            const struct thread *thread)
{
    return is_real_time(thread) ? queue->real_time : queue->ordinary;
}

uint64_t runqueue_load_of(const struct thread *thread)
{
    return is_real_time(thread) ? LOAD_REAL_TIME : thread->fair.weight;
}

static void load_add(struct runqueue *queue, const struct thread *thread)
{
    atomic_store_explicit(&queue->load, runqueue_load(queue) + runqueue_load_of(thread),
                          memory_order_relaxed);
}

static void load_subtract(struct runqueue *queue, const struct thread *thread)
{
    ASSERT(runqueue_load(queue) >= runqueue_load_of(thread));
    atomic_store_explicit(&queue->load, runqueue_load(queue) - runqueue_load_of(thread),
                          memory_order_relaxed);
}

/* ---- Ready threads ------------------------------------------------------------------------- */

/* The thread has come to the queue (+1) or left it (-1). */
static void count_ready(struct runqueue *queue, const struct thread *thread, int change)
{
    unsigned count = runqueue_ready_count(queue) + (unsigned)change;

    atomic_store_explicit(&queue->ready_count, count, memory_order_relaxed);
    if (is_real_time(thread))
        queue->real_time_count += (unsigned)change;
    ASSERT(queue->real_time_count <= count);
    if (!is_real_time(thread))
        return;

    uint8_t highest = real_time_highest(&queue->real_time_queue);

    if ((highest == PRIORITY_NORMAL) != (queue->waiting_priority == PRIORITY_NORMAL))
        balance_note_waiting(queue->cpu, highest != PRIORITY_NORMAL);
    atomic_store_explicit(&queue->waiting_priority, highest, memory_order_relaxed);
}

void runqueue_enqueue(struct runqueue *queue, struct thread *thread, enum enqueue_reason why)
{
    ASSERT(spin_is_held(&queue->lock));
    ASSERT(thread->state == THREAD_READY);
    ASSERT(!list_is_linked(&thread->run_node));
    ASSERT(queue->running != thread);
    ASSERT(thread->cpu == queue->cpu);
    ASSERT(placement_is_allowed(thread, queue->cpu));
    policy_of(queue, thread)->enqueue(queue, thread, why);
    count_ready(queue, thread, 1);
    load_add(queue, thread);
    queue->enqueued++;
    ASSERT(list_is_linked(&thread->run_node));
}

void runqueue_dequeue(struct runqueue *queue, struct thread *thread)
{
    ASSERT(spin_is_held(&queue->lock));
    ASSERT(thread->state == THREAD_READY);
    ASSERT(list_is_linked(&thread->run_node));
    ASSERT(thread->cpu == queue->cpu);
    ASSERT(runqueue_ready_count(queue) > 0);
    policy_of(queue, thread)->dequeue(queue, thread);
    count_ready(queue, thread, -1);
    load_subtract(queue, thread);
    ASSERT(!list_is_linked(&thread->run_node));
}

/* Threads without a real-time priority, ready or running. */
static bool has_others(const struct runqueue *queue)
{
    return runqueue_ready_count(queue) > queue->real_time_count ||
           (queue->running && !is_real_time(queue->running));
}

static bool has_real_time(const struct runqueue *queue)
{
    return queue->real_time_count > 0 || (queue->running && is_real_time(queue->running));
}

bool runqueue_is_turn_of_others(const struct runqueue *queue)
{
    return has_real_time(queue) && has_others(queue) &&
           real_time_share_is_used_up(&queue->share, machine_time_ns());
}

struct thread *runqueue_take_next(struct runqueue *queue)
{
    ASSERT(spin_is_held(&queue->lock));

    bool is_urgent = queue->real_time_count > 0 && !runqueue_is_turn_of_others(queue);
    struct thread *thread = is_urgent ? queue->real_time->take_next(queue)
                                      : queue->ordinary->take_next(queue);

    ASSERT((thread == NULL) == (queue->ready_count == 0));
    if (!thread)
        return NULL;
    ASSERT(thread->state == THREAD_READY);
    ASSERT(!list_is_linked(&thread->run_node));
    ASSERT(thread->cpu == queue->cpu);
    count_ready(queue, thread, -1);
    load_subtract(queue, thread);
    return thread;
}

/* ---- The running thread -------------------------------------------------------------------- */

void runqueue_begin_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    const struct sched_policy *policy = policy_of(queue, thread);

    ASSERT(spin_is_held(&queue->lock));
    ASSERT(!queue->running);
    ASSERT(thread->state == THREAD_RUNNING);
    ASSERT(thread->cpu == queue->cpu);
    if (policy->begin_run)
        policy->begin_run(queue, thread, now_ns);
    if (is_real_time(thread))
        real_time_share_begin(&queue->share, now_ns);
    queue->running = thread;
    atomic_store_explicit(&queue->running_priority, priority_effective(thread),
                          memory_order_relaxed);
    load_add(queue, thread);
}

void runqueue_end_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    const struct sched_policy *policy = policy_of(queue, thread);

    ASSERT(spin_is_held(&queue->lock));
    ASSERT(queue->running == thread);
    ASSERT(thread->state == THREAD_RUNNING);
    ASSERT(queue->running_priority == priority_effective(thread));    /* changes only in between */
    if (policy->end_run)
        policy->end_run(queue, thread, now_ns);
    if (is_real_time(thread))
        real_time_share_end(&queue->share, now_ns);
    queue->running = NULL;
    atomic_store_explicit(&queue->running_priority, PRIORITY_NORMAL, memory_order_relaxed);
    load_subtract(queue, thread);
}

/* As things are, by the policy of those who run now. */
static uint64_t slice_end_among_equals(const struct runqueue *queue)
{
    unsigned real_time_count = queue->real_time_count;

    if (is_real_time(queue->running))
        return real_time_count > 0 ? queue->real_time->slice_end(queue, queue->running)
                                   : SLICE_FOREVER;
    return runqueue_ready_count(queue) > real_time_count
               ? queue->ordinary->slice_end(queue, queue->running) : SLICE_FOREVER;
}

uint64_t runqueue_slice_end(const struct runqueue *queue)
{
    ASSERT(spin_is_held(&queue->lock));
    if (!queue->running || runqueue_ready_count(queue) == 0)
        return SLICE_FOREVER;
    if (queue->real_time == queue->ordinary)    /* an observer's, which knows who can go on */
        return queue->ordinary->slice_end(queue, queue->running);
    if (!has_real_time(queue) || !has_others(queue))
        return slice_end_among_equals(queue);
    if (is_real_time(queue->running) == runqueue_is_turn_of_others(queue))
        return SLICE_OVER;

    uint64_t change_ns = real_time_share_change_ns(&queue->share, machine_time_ns());
    uint64_t end_ns = slice_end_among_equals(queue);

    return end_ns < change_ns ? end_ns : change_ns;
}

/* ---- Changes ------------------------------------------------------------------------------- */

enum runqueue_place runqueue_change_begin(struct runqueue *queue, struct thread *thread)
{
    ASSERT(spin_is_held(&queue->lock));
    ASSERT(thread->cpu == queue->cpu);
    if (queue->running == thread) {
        runqueue_end_run(queue, thread, machine_time_ns());
        return PLACE_RUNNING;
    }
    if (thread->state != THREAD_READY || !list_is_linked(&thread->run_node))
        return PLACE_ELSEWHERE;
    runqueue_dequeue(queue, thread);
    return PLACE_READY;
}

void runqueue_change_end(struct runqueue *queue, struct thread *thread, enum runqueue_place place,
                         enum enqueue_reason why)
{
    ASSERT(spin_is_held(&queue->lock));
    switch (place) {
    case PLACE_RUNNING:
        runqueue_begin_run(queue, thread, machine_time_ns());
        return;
    case PLACE_READY:
        runqueue_enqueue(queue, thread, why);
        return;
    case PLACE_ELSEWHERE:
        return;
    }
    UNREACHABLE();
}
