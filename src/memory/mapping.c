/*
 * Mapping, unmapping and protecting: the calls that change which regions there are.
 *
 * Invariant: what is mapped lies in the machine's user ranges.
 *
 * Order within each: check everything that can be checked, then change regions, then the page
 * table, then flush the TLB once, then release pages.  Nothing is flushed where nothing was
 * present.
 */
#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"
#include "memory/tlb.h"

#define LOW_START UINT64_C(0x40000000)    /* MAP_32BIT: the second GiB, as Linux */
#define LOW_END UINT64_C(0x80000000)

/* ---- Unmapping ----------------------------------------------------------------------------- */

/* What was dropped is subtracted at the end: reserved frames that turn out to have been touched
 * were resident together with the rest. */
struct dropped {
    struct address_space *space;
    int64_t pages, object_pages;
};

static void release_run(uint64_t first, size_t count, void *context) LOCKS_UNCHECKED
{
    struct dropped *dropped = context;
    physical_address frame = first & ENTRY_ADDRESS;

    if (first & ENTRY_ZERO)
        return;
    if (first & ENTRY_RESERVED)
        count = space_release_reserved(dropped->space, frame, count);
    else
        page_release_run(page_at(frame), count);
    if (first & ENTRY_OBJECT)
        dropped->object_pages += (int64_t)count;
    else
        dropped->pages += (int64_t)count;
}

bool space_drop_pages(struct address_space *space, user_address start, user_address end,
                      user_address floor, user_address ceiling)
{
    struct page_table_removal removal = {
        .root = space->root,
        .start = start,
        .end = end,
        .floor = floor,
        .ceiling = ceiling,
    };

    ASSERT(mutex_is_held(&space->lock));
    page_table_unlink(&removal);

    /* Tables that go are flushed too: the CPU may remember the way through them. */
    bool flush = removal.present || !list_is_empty(&removal.tables);

    if (flush)
        tlb_flush(space->root, start, end);

    struct dropped dropped = { .space = space };

    page_table_release(&removal, release_run, &dropped);
    space_count_resident(space, 0, -dropped.pages);
    space_count_resident(space, ENTRY_OBJECT, -dropped.object_pages);
    return flush;
}

bool space_is_used(const struct address_space *space, user_address start, user_address end)
{
    const struct region *region = region_find_from(&space->regions, start);

    return region && region->start < end;
}

static uint64_t pages_of(user_address start, user_address end)
{
    return (end - start) / PAGE_SIZE;
}

/* Takes [start, end) away from one region that overlaps it but does not reach over both ends. */
static void region_trim(struct address_space *space, struct region *region, user_address start,
                        user_address end) REQUIRES(&space->lock)
{
    user_address low = region->start > start ? region->start : start;
    user_address high = region->end < end ? region->end : end;

    ASSERT(low < high);
    ASSERT(low == region->start || high == region->end);
    space_account(space, region, -(int64_t)pages_of(low, high));
    if (low > region->start)
        region_resize(&space->regions, region, region->start, low);
    else if (high < region->end)
        region_resize(&space->regions, region, high, region->end);
    else
        region_remove(&space->regions, region);
}

int space_unmap(struct address_space *space, user_address start, user_address end)
{
    struct region *region = region_find_from(&space->regions, start);
    user_address low = end, high = start;

    ASSERT(mutex_is_held(&space->lock));
    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(is_aligned(end, PAGE_SIZE));
    ASSERT(start < end);
    ASSERT(end <= USER_ADDRESS_LIMIT);
    if (region && region->start < start && region->end > end) {
        int error = region_split(&space->regions, region, end);

        if (error)
            return error;
    }
    while (region && region->start < end) {
        struct region *next = region_next(region);

        low = low < region->start ? low : region->start;
        high = region->end;
        region_trim(space, region, start, end);
        region = next;
    }
    if (high <= start)
        return 0;    /* nothing was there */
    low = low > start ? low : start;
    high = high < end ? high : end;

    struct region *above = region_find_from(&space->regions, start);
    struct region *below = above ? region_previous(above) : region_last(&space->regions);

    ASSERT_IMPLIES(above, above->start >= end);
    space_drop_pages(space, low, high, below ? below->end : 0,
                     above ? above->start : USER_ADDRESS_LIMIT);
    return 0;
}

int address_space_unmap(struct address_space *space, user_address address, uint64_t length)
{
    uint64_t size;

    if (!is_aligned(address, PAGE_SIZE) || address > USER_SPACE_END ||
        length > USER_SPACE_END - address)
        return -EINVAL;
    size = round_up(length, PAGE_SIZE);
    if (size == 0)
        return -EINVAL;
    space_lock(space);

    int error = space_unmap(space, address, address + size);

    space_unlock(space);
    return error;
}

