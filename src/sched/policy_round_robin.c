/*
 * Round robin for ordinary threads: first come, first served, each for one slice.
 *
 * A thread that an interrupt woke (it slept until some time, or waited for the world outside) and
 * that slept at least as long as it had run before is urgent: it goes before those that are not,
 * and who runs has a short slice only.  So whoever sleeps most of the time is served in about a
 * millisecond beside any number of threads that compute.  These get at least half of the processor
 * beside one such thread, and beside many of them a turn after OVERTAKINGS_MAX.
 */
#include "config.h"
#include "lib/assert.h"
#include "sched/policy.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

#define OVERTAKINGS_MAX 8    /* in a row; also how far round_robin_enqueue looks */

static struct thread *thread_of(struct list *node)
{
    return LIST_ENTRY(node, struct thread, run_node);
}

static void round_robin_enqueue(struct runqueue *queue, struct thread *thread,
                                enum enqueue_reason why)
{
    struct list *position = queue->ready.next;

    (void)why;
    ASSERT(queue->overtakings <= OVERTAKINGS_MAX);
    if (!thread->urgent || queue->overtakings == OVERTAKINGS_MAX) {
        thread->urgent = false;
        list_append(&queue->ready, &thread->run_node);
        return;
    }
    while (position != &queue->ready && thread_of(position)->urgent)
        position = position->next;
    if (position != &queue->ready)
        queue->overtakings++;
    list_insert_before(position, &thread->run_node);
}

static void round_robin_dequeue(struct runqueue *queue, struct thread *thread)
{
    (void)queue;
    list_remove(&thread->run_node);
}

static struct thread *round_robin_take_next(struct runqueue *queue)
{
    struct list *node = list_take_first(&queue->ready);
    struct thread *thread = node ? thread_of(node) : NULL;

    if (!thread)
        return NULL;
    if (!thread->urgent)
        queue->overtakings = 0;
    thread->urgent = false;
    return thread;
}

static void round_robin_begin_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    (void)queue;
    thread->slice_end_ns = now_ns + TIME_SLICE_NS;
}

static uint64_t round_robin_slice_end(const struct runqueue *queue, const struct thread *running)
{
    ASSERT(!list_is_empty(&queue->ready));    /* see slice_end in policy.h */
    if (thread_of(queue->ready.next)->urgent)
        return running->slice_end_ns - TIME_SLICE_NS + TIME_SLICE_SHORT_NS;
    return running->slice_end_ns;
}

const struct sched_policy policy_round_robin = {
    .name = "rr",
    .slice_ns = TIME_SLICE_NS,
    .enqueue = round_robin_enqueue,
    .dequeue = round_robin_dequeue,
    .take_next = round_robin_take_next,
    .begin_run = round_robin_begin_run,
    .slice_end = round_robin_slice_end,
};
