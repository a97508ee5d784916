/*
 * mremap: shrink, grow in place, or move a mapping with its pages.
 *
 * A move changes entries of the page table, never contents: destination tables are made first, then
 * the region moves, then the entries, then the TLB forgets the old place.  Nothing fails after the
 * region has moved.
 *
 * A range that keeps its length and moves to a named place may span several regions and the holes
 * between them (as in Linux since 6.17); all others lie in one region.
 */
#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"
#include "memory/tlb.h"

/* Linux's MREMAP_ values. */
enum {
    REMAP_MAY_MOVE = 1,
    REMAP_FIXED = 2,
    REMAP_KEEP_OLD = 4,    /* DONTUNMAP */
};

/* A request with lengths in whole pages. */
struct remap {
    user_address old_start, new_start;
    uint64_t old_length, new_length;
    uint32_t flags;
};

static bool ranges_overlap(const struct remap *remap)
{
    return remap->old_start < remap->new_start + remap->new_length &&
           remap->new_start < remap->old_start + remap->old_length;
}

static int check_request(const struct address_space *space, const struct remap *remap)
{
    if (remap->flags & ~(uint32_t)(REMAP_MAY_MOVE | REMAP_FIXED | REMAP_KEEP_OLD))
        return -EINVAL;
    if (!is_aligned(remap->old_start, PAGE_SIZE) || remap->new_length == 0)
        return -EINVAL;
    if (remap->new_length > USER_SPACE_END)
        return -EINVAL;
    if (!(remap->flags & (REMAP_FIXED | REMAP_KEEP_OLD)))
        return 0;
    if (remap->new_start > USER_SPACE_END - remap->new_length ||
        !is_aligned(remap->new_start, PAGE_SIZE) || !(remap->flags & REMAP_MAY_MOVE))
        return -EINVAL;
    if ((remap->flags & REMAP_KEEP_OLD) && remap->old_length != remap->new_length)
        return -EINVAL;
    if (ranges_overlap(remap))
        return -EINVAL;
    return space->regions.count + 2 >= REGIONS_MAX - 3 ? -ENOMEM : 0;
}

static int check_region(const struct address_space *space, const struct region *region,
                        const struct remap *remap)
{
    uint64_t growth;

    if (!region)
        return -EFAULT;
    if (remap->old_length == 0 && !(region->flags & REGION_SHARED))
        return -EINVAL;
    /* What stays in its place may reach over anything. */
    if (remap->new_length <= remap->old_length && !(remap->flags & (REMAP_FIXED | REMAP_KEEP_OLD)))
        return 0;
    /* What moves or grows lies in this region; what is cut off may reach over anything. */
    if ((remap->old_length < remap->new_length ? remap->old_length : remap->new_length) >
        region->end - remap->old_start)
        return -EFAULT;
    if (remap->new_length <= remap->old_length)
        return 0;
    if (region->object &&
        add_overflows(region->object_offset + (remap->old_start - region->start),
                      remap->new_length, &growth))
        return -EINVAL;
    growth = (remap->new_length - remap->old_length) / PAGE_SIZE;
    return space_may_grow(space, region->protection, region->flags, growth) ? 0 : -ENOMEM;
}

/* ---- Moving -------------------------------------------------------------------------------- */

static bool piece_is_empty(const struct page_table_piece *piece)
{
    for (size_t i = 0; i < piece->count; i++)
        if (entry_load(&piece->entries[i]) != 0)
            return false;
    return true;
}

/* Makes the destination's tables for all pages that are there. */
static int prepare_tables(const struct address_space *space, const struct remap *remap)
{
    user_address end = remap->old_start + remap->old_length;
    uint64_t distance = remap->new_start - remap->old_start;    /* wraps when moving down */
    user_address at = remap->old_start;
    struct page_table_piece piece;
    page_entry *entry;

    while (page_table_next_piece(space->root, at, end, &piece)) {
        at = page_table_piece_end(&piece);
        if (piece_is_empty(&piece))
            continue;

        /* A piece of one table lands in at most two. */
        int error = page_table_prepare(space->root, piece.address + distance, &entry);

        if (!error)
            error = page_table_prepare(space->root, at - PAGE_SIZE + distance, &entry);
        if (error)
            return error;
    }
    return 0;
}

