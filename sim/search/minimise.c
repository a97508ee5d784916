/*
 * From a run that fails to the simplest schedule that fails in the same way.
 *
 *  1. Without the numbers of the run's seed, if they do not matter.
 *  2. The same operations in an order that stays with a thread for as long as possible: no search,
 *     for the partial order of the operations is the same.
 *  3. If hundreds of preemptions are left: random schedules with few of them.  Then ddmin:
 *     departures from the usual rule are left out, in halves, quarters, ..., as long as the
 *     run still fails.  They are keyed by a thread and its n-th operation, so that the others
 *     keep their meaning.
 *  4. 2 again, then random schedules with fewer preemptions than are left, with a budget.
 *  5. The point of no return: continuations at random from each prefix of what is left.
 */
#include <string.h>

#include "sim.h"
#include "search/array.h"
#include "search/guide.h"
#include "search/search_internal.h"

#define RUNS_MAX 4000                 /* of step 3 */
#define SPARING_RUNS 2000             /* of step 4, for each number of preemptions */
#define SPARING_RUNS_FIRST 20
#define MANY_PREEMPTIONS 20u
#define CONTINUATIONS 100             /* of step 5, from each prefix */
#define STEP_NS UINT64_C(700000000)   /* no step takes much longer */
#define ALL_NS UINT64_C(2000000000)   /* nor all of them together */

static struct minimal *best;
static uint64_t first_run, all_began, step_began;
static uint64_t sparing_runs = SPARING_RUNS;

static uint64_t runs_so_far(void)
{
    return execute_runs() - first_run;
}

static void begin_step(void)
{
    step_began = clock_host_ns();
}

static bool has_time(void)
{
    uint64_t now = clock_host_ns();

    return now - step_began < STEP_NS && now - all_began < ALL_NS &&
           !atomic_load(&search_totals->interrupted);
}

static bool is_simpler(const struct run *a, const struct run *b)
{
    unsigned preemptions_a = run_preemptions(a);
    unsigned preemptions_b = run_preemptions(b);

    if (preemptions_a != preemptions_b)
        return preemptions_a < preemptions_b;
    if (run_deviations(a) != run_deviations(b))
        return run_deviations(a) < run_deviations(b);
    return a->step_count < b->step_count;
}

/* Keeps the run if it fails in the same way and is simpler. */
static bool keep_if_simpler(const struct run *run)
{
    if (!run_same_failure(run, &best->run) || !is_simpler(run, &best->run))
        return false;
    run_copy(&best->run, run);
    return true;
}

static const struct run *attempt(const struct strategy *strategy, uint64_t seed)
{
    return execute(strategy, seed, best->reseeds ? &best->seed : NULL);
}

/* ---- The seed ------------------------------------------------------------------------------ */

static void drop_seed(void)
{
    struct guide guide = { 0 };

    if (!best->reseeds)
        return;
    guide_of_run(&guide, &best->run, execute_base()->decision_count);
    guide_use(&guide);
    if (run_same_failure(execute(&strategy_guided, 0, NULL), &best->run))
        best->reseeds = false;
    free(guide.keys);
}

/* ---- The same partial order ---------------------------------------------------------------- */

static void relinearise(void)
{
    static struct order order;
    uint32_t *threads;
    uint32_t first = execute_base()->step_count;

    if (!order_build(&order, &best->run))
        return;
    threads = calloc(best->run.step_count + 1, sizeof(*threads));
    if (!threads)
        abort();
    order_relinearise(&order, &best->run, threads);
    sequence_use(threads + first, best->run.step_count - first, first);
    keep_if_simpler(attempt(&strategy_sequence, 0));
    free(threads);
}

/* ---- ddmin --------------------------------------------------------------------------------- */

/* All of `guide` but what lies between the two positions. */
static void leave_out(const struct guide *guide, uint32_t from, uint32_t to, struct guide *rest)
{
    rest->count = 0;
    for (uint32_t i = 0; i < guide->count; i++) {
        if (i < from || i >= to)
            guide_add(rest, &guide->keys[i]);
    }
}

static bool still_fails(const struct guide *guide)
{
    const struct run *run;

    guide_use(guide);
    run = attempt(&strategy_guided, 0);
    if (!run_same_failure(run, &best->run))
        return false;
    keep_if_simpler(run);
    return true;
}

static void swap(struct guide *a, struct guide *b)
{
    struct guide old = *a;

    *a = *b;
    *b = old;
}

