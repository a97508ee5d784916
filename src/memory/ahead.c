/*
 * Pages of a new program that it will touch soon, brought in together before it begins: each alone
 * would cost a trap, and on the hosted machine a host mapping.
 *
 * These are guesses.  What cannot be done here is left to the faults.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/memory_internal.h"

#define MAPPED_PAGES 256u      /* of what is only read: as far as they are in memory */
#define WRITTEN_ORDER 5u       /* of what will be written: 32 pages in one run */

static user_address sooner(user_address end, user_address start, uint64_t pages)
{
    return end - start > pages * PAGE_SIZE ? start + pages * PAGE_SIZE : end;
}

static void map_page(struct address_space *space, const struct region *region,
                     user_address address, page_entry *entry) REQUIRES(&space->lock)
{
    uint64_t index = region_object_index(region, address);
    struct page *page;

    if (entry_load(entry) != 0 || !region->object->operations->is_resident(region->object, index) ||
        region->object->operations->page(region->object, index, false, &page) != 0)
        return;

    uint64_t value = page_address(page) | region_entry_bits(region) | ENTRY_OBJECT;

    entry_store(entry, value);
    space_count_resident(space, value, 1);
}

static void map_resident(struct address_space *space, const struct region *region,
                         user_address start, user_address end) REQUIRES(&space->lock)
{
    page_entry *entry = NULL;

    for (user_address at = start; at < end; at += PAGE_SIZE, entry++) {
        if ((at == start || is_aligned(at, PAGE_TABLE_SPAN)) &&
            page_table_prepare(space->root, at, &entry) != 0)
            return;
        map_page(space, region, at, entry);
    }
}

/* What a private page begins with. */
static int fill_private(struct region *region, user_address address, struct page *page)
{
    struct page *original;

    if (!region->object) {
        memset(page_data(page), 0, PAGE_SIZE);
        region->owns_pages = true;
        return 0;
    }

    int error = region->object->operations->page(
        region->object, region_object_index(region, address), false, &original);

    if (error)
        return error;
    memcpy(page_data(page), page_data(original), PAGE_SIZE);
    page_release(original);
    return 0;
}

static bool is_private(const struct region *region)
{
    return region && (region->protection & PROTECTION_WRITE) && !(region->flags & REGION_SHARED);
}

/* A page of our own for each of [start, end), all in one run and in one table. */
static void fill_ahead(struct address_space *space, user_address start, user_address end)
    REQUIRES(&space->lock)
{
    size_t count = (end - start) / PAGE_SIZE, filled = 0;
    unsigned order = 0;
    page_entry *entries;

    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(start % PAGE_TABLE_SPAN / PAGE_SIZE + count <= PAGE_TABLE_ENTRIES);    /* one table */
    while (((size_t)1 << order) < count)
        order++;
    if (page_table_prepare(space->root, start, &entries) != 0)
        return;

    struct page *run = page_allocate_run(order, PAGE_DIRTY);

    if (!run)
        return;
    while (filled < count && entry_load(&entries[filled]) == 0) {
        user_address address = start + filled * PAGE_SIZE;
        struct region *region = region_find(&space->regions, address);

        if (!is_private(region) || fill_private(region, address, run + filled) != 0)
            break;

        uint64_t value = page_address(run + filled) | region_entry_bits(region) | ENTRY_WRITE |
                         ENTRY_DIRTY;

        entry_store(&entries[filled++], value);
        space_count_resident(space, value, 1);
    }
    if (filled < (size_t)1 << order)
        page_release_run(run + filled, ((size_t)1 << order) - filled);
}

void address_space_bring_ahead(struct address_space *space, user_address start, user_address end)
{
    space_lock(space);

    const struct region *region = region_find(&space->regions, start);

    if (is_private(region)) {
        user_address table_end = round_down(start, PAGE_TABLE_SPAN) + PAGE_TABLE_SPAN;

        end = end < table_end ? end : table_end;
        fill_ahead(space, start, sooner(end, start, UINT64_C(1) << WRITTEN_ORDER));
    } else if (region && region->object) {
        map_resident(space, region, start,
                     sooner(end < region->end ? end : region->end, start, MAPPED_PAGES));
    }
    space_unlock(space);
}
