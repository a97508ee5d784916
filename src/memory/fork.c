/*
 * A copy of an address space, for fork: regions and page-table entries, no pages.
 *
 * What is mapped shared is left out of the copy's page table: its faults find the same pages.  Of
 * private memory both entries refer to the same page from now on, without write permission; the
 * first write to it by either side makes a copy, or finds that the other one has gone (fault.c).
 * Only pages that will be written at once most likely are copied (fork_ahead.c).
 *
 *   forks                                     another thread of the program, on another CPU
 *   takes write permission from an entry
 *                                             writes through its TLB
 *   the child runs and sees that write        <- harmless so far: it happened before the fork
 *                                             writes through its TLB again: the child sees it
 *                                             <- forbidden: the TLB is flushed before the space is
 *                                                unlocked, and the child runs only after that
 *
 * Invariants:
 * - The copy's mutex is held from its creation on until it is complete, so that whoever takes a
 *   page away from all mappings (memory_object_unmap) meets it before or after, not between.
 * - Reserved frames (reservation.c) stay the original's: what of them was touched becomes pages
 *   first, and the rest is zero in the copy as well.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"
#include "memory/tlb.h"

struct copying {
    struct address_space *source, *copy;
    user_address changed_start, changed_end;    /* of the region: what lost write permission */
};

/* One entry becomes shared by both. */
static void share_entry(struct copying *copying, page_entry *from, page_entry *to,
                        user_address address) REQUIRES(&copying->copy->lock)
{
    uint64_t value = entry_load(from);

    if (value == 0 || (value & ENTRY_RESERVED))
        return;
    ASSERT(entry_load(to) == 0);
    if (!(value & ENTRY_ZERO))
        page_reference(page_at(value & ENTRY_ADDRESS));
    if (value & ENTRY_WRITE) {
        value &= ~ENTRY_WRITE;
        entry_store(from, value);
        if (copying->changed_start == copying->changed_end)
            copying->changed_start = address;
        copying->changed_end = address + PAGE_SIZE;
    }
    entry_store(to, value);
    space_count_resident(copying->copy, value, 1);
}

static bool is_empty(const struct page_table_piece *piece)
{
    for (size_t i = 0; i < piece->count; i++) {
        if (entry_load(&piece->entries[i]) != 0)
            return false;
    }
    return true;
}

static int share_pages(struct copying *copying, const struct region *region)
    REQUIRES(&copying->source->lock, &copying->copy->lock)
{
    struct page_table_piece piece;
    user_address at = region->start;
    int error = 0;

    copying->changed_start = copying->changed_end = 0;
    space_settle(copying->source, region->start, region->end);
    while (!error && page_table_next_piece(copying->source->root, at, region->end, &piece)) {
        page_entry *entries;

        at = page_table_piece_end(&piece);
        if (is_empty(&piece))
            continue;
        error = page_table_prepare(copying->copy->root, piece.address, &entries);
        for (size_t i = 0; i < piece.count && !error; i++)
            share_entry(copying, &piece.entries[i], &entries[i],
                        piece.address + i * PAGE_SIZE);
    }
    if (copying->changed_end > copying->changed_start)
        tlb_flush(copying->source->root, copying->changed_start, copying->changed_end);
    return error;
}

/* Locks on memory are not inherited. */
static int copy_region(struct copying *copying, struct region *region)
    REQUIRES(&copying->copy->lock, &copying->source->lock)
{
    struct region model = *region, *copied;
    bool is_filled = !(region->flags & (REGION_SHARED | REGION_WIPE_ON_FORK));
    int error;

    model.flags &= ~REGION_LOCK_FLAGS;
    region->isolated_copies = 0;
    error = region_insert(&copying->copy->regions, &model, &copied);
    if (error)
        return error;
    space_account(copying->copy, &model, (int64_t)((model.end - model.start) / PAGE_SIZE));
    return is_filled ? share_pages(copying, region) : 0;
}

static void copy_layout(struct address_space *copy, const struct address_space *source)
{
    copy->block_budget = source->block_budget;
    copy->map_top = source->map_top;
    copy->break_start = source->break_start;
    copy->break_end = source->break_end;
    copy->stack_limit = source->stack_limit;
    copy->total_limit = source->total_limit;
    copy->data_limit = source->data_limit;
}

int address_space_copy(struct address_space *source, const struct address_space_use *use,
                       struct address_space **result)
{
    struct copying copying = { .source = source };
    int error = address_space_create(&copying.copy);

    if (error)
        return error;
    space_lock(copying.source);
    mutex_lock_same_rank(&copying.copy->lock);
    copy_layout(copying.copy, source);
    for (struct region *region = region_first(&source->regions); region && !error;
         region = region_next(region)) {
        if (!(region->flags & REGION_NO_FORK))
            error = copy_region(&copying, region);
    }
    if (!error)
        fork_copy_ahead(copying.source, copying.copy, use);
    ASSERT(copying.copy->locked_pages == 0);
    ASSERT(copying.copy->reserved_pages == 0);
    space_unlock(copying.copy);
    space_unlock(copying.source);
    if (error)
        address_space_release(copying.copy);
    else
        *result = copying.copy;
    return error;
}
