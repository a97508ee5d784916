/*
 * Timers on clocks that can be set.
 *
 * Invariant: a timer that is armed for a real time is on the list from clock_timer_arm until it
 * goes off, is disarmed or armed for another clock; its `timer` is armed for when that real time
 * will be, as the clock is set.
 *
 *   arms a timer                            sets the clock
 *   computes when that will be
 *                                           moves the clock; looks at the list: not there
 *   adds it to the list, arms it            <- forbidden: both compute with the list locked
 */
#include "time/clock_timer.h"

#include "lib/container.h"
#include "sync/spinlock.h"

static struct spinlock lock = SPINLOCK_INITIAL(RANK_CLOCK_TIMERS, "clock timers");
static struct list real_timers = LIST_INITIAL(real_timers);

/* When the machine's clock will show what real time is then; the past: 0. */
static uint64_t monotonic_of(uint64_t real_ns)
{
    uint64_t offset_ns = clock_real_offset_ns();

    return real_ns > offset_ns ? real_ns - offset_ns : 0;
}

/* Returns whether it was armed for a real time that has not come. */
static bool came_early(struct clock_timer *timer)
{
    bool early = false;

    spin_lock(&lock);
    if (list_is_linked(&timer->real_node)) {
        early = clock_real_ns() < timer->real_expires_ns;
        if (early)
            timer_arm(&timer->timer, monotonic_of(timer->real_expires_ns));
        else
            list_remove(&timer->real_node);
    }
    spin_unlock(&lock);
    return early;
}

static void timer_expired(struct timer *timer)
{
    struct clock_timer *self = CONTAINER_OF(timer, struct clock_timer, timer);

    if (!came_early(self))
        self->expired(self);
}

void clock_timer_init(struct clock_timer *timer, void (*expired)(struct clock_timer *timer))
{
    timer_init(&timer->timer, timer_expired);
    timer->expired = expired;
    timer->real_expires_ns = 0;
    list_init(&timer->real_node);
}

void clock_timer_arm(struct clock_timer *timer, enum clock_base base, uint64_t expires_ns)
{
    uint64_t deadline_ns = expires_ns;

    spin_lock(&lock);
    if (list_is_linked(&timer->real_node))
        list_remove(&timer->real_node);
    if (base == CLOCK_BASE_REAL) {
        timer->real_expires_ns = expires_ns;
        list_append(&real_timers, &timer->real_node);
        deadline_ns = monotonic_of(expires_ns);
    }
    timer_arm(&timer->timer, deadline_ns);
    spin_unlock(&lock);
}

void clock_timer_disarm(struct clock_timer *timer)
{
    spin_lock(&lock);
    if (list_is_linked(&timer->real_node))
        list_remove(&timer->real_node);
    timer_disarm(&timer->timer);
    spin_unlock(&lock);
}

void clock_timer_cancel(struct clock_timer *timer)
{
    clock_timer_disarm(timer);
    (void)timer_cancel(&timer->timer);
}

void clock_timers_look_again(void)
{
    spin_lock(&lock);
    LIST_FOR_EACH(node, &real_timers) {
        struct clock_timer *timer = LIST_ENTRY(node, struct clock_timer, real_node);

        timer_arm(&timer->timer, monotonic_of(timer->real_expires_ns));
    }
    spin_unlock(&lock);
}
