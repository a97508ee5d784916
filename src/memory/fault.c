/*
 * Page faults: from an address and an access to an entry of the page table that allows it.
 *
 * Which kind of fault it is follows from the entry and the region:
 *
 *   entry                      region              what happens
 *   zero                       private, no object  fill an extent (a read: with shared zero pages)
 *   zero                       with object         take the object's page; private write: a copy
 *   present, permits           any                 nothing: another thread was faster
 *   zero page, write           private, no object  fill an extent over the zero pages
 *   reserved frame             private, no object  it becomes a page, then as below
 *   read-only, write           shared              tell the object, allow writing
 *   read-only, write           private             the page is ours alone: allow writing; else copy
 *
 * Invariants:
 * - An entry permits writing only if its page may be written in place: a private page with one
 *   reference, or a page of a shared mapping whose object knows of the write.
 * - Each present entry without ENTRY_ZERO and ENTRY_RESERVED holds one reference to its page.
 * - When a present entry changes its page, the TLB is flushed before the old page is released.
 * - What is resolved permits the access that was asked for.
 */
#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/mark.h"
#include "lib/memory.h"
#include "memory/extent.h"
#include "memory/memory_internal.h"
#include "memory/tlb.h"

#define FAULT_AROUND_PAGES 64u    /* a program that starts reads most of its text */
#define ISOLATED_ORDER 4u    /* extent of the first touch in a region: 16 pages */
#define ISOLATED_COPY_ORDER 3u    /* the same of the first write after a fork: 8 pages */
#define SETTLED_BESIDE 16u   /* reserved frames that are looked at, for a walk through them */

#define STACK_STEP_PAGES 16u
#define RECLAIM_PAGES 64u    /* asked for when memory has run out */

/* Set once at boot; NULL: nothing can be given back. */
static uint64_t (*reclaim_pages)(uint64_t pages);

struct fault {
    struct address_space *space;
    struct region *region;
    user_address page;       /* page aligned */
    bool write;
    bool major;              /* a page had to be brought in from somewhere */
    bool scattered;          /* one more touch on its own, in a region that has had many */
    page_entry *entry;
};

static enum fault_result result_of(int error)
{
    if (error == -ENOMEM)
        return FAULT_NO_MEMORY;
    return error ? FAULT_BUS : FAULT_RESOLVED;
}

uint64_t region_entry_bits(const struct region *region)
{
    uint64_t bits = ENTRY_PRESENT | ENTRY_USER | ENTRY_ACCESSED;

    if (!(region->protection & PROTECTION_EXECUTE))
        bits |= ENTRY_NO_EXECUTE;
    return bits;
}

/* Replaces a present entry: flush, then release what was there. */
static void replace_entry(struct fault *fault, uint64_t value) REQUIRES(&fault->space->lock)
{
    uint64_t old = entry_load(fault->entry);

    ASSERT(old & ENTRY_PRESENT);
    ASSERT(!(old & ENTRY_ZERO));
    ASSERT(!(old & ENTRY_RESERVED));
    ASSERT((old & ENTRY_ADDRESS) != (value & ENTRY_ADDRESS));
    entry_store(fault->entry, value);
    tlb_flush(fault->space->root, fault->page, fault->page + PAGE_SIZE);
    space_count_resident(fault->space, old, -1);
    space_count_resident(fault->space, value, 1);
    page_release(page_at(old & ENTRY_ADDRESS));
}

/* ---- Anonymous memory ---------------------------------------------------------------------- */

/* How many pages of our own are there already next to the faulting one, above or below it: within
 * the region and one table. */
static unsigned filled_beside(const struct fault *fault, bool above)
{
    const struct region *region = fault->region;
    user_address next = above ? fault->page + PAGE_SIZE : fault->page - PAGE_SIZE;
    uint64_t room = above ? (region->end - next) / PAGE_SIZE
                          : (fault->page - region->start) / PAGE_SIZE;
    uint64_t index = next / PAGE_SIZE % PAGE_TABLE_ENTRIES;
    uint64_t in_table = above ? PAGE_TABLE_ENTRIES - index : index + 1;
    page_entry *entry = room > 0 ? page_table_find(fault->space->root, next) : NULL;
    unsigned count = 0;

    while (entry && count < room && count < in_table) {
        uint64_t value = entry_load(above ? entry + count : entry - count);

        if (value == 0 || (value & (ENTRY_ZERO | ENTRY_RESERVED)))
            break;
        count++;
    }
    return count;
}

