/*
 * The scheduler.
 *
 * A switch happens with the CPU's run queue locked from the choice of the next thread until that
 * thread runs (scheduler_finish_switch unlocks).  Whoever holds a thread's run queue lock and sees
 * it BLOCKED or READY therefore knows that its context is saved and its stack is not in use.
 *
 * No wake-up is lost, because a wake-up that finds its thread not yet blocked leaves a mark:
 *
 *   waiter                               waker
 *   condition not true: must sleep
 *                                        makes it true; scheduler_wake: not BLOCKED
 *   becomes BLOCKED, sleeps for ever     <- forbidden: the wake has set wake_pending, under the
 *                                           lock under which the waiter looks at it and blocks
 *
 * Ticks: a slice has an end from the start on, but the timer is armed for it only while another
 * thread is ready on the CPU.  A thread that has been alone for longer than its slice is preempted
 * as soon as another one is ready.
 */
#include "sched/scheduler.h"

#include "debug/trace.h"
#include "lib/assert.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/sched_internal.h"
#include "time/timer.h"

void scheduler_init(void)
{
    unsigned count = machine_info()->cpu_count;

    ASSERT(count >= 1 && count <= CPUS_MAX);
    ASSERT(machine_cpu_index() == 0);
    for (unsigned cpu = 0; cpu < count; cpu++) {
        idle_init(cpu);
        timer_init_cpu(cpu);
    }
    report_init();
}

void scheduler_assert_may_sleep(void)
{
    bool were_on = machine_interrupts_disable();
    const struct per_cpu *cpu = this_cpu();

    if (cpu->held)
        panic("sleeping with %s held", cpu->held->name);
    ASSERT(cpu->interrupt_depth == 0);
    machine_interrupts_restore(were_on);
}

struct runqueue *scheduler_lock_queue_of(const struct thread *thread)
{
    for (;;) {
        unsigned cpu = atomic_load_explicit(&thread->cpu, memory_order_relaxed);
        struct runqueue *queue = &cpu_at(cpu)->runqueue;

        spin_lock(&queue->lock);
        if (atomic_load_explicit(&thread->cpu, memory_order_relaxed) == cpu)
            return queue;
        spin_unlock(&queue->lock);    /* it has moved */
    }
}

/* ---- Switching ----------------------------------------------------------------------------- */

static void activate_address_space(struct per_cpu *cpu, const struct thread *next)
{
    uint64_t root = next->user_address_space;

    if (root == 0 || root == cpu->active_root)
        return;
    __atomic_store_n(&cpu->active_root, root, __ATOMIC_SEQ_CST);    /* see memory/tlb.h */
    machine_address_space_activate(root);
}

/* The queue is locked. */
static bool has_end(const struct runqueue *queue, const struct thread *running)
{
    struct list *first = list_first(&queue->ready);

    if (!first)
        return false;
    return !queue->policy->ends_slice ||
           queue->policy->ends_slice(LIST_ENTRY(first, struct thread, run_node), running);
}

/* When the slice of the running thread ends, as things are; UINT64_MAX: it does not. */
static uint64_t slice_end(const struct runqueue *queue, const struct thread *running)
{
    if (!has_end(queue, running))
        return UINT64_MAX;
    if (LIST_ENTRY(queue->ready.next, struct thread, run_node)->urgent)
        return running->slice_end_ns - queue->policy->slice_ns + queue->policy->short_slice_ns;
    return running->slice_end_ns;
}

/* `thread` is what runs on this CPU from now on: its slice begins. */
static void begin_slice(struct per_cpu *cpu, struct thread *thread, uint64_t now_ns)
{
    thread->slice_end_ns = now_ns + cpu->runqueue.policy->slice_ns;
    cpu->reschedule = false;
    timer_set_slice_end(thread == cpu->idle ? UINT64_MAX : slice_end(&cpu->runqueue, thread));
}

static void switch_threads(struct per_cpu *cpu, struct thread *next, uint64_t now_ns)
{
    struct thread *previous = cpu->current;

    ASSERT(previous != next);
    ASSERT(previous->state != THREAD_RUNNING && next->state == THREAD_RUNNING);
    ASSERT(next == cpu->idle || cpu_at(next->cpu) == cpu);
    ASSERT(!cpu->previous);
    thread_check_stack(previous);
    thread_check_stack(next);
    if (previous->state == THREAD_READY)
        previous->involuntary_switches++;
    else
        previous->voluntary_switches++;
    accounting_stop(previous, now_ns);
    accounting_start(next, now_ns);
    trace_record(TRACE_switch, (uint64_t)previous->id, (uint64_t)next->id, now_ns);
    activate_address_space(cpu, next);
    cpu->previous = previous;
    cpu->current = next;
    machine_context_switch(&previous->context, &next->context);
    scheduler_finish_switch();    /* as whom, and on which CPU, may differ from above */
}