/* ---- Finding a place ----------------------------------------------------------------------- */

/* The lowest place in the second GiB. */
static bool place_low(const struct address_space *space, uint64_t length, user_address *place)
{
    const struct machine_info *info = machine_info();

    for (size_t i = 0; i < info->user_range_count; i++) {
        const struct machine_range *range = &info->user_ranges[i];
        user_address low = range->start > LOW_START ? range->start : LOW_START;
        user_address high = range->end < LOW_END ? range->end : LOW_END;

        if (low < high && region_find_gap_low(&space->regions, length, low, high, place))
            return true;
    }
    return false;
}

static bool place_in_ranges(const struct address_space *space, uint64_t length, user_address top,
                            user_address *place)
{
    const struct machine_info *info = machine_info();

    for (size_t i = info->user_range_count; i-- > 0;) {
        user_address low = info->user_ranges[i].start;
        user_address high = info->user_ranges[i].end < top ? info->user_ranges[i].end : top;

        if (low < USER_ADDRESS_MINIMUM)
            low = USER_ADDRESS_MINIMUM;
        if (low < high && region_find_gap_high(&space->regions, length, low, high, place))
            return true;
    }
    return false;
}

static bool place_at_hint(const struct address_space *space, user_address hint, uint64_t length,
                          uint32_t flags)
{
    const struct region *above = region_find_from(&space->regions, hint);

    if (hint == 0 || !space_range_allowed(hint, length))
        return false;
    if ((flags & MAP_BELOW_4G) && (length > LOW_END || hint > LOW_END - length))
        return false;
    return !above || hint + length <= region_guarded_start(above);
}

int space_find_place(struct address_space *space, user_address hint, uint64_t length,
                     uint32_t flags, user_address *place)
{
    ASSERT(mutex_is_held(&space->lock));
    ASSERT(length > 0);
    ASSERT(is_aligned(length, PAGE_SIZE));
    hint = round_down(hint, PAGE_SIZE);
    if (hint != 0 && hint < USER_ADDRESS_MINIMUM)
        hint = USER_ADDRESS_MINIMUM;
    if (length > USER_SPACE_END)
        return -ENOMEM;
    if (place_at_hint(space, hint, length, flags)) {
        *place = hint;
        return 0;
    }
    if (flags & MAP_BELOW_4G)
        return place_low(space, length, place) ? 0 : -ENOMEM;
    if (place_in_ranges(space, length, space->map_top, place) ||
        place_in_ranges(space, length, USER_ADDRESS_LIMIT, place))
        return 0;
    return -ENOMEM;
}

/* ---- Mapping ------------------------------------------------------------------------------- */

/* The place of a request, checked; `length` is rounded. */
static int choose_place(struct address_space *space, const struct map_request *request,
                        uint64_t length, user_address *place) REQUIRES(&space->lock)
{
    if (!(request->flags & MAP_AT_ADDRESS))
        return space_find_place(space, request->address, length, request->flags, place);
    if (length > USER_SPACE_END || request->address > USER_SPACE_END - length)
        return -ENOMEM;
    if (!is_aligned(request->address, PAGE_SIZE))
        return -EINVAL;
    if (request->address < USER_ADDRESS_MINIMUM)
        return -EPERM;
    if (!space_range_allowed(request->address, length))    /* the machine's own is there */
        return request->flags & MAP_NOT_REPLACE ? -EEXIST : -ENOMEM;
    if ((request->flags & MAP_NOT_REPLACE) &&
        space_is_used(space, request->address, request->address + length))
        return -EEXIST;
    *place = request->address;
    return 0;
}

static uint32_t region_flags_of(const struct address_space *space, uint32_t flags)
{
    uint32_t result = 0;

    if (flags & MAP_SHARED_PAGES)
        result |= REGION_SHARED;
    if (flags & MAP_GROWS_DOWN)
        result |= REGION_GROWS_DOWN;
    if (flags & MAP_NO_ACCOUNT)
        result |= REGION_NO_ACCOUNT;
    if (flags & MAP_LOCK_PAGES)
        result |= REGION_LOCKED;
    return result | space->lock_future;
}

/* Pages of [start, end) that are mapped now and would be replaced. */
static uint64_t pages_replaced(const struct address_space *space, user_address start,
                               user_address end)
{
    const struct region *region = region_find_from(&space->regions, start);
    uint64_t pages = 0;

    for (; region && region->start < end; region = region_next(region))
        pages += pages_of(region->start > start ? region->start : start,
                          region->end < end ? region->end : end);
    return pages;
}