/* Have reserved frames beside the page been touched? */
static void settle_beside(const struct fault *fault) REQUIRES(&fault->space->lock)
{
    const struct region *region = fault->region;
    uint64_t reach = (uint64_t)SETTLED_BESIDE * PAGE_SIZE;
    user_address end = fault->page + PAGE_SIZE;

    space_settle(fault->space,
                 fault->page - region->start > reach ? fault->page - reach : region->start,
                 region->end - end > reach ? end + reach : region->end);
}

/*
 * How much to bring in.  Shared zeros cost nothing: all that fits.  A touch next to pages that
 * are there continues them: as much again as there is already, so that a walk through memory, in
 * either direction and several at a time, soon takes 2 MiB a fault.  A touch on its own gets 16
 * pages at first, and half as many each time it happens again in the region, so that scattered
 * touches end at one page each; or, where there is plenty of memory, at a reservation of 2 MiB.
 * Memory that is locked as it is touched comes by the page.
 */
static unsigned wanted_order(struct fault *fault) REQUIRES(&fault->space->lock)
{
    if (!fault->write)
        return EXTENT_ORDER_MAX;
    if (fault->region->flags & REGION_ON_FAULT)
        return 0;

    settle_beside(fault);

    unsigned below = filled_beside(fault, false);
    unsigned above = filled_beside(fault, true);
    unsigned filled = below > above ? below : above;
    unsigned order = 0;

    if (filled == 0) {
        unsigned isolated = fault->region->isolated_faults;

        if (isolated < ISOLATED_ORDER)
            fault->region->isolated_faults++;
        else
            fault->scattered = true;
        return ISOLATED_ORDER - isolated;
    }
    while (order < EXTENT_ORDER_MAX && (1u << order) < filled)
        order++;
    return order;
}

/* The entries of this table that belong to the region. */
static struct extent extent_of_fault(const struct fault *fault)
{
    const struct region *region = fault->region;
    user_address base = round_down(fault->page, PAGE_TABLE_SPAN);
    unsigned at = (unsigned)((fault->page - base) / PAGE_SIZE);
    uint64_t low = region->start > base ? (region->start - base) / PAGE_SIZE : 0;
    uint64_t high = (region->end - base) / PAGE_SIZE;

    return (struct extent){
        .table = fault->entry - at,
        .at = at,
        .low = (unsigned)low,
        .high = high < PAGE_TABLE_ENTRIES ? (unsigned)high : PAGE_TABLE_ENTRIES,
    };
}

/* Pages of our own, zeroed; writable if the region is. */
static int fill_extent(struct fault *fault, struct extent *extent) REQUIRES(&fault->space->lock)
{
    uint64_t bits = region_entry_bits(fault->region);
    user_address base = fault->page - (user_address)extent->at * PAGE_SIZE;

    if (fault->region->protection & PROTECTION_WRITE)
        bits |= ENTRY_WRITE | ENTRY_DIRTY;
    extent->over_zeros = true;

    bool reserved = fault->scattered && extent_fill_reserved(extent, bits) == 0;
    int error = reserved ? 0 : extent_fill(extent, bits);

    if (error)
        return error;
    fault->region->owns_pages = true;
    if (reserved)
        space_count_reserved(fault->space, (int64_t)(extent->end - extent->first));
    else
        space_count_resident(fault->space, bits, (int64_t)(extent->end - extent->first));
    if (extent->replaced_zeros)
        tlb_flush(fault->space->root, base + (user_address)extent->first * PAGE_SIZE,
                  base + (user_address)extent->end * PAGE_SIZE);
    return 0;
}

static int fault_anonymous(struct fault *fault) REQUIRES(&fault->space->lock)
{
    struct extent extent = extent_of_fault(fault);

    extent.order = wanted_order(fault);
    if (!fault->write) {
        if (extent_fill_zeros(&extent, region_entry_bits(fault->region)) == 0)
            return 0;
        extent.order = 0;    /* no memory for the shared zeros: a page of its own */
    }
    return fill_extent(fault, &extent);
}

/* ---- Objects ------------------------------------------------------------------------------- */

static void map_object_page(struct fault *fault, struct page *page, bool writable)
    REQUIRES(&fault->space->lock)
{
    uint64_t value = page_address(page) | region_entry_bits(fault->region) | ENTRY_OBJECT;

    ASSERT(entry_load(fault->entry) == 0);
    ASSERT(page_references(page) > 0);
    if (writable)
        value |= ENTRY_WRITE | ENTRY_DIRTY;
    entry_store(fault->entry, value);
    space_count_resident(fault->space, value, 1);
}

