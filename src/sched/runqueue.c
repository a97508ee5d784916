/*
 * Run queues.
 *
 * Invariant: a thread is on exactly one run queue while it is READY, that of thread->cpu, and on
 * none in every other state.  (Idle threads are never on one.)  `ready_count` is the length.
 */
#include "sched/runqueue.h"

#include "lib/assert.h"
#include "sched/policy.h"
#include "sched/thread.h"

void runqueue_init(struct runqueue *queue, const struct sched_policy *policy)
{
    spin_init(&queue->lock, RANK_RUNQUEUE, "run queue");
    queue->policy = policy;
    list_init(&queue->ready);
    atomic_init(&queue->ready_count, 0);
    queue->overtakings = 0;
    queue->enqueued = 0;
}

void runqueue_enqueue(struct runqueue *queue, struct thread *thread)
{
    ASSERT(spin_is_held(&queue->lock));
    ASSERT(thread->state == THREAD_READY);
    ASSERT(!list_is_linked(&thread->run_node));
    queue->policy->enqueue(queue, thread);
    atomic_fetch_add_explicit(&queue->ready_count, 1, memory_order_relaxed);
    queue->enqueued++;
    ASSERT(list_is_linked(&thread->run_node));
}

struct thread *runqueue_take_next(struct runqueue *queue)
{
    ASSERT(spin_is_held(&queue->lock));

    struct thread *thread = queue->policy->take_next(queue);

    ASSERT((thread == NULL) == (queue->ready_count == 0));
    if (!thread)
        return NULL;
    ASSERT(thread->state == THREAD_READY);
    ASSERT(!list_is_linked(&thread->run_node));
    atomic_fetch_sub_explicit(&queue->ready_count, 1, memory_order_relaxed);
    return thread;
}
