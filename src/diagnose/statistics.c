/*
 * The option `stats`: a row for each thread and each semaphore that there ever was, printed at the
 * end.  Without the option nothing of this runs.
 *
 * Rows are made when a thread first blocks, takes a semaphore or ends; they stay.
 */
#include "debug/log.h"
#include "debug/options.h"
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "process/process.h"
#include "process/semaphore_set.h"
#include "sched/watch.h"

#define ROWS_MAX 32768u
#define NS_PER_US 1000u
#define OVERTAKEN_TOLERATED 1u    /* in one wait that may count as starvation: see fairness.c */

struct semaphore_row {
    struct semaphore_row *next;
    uint64_t id;
    int64_t value;
    bool is_removed;
    uint64_t acquisitions, waits, wait_ns, longest_wait_ns, overtakings, most_overtakings;
    int32_t longest_waiter;
};

static struct pool thread_row_pool = POOL_INITIAL("thread row", struct thread_row, ROWS_MAX);
static struct pool semaphore_row_pool = POOL_INITIAL("semaphore row", struct semaphore_row,
                                                     ROWS_MAX);

static struct {
    struct spinlock lock;    /* RANK_STATISTICS */

    /* Protected by `lock`. */
    struct thread_row *threads;          /* in the order of ids */
    struct semaphore_row *semaphores;    /* the same */
    uint64_t rows_lost;      /* there was no room for them */
} all = { .lock = SPINLOCK_INITIAL(RANK_STATISTICS, "statistics") };

static bool is_on;    /* constant after boot */

void statistics_init(void)
{
    is_on = option_is_set("stats");
    if (is_on)
        watch_times();
}

/* ---- Rows of threads ----------------------------------------------------------------------- */

/* `all.lock` held.  NULL: there is no room. */
static struct thread_row *row_of(struct thread *thread) REQUIRES(&all.lock)
{
    struct thread_row *row = thread->watched, **link = &all.threads;

    ASSERT(spin_is_held(&all.lock));
    if (row)
        return row;
    row = pool_allocate(&thread_row_pool);
    if (!row) {
        all.rows_lost++;
        return NULL;
    }
    row->id = thread->id;
    row->process_id = thread->process ? thread->process->id : 0;
    row->root = thread->user_address_space;
    row->started_ns = thread->started_ns;
    while (*link && (*link)->id < row->id)
        link = &(*link)->next;
    row->next = *link;
    *link = row;
    thread->watched = row;
    return row;
}

/* Its numbers up to now. */
static void update(struct thread_row *row, const struct thread *thread)
{
    uint64_t now_ns = machine_time_ns();
    uint64_t in_state_ns = now_ns - thread->state_since_ns;

    row->ended_ns = now_ns;
    if (thread->user_address_space != 0)    /* else it has left its program already */
        row->root = thread->user_address_space;
    memcpy(row->name, thread->name, sizeof(row->name));
    row->run_ns = thread->run_ns;
    if (thread->state == THREAD_RUNNING && thread->run_since_ns < now_ns)
        row->run_ns += now_ns - thread->run_since_ns;
    row->ready_ns = thread->ready_ns + (thread->state == THREAD_READY ? in_state_ns : 0);
    row->blocked_ns = thread->blocked_ns;
    row->asleep_ns = thread->asleep_ns;
    if (thread->state == THREAD_BLOCKED && thread->waiting_for.kind == WAIT_SLEEP)
        row->asleep_ns += in_state_ns;
    else if (thread->state == THREAD_BLOCKED)
        row->blocked_ns += in_state_ns;
    row->switches = thread->voluntary_switches + thread->involuntary_switches;
    row->acquisitions = thread->acquisitions;
    row->overtaken = thread->overtaken;
    if (thread->longest_wait_ns > row->longest_wait_ns)
        row->longest_wait_ns = thread->longest_wait_ns;
}

/* The wait that it is in, or that is just over. */
static void look_at_wait(struct thread_row *row)
{
    uint64_t wait_ns = machine_time_ns() - row->wait_began_ns;
    uint64_t passed = fairness_others(all.threads, row) - row->others_before;

    if (passed >= row->passed) {
        row->passed = passed;
        row->passed_wait_ns = wait_ns;
    }
    if (wait_ns > row->longest_wait_ns)
        row->longest_wait_ns = wait_ns;
}

void statistics_blocks(struct thread *thread)
{
    if (!is_on || thread->waiting_for.kind != WAIT_SEMAPHORE)
        return;
    spin_lock(&all.lock);
    struct thread_row *row = row_of(thread);
    if (row && !row->is_waiting) {
        memcpy(row->name, thread->name, sizeof(row->name));
        row->is_waiting = true;
        row->wait_began_ns = thread->waiting_since_ns;
        row->others_before = fairness_others(all.threads, row);
    }
    spin_unlock(&all.lock);
}

void statistics_acquired(struct thread *thread, uint64_t overtaken)
{
    if (!is_on)
        return;
    spin_lock(&all.lock);
    struct thread_row *row = row_of(thread);
    if (row) {
        memcpy(row->name, thread->name, sizeof(row->name));
        if (row->is_waiting && overtaken <= OVERTAKEN_TOLERATED)
            look_at_wait(row);
        row->is_waiting = false;
        row->acquisitions = thread->acquisitions;
    }
    spin_unlock(&all.lock);
}

void statistics_ended(struct thread *thread)
{
    if (!is_on)
        return;
    spin_lock(&all.lock);
    struct thread_row *row = row_of(thread);
    if (row) {
        update(row, thread);
        if (row->is_waiting)
            look_at_wait(row);
        row->is_waiting = false;
        row->has_ended = true;
    }
    spin_unlock(&all.lock);
}

