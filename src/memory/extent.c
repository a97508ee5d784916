/*
 * Extents of anonymous memory.
 *
 * Invariant: entry i of a table that an extent filled maps page (base + i) of a run whose base is
 * aligned like the table index, so neighbouring extents join where their runs do.
 *
 * The shared zero pages are one run as long as a table, so that they too map as extents: entry i
 * maps its page i.  It is taken from the page allocator at the first need and kept.
 */
#include "memory/extent.h"

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/page.h"

_Static_assert(1u << EXTENT_ORDER_MAX == PAGE_TABLE_ENTRIES, "the largest extent is a table");
_Static_assert(EXTENT_ORDER_MAX <= PAGE_ORDER_MAX, "there are runs for all extents");

static _Atomic(struct page *) zero_run;

static bool is_vacant(const struct extent *extent, uint64_t entry)
{
    if (extent->over_shared)
        return entry_is_shared(entry);
    return entry == 0 || (extent->over_zeros && (entry & ENTRY_ZERO));
}

static unsigned clip_low(const struct extent *extent, unsigned index)
{
    return index > extent->low ? index : extent->low;
}

static unsigned clip_high(const struct extent *extent, unsigned index)
{
    return index < extent->high ? index : extent->high;
}

static bool all_vacant(const struct extent *extent, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        if (!is_vacant(extent, entry_load(&extent->table[i])))
            return false;
    return true;
}

/* The aligned block of the extent's order around `at`. */
static unsigned block_start(const struct extent *extent)
{
    return extent->at & ~((1u << extent->order) - 1);
}

static void set_bounds(struct extent *extent)
{
    extent->first = clip_low(extent, block_start(extent));
    extent->end = clip_high(extent, block_start(extent) + (1u << extent->order));
}

/* Doubles the block as long as its other half is vacant; halves that lie outside the limits do
 * not end the growth, but nor do they count. */
static void choose(struct extent *extent)
{
    unsigned wanted = extent->order < EXTENT_ORDER_MAX ? extent->order : EXTENT_ORDER_MAX;
    unsigned best = 0;

    ASSERT(extent->at >= extent->low);
    ASSERT(extent->at < extent->high);
    ASSERT(extent->high <= PAGE_TABLE_ENTRIES);
    ASSERT(is_vacant(extent, entry_load(&extent->table[extent->at])));
    for (unsigned order = 0; order < wanted; order++) {
        unsigned half = (extent->at & ~((1u << order) - 1)) ^ (1u << order);
        unsigned first = clip_low(extent, half);
        unsigned end = clip_high(extent, half + (1u << order));

        if (first >= end)
            continue;
        if (!all_vacant(extent, first, end))
            break;
        best = order + 1;
    }
    extent->order = best;
    set_bounds(extent);
}

static void store_entries(struct extent *extent, physical_address base, uint64_t bits)
{
    ASSERT(bits & ENTRY_PRESENT);
    ASSERT(is_aligned(base, PAGE_SIZE));
    ASSERT(extent->low <= extent->first);
    ASSERT(extent->first <= extent->at);
    ASSERT(extent->at < extent->end);
    ASSERT(extent->end <= extent->high);
    extent->replaced_zeros = false;
    for (unsigned i = extent->first; i < extent->end; i++) {
        uint64_t old = entry_load(&extent->table[i]);

        ASSERT(is_vacant(extent, old));
        if (old != 0)
            extent->replaced_zeros = true;
        entry_store(&extent->table[i], (base + (physical_address)i * PAGE_SIZE) | bits);
    }
}

/* A run for the block, cut to the extent; *base: what the table's first entry would map.  Shorter
 * when memory is short of runs. */
static int allocate(struct extent *extent, enum page_fill fill, physical_address *base)
{
    choose(extent);

    struct page *run = page_allocate_run(extent->order, fill);

    while (!run && extent->order > 0) {
        extent->order--;
        run = page_allocate_run(extent->order, fill);
    }
    if (!run)
        return -ENOMEM;

    set_bounds(extent);

    unsigned block = block_start(extent);
    unsigned block_end = block + (1u << extent->order);

    if (extent->first > block)
        page_release_run(run, extent->first - block);
    if (extent->end < block_end)
        page_release_run(run + (extent->end - block), block_end - extent->end);
    *base = page_address(run) - (physical_address)block * PAGE_SIZE;
    return 0;
}

int extent_fill(struct extent *extent, uint64_t bits)
{
    physical_address base;
    int error = allocate(extent, PAGE_ZERO, &base);

    if (!error)
        store_entries(extent, base, bits);
    return error;
}

int extent_copy(struct extent *extent, uint64_t bits, uint64_t *old)
{
    physical_address base;

    ASSERT(extent->over_shared);
    ASSERT(extent->order <= EXTENT_COPY_ORDER_MAX);

    int error = allocate(extent, PAGE_DIRTY, &base);

    for (unsigned i = extent->first; !error && i < extent->end; i++) {
        uint64_t entry = entry_load(&extent->table[i]);

        memcpy(page_data(page_at(base + (physical_address)i * PAGE_SIZE)),
               page_data(page_at(entry & ENTRY_ADDRESS)), PAGE_SIZE);
        old[i - extent->first] = entry;
    }
    if (!error)
        store_entries(extent, base, bits);
    return error;
}

int extent_fill_reserved(struct extent *extent, uint64_t bits)
{
    if (!machine_info()->memory_find_touched || extent->low > 0 ||
        extent->high < PAGE_TABLE_ENTRIES || !all_vacant(extent, 0, PAGE_TABLE_ENTRIES))
        return -ENOMEM;

    struct page *run = page_reserve_run(EXTENT_ORDER_MAX);

    if (!run)
        return -ENOMEM;
    extent->order = EXTENT_ORDER_MAX;
    set_bounds(extent);
    store_entries(extent, page_address(run), bits | ENTRY_RESERVED);
    return 0;
}

static struct page *zero_run_get(void)
{
    struct page *run = atomic_load_explicit(&zero_run, memory_order_acquire);

    if (run)
        return run;

    struct page *created = page_allocate_run(EXTENT_ORDER_MAX, PAGE_ZERO);

    if (!created)
        return NULL;
    if (!atomic_compare_exchange_strong_explicit(&zero_run, &run, created, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        page_release_run(created, (size_t)1 << EXTENT_ORDER_MAX);
        return run;
    }
    return created;
}

int extent_fill_zeros(struct extent *extent, uint64_t bits)
{
    struct page *run = zero_run_get();

    if (!run)
        return -ENOMEM;
    choose(extent);
    store_entries(extent, page_address(run), bits | ENTRY_ZERO);
    return 0;
}
