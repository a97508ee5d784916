/*
 * A look at what the kernel still holds when its first process has ended: objects of pools and
 * pages beyond those of the boot.  Caches are meant to be among them; anything else is a leak.
 * Runs with the option `leak-check`.
 */
#include "debug/log.h"
#include "debug/options.h"
#include "futex/futex.h"
#include "ipc/ipc_table.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "process/process.h"

#define POOLS_MAX 64

static struct {
    const struct pool *pools[POOLS_MAX];
    size_t in_use[POOLS_MAX];
    unsigned count;
    uint64_t free_pages;
} before;    /* written once at boot */

static void note_pool(const struct pool *pool, void *context)
{
    (void)context;
    if (before.count == POOLS_MAX)
        return;
    before.pools[before.count] = pool;
    before.in_use[before.count] = pool->in_use;
    before.count++;
}

void process_init(void)
{
    futex_init();
    if (!option_is_set("leak-check"))
        return;
    before.free_pages = page_statistics().free;
    pool_for_each(note_pool, NULL);
}

static void compare_pool(const struct pool *pool, void *context)
{
    unsigned *differences = context;
    size_t expected = 0;

    for (unsigned i = 0; i < before.count; i++) {
        if (before.pools[i] == pool)
            expected = before.in_use[i];
    }
    if (pool->in_use == expected)
        return;
    (*differences)++;
    log_line(LOG_WARNING, "leak check: %zu more of \"%s\"", pool->in_use - expected, pool->name);
}

unsigned process_end_check(void)
{
    unsigned differences = 0;

    ipc_space_end(0);
    if (!option_is_set("leak-check"))
        return 0;
    pool_for_each(compare_pool, &differences);
    log_line(LOG_WARNING, "leak check: %lld pages fewer are free",
             (long long)(before.free_pages - page_statistics().free));
    return differences;
}
