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
 * as soon as another one is ready.  When that end is depends on who is ready; so whoever changes
 * that makes the CPU look again, unless it would find nothing earlier than it knows
 * (`slice_end_ns` of the queue).
 */
#include "sched/scheduler.h"

#include "debug/trace.h"
#include "lib/assert.h"
#include "lib/mark.h"
#include "lib/text.h"
#include "sched/choice.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/sched_internal.h"
#include "time/timer.h"

void scheduler_init(void)
{
    unsigned count = machine_info()->cpu_count;

    ASSERT(count >= 1);
    ASSERT(count <= CPUS_MAX);
    ASSERT(machine_cpu_index() == 0);
    for (unsigned cpu = 0; cpu < count; cpu++) {
        idle_init(cpu);
        timer_init_cpu(cpu);
    }
    report_init();
}

int scheduler_choose_policy(const char *name)
{
    static const struct sched_policy *const policies[] = {
        &policy_fair, &policy_round_robin, &policy_fifo,
    };
    const struct sched_policy *chosen = NULL;

    for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (text_equal(policies[i]->name, name))
            chosen = policies[i];
    }
    if (!chosen)
        return -EINVAL;
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++) {
        struct runqueue *queue = &cpu_at(cpu)->runqueue;

        spin_lock(&queue->lock);
        ASSERT(queue->ready_count == 0);
        ASSERT(!queue->running);
        if (queue->ordinary != &policy_observed)
            queue->ordinary = chosen;
        spin_unlock(&queue->lock);
    }
    return 0;
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

struct runqueue *scheduler_lock_queue_of(const struct thread *thread) LOCKS_UNCHECKED
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

/* When the slice of the running thread ends, as things are.  The queue is locked. */
static uint64_t slice_end(const struct per_cpu *cpu) REQUIRES(&cpu->runqueue.lock)
{
    uint64_t end_ns = runqueue_slice_end(&cpu->runqueue);

    /* Somebody waits, perhaps for long: another CPU may have room. */
    if (end_ns == SLICE_FOREVER && cpu->runqueue.running && cpu->runqueue.ready_count > 0 &&
        machine_info()->cpu_count > 1 && !choice_is_observed())
        return atomic_load_explicit(&cpu->balance_at_ns, memory_order_relaxed);
    return end_ns;
}

/* Of this CPU: makes sure that the slice ends in time.  The queue is locked. */
static void set_slice_end(struct per_cpu *cpu) REQUIRES(&cpu->runqueue.lock)
{
    uint64_t end_ns = slice_end(cpu);

    ASSERT(cpu == this_cpu());    /* whose timer it is */
    cpu->runqueue.slice_end_ns = end_ns;
    if (end_ns == SLICE_OVER && cpu->runqueue.running)
        cpu->reschedule = true;
    else
        timer_set_slice_end(end_ns);
}

/* `thread` is what runs on this CPU from now on: its slice begins. */
static void begin_slice(struct per_cpu *cpu, struct thread *thread, uint64_t now_ns)
    REQUIRES(&cpu->runqueue.lock)
{
    if (thread != cpu->idle)
        runqueue_begin_run(&cpu->runqueue, thread, now_ns);
    cpu->reschedule = false;
    set_slice_end(cpu);
}

