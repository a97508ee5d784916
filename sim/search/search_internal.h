#pragma once
/* Private to the files of the search that know the sim. */
#include "search/dpor.h"
#include "search/happens_before.h"
#include "search/run.h"
#include "search/search.h"
#include "search/strategy.h"

/* ---- options.c ----------------------------------------------------------------------------- */

enum strategy_choice {
    CHOICE_PORTFOLIO,
    CHOICE_RANDOM,
    CHOICE_PCT,
    CHOICE_POS,
    CHOICE_DPOR,
};

struct search_settings {
    bool wanted;
    uint64_t count;              /* runs; 0: not given */
    enum strategy_choice strategy;
    unsigned jobs, job;
    unsigned shard, shards;      /* from 0 */
    const char *expect_output;   /* file; NULL: not compared */
    int expect_status;
    uint32_t steps_max;
    bool steps_given;            /* by the command line: the run of a schedule ends there, too */
    bool keep_going, verbose;
    uint64_t check_runs;         /* of DPOR, afterwards */
    const char *schedule;
    uint64_t seed;
    uint64_t time_limit_ns;      /* 0: none */
    const char *const *guest;    /* program and arguments, NULL at the end */
    unsigned cpus;
};

extern struct search_settings search_settings;

/* ---- execute.c: one run -------------------------------------------------------------------- */

/* Boots up to the first instruction of the program, and takes the snapshot. */
void execute_boot(void);
/* Runs the program from there.  `seed` is the strategy's; all else that is chosen comes from
 * `reseed`, or from the seed of the command line (NULL). */
const struct run *execute(const struct strategy *strategy, uint64_t seed, const uint64_t *reseed);
/* The record of all that came before the first choice. */
const struct run *execute_base(void);
/* From now on a run hangs when it is so many times as long as any that ended by itself; 0: only if
 * it is longer than the command line allows.  False if it is that anyway. */
bool execute_patience(uint32_t times);
/* Threads are numbered anew, as they appear from now on. */
void execute_forget_threads(void);
/* Output of the last run: what the program wrote, and what the kernel said. */
const char *execute_output(size_t *length);
const char *execute_log(size_t *length);
/* One more run, to its end whatever happens, with reports that go where the command line says. */
void execute_last(void);
/* Of the host's processor, spent by this process so far. */
uint64_t execute_cpu_ns(void);
/* The last run was given up because the search is to end. */
bool execute_was_stopped(void);
/* The time limit of the search is over. */
bool execute_is_overdue(void);
uint64_t execute_runs(void);

/* ---- schedule.c ---------------------------------------------------------------------------- */

/* Text of the schedule that leads from the usual order to this run.  malloc'd. */
char *schedule_text(const struct run *run, bool reseeds, uint64_t seed);
/* Makes the run follow the text, or the file of that name. */
void schedule_follow(const char *text_or_file);
bool schedule_reseeds(uint64_t *seed);
extern const struct strategy strategy_schedule;
/* The run is over: says if it did not fit. */
void schedule_finish(const struct run *run);

/* ---- minimise.c ---------------------------------------------------------------------------- */

struct minimal {
    struct run run;                 /* the failing run with the simplest schedule found */
    bool reseeds;
    uint64_t seed;
    unsigned preemptions_before;    /* of the run that was found */
    uint64_t runs;                  /* that were needed */
    uint32_t no_return;             /* step after which every continuation failed; UINT32_MAX: none
                                     * known */
};
void minimise(struct minimal *minimal, const struct run *failing, bool reseeds, uint64_t seed);

/* ---- input.c: standard input --------------------------------------------------------------- */

void input_close_terminal(void);
/* From a pipe: kept, so that each run can read it from the start. */
void input_keep(void);
/* This process reads it at its own pace: a forked one has the position in common. */
void input_own(void);
/* Each run begins here. */
void input_mark(void);
void input_rewind(void);
/* What gives a command the same input: in front of it, and behind it. */
void input_print_before(void);
void input_print_after(void);

/* ---- command.c ----------------------------------------------------------------------------- */

/* Quoted for a shell where that is needed. */
void command_print_word(const char *word);
void command_print(const struct minimal *minimal);

/* ---- explain.c ----------------------------------------------------------------------------- */

const char *outcome_name(enum outcome outcome);
int outcome_status(const struct run *run);
void explain(const struct minimal *minimal);

/* ---- progress.c, jobs.c -------------------------------------------------------------------- */

#define JOBS_MAX 256

/* Shared by the processes of a search. */
struct search_totals {
    _Atomic uint64_t runs, states, failures;
    _Atomic uint64_t first_failure;  /* number of that run, from 0; UINT64_MAX: none */
    _Atomic uint64_t pct_runs[STRATEGY_DEPTHS + 1];
    _Atomic uint32_t pct_threads, pct_decisions;
    _Atomic uint32_t interrupted;
    _Atomic uint32_t searching;      /* jobs that still make runs; others wait for it as a futex */
    _Atomic bool has_searched[JOBS_MAX];
    _Atomic uint64_t searched_ns;    /* by the host's clock: when the last of them had */
    _Atomic bool is_told;
    _Atomic bool is_refused;         /* by one of them, who says why */
};
extern struct search_totals *search_totals;
void totals_init(void);
/* Counts an end; true if it is a new one. */
bool totals_add_state(uint64_t hash);
void progress_begin(bool shown);
uint64_t progress_ns(void);    /* async-signal-safe */
double progress_seconds(void);
/* Runs a second, until there was something to say about one. */
double progress_rate(void);
void progress_show(bool last);
int progress_interval_ms(void);    /* -1: nothing is shown */
/* Starts the others; returns the index of this one.  The first process only waits for the rest, in
 * here, and exits as they did. */
unsigned jobs_start(unsigned count);
/* As many as the host has processors for. */
unsigned jobs_usual(void);
/* This job makes no more runs; waits until no other one does, if it has something to say then. */
void jobs_searched(unsigned job);
void jobs_wait_for_others(void);

/* ---- driver.c ------------------------------------------------------------------------------ */

#define EXIT_INTERRUPTED 130   /* Ctrl-C before anything was found */
#define EXIT_INCOMPLETE 119    /* dpor found nothing, but could not cover everything */

_Noreturn void search_run_all(void);
/* Another run has failed that comes before this one. */
bool search_run_is_late(void);
/* All jobs have ended: what they did together. */
void search_summary(void);
