/*
 * The load of the machine: processor time that was used, and its running averages.
 *
 * Linux samples the number of ready threads every five seconds.  The kernel here takes no ticks, so
 * the averages are brought up to date when somebody looks: the mean number of busy CPUs since the
 * last look stands for every five seconds in between.  The decay is Linux's, in its fixed point.
 */
#include "procfs/procfs_internal.h"
#include "sched/per_cpu.h"
#include "time/clock.h"

#define FIXED_SHIFT 11
#define FIXED_ONE (UINT64_C(1) << FIXED_SHIFT)
#define PERIOD_NS (5 * NS_PER_SECOND)
#define AVERAGES 3

/* exp(-5 s / 1, 5 and 15 minutes) */
static const uint64_t decay[AVERAGES] = { 1884, 2014, 2037 };

static struct {
    struct spinlock lock;    /* RANK_CONSOLE */

    /* Protected by `lock`. */
    uint64_t looked_ns, busy_ns;
    uint64_t averages[AVERAGES];
} history = { .lock = SPINLOCK_INITIAL(RANK_CONSOLE, "load averages") };

uint64_t load_idle_ns(unsigned cpu)
{
    uint64_t user_ns, system_ns;

    thread_times(cpu_at(cpu)->idle, &user_ns, &system_ns);
    return user_ns + system_ns;
}

/* fraction^periods in fixed point. */
static uint64_t fixed_power(uint64_t fraction, uint64_t periods)
{
    uint64_t result = FIXED_ONE;

    for (; periods && result; periods >>= 1) {
        if (periods & 1)
            result = (result * fraction + FIXED_ONE / 2) >> FIXED_SHIFT;
        fraction = (fraction * fraction + FIXED_ONE / 2) >> FIXED_SHIFT;
    }
    return result;
}

static void bring_up_to_date(uint64_t now_ns, uint64_t busy_ns)
{
    uint64_t periods = (now_ns - history.looked_ns) / PERIOD_NS;

    if (periods == 0)
        return;

    uint64_t elapsed_us = (now_ns - history.looked_ns) / 1000;
    uint64_t active = ((busy_ns - history.busy_ns) / 1000 << FIXED_SHIFT) / elapsed_us;

    for (unsigned i = 0; i < AVERAGES; i++) {
        uint64_t kept = fixed_power(decay[i], periods);

        history.averages[i] =
            (history.averages[i] * kept + active * (FIXED_ONE - kept)) >> FIXED_SHIFT;
    }
    history.looked_ns = now_ns;
    history.busy_ns = busy_ns;
}

void load_look(struct machine_load *load)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t total_ns = now_ns * machine_info()->cpu_count;

    load->idle_ns = 0;
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++)
        load->idle_ns += load_idle_ns(cpu);
    load->busy_ns = total_ns > load->idle_ns ? total_ns - load->idle_ns : 0;
    spin_lock(&history.lock);
    if (load->busy_ns >= history.busy_ns)
        bring_up_to_date(now_ns, load->busy_ns);
    for (unsigned i = 0; i < AVERAGES; i++)
        load->averages[i] = history.averages[i];
    spin_unlock(&history.lock);
}
