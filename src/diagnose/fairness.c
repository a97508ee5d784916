/*
 * Fairness and starvation, from the rows of the statistics.
 *
 * A thread's peers are the threads of the same program that take semaphores.  It is `passed` n
 * times in a wait if its peers took semaphores n times while it waited once.  It is starving if in
 * one wait
 * - each of its peers took STARVING_ROUNDS semaphores on average,
 * - all of them together one in STARVING_PART of those that they ever took: not just bad luck once,
 * - and that is at least STARVING_RATIO times what the median of its peers went through: where
 *   everybody waits long, there is contention, not starvation.
 *
 * A wait in which others that came later took the same semaphore again and again does not count:
 * semaphores are first come, first served, so this happens only where a seed chooses who is served,
 * and tells about the seed and not about the program.  (The column OVERTAKEN shows it.)
 */
#include "debug/log.h"
#include "diagnose/diagnose_internal.h"
#include "lib/text.h"

#define STARVING_ROUNDS 16u
#define STARVING_PART 4u
#define STARVING_RATIO 4u
#define NS_PER_SECOND UINT64_C(1000000000)
#define SHARE_MAX 4096u    /* squares of sums of THREADS_MAX of these fit 64 bits */
#define PEERS_MAX 512u     /* threads of one program that the index is computed of */

static bool is_peer(const struct thread_row *row, const struct thread_row *other)
{
    return row->root == other->root && (other->acquisitions > 0 || other->is_waiting) &&
           text_equal(row->name, other->name);
}

uint64_t fairness_others(const struct thread_row *rows, const struct thread_row *row)
{
    uint64_t taken = 0;

    for (const struct thread_row *other = rows; other; other = other->next) {
        if (other != row && is_peer(row, other))
            taken += other->acquisitions;
    }
    return taken;
}

static unsigned peer_count(const struct thread_row *rows, const struct thread_row *row)
{
    unsigned count = 0;

    for (const struct thread_row *other = rows; other; other = other->next)
        count += other != row && is_peer(row, other);
    return count;
}

/* ---- Starvation ---------------------------------------------------------------------------- */

/* The median of what its peers were passed in one wait, without sorting: the smallest value that
 * half of them do not exceed. */
static uint64_t median_passed(const struct thread_row *rows, const struct thread_row *row)
{
    unsigned count = peer_count(rows, row);
    uint64_t median = UINT64_MAX;

    for (const struct thread_row *candidate = rows; candidate; candidate = candidate->next) {
        unsigned not_above = 0;

        if (candidate == row || !is_peer(row, candidate))
            continue;
        for (const struct thread_row *other = rows; other; other = other->next)
            not_above += other != row && is_peer(row, other) && other->passed <= candidate->passed;
        if (2 * not_above >= count && candidate->passed < median)
            median = candidate->passed;
    }
    return count > 0 ? median : 0;
}

bool fairness_is_starving(const struct thread_row *rows, const struct thread_row *row)
{
    unsigned peers = peer_count(rows, row);

    if (peers == 0 || row->passed < (uint64_t)STARVING_ROUNDS * peers ||
        row->passed * STARVING_PART < fairness_others(rows, row))
        return false;
    return row->passed >= STARVING_RATIO * median_passed(rows, row);
}

static void print_starving(const struct thread_row *rows)
{
    bool any = false;

    for (const struct thread_row *row = rows; row; row = row->next) {
        char how_long[SECONDS_SIZE];

        if (row->acquisitions == 0 && !row->is_waiting)
            continue;
        if (!fairness_is_starving(rows, row))
            continue;
        any = true;
        log_line(LOG_ERROR, "starving: process %d (%s): in one wait of %s the others took "
                 "semaphores %llu times, %llu each", row->process_id, row->name,
                 seconds_text(row->passed_wait_ns, how_long, sizeof(how_long)),
                 (unsigned long long)row->passed,
                 (unsigned long long)(row->passed / peer_count(rows, row)));
    }
    if (!any)
        log_line(LOG_ERROR, "starving: nobody");
}

/* ---- Jain's index -------------------------------------------------------------------------- */

/* (sum x)^2 / (n sum x^2) in thousandths. */
unsigned fairness_index(const uint64_t *shares, unsigned count)
{
    uint64_t largest = 1, sum = 0, squares = 0;

    for (unsigned i = 0; i < count; i++)
        largest = shares[i] > largest ? shares[i] : largest;
    for (unsigned i = 0; i < count; i++) {
        uint64_t share = largest > UINT64_MAX / SHARE_MAX ? shares[i] / (largest / SHARE_MAX)
                                                          : shares[i] * SHARE_MAX / largest;

        sum += share;
        squares += share * share;
    }
    squares *= count;
    return squares > 0 ? (unsigned)((sum * sum * 1000 + squares / 2) / squares) : 1000;
}

/* Semaphores taken in a thousand seconds of life. */
static uint64_t share_of(const struct thread_row *row)
{
    uint64_t life_us = (row->ended_ns - row->started_ns) / 1000;

    return row->acquisitions * NS_PER_SECOND / (life_us > 0 ? life_us : 1);
}

static bool is_first_of_program(const struct thread_row *rows, const struct thread_row *row)
{
    for (const struct thread_row *other = rows; other != row; other = other->next) {
        if (is_peer(row, other))
            return false;
    }
    return true;
}

static void print_index(const struct thread_row *rows, const struct thread_row *first)
{
    static uint64_t shares[PEERS_MAX];    /* one CPU prints, at the end */
    unsigned count = 0;

    for (const struct thread_row *row = first; row && count < PEERS_MAX; row = row->next) {
        if (is_peer(first, row))
            shares[count++] = share_of(row);
    }
    if (count < 2)
        return;
    (void)rows;

    unsigned index = fairness_index(shares, count);

    log_line(LOG_ERROR, "fairness of %s: %u.%03u (Jain's index of semaphores taken per second by "
             "%u threads; 1 is equal)", first->name, index / 1000, index % 1000, count);
}

void fairness_print(const struct thread_row *rows)
{
    for (const struct thread_row *row = rows; row; row = row->next) {
        if (row->acquisitions > 0 && is_first_of_program(rows, row))
            print_index(rows, row);
    }
    print_starving(rows);
}
