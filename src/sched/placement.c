/*
 * Where threads run: the choice of a CPU for one that has become ready, and the CPUs where it may
 * run at all.
 *
 * The CPUs of a thread (`cpus`) are written with the run queue of thread->cpu locked.  A READY
 * thread is only ever on the queue of a CPU where it may run, so whoever moves one looks with both
 * queues locked; whoever takes one away from a thread moves it if it is ready.  One that runs moves
 * itself:
 *
 *   its CPU                                another CPU
 *   runs it
 *                                          takes that CPU from its set; it runs: tells its CPU
 *   schedule(): it would be READY here     <- forbidden: it may not.  It goes on no queue, and when
 *                                             the next thread runs (so that its context is saved
 *                                             and its stack free), placement_send puts it where it
 *                                             may run
 *
 * In between it is READY and on no queue: nobody can take it, and who changes it leaves it alone.
 */
#include "lib/assert.h"
#include "lib/container.h"
#include "machine/machine.h"
#include "sched/choice.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"

static uint64_t bit_of(unsigned cpu)
{
    return UINT64_C(1) << cpu;
}

static uint64_t all_cpus(void)
{
    return UINT64_MAX >> (64 - machine_info()->cpu_count);
}

uint64_t thread_cpus(const struct thread *thread)
{
    return atomic_load_explicit(&thread->cpus, memory_order_relaxed) & all_cpus();
}

bool placement_is_allowed(const struct thread *thread, unsigned cpu)
{
    return thread_cpus(thread) & bit_of(cpu);
}

/* ---- Choosing ------------------------------------------------------------------------------ */

static unsigned running_priority(unsigned cpu)
{
    return atomic_load_explicit(&cpu_at(cpu)->runqueue.running_priority, memory_order_relaxed);
}

/* Of these CPUs the one that runs the least urgent thread: `last` if no other is better. */
static unsigned find_least_urgent(unsigned last, uint64_t allowed)
{
    unsigned best = last;

    for (uint64_t rest = allowed; rest; rest &= rest - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(rest);

        if (!(allowed & bit_of(best)) || running_priority(cpu) < running_priority(best))
            best = cpu;
    }
    return best;
}

static unsigned find_least_loaded(unsigned last, uint64_t allowed)
{
    unsigned best = last;

    for (uint64_t rest = allowed; rest; rest &= rest - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(rest);

        if (!(allowed & bit_of(best)) ||
            runqueue_load(&cpu_at(cpu)->runqueue) < runqueue_load(&cpu_at(best)->runqueue))
            best = cpu;
    }
    return best;
}

unsigned placement_choose(const struct thread *thread, bool is_new)
{
    unsigned last = atomic_load_explicit(&thread->cpu, memory_order_relaxed);

    if (machine_info()->cpu_count == 1)
        return last;

    uint64_t allowed = thread_cpus(thread);

    ASSERT(allowed != 0);

    uint64_t started = allowed & (idle_started_cpus() | bit_of(last));
    unsigned idle = idle_choose_cpu(last, allowed);

    if (idle < CPUS_MAX)
        return idle;
    if (started == 0)    /* it waits for one to come up */
        started = allowed;
    if (priority_effective(thread) != PRIORITY_NORMAL && !choice_is_observed())
        return find_least_urgent(last, started);
    return is_new || !(allowed & bit_of(last)) ? find_least_loaded(last, started) : last;
}

void placement_offer(const struct thread *thread) LOCKS_UNCHECKED
{
    uint64_t allowed = thread_cpus(thread);
    unsigned self = machine_cpu_index();
    unsigned other;

    if (machine_info()->cpu_count == 1 || choice_is_observed() || allowed == bit_of(self))
        return;
    ASSERT(spin_is_held(&cpu_at(thread->cpu)->runqueue.lock));
    ASSERT(thread->state == THREAD_READY);
    ASSERT(list_is_linked(&thread->run_node));
    other = idle_choose_cpu(self, allowed & ~bit_of(self));
    if (other == CPUS_MAX && priority_effective(thread) != PRIORITY_NORMAL) {
        other = find_least_urgent(self, allowed & idle_started_cpus());
        if (running_priority(other) >= priority_effective(thread))
            other = CPUS_MAX;
    }
    if (other != CPUS_MAX && other != self)
        machine_cpu_notify(other);
}

void placement_send(struct thread *thread)
{
    unsigned from = atomic_load_explicit(&thread->cpu, memory_order_relaxed);
    unsigned to;

    ASSERT(!machine_interrupts_enabled());
    for (;;) {
        to = placement_choose(thread, true);
        scheduler_lock_pair(from, to);
        if (placement_is_allowed(thread, to))
            break;
        scheduler_unlock_pair(from, to);
    }
    ASSERT(thread->state == THREAD_READY);
    ASSERT(!list_is_linked(&thread->run_node));
    ASSERT(thread->cpu == from);    /* nobody else moves what is on no queue */
    atomic_store_explicit(&thread->cpu, to, memory_order_relaxed);
    runqueue_enqueue(&cpu_at(to)->runqueue, thread, ENQUEUE_MOVED);
    idle_claim(to);
    scheduler_unlock_pair(from, to);
    scheduler_tell(to);
}

/* ---- The CPUs of a thread ------------------------------------------------------------------ */

/* Takes it off its queue if it is ready where it may not run.  Otherwise, if it runs there, says so
 * by `runs_on`. */
static bool leave_forbidden(struct runqueue *queue, struct thread *thread, unsigned *runs_on)
    REQUIRES(&queue->lock)
{
    unsigned cpu = atomic_load_explicit(&thread->cpu, memory_order_relaxed);

    ASSERT(spin_is_held(&queue->lock));
    ASSERT(queue->cpu == cpu);
    *runs_on = CPUS_MAX;
    if (placement_is_allowed(thread, cpu))
        return false;
    if (queue->running == thread)
        *runs_on = cpu;
    if (thread->state != THREAD_READY || !list_is_linked(&thread->run_node))
        return false;
    runqueue_dequeue(queue, thread);
    return true;
}

void thread_set_cpus(struct thread *thread, uint64_t cpus)
{
    bool were_on = machine_interrupts_disable();
    struct runqueue *queue = scheduler_lock_queue_of(thread);
    unsigned runs_on;

    spin_lock_taken(&queue->lock);
    ASSERT((cpus & all_cpus()) != 0);
    atomic_store_explicit(&thread->cpus, cpus, memory_order_relaxed);

    bool must_go = leave_forbidden(queue, thread, &runs_on);

    spin_unlock(&queue->lock);
    if (must_go)
        placement_send(thread);
    else if (runs_on == machine_cpu_index())
        this_cpu()->reschedule = true;    /* which moves it */
    else if (runs_on != CPUS_MAX)
        machine_cpu_notify(runs_on);
    scheduler_preempt_if_due();
    machine_interrupts_restore(were_on);
}
