/* The random walk, and the portfolio that mixes the random strategies. */
#include "search/strategy.h"

static struct random_state walk;
static const struct strategy *member;    /* of the portfolio, for this run */

/* splitmix64 */
uint64_t random_bits(struct random_state *random)
{
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* Neighbouring seeds must not give streams that overlap. */
void random_begin(struct random_state *random, uint64_t seed)
{
    random->state = seed;
    random->state = random_bits(random) ^ seed << 32;
}

unsigned random_below(struct random_state *random, unsigned count)
{
    return (unsigned)((random_bits(random) >> 32) * count >> 32);
}

static void walk_begin(uint64_t seed)
{
    random_begin(&walk, seed);
}

static int walk_choose(const struct run *run, const struct turn *turn)
{
    (void)run;
    return (int)random_below(&walk, turn->count);
}

static void portfolio_begin(uint64_t seed)
{
    switch (seed % 4) {
    case 0:
        member = &strategy_random;
        walk_begin(seed);
        break;
    case 1:
    case 2:
        member = &strategy_pct;
        pct_begin(seed, (unsigned)(seed % 4) + 1);
        break;
    case 3:
        member = &strategy_pos;
        strategy_pos.begin(seed);
        break;
    }
}

static int portfolio_choose(const struct run *run, const struct turn *turn)
{
    return member->choose(run, turn);
}

static bool portfolio_step(const struct run *run)
{
    return !member->step || member->step(run);
}

static void portfolio_end(const struct run *run)
{
    if (member->end)
        member->end(run);
}

const struct strategy strategy_random = {
    .name = "random", .begin = walk_begin, .choose = walk_choose,
};
const struct strategy strategy_portfolio = {
    .name = "portfolio",
    .begin = portfolio_begin,
    .choose = portfolio_choose,
    .step = portfolio_step,
    .end = portfolio_end,
};
