/* The search itself: run after run until one fails, then what there is to say about it. */
#include <inttypes.h>
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
static uint64_t running;               /* number of the run at hand, from 0 */
static struct forms forms;             /* partial orders that DPOR has run */
static struct order order;
static uint64_t unknown_forms, repeated_forms, checked;

/* ---- Counting ------------------------------------------------------------------------------ */

static void print_count(uint64_t count, const char *what)
{
    printf("%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
}

static bool is_over(void)
{
    return atomic_load(&search_totals->interrupted) || execute_is_overdue();
}

bool search_run_is_late(void)
{
    return !search_settings.keep_going &&
           running > atomic_load(&search_totals->first_failure);
}

static void note_failure(uint64_t number)
{
    uint64_t first = atomic_load(&search_totals->first_failure);

    while (number < first &&
           !atomic_compare_exchange_weak(&search_totals->first_failure, &first, number))
        continue;
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
    if (execute_was_stopped())
        return false;
    atomic_fetch_add(&search_totals->runs, 1);
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
        failing_number = number;
        note_failure(number);
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

/* Run number 0, which PCT takes its measure from: its own for one job of one shard, for others an
 * extra one that counts only if it fails. */
static bool measure(const struct strategy *strategy)
{
    uint64_t seed = search_settings.seed;
    const struct run *run = execute(strategy, seed, &seed);

    pct_expect(run->decision_count - execute_base()->decision_count);
    return !run_failed(run) || search_settings.keep_going || count_run(run, &seed, 0);
}

static void search_at_random(unsigned job)
{
    const struct strategy *strategy = strategy_chosen();
    uint64_t stride = (uint64_t)search_settings.shards * search_settings.jobs;
    uint64_t first = search_settings.shard + (uint64_t)search_settings.shards * job;

    if (first > 0 && first < search_settings.count && !measure(strategy))
        return;
    for (uint64_t i = first; i < search_settings.count; i += stride) {
        uint64_t seed = search_settings.seed + i;
        const struct run *run;

        running = i / search_settings.shards;
        if (search_run_is_late())
            return;
        run = execute(strategy, seed, &seed);
        if (i == 0)
            pct_expect(run->decision_count - execute_base()->decision_count);
        if (!count_run(run, &seed, running))
            return;
    }
}

static void share_sizes(void)
{
    struct pct_sizes sizes = pct_sizes();
    uint32_t threads = atomic_load(&search_totals->pct_threads);

    for (unsigned depth = 1; depth <= STRATEGY_DEPTHS; depth++)
        atomic_fetch_add(&search_totals->pct_runs[depth], sizes.runs[depth]);
    while (threads < sizes.threads &&
           !atomic_compare_exchange_weak(&search_totals->pct_threads, &threads, sizes.threads))
        continue;
    atomic_store(&search_totals->pct_decisions, sizes.decisions);
}

/* Of a library of mathematics this would be the only use, and each start would load it. */
static double power(double base, uint64_t exponent)
{
    double result = 1;

    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2)
            result *= base;
        base *= base;
    }
    return result;
}

static void print_odds_of(const struct pct_sizes *sizes, unsigned depth, uint64_t runs)
{
    double found = 1 - power(1 - pct_bound(sizes, depth), runs);

    printf("PCT: ");
    print_count(runs, "run");
    printf(" at depth %u, %u threads, the first %u decisions: a bug of that depth would have been "
           "found with a probability of at least %.3f\n", depth, sizes->threads,
           sizes->decisions, found > ODDS_MAX ? ODDS_MAX : found);
}

