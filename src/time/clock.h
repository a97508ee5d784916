#pragma once
/*
 * Clocks: monotonic time since boot, and real time as an offset from it.
 *
 * Whoever waits for a real time must notice when the clock is set: a thread has an entry on
 * clock_changes(), a timer is a struct clock_timer (time/clock_timer.h).
 */
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define CLOCK_NEVER ((uint64_t)INT64_MAX)    /* the last time there is */

enum clock_base { CLOCK_BASE_MONOTONIC, CLOCK_BASE_REAL };

uint64_t clock_monotonic_ns(void);
uint64_t clock_real_ns(void);       /* since 1970 */
uint64_t clock_read(enum clock_base base);
void clock_set_real_ns(uint64_t real_ns);
/* What real time is ahead of monotonic time; wraps. */
uint64_t clock_real_offset_ns(void);

/* Where the offset is kept up to date, too: programs see it (process/time_page.h). */
void clock_show_offset(uint64_t *place);

struct wait_queue;
/* Woken when the real time was set. */
struct wait_queue *clock_changes(void);
/* How often it was. */
uint64_t clock_change_count(void);

static inline uint64_t clock_add_saturated(uint64_t a, uint64_t b)
{
    return a + b < a || a + b > CLOCK_NEVER ? CLOCK_NEVER : a + b;
}