/* Maps pages around that the object has in memory already.  A written page of a file would make its
 * neighbours dirty, so only shared memory does it for writes. */
static void map_around(const struct fault *fault) REQUIRES(&fault->space->lock)
{
    struct memory_object *object = fault->region->object;
    struct extent window = extent_of_fault(fault);
    unsigned first = window.at & ~(FAULT_AROUND_PAGES - 1), end = first + FAULT_AROUND_PAGES;
    user_address base = fault->page - (user_address)window.at * PAGE_SIZE;
    struct fault around = *fault;
    struct page *page;

    ASSERT(mutex_is_held(&around.space->lock));
    if (fault->write && !memory_object_is_anonymous(object))
        return;
    if (fault->region->flags & REGION_ON_FAULT)
        return;
    first = first < window.low ? window.low : first;
    end = end < window.high ? end : window.high;
    for (unsigned i = first; i < end; i++) {
        around.page = base + (user_address)i * PAGE_SIZE;
        around.entry = window.table + i;
        if (entry_load(around.entry) != 0)
            continue;

        uint64_t index = region_object_index(fault->region, around.page);

        if (!object->operations->is_resident(object, index))
            continue;
        if (object->operations->page(object, index, fault->write, &page) != 0)
            return;    /* not what was asked for: no error */
        map_object_page(&around, page, fault->write);
    }
}

/* A private copy of `original`, writable, without a reference to it. */
static int private_copy(const struct fault *fault, const struct page *original, uint64_t *value)
{
    struct page *copy = page_allocate(PAGE_DIRTY);

    if (!copy)
        return -ENOMEM;
    memcpy(page_data(copy), page_data(original), PAGE_SIZE);
    *value = page_address(copy) | region_entry_bits(fault->region) | ENTRY_WRITE | ENTRY_DIRTY;
    return 0;
}

static int fault_object(struct fault *fault) REQUIRES(&fault->space->lock)
{
    struct memory_object *object = fault->region->object;
    bool shared = (fault->region->flags & REGION_SHARED) != 0;
    uint64_t index = region_object_index(fault->region, fault->page);
    uint64_t value;
    struct page *page;

    fault->major = !object->operations->is_resident(object, index);

    int error = object->operations->page(object, index, shared && fault->write, &page);

    if (error)
        return error;
    if (shared || !fault->write) {
        map_object_page(fault, page, shared && fault->write);
        map_around(fault);
        return 0;
    }
    error = private_copy(fault, page, &value);
    page_release(page);
    if (error)
        return error;
    entry_store(fault->entry, value);
    space_count_resident(fault->space, value, 1);
    return 0;
}

/* ---- Writing to what is there -------------------------------------------------------------- */

static int write_shared(struct fault *fault) REQUIRES(&fault->space->lock)
{
    struct memory_object *object = fault->region->object;
    uint64_t index = region_object_index(fault->region, fault->page);
    uint64_t old = entry_load(fault->entry);
    struct page *page;

    ASSERT(old & ENTRY_OBJECT);

    int error = object->operations->page(object, index, true, &page);

    if (error)
        return error;
    if (page_address(page) == (old & ENTRY_ADDRESS)) {
        entry_store(fault->entry, old | ENTRY_WRITE | ENTRY_DIRTY);
        page_release(page);
        return 0;
    }
    replace_entry(fault, page_address(page) | region_entry_bits(fault->region) | ENTRY_OBJECT |
                             ENTRY_WRITE | ENTRY_DIRTY);
    return 0;
}

static int copy_original(struct fault *fault, const struct page *original)
    REQUIRES(&fault->space->lock)
{
    uint64_t value;
    int error = private_copy(fault, original, &value);

    if (!error)
        replace_entry(fault, value);
    return error;
}

/* How many pages beside this one can be written already, up to a table's end or `limit`. */
static unsigned written_beside(const struct extent *extent, bool above, unsigned limit)
{
    unsigned room = above ? extent->high - extent->at - 1 : extent->at - extent->low;
    unsigned count = 0;

    while (count < room && count < limit &&
           (entry_load(&extent->table[above ? extent->at + 1 + count : extent->at - 1 - count]) &
            ENTRY_WRITE))
        count++;
    return count;
}

