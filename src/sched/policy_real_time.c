/*
 * Threads with a real-time priority: the highest one runs, and among those that are alike whoever
 * came first.
 *
 * SCHED_FIFO runs until it blocks, yields, or something higher is ready; SCHED_RR gives way to
 * others of its priority when it has used its quantum, also in several pieces.  A thread of another
 * class that is lent a priority (sync/pi_mutex.h) is treated like SCHED_FIFO.
 *
 * Which end of its list a thread goes to, as POSIX and Linux have it:
 *
 *   it was preempted, and its quantum is not used up     head: it goes on before its equals
 *   its quantum is used up, it yielded, was woken        tail
 *   its priority was lowered                             head
 *   its priority was raised, its class has changed       tail
 *   it came from another CPU                             tail
 *
 * All of it is done in constant time: a list for each priority, and a bit for each list that is not
 * empty.  A thread is on the list of its effective priority, which changes off the queue only.
 */
#include "config.h"
#include "lib/assert.h"
#include "sched/policy.h"
#include "sched/priority.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

static bool has_quantum(const struct thread *thread)
{
    return thread->priority.class == CLASS_ROUND_ROBIN;
}

static bool goes_to_head(const struct thread *thread, enum enqueue_reason why)
{
    switch (why) {
    case ENQUEUE_PREEMPTED:
        return !has_quantum(thread) || thread->quantum_left_ns > 0;
    case ENQUEUE_LOWERED:
        return true;
    case ENQUEUE_NEW:
    case ENQUEUE_WOKEN:
    case ENQUEUE_YIELDED:
    case ENQUEUE_MOVED:
    case ENQUEUE_RAISED:
        return false;
    }
    UNREACHABLE();
}

static void real_time_enqueue(struct runqueue *queue, struct thread *thread,
                              enum enqueue_reason why)
{
    struct real_time_queue *all = &queue->real_time_queue;
    uint8_t level = priority_effective(thread);

    ASSERT(level > PRIORITY_NORMAL);
    ASSERT(level <= PRIORITY_MAX);
    if (goes_to_head(thread, why))
        list_prepend(&all->threads[level], &thread->run_node);
    else
        list_append(&all->threads[level], &thread->run_node);
    bitmap_set(all->levels, level);
}

static void real_time_dequeue(struct runqueue *queue, struct thread *thread)
{
    struct real_time_queue *all = &queue->real_time_queue;
    uint8_t level = priority_effective(thread);

    ASSERT(bitmap_test(all->levels, level));    /* it is on that list, so this is not empty */
    list_remove(&thread->run_node);
    if (list_is_empty(&all->threads[level]))
        bitmap_clear(all->levels, level);
}

static struct thread *real_time_take_next(struct runqueue *queue)
{
    uint8_t level = real_time_highest(&queue->real_time_queue);

    if (level == PRIORITY_NORMAL)
        return NULL;
    ASSERT(!list_is_empty(&queue->real_time_queue.threads[level]));

    struct thread *thread = LIST_ENTRY(queue->real_time_queue.threads[level].next, struct thread,
                                       run_node);

    real_time_dequeue(queue, thread);
    return thread;
}

static void real_time_begin_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    (void)queue;
    if (!has_quantum(thread))
        return;
    ASSERT(thread->quantum_left_ns <= REAL_TIME_QUANTUM_NS);
    if (thread->quantum_left_ns == 0)
        thread->quantum_left_ns = REAL_TIME_QUANTUM_NS;
    thread->slice_end_ns = now_ns + thread->quantum_left_ns;
}

static void real_time_end_run(struct runqueue *queue, struct thread *thread, uint64_t now_ns)
{
    (void)queue;
    if (has_quantum(thread))
        thread->quantum_left_ns = thread->slice_end_ns > now_ns ? thread->slice_end_ns - now_ns : 0;
}

static uint64_t real_time_slice_end(const struct runqueue *queue, const struct thread *running)
{
    uint8_t level = real_time_highest(&queue->real_time_queue);

    if (level > priority_effective(running))
        return SLICE_OVER;
    if (level < priority_effective(running) || !has_quantum(running))
        return SLICE_FOREVER;
    return running->slice_end_ns;
}

const struct sched_policy policy_real_time = {
    .name = "real time",
    .enqueue = real_time_enqueue,
    .dequeue = real_time_dequeue,
    .take_next = real_time_take_next,
    .begin_run = real_time_begin_run,
    .end_run = real_time_end_run,
    .slice_end = real_time_slice_end,
};