/* Returns whether there were any; the old place is still to be flushed then. */
static bool move_entries(const struct address_space *space, const struct remap *remap)
{
    user_address end = remap->old_start + remap->old_length;
    uint64_t distance = remap->new_start - remap->old_start;
    user_address at = remap->old_start;
    struct page_table_piece piece;
    bool moved = false;

    while (page_table_next_piece(space->root, at, end, &piece)) {
        for (size_t i = 0; i < piece.count; i++) {
            uint64_t value = entry_load(&piece.entries[i]);

            if (value == 0)
                continue;

            page_entry *target = page_table_find(space->root,
                                                 piece.address + i * PAGE_SIZE + distance);

            ASSERT(entry_load(target) == 0);
            entry_store(&piece.entries[i], 0);
            entry_store(target, value);
            moved = true;
        }
        at = page_table_piece_end(&piece);
    }
    return moved;
}

/* Frees tables of a range in which no region and no page is left; returns whether it was flushed.
 */
static bool free_tables(struct address_space *space, user_address start, user_address end)
    REQUIRES(&space->lock)
{
    struct region *above = region_find_from(&space->regions, start);
    struct region *below = above ? region_previous(above) : region_last(&space->regions);

    return start < end && space_drop_pages(space, start, end, below ? below->end : 0,
                                           above ? above->start : USER_ADDRESS_LIMIT);
}

/* Puts a region like `region` at the new place and leaves the old one where it is, empty. */
static int insert_copy(struct address_space *space, const struct region *region,
                       const struct remap *remap) REQUIRES(&space->lock)
{
    struct region model = *region;
    struct region *inserted;

    model.start = remap->new_start;
    model.end = remap->new_start + remap->new_length;
    model.object_offset += model.object ? remap->old_start - region->start : 0;
    model.moved_by = region_moved_by(region, remap->new_start - remap->old_start);

    int error = region_insert(&space->regions, &model, &inserted);

    if (error)
        return error;
    space_account(space, &model, (int64_t)(remap->new_length / PAGE_SIZE));
    return 0;
}

/* What is left behind empty is not locked any more: the whole region, as in Linux. */
static void unlock_region(struct address_space *space, struct region *region)
    REQUIRES(&space->lock)
{
    int64_t pages = (int64_t)((region->end - region->start) / PAGE_SIZE);

    space_account(space, region, -pages);
    region->flags &= ~REGION_LOCK_FLAGS;
    space_account(space, region, pages);
    region_merge(&space->regions, region);
}

static int move_region(struct address_space *space, struct region *region,
                       const struct remap *remap) REQUIRES(&space->lock)
{
    user_address old_end = remap->old_start + remap->old_length;
    int64_t growth = (int64_t)(remap->new_length / PAGE_SIZE) -
                     (int64_t)(remap->old_length / PAGE_SIZE);

    if ((remap->flags & REMAP_KEEP_OLD) || remap->old_length == 0) {
        int error = insert_copy(space, region, remap);

        if (!error && (remap->flags & REMAP_KEEP_OLD))
            unlock_region(space, region_find(&space->regions, remap->old_start));
        return error;
    }

    int error = space_isolate(space, &region, remap->old_start, old_end);

    if (error)
        return error;
    space_account(space, region, growth);
    region_relocate(&space->regions, region, remap->new_start,
                    remap->new_start + remap->new_length);
    return 0;
}

static int move_mapping(struct address_space *space, struct region *region,
                        const struct remap *remap) REQUIRES(&space->lock)
{
    ASSERT(!ranges_overlap(remap));
    if (space->regions.count >= REGIONS_MAX - 3)
        return -ENOMEM;

    int error = prepare_tables(space, remap);

    if (!error)
        error = move_region(space, region, remap);
    if (error) {
        (void)free_tables(space, remap->new_start, remap->new_start + remap->new_length);
        return error;
    }

    user_address old_end = remap->old_start + remap->old_length;
    bool flush = move_entries(space, remap);

    if (!(remap->flags & REMAP_KEEP_OLD) && free_tables(space, remap->old_start, old_end))
        flush = false;
    if (flush)
        tlb_flush(space->root, remap->old_start, old_end);
    region = region_merge(&space->regions, region_find(&space->regions, remap->new_start));
    if (region_is_populated(region))
        (void)space_populate(space, region, remap->new_start,
                             remap->new_start + remap->new_length);
    return 0;
}

