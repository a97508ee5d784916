#pragma once
/*
 * Strategies that follow something: a list of departures from the usual rule, keyed so that one can
 * be left out without moving the others, or the threads of an order of operations.
 */
#include "search/strategy.h"

/* When `current` has so many operations behind it, at the serial-th decision of that kind,
 * `target` goes on and not the usual one. */
struct departure_key {
    uint32_t current, operations, serial, target;
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

/* strategy_sparing: random, but with at most so many preemptions, at random ones of about as many
 * decisions. */
void sparing_use(unsigned preemptions, unsigned decisions);
extern const struct strategy strategy_sparing;
