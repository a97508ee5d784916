/*
 * Work for all CPUs: threads that wait on one CPU while another could run them.
 *
 * Three occasions:
 * - a CPU goes idle: it takes a thread from the longest queue.  A thread that is preempted, or left
 *   waiting, while a CPU is idle makes that one look (placement_offer);
 * - a CPU is about to run something less urgent than a real-time thread that waits elsewhere: it
 *   takes that one.  So on N CPUs the N most urgent threads run;
 * - threads wait on a CPU for longer: every BALANCE_INTERVAL_NS it gives one to the CPU with the
 *   least to do, if the weights of the two are closer to each other afterwards.
 *
 * Nothing is taken from a CPU that is about to run the thread itself: two idle CPUs could take it
 * from each other for ever.  A CPU that is idle and has several ready is about to run only one of
 * them.  A thread that is moved for its urgency goes only where it runs at once, and one that is
 * moved for the balance makes the difference of the two CPUs smaller: so both come to an end.
 *
 * How many threads of a queue are looked at is limited: some may not run on the other CPU.
 */
#include "config.h"
#include "lib/assert.h"
#include "sched/choice.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"

#define LOOKS_MAX 32    /* threads of one queue */

/* CPUs on whose queues real-time threads wait. */
static _Atomic uint64_t urgent_cpus;

static uint64_t bit_of(unsigned cpu)
{
    return UINT64_C(1) << cpu;
}

void balance_note_waiting(unsigned cpu, bool are_waiting)
{
    if (are_waiting)
        atomic_fetch_or_explicit(&urgent_cpus, bit_of(cpu), memory_order_relaxed);
    else
        atomic_fetch_and_explicit(&urgent_cpus, ~bit_of(cpu), memory_order_relaxed);
}

/* Both queues are locked. */
static void move(struct thread *thread, unsigned from, unsigned to)
    REQUIRES(&cpu_at(from)->runqueue.lock, &cpu_at(to)->runqueue.lock)
{
    ASSERT(from != to);
    ASSERT(spin_is_held(&cpu_at(from)->runqueue.lock));
    ASSERT(spin_is_held(&cpu_at(to)->runqueue.lock));
    runqueue_dequeue(&cpu_at(from)->runqueue, thread);
    atomic_store_explicit(&thread->cpu, to, memory_order_relaxed);
    runqueue_enqueue(&cpu_at(to)->runqueue, thread, ENQUEUE_MOVED);
}

/* The first thread of the list that may run on the CPU and weighs less than that. */
static struct thread *find_movable(const struct list *list, unsigned to, uint64_t load_limit)
{
    unsigned looks = 0;

    LIST_FOR_EACH(node, list) {
        struct thread *thread = LIST_ENTRY(node, struct thread, run_node);

        if (placement_is_allowed(thread, to) && runqueue_load_of(thread) < load_limit)
            return thread;
        if (++looks == LOOKS_MAX)
            break;
    }
    return NULL;
}

/* The most urgent one that may run on the CPU, above that priority. */
static struct thread *find_urgent(struct runqueue *queue, unsigned to, unsigned above)
{
    struct thread *thread = NULL;

    for (unsigned level = real_time_highest(&queue->real_time_queue); level > above && !thread;
         level--) {
        if (bitmap_test(queue->real_time_queue.levels, level))
            thread = find_movable(&queue->real_time_queue.threads[level], to, UINT64_MAX);
    }
    return thread;
}

/* ---- Idle CPUs ----------------------------------------------------------------------------- */

/* Both queues are locked. */
static struct thread *find_to_take(struct per_cpu *victim, unsigned self)
{
    struct runqueue *queue = &victim->runqueue;
    struct thread *thread;

    if (runqueue_ready_count(queue) < (victim->current == victim->idle ? 2 : 1))
        return NULL;
    thread = find_urgent(queue, self, PRIORITY_NORMAL);
    return thread ? thread : find_movable(&queue->ready, self, UINT64_MAX);
}

static bool take_from(unsigned victim, unsigned self)
{
    scheduler_lock_pair(self, victim);

    struct thread *thread = find_to_take(cpu_at(victim), self);

    if (thread)    /* else it has found a CPU by itself meanwhile */
        move(thread, victim, self);
    scheduler_unlock_pair(self, victim);
    return thread != NULL;
}

