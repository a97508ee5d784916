/*
 * What priorities do to the run queues.
 *
 * Invariant: the threads of a queue in round-robin order are sorted by effective priority.  So who
 * changes that of a thread which is READY takes it off the queue and puts it back.
 */
#include "sched/priority.h"

#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sync/pi_mutex.h"

uint8_t priority_effective(const struct thread *thread)
{
    return __atomic_load_n(&thread->priority.effective, __ATOMIC_RELAXED);
}

bool priority_preempts(const struct thread *ready, const struct thread *running)
{
    return priority_effective(ready) > priority_effective(running);
}

void priority_enqueue(struct runqueue *queue, struct thread *thread)
{
    struct list *position = &queue->ready;

    ASSERT(spin_is_held(&queue->lock));
    /* From the end, so that it costs nothing where all are alike. */
    while (position->previous != &queue->ready &&
           priority_preempts(thread, LIST_ENTRY(position->previous, struct thread, run_node)))
        position = position->previous;
    list_insert_before(position, &thread->run_node);
}

void priority_set_effective(struct thread *thread, uint8_t effective)
{
    struct runqueue *queue = scheduler_lock_queue_of(thread);

    __atomic_store_n(&thread->priority.effective, effective, __ATOMIC_RELAXED);
    if (thread->state == THREAD_READY && list_is_linked(&thread->run_node)) {
        list_remove(&thread->run_node);
        queue->policy->enqueue(queue, thread);
    }

    unsigned cpu = atomic_load_explicit(&thread->cpu, memory_order_relaxed);

    spin_unlock(&queue->lock);
    scheduler_look_again(cpu);
}

void priority_set_own(struct thread *thread, enum scheduling_class class, uint8_t own)
{
    ASSERT(own <= PRIORITY_MAX);
    ASSERT((own != PRIORITY_NORMAL) == class_is_real_time((uint8_t)class));
    pi_thread_change(thread, (uint8_t)class, own);
}

void priority_inherit(struct thread *thread)
{
    const struct priority *from = &current_thread()->priority;

    ASSERT(thread->state == THREAD_NEW);
    if (from->reset_on_fork && class_is_real_time(from->class))
        return;
    thread->priority.class = from->class;
    thread->priority.own = from->own;
    thread->priority.effective = from->own;
    thread->priority.reset_on_fork = false;
}
