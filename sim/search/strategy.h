#pragma once
/*
 * Strategies: who goes on at each decision of a run.  They see the record of the run (run.h) and
 * the options, nothing else.
 *
 * Random strategies make a run from a number, its seed: the same number, the same run.
 */
#include "search/run.h"

#define STRATEGY_ABANDON (-1)    /* instead of an option: the rest of the run is of no interest */
#define STRATEGY_DEPTHS 3        /* of PCT: 1 to 3 */

struct strategy {
    const char *name;
    void (*begin)(uint64_t seed);
    /* Index of an option, or STRATEGY_ABANDON. */
    int (*choose)(const struct run *run, const struct turn *turn);
    /* The last operation of the record took effect; false: abandon.  May be NULL. */
    bool (*step)(const struct run *run);
    /* May be NULL. */
    void (*end)(const struct run *run);
};

extern const struct strategy strategy_random;       /* each option as likely */
extern const struct strategy strategy_pct;          /* depth 1 to 3 in turn */
extern const struct strategy strategy_pos;
extern const struct strategy strategy_portfolio;    /* by seed: random, PCT 2, PCT 3, POS */
extern const struct strategy strategy_dpor;         /* dpor.h; seeds mean nothing */

/* Random numbers of one strategy. */
struct random_state {
    uint64_t state;
};
void random_begin(struct random_state *random, uint64_t seed);
uint64_t random_bits(struct random_state *random);
unsigned random_below(struct random_state *random, unsigned count);

/* For portfolios. */
void pct_begin(uint64_t seed, unsigned depth);

/* How many decisions the first run of the search had; before the second one. */
void pct_expect(unsigned decisions_of_first);

/* For the bound that PCT gives: the largest number of threads so far, and among how many decisions
 * its changes are. */
struct pct_sizes {
    unsigned threads, decisions;
    uint64_t runs[STRATEGY_DEPTHS + 1];    /* by depth */
};
struct pct_sizes pct_sizes(void);
/* At least this probability has one run to show a bug of that depth. */
double pct_bound(const struct pct_sizes *sizes, unsigned depth);

/* Two operations of different threads whose order could matter: see happens_before.h. */
bool operations_depend(const struct operation *a, const struct operation *b);
/* Whether writes to the console count (they matter when the output is compared). */
void operations_order_console(bool matters);