/* The odds that PCT gives, for bugs of each depth that it was run with. */
static void print_odds(void)
{
    struct pct_sizes sizes = {
        .threads = atomic_load(&search_totals->pct_threads),
        .decisions = atomic_load(&search_totals->pct_decisions),
    };

    if (search_settings.cpus > 1 || sizes.threads == 0)
        return;    /* the bound knows nothing of the choice of CPUs */
    for (unsigned depth = 1; depth <= STRATEGY_DEPTHS; depth++) {
        uint64_t runs = atomic_load(&search_totals->pct_runs[depth]);

        if (runs > 0)
            print_odds_of(&sizes, depth, runs);
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
            return !execute_was_stopped() && !dpor_advance();
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

        if (execute_was_stopped() || !order_build(&order, run))
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

    execute_last();
    if (minimal->run.outcome == OUTCOME_HANG && !search_settings.keep_going)
        return;    /* the last run was it, and each takes long */
    guide_of_run(&guide, &minimal->run, execute_base()->decision_count);
    guide_use(&guide);
    if (!run_same_failure(execute(&strategy_guided, 0, minimal->reseeds ? &minimal->seed : NULL),
                          &minimal->run))
        printf("note: the run does not fail each time that it is repeated\n");
    free(guide.keys);
}

/* The failing run once more, so that threads have the same numbers whatever this job did before. */
static void run_failing_again(void)
{
    const struct run *run;

    if (!failing_reseeds || failing.outcome == OUTCOME_HANG)
        return;
    execute_forget_threads();
    run = execute(strategy_chosen(), failing_seed, &failing_seed);
    if (run_same_failure(run, &failing))
        run_copy(&failing, run);
}

static void report_failure(void)
{
    static struct minimal minimal;

    printf("schedule %" PRIu64, failing_number + 1);
    if (failing_reseeds)
        printf(" (seed %" PRIu64 ")", failing_seed);
    printf(": ");
    fflush(stdout);
    run_failing_again();
    minimise(&minimal, &failing, failing_reseeds, failing_seed);
    repeat(&minimal);
    explain(&minimal);
    reports_finish();
}

/* A failure ends the search; then what other jobs did meanwhile does not count. */
void search_summary(void)
{
    uint64_t first = atomic_load(&search_totals->first_failure);
    bool is_cut = first != UINT64_MAX && !search_settings.keep_going;
    uint64_t runs = is_cut ? first + 1 : atomic_load(&search_totals->runs);

    if (first == UINT64_MAX && search_settings.strategy != CHOICE_DPOR)
        print_odds();
    if (atomic_load(&search_totals->interrupted) && first == UINT64_MAX)
        printf("interrupted: ");
    else if (search_settings.time_limit_ns > 0 && first == UINT64_MAX &&
             progress_ns() > search_settings.time_limit_ns)
        printf("time limit: ");
    print_count(runs, "schedule");
    printf(" (%.0f a second), ", progress_rate());
    if (!is_cut) {
        print_count(atomic_load(&search_totals->states), "different end");
        printf(", ");
    }
    print_count(is_cut ? 1 : atomic_load(&search_totals->failures), "failure");
    printf("; %.2f s\n", progress_seconds());
    fflush(stdout);
}

/* Of several jobs that have found a failure one has something to say. */
static bool is_finder(void)
{
    if (!has_failed)
        return false;
    jobs_wait_for_others();
    return atomic_load(&search_totals->first_failure) == failing_number &&
           !atomic_exchange(&search_totals->is_told, true);    /* run 0 may be several jobs' */
}

_Noreturn void search_run_all(void)
{
    unsigned job = search_settings.job;
    bool exhaustive = search_settings.strategy == CHOICE_DPOR;
    bool alone = search_settings.jobs == 1;
    bool ended = false;
    int status = 0;

    progress_begin(alone);    /* the time limit counts from here */
    execute_boot();
    if (exhaustive)
        ended = search_exhaustively();
    else
        search_at_random(job);
    share_sizes();
    jobs_searched(job);
    progress_show(true);
    if (exhaustive && ended && (!has_failed || search_settings.keep_going))
        check_forms();
    if (is_finder()) {
        report_failure();
        status = outcome_status(&failing);
    }
    if (exhaustive && (!has_failed || search_settings.keep_going))
        status = report_exhaustive(ended) && !has_failed ? EXIT_INCOMPLETE : status;
    else if (alone)
        search_summary();
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
