/*
 * The policy of a run with an observer, for threads of all classes: it chooses among all ready
 * threads of the highest priority that there is, at every operation and never because of a time
 * slice.  A thread gives way at once only to one with a higher real-time priority.
 *
 * A thread whose next operation cannot be executed (next_needs) is no candidate.  If that is true
 * of all of them, the first one runs: it will look, and block.
 *
 * The observer's port runs one CPU at a time, so one array serves all of them.
 */
#include "config.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

static struct candidate candidates[THREADS_MAX];
static struct thread *candidate_threads[THREADS_MAX];

static void observed_enqueue(struct runqueue *queue, struct thread *thread,
                             enum enqueue_reason why)
{
    (void)why;
    list_append(&queue->ready, &thread->run_node);
}

static void observed_dequeue(struct runqueue *queue, struct thread *thread)
{
    (void)queue;
    list_remove(&thread->run_node);
}

static bool can_go_on(const struct thread *thread)
{
    return !thread->next_needs ||
           atomic_load_explicit(thread->next_needs, memory_order_relaxed) > 0;
}

/* The highest priority of those that can go on; or the lowest, when the share of real-time threads
 * is used up. */
static uint8_t highest_priority(const struct runqueue *queue)
{
    uint8_t highest = PRIORITY_NORMAL;
    bool others_can = false;

    if (queue->real_time_count == 0)
        return highest;
    LIST_FOR_EACH(node, &queue->ready) {
        const struct thread *thread = LIST_ENTRY(node, struct thread, run_node);

        if (!can_go_on(thread))
            continue;
        others_can = others_can || priority_effective(thread) == PRIORITY_NORMAL;
        if (priority_effective(thread) > highest)
            highest = priority_effective(thread);
    }
    return others_can && runqueue_is_turn_of_others(queue) ? PRIORITY_NORMAL : highest;
}

static unsigned collect(const struct runqueue *queue)
{
    uint8_t highest = highest_priority(queue);
    unsigned count = 0;

    LIST_FOR_EACH(node, &queue->ready) {
        struct thread *thread = LIST_ENTRY(node, struct thread, run_node);

        if (can_go_on(thread) && priority_effective(thread) == highest) {
            ASSERT(count < THREADS_MAX);
            candidate_threads[count++] = thread;
        }
    }
    return count;
}

static const struct candidate *describe(unsigned count)
{
    const struct observer_operations *observer = machine_info()->observer;

    if (observer->looks_at_candidates && !observer->looks_at_candidates())
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        const struct thread *thread = candidate_threads[i];

        candidates[i] = (struct candidate){ thread->id, thread->next_operation };
    }
    return candidates;
}

static struct thread *observed_take_next(struct runqueue *queue)
{
    struct thread *chosen;
    unsigned count;

    if (list_is_empty(&queue->ready))
        return NULL;
    count = collect(queue);
    if (count == 0) {
        chosen = LIST_ENTRY(queue->ready.next, struct thread, run_node);
    } else if (count == 1) {
        chosen = candidate_threads[0];
    } else {
        unsigned index = machine_info()->observer->choose_thread(this_cpu()->current->id,
                                                                 describe(count), count);

        ASSERT(index < count);
        chosen = candidate_threads[index];
    }
    list_remove(&chosen->run_node);
    return chosen;
}

static uint64_t observed_slice_end(const struct runqueue *queue, const struct thread *running)
{
    return highest_priority(queue) > priority_effective(running) ? SLICE_OVER : SLICE_FOREVER;
}

const struct sched_policy policy_observed = {
    .name = "observed",
    .enqueue = observed_enqueue,
    .dequeue = observed_dequeue,
    .take_next = observed_take_next,
    .slice_end = observed_slice_end,
};
