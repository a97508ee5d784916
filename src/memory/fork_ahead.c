/*
 * Pages that will be written soon after a fork: the child has copies of them from the start, so
 * that neither side faults there.
 *
 * Known are the stack and the thread area of the thread that forks.  The others are learnt: spaces
 * that come from each other by fork share a list of the pages that were copied after earlier forks.
 * As pages that are copied in advance tell nobody whether they were needed, it begins anew now and
 * then.  These are only guesses, so nothing here can fail, and the list needs no lock.
 *
 * Copies are made when both sides share the pages and nobody can write to them any more, else the
 * child might see a later write of another thread and not an earlier one.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/extent.h"
#include "memory/memory_internal.h"
#include "memory/pool.h"

#define STACK_BELOW 256u       /* a thread goes on writing around its stack pointer */
#define STACK_ABOVE 512u
#define LEARNT_MAX 8u
#define LEARNT_REACH (UINT64_C(8) * PAGE_SIZE)    /* copied to either side of such a page */
#define COPY_MAX ((uint64_t)PAGE_SIZE << EXTENT_COPY_ORDER_MAX)
#define FORKS_MAX 32u          /* then it begins anew */
#define RANGES_MAX (LEARNT_MAX + 2)

struct fork_memory {
    struct refcount references;    /* of the spaces that share it */
    _Atomic unsigned forks;
    _Atomic unsigned next;
    _Atomic user_address pages[LEARNT_MAX];    /* 0: none */
};

static struct pool memory_pool = POOL_INITIAL("fork memory", struct fork_memory, 0);

/* ---- What is learnt ------------------------------------------------------------------------ */

static void share_memory(struct address_space *source, struct address_space *copy)
{
    if (!source->fork_memory) {
        source->fork_memory = pool_allocate(&memory_pool);
        if (!source->fork_memory)
            return;
        refcount_init(&source->fork_memory->references, 1);
    }
    ASSERT(!copy->fork_memory);
    refcount_take(&source->fork_memory->references);
    copy->fork_memory = source->fork_memory;
}

void fork_memory_release(struct address_space *space)
{
    if (space->fork_memory && refcount_drop(&space->fork_memory->references))
        pool_free(&memory_pool, space->fork_memory);
    space->fork_memory = NULL;
}

void fork_memory_note(struct address_space *space, user_address page)
{
    struct fork_memory *memory = space->fork_memory;

    if (!memory)
        return;
    for (unsigned i = 0; i < LEARNT_MAX; i++) {
        user_address known = atomic_load(&memory->pages[i]);

        if (known != 0 && page >= known - LEARNT_REACH && page < known + LEARNT_REACH)
            return;
    }
    atomic_store(&memory->pages[atomic_fetch_add(&memory->next, 1) % LEARNT_MAX], page);
}

static void forget_sometimes(struct fork_memory *memory)
{
    if (atomic_fetch_add(&memory->forks, 1) % FORKS_MAX != FORKS_MAX - 1)
        return;
    for (unsigned i = 0; i < LEARNT_MAX; i++)
        atomic_store(&memory->pages[i], 0);
}

/* ---- What is copied ------------------------------------------------------------------------ */

struct ranges {
    unsigned count;
    struct range {
        user_address start, end;
    } all[RANGES_MAX];
};

/* In order of addresses, and as far as the region of `address` goes. */
static void add_range(struct ranges *ranges, const struct address_space *space,
                      user_address address, struct range range)
{
    const struct region *region = region_find(&space->regions, address);
    unsigned place = ranges->count;

    if (!region || !(region->protection & PROTECTION_WRITE) ||
        (region->flags & (REGION_SHARED | REGION_NO_FORK | REGION_WIPE_ON_FORK)))
        return;
    range.start = range.start > region->start ? range.start : region->start;
    range.end = range.end < region->end ? range.end : region->end;
    ASSERT(ranges->count < RANGES_MAX);
    for (; place > 0 && ranges->all[place - 1].start > range.start; place--)
        ranges->all[place] = ranges->all[place - 1];
    ranges->all[place] = range;
    ranges->count++;
}

