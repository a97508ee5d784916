/*
 * Address spaces: life, limits, accounting, layout and reports.
 *
 * Invariants:
 * - The page counts by kind are the sums over the regions; resident_pages is the number of
 *   entries of the page table that hold a page (not a reserved frame), resident_object_pages of
 *   those with ENTRY_OBJECT.
 * - A page is in the table only where a region covers it.
 */
#include "memory/address_space.h"

#include "config.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/memory_internal.h"
#include "memory/pool.h"
#include "memory/tlb.h"
#include "sched/per_cpu.h"
#include "sched/thread.h"

#define STACK_ROOM_MIN (UINT64_C(128) << 20)    /* left free for the stack, as Linux */

static struct pool space_pool = POOL_INITIAL("address space", struct address_space, 0);

/* Set once at boot. */
static const struct region_file_operations *file_operations;

void address_space_set_file_operations(const struct region_file_operations *operations)
{
    file_operations = operations;
}

void region_file_reference(struct file *file)
{
    file_operations->reference(file);
}

static void release_file(struct file *file)
{
    file_operations->release(file);
}

void region_file_unmapped(struct file *file)
{
    if (file_operations->unmapped)
        file_operations->unmapped(file);
    release_file(file);
}

/* ---- Locking ------------------------------------------------------------------------------- */

void space_lock(struct address_space *space)
{
    mutex_lock(&space->lock);
    ASSERT(!space->regions.removed);
}

void space_unlock(struct address_space *space)
{
    struct region *removed = space->regions.removed;

    space->regions.removed = NULL;
    mutex_unlock(&space->lock);
    region_dispose(removed);
}

/* ---- Life ---------------------------------------------------------------------------------- */

user_address address_space_stack_top(const struct address_space *space)
{
    const struct machine_info *info = machine_info();

    (void)space;
    return info->user_ranges[info->user_range_count - 1].end;
}

/* Below the stack's room, its guard and one page more; a small range is shared half and half. */
static user_address default_map_top(const struct address_space *space)
{
    const struct machine_info *info = machine_info();
    const struct machine_range *range = &info->user_ranges[info->user_range_count - 1];
    uint64_t size = range->end - range->start;
    uint64_t room = space->stack_limit;

    if (room < STACK_ROOM_MIN)
        room = STACK_ROOM_MIN;
    if (room > size / 6 * 5)
        room = size / 6 * 5;
    room = round_up(room, PAGE_SIZE) + ((uint64_t)STACK_GUARD_PAGES + 1) * PAGE_SIZE;
    return room < size ? range->end - room : range->start + round_down(size / 2, PAGE_SIZE);
}

int address_space_create(struct address_space **created)
{
    struct address_space *space = pool_allocate(&space_pool);

    if (!space)
        return -ENOMEM;

    int error = page_table_create(&space->root);

    if (error) {
        pool_free(&space_pool, space);
        return error;
    }
    refcount_init(&space->references, 1);
    mutex_init(&space->lock, RANK_ADDRESS_SPACE, "address space");
    region_set_init(&space->regions);
    list_init(&space->reserving_node);
    space->stack_limit = USER_STACK_SIZE;
    space->total_limit = UINT64_MAX;
    space->data_limit = UINT64_MAX;
    space->map_top = default_map_top(space);
    *created = space;
    return 0;
}

void address_space_reference(struct address_space *space)
{
    refcount_take(&space->references);
}

bool address_space_is_shared(const struct address_space *space)
{
    return refcount_value(&space->references) > 1;
}

void address_space_release(struct address_space *space)
{
    if (!refcount_drop(&space->references))
        return;

    /* Nobody runs in it; a CPU may keep it active all the same until it needs another. */
    tlb_forget_root(space->root);
    space_lock(space);

    int error = space_unmap(space, 0, USER_ADDRESS_LIMIT);

    ASSERT(error == 0);
    space_drop_pages(space, 0, USER_ADDRESS_LIMIT, 0, USER_ADDRESS_LIMIT);
    ASSERT(space->resident_pages == 0);
    ASSERT(space->resident_object_pages == 0);
    ASSERT(space->reserved_pages == 0);
    ASSERT(space->total_pages == 0);
    ASSERT(space->data_pages == 0);
    ASSERT(space->text_pages == 0);
    ASSERT(space->stack_pages == 0);
    ASSERT(space->locked_pages == 0);
    ASSERT(space->regions.count == 0);
    space_unlock(space);
    fork_memory_release(space);
    page_table_destroy(space->root);
    pool_free(&space_pool, space);
}

physical_address address_space_root(const struct address_space *space)
{
    return space->root;
}

