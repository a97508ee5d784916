/*
 * Clocks.  Monotonic time is the machine's; real time is an offset from it, which starts as the
 * machine's wall time at boot and moves when the clock is set.
 */
#include "time/clock.h"

#include <stdatomic.h>

#include "machine/machine.h"
#include "sync/wait_queue.h"

/* Added to the boot wall time; wraps, so it can also go back. */
static _Atomic uint64_t adjustment_ns;

static struct wait_queue changes = {
    .lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE, "clock changes"),
    .waiters = LIST_INITIAL(changes.waiters),
};

struct wait_queue *clock_changes(void)
{
    return &changes;
}

uint64_t clock_monotonic_ns(void)
{
    return machine_time_ns();
}

uint64_t clock_real_ns(void)
{
    return machine_info()->boot_wall_time_ns + machine_time_ns() +
           atomic_load_explicit(&adjustment_ns, memory_order_relaxed);
}

void clock_set_real_ns(uint64_t real_ns)
{
    atomic_store_explicit(&adjustment_ns,
                          real_ns - machine_info()->boot_wall_time_ns - machine_time_ns(),
                          memory_order_relaxed);
    (void)wait_queue_wake_all(&changes);
}
