/*
 * Clocks.  Monotonic time is the machine's; real time is an offset from it, which starts as the
 * machine's wall time at boot and moves when the clock is set.
 */
#include "time/clock.h"

#include <stdatomic.h>
#include <stddef.h>

#include "machine/machine.h"
#include "sync/wait_queue.h"
#include "time/clock_timer.h"

/* Added to the boot wall time; wraps, so it can also go back. */
static _Atomic uint64_t adjustment_ns;
static _Atomic uint64_t change_count;
static uint64_t *_Atomic shown_offset;    /* NULL: nowhere yet */

static struct wait_queue changes = {
    .lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE, "clock changes"),
    .waiters = LIST_INITIAL(changes.waiters),
};

struct wait_queue *clock_changes(void)
{
    return &changes;
}

uint64_t clock_change_count(void)
{
    return atomic_load_explicit(&change_count, memory_order_acquire);
}

uint64_t clock_monotonic_ns(void)
{
    return machine_time_ns();
}

uint64_t clock_real_offset_ns(void)
{
    return machine_info()->boot_wall_time_ns +
           atomic_load_explicit(&adjustment_ns, memory_order_relaxed);
}

uint64_t clock_real_ns(void)
{
    return clock_real_offset_ns() + machine_time_ns();
}

uint64_t clock_read(enum clock_base base)
{
    return base == CLOCK_BASE_REAL ? clock_real_ns() : clock_monotonic_ns();
}

static void show_offset(void)
{
    uint64_t *place = atomic_load(&shown_offset);

    if (place)
        __atomic_store_n(place, clock_real_offset_ns(), __ATOMIC_RELEASE);
}

void clock_show_offset(uint64_t *place)
{
    atomic_store(&shown_offset, place);
    show_offset();
}

void clock_set_real_ns(uint64_t real_ns)
{
    atomic_store_explicit(&adjustment_ns,
                          real_ns - machine_info()->boot_wall_time_ns - machine_time_ns(),
                          memory_order_relaxed);
    show_offset();
    atomic_fetch_add_explicit(&change_count, 1, memory_order_release);
    clock_timers_look_again();
    (void)wait_queue_wake_all(&changes);
}