/* Among the CPUs of `left`, the one with the longest queue; CPUS_MAX: all are empty. */
static unsigned find_longest(uint64_t left)
{
    unsigned best = CPUS_MAX;
    unsigned longest = 0;

    for (; left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);
        unsigned length = runqueue_ready_count(&cpu_at(cpu)->runqueue);

        if (length > longest) {
            best = cpu;
            longest = length;
        }
    }
    return best;
}

bool balance_take(unsigned self)
{
    uint64_t left = (UINT64_MAX >> (64 - machine_info()->cpu_count)) & ~bit_of(self);

    for (;;) {
        unsigned victim = find_longest(left);

        if (victim == CPUS_MAX)
            return false;
        if (take_from(victim, self))
            return true;
        left &= ~bit_of(victim);    /* none of those can run here */
    }
}

/* ---- Real-time threads --------------------------------------------------------------------- */

static unsigned waiting_priority(unsigned cpu)
{
    return atomic_load_explicit(&cpu_at(cpu)->runqueue.waiting_priority, memory_order_relaxed);
}

/* The other CPU where the most urgent thread waits, if that is above `mine`; else CPUS_MAX. */
static unsigned find_most_urgent(unsigned self, unsigned mine)
{
    uint64_t left = atomic_load_explicit(&urgent_cpus, memory_order_relaxed) & ~bit_of(self);
    unsigned best = CPUS_MAX;

    for (; left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);

        if (waiting_priority(cpu) > mine) {
            best = cpu;
            mine = waiting_priority(cpu);
        }
    }
    return best;
}

static unsigned highest_here(unsigned self)
{
    const struct runqueue *queue = &cpu_at(self)->runqueue;
    unsigned running = atomic_load_explicit(&queue->running_priority, memory_order_relaxed);

    return running > waiting_priority(self) ? running : waiting_priority(self);
}

bool balance_should_pull(unsigned self)
{
    return find_most_urgent(self, highest_here(self)) != CPUS_MAX;
}

void balance_pull(unsigned self, uint8_t mine)
{
    unsigned above = mine > waiting_priority(self) ? mine : waiting_priority(self);
    unsigned victim = find_most_urgent(self, above);

    if (victim == CPUS_MAX)
        return;
    scheduler_lock_pair(self, victim);

    struct runqueue *queue = &cpu_at(victim)->runqueue;
    /* What it is about to run itself it keeps. */
    bool keeps = waiting_priority(victim) >
                 atomic_load_explicit(&queue->running_priority, memory_order_relaxed);
    struct thread *thread = keeps ? NULL : find_urgent(queue, self, above);

    if (thread)
        move(thread, victim, self);
    scheduler_unlock_pair(self, victim);
}

/* ---- Busy CPUs ----------------------------------------------------------------------------- */

static unsigned find_least_loaded(unsigned self)
{
    unsigned best = self;

    for (uint64_t left = idle_started_cpus(); left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);

        if (runqueue_load(&cpu_at(cpu)->runqueue) < runqueue_load(&cpu_at(best)->runqueue))
            best = cpu;
    }
    return best;
}

/* Moves a thread of which less than the difference weighs: then that becomes smaller. */
static bool give(unsigned self, unsigned to)
{
    struct thread *thread = NULL;

    scheduler_lock_pair(self, to);

    struct runqueue *queue = &cpu_at(self)->runqueue;
    uint64_t mine = runqueue_load(queue);
    uint64_t theirs = runqueue_load(&cpu_at(to)->runqueue);

    if (mine > theirs)
        thread = find_movable(&queue->ready, to, mine - theirs);
    if (thread) {
        move(thread, self, to);
        idle_claim(to);
    }
    scheduler_unlock_pair(self, to);
    return thread != NULL;
}

void balance_push(unsigned self)
{
    struct per_cpu *cpu = cpu_at(self);
    uint64_t now_ns;
    unsigned to;

    if (machine_info()->cpu_count == 1 || runqueue_ready_count(&cpu->runqueue) == 0 ||
        choice_is_observed())
        return;
    now_ns = machine_time_ns();
    if (now_ns < atomic_load_explicit(&cpu->balance_at_ns, memory_order_relaxed))
        return;
    atomic_store_explicit(&cpu->balance_at_ns, now_ns + BALANCE_INTERVAL_NS,
                          memory_order_relaxed);
    to = find_least_loaded(self);
    if (to != self && give(self, to))
        scheduler_tell(to);
}