void address_space_activate(struct address_space *space)
{
    bool interrupts = machine_interrupts_disable();
    physical_address root = space ? space->root : 0;
    struct per_cpu *cpu = this_cpu();

    current_thread()->user_address_space = root;
    if (cpu->active_root != root) {
        __atomic_store_n(&cpu->active_root, root, __ATOMIC_SEQ_CST);    /* see tlb.h */
        machine_address_space_activate(root);
    }
    machine_interrupts_restore(interrupts);
}

/* ---- Layout and limits --------------------------------------------------------------------- */

user_address address_space_map_top(struct address_space *space)
{
    space_lock(space);

    user_address top = space->map_top;

    space_unlock(space);
    return top;
}

void address_space_set_limits(struct address_space *space, uint64_t stack, uint64_t total)
{
    space_lock(space);
    space->stack_limit = stack;
    space->total_limit = total;
    space_unlock(space);
}

void address_space_set_data_limit(struct address_space *space, uint64_t data)
{
    space_lock(space);
    space->data_limit = data;
    space_unlock(space);
}

bool space_range_allowed(user_address start, uint64_t length)
{
    const struct machine_info *info = machine_info();

    if (start < USER_ADDRESS_MINIMUM)
        return false;
    for (size_t i = 0; i < info->user_range_count; i++)
        if (range_within(start, length, info->user_ranges[i].start, info->user_ranges[i].end))
            return true;
    return false;
}

/* ---- Accounting ---------------------------------------------------------------------------- */

static bool is_data(uint32_t protection, uint32_t flags)
{
    return (protection & PROTECTION_WRITE) && !(flags & (REGION_SHARED | REGION_GROWS_DOWN));
}

static bool is_text(uint32_t protection, uint32_t flags)
{
    return (protection & PROTECTION_EXECUTE) && !(protection & PROTECTION_WRITE) &&
           !(flags & REGION_GROWS_DOWN);
}

void space_account(struct address_space *space, const struct region *region, int64_t pages)
{
    uint64_t change = (uint64_t)pages;    /* wraps like the counts: they never go below zero */

    ASSERT(mutex_is_held(&space->lock));
    ASSERT_IMPLIES(pages < 0, space->total_pages >= (uint64_t)-pages);
    space->total_pages += change;
    if (is_data(region->protection, region->flags))
        space->data_pages += change;
    if (is_text(region->protection, region->flags))
        space->text_pages += change;
    if (region->flags & REGION_GROWS_DOWN)
        space->stack_pages += change;
    if (region->flags & REGION_LOCKED)
        space->locked_pages += change;
    ASSERT(space->data_pages <= space->total_pages);
    ASSERT(space->text_pages <= space->total_pages);
    ASSERT(space->stack_pages <= space->total_pages);
    ASSERT(space->locked_pages <= space->total_pages);
    if (space->total_pages > space->peak_total_pages)
        space->peak_total_pages = space->total_pages;
}

bool space_may_grow(const struct address_space *space, uint32_t protection, uint32_t flags,
                    uint64_t pages)
{
    if (space->total_pages + pages > space->total_limit / PAGE_SIZE)
        return false;
    return !is_data(protection, flags) ||
           space->data_pages + pages <= space->data_limit / PAGE_SIZE;
}

bool space_is_overcommitted(uint64_t pages)
{
    return pages > page_statistics().total;
}

void space_count_resident(struct address_space *space, uint64_t entry, int64_t pages)
{
    ASSERT(mutex_is_held(&space->lock));
    if (entry & (ENTRY_ZERO | ENTRY_RESERVED))
        return;
    ASSERT_IMPLIES(pages < 0, space->resident_pages >= (uint64_t)-pages);
    space->resident_pages += (uint64_t)pages;
    if (entry & ENTRY_OBJECT)
        space->resident_object_pages += (uint64_t)pages;
    ASSERT(space->resident_object_pages <= space->resident_pages);
    if (space->resident_pages > space->peak_resident_pages)
        space->peak_resident_pages = space->resident_pages;
}

/* ---- Reports ------------------------------------------------------------------------------- */

static void count_resident(struct address_space *space, const struct region *region,
                           struct region_report *report) REQUIRES(&space->lock)
{
    struct page_table_piece piece;
    user_address at = region->start;

    space_settle(space, region->start, region->end);
    while (page_table_next_piece(space->root, at, region->end, &piece)) {
        for (size_t i = 0; i < piece.count; i++) {
            uint64_t entry = entry_load(&piece.entries[i]);
            bool is_resident = entry != 0 && !(entry & (ENTRY_ZERO | ENTRY_RESERVED));

            report->resident_pages += is_resident;
            report->own_pages += is_resident && !(entry & ENTRY_OBJECT);
        }
        at = page_table_piece_end(&piece);
    }
}