void scheduler_finish_switch(void)
{
    struct per_cpu *cpu = this_cpu();
    struct thread *previous = cpu->previous;

    ASSERT(!machine_interrupts_enabled());
    ASSERT(previous && previous != cpu->current);
    ASSERT(cpu->current->state == THREAD_RUNNING);
    ASSERT(spin_is_held(&cpu->runqueue.lock));
    cpu->previous = NULL;
    /* Looked at before unlocking: a blocked one may run elsewhere, and be gone, right after. */
    bool dead = previous->state == THREAD_DEAD;

    spin_unlock(&cpu->runqueue.lock);
    if (dead)
        thread_reap(previous);
}

/* Moves the current thread out of RUNNING; false if it must not sleep after all. */
static bool leave_running(struct per_cpu *cpu, struct thread *thread, enum thread_state next_state)
{
    ASSERT(spin_is_held(&cpu->runqueue.lock));
    ASSERT(thread->state == THREAD_RUNNING);
    if (next_state == THREAD_BLOCKED && thread->wake_pending) {
        thread->wake_pending = false;
        return false;
    }
    thread_set_state(thread, next_state);
    if (next_state == THREAD_READY && thread != cpu->idle)
        runqueue_enqueue(&cpu->runqueue, thread);
    return true;
}

void schedule(enum thread_state next_state)
{
    struct per_cpu *cpu = this_cpu();
    struct thread *current = cpu->current;

    ASSERT(!machine_interrupts_enabled());
    ASSERT(!cpu->held);
    ASSERT(cpu->interrupt_depth == 0);
    ASSERT_IMPLIES(current == cpu->idle, next_state == THREAD_READY);

    spin_lock(&cpu->runqueue.lock);
    if (!leave_running(cpu, current, next_state)) {
        spin_unlock(&cpu->runqueue.lock);
        return;
    }

    struct thread *next = runqueue_take_next(&cpu->runqueue);
    uint64_t now_ns = machine_time_ns();

    if (!next)
        next = cpu->idle;
    thread_set_state(next, THREAD_RUNNING);
    begin_slice(cpu, next, now_ns);
    if (next == current)
        spin_unlock(&cpu->runqueue.lock);
    else
        switch_threads(cpu, next, now_ns);
}

/* ---- Giving up the CPU --------------------------------------------------------------------- */

void scheduler_yield(void)
{
    scheduler_assert_may_sleep();

    bool were_on = machine_interrupts_disable();

    schedule(THREAD_READY);
    machine_interrupts_restore(were_on);
}

void scheduler_block(void)
{
    bool were_on = machine_interrupts_disable();

    schedule(THREAD_BLOCKED);
    machine_interrupts_restore(were_on);
}

void scheduler_preempt_if_due(void)
{
    const struct per_cpu *cpu = this_cpu();

    ASSERT(!machine_interrupts_enabled());
    /* The idle thread looks by itself, after machine_cpu_idle. */
    if (!cpu->reschedule || cpu->held || cpu->interrupt_depth > 0 || cpu->current == cpu->idle)
        return;
    schedule(THREAD_READY);
}

void scheduler_interrupt_enter(void)
{
    ASSERT(!machine_interrupts_enabled());
    ASSERT(!this_cpu()->held);
    this_cpu()->interrupt_depth++;
}

void scheduler_interrupt_leave(void)
{
    ASSERT(this_cpu()->interrupt_depth > 0);
    this_cpu()->interrupt_depth--;
    scheduler_preempt_if_due();
}

/* ---- Making threads ready ------------------------------------------------------------------ */

/* Would it rather run this thread, which is ready on its queue, than what it runs? */
static bool is_preempted(const struct per_cpu *cpu, const struct thread *ready)
{
    const struct sched_policy *policy = cpu->runqueue.policy;

    return policy->preempts && cpu->current != cpu->idle && policy->preempts(ready, cpu->current);
}

