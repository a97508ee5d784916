/*
 * Round robin: the most urgent first; among those that are alike, first come, first served, each for
 * one slice, or, with CLASS_FIFO, for as long as it likes.
 */
#include "config.h"
#include "sched/policy.h"
#include "sched/priority.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

static struct thread *round_robin_take_next(struct runqueue *queue)
{
    struct list *node = list_take_first(&queue->ready);

    return node ? LIST_ENTRY(node, struct thread, run_node) : NULL;
}

static bool round_robin_ends_slice(const struct thread *first, const struct thread *running)
{
    if (priority_preempts(first, running))
        return true;
    return !priority_preempts(running, first) && running->priority.class != CLASS_FIFO;
}

const struct sched_policy policy_round_robin = {
    .name = "round robin",
    .slice_ns = TIME_SLICE_NS,
    .enqueue = priority_enqueue,
    .take_next = round_robin_take_next,
    .ends_slice = round_robin_ends_slice,
    .preempts = priority_preempts,
};
