/*
 * The idle threads, one a CPU, and the set of CPUs that have nothing to do.
 *
 * A CPU's idle thread is the context it booted in, and stays on that CPU.  It is never on a run
 * queue: schedule() falls back on it.  It may not block.
 *
 * `idle_cpus` is a hint for placing threads: a CPU sets its bit before it looks at its queue for
 * the last time, and whoever gives it a thread clears the bit.  A wake-up after that look is not
 * lost, because machine_cpu_idle returns at once when a notification is pending.
 */
#include "lib/assert.h"
#include "lib/bitmap.h"
#include "lib/text.h"
#include "sched/choice.h"
#include "sched/per_cpu.h"
#include "sched/policy.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sched/watch.h"

static struct thread idle_threads[CPUS_MAX];    /* of CPU 0: unused, it has the boot thread */
static _Atomic uint64_t idle_cpus;
static _Atomic uint64_t started_cpus;           /* have run their idle thread */

_Static_assert(CPUS_MAX <= 64, "one bit a CPU");

static uint64_t bit_of(unsigned cpu)
{
    return UINT64_C(1) << cpu;
}

void idle_claim(unsigned cpu)
{
    if (atomic_load_explicit(&idle_cpus, memory_order_relaxed) & bit_of(cpu))
        atomic_fetch_and_explicit(&idle_cpus, ~bit_of(cpu), memory_order_relaxed);
}

bool idle_is_everywhere(void)
{
    uint64_t all = UINT64_MAX >> (64 - machine_info()->cpu_count);

    return (atomic_load_explicit(&idle_cpus, memory_order_relaxed) & all) == all;
}

void idle_init(unsigned index)
{
    struct per_cpu *cpu = cpu_at(index);

    ASSERT(index < machine_info()->cpu_count);
    runqueue_init(&cpu->runqueue,
                  choice_is_observed() ? &policy_observed : &policy_round_robin);
    cpu->runqueue.cpu = index;
    cpu->moving = NULL;
    cpu->balance_at_ns = 0;
    if (!cpu->idle)
        cpu->idle = &idle_threads[index];

    struct thread *idle = cpu->idle;

    refcount_init(&idle->references, 1);
    idle->state = THREAD_RUNNING;
    idle->cpu = index;
    idle->run_since_ns = machine_time_ns();
    idle->run_alarm_ns = UINT64_MAX;
    list_init(&idle->run_node);
    list_init(&idle->sibling_node);
    (void)text_copy(idle->name, "idle", sizeof(idle->name));
    cpu->current = idle;
    atomic_fetch_and_explicit(&started_cpus, ~bit_of(index), memory_order_relaxed);
    idle_claim(index);    /* not before it runs its idle thread */
}

uint64_t idle_started_cpus(void)
{
    return atomic_load_explicit(&started_cpus, memory_order_relaxed);
}

/* Without that many of the lowest bits that are set. */
static uint64_t drop_lowest(uint64_t bits, uint64_t count)
{
    for (; count > 0; count--)
        bits &= bits - 1;
    ASSERT(bits != 0);
    return bits;
}

unsigned idle_choose_cpu(unsigned last, uint64_t allowed)
{
    uint64_t idle = atomic_load_explicit(&idle_cpus, memory_order_relaxed) & allowed;

    if (idle == 0)
        return CPUS_MAX;

    if (choice_is_observed() && (idle & (idle - 1)) != 0)    /* any of them */
        idle = drop_lowest(idle, choice_number(bitmap_count(&idle, 1)));
    else if (idle & bit_of(last))
        return last;
    return (unsigned)__builtin_ctzll(idle);
}

static bool queue_is_empty(struct per_cpu *cpu)
{
    spin_lock(&cpu->runqueue.lock);
    bool empty = cpu->runqueue.ready_count == 0;
    spin_unlock(&cpu->runqueue.lock);
    return empty;
}

_Noreturn void scheduler_run_idle(void)
{
    machine_interrupts_disable();

    struct per_cpu *cpu = this_cpu();    /* idle threads do not move */
    unsigned index = machine_cpu_index();

    ASSERT(cpu->runqueue.ordinary);    /* scheduler_init was called */
    atomic_fetch_or_explicit(&started_cpus, bit_of(index), memory_order_relaxed);
    for (;;) {
        ASSERT(!cpu->held);
        ASSERT(cpu->current == cpu->idle);
        ASSERT(machine_cpu_index() == index);
        ASSERT(!machine_interrupts_enabled());
        atomic_fetch_or_explicit(&idle_cpus, bit_of(index), memory_order_relaxed);
        if (queue_is_empty(cpu) && !balance_take(index)) {
            watch_look();
            machine_cpu_idle();
        } else {
            idle_claim(index);
            schedule(THREAD_READY);
        }
    }
}
