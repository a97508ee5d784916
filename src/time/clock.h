#pragma once
/* Clocks: monotonic time since boot, and real time as an offset from it. */
#include <stdint.h>

#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t clock_monotonic_ns(void);
uint64_t clock_real_ns(void);       /* since 1970 */
/* Whoever waits for a real time has an entry on clock_changes(), because it may come sooner now. */
void clock_set_real_ns(uint64_t real_ns);

struct wait_queue;
/* Woken when the real time was set. */
struct wait_queue *clock_changes(void);
