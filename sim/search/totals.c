/*
 * What the processes of a search count together, in memory that they share; and how far they are,
 * shown on a terminal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"
#include "search/search_internal.h"

#define STATES_MAX (1u << 20)              /* hashes that are told apart */
#define SHOW_NS UINT64_C(200000000)

struct search_totals *search_totals;

static _Atomic uint64_t *states;           /* 0: free */
static uint64_t began_ns, shown_ns;
static bool shows;

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        refuse("no memory for the search");
    return memory;
}

void totals_init(void)
{
    search_totals = share(sizeof(*search_totals));
    states = share(STATES_MAX * sizeof(*states));
    atomic_store(&search_totals->first_failure, UINT64_MAX);
}

bool totals_add_state(uint64_t hash)
{
    if (atomic_load(&search_totals->states) > STATES_MAX / 2)
        return false;    /* looking for a place would take longer and longer */
    hash |= 1;    /* 0 means free */
    for (uint32_t i = 0; i < STATES_MAX; i++) {
        _Atomic uint64_t *place = &states[(hash + i) % STATES_MAX];
        uint64_t found = 0;

        if (atomic_compare_exchange_strong(place, &found, hash)) {
            atomic_fetch_add(&search_totals->states, 1);
            return true;
        }
        if (found == hash)
            return false;
    }
    return false;
}

bool search_may_refuse(void)
{
    static bool says_it;

    if (search_totals && !says_it)
        says_it = !atomic_exchange(&search_totals->is_refused, true);
    return !search_totals || says_it;
}

/* ---- Progress ------------------------------------------------------------------------------ */

void progress_begin(bool shown)
{
    began_ns = clock_host_ns();
    shows = shown && isatty(STDERR_FILENO);
}

uint64_t progress_ns(void)
{
    return clock_host_ns() - began_ns;
}

double progress_seconds(void)
{
    return (double)progress_ns() / 1e9;
}

double progress_rate(void)
{
    uint64_t searched = atomic_load(&search_totals->searched_ns);
    uint64_t until = searched ? searched : clock_host_ns();

    return (double)atomic_load(&search_totals->runs) / ((double)(until - began_ns) / 1e9 + 1e-9);
}

int progress_interval_ms(void)
{
    return shows ? (int)(SHOW_NS / 1000000) : -1;
}

void progress_show(bool last)
{
    uint64_t now = clock_host_ns();

    if (!shows || (!last && now - shown_ns < SHOW_NS))
        return;
    shown_ns = now;
    fprintf(stderr, "\r%" PRIu64 " schedules, %.0f a second, %" PRIu64 " different ends\033[K%s",
            atomic_load(&search_totals->runs), progress_rate(),
            atomic_load(&search_totals->states), last ? "\n" : "");
}
