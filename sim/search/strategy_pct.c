/*
 * PCT: probabilistic concurrency testing.  Every thread has a random priority and the highest one
 * goes on; at depth - 1 random decisions of the run the one that would go on falls below all
 * others.  A bug that needs `depth` ordering constraints is hit by a run with n threads and k
 * decisions with a probability of at least 1 / (n * k^(depth - 1)).
 *
 * k is taken from the first run of the search, and more than that one had, so that each run is a
 * function of its seed and not of those before it; what a run does behind its k-th decision is
 * outside of the bound.  A thread that only looks (at the clock, or again and
 * again at the same thing), or was stopped in a computation of its own, may be waiting for another
 * one, so it falls behind as well.
 */
#include "search/array.h"
#include "search/strategy.h"

#define DECISIONS_AT_FIRST 30u

static struct random_state source;
static uint32_t *priorities;    /* by thread; 0: none yet */
static uint32_t priority_room;
static uint32_t lowest;         /* given to who falls behind; counts down */
static unsigned depth;
static unsigned change_at[STRATEGY_DEPTHS];
static unsigned decisions;      /* of this run */
static struct pct_sizes sizes;
static uint32_t demoted;        /* the one that only looks, RUN_NOBODY: none */

struct pct_sizes pct_sizes(void)
{
    return sizes;
}

double pct_bound(const struct pct_sizes *known, unsigned bug_depth)
{
    double bound = known->threads ? 1.0 / known->threads : 1.0;

    for (unsigned i = 1; i < bug_depth; i++)
        bound /= known->decisions ? known->decisions : 1;
    return bound;
}

void pct_expect(unsigned decisions_of_first)
{
    unsigned expected = decisions_of_first + decisions_of_first / 2;

    sizes.decisions = expected > DECISIONS_AT_FIRST ? expected : DECISIONS_AT_FIRST;
}

void pct_begin(uint64_t seed, unsigned wanted_depth)
{
    if (sizes.decisions == 0)
        pct_expect(0);
    random_begin(&source, seed);
    for (uint32_t i = 0; i < priority_room; i++)
        priorities[i] = 0;
    lowest = UINT32_C(1) << 30;
    depth = wanted_depth;
    decisions = 0;
    demoted = RUN_NOBODY;
    for (unsigned i = 0; i + 1 < depth; i++)
        change_at[i] = random_below(&source, sizes.decisions);
    sizes.runs[depth]++;
}

static void begin(uint64_t seed)
{
    pct_begin(seed, (unsigned)(seed % STRATEGY_DEPTHS) + 1);
}

static void make_room(uint32_t thread)
{
    uint32_t old = priority_room;

    ARRAY_GROW(priorities, priority_room, thread + 1);
    for (uint32_t i = old; i < priority_room; i++)
        priorities[i] = 0;
}

static uint32_t priority_of(uint32_t thread)
{
    make_room(thread);
    if (priorities[thread] == 0)
        priorities[thread] = (UINT32_C(1) << 31) | (uint32_t)(random_bits(&source) >> 33);
    return priorities[thread];
}

static void fall_behind(uint32_t thread)
{
    make_room(thread);
    priorities[thread] = lowest--;
}

static unsigned highest(const struct turn *turn)
{
    unsigned best = 0;

    for (unsigned i = 1; i < turn->count; i++) {
        if (priority_of(turn->threads[i]) > priority_of(turn->threads[best]))
            best = i;
    }
    return best;
}

static bool was_stopped(const struct turn *turn)
{
    for (unsigned i = 0; i < turn->count; i++) {
        if (turn->threads[i] == turn->current)
            return operation_is_computation(&turn->candidates[i].next);
    }
    return false;
}

static int choose(const struct run *run, const struct turn *turn)
{
    unsigned best;

    (void)run;
    if (was_stopped(turn))
        fall_behind(turn->current);
    if (demoted != RUN_NOBODY)
        fall_behind(demoted);
    demoted = RUN_NOBODY;
    best = highest(turn);
    for (unsigned i = 0; i + 1 < depth; i++) {
        if (change_at[i] == decisions) {
            fall_behind(turn->threads[best]);
            best = highest(turn);
        }
    }
    decisions++;
    return (int)best;
}

/* Does the thread of the last step do again what it did just before? */
static bool only_looks(const struct run *run)
{
    const struct run_step *last = &run->steps[run->step_count - 1];

    if (last->operation.object_kind == OBJECT_CLOCK)
        return true;
    if (last->operation.access != OPERATION_READ)
        return false;
    for (uint32_t i = run->step_count - 1; i > 0; i--) {
        const struct run_step *before = &run->steps[i - 1];

        if (before->thread == last->thread)
            return before->operation.instruction == last->operation.instruction &&
                   before->operation.object == last->operation.object;
    }
    return false;
}

static bool step(const struct run *run)
{
    if (only_looks(run))
        demoted = run->steps[run->step_count - 1].thread;
    return true;
}

static void end(const struct run *run)
{
    unsigned threads = 0;

    for (uint32_t i = 0; i < run->thread_count; i++)
        threads += run->threads[i].present;
    if (decisions > 0 && threads > sizes.threads)
        sizes.threads = threads;
}

const struct strategy strategy_pct = {
    .name = "pct", .begin = begin, .choose = choose, .step = step, .end = end,
};
