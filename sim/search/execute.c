/*
 * One run after the other of the same booted machine.
 *
 * The driver (the main thread's own stack) and the machine (the stack of CPU 0, then those of its
 * threads) are two contexts.  The machine gives control back when it is about to run user code
 * for the first time, and then at the end of every run: from machine_halt, or from any choice or
 * event after which the run is of no interest, whatever it is in the middle of, because it is
 * wound back as a whole.  So it may be when the search is to end (Ctrl-C, --time-limit): the
 * host's alarm looks after that every 10 ms.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chooser.h"
#include "sim.h"
#include "search/array.h"
#include "search/search_internal.h"
#include "search/snapshot.h"

#define COMPUTE_NS_MAX UINT64_C(5000000000)    /* of the host's CPU without an event: no end */
#define COMPUTE_NS_AT_END UINT64_C(500000000)  /* the same when --time-limit is over, if ... */
#define COMPUTE_TIMES 8u                       /* ... it is so much longer than any before it */
#define PATIENCE_STEPS_MIN 400u
#define PATIENCE_NS_MIN UINT64_C(100000000)
#define RELAXATIONS 4096u    /* between two looks at the clock */
#define OUTPUT_MAX (UINT32_C(64) << 20)

/* Signals by which a process dies of a fault of its own. */
#define FAULT_SIGNALS (1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 11)

/* What a run may cost until it counts as a hang, beside what the command line says. */
struct patience {
    uint32_t steps;
    uint64_t compute_ns;    /* between two events */
};

struct text {
    char *bytes;
    uint32_t length, room;
};

bool search_is_active;

static struct machine_context driver, machine;
static bool in_run, is_booted, is_last;
static bool was_stopped;
static _Atomic bool is_overdue;    /* --time-limit */
static struct run run, base;
static const struct strategy *strategy;
static uint64_t events, runs;
static uint64_t longest_ns;        /* computation between two events, as far as it was noticed */
static uint32_t longest_steps;     /* of the runs that ended by themselves */
static bool has_ended;             /* there was one */
static struct patience patience = { UINT32_MAX, COMPUTE_NS_MAX };
static uint32_t *threads;
static uint32_t thread_room;
static struct text output, log_text, expected;

/* ---- Leaving the machine ------------------------------------------------------------------- */

static _Noreturn void leave(enum outcome outcome)
{
    struct machine_context nowhere;

    if (run.outcome == OUTCOME_NONE)
        run.outcome = outcome;
    machine_context_switch(&nowhere, &driver);
    __builtin_unreachable();
}

void search_before_user(void)
{
    uint64_t seed;

    if (is_booted)
        return;
    is_booted = true;
    if (search_is_active)
        machine_context_switch(&machine, &driver);
    else if (schedule_reseeds(&seed))
        chooser_seed(seed);
}

static enum outcome outcome_of(enum machine_halt why)
{
    switch (why) {
    case MACHINE_HALT_OK:
    case MACHINE_HALT_RESTART:
        return OUTCOME_NONE;    /* depends */
    case MACHINE_HALT_REFUSED:
        return OUTCOME_REFUSED;
    case MACHINE_HALT_PANIC:
        return OUTCOME_PANIC;
    case MACHINE_HALT_DEADLOCK:
        return OUTCOME_DEADLOCK;
    case MACHINE_HALT_TIME_LIMIT:
        return OUTCOME_HANG;
    }
    __builtin_unreachable();
}

static bool output_is_expected(void)
{
    return !search_settings.expect_output ||
           (output.length == expected.length &&
            (output.length == 0 ||
             memcmp(output.bytes, expected.bytes, output.length) == 0));
}

static enum outcome judge(int status)
{
    for (uint32_t i = 0; i < run.end_count; i++) {
        unsigned signal = (unsigned)run.ends[i].status & 0x7f;

        if (signal < 32 && (FAULT_SIGNALS >> signal & 1)) {
            run.status = (int)(128 + signal);
            return OUTCOME_CRASH;
        }
    }
    if (status != search_settings.expect_status)
        return OUTCOME_STATUS;
    return output_is_expected() ? OUTCOME_PASSED : OUTCOME_OUTPUT;
}

/* Operations or decisions, whatever are more. */
static uint32_t length_so_far(void)
{
    uint32_t steps = run.step_count - base.step_count;
    uint32_t decisions = run.decision_count - base.decision_count;

    return steps > decisions ? steps : decisions;
}

static void note_end(void)
{
    has_ended = true;
    if (length_so_far() > longest_steps)
        longest_steps = length_so_far();
}