/* Copies the report of the region at or above `from`; with a reference to its file. */
bool address_space_report_next(struct address_space *space, user_address from,
                               struct region_report *report)
{
    space_lock(space);

    struct region *region = region_find_from(&space->regions, from);

    if (region) {
        *report = (struct region_report){
            .start = region->start,
            .end = region->end,
            .protection = region->protection,
            .shared = (region->flags & REGION_SHARED) != 0,
            .offset = region->object ? region->object_offset : 0,
            .file = region->file,
            .label = region->label,
            .locked = (region->flags & REGION_LOCKED) != 0,
            .grows_down = (region->flags & REGION_GROWS_DOWN) != 0,
        };
        count_resident(space, region, report);
        if (report->file)
            region_file_reference(report->file);
    }
    space_unlock(space);
    return region != NULL;
}

/* The visitor runs without the lock: it may look up names, which takes locks of lower rank. */
void address_space_report(struct address_space *space,
                          void (*visit)(const struct region_report *region, void *context),
                          void *context)
{
    struct region_report report;
    user_address from = 0;

    while (address_space_report_next(space, from, &report)) {
        visit(&report, context);
        from = report.end;
        if (report.file)
            release_file(report.file);
    }
}

static struct page_report page_report_of(uint64_t entry)
{
    /* An object has a reference to its page besides those of the entries. */
    uint32_t references = entry & ENTRY_OBJECT ? 2 : 1;

    if (entry == 0 || (entry & ENTRY_RESERVED))
        return (struct page_report){ 0 };
    return (struct page_report){
        .address = entry & ENTRY_ADDRESS,
        .is_present = true,
        .of_object = (entry & ENTRY_OBJECT) != 0,
        .is_alone = !(entry & ENTRY_ZERO) &&
                    page_references(page_at(entry & ENTRY_ADDRESS)) == references,
    };
}

void address_space_report_pages(struct address_space *space, user_address start, size_t count,
                                struct page_report *pages)
{
    user_address end = start + count * PAGE_SIZE, at = start;
    struct page_table_piece piece;

    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(end >= start);
    ASSERT(end <= USER_ADDRESS_LIMIT);
    memset(pages, 0, count * sizeof(pages[0]));
    space_lock(space);
    space_settle(space, start, end);
    while (page_table_next_piece(space->root, at, end, &piece)) {
        for (size_t i = 0; i < piece.count; i++)
            pages[(piece.address - start) / PAGE_SIZE + i] =
                page_report_of(entry_load(&piece.entries[i]));
        at = page_table_piece_end(&piece);
    }
    space_unlock(space);
}

bool address_space_permits(struct address_space *space, user_address address, uint32_t protection)
{
    space_lock(space);

    const struct region *region = region_find(&space->regions, address);
    bool permits = region && (region->protection & protection) == protection;

    space_unlock(space);
    return permits;
}

bool address_space_region_at(struct address_space *space, user_address address,
                             user_address *start, user_address *end)
{
    space_lock(space);

    const struct region *region = region_find(&space->regions, address);

    if (region) {
        *start = region->start;
        *end = region->end;
    }
    space_unlock(space);
    return region != NULL;
}

static bool find_file(const struct region_set *regions, user_address address,
                      struct mapped_file *mapped)
{
    const struct region *region = region_find(regions, address);

    if (!region || !region->file)
        return false;
    mapped->file = region->file;
    mapped->offset = region->object_offset + (address - region->start);
    return true;
}

bool address_space_file_at(struct address_space *space, user_address address,
                           struct mapped_file *mapped)
{
    bool is_found;

    space_lock(space);
    is_found = find_file(&space->regions, address, mapped);
    if (is_found)
        region_file_reference(mapped->file);
    space_unlock(space);
    return is_found;
}

bool address_space_peek_file(const struct address_space *space, user_address address,
                             struct mapped_file *mapped)
{
    return !atomic_load(&space->lock.owner) && find_file(&space->regions, address, mapped);
}

void address_space_statistics(struct address_space *space,
                              struct address_space_statistics *statistics)
{
    space_lock(space);
    space_settle(space, 0, USER_ADDRESS_LIMIT);
    *statistics = (struct address_space_statistics){
        .total_pages = space->total_pages,
        .resident_pages = space->resident_pages,
        .shared_pages = space->resident_object_pages,
        .text_pages = space->text_pages,
        .data_pages = space->data_pages,
        .stack_pages = space->stack_pages,
        .peak_total_pages = space->peak_total_pages,
        .peak_resident_pages = space->peak_resident_pages,
        .locked_pages = space->locked_pages,
        .minor_faults = space->minor_faults,
        .major_faults = space->major_faults,
        .break_start = space->break_start,
        .break_end = space->break_end,
    };
    space_unlock(space);
}
