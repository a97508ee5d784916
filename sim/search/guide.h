#pragma once
/*
 * Strategies that follow something: a list of departures from the usual rule, keyed so that one can
 * be left out without moving the others, or the threads of an order of operations.
 */
#include "search/strategy.h"

/* When `current` has so many acts behind it, at the serial-th decision before that kind of
 * operation, `target` goes on and not the usual one. */
struct departure_key {
    uint32_t current, acts, serial, target;
    enum run_point point;
};

struct guide {
    struct departure_key *keys;
    uint32_t count, room;
};

/* The departures of a run. */
void guide_of_run(struct guide *guide, const struct run *run, uint32_t first_decision);
void guide_add(struct guide *guide, const struct departure_key *key);
/* What strategy_guided follows from now on. */
void guide_use(const struct guide *guide);
extern const struct strategy strategy_guided;

/* strategy_sequence: these threads do the operations from `first_step` on, then the usual rule. */
void sequence_use(const uint32_t *threads, uint32_t count, uint32_t first_step);
extern const struct strategy strategy_sequence;

/* strategy_prefix: the decisions of this run up to its step `steps`, then a random walk. */
void prefix_use(const struct run *run, uint32_t steps);
extern const struct strategy strategy_prefix;

/* strategy_sparing: random, but with few preemptions: */
struct sparing {
    unsigned preemptions;    /* at most so many ... */
    unsigned points;         /* ... at random ones of about as many points ... */
    bool at_looks;           /* ... where threads compute or look at the clock, too */
    uint32_t steps_max;      /* a longer run is of no interest */
};
void sparing_use(const struct sparing *settings);
extern const struct strategy strategy_sparing;
