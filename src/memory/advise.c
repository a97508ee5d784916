/*
 * What programs say and ask about ranges of their memory: madvise, mincore, msync, mlock.
 *
 * All walk the regions of [start, end).  For most, holes do not end the walk (the part behind a
 * hole is still done) but the answer is -ENOMEM, as in Linux.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/tlb.h"

/* Linux's numbers. */
enum advice {
    ADVICE_NORMAL = 0,
    ADVICE_RANDOM = 1,
    ADVICE_SEQUENTIAL = 2,
    ADVICE_WILL_NEED = 3,
    ADVICE_DONT_NEED = 4,
    ADVICE_FREE = 8,
    ADVICE_REMOVE = 9,
    ADVICE_DONT_FORK = 10,
    ADVICE_DO_FORK = 11,
    ADVICE_MERGEABLE = 12,
    ADVICE_UNMERGEABLE = 13,
    ADVICE_HUGE_PAGE = 14,
    ADVICE_NO_HUGE_PAGE = 15,
    ADVICE_DONT_DUMP = 16,
    ADVICE_DO_DUMP = 17,
    ADVICE_WIPE_ON_FORK = 18,
    ADVICE_KEEP_ON_FORK = 19,
    ADVICE_COLD = 20,
    ADVICE_PAGE_OUT = 21,
    ADVICE_POPULATE_READ = 22,
    ADVICE_POPULATE_WRITE = 23,
    ADVICE_DONT_NEED_LOCKED = 24,
};

enum {
    SYNC_ASYNC = 1,
    SYNC_INVALIDATE = 2,
    SYNC_SYNC = 4,
};

/* One region's part [start, end) of the range; may split and merge regions, *region then is the one
 * that ends at or behind `end`. */
struct range_part {
    struct address_space *space;
    struct region *region;
    user_address start, end;
    bool after_hole;    /* something in the range before it was not mapped */
    int argument;
};
typedef int (*range_visit)(struct range_part *part);

static int walk_range(struct address_space *space, user_address start, user_address end,
                      range_visit visit, int argument)
{
    bool holes = false;

    while (start < end) {
        struct region *region = region_find_from(&space->regions, start);

        if (!region || region->start >= end)
            return -ENOMEM;
        if (region->start > start) {
            holes = true;
            start = region->start;
        }

        struct range_part part = {
            .space = space,
            .region = region,
            .start = start,
            .end = region->end < end ? region->end : end,
            .after_hole = holes,
            .argument = argument,
        };
        int error = visit(&part);

        if (error)
            return error;
        ASSERT(part.end > start);
        ASSERT(part.region->end >= part.end);
        start = part.end;
    }
    return holes ? -ENOMEM : 0;
}

/* ---- madvise ------------------------------------------------------------------------------- */

static void set_region_flags(struct range_part *part, uint32_t flags) REQUIRES(&part->space->lock)
{
    int64_t pages = (int64_t)((part->end - part->start) / PAGE_SIZE);

    ASSERT(part->region->start == part->start);
    ASSERT(part->region->end == part->end);
    space_account(part->space, part->region, -pages);
    part->region->flags = flags;
    space_account(part->space, part->region, pages);
}

static int change_flags(struct range_part *part, uint32_t set, uint32_t clear)
    REQUIRES(&part->space->lock)
{
    uint32_t flags = (part->region->flags & ~clear) | set;

    if (flags == part->region->flags)
        return 0;

    int error = space_isolate(part->space, &part->region, part->start, part->end);

    if (error)
        return error;
    set_region_flags(part, flags);
    part->region = region_merge(&part->space->regions, part->region);
    return 0;
}

static int drop_part(struct range_part *part, bool even_locked) REQUIRES(&part->space->lock)
{
    if (!even_locked && (part->region->flags & REGION_LOCKED))
        return -EINVAL;
    space_drop_pages(part->space, part->start, part->end, part->start, part->end);
    return 0;
}