/* ---- Other pages of the same file ---------------------------------------------------------- */

/* The region that holds the start, if it and those behind it, without holes, are shared mappings of
 * one file that differ in nothing else; NULL: they are not. */
static struct region *find_alike(const struct address_space *space, user_address start,
                                 user_address end)
{
    struct region *first = region_find(&space->regions, start);

    /* Of a file that cannot be written, Linux does not call a mapping shared. */
    if (!first || !(first->flags & REGION_SHARED) ||
        !(first->maximum_protection & PROTECTION_WRITE))
        return NULL;
    for (const struct region *region = first; region->end < end;) {
        const struct region *next = region_next(region);

        if (!next || next->start != region->end || next->object != first->object ||
            next->flags != first->flags || next->protection != first->protection)
            return NULL;
        region = next;
    }
    return first;
}

/* Space locked.  The pages go, and others come when they are touched; the region stays in the
 * list of those that map the object. */
static int show_pages(struct address_space *space, user_address start, user_address end,
                      uint64_t first_page) REQUIRES(&space->lock)
{
    struct region *first = find_alike(space, start, end), *region;

    if (!first)
        return -EINVAL;
    if (first_page > (INT64_MAX - (end - start)) >> PAGE_SHIFT)
        return -EOVERFLOW;

    struct region model = *first;

    model.start = start;
    model.end = end;
    model.object_offset = first_page << PAGE_SHIFT;

    int error = space_unmap(space, start, end);

    if (!error)
        error = region_insert(&space->regions, &model, &region);
    if (!error)
        space_account(space, &model, (int64_t)((end - start) / PAGE_SIZE));
    return error;
}

int address_space_remap_pages(struct address_space *space, user_address address, uint64_t length,
                              uint64_t first_page, bool populate)
{
    user_address start = round_down(address, PAGE_SIZE), end;
    uint64_t size = round_down(length, PAGE_SIZE), last;

    if (size == 0 || add_overflows(start, size, &end) ||
        add_overflows(first_page, size >> PAGE_SHIFT, &last))
        return -EINVAL;
    space_lock(space);

    int error = show_pages(space, start, end, first_page);

    if (!error) {
        const struct region *region = region_find(&space->regions, start);

        if (populate || region_is_populated(region))
            (void)space_populate(space, region, start, end);
    }
    space_unlock(space);
    return error;
}

/* ---- The cases ----------------------------------------------------------------------------- */

static int shrink(struct address_space *space, struct remap *remap) REQUIRES(&space->lock)
{
    user_address start = remap->old_start + remap->new_length;
    uint64_t surplus = remap->old_length - remap->new_length;

    ASSERT(remap->old_length > remap->new_length);
    if (start > USER_SPACE_END || surplus > USER_SPACE_END - start)
        return -EINVAL;
    remap->old_length = remap->new_length;
    return space_unmap(space, start, start + surplus);
}

static bool can_grow_in_place(const struct address_space *space, const struct region *region,
                              const struct remap *remap)
{
    user_address end = remap->old_start + remap->new_length;

    return region->end == remap->old_start + remap->old_length &&
           space_range_allowed(region->start, end - region->start) &&
           !space_is_used(space, region->end, end);
}

static void grow_in_place(struct address_space *space, struct region *region,
                          const struct remap *remap) REQUIRES(&space->lock)
{
    user_address old_end = region->end;
    user_address end = remap->old_start + remap->new_length;

    ASSERT(end > old_end);
    space_account(space, region, (int64_t)((end - old_end) / PAGE_SIZE));
    region_resize(&space->regions, region, region->start, end);
    region = region_merge(&space->regions, region);
    if (region_is_populated(region))
        (void)space_populate(space, region, old_end, end);
}

