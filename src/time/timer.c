/*
 * Timers.
 *
 * Arming the machine's timer costs a call to the host, so it is done late: `armed_ns` is never
 * later than what is needed, but may be earlier (a timer was cancelled, a slice was not used up).
 * Then the interrupt finds nothing to do and arms for the right time; a loop that arms and cancels
 * a timeout each time round costs one interrupt a timeout, not a call each time.
 *
 * After an interrupt the next one comes no sooner than TIMER_REST_NS, whatever is due: a program
 * that asks for a signal every microsecond shall still get to run.
 *
 * Invariants, for every CPU:
 * - while interrupts are on, armed_ns <= the first key of the heap, <= slice_end_ns and
 *   <= alarm_ns, or it is the end of that rest;
 * - a timer's key is the latest time at which it runs; whatever interrupt comes between `due_ns`
 *   and that runs it too, if none with an earlier key waits for its own time;
 * - `running` names the timer whose function is being called, from before it leaves the heap's
 *   lock until the call has returned.  Cancelling waits for that (see timer_cancel).
 */
#include "time/timer.h"

#include "config.h"
#include "debug/trace.h"
#include "lib/assert.h"
#include "lib/container.h"
#include "lib/mark.h"
#include "machine/machine.h"
#include "sched/per_cpu.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

struct cpu_timers {
    struct spinlock lock;       /* RANK_TIMER */

    /* Protected by `lock`. */
    struct heap heap;
    struct timer *running;

    /* This CPU's own, interrupts off. */
    uint64_t armed_ns;          /* what machine_timer_set was told; UINT64_MAX: nothing */
    uint64_t slice_end_ns;
    uint64_t alarm_ns;          /* of the running thread's processor time */
};

static struct cpu_timers cpu_timers[CPUS_MAX];
/* Never touched beyond what is used, so it takes no memory until then. */
static struct heap_node *heap_storage[CPUS_MAX][TIMERS_PER_CPU_MAX];

static struct timer *timer_of(struct heap_node *node)
{
    return CONTAINER_OF(node, struct timer, node);
}

void timer_init_cpu(unsigned cpu)
{
    ASSERT(cpu < CPUS_MAX);

    struct cpu_timers *timers = &cpu_timers[cpu];

    spin_init(&timers->lock, RANK_TIMER, "timers");
    heap_init(&timers->heap, heap_storage[cpu], TIMERS_PER_CPU_MAX);
    timers->running = NULL;
    timers->armed_ns = UINT64_MAX;
    timers->slice_end_ns = UINT64_MAX;
    timers->alarm_ns = UINT64_MAX;
}

void timer_init(struct timer *timer, void (*expired)(struct timer *timer))
{
    ASSERT(expired);
    heap_node_init(&timer->node);
    timer->expired = expired;
    atomic_init(&timer->cpu, machine_cpu_index());
}

/* Makes sure that the interrupt comes at `deadline_ns` or before.  This CPU, interrupts off. */
static void arm_machine(struct cpu_timers *timers, uint64_t deadline_ns)
{
    if (deadline_ns >= timers->armed_ns)
        return;
    timers->armed_ns = deadline_ns;
    trace_record(TRACE_timer, deadline_ns, 0, 0);
    machine_timer_set(deadline_ns);
}

static void end_slice(struct cpu_timers *timers)
{
    timers->slice_end_ns = UINT64_MAX;
    this_cpu()->reschedule = true;
}

void timer_set_slice_end(uint64_t slice_end_ns)
{
    struct cpu_timers *timers = &cpu_timers[machine_cpu_index()];

    ASSERT(!machine_interrupts_enabled());
    timers->slice_end_ns = slice_end_ns;
    if (slice_end_ns >= timers->armed_ns)
        return;
    if (slice_end_ns <= machine_time_ns())
        end_slice(timers);    /* an interrupt that comes at once would only cost time */
    else
        arm_machine(timers, slice_end_ns);
}

void timer_set_processor_alarm(uint64_t alarm_ns)
{
    struct cpu_timers *timers = &cpu_timers[machine_cpu_index()];

    ASSERT(!machine_interrupts_enabled());
    timers->alarm_ns = alarm_ns;
    arm_machine(timers, alarm_ns);
}

/* Locks the heap the timer is on, or would be. */
static struct cpu_timers *lock_timers_of(const struct timer *timer) LOCKS_UNCHECKED
{
    for (;;) {
        unsigned cpu = atomic_load_explicit(&timer->cpu, memory_order_relaxed);
        struct cpu_timers *timers = &cpu_timers[cpu];

        spin_lock(&timers->lock);
        if (atomic_load_explicit(&timer->cpu, memory_order_relaxed) == cpu)
            return timers;
        MARK(timer_armed_elsewhere);
        spin_unlock(&timers->lock);    /* it was armed elsewhere in between */
    }
}

static bool remove_if_armed(struct cpu_timers *timers, struct timer *timer) REQUIRES(&timers->lock)
{
    if (!heap_contains(&timer->node))
        return false;
    heap_remove(&timers->heap, &timer->node);
    return true;
}

