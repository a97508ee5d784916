#pragma once
/*
 * DPOR: one run of each partial order, by source sets and sleep sets.  strategy_dpor makes the
 * choices of one run; these functions lead from run to run.
 */
#include "search/strategy.h"

/* Why not all was covered, although the search came to its end. */
enum dpor_gap {
    DPOR_TIME = 1 << 0,         /* operations read the clock */
    DPOR_IRREGULAR = 1 << 1,    /* a thread did not do what it had announced, or spun */
    DPOR_SIZE = 1 << 2,         /* too many threads, or too long a run */
    DPOR_UNSTABLE = 1 << 3,     /* the same choices did not lead to the same run */
};

struct dpor_counts {
    uint64_t complete;          /* runs to their end: one for each partial order */
    uint64_t abandoned;         /* that would have repeated another one's order */
    unsigned gaps;              /* enum dpor_gap */
};

/* Starts anew; operations before `first_step` belong to no choice. */
void dpor_begin(uint32_t first_step);
/* After a run: true if there is another one. */
bool dpor_advance(void);
struct dpor_counts dpor_counts(void);