/* Private writable and shared anonymous memory are promises that may have to be kept. */
static bool is_absurd(const struct region *model)
{
    bool promised = model->flags & REGION_SHARED
                        ? model->object && memory_object_is_anonymous(model->object)
                        : (model->protection & PROTECTION_WRITE) != 0;

    return promised && !(model->flags & REGION_NO_ACCOUNT) &&
           space_is_overcommitted(pages_of(model->start, model->end));
}

/* With the place chosen; space locked. */
static int insert_mapping(struct address_space *space, const struct region *model)
    REQUIRES(&space->lock)
{
    uint64_t pages = pages_of(model->start, model->end);
    uint64_t replaced = pages_replaced(space, model->start, model->end);
    struct region *region;

    ASSERT(replaced <= pages);
    if (!space_may_grow(space, model->protection, model->flags, pages - replaced))
        return -ENOMEM;
    if (is_absurd(model))
        return -ENOMEM;

    int error = replaced ? space_unmap(space, model->start, model->end) : 0;

    if (!error)
        error = region_insert(&space->regions, model, &region);
    if (error)
        return error;
    space_account(space, model, (int64_t)pages);
    return 0;
}

static int check_length(const struct address_space *space, const struct map_request *request,
                        uint64_t *length)
{
    uint64_t end;

    if (request->length == 0)
        return -EINVAL;
    if (round_up_overflows(request->length, PAGE_SIZE, length))
        return -ENOMEM;
    if (add_overflows(request->object_offset, *length, &end))
        return -EOVERFLOW;
    if (space->regions.count > REGIONS_MAX)
        return -ENOMEM;
    return 0;
}

static int map_locked(struct address_space *space, const struct map_request *request,
                      user_address *address) REQUIRES(&space->lock)
{
    uint64_t length;
    int error = check_length(space, request, &length);

    if (!error)
        error = choose_place(space, request, length, address);
    if (!error)
        error = request->object_error;
    if (error)
        return error;
    ASSERT(is_aligned(*address, PAGE_SIZE));
    ASSERT(space_range_allowed(*address, length));

    const struct region model = {
        .start = *address,
        .end = *address + length,
        .protection = request->protection,
        .maximum_protection = request->maximum_protection ? request->maximum_protection
                                                          : PROTECTION_ALL,
        .flags = region_flags_of(space, request->flags),
        .object = request->object,
        .object_offset = request->object ? request->object_offset : 0,
        .file = request->file,
        .label = request->label,
    };

    error = insert_mapping(space, &model);
    if (error)
        return error;
    if ((request->flags & MAP_POPULATE_NOW) || region_is_populated(&model)) {
        /* As in Linux, what cannot be brought in now is no error of mmap. */
        (void)space_populate(space, region_find(&space->regions, model.start), model.start,
                             model.end);
    }
    return 0;
}

int address_space_map(struct address_space *space, const struct map_request *request,
                      user_address *address)
{
    space_lock(space);

    int error = map_locked(space, request, address);

    space_unlock(space);
    return error;
}

/* ---- Protecting ---------------------------------------------------------------------------- */

int space_isolate(struct address_space *space, struct region **region, user_address start,
                  user_address end)
{
    ASSERT(mutex_is_held(&space->lock));
    ASSERT(start < end);
    ASSERT(start < (*region)->end);
    ASSERT(end > (*region)->start);
    if ((*region)->start < start) {
        int error = region_split(&space->regions, *region, start);

        if (error)
            return error;
        *region = region_next(*region);
    }
    if ((*region)->end > end) {
        int error = region_split(&space->regions, *region, end);

        if (error) {
            *region = region_merge(&space->regions, *region);
            return error;
        }
    }
    ASSERT((*region)->start >= start);
    ASSERT((*region)->end <= end);
    return 0;
}

/* The entry with the permissions of its region.  Writing is given at once only where that needs no
 * decision: a private page with one reference. */
static uint64_t protected_entry(const struct region *region, uint64_t old)
{
    uint64_t entry = old & ~ENTRY_PERMISSIONS;

    if (region->protection == 0)
        return entry;
    entry |= region_entry_bits(region);
    if (!(region->protection & PROTECTION_WRITE))
        return entry;

    bool is_own = (old & ENTRY_RESERVED) ||
                  (!(old & (ENTRY_OBJECT | ENTRY_ZERO)) &&
                   page_references(page_at(old & ENTRY_ADDRESS)) == 1);

    if ((old & ENTRY_WRITE) || is_own)
        entry |= ENTRY_WRITE | ENTRY_DIRTY;
    return entry;
}

