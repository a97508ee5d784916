/*
 * Standing still while a report is made, so that what it tells was true all at once, and nothing
 * that it looks at is freed meanwhile.
 *
 *   CPU that reports                       another CPU
 *   stops all others
 *                                          waits with interrupts off until this one has forgotten a
 *                                          translation
 *   waits for it to stop                   <- forbidden: who waits here answers such requests
 *
 * A CPU stops in its interrupt, so it holds no spin lock; threads that were preempted may hold
 * mutexes, and reports take none.
 */
#include "diagnose/diagnose.h"
#include "diagnose/diagnose_internal.h"
#include "lib/assert.h"
#include "memory/tlb.h"

#define PATIENCE_NS UINT64_C(1000000000)

static _Atomic bool is_wanted;        /* one CPU at a time */
static _Atomic bool is_stopped;
static _Atomic unsigned stopped;      /* CPUs */

void diagnose_notified(void)
{
    ASSERT(!machine_interrupts_enabled());
    if (!atomic_load_explicit(&is_stopped, memory_order_acquire))
        return;
    atomic_fetch_add_explicit(&stopped, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&is_stopped, memory_order_acquire)) {
        tlb_notified();
        machine_cpu_relax();
    }
    atomic_fetch_sub_explicit(&stopped, 1, memory_order_acq_rel);
}

static void notify_others(void)
{
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++) {
        if (cpu != machine_cpu_index())
            machine_cpu_notify(cpu);
    }
}

/* Nobody may come in before the last one has left. */
static void wait_until_all_go(void)
{
    while (atomic_load_explicit(&stopped, memory_order_acquire) != 0) {
        tlb_notified();
        machine_cpu_relax();
    }
}

bool standstill_begin(void)
{
    uint64_t end_ns = machine_time_ns() + PATIENCE_NS;

    ASSERT(!machine_interrupts_enabled());
    while (atomic_exchange_explicit(&is_wanted, true, memory_order_acquire)) {
        tlb_notified();
        diagnose_notified();    /* the other one waits for this CPU */
        machine_cpu_relax();
    }
    atomic_store_explicit(&is_stopped, true, memory_order_release);
    notify_others();
    while (atomic_load_explicit(&stopped, memory_order_acquire) != machine_info()->cpu_count - 1) {
        tlb_notified();
        machine_cpu_relax();
        if (machine_time_ns() >= end_ns) {
            standstill_end();
            return false;
        }
    }
    return true;
}

void standstill_end(void)
{
    atomic_store_explicit(&is_stopped, false, memory_order_release);
    wait_until_all_go();
    atomic_store_explicit(&is_wanted, false, memory_order_release);
}
