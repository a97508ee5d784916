/*
 * Work for all CPUs: where a new thread starts, and what a CPU takes that has nothing to do.
 *
 * A thread that wakes up goes to an idle CPU if there is one (idle.c).  What remains is that several
 * wait on one CPU while another goes idle: that one then takes a thread from the longest queue.
 * Nothing is moved while all CPUs are busy.
 */
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"

#define NO_CPU_LENGTH (~0u)    /* longer than any queue */

/* Threads that are ready on the CPU.  It may change at once. */
static unsigned queue_length(unsigned cpu)
{
    struct runqueue *queue = &cpu_at(cpu)->runqueue;

    spin_lock(&queue->lock);
    unsigned length = queue->ready_count;
    spin_unlock(&queue->lock);
    return length;
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

bool balance_take(unsigned self)
{
    unsigned victim = find_longest(self);

    if (victim == self)
        return false;
    scheduler_lock_pair(self, victim);

    struct thread *thread = runqueue_take_next(&cpu_at(victim)->runqueue);

    if (thread) {    /* else it has found a CPU by itself meanwhile */
        atomic_store_explicit(&thread->cpu, self, memory_order_relaxed);
        runqueue_enqueue(&cpu_at(self)->runqueue, thread);
    }
    scheduler_unlock_pair(self, victim);
    return thread != NULL;
}
