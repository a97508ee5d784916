/*
 * First come, first served, each until it blocks or yields.  For ordinary threads of a run that
 * asks for it: one that never waits keeps all others from its CPU.
 */
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

static void fifo_enqueue(struct runqueue *queue, struct thread *thread, enum enqueue_reason why)
{
    thread->urgent = false;
    if (why == ENQUEUE_PREEMPTED || why == ENQUEUE_LOWERED)    /* by a real-time thread */
        list_prepend(&queue->ready, &thread->run_node);
    else
        list_append(&queue->ready, &thread->run_node);
}

static void fifo_dequeue(struct runqueue *queue, struct thread *thread)
{
    (void)queue;
    list_remove(&thread->run_node);
}

static struct thread *fifo_take_next(struct runqueue *queue)
{
    struct list *node = list_take_first(&queue->ready);

    return node ? LIST_ENTRY(node, struct thread, run_node) : NULL;
}

static uint64_t fifo_slice_end(const struct runqueue *queue, const struct thread *running)
{
    (void)queue;
    (void)running;
    return SLICE_FOREVER;
}

const struct sched_policy policy_fifo = {
    .name = "fifo",
    .enqueue = fifo_enqueue,
    .dequeue = fifo_dequeue,
    .take_next = fifo_take_next,
    .slice_end = fifo_slice_end,
};
