/*
 * From a run that fails to the simplest schedule that fails in the same way.
 *
 *  1. Without the numbers of the run's seed, if they do not matter.
 *  2. The same operations in an order that stays with a thread for as long as possible: no search,
 *     for the partial order of the operations is the same.
 *  3. If many preemptions are left: random schedules with fewer of them, at operations that others
 *     may notice; the better one is the bound for those that follow.
 *  4. ddmin: departures from the usual rule are left out, first whole kinds of them, then in
 *     halves, quarters, ..., as long as the run still fails.  They are keyed by a thread and its
 *     n-th operation, looks at the clock not counted, so that the others keep their meaning.
 *  5. 2 again, then 3 until it does not help any more, each time with 4.
 *  6. The point of no return: continuations at random from each prefix of what is left.
 *
 * A run that hangs is as long as a run may be.  So all this is done with less patience, a few times
 * what a run takes that ends, and what was found is tried once more with all of it.
 *
 * What is found depends on the failing run alone and not on how fast the host is: what a step may
 * cost is counted in operations of the runs that it makes.
 */
#include <string.h>

#include "sim.h"
#include "search/array.h"
#include "search/guide.h"
#include "search/search_internal.h"

#define WORK_MAX UINT64_C(400000)     /* of a step: operations of its runs ... */
#define WORK_OF_RUN 200u              /* ... and what a run costs beside them */
#define FEW_PREEMPTIONS 8u
#define MISSES_MAX 400u               /* runs without a better one among them, in step 3 */
#define CONTINUATIONS 100             /* of step 6, from each prefix */
#define STEPS_BEYOND 4u               /* the last departure, of a run that hangs */
#define PATIENCE_TIMES 8u
/* Of the processor; only runs that compute for very long without an operation come to this. */
#define ALL_NS UINT64_C(60000000000)

static struct minimal *best;
static uint64_t first_run, all_began;
static uint64_t work;                 /* of this step so far */

static uint64_t runs_so_far(void)
{
    return execute_runs() - first_run;
}

static void begin_step(void)
{
    work = 0;
}

