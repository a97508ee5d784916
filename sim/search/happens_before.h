#pragma once
/*
 * What had to happen before what in a run: the partial order that all runs share which differ only
 * in the order of operations that do not depend on each other.
 */
#include "search/strategy.h"

/* For each step a clock: how many operations of each thread it comes after, itself included. */
struct order {
    uint32_t steps, threads;
    uint32_t *clocks;
    uint32_t room;
    uint32_t *last_of_thread;    /* while building: index of its last step + 1 */
    uint32_t thread_room;
};

void order_init(struct order *order);
void order_destroy(struct order *order);
/* False if the run is too long to be worth it. */
bool order_build(struct order *order, const struct run *run);
/* Did step `a` have to happen before step `b`?  Not true of a == b. */
bool order_before(const struct order *order, const struct run *run, uint32_t a, uint32_t b);
const uint32_t *order_clock(const struct order *order, uint32_t step);
/* A number for the partial order: two runs with the same one are not told apart. */
uint64_t order_form(const struct order *order, const struct run *run);
/* The same operations in an order that stays with a thread for as long as possible; writes the
 * thread of each step. */
void order_relinearise(const struct order *order, const struct run *run, uint32_t *threads);