/* Shared memory reads as zero from now on, for everybody; only pages that exist need work. */
static int remove_part(struct range_part *part)
{
    struct memory_object *object = part->region->object;

    if ((part->region->flags & REGION_LOCKED) || !object)
        return -EINVAL;
    if (!(part->region->flags & REGION_SHARED) ||
        !(part->region->maximum_protection & PROTECTION_WRITE))
        return -EACCES;
    if (!memory_object_is_anonymous(object))
        return -EOPNOTSUPP;
    memory_object_clear_anonymous(object,
                                  (part->region->object_offset +
                                   (part->start - part->region->start)) >> PAGE_SHIFT,
                                  (part->end - part->start) / PAGE_SIZE);
    return 0;
}

static int populate_part(struct range_part *part, uint32_t access) REQUIRES(&part->space->lock)
{
    uint32_t needed = access & ACCESS_WRITE ? PROTECTION_WRITE : PROTECTION_READ;

    if (part->after_hole)
        return -ENOMEM;    /* unlike the others, this advice ends at a hole */
    if (!(part->region->protection & needed))
        return -EINVAL;

    enum fault_result result = space_fault_range(part->space, part->start, part->end, access);

    if (result == FAULT_NO_MEMORY)
        return -ENOMEM;
    return result == FAULT_RESOLVED ? 0 : -EFAULT;
}

static int advise_part(struct range_part *part) REQUIRES(&part->space->lock)
{
    const struct region *region = part->region;

    switch ((enum advice)part->argument) {
    case ADVICE_NORMAL:
    case ADVICE_RANDOM:
    case ADVICE_SEQUENTIAL:
    case ADVICE_WILL_NEED:
    case ADVICE_MERGEABLE:
    case ADVICE_UNMERGEABLE:
    case ADVICE_HUGE_PAGE:
    case ADVICE_NO_HUGE_PAGE:
    case ADVICE_DONT_DUMP:
    case ADVICE_DO_DUMP:
        return 0;    /* advice that changes nothing here */
    case ADVICE_COLD:
    case ADVICE_PAGE_OUT:
        return region->flags & REGION_LOCKED ? -EINVAL : 0;
    case ADVICE_DONT_NEED:
        return drop_part(part, false);
    case ADVICE_DONT_NEED_LOCKED:
        return drop_part(part, true);
    case ADVICE_FREE:
        return region->object ? -EINVAL : drop_part(part, false);
    case ADVICE_REMOVE:
        return remove_part(part);
    case ADVICE_DONT_FORK:
        return change_flags(part, REGION_NO_FORK, 0);
    case ADVICE_DO_FORK:
        return change_flags(part, 0, REGION_NO_FORK);
    case ADVICE_WIPE_ON_FORK:
        return region->object ? -EINVAL : change_flags(part, REGION_WIPE_ON_FORK, 0);
    case ADVICE_KEEP_ON_FORK:
        return change_flags(part, 0, REGION_WIPE_ON_FORK);
    case ADVICE_POPULATE_READ:
        return populate_part(part, 0);
    case ADVICE_POPULATE_WRITE:
        return populate_part(part, ACCESS_WRITE);
    }
    UNREACHABLE();
}

static bool advice_is_known(int advice)
{
    return (advice >= ADVICE_NORMAL && advice <= ADVICE_DONT_NEED) ||
           (advice >= ADVICE_FREE && advice <= ADVICE_DONT_NEED_LOCKED);
}

int address_space_advise(struct address_space *space, user_address address, uint64_t length,
                         int advice)
{
    user_address end;
    uint64_t size;

    if (!advice_is_known(advice) || !is_aligned(address, PAGE_SIZE) ||
        round_up_overflows(length, PAGE_SIZE, &size) || add_overflows(address, size, &end))
        return -EINVAL;
    if (size == 0)
        return 0;
    space_lock(space);

    int error = walk_range(space, address, end, advise_part, advice);

    space_unlock(space);
    return error;
}

/* ---- mincore ------------------------------------------------------------------------------- */

/* Pages of [start, end), which the region covers. */
static void report_mapped(struct address_space *space, user_address start, user_address end,
                          uint8_t *resident) REQUIRES(&space->lock)
{
    struct page_table_piece piece;
    user_address at = start;

    space_settle(space, start, end);
    while (page_table_next_piece(space->root, at, end, &piece)) {
        for (size_t i = 0; i < piece.count; i++) {
            uint64_t entry = entry_load(&piece.entries[i]);

            resident[(piece.address - start) / PAGE_SIZE + i] =
                entry != 0 && !(entry & ENTRY_RESERVED);
        }
        at = page_table_piece_end(&piece);
    }
}

