#pragma once
/*
 * Timers on a clock that can be set: one that is armed for a real time goes off when real time
 * reaches it, however it gets there.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"
#include "time/clock.h"
#include "time/timer.h"

struct clock_timer {
    struct timer timer;
    void (*expired)(struct clock_timer *timer);    /* constant after initialisation */

    /* Protected by clock_timer.c's lock. */
    uint64_t real_expires_ns;
    struct list real_node;    /* linked: armed for a real time */
};

/* `expired` runs in interrupt context like that of a struct timer.  It may come late for a timer
 * that was armed anew meanwhile, so it looks whether its time has come. */
void clock_timer_init(struct clock_timer *timer, void (*expired)(struct clock_timer *timer));
/* Any context, no lock above RANK_CLOCK_TIMERS.  Calls for one timer are kept apart by its
 * owner. */
void clock_timer_arm(struct clock_timer *timer, enum clock_base base, uint64_t expires_ns);
/* It will not go off any more, but its function may be running just now. */
void clock_timer_disarm(struct clock_timer *timer);
/* The same, and its function has ended: the caller holds no lock that it takes. */
void clock_timer_cancel(struct clock_timer *timer);

/* Real time was set. */
void clock_timers_look_again(void);