/* To a place that the caller names (or hints at, with DONTUNMAP). */
static int remap_to(struct address_space *space, struct remap *remap) REQUIRES(&space->lock)
{
    struct region *region = region_find(&space->regions, remap->old_start);
    int error = check_region(space, region, remap);

    if (error)
        return error;
    if (remap->flags & REMAP_FIXED) {
        if (remap->new_start < USER_ADDRESS_MINIMUM)
            return -EPERM;
        if (!space_range_allowed(remap->new_start, remap->new_length))
            return -ENOMEM;
        error = space_unmap(space, remap->new_start, remap->new_start + remap->new_length);
    } else {
        error = space_find_place(space, remap->new_start, remap->new_length, 0,
                                 &remap->new_start);
    }
    if (!error && remap->old_length > remap->new_length)
        error = shrink(space, remap);
    if (error)
        return error;
    region = region_find(&space->regions, remap->old_start);
    if (!region)
        return -EFAULT;    /* an empty old range at the start of the new one: it is gone */
    if ((remap->flags & REMAP_KEEP_OLD) &&
        !space_may_grow(space, region->protection, region->flags, remap->old_length / PAGE_SIZE))
        return -ENOMEM;
    return move_mapping(space, region, remap);
}

/* A range of one or more regions, with the holes between them. */
static int move_regions(struct address_space *space, const struct remap *remap)
    REQUIRES(&space->lock)
{
    user_address end = remap->old_start + remap->old_length;
    user_address at = remap->old_start;

    if (!region_find(&space->regions, at))
        return -EFAULT;
    for (;;) {
        const struct region *region = region_find_from(&space->regions, at);

        if (!region || region->start >= end)
            return 0;

        struct remap piece = { .flags = remap->flags };

        piece.old_start = region->start > at ? region->start : at;
        piece.old_length = (region->end < end ? region->end : end) - piece.old_start;
        piece.new_start = remap->new_start + (piece.old_start - remap->old_start);
        piece.new_length = piece.old_length;

        int error = remap_to(space, &piece);

        if (error)
            return error;
        at = piece.old_start + piece.old_length;
        if (at >= end)
            return 0;
    }
}

/* In place, or wherever there is room. */
static int remap_at(struct address_space *space, struct remap *remap) REQUIRES(&space->lock)
{
    struct region *region = region_find(&space->regions, remap->old_start);
    int error = check_region(space, region, remap);

    remap->new_start = remap->old_start;
    if (error || remap->new_length == remap->old_length)
        return error;
    if (remap->new_length < remap->old_length)
        return shrink(space, remap);
    if (can_grow_in_place(space, region, remap)) {
        grow_in_place(space, region, remap);
        return 0;
    }
    if (!(remap->flags & REMAP_MAY_MOVE))
        return -ENOMEM;
    error = space_find_place(space, 0, remap->new_length, 0, &remap->new_start);
    return error ? error : move_mapping(space, region, remap);
}

static int remap_checked(struct address_space *space, struct remap *remap) REQUIRES(&space->lock)
{
    ASSERT(remap->new_length > 0);
    ASSERT(is_aligned(remap->new_length, PAGE_SIZE));
    if ((remap->flags & REMAP_FIXED) && remap->old_length == remap->new_length)
        return move_regions(space, remap);
    if (remap->flags & (REMAP_FIXED | REMAP_KEEP_OLD))
        return remap_to(space, remap);
    return remap_at(space, remap);
}

int address_space_remap(struct address_space *space, const struct remap_request *request,
                        user_address *address)
{
    struct remap remap = {
        .old_start = request->old_address,
        .new_start = request->new_address,
        .flags = request->flags,
    };

    /* A length that rounds to more than 64 bits becomes 0, as in Linux. */
    if (round_up_overflows(request->old_length, PAGE_SIZE, &remap.old_length))
        remap.old_length = 0;
    if (round_up_overflows(request->new_length, PAGE_SIZE, &remap.new_length))
        remap.new_length = 0;
    space_lock(space);

    int error = check_request(space, &remap);

    if (!error)
        error = remap_checked(space, &remap);
    space_unlock(space);
    if (!error)
        *address = remap.new_start;
    return error;
}