/* As for pages that are not there yet (wanted_order): a write next to what was written goes on with
 * as much again; 0 when it is on its own. */
static unsigned order_beside(const struct extent *extent)
{
    unsigned limit = 1u << EXTENT_COPY_ORDER_MAX;
    unsigned below = written_beside(extent, false, limit);
    unsigned above = written_beside(extent, true, limit);
    unsigned written = below > above ? below : above;
    unsigned order = 0;

    while ((1u << order) < written)
        order++;
    return order;
}

/* Nobody else has the page any more, nor maybe those around it. */
static void take_over(const struct extent *extent, unsigned order)
{
    unsigned block = extent->at & ~((1u << order) - 1);

    for (unsigned i = block; i < block + (1u << order); i++) {
        uint64_t entry = entry_load(&extent->table[i]);

        if (i >= extent->low && i < extent->high && entry_is_shared(entry) &&
            page_references(page_at(entry & ENTRY_ADDRESS)) == 1)
            entry_store(&extent->table[i], entry | ENTRY_WRITE | ENTRY_DIRTY);
    }
}

/* The pages around are most likely written next, and a copy costs far less than a fault. */
static int copy_shared(struct fault *fault, struct extent *extent, unsigned order)
    REQUIRES(&fault->space->lock)
{
    uint64_t bits = region_entry_bits(fault->region) | ENTRY_WRITE | ENTRY_DIRTY;
    user_address base = fault->page - (user_address)extent->at * PAGE_SIZE;
    uint64_t old[1u << EXTENT_COPY_ORDER_MAX];

    extent->order = order;
    extent->over_shared = true;

    int error = extent_copy(extent, bits, old);

    if (error)
        return error;
    tlb_flush(fault->space->root, base + (user_address)extent->first * PAGE_SIZE,
              base + (user_address)extent->end * PAGE_SIZE);
    for (unsigned i = 0; i < extent->end - extent->first; i++)
        page_release(page_at(old[i] & ENTRY_ADDRESS));
    return 0;
}

static int write_private(struct fault *fault) REQUIRES(&fault->space->lock)
{
    struct extent extent = extent_of_fault(fault);
    uint64_t old = entry_load(fault->entry);
    struct page *page = page_at(old & ENTRY_ADDRESS);

    ASSERT(!(old & ENTRY_ZERO));
    ASSERT(!(old & ENTRY_RESERVED));
    ASSERT(page_references(page) > 0);
    if (old & ENTRY_OBJECT)
        return copy_original(fault, page);

    unsigned order = order_beside(&extent);

    if (page_references(page) == 1) {
        take_over(&extent, order);
        return 0;
    }
    if (order == 0 && fault->region->isolated_copies < ISOLATED_COPY_ORDER) {
        order = ISOLATED_COPY_ORDER - fault->region->isolated_copies++;
        fork_memory_note(fault->space, fault->page);
    }
    return copy_shared(fault, &extent, order);
}

static int resolve(struct fault *fault) REQUIRES(&fault->space->lock)
{
    uint64_t entry = entry_load(fault->entry);

    if (entry == 0)
        return fault->region->object ? fault_object(fault) : fault_anonymous(fault);
    ASSERT(entry & ENTRY_PRESENT);
    if (entry & ENTRY_RESERVED)
        space_claim_reserved(fault->space, fault->entry);
    if (!fault->write || (entry & ENTRY_WRITE))
        return 0;
    if (entry & ENTRY_ZERO)
        return fault_anonymous(fault);
    return fault->region->flags & REGION_SHARED ? write_shared(fault) : write_private(fault);
}

void address_space_set_reclaim(uint64_t (*reclaim)(uint64_t pages))
{
    reclaim_pages = reclaim;
}

static int attempt_resolve(struct fault *fault) REQUIRES(&fault->space->lock)
{
    int error = page_table_prepare(fault->space->root, fault->page, &fault->entry);

    if (!error)
        error = resolve(fault);
    if (error)
        return error;
    ASSERT(entry_load(fault->entry) & ENTRY_PRESENT);
    ASSERT_IMPLIES(fault->write, entry_load(fault->entry) & ENTRY_WRITE);
    return 0;
}

/* ---- Which region -------------------------------------------------------------------------- */

