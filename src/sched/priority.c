/*
 * What priorities, classes and nice values do to the run queues.
 *
 * Invariant: the place of a thread on its run queue, and what it adds to the queue's sums, is that
 * of its effective priority, class and weight.  So who changes one of these takes the thread off
 * the queue and puts it back; also the running one, which may come under another policy by it.
 * The effective priority is never below the thread's own.
 */
#include "sched/priority.h"

#include "config.h"
#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sync/pi_mutex.h"

uint8_t priority_effective(const struct thread *thread)
{
    return __atomic_load_n(&thread->priority.effective, __ATOMIC_RELAXED);
}

static uint32_t weight_of(const struct scheduling *setting)
{
    return setting->class == CLASS_IDLE ? FAIR_WEIGHT_IDLE : fair_weight_of_nice(setting->nice);
}

void priority_get(const struct thread *thread, struct scheduling *setting)
{
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    const struct priority *priority = &thread->priority;

    spin_lock_taken(&queue->lock);
    *setting = (struct scheduling){
        .class = priority->class,
        .own = priority->own,
        .nice = priority->nice,
        .reset_on_fork = priority->reset_on_fork,
    };
    spin_unlock(&queue->lock);
}

/* The thread is off its queue. */
static void write_setting(struct thread *thread, const struct scheduling *setting)
{
    struct priority *priority = &thread->priority;

    ASSERT(!list_is_linked(&thread->run_node));
    priority->class = setting->class;
    priority->own = setting->own;
    priority->nice = setting->nice;
    priority->reset_on_fork = setting->reset_on_fork;
    thread->quantum_left_ns = 0;
    fair_set_weight(&thread->fair, weight_of(setting));
}

void priority_write(struct thread *thread, const struct scheduling *setting, uint8_t effective)
{
    struct runqueue *queue = scheduler_lock_queue_of(thread);

    spin_lock_taken(&queue->lock);

    bool is_lowered = effective < priority_effective(thread);
    enum runqueue_place place = runqueue_change_begin(queue, thread);

    if (setting)
        write_setting(thread, setting);
    ASSERT(effective >= thread->priority.own);    /* to lend never lowers */
    ASSERT(effective <= PRIORITY_MAX);
    __atomic_store_n(&thread->priority.effective, effective, __ATOMIC_RELAXED);
    runqueue_change_end(queue, thread, place, is_lowered ? ENQUEUE_LOWERED : ENQUEUE_RAISED);

    unsigned cpu = atomic_load_explicit(&thread->cpu, memory_order_relaxed);

    spin_unlock(&queue->lock);
    if (place != PLACE_ELSEWHERE)
        scheduler_look_again(cpu);
}

void priority_set_effective(struct thread *thread, uint8_t effective)
{
    priority_write(thread, NULL, effective);
}

void priority_change(struct thread *thread, const struct scheduling *setting)
{
    ASSERT(setting->own <= PRIORITY_MAX);
    ASSERT((setting->own != PRIORITY_NORMAL) == class_is_real_time(setting->class));
    pi_thread_change(thread, setting);
}

void priority_set_own(struct thread *thread, enum scheduling_class class, uint8_t own)
{
    struct scheduling setting;

    priority_get(thread, &setting);
    setting.class = (uint8_t)class;
    setting.own = own;
    priority_change(thread, &setting);
}

void priority_inherit(struct thread *thread)
{
    const struct thread *from = current_thread();
    struct scheduling setting;

    ASSERT(thread->state == THREAD_NEW);
    ASSERT(!thread->priority.lent.root);
    priority_get(from, &setting);
    if (setting.reset_on_fork) {
        if (class_is_real_time(setting.class))
            setting = (struct scheduling){ .class = CLASS_OTHER };
        else if (setting.nice < 0)
            setting.nice = 0;
        setting.reset_on_fork = false;
    }
    write_setting(thread, &setting);
    thread->priority.effective = setting.own;
    atomic_store_explicit(&thread->cpus, atomic_load_explicit(&from->cpus, memory_order_relaxed),
                          memory_order_relaxed);
}

uint64_t priority_slice_ns(const struct thread *thread)
{
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    uint64_t slice_ns = queue->ordinary->slice_ns;

    spin_lock_taken(&queue->lock);
    if (class_is_real_time(thread->priority.class))
        slice_ns = thread->priority.class == CLASS_ROUND_ROBIN ? REAL_TIME_QUANTUM_NS : 0;
    spin_unlock(&queue->lock);
    return slice_ns;
}