/* The run of a schedule ends as it does when its time is over, with the kernel's report. */
static void look_at_length(void)
{
    static bool is_told;
    uint32_t length = length_so_far();

    if (length <= search_settings.steps_max && length <= patience.steps)
        return;
    if (search_is_active)
        leave(OUTCOME_HANG);
    if (search_settings.steps_given && !is_told)
        interrupt_raise(machine_cpu_index(), INTERRUPT_TIME_LIMIT);
    is_told = true;
}

static uint64_t between(uint64_t low, uint64_t value, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

bool execute_patience(uint32_t times)
{
    uint64_t steps = (uint64_t)longest_steps * times;
    uint64_t compute_ns = longest_ns * times;

    if (times == 0 || !has_ended) {
        patience = (struct patience){ UINT32_MAX, COMPUTE_NS_MAX };
        return false;
    }
    patience.steps = (uint32_t)between(PATIENCE_STEPS_MIN, steps, search_settings.steps_max);
    patience.compute_ns = between(PATIENCE_NS_MIN, compute_ns, COMPUTE_NS_MAX);
    return patience.steps < search_settings.steps_max && patience.compute_ns < COMPUTE_NS_MAX;
}

void search_halt(enum machine_halt why, int status)
{
    if (!search_is_active) {
        if (search_settings.schedule)
            schedule_finish(&run);
        return;
    }
    if (!in_run && is_booted)
        return;    /* the search itself has failed */
    run.status = status;
    note_end();
    run.outcome = outcome_of(why);
    if (run.outcome == OUTCOME_NONE)
        run.outcome = judge(status);
    leave(run.outcome);
}

uint64_t execute_cpu_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

bool execute_is_overdue(void)
{
    return atomic_load(&is_overdue);
}

void search_tick(void)
{
    if (search_is_active && search_settings.time_limit_ns > 0 &&
        progress_ns() > search_settings.time_limit_ns)
        atomic_store(&is_overdue, true);
}

/* Nobody wants to know any more how this run ends. */
static bool is_unwanted(void)
{
    return search_is_active && in_run && !is_last &&
           (atomic_load(&is_overdue) || atomic_load(&search_totals->interrupted) ||
            search_run_is_late());
}

static _Noreturn void stop(void)
{
    was_stopped = true;
    leave(OUTCOME_ABANDONED);
}

/* For how long has this run done nothing but compute? */
static uint64_t computing_ns(void)
{
    static uint64_t seen_events, since_ns, seen_ns;
    uint64_t now = execute_cpu_ns();

    if (seen_events != events) {
        if (seen_ns - since_ns > longest_ns)
            longest_ns = seen_ns - since_ns;
        seen_events = events;
        since_ns = now;
    }
    seen_ns = now;
    return now - since_ns;
}

/* The time is over: does the run that it finds have an end? */
static bool seems_endless(uint64_t computing)
{
    return atomic_load(&search_totals->runs) == 0 ||
           (computing > COMPUTE_NS_AT_END && computing > COMPUTE_TIMES * longest_ns);
}

/* Called now and then while something computes. */
static void look_at_time(void)
{
    uint64_t computing;

    if (!search_is_active || !in_run)
        return;
    computing = computing_ns();
    if (computing > patience.compute_ns)
        leave(OUTCOME_HANG);
    if (!is_unwanted())
        return;
    if (atomic_load(&is_overdue) && seems_endless(computing))
        leave(OUTCOME_HANG);
    stop();
}

void search_alarm(void)
{
    look_at_time();
}

void search_relax(void)
{
    static unsigned count;

    if (count++ % RELAXATIONS == 0)
        look_at_time();
}

/* ---- What the machine says ----------------------------------------------------------------- */

static void text_add(struct text *text, const void *bytes, size_t length)
{
    if (text->length + length > OUTPUT_MAX && !in_run)
        refuse("more than %u MiB of text", OUTPUT_MAX >> 20);
    if (text->length + length > OUTPUT_MAX)
        leave(OUTCOME_HANG);
    ARRAY_GROW(text->bytes, text->room, text->length + (uint32_t)length + 1);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += (uint32_t)length;
}

void search_write_channel(unsigned number, const void *bytes, size_t size)
{
    text_add(number == STDERR_FILENO ? &log_text : &output, bytes, size);
    run.output_hash = hash_bytes(run.output_hash, bytes, size);
}

void search_write_stream(enum machine_stream stream, const char *text, size_t length)
{
    switch (stream) {
    case MACHINE_STREAM_TERMINAL:
        search_write_channel(STDOUT_FILENO, text, length);
        return;
    case MACHINE_STREAM_LOG:
        if (is_booted)
            text_add(&log_text, text, length);
        else if (search_may_refuse())
            fwrite(text, 1, length, stderr);
        return;
    case MACHINE_STREAM_TRACE:
        return;
    case MACHINE_STREAM_REPORT:
        if (is_last)
            reports_write(text, length);
        return;
    case MACHINE_STREAM_GRAPH:
        if (is_last)
            reports_write_graph(text, length);
        return;
    }
}

const char *execute_output(size_t *length)
{
    *length = output.length;
    return output.bytes ? output.bytes : "";
}

const char *execute_log(size_t *length)
{
    *length = log_text.length;
    return log_text.bytes ? log_text.bytes : "";
}

void execute_last(void)
{
    is_last = true;
}

bool execute_was_stopped(void)
{
    return was_stopped;
}

/* ---- Choices and events -------------------------------------------------------------------- */

static unsigned choose_thread(int32_t current, const struct candidate *candidates, unsigned count)
{
    struct turn turn;
    int chosen;

    if (is_unwanted())
        stop();
    ARRAY_GROW(threads, thread_room, count);
    turn = run_turn(&run, current, candidates, count, threads);
    chosen = strategy ? strategy->choose(&run, &turn) : (int)turn.usual;
    if (chosen < 0)
        leave(OUTCOME_ABANDONED);
    run_decided(&run, &turn, (unsigned)chosen);
    look_at_length();
    return (unsigned)chosen;
}

static void happened(const struct observer_event *event)
{
    events++;
    if (!run_event(&run, event, cpu_current()->root))
        return;
    look_at_length();
    if (in_run && strategy && strategy->step && !strategy->step(&run))
        leave(OUTCOME_ABANDONED);
}

static const struct chooser_strategy hooks = {
    .choose_thread = choose_thread,
    .event = happened,
};

/* ---- Runs ---------------------------------------------------------------------------------- */

static void read_expected(void)
{
    char bytes[4096];
    size_t count;
    FILE *file;

    if (!search_settings.expect_output)
        return;
    file = fopen(search_settings.expect_output, "re");
    if (!file)
        refuse("--expect-output: cannot read %s", search_settings.expect_output);
    while ((count = fread(bytes, 1, sizeof(bytes), file)) > 0)
        text_add(&expected, bytes, count);
    fclose(file);
}

static void use_hooks(void)
{
    run_init(&run);
    run_init(&base);
    chooser_use(&hooks);
}

void execute_boot(void)
{
    use_hooks();
    search_is_active = true;
    read_expected();
    operations_order_console(search_settings.expect_output != NULL);
    machine_cpu_start(0, kernel_start);
    machine_context_switch(&driver, &cpu_current()->context);
    if (run.outcome != OUTCOME_NONE)
        exit(outcome_status(&run));    /* one line was printed */
    soft_tlb_leave();
    input_mark();
    run_copy(&base, &run);
    hostfs_keep_nodes();
    snapshot_take();
}

/* In an ordinary run: the same hooks, but nothing is wound back. */
static void follow_schedule(void)
{
    use_hooks();
    schedule_follow(search_settings.schedule);
    strategy = &strategy_schedule;
    strategy->begin(0);
}

void search_start(void)
{
    if (search_settings.schedule)
        follow_schedule();
    else if (search_settings.wanted)
        search_run_all();
}

static int compare_ends(const void *a, const void *b)
{
    const struct run_end *first = a;
    const struct run_end *second = b;

    return first->process < second->process ? -1 : first->process > second->process;
}

/* The end of a run as a person sees it: output, exit status of all, what went wrong. */
static void hash_end(void)
{
    uint64_t numbers[] = { (uint64_t)run.outcome, (uint64_t)run.status, run.output_hash };

    if (run.end_count > 0)
        qsort(run.ends, run.end_count, sizeof(run.ends[0]), compare_ends);
    run.state_hash = hash_bytes(HASH_START, numbers, sizeof(numbers));
    run.state_hash = hash_bytes(run.state_hash, run.ends, run.end_count * sizeof(run.ends[0]));
}

const struct run *execute(const struct strategy *wanted, uint64_t seed, const uint64_t *reseed)
{
    if (runs++ > 0) {
        soft_tlb_leave();
        snapshot_restore();
        hostfs_drop_nodes();
        input_rewind();
    }
    run_rewind(&run, &base);
    output.length = log_text.length = 0;
    was_stopped = false;
    if (reseed)
        chooser_seed(*reseed);
    strategy = wanted;
    strategy->begin(seed);
    in_run = true;
    machine_context_switch(&driver, &machine);
    in_run = false;
    hash_end();
    if (strategy->end)
        strategy->end(&run);
    return &run;
}

const struct run *execute_base(void)
{
    return &base;
}

void execute_forget_threads(void)
{
    run_destroy(&run);
    run_init(&run);
    run_copy(&run, &base);
}

uint64_t execute_runs(void)
{
    return runs;
}