/* May the stack begin at `start`?  Its limits allow it, and a gap to what lies below stays. */
static bool stack_may_begin(const struct address_space *space, const struct region *region,
                            user_address start)
{
    const struct region *below = region_previous(region);
    uint64_t pages = (region->start - start) / PAGE_SIZE;

    if (region->end - start > space->stack_limit)
        return false;
    if (below && start < below->end)
        return false;
    if (below && below->protection != 0 && !(below->flags & REGION_GROWS_DOWN) &&
        start - below->end < (uint64_t)STACK_GUARD_PAGES * PAGE_SIZE)
        return false;
    return space_range_allowed(start, PAGE_SIZE) &&
           space_may_grow(space, region->protection, region->flags, pages);
}

/* A stack grows to the page that was touched.  If that is the next one, the program is probably
 * on its way down: it grows by a few pages at once, so that they can come in as one extent. */
static bool grow_stack(struct address_space *space, struct region *region, user_address page)
    REQUIRES(&space->lock)
{
    user_address start = round_down(page, (uint64_t)STACK_STEP_PAGES * PAGE_SIZE);

    ASSERT(page < region->start);
    if (region->start - page > PAGE_SIZE || !stack_may_begin(space, region, start))
        start = page;
    if (!stack_may_begin(space, region, start))
        return false;
    space_account(space, region, (int64_t)((region->start - start) / PAGE_SIZE));
    region_resize(&space->regions, region, start, region->end);
    return true;
}

static bool access_permitted(const struct region *region, uint32_t access)
{
    if (access & ACCESS_WRITE)
        return (region->protection & PROTECTION_WRITE) != 0;
    if (access & ACCESS_EXECUTE)
        return (region->protection & PROTECTION_EXECUTE) != 0;
    return region->protection != 0;    /* the hardware cannot refuse reads only */
}

enum fault_result space_fault(struct address_space *space, user_address address, uint32_t access)
{
    struct fault fault = {
        .space = space,
        .page = round_down(address, PAGE_SIZE),
        .write = (access & ACCESS_WRITE) != 0,
    };

    ASSERT(mutex_is_held(&fault.space->lock));
    fault.region = region_find_from(&space->regions, address);
    if (!fault.region)
        return FAULT_NOT_MAPPED;
    if (fault.region->start > address &&
        (!(fault.region->flags & REGION_GROWS_DOWN) ||
         !grow_stack(space, fault.region, fault.page)))
        return FAULT_NOT_MAPPED;
    if (!access_permitted(fault.region, access))
        return FAULT_NOT_PERMITTED;
    ASSERT(fault.region->start <= fault.page);
    ASSERT(fault.region->end > fault.page);

    int error = attempt_resolve(&fault);

    while (error == -ENOMEM &&
           (address_space_give_back(RECLAIM_PAGES) > 0 ||
            (reclaim_pages && reclaim_pages(RECLAIM_PAGES) > 0))) {
        MARK(fault_after_reclaiming);
        error = attempt_resolve(&fault);
    }
    if (!error && fault.major)
        space->major_faults++;
    else if (!error)
        space->minor_faults++;
    return result_of(error);
}

enum fault_result space_fault_range(struct address_space *space, user_address start,
                                    user_address end, uint32_t access)
{
    uint64_t needed = ENTRY_PRESENT | (access & ACCESS_WRITE ? ENTRY_WRITE : 0);

    ASSERT(mutex_is_held(&space->lock));
    ASSERT(is_aligned(start, PAGE_SIZE));
    for (user_address page = start; page < end; page += PAGE_SIZE) {
        page_entry *entry = page_table_find(space->root, page);

        if (entry && (entry_load(entry) & (needed | ENTRY_RESERVED)) == needed)
            continue;

        enum fault_result result = space_fault(space, page, access);

        if (result != FAULT_RESOLVED)
            return result;
    }
    return FAULT_RESOLVED;
}

enum fault_result space_populate(struct address_space *space, const struct region *region,
                                 user_address start, user_address end)
{
    uint32_t access = 0;

    ASSERT(mutex_is_held(&space->lock));
    ASSERT(start >= region->start);
    ASSERT(end <= region->end);
    if (region->protection == 0)
        return FAULT_NOT_PERMITTED;
    if ((region->protection & PROTECTION_WRITE) && !(region->flags & REGION_SHARED))
        access = ACCESS_WRITE;
    return space_fault_range(space, start, end, access);
}

enum fault_result address_space_fault(struct address_space *space, user_address address,
                                      uint32_t access)
{
    space_lock(space);

    enum fault_result result = space_fault(space, address, access);

    space_unlock(space);
    return result;
}
