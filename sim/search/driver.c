/* The search itself: run after run until one fails, then what there is to say about it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "sim.h"
#include "search/forms.h"
#include "search/guide.h"
#include "search/search_internal.h"

#define ODDS_MAX 0.999    /* no probability is printed as certain */
#define OUTCOMES (OUTCOME_ABANDONED + 1)

static uint64_t failures[OUTCOMES];    /* counted with --keep-going */
static struct run failing;             /* the first one */
static bool has_failed, failing_reseeds;
static volatile bool was_interrupted;  /* by a key of the user */
static uint64_t failing_seed, failing_number;
static struct forms forms;             /* partial orders that DPOR has run */
static struct order order;
static uint64_t unknown_forms, repeated_forms, checked;

/* ---- Counting ------------------------------------------------------------------------------ */

static bool is_over(void)
{
    return atomic_load(&search_totals->interrupted) ||
           (atomic_load(&search_totals->finder) && !search_settings.keep_going) ||
           (search_settings.time_limit_ns &&
            progress_seconds() * 1e9 > (double)search_settings.time_limit_ns);
}

/* --verbose: a line for each run, with all that is needed to repeat it. */
static void tell_run(const struct run *run, const uint64_t *reseed, uint64_t number)
{
    char *schedule = schedule_text(run, reseed != NULL, reseed ? *reseed : 0);

    printf("run %" PRIu64 ": %s, hash %016" PRIx64 ", schedule %s\n", number + 1,
           outcome_name(run->outcome), journal_hash(), schedule);
    free(schedule);
}

/* Returns false when the search ends here. */
static bool count_run(const struct run *run, const uint64_t *reseed, uint64_t number)
{
    uint64_t runs = atomic_fetch_add(&search_totals->runs, 1) + 1;

    totals_add_state(run->state_hash);
    if (search_settings.verbose)
        tell_run(run, reseed, number);
    progress_show(false);
    if (!run_failed(run))
        return !is_over();
    atomic_fetch_add(&search_totals->failures, 1);
    failures[run->outcome]++;
    if (!has_failed) {
        has_failed = true;
        run_copy(&failing, run);
        failing_reseeds = reseed != NULL;
        failing_seed = reseed ? *reseed : 0;
        failing_number = search_settings.jobs > 1 ? runs : number + 1;
    }
    return search_settings.keep_going && !is_over();
}

/* ---- Random strategies --------------------------------------------------------------------- */

static const struct strategy *strategy_chosen(void)
{
    switch (search_settings.strategy) {
    case CHOICE_PORTFOLIO:
        return &strategy_portfolio;
    case CHOICE_RANDOM:
        return &strategy_random;
    case CHOICE_PCT:
        return &strategy_pct;
    case CHOICE_POS:
        return &strategy_pos;
    case CHOICE_DPOR:
        return &strategy_dpor;
    }
    __builtin_unreachable();
}

static void search_at_random(unsigned job)
{
    const struct strategy *strategy = strategy_chosen();
    uint64_t stride = (uint64_t)search_settings.shards * search_settings.jobs;
    uint64_t first = search_settings.shard + (uint64_t)search_settings.shards * job;

    for (uint64_t i = first; i < search_settings.count; i += stride) {
        uint64_t seed = search_settings.seed + i;

        if (!count_run(execute(strategy, seed, &seed), &seed, i / search_settings.shards))
            return;
    }
}

/* The odds that PCT gives, for bugs of each depth that it was run with. */
static void print_odds(void)
{
    struct pct_sizes sizes = pct_sizes();

    if (search_settings.cpus > 1)
        return;    /* the bound knows nothing of the choice of CPUs */
    for (unsigned depth = 1; depth <= STRATEGY_DEPTHS; depth++) {
        double bound = pct_bound(&sizes, depth);
        double found = 1 - pow(1 - bound, (double)sizes.runs[depth]);

        if (sizes.runs[depth] > 0 && sizes.threads > 0)
            printf("PCT: %" PRIu64 " runs at depth %u, %u threads, %u decisions: a bug of that "
                   "depth would have been found with a probability of at least %.3f\n",
                   sizes.runs[depth], depth, sizes.threads, sizes.decisions,
                   found > ODDS_MAX ? ODDS_MAX : found);
    }
}

/* ---- All of a small program ---------------------------------------------------------------- */

static void note_form(const struct run *run)
{
    if (run->outcome != OUTCOME_ABANDONED && order_build(&order, run) &&
        !forms_add(&forms, order_form(&order, run)))
        repeated_forms++;
}

/* Returns whether it came to its end. */
static bool search_exhaustively(void)
{
    uint64_t number = 0;

    dpor_begin(execute_base()->step_count);
    do {
        const struct run *run = execute(&strategy_dpor, 0, NULL);

        note_form(run);
        if (!count_run(run, NULL, number++))
            return !dpor_advance();
        if (search_settings.count && number == search_settings.count)
            return !dpor_advance();
    } while (dpor_advance());
    return true;
}

/* Random runs whose order DPOR does not know show that threads influence each other where the
 * kernel does not see it. */
static void check_forms(void)
{
    for (uint64_t i = 0; i < search_settings.check_runs && !is_over(); i++) {
        const struct run *run = execute(&strategy_random, i, NULL);

        if (!order_build(&order, run))
            continue;
        checked++;
        if (!forms_know(&forms, order_form(&order, run)))
            unknown_forms++;
    }
}

static void print_gap(unsigned gaps, enum dpor_gap gap, const char *why)
{
    if (gaps & gap)
        printf("incomplete: %s\n", why);
}