static void switch_threads(struct per_cpu *cpu, struct thread *next, uint64_t now_ns)
    RELEASES(&cpu->runqueue.lock) LOCKS_UNCHECKED
{
    struct thread *previous = cpu->current;

    ASSERT(previous != next);
    ASSERT(previous->state != THREAD_RUNNING);
    ASSERT(next->state == THREAD_RUNNING);
    ASSERT(cpu->held == &cpu->runqueue.lock);
    ASSERT(cpu->interrupts_off_depth == 1);    /* nothing but the queue is locked */
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

void scheduler_finish_switch(void) LOCKS_UNCHECKED
{
    struct per_cpu *cpu = this_cpu();
    struct thread *previous = cpu->previous;

    ASSERT(!machine_interrupts_enabled());
    ASSERT(previous);
    ASSERT(previous != cpu->current);
    ASSERT(cpu->current->state == THREAD_RUNNING);
    ASSERT(spin_is_held(&cpu->runqueue.lock));
    cpu->previous = NULL;
    /* Looked at before unlocking: a blocked one may run elsewhere, and be gone, right after. */
    bool dead = previous->state == THREAD_DEAD;
    struct thread *moving = cpu->moving;

    ASSERT_IMPLIES(moving != NULL, moving == previous);
    ASSERT_IMPLIES(moving != NULL, moving->state == THREAD_READY);
    cpu->moving = NULL;
    spin_unlock(&cpu->runqueue.lock);
    if (dead)
        thread_reap(previous);
    if (moving)
        placement_send(moving);
}

/* The current thread goes where it belongs in its next state. */
static void leave_running(struct per_cpu *cpu, enum thread_state next_state,
                          enum enqueue_reason why, uint64_t now_ns) REQUIRES(&cpu->runqueue.lock)
{
    struct thread *thread = cpu->current;

    ASSERT(spin_is_held(&cpu->runqueue.lock));
    ASSERT(thread->state == THREAD_RUNNING);
    ASSERT(!cpu->moving);
    if (thread != cpu->idle)
        runqueue_end_run(&cpu->runqueue, thread, now_ns);
    thread_set_state(thread, next_state);
    if (next_state != THREAD_READY || thread == cpu->idle)
        return;
    if (placement_is_allowed(thread, cpu->runqueue.cpu))
        runqueue_enqueue(&cpu->runqueue, thread, why);
    else
        cpu->moving = thread;    /* finish_switch takes it away */
    MARK_IF(cpu->moving, sched_may_not_stay);
}

/* The current thread would sleep, and must not after all.  The queue is locked. */
static bool is_woken(struct thread *thread, enum thread_state next_state)
{
    if (next_state != THREAD_BLOCKED || !thread->wake_pending)
        return false;
    MARK(sched_woken_before_it_slept);
    thread->wake_pending = false;
    return true;
}

void schedule(enum thread_state next_state)
{
    struct per_cpu *cpu = this_cpu();
    struct thread *current = cpu->current;
    enum enqueue_reason why = cpu->yields ? ENQUEUE_YIELDED : ENQUEUE_PREEMPTED;

    cpu->yields = false;
    ASSERT(!machine_interrupts_enabled());
    ASSERT(!cpu->held);
    ASSERT(cpu->interrupt_depth == 0);
    ASSERT_IMPLIES(current == cpu->idle, next_state == THREAD_READY);

    balance_pull(cpu->runqueue.cpu,
                 next_state == THREAD_READY ? priority_effective(current) : PRIORITY_NORMAL);
    spin_lock(&cpu->runqueue.lock);
    if (is_woken(current, next_state)) {
        spin_unlock(&cpu->runqueue.lock);
        return;
    }

    uint64_t now_ns = machine_time_ns();

    leave_running(cpu, next_state, why, now_ns);

    struct thread *next = runqueue_take_next(&cpu->runqueue);

    if (!next)
        next = cpu->idle;
    thread_set_state(next, THREAD_RUNNING);
    begin_slice(cpu, next, now_ns);
    if (next == current) {
        spin_unlock(&cpu->runqueue.lock);
        return;
    }
    if (next_state == THREAD_READY && current != cpu->idle && !cpu->moving)
        placement_offer(current);
    switch_threads(cpu, next, now_ns);
}

/* ---- Giving up the CPU --------------------------------------------------------------------- */

void scheduler_yield(void)
{
    scheduler_assert_may_sleep();

    bool were_on = machine_interrupts_disable();

    this_cpu()->yields = true;
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
    struct per_cpu *cpu = this_cpu();

    ASSERT(!machine_interrupts_enabled());
    /* The idle thread looks by itself, after machine_cpu_idle. */
    if (!cpu->reschedule || cpu->held || cpu->interrupt_depth > 0 || cpu->current == cpu->idle)
        return;
    balance_push(cpu->runqueue.cpu);
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

/* A thread has come to the CPU's queue: does the CPU have to know now?  Not if it is idle and was
 * told of another one already, nor if nothing ends earlier by it.  The queue is locked. */
static bool must_be_told(const struct per_cpu *cpu) REQUIRES(&cpu->runqueue.lock)
{
    if (!cpu->runqueue.running)
        return cpu->runqueue.ready_count == 1;
    return slice_end(cpu) < cpu->runqueue.slice_end_ns;
}

/* Of this CPU: what is ready here or elsewhere has changed, or the current thread has.  The queue
 * is locked. */
static void look_at_queue(struct per_cpu *cpu) REQUIRES(&cpu->runqueue.lock)
{
    const struct thread *running = cpu->runqueue.running;

    if (!running)    /* the idle thread looks by itself */
        return;
    set_slice_end(cpu);
    if (!placement_is_allowed(running, cpu->runqueue.cpu) ||
        balance_should_pull(cpu->runqueue.cpu))
        cpu->reschedule = true;
}

void scheduler_notified(void)
{
    struct per_cpu *cpu = this_cpu();

    spin_lock(&cpu->runqueue.lock);
    look_at_queue(cpu);
    spin_unlock(&cpu->runqueue.lock);
}

void scheduler_look_again(unsigned index)
{
    bool were_on = machine_interrupts_disable();

    if (index == machine_cpu_index())
        scheduler_notified();
    else
        machine_cpu_notify(index);
    machine_interrupts_restore(were_on);
}

void scheduler_tell(unsigned index)
{
    struct per_cpu *cpu = cpu_at(index);

    ASSERT(!machine_interrupts_enabled());
    spin_lock(&cpu->runqueue.lock);
    bool tell = must_be_told(cpu);

    spin_unlock(&cpu->runqueue.lock);
    if (tell)
        scheduler_look_again(index);
}

/* Locks the queues of two CPUs, which may be one. */
void scheduler_lock_pair(unsigned a, unsigned b) LOCKS_UNCHECKED
{
    unsigned first = a < b ? a : b;
    unsigned second = a < b ? b : a;

    spin_lock(&cpu_at(first)->runqueue.lock);
    if (second != first)
        spin_lock_same_rank(&cpu_at(second)->runqueue.lock);
}

void scheduler_unlock_pair(unsigned a, unsigned b) LOCKS_UNCHECKED
{
    if (a != b)
        spin_unlock(&cpu_at(b)->runqueue.lock);
    spin_unlock(&cpu_at(a)->runqueue.lock);
}

/* Both queues locked.  Returns whether the CPU must be told. */
static bool place(struct thread *thread, unsigned cpu, enum enqueue_reason why)
    REQUIRES(&cpu_at(cpu)->runqueue.lock)
{
    struct runqueue *queue = &cpu_at(cpu)->runqueue;

    ASSERT(spin_is_held(&queue->lock));
    thread_set_state(thread, THREAD_READY);
    atomic_store_explicit(&thread->cpu, cpu, memory_order_relaxed);
    runqueue_enqueue(queue, thread, why);
    idle_claim(cpu);
    if (queue->running && queue->real_time_count > 0 &&
        queue->running_priority >= priority_effective(thread))
        placement_offer(thread);
    return must_be_told(cpu_at(cpu));
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
        target = placement_choose(thread, from == THREAD_NEW);
        scheduler_lock_pair(last, target);
        if (atomic_load_explicit(&thread->cpu, memory_order_relaxed) == last &&
            placement_is_allowed(thread, target))
            break;
        scheduler_unlock_pair(last, target);    /* it has moved, or must not go there any more */
    }

    bool made = thread->state == from;

    if (made && from == THREAD_BLOCKED)
        set_urgent(thread);

    bool tell = made && place(thread, target, from == THREAD_NEW ? ENQUEUE_NEW : ENQUEUE_WOKEN);
    bool is_here = target == machine_cpu_index();

    if (!made)
        thread->wake_pending = true;
    if (tell && is_here)
        look_at_queue(cpu_at(target));
    scheduler_unlock_pair(last, target);
    if (tell && !is_here)
        spin_notify(target);
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