static bool is_reduced(uint64_t old, uint64_t entry)
{
    if (!(old & ENTRY_PRESENT))
        return false;
    return (old & ~entry & (ENTRY_PRESENT | ENTRY_WRITE)) || (entry & ~old & ENTRY_NO_EXECUTE);
}

/* What lost permissions and has to be flushed at the end of the operation. */
struct flush_range {
    user_address start, end;    /* empty: start >= end */
};

static void protect_pages(struct address_space *space, const struct region *region,
                          struct flush_range *flush)
{
    struct page_table_piece piece;
    user_address at = region->start;

    while (page_table_next_piece(space->root, at, region->end, &piece)) {
        for (size_t i = 0; i < piece.count; i++) {
            uint64_t old = entry_load(&piece.entries[i]);
            user_address page = piece.address + i * PAGE_SIZE;

            if (old == 0)
                continue;

            uint64_t entry = protected_entry(region, old);

            entry_store(&piece.entries[i], entry);
            if (!is_reduced(old, entry))
                continue;
            flush->start = flush->start < page ? flush->start : page;
            flush->end = page + PAGE_SIZE;
        }
        at = page_table_piece_end(&piece);
    }
}

static bool protection_affordable(const struct address_space *space, const struct region *region,
                                  uint64_t pages, uint32_t protection)
{
    if (!(protection & PROTECTION_WRITE) || (region->protection & PROTECTION_WRITE) ||
        (region->flags & REGION_SHARED))
        return true;

    uint64_t data_limit = space->data_limit / PAGE_SIZE;

    if (!(region->flags & REGION_GROWS_DOWN) && space->data_pages + pages > data_limit)
        return false;
    return (region->flags & REGION_NO_ACCOUNT) || !space_is_overcommitted(pages);
}

/* The part of the region in [start, end); *region becomes what holds it afterwards. */
static int protect_region(struct address_space *space, struct region **region,
                          const struct flush_range *range, uint32_t protection,
                          struct flush_range *flush) REQUIRES(&space->lock)
{
    user_address start = (*region)->start > range->start ? (*region)->start : range->start;
    user_address end = (*region)->end < range->end ? (*region)->end : range->end;
    uint64_t pages = pages_of(start, end);

    if (protection & ~(*region)->maximum_protection)
        return -EACCES;
    if ((*region)->protection == protection)
        return 0;
    if (!protection_affordable(space, *region, pages, protection))
        return -ENOMEM;

    int error = space_isolate(space, region, start, end);

    if (error)
        return error;
    space_account(space, *region, -(int64_t)pages);
    (*region)->protection = protection;
    space_account(space, *region, (int64_t)pages);
    protect_pages(space, *region, flush);
    *region = region_merge(&space->regions, *region);
    return 0;
}

/* PROTECTION_FROM_START: the range begins where the region that holds its start does. */
static int extend_to_start(struct address_space *space, struct flush_range *range)
{
    const struct region *region = region_find_from(&space->regions, range->start);

    if (!region || region->start >= range->end)
        return -ENOMEM;
    range->start = region->start;
    return region->flags & REGION_GROWS_DOWN ? 0 : -EINVAL;
}

static int protect_range(struct address_space *space, const struct flush_range *range,
                         uint32_t protection) REQUIRES(&space->lock)
{
    struct region *region = region_find(&space->regions, range->start);
    struct flush_range flush = { .start = UINT64_MAX, .end = 0 };
    user_address at = range->start;
    int error = 0;

    while (!error && at < range->end) {
        if (!region || region->start > at) {
            error = -ENOMEM;
            break;
        }
        error = protect_region(space, &region, range, protection, &flush);
        at = region->end;
        region = region_next(region);
    }
    if (flush.start < flush.end)
        tlb_flush(space->root, flush.start, flush.end);
    return error;
}

int address_space_protect(struct address_space *space, user_address address, uint64_t length,
                          uint32_t protection)
{
    struct flush_range range = { .start = address };
    uint64_t size;

    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (round_up_overflows(length, PAGE_SIZE, &size) || add_overflows(address, size, &range.end))
        return -ENOMEM;
    if (protection & ~(PROTECTION_ALL | PROTECTION_FROM_START))
        return -EINVAL;
    space_lock(space);

    int error = protection & PROTECTION_FROM_START ? extend_to_start(space, &range) : 0;

    if (!error)
        error = protect_range(space, &range, protection & PROTECTION_ALL);

    space_unlock(space);
    return error;
}