/* Threads are ready on this CPU, so the slice of the current one may have an end now. */
static void look_at_queue(struct per_cpu *cpu)
{
    struct list *first = list_first(&cpu->runqueue.ready);

    if (cpu->current == cpu->idle || !first)
        return;
    if (has_end(&cpu->runqueue, cpu->current))
        timer_set_slice_end(slice_end(&cpu->runqueue, cpu->current));
    if (is_preempted(cpu, LIST_ENTRY(first, struct thread, run_node)))
        cpu->reschedule = true;
}

void scheduler_look_again(unsigned index)
{
    bool were_on = machine_interrupts_disable();
    struct per_cpu *cpu = cpu_at(index);
    bool tell = false;

    spin_lock(&cpu->runqueue.lock);
    if (index == machine_cpu_index())
        look_at_queue(cpu);
    else
        tell = cpu->runqueue.ready_count > 0;
    spin_unlock(&cpu->runqueue.lock);
    if (tell)
        machine_cpu_notify(index);
    machine_interrupts_restore(were_on);
}

void scheduler_notified(void)
{
    struct per_cpu *cpu = this_cpu();

    spin_lock(&cpu->runqueue.lock);
    if (cpu->runqueue.ready_count > 0)
        look_at_queue(cpu);
    spin_unlock(&cpu->runqueue.lock);
}

/* Locks the queues of two CPUs, which may be one. */
void scheduler_lock_pair(unsigned a, unsigned b)
{
    unsigned first = a < b ? a : b;
    unsigned second = a < b ? b : a;

    spin_lock(&cpu_at(first)->runqueue.lock);
    if (second != first)
        spin_lock_same_rank(&cpu_at(second)->runqueue.lock);
}

void scheduler_unlock_pair(unsigned a, unsigned b)
{
    if (a != b)
        spin_unlock(&cpu_at(b)->runqueue.lock);
    spin_unlock(&cpu_at(a)->runqueue.lock);
}

/* Both queues locked.  Returns whether the CPU must be told: if others were ready before, its timer
 * is armed already; but a more urgent thread does not wait for that. */
static bool place(struct thread *thread, unsigned cpu)
{
    struct runqueue *queue = &cpu_at(cpu)->runqueue;

    ASSERT(spin_is_held(&queue->lock));
    ASSERT(spin_is_held(&cpu_at(thread->cpu)->runqueue.lock));
    thread_set_state(thread, THREAD_READY);
    atomic_store_explicit(&thread->cpu, cpu, memory_order_relaxed);
    runqueue_enqueue(queue, thread);
    idle_claim(cpu);
    return queue->ready_count == 1 || thread->urgent || is_preempted(cpu_at(cpu), thread);
}

/* It was blocked and is woken, its queue is locked: see policy_round_robin.c. */
static void set_urgent(struct thread *thread)
{
    uint64_t ran_ns = thread->run_ns - thread->run_at_wake_ns;

    thread->run_at_wake_ns = thread->run_ns;
    thread->urgent = this_cpu()->interrupt_depth > 0 &&
                     machine_time_ns() - thread->waiting_since_ns >= ran_ns;
}

/* Makes the thread ready if it is in state `from`. */
static bool make_ready(struct thread *thread, enum thread_state from)
{
    bool were_on = machine_interrupts_disable();
    unsigned last;
    unsigned target;

    for (;;) {
        last = atomic_load_explicit(&thread->cpu, memory_order_relaxed);
        target = from == THREAD_NEW ? balance_choose_cpu(last) : idle_choose_cpu(last);
        scheduler_lock_pair(last, target);
        if (atomic_load_explicit(&thread->cpu, memory_order_relaxed) == last)
            break;
        scheduler_unlock_pair(last, target);    /* it has moved */
    }

    bool made = thread->state == from;

    if (made && from == THREAD_BLOCKED)
        set_urgent(thread);

    bool tell = made && place(thread, target);

    if (!made)
        thread->wake_pending = true;
    scheduler_unlock_pair(last, target);

    if (tell && target == machine_cpu_index())
        scheduler_look_again(target);
    else if (tell)
        machine_cpu_notify(target);
    machine_interrupts_restore(were_on);
    return made;
}

bool scheduler_wake(struct thread *thread)
{
    return make_ready(thread, THREAD_BLOCKED);
}

void scheduler_start(struct thread *thread)
{
    bool made = make_ready(thread, THREAD_NEW);

    ASSERT(made);
}
