/*
 * Round robin: the highest priority first; among those that are alike, first come, first served,
 * each for one slice, or, with CLASS_FIFO, for as long as it likes.
 *
 * A thread that an interrupt woke (it slept until some time, or waited for the world outside) and
 * that slept at least as long as it had run before is urgent: it goes before those of its priority
 * that are not, and who runs has a short slice only.  So whoever sleeps most of the time is served
 * in about a millisecond beside any number of threads that compute.  These get at least half of the
 * processor beside one such thread, and beside many of them a turn after OVERTAKINGS_MAX.
 */
#include "config.h"
#include "sched/policy.h"
#include "sched/priority.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

#define OVERTAKINGS_MAX 8    /* in a row; also how far round_robin_enqueue looks */

static bool goes_before(const struct thread *ready, const struct thread *urgent)
{
    return priority_preempts(ready, urgent) ||
           (ready->urgent && !priority_preempts(urgent, ready));
}

static void round_robin_enqueue(struct runqueue *queue, struct thread *thread)
{
    struct list *position = queue->ready.next;

    if (!thread->urgent || queue->overtakings == OVERTAKINGS_MAX) {
        thread->urgent = false;
        priority_enqueue(queue, thread);
        return;
    }
    while (position != &queue->ready &&
           goes_before(LIST_ENTRY(position, struct thread, run_node), thread))
        position = position->next;
    if (position != &queue->ready)
        queue->overtakings++;
    list_insert_before(position, &thread->run_node);
}

static struct thread *round_robin_take_next(struct runqueue *queue)
{
    struct list *node = list_take_first(&queue->ready);
    struct thread *thread = node ? LIST_ENTRY(node, struct thread, run_node) : NULL;

    if (!thread)
        return NULL;
    if (!thread->urgent)
        queue->overtakings = 0;
    thread->urgent = false;
    return thread;
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
    .short_slice_ns = TIME_SLICE_SHORT_NS,
    .enqueue = round_robin_enqueue,
    .take_next = round_robin_take_next,
    .ends_slice = round_robin_ends_slice,
    .preempts = priority_preempts,
};
