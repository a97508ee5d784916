/* Strategies that follow a list of departures, an order of operations, or the beginning of a
 * run. */
#include "search/guide.h"

#include "search/array.h"

static const struct guide *used;

static struct {
    const uint32_t *threads;
    uint32_t count, first_step;
} sequence;

static struct {
    const struct run *run;
    uint32_t steps;
    struct random_state random;
} prefix;

static struct sparing sparing;
static struct random_state sparing_random;
static unsigned sparing_left;
static unsigned sparing_quiet;     /* points before the first preemption that is possible */
static unsigned sparing_chance;    /* of a preemption at one of the others: 1 in so many */

static int index_of(const struct turn *turn, uint32_t thread)
{
    for (unsigned i = 0; i < turn->count; i++) {
        if (turn->threads[i] == thread)
            return (int)i;
    }
    return -1;
}

static void begin_nothing(uint64_t seed)
{
    (void)seed;
}

/* ---- Departures ---------------------------------------------------------------------------- */

void guide_add(struct guide *guide, const struct departure_key *key)
{
    ARRAY_GROW(guide->keys, guide->room, guide->count + 1);
    guide->keys[guide->count++] = *key;
}

void guide_of_run(struct guide *guide, const struct run *run, uint32_t first_decision)
{
    guide->count = 0;
    for (uint32_t i = first_decision; i < run->decision_count; i++) {
        const struct run_decision *decision = &run->decisions[i];
        struct departure_key key = {
            .current = decision->current,
            .acts = decision->current_acts,
            .serial = decision->serial,
            .target = decision->chosen,
            .point = decision->point,
        };

        if (decision->chosen != decision->usual)
            guide_add(guide, &key);
    }
}

void guide_use(const struct guide *guide)
{
    used = guide;
}

static int choose_guided(const struct run *run, const struct turn *turn)
{
    uint32_t acts = run_acts(run, turn);
    uint32_t serial = run_serial(run, turn);

    for (uint32_t i = 0; i < used->count; i++) {
        const struct departure_key *key = &used->keys[i];

        if (key->current != turn->current || key->acts != acts || key->serial != serial ||
            key->point != turn->point)
            continue;

        int index = index_of(turn, key->target);

        return index >= 0 ? index : (int)turn->usual;
    }
    return (int)turn->usual;
}

/* ---- An order of operations ---------------------------------------------------------------- */

void sequence_use(const uint32_t *threads, uint32_t count, uint32_t first_step)
{
    sequence.threads = threads;
    sequence.count = count;
    sequence.first_step = first_step;
}

/* The thread whose turn it is may still be on its way to its operation behind a computation of
 * another one. */
static int choose_next_of_sequence(const struct run *run, const struct turn *turn)
{
    uint32_t position = run->step_count - sequence.first_step;
    int index;

    if (position >= sequence.count)
        return (int)turn->usual;
    index = index_of(turn, sequence.threads[position]);
    return index >= 0 ? index : (int)turn->usual;
}

/* ---- A beginning --------------------------------------------------------------------------- */

void prefix_use(const struct run *run, uint32_t steps)
{
    prefix.run = run;
    prefix.steps = steps;
}

static void begin_prefix(uint64_t seed)
{
    random_begin(&prefix.random, seed);
}

static int choose_prefix(const struct run *run, const struct turn *turn)
{
    uint32_t number = run->decision_count;

    if (run->step_count < prefix.steps && number < prefix.run->decision_count) {
        int index = index_of(turn, prefix.run->decisions[number].chosen);

        if (index >= 0)
            return index;
    }
    return (int)random_below(&prefix.random, turn->count);
}

/* ---- Few preemptions ----------------------------------------------------------------------- */

void sparing_use(const struct sparing *settings)
{
    sparing = *settings;
}

/* All of them somewhere, mostly close together: one preemption is often of use only if another one
 * comes soon. */
static void begin_sparing(uint64_t seed)
{
    unsigned points = sparing.points ? sparing.points : 1;
    unsigned wide = sparing.preemptions ? points / sparing.preemptions : points;

    random_begin(&sparing_random, seed);
    sparing_left = sparing.preemptions;
    sparing_quiet = random_below(&sparing_random, 2) ? 0 : random_below(&sparing_random, points);
    sparing_chance = 2 + (random_below(&sparing_random, 2) ? 0 : random_below(&sparing_random,
                                                                              wide + 1));
}

/* Another one than that. */
static int choose_other(const struct turn *turn, unsigned own)
{
    unsigned other = random_below(&sparing_random, turn->count - 1);

    return (int)(other < own ? other : other + 1);
}

static int choose_sparing(const struct run *run, const struct turn *turn)
{
    int own = turn->current_can_go_on ? index_of(turn, turn->current) : -1;

    if (run->step_count > sparing.steps_max)
        return STRATEGY_ABANDON;
    if (own < 0 || turn->current_gives_way)
        return (int)random_below(&sparing_random, turn->count);
    if (turn->point == POINT_LOOK && !sparing.at_looks)
        return (int)turn->usual;
    if (sparing_quiet > 0) {
        sparing_quiet--;
        return (int)turn->usual;
    }
    if (sparing_left == 0 || random_below(&sparing_random, sparing_chance) > 0)
        return (int)turn->usual;
    sparing_left--;
    return choose_other(turn, (unsigned)own);
}

const struct strategy strategy_guided = {
    .name = "guided", .begin = begin_nothing, .choose = choose_guided,
};
const struct strategy strategy_sequence = {
    .name = "sequence", .begin = begin_nothing, .choose = choose_next_of_sequence,
};
const struct strategy strategy_prefix = {
    .name = "prefix", .begin = begin_prefix, .choose = choose_prefix,
};
const struct strategy strategy_sparing = {
    .name = "sparing", .begin = begin_sparing, .choose = choose_sparing,
};