/* What the object has in memory counts too, mapped or not. */
static void report_cached(const struct region *region, user_address start, user_address end,
                          uint8_t *resident)
{
    struct memory_object *object = region->object;
    uint64_t index = (region->object_offset + (start - region->start)) >> PAGE_SHIFT;

    for (uint64_t i = 0; i < (end - start) / PAGE_SIZE; i++)
        if (!resident[i])
            resident[i] = object->operations->is_resident(object, index + i);
}

int address_space_resident(struct address_space *space, user_address address, uint64_t length,
                           uint8_t *resident)
{
    uint64_t pages = length / PAGE_SIZE + (length % PAGE_SIZE != 0);
    user_address end = address + pages * PAGE_SIZE;
    user_address at = address;
    int error = 0;

    ASSERT(is_aligned(address, PAGE_SIZE));
    ASSERT(end >= address);
    memset(resident, 0, pages);
    space_lock(space);
    while (at < end && !error) {
        const struct region *region = region_find(&space->regions, at);
        uint8_t *part = resident + (at - address) / PAGE_SIZE;

        if (region) {
            user_address stop = region->end < end ? region->end : end;

            report_mapped(space, at, stop, part);
            if (region->object)
                report_cached(region, at, stop, part);
            at = stop;
        } else {
            error = -ENOMEM;
        }
    }
    space_unlock(space);
    return error;
}

/* ---- msync --------------------------------------------------------------------------------- */

/* Writes back one region's part; the space is unlocked meanwhile, since files take locks of lower
 * rank, and regions may have changed afterwards. */
static int sync_part(struct address_space *space, const struct region *region, user_address start,
                     user_address end) REQUIRES(&space->lock)
{
    struct memory_object *object = region->object;
    uint64_t first = (region->object_offset + (start - region->start)) >> PAGE_SHIFT;

    memory_object_reference(object);
    space_unlock(space);

    int error = object->operations->sync(object, first, (end - start) / PAGE_SIZE);

    memory_object_release(object);
    space_lock(space);
    return error;
}

static int sync_range(struct address_space *space, user_address start, user_address end, int flags)
    REQUIRES(&space->lock)
{
    bool holes = false;

    while (start < end) {
        const struct region *region = region_find_from(&space->regions, start);

        if (!region || region->start >= end)
            return -ENOMEM;
        if (region->start > start) {
            holes = true;
            start = region->start;
        }
        if ((flags & SYNC_INVALIDATE) && (region->flags & REGION_LOCKED))
            return -EBUSY;

        user_address stop = region->end < end ? region->end : end;

        if ((flags & SYNC_SYNC) && region->object && (region->flags & REGION_SHARED)) {
            int error = sync_part(space, region, start, stop);

            if (error)
                return error;
        }
        start = stop;
    }
    return holes ? -ENOMEM : 0;
}

int address_space_sync(struct address_space *space, user_address address, uint64_t length,
                       int flags)
{
    user_address end;
    uint64_t size;

    if ((flags & ~(SYNC_ASYNC | SYNC_INVALIDATE | SYNC_SYNC)) || !is_aligned(address, PAGE_SIZE) ||
        ((flags & SYNC_ASYNC) && (flags & SYNC_SYNC)))
        return -EINVAL;
    size = round_up(length, PAGE_SIZE);    /* a length that wraps here syncs nothing, as in Linux */
    if (add_overflows(address, size, &end))
        return -ENOMEM;
    space_lock(space);

    int error = sync_range(space, address, end, flags);

    space_unlock(space);
    return error;
}

/* ---- mlock --------------------------------------------------------------------------------- */

static uint32_t lock_flags(enum lock_mode mode)
{
    switch (mode) {
    case LOCK_NONE:
    case LOCK_KEEP:
        return 0;
    case LOCK_ON_FAULT:
        return REGION_LOCK_FLAGS;
    case LOCK_NOW:
        return REGION_LOCKED;
    }
    UNREACHABLE();
}

static int lock_part(struct range_part *part) REQUIRES(&part->space->lock)
{
    if (part->after_hole)
        return -ENOMEM;    /* ends at a hole, too */
    return change_flags(part, lock_flags((enum lock_mode)part->argument), REGION_LOCK_FLAGS);
}

