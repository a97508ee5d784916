/*
 * Work for all CPUs: where a new thread starts, and what a CPU takes that has nothing to do.
 *
 * A thread that wakes up goes to an idle CPU if there is one (idle.c).  What remains is that
 * several wait on one CPU while another goes idle: that one then takes a thread from the longest
 * queue.
 * Nothing is moved while all CPUs are busy, nor from a CPU that is about to run the thread itself:
 * two idle CPUs could take it from each other for ever.
 */
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"

#define NO_CPU_LENGTH (~0u)    /* longer than any queue */

/* Threads that are ready on the CPU.  A peek, because it may change at once. */
static unsigned queue_length(unsigned cpu)
{
    return atomic_load_explicit(&cpu_at(cpu)->runqueue.ready_count, memory_order_relaxed);
}

unsigned balance_choose_cpu(unsigned last)
{
    unsigned count = machine_info()->cpu_count;
    unsigned best = idle_choose_cpu(last);
    unsigned shortest;

    if (count == 1 || idle_is_idle(best))
        return best;
    best = last;
    shortest = queue_length(last);
    for (unsigned cpu = 0; cpu < count && shortest > 0; cpu++) {
        unsigned length = idle_has_started(cpu) ? queue_length(cpu) : NO_CPU_LENGTH;

        if (length < shortest) {
            best = cpu;
            shortest = length;
        }
    }
    return best;
}

/* The CPU with the longest queue, or this one if there is none. */
static unsigned find_longest(unsigned self)
{
    unsigned best = self;
    unsigned longest = 0;

    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++) {
        unsigned length = cpu == self ? 0 : queue_length(cpu);

        if (length > longest) {
            best = cpu;
            longest = length;
        }
    }
    return best;
}

/* Both queues are locked. */
static struct thread *take_from(struct per_cpu *victim)
{
    return victim->current == victim->idle ? NULL : runqueue_take_next(&victim->runqueue);
}

bool balance_take(unsigned self)
{
    unsigned victim = find_longest(self);

    if (victim == self)
        return false;
    scheduler_lock_pair(self, victim);

    struct thread *thread = take_from(cpu_at(victim));

    if (thread) {    /* else it has found a CPU by itself meanwhile */
        atomic_store_explicit(&thread->cpu, self, memory_order_relaxed);
        runqueue_enqueue(&cpu_at(self)->runqueue, thread);
    }
    scheduler_unlock_pair(self, victim);
    return thread != NULL;
}