/* Locks the heap on which the timer is to be put, not armed: this CPU's, unless its function is
 * running on another one.  Then it stays there, because only there can timer_cancel see that. */
static struct cpu_timers *lock_timers_to_arm(struct timer *timer) LOCKS_UNCHECKED
{
    struct cpu_timers *old = lock_timers_of(timer);
    unsigned cpu = machine_cpu_index();

    (void)remove_if_armed(old, timer);
    if (old == &cpu_timers[cpu] || old->running == timer)
        return old;
    atomic_store_explicit(&timer->cpu, cpu, memory_order_relaxed);
    spin_unlock(&old->lock);
    spin_lock(&cpu_timers[cpu].lock);
    return &cpu_timers[cpu];
}

void timer_arm_between(struct timer *timer, uint64_t due_ns, uint64_t latest_ns)
{
    bool were_on = machine_interrupts_disable();
    struct cpu_timers *timers = lock_timers_to_arm(timer);

    spin_lock_taken(&timers->lock);
    ASSERT(due_ns <= latest_ns);
    timer->due_ns = due_ns;

    int error = heap_insert(&timers->heap, &timer->node, latest_ns);

    ASSERT(!error);
    spin_unlock(&timers->lock);
    /* Another CPU arms its machine's timer by itself, when the function that it runs has ended. */
    if (timers == &cpu_timers[machine_cpu_index()])
        arm_machine(timers, latest_ns);
    machine_interrupts_restore(were_on);
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    timer_arm_between(timer, deadline_ns, deadline_ns);
}

void timer_disarm(struct timer *timer)
{
    struct cpu_timers *timers = lock_timers_of(timer);

    spin_lock_taken(&timers->lock);
    (void)remove_if_armed(timers, timer);
    spin_unlock(&timers->lock);
}

bool timer_cancel(struct timer *timer)
{
    for (;;) {
        struct cpu_timers *timers = lock_timers_of(timer);

        spin_lock_taken(&timers->lock);

        bool was_armed = remove_if_armed(timers, timer);
        bool elsewhere = timers != &cpu_timers[machine_cpu_index()];
        bool must_wait = timers->running == timer && elsewhere;

        spin_unlock(&timers->lock);
        /* On this CPU only the function itself can be the caller: it need not wait for itself. */
        if (!must_wait)
            return was_armed;
        machine_cpu_relax();
    }
}

bool timer_is_armed(const struct timer *timer)
{
    struct cpu_timers *timers = lock_timers_of(timer);
    bool armed = heap_contains(&timer->node);

    spin_lock_taken(&timers->lock);
    spin_unlock(&timers->lock);
    return armed;
}

bool timer_any_armed(void)
{
    bool any = false;

    for (unsigned cpu = 0; cpu < machine_info()->cpu_count && !any; cpu++) {
        struct cpu_timers *timers = &cpu_timers[cpu];

        spin_lock(&timers->lock);
        any = timers->running || heap_first(&timers->heap);
        spin_unlock(&timers->lock);
    }
    return any;
}

/* Takes the first timer off the heap if it is due; else returns NULL. */
static struct timer *take_due(struct cpu_timers *timers, uint64_t now_ns)
{
    struct heap_node *first = heap_first(&timers->heap);

    if (!first || timer_of(first)->due_ns > now_ns)
        return NULL;
    heap_remove(&timers->heap, first);
    return timer_of(first);
}

/* Returns when the next one is due. */
static uint64_t run_due(struct cpu_timers *timers, uint64_t now_ns)
{
    spin_lock(&timers->lock);
    ASSERT(!timers->running);    /* interrupts do not nest */
    for (;;) {
        struct timer *timer = take_due(timers, now_ns);

        timers->running = timer;
        if (!timer)
            break;
        spin_unlock(&timers->lock);
        timer->expired(timer);
        spin_lock(&timers->lock);
    }

    const struct heap_node *next = heap_first(&timers->heap);
    uint64_t next_ns = next ? next->key : UINT64_MAX;

    spin_unlock(&timers->lock);
    return next_ns;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void timer_interrupt(void)
{
    struct cpu_timers *timers = &cpu_timers[machine_cpu_index()];
    uint64_t now_ns = machine_time_ns();

    ASSERT(!machine_interrupts_enabled());
    /* It has fired, and is not armed again by what the functions do. */
    timers->armed_ns = 0;

    uint64_t next_ns = run_due(timers, now_ns);

    if (timers->slice_end_ns <= now_ns)
        end_slice(timers);
    if (timers->alarm_ns <= now_ns) {
        timers->alarm_ns = UINT64_MAX;
        atomic_fetch_or(&this_cpu()->current->work, THREAD_WORK_PROCESSOR_TIME);
    }
    next_ns = sooner(next_ns, sooner(timers->slice_end_ns, timers->alarm_ns));
    timers->armed_ns = UINT64_MAX;
    arm_machine(timers, later(next_ns, machine_time_ns() + TIMER_REST_NS));
}