static void find_ranges(struct ranges *ranges, const struct address_space *space,
                        const struct address_space_use *use)
{
    user_address area = round_down(use->thread_area, PAGE_SIZE);

    add_range(ranges, space, use->stack,
              (struct range){ round_down(use->stack - STACK_BELOW, PAGE_SIZE),
                              round_up(use->stack + STACK_ABOVE, PAGE_SIZE) });
    add_range(ranges, space, area, (struct range){ area, area + PAGE_SIZE });
    for (unsigned i = 0; space->fork_memory && i < LEARNT_MAX; i++) {
        user_address page = atomic_load(&space->fork_memory->pages[i]);

        if (page != 0)
            add_range(ranges, space, page,
                      (struct range){ page - LEARNT_REACH, page + LEARNT_REACH });
    }
}

/* The page is the original's alone again. */
static void separate(page_entry *from, page_entry *to, struct page *page)
{
    uint64_t value = entry_load(from);
    struct page *original = page_at(value & ENTRY_ADDRESS);

    memcpy(page_data(page), page_data(original), PAGE_SIZE);
    entry_store(to, page_address(page) | (value & ~ENTRY_ADDRESS) | ENTRY_WRITE | ENTRY_DIRTY);
    page_release(original);
    if (page_references(original) == 1)
        entry_store(from, value | ENTRY_WRITE | ENTRY_DIRTY);
}

/* In one table, into one run. */
static void copy_pages(struct address_space *source, struct address_space *copy,
                       const struct range *range)
{
    page_entry *from = page_table_find(source->root, range->start);
    page_entry *to = page_table_find(copy->root, range->start);
    size_t count = (range->end - range->start) / PAGE_SIZE;
    unsigned order = 0;

    ASSERT(range->start / PAGE_TABLE_SPAN == (range->end - 1) / PAGE_TABLE_SPAN);
    while (((size_t)1 << order) < count)
        order++;

    struct page *run = from && to ? page_allocate_run(order, PAGE_DIRTY) : NULL;

    for (size_t i = 0; run && i < (size_t)1 << order; i++) {
        if (i < count && entry_is_shared(entry_load(&from[i])) &&
            entry_load(&to[i]) == entry_load(&from[i]))
            separate(&from[i], &to[i], run + i);
        else
            page_release(run + i);
    }
}

/* One run for each table, and for not too much. */
static void copy_range(struct address_space *source, struct address_space *copy,
                       struct range range)
{
    while (range.start < range.end) {
        user_address table_end = round_down(range.start, PAGE_TABLE_SPAN) + PAGE_TABLE_SPAN;
        struct range part = { range.start, range.start + COPY_MAX };

        part.end = part.end < range.end ? part.end : range.end;
        part.end = part.end < table_end ? part.end : table_end;
        copy_pages(source, copy, &part);
        range.start = part.end;
    }
}

void fork_copy_ahead(struct address_space *source, struct address_space *copy,
                     const struct address_space_use *use)
{
    struct ranges ranges = { 0 };
    unsigned next;

    ASSERT(mutex_is_held(&source->lock));
    ASSERT(mutex_is_held(&copy->lock));
    share_memory(source, copy);
    find_ranges(&ranges, source, use);
    for (unsigned i = 0; i < ranges.count; i = next) {
        struct range range = ranges.all[i];

        /* Neighbours are one extent in the copy. */
        for (next = i + 1; next < ranges.count && ranges.all[next].start <= range.end; next++)
            range.end = ranges.all[next].end > range.end ? ranges.all[next].end : range.end;
        copy_range(source, copy, range);
    }
    if (source->fork_memory)
        forget_sometimes(source->fork_memory);
}