/* Prints why the search has not covered everything; false if it has. */
static bool print_gaps(bool ended, struct dpor_counts counts)
{
    if (search_settings.cpus > 1)
        printf("incomplete: what several CPUs do in the kernel is not covered; use --cpus 1\n");
    if (!ended)
        printf("incomplete: the search was stopped before its end\n");
    print_gap(counts.gaps, DPOR_TIME,
              "the program looks at the clock, and what it sees depends on the schedule");
    print_gap(counts.gaps, DPOR_IRREGULAR,
              "threads wait in loops or are preempted between basic blocks (--preempt=traps)");
    print_gap(counts.gaps, DPOR_SIZE, "too many threads or operations");
    print_gap(counts.gaps, DPOR_UNSTABLE, "the same choices did not always lead to the same run");
    if (unknown_forms)
        printf("incomplete: %" PRIu64 " of %" PRIu64 " random runs had an order that was not among "
               "them: the threads share memory without semaphores\n", unknown_forms, checked);
    if (repeated_forms)
        printf("incomplete: %" PRIu64 " orders were run more than once\n", repeated_forms);
    return !ended || counts.gaps || unknown_forms || repeated_forms || search_settings.cpus > 1;
}

static void print_failures(void)
{
    const char *between = "";

    if (!has_failed)
        printf("no deadlock and no other failure");
    for (unsigned outcome = 0; outcome < OUTCOMES; outcome++) {
        if (!failures[outcome])
            continue;
        printf("%s%s in %" PRIu64 " of them", between, outcome_name((enum outcome)outcome),
               failures[outcome]);
        between = ", ";
    }
    printf("\n");
}

/* Returns the exit status of a search without a failure. */
static int report_exhaustive(bool ended)
{
    struct dpor_counts counts = dpor_counts();

    if (print_gaps(ended, counts)) {
        printf("%" PRIu64 " schedules of this program were run: ", counts.complete);
        print_failures();
        return EXIT_INCOMPLETE;
    }
    printf("all %" PRIu64 " distinguishable schedules of this program were run: ",
           counts.complete);
    print_failures();
    printf("(%" PRIu64 " more runs were given up as repetitions", counts.abandoned);
    if (checked)
        printf("; %" PRIu64 " random runs were all among them", checked);
    printf("; %.2f s)\n"
           "(a step is a call of the kernel: between two calls no thread was preempted)\n",
           progress_seconds());
    return 0;
}

/* ---- What was found ------------------------------------------------------------------------ */

/* Runs it once more, for the kernel's report and to be sure that it repeats. */
static void repeat(struct minimal *minimal)
{
    struct guide guide = { 0 };

    guide_of_run(&guide, &minimal->run, execute_base()->decision_count);
    guide_use(&guide);
    execute_write_reports();
    if (!run_same_failure(execute(&strategy_guided, 0, minimal->reseeds ? &minimal->seed : NULL),
                          &minimal->run))
        printf("note: the run does not fail each time that it is repeated\n");
    free(guide.keys);
}

static void report_failure(void)
{
    static struct minimal minimal;

    if (search_settings.strategy == CHOICE_DPOR || !failing_reseeds)
        printf("schedule %" PRIu64 ": ", failing_number);
    else
        printf("schedule %" PRIu64 " (seed %" PRIu64 "): ", failing_number, failing_seed);
    fflush(stdout);
    minimise(&minimal, &failing, failing_reseeds, failing_seed);
    repeat(&minimal);
    explain(&minimal);
    reports_finish();
}

void search_summary(bool found)
{
    uint64_t runs = atomic_load(&search_totals->runs);

    if (atomic_load(&search_totals->interrupted) && !found)
        printf("interrupted: ");
    printf("%" PRIu64 " schedules, %" PRIu64 " different ends, %" PRIu64 " failures, %.2f s "
           "(%.0f a second)\n", runs, atomic_load(&search_totals->states),
           atomic_load(&search_totals->failures), progress_seconds(),
           (double)runs / (progress_seconds() + 1e-9));
    fflush(stdout);
}

/* One job at most has something to say. */
static bool is_finder(unsigned job)
{
    uint32_t nobody = 0;

    return has_failed &&
           atomic_compare_exchange_strong(&search_totals->finder, &nobody, job + 1);
}

_Noreturn void search_run_all(void)
{
    unsigned job = search_settings.job;
    bool exhaustive = search_settings.strategy == CHOICE_DPOR;
    bool alone = search_settings.jobs == 1;
    bool ended = false;
    int status = 0;

    execute_boot();
    progress_begin(alone);
    if (exhaustive)
        ended = search_exhaustively();
    else
        search_at_random(job);
    progress_show(true);
    if (exhaustive && ended && (!has_failed || search_settings.keep_going))
        check_forms();
    if (is_finder(job)) {
        report_failure();
        status = outcome_status(&failing);
    } else if (!exhaustive && !has_failed && alone) {
        print_odds();
    }
    if (exhaustive && (!has_failed || search_settings.keep_going))
        status = report_exhaustive(ended) && !has_failed ? EXIT_INCOMPLETE : status;
    else if (alone)
        search_summary(has_failed);
    if (was_interrupted && !has_failed)
        status = EXIT_INTERRUPTED;
    host_restore();
    exit(status);
}

bool search_interrupt(void)
{
    if (!search_is_active || was_interrupted)
        return false;
    was_interrupted = true;
    atomic_store(&search_totals->interrupted, 1);
    return true;
}