/* Tries without each piece of this size; true if one could go. */
static bool drop_pieces(struct guide *guide, struct guide *rest, uint32_t size)
{
    bool dropped = false;

    for (uint32_t from = 0; from < guide->count && has_time() && runs_so_far() < RUNS_MAX;) {
        leave_out(guide, from, from + size, rest);
        if (still_fails(rest)) {
            swap(guide, rest);
            dropped = true;
        } else {
            from += size;
        }
    }
    return dropped;
}

/* All departures towards one thread. */
static void drop_threads(struct guide *guide, struct guide *rest)
{
    for (uint32_t thread = 0; thread < best->run.thread_count && has_time(); thread++) {
        rest->count = 0;
        for (uint32_t i = 0; i < guide->count; i++) {
            if (guide->keys[i].target != thread && guide->keys[i].current != thread)
                guide_add(rest, &guide->keys[i]);
        }
        if (rest->count < guide->count && still_fails(rest))
            swap(guide, rest);
    }
}

static void drop_departures(void)
{
    struct guide guide = { 0 };
    struct guide rest = { 0 };

    begin_step();
    guide_of_run(&guide, &best->run, execute_base()->decision_count);
    if (still_fails(&guide)) {
        drop_threads(&guide, &rest);
        for (uint32_t size = (guide.count + 1) / 2; size > 0; size /= 2) {
            while (drop_pieces(&guide, &rest, size) && size == 1)
                continue;
        }
    }
    free(guide.keys);
    free(rest.keys);
}

/* ---- Fewer preemptions --------------------------------------------------------------------- */

static bool find_sparing(unsigned preemptions)
{
    unsigned decisions = best->run.decision_count - execute_base()->decision_count;

    sparing_use(preemptions, decisions);
    for (uint64_t i = 0; i < sparing_runs && has_time(); i++) {
        if (keep_if_simpler(attempt(&strategy_sparing, i)))
            return true;
    }
    return false;
}

static void spare_preemptions(void)
{
    unsigned now = run_preemptions(&best->run);

    begin_step();
    for (unsigned preemptions = 0; preemptions < now; preemptions++) {
        if (!find_sparing(preemptions))
            continue;
        relinearise();
        drop_departures();
        return;
    }
}

/* Leaving out one of hundreds of departures changes all that comes after it, so other schedules
 * with far fewer preemptions are looked for at once. */
static void spare_many(void)
{
    begin_step();
    for (unsigned preemptions = 0; run_preemptions(&best->run) > MANY_PREEMPTIONS && has_time();
         preemptions = preemptions ? 2 * preemptions : 1) {
        if (preemptions > run_preemptions(&best->run))
            return;
        sparing_runs = SPARING_RUNS_FIRST;
        find_sparing(preemptions);
        sparing_runs = SPARING_RUNS;
    }
}

/* ---- The point of no return ---------------------------------------------------------------- */

/* Of how many per cent of the continuations fails what follows the first `steps` steps? */
static unsigned chance_after(uint32_t steps)
{
    unsigned failures = 0;

    prefix_use(&best->run, steps);
    for (uint64_t i = 0; i < CONTINUATIONS && has_time(); i++) {
        if (run_failed(attempt(&strategy_prefix, i)))
            failures++;
        else if (failures < i)
            break;    /* certainly less than all */
    }
    return failures * 100 / CONTINUATIONS;
}

/* The chance never falls, roughly: the step at which it gets to 100 is found by halving. */
static void find_no_return(void)
{
    uint32_t low = execute_base()->step_count;
    uint32_t high = best->run.step_count;

    begin_step();
    if (low == high || !has_time() || chance_after(high) < 100)
        return;
    while (high - low > 1 && has_time()) {
        uint32_t middle = low + (high - low) / 2;

        if (chance_after(middle) == 100)
            high = middle;
        else
            low = middle;
    }
    if (high - low == 1 && has_time())
        best->no_return = high - 1;
}

void minimise(struct minimal *minimal, const struct run *failing, bool reseeds, uint64_t seed)
{
    memset(minimal, 0, sizeof(*minimal));
    best = minimal;
    run_init(&best->run);
    run_copy(&best->run, failing);
    best->reseeds = reseeds;
    best->seed = seed;
    best->preemptions_before = run_preemptions(failing);
    first_run = execute_runs();
    all_began = clock_host_ns();
    if (failing->outcome == OUTCOME_HANG) {    /* each further run would take as long */
        best->no_return = UINT32_MAX;
        return;
    }
    drop_seed();
    relinearise();
    spare_many();
    drop_departures();
    relinearise();
    spare_preemptions();
    best->no_return = UINT32_MAX;
    if (search_settings.cpus == 1)    /* with several, threads are not all that is chosen */
        find_no_return();
    best->runs = runs_so_far();
}