static bool may_go_on(void)
{
    return work < WORK_MAX && !execute_is_overdue() &&
           !atomic_load(&search_totals->interrupted) && execute_cpu_ns() - all_began < ALL_NS;
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

static const struct run *attempt_with(const struct strategy *strategy, uint64_t seed, bool reseeds)
{
    const struct run *run = execute(strategy, seed, reseeds ? &best->seed : NULL);

    work += run->step_count + WORK_OF_RUN;
    return run;
}

static const struct run *attempt(const struct strategy *strategy, uint64_t seed)
{
    return attempt_with(strategy, seed, best->reseeds);
}

/* ---- The seed ------------------------------------------------------------------------------ */

static void drop_seed(void)
{
    struct guide guide = { 0 };
    const struct run *run;

    if (!best->reseeds)
        return;
    guide_of_run(&guide, &best->run, execute_base()->decision_count);
    guide_use(&guide);
    run = attempt_with(&strategy_guided, 0, false);
    if (run_same_failure(run, &best->run)) {
        run_copy(&best->run, run);
        best->reseeds = false;
    }
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

    for (uint32_t from = 0; from < guide->count && may_go_on();) {
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

/* All departures at one kind of point. */
static void drop_points(struct guide *guide, struct guide *rest, enum run_point point)
{
    rest->count = 0;
    for (uint32_t i = 0; i < guide->count; i++) {
        if (guide->keys[i].point != point)
            guide_add(rest, &guide->keys[i]);
    }
    if (rest->count < guide->count && may_go_on() && still_fails(rest))
        swap(guide, rest);
}

/* All departures to and from one thread. */
static void drop_threads(struct guide *guide, struct guide *rest)
{
    for (uint32_t thread = 0; thread < best->run.thread_count && may_go_on(); thread++) {
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
        drop_points(&guide, &rest, POINT_LOOK);
        drop_points(&guide, &rest, POINT_AWAY);
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

static unsigned count_points(bool at_looks)
{
    unsigned count = 0;

    for (uint32_t i = execute_base()->decision_count; i < best->run.decision_count; i++) {
        enum run_point point = best->run.decisions[i].point;

        count += point == POINT_ACT || (at_looks && point == POINT_LOOK);
    }
    return count;
}

/* Without the numbers of the seed every other time. */
static bool find_sparing(uint64_t number, bool at_looks)
{
    const struct sparing settings = {
        .preemptions = run_preemptions(&best->run) - 1,
        .points = count_points(at_looks),
        .at_looks = at_looks,
        .steps_max = best->run.step_count,
    };
    bool reseeds = best->reseeds && number % 2 == 0;

    sparing_use(&settings);
    if (!keep_if_simpler(attempt_with(&strategy_sparing, number, reseeds)))
        return false;
    best->reseeds = reseeds;
    return true;
}

/* Each one that is found is the bound for the next; returns whether there was one. */
static bool spare_preemptions(bool at_looks)
{
    unsigned before = run_preemptions(&best->run);
    unsigned misses = 0;

    begin_step();
    for (uint64_t i = 0; misses < MISSES_MAX && run_preemptions(&best->run) > 0 && may_go_on();
         i++)
        misses = find_sparing(i, at_looks) ? 0 : misses + 1;
    return run_preemptions(&best->run) < before;
}

/* Leaving out one of hundreds of departures changes all that comes after it, so other schedules
 * with far fewer preemptions are looked for first. */
static void spare_many(void)
{
    if (run_preemptions(&best->run) > FEW_PREEMPTIONS && !spare_preemptions(false))
        (void)spare_preemptions(true);
}

static void simplify(void)
{
    drop_seed();
    relinearise();
    spare_many();
    do {
        drop_departures();
        relinearise();
    } while (spare_preemptions(false) || spare_preemptions(true));
    drop_seed();
}

/* ---- The point of no return ---------------------------------------------------------------- */

/* Of how many per cent of the continuations fails what follows the first `steps` steps? */
static unsigned chance_after(uint32_t steps)
{
    unsigned failures = 0;

    prefix_use(&best->run, steps);
    for (uint64_t i = 0; i < CONTINUATIONS && may_go_on(); i++) {
        if (run_failed(attempt(&strategy_prefix, i)))
            failures++;
        else if (failures < i)
            break;    /* certainly less than all */
    }
    return failures * 100 / CONTINUATIONS;
}

/* Beyond it a run that hangs only repeats itself. */
static uint32_t last_of_interest(void)
{
    uint32_t beyond = run_last_departure(&best->run) + STEPS_BEYOND;

    return best->run.outcome == OUTCOME_HANG && beyond < best->run.step_count
               ? beyond : best->run.step_count;
}

/* The chance never falls, roughly: the step at which it gets to 100 is found by halving. */
static void find_no_return(void)
{
    uint32_t low = execute_base()->step_count;
    uint32_t high = last_of_interest();

    begin_step();
    if (low == high || !may_go_on() || chance_after(high) < 100)
        return;
    while (high - low > 1 && may_go_on()) {
        uint32_t middle = low + (high - low) / 2;

        if (chance_after(middle) == 100)
            high = middle;
        else
            low = middle;
    }
    if (high - low == 1 && may_go_on())
        best->no_return = high - 1;
}

static void make_simple(void)
{
    simplify();
    if (search_settings.cpus == 1)    /* with several, threads are not all that is chosen */
        find_no_return();
}

/* ---- Hangs --------------------------------------------------------------------------------- */

/* The run of those departures from the usual order, NULL: of none, in `best` if it fails, too. */
static bool follow(const struct run *run)
{
    struct guide guide = { 0 };
    const struct run *made;

    if (run)
        guide_of_run(&guide, run, execute_base()->decision_count);
    guide_use(&guide);
    made = attempt(&strategy_guided, 0);
    free(guide.keys);
    if (!run_same_failure(made, &best->run))
        return false;
    run_copy(&best->run, made);
    return true;
}

static bool hangs_with_all_patience(void)
{
    struct run brief;
    bool hangs;

    execute_patience(0);
    run_init(&brief);
    run_copy(&brief, &best->run);
    hangs = follow(&brief);
    run_copy(&best->run, &brief);
    run_destroy(&brief);
    return hangs;
}

/* The last run that it makes is the one that is told. */
static void make_hang_simple(const struct run *failing)
{
    if (run_deviations(failing) == 0 || !may_go_on() || follow(NULL))
        return;
    for (uint32_t times = PATIENCE_TIMES; execute_patience(times) && may_go_on();
         times *= PATIENCE_TIMES) {
        if (follow(failing))
            make_simple();
        if (hangs_with_all_patience())
            return;
        run_copy(&best->run, failing);
    }
    execute_patience(0);
    (void)follow(failing);
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
    best->no_return = UINT32_MAX;
    first_run = execute_runs();
    all_began = execute_cpu_ns();
    if (failing->outcome == OUTCOME_HANG)
        make_hang_simple(failing);
    else
        make_simple();
    best->runs = runs_so_far();
}
