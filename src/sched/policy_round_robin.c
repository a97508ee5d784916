/* Round robin: first come, first served, each for one slice. */
#include "config.h"
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

static void round_robin_enqueue(struct runqueue *queue, struct thread *thread)
{
    list_append(&queue->ready, &thread->run_node);
}

static struct thread *round_robin_take_next(struct runqueue *queue)
{
    struct list *node = list_take_first(&queue->ready);

    return node ? LIST_ENTRY(node, struct thread, run_node) : NULL;
}

const struct sched_policy policy_round_robin = {
    .name = "round robin",
    .slice_ns = TIME_SLICE_NS,
    .enqueue = round_robin_enqueue,
    .take_next = round_robin_take_next,
};
