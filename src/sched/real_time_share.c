/*
 * The share of real-time threads.
 *
 * Time is divided into periods, the same ones for all CPUs.  Invariant: `used_ns` is what real-time
 * threads ran of the period in which `until_ns` lies, up to that time; so it is never more than a
 * period, and of a later period nothing has been used but what ran since `until_ns`.
 *
 * Period and runtime are one word, so that nobody sees a new one with an old one.
 */
#include "sched/real_time_share.h"

#include <stdatomic.h>

#include "config.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "sched/scheduler.h"

#define US_NS UINT64_C(1000)

static _Atomic uint64_t settings = (uint64_t)REAL_TIME_PERIOD_US << 32 | REAL_TIME_RUNTIME_US;

static uint64_t period_of(uint64_t both)
{
    return (both >> 32) * US_NS;
}

static int32_t runtime_of(uint64_t both)
{
    return (int32_t)(uint32_t)both;
}

static uint64_t read_settings(void)
{
    return atomic_load_explicit(&settings, memory_order_relaxed);
}

void real_time_share_init(struct real_time_share *share)
{
    *share = (struct real_time_share){ 0 };
}

/* What is used at `now_ns` of the period that it lies in. */
static uint64_t used_at(const struct real_time_share *share, uint64_t now_ns, uint64_t period_ns)
{
    ASSERT(period_ns > 0);

    uint64_t begin_ns = now_ns - now_ns % period_ns;

    if (share->until_ns < begin_ns)
        return share->is_running ? now_ns - begin_ns : 0;
    return share->used_ns + (share->is_running ? now_ns - share->until_ns : 0);
}

static void count(struct real_time_share *share, uint64_t now_ns, bool is_running)
{
    share->used_ns = used_at(share, now_ns, period_of(read_settings()));
    share->until_ns = now_ns;
    share->is_running = is_running;
}

void real_time_share_begin(struct real_time_share *share, uint64_t now_ns)
{
    ASSERT(!share->is_running);
    count(share, now_ns, true);
}

void real_time_share_end(struct real_time_share *share, uint64_t now_ns)
{
    ASSERT(share->is_running);
    count(share, now_ns, false);
}

bool real_time_share_is_used_up(const struct real_time_share *share, uint64_t now_ns)
{
    uint64_t both = read_settings();

    return runtime_of(both) != REAL_TIME_UNLIMITED &&
           used_at(share, now_ns, period_of(both)) >= (uint64_t)runtime_of(both) * US_NS;
}

uint64_t real_time_share_change_ns(const struct real_time_share *share, uint64_t now_ns)
{
    uint64_t both = read_settings();

    if (runtime_of(both) == REAL_TIME_UNLIMITED)
        return UINT64_MAX;

    uint64_t period_ns = period_of(both);
    uint64_t end_ns = now_ns - now_ns % period_ns + period_ns;
    uint64_t used_ns = used_at(share, now_ns, period_ns);
    uint64_t runtime_ns = (uint64_t)runtime_of(both) * US_NS;

    if (used_ns >= runtime_ns || runtime_ns - used_ns >= end_ns - now_ns)
        return end_ns;
    return now_ns + (runtime_ns - used_ns);
}

/* ---- Settings ------------------------------------------------------------------------------ */

int32_t real_time_runtime_us(void)
{
    return runtime_of(read_settings());
}

int32_t real_time_period_us(void)
{
    return (int32_t)(read_settings() >> 32);
}

/* Changes the bits of `mask`; CPUs that run one look when its share ends now. */
static int change(uint64_t mask, uint64_t bits)
{
    uint64_t old = read_settings();
    uint64_t both;

    do {
        both = (old & ~mask) | bits;
        if (runtime_of(both) > (int32_t)(both >> 32))
            return -EINVAL;
    } while (!atomic_compare_exchange_weak(&settings, &old, both));
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++)
        scheduler_look_again(cpu);
    return 0;
}

int real_time_runtime_set(int64_t runtime_us)
{
    if (runtime_us < REAL_TIME_UNLIMITED || runtime_us > INT32_MAX)
        return -EINVAL;
    return change(UINT32_MAX, (uint32_t)runtime_us);
}

int real_time_period_set(int64_t period_us)
{
    if (period_us < 1 || period_us > INT32_MAX)
        return -EINVAL;
    return change((uint64_t)UINT32_MAX << 32, (uint64_t)period_us << 32);
}
