/* Operations that others could notice: see sched/choice.h. */
#include "sched/choice.h"

#include <stddef.h>

#include "debug/trace.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "sched/runqueue.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sched/thread.h"

static void set_next(struct thread *thread, const struct operation *operation,
                     const _Atomic int64_t *needs)
{
    thread->next_operation = *operation;
    thread->next_needs = atomic_load(&thread->interrupted) ? NULL : needs;
    trace_record(TRACE_operation_next,
                 (uint64_t)thread->id << 32 | (uint64_t)operation->call << 16 |
                     (uint64_t)operation->object_kind << 8 | operation->access,
                 operation->object, operation->instruction);
}

void choice_before(const struct operation *operation, const _Atomic int64_t *needs)
{
    if (!choice_is_observed())
        return;
    ASSERT_IMPLIES(needs != NULL, operation->access == OPERATION_TAKE);
    set_next(current_thread(), operation, needs);
    scheduler_yield();
}

void choice_announce(const struct operation *operation, const _Atomic int64_t *needs)
{
    if (!choice_is_observed())
        return;
    ASSERT_IMPLIES(needs != NULL, operation->access == OPERATION_TAKE);
    set_next(current_thread(), operation, needs);
}

void choice_replace(struct thread *thread, const struct operation *operation)
{
    struct runqueue *queue;

    if (!choice_is_observed())
        return;
    queue = scheduler_lock_queue_of(thread);
    spin_lock_taken(&queue->lock);
    if (thread->state != THREAD_RUNNING)
        set_next(thread, operation, NULL);
    spin_unlock(&queue->lock);
}

void choice_possible(struct thread *thread)
{
    struct runqueue *queue;

    if (!choice_is_observed())
        return;
    queue = scheduler_lock_queue_of(thread);
    spin_lock_taken(&queue->lock);
    if (thread->state != THREAD_RUNNING)
        thread->next_needs = NULL;
    spin_unlock(&queue->lock);
}

void choice_give_up(const struct operation *operation)
{
    struct thread *thread = current_thread();
    const struct operation *next = &thread->next_operation;

    if (!choice_is_observed())
        return;
    thread->next_needs = NULL;
    if (next->object_kind == operation->object_kind && next->object == operation->object &&
        next->access == operation->access)
        thread->next_operation = (struct operation){ .object_kind = OBJECT_NONE };
}

void choice_done(const struct operation *operation)
{
    const struct operation done = *operation;    /* it may be the one that is cleared here */

    if (!choice_is_observed())
        return;
    current_thread()->next_operation = (struct operation){ .object_kind = OBJECT_NONE };
    current_thread()->next_needs = NULL;
    trace_record(TRACE_operation, (uint64_t)done.object_kind << 8 | done.access, done.object,
                 done.call);
}

uint64_t choice_number(uint64_t count)
{
    ASSERT(count > 0);
    if (!choice_is_observed())
        return 0;

    uint64_t number = machine_info()->observer->choose_number(count);

    ASSERT(number < count);
    return number;
}