/* ---- Rows of semaphores -------------------------------------------------------------------- */

/* A key that is used again goes on in the same row. */
static struct semaphore_row *semaphore_row_of(uint64_t id)
{
    struct semaphore_row **link = &all.semaphores, *row;

    while (*link && (*link)->id < id)
        link = &(*link)->next;
    row = *link;
    if (row && row->id == id)
        return row;
    row = pool_allocate(&semaphore_row_pool);
    if (!row) {
        all.rows_lost++;
        return NULL;
    }
    row->id = id;
    row->next = *link;
    *link = row;
    return row;
}

static void add_semaphore(uint64_t id, const struct semaphore_statistics *statistics, int64_t value,
                          bool is_removed)
{
    struct semaphore_row *row;

    spin_lock(&all.lock);
    row = semaphore_row_of(id);
    if (row) {
        row->value = value;
        row->is_removed = is_removed;
        row->acquisitions += statistics->acquisitions;
        row->waits += statistics->waits;
        row->wait_ns += statistics->wait_ns;
        row->overtakings += statistics->overtakings;
        if (statistics->most_overtakings > row->most_overtakings)
            row->most_overtakings = statistics->most_overtakings;
        if (statistics->longest_wait_ns > row->longest_wait_ns) {
            row->longest_wait_ns = statistics->longest_wait_ns;
            row->longest_waiter = statistics->longest_waiter;
        }
    }
    spin_unlock(&all.lock);
}

void statistics_removed(const struct semaphore *semaphore)
{
    if (is_on)
        add_semaphore(semaphore->id, &semaphore->statistics,
                      atomic_load_explicit(&semaphore->count, memory_order_relaxed), true);
}

static void add_living_semaphore(const struct semaphore_report *report, void *context)
{
    (void)context;
    if (!report->removed)
        add_semaphore(report->id, &report->statistics, report->count, false);
}

/* ---- Printing ------------------------------------------------------------------------------ */

static void update_living(struct thread *thread, void *context) REQUIRES(&all.lock)
{
    (void)context;
    if (thread->state == THREAD_DEAD)
        return;

    struct thread_row *row = row_of(thread);

    if (!row || row->has_ended)
        return;
    update(row, thread);
    if (row->is_waiting)
        look_at_wait(row);
}

/* Milliseconds with three digits behind the point. */
static const char *milliseconds(uint64_t ns, char *text, size_t size)
{
    unsigned long long us = (unsigned long long)(ns / NS_PER_US);

    format(text, size, "%llu.%03llu", us / 1000, us % 1000);
    return text;
}

static void print_thread(const struct thread_row *row)
{
    char times[5][SECONDS_SIZE];

    log_line(LOG_ERROR, "%6d %-15s %11s %11s %11s %11s %8llu %8llu %11s %9llu %8llu",
             row->process_id, row->name, milliseconds(row->run_ns, times[0], SECONDS_SIZE),
             milliseconds(row->ready_ns, times[1], SECONDS_SIZE),
             milliseconds(row->blocked_ns, times[2], SECONDS_SIZE),
             milliseconds(row->asleep_ns, times[3], SECONDS_SIZE),
             (unsigned long long)row->switches, (unsigned long long)row->acquisitions,
             milliseconds(row->longest_wait_ns, times[4], SECONDS_SIZE),
             (unsigned long long)row->overtaken, (unsigned long long)row->passed);
}

static void print_semaphore(const struct semaphore_row *row)
{
    char times[2][SECONDS_SIZE], key[SECONDS_SIZE];

    format(key, sizeof(key), (uint32_t)row->id < 0x1000 ? "%u" : "0x%x", (uint32_t)row->id);
    log_line(LOG_ERROR, "%6u %-15s %11lld %8llu %8llu %11s %11s %8d %9llu %9llu",
             (unsigned)(row->id >> 32), key, (long long)row->value,
             (unsigned long long)row->acquisitions, (unsigned long long)row->waits,
             milliseconds(row->wait_ns, times[0], SECONDS_SIZE),
             milliseconds(row->longest_wait_ns, times[1], SECONDS_SIZE), row->longest_waiter,
             (unsigned long long)row->overtakings, (unsigned long long)row->most_overtakings);
}

void statistics_print(void)
{
    char when[SECONDS_SIZE];

    if (!is_on)
        return;
    semaphore_sets_for_each(add_living_semaphore, NULL);
    spin_lock(&all.lock);
    thread_for_each(update_living, NULL);
    spin_unlock(&all.lock);
    log_line(LOG_ERROR, "statistics after %s; times in milliseconds",
             seconds_text(machine_time_ns(), when, sizeof(when)));
    log_line(LOG_ERROR, "%6s %-15s %11s %11s %11s %11s %8s %8s %11s %9s %8s", "PID", "NAME",
             "RUNNING", "READY", "BLOCKED", "ASLEEP", "SWITCHES", "TAKEN", "LONGEST", "OVERTAKEN",
             "PASSED");
    for (const struct thread_row *row = all.threads; row; row = row->next)
        print_thread(row);
    if (all.semaphores)
        log_line(LOG_ERROR, "%6s %-15s %11s %8s %8s %11s %11s %8s %9s %9s", "SET", "SEMAPHORE",
                 "VALUE", "TAKEN", "WAITS", "WAITED", "LONGEST", "BY", "OVERTAKEN", "AT MOST");
    for (const struct semaphore_row *row = all.semaphores; row; row = row->next)
        print_semaphore(row);
    if (all.rows_lost > 0)
        log_line(LOG_ERROR, "%llu rows had no room", (unsigned long long)all.rows_lost);
    fairness_print(all.threads);
}