/* A page of zeros that nobody else has is no different from none. */
static bool may_be_untouched(uint64_t entry)
{
    return (entry & ENTRY_PRESENT) && !(entry & (ENTRY_ZERO | ENTRY_OBJECT | ENTRY_RESERVED)) &&
           page_references(page_at(entry & ENTRY_ADDRESS)) == 1;
}

static bool page_is_zero(const struct page *page)
{
    const uint64_t *words = page_data(page);

    for (size_t i = 0; i < PAGE_SIZE / sizeof(words[0]); i++)
        if (words[i] != 0)
            return false;
    return true;
}

/* Nobody can reach these pages while they are looked at. */
static void drop_untouched(struct address_space *space, const struct page_table_piece *piece)
    REQUIRES(&space->lock)
{
    bool any = false;

    for (size_t i = 0; i < piece->count; i++) {
        uint64_t entry = entry_load(&piece->entries[i]);

        if (!may_be_untouched(entry))
            continue;
        entry_store(&piece->entries[i], entry & ~ENTRY_PRESENT);
        any = true;
    }
    if (!any)
        return;
    tlb_flush(space->root, piece->address, page_table_piece_end(piece));
    for (size_t i = 0; i < piece->count; i++) {
        uint64_t entry = entry_load(&piece->entries[i]);

        if (entry == 0 || (entry & ENTRY_PRESENT))
            continue;

        struct page *page = page_at(entry & ENTRY_ADDRESS);

        if (!page_is_zero(page)) {
            entry_store(&piece->entries[i], entry | ENTRY_PRESENT);
            continue;
        }
        entry_store(&piece->entries[i], 0);
        space_count_resident(space, entry, -1);
        page_release(page);
    }
}

/* Memory that is locked as it is touched holds nothing but what was: pages that came beside others
 * (extent.c) go.  The page tables stay. */
static int drop_untouched_part(struct range_part *part) REQUIRES(&part->space->lock)
{
    struct page_table_piece piece;
    user_address at = part->start;

    if (part->region->object || part->region->protection == 0)
        return 0;
    space_settle(part->space, part->start, part->end);
    while (page_table_next_piece(part->space->root, at, part->end, &piece)) {
        drop_untouched(part->space, &piece);
        at = page_table_piece_end(&piece);
    }
    return 0;
}

/* Brings a locked range in.  What the region does not permit is -ENOMEM, as in Linux. */
static int populate_locked(struct range_part *part) REQUIRES(&part->space->lock)
{
    return space_populate(part->space, part->region, part->start, part->end) == FAULT_RESOLVED
               ? 0 : -ENOMEM;
}

int address_space_set_locked(struct address_space *space, user_address address, uint64_t length,
                             enum lock_mode mode)
{
    user_address start = round_down(address, PAGE_SIZE);
    uint64_t size = round_up(length + (address - start), PAGE_SIZE);    /* may wrap, as in Linux */
    user_address end;

    if (add_overflows(start, size, &end))
        return -EINVAL;
    space_lock(space);

    int error = walk_range(space, start, end, lock_part, (int)mode);

    if (!error && mode == LOCK_NOW)
        error = walk_range(space, start, end, populate_locked, (int)mode);
    if (!error && mode == LOCK_ON_FAULT)
        error = walk_range(space, start, end, drop_untouched_part, (int)mode);
    space_unlock(space);
    return error;
}

/* All regions, one after the other; what cannot be brought in is no error of mlockall. */
static void lock_all_regions(struct address_space *space, enum lock_mode mode)
    REQUIRES(&space->lock)
{
    struct region *region = region_first(&space->regions);

    while (region) {
        struct range_part part = {
            .space = space,
            .region = region,
            .start = region->start,
            .end = region->end,
            .argument = (int)mode,
        };

        ASSERT(mutex_is_held(&part.space->lock));
        (void)lock_part(&part);    /* whole regions: nothing is split */
        if (mode == LOCK_NOW)
            (void)populate_locked(&part);
        region = region_next(part.region);
    }
}

void address_space_lock_all(struct address_space *space, enum lock_mode now,
                            enum lock_mode future)
{
    space_lock(space);
    space->lock_future = lock_flags(future);
    if (now != LOCK_KEEP)
        lock_all_regions(space, now);
    space_unlock(space);
}
