/*
 * Which regions map a memory object, and taking pages out of all of them (a file was truncated).
 *
 * Invariants:
 * - A region is on a list of its object exactly while it is in its space's tree; both change with
 *   the space's mutex held.
 * - New regions go to the list `current`, which a walk empties into the other one; then the two
 *   change places.  So a walk also meets regions that split off or were copied meanwhile from ones
 *   that it has not met yet.
 */
#include "lib/assert.h"
#include "lib/container.h"
#include "memory/memory_internal.h"

static struct address_space *space_of(const struct region *region)
{
    return CONTAINER_OF(region->set, struct address_space, regions);
}

void memory_object_add_region(struct memory_object *object, struct region *region)
{
    ASSERT(region->object == object);
    spin_lock(&object->regions_lock);
    list_append(&object->regions[object->current], &region->object_node);
    spin_unlock(&object->regions_lock);
}

void memory_object_remove_region(struct memory_object *object, struct region *region)
{
    ASSERT(region->object == object);
    spin_lock(&object->regions_lock);
    list_remove(&region->object_node);
    spin_unlock(&object->regions_lock);
}

bool memory_object_is_mapped(struct memory_object *object)
{
    bool is_mapped;

    spin_lock(&object->regions_lock);
    is_mapped = !list_is_empty(&object->regions[0]) || !list_is_empty(&object->regions[1]);
    spin_unlock(&object->regions_lock);
    return is_mapped;
}

bool memory_object_may_be_written(struct memory_object *object)
{
    bool may = false;

    spin_lock(&object->regions_lock);
    for (unsigned i = 0; i < 2; i++) {
        LIST_FOR_EACH(node, &object->regions[i]) {
            const struct region *region = LIST_ENTRY(node, struct region, object_node);

            may = may || ((region->flags & REGION_SHARED) &&
                          (region->maximum_protection & PROTECTION_WRITE));
        }
    }
    spin_unlock(&object->regions_lock);
    return may;
}

/* ---- The walk ------------------------------------------------------------------------------ */

/* The next region to visit; NULL: none.  The lock is held. */
static struct region *first_region(const struct memory_object *object)
{
    struct list *node = list_first(&object->regions[object->current]);

    return node ? LIST_ENTRY(node, struct region, object_node) : NULL;
}

static void set_visited(struct memory_object *object, struct region *region)
{
    list_remove(&region->object_node);
    list_append(&object->regions[!object->current], &region->object_node);
}

static void walk_begin(struct memory_object *object)
{
    spin_lock(&object->regions_lock);
    ASSERT(!object->is_unmapping);
    ASSERT(list_is_empty(&object->regions[!object->current]));
    object->is_unmapping = true;
    spin_unlock(&object->regions_lock);
}

/* The space of the next region, with a reference; NULL: the walk has ended.  A space that nobody
 * refers to any more is about to drop all its pages itself. */
static struct address_space *walk_next_space(struct memory_object *object)
{
    struct address_space *space = NULL;
    struct region *region;

    spin_lock(&object->regions_lock);
    while (!space && (region = first_region(object))) {
        space = space_of(region);
        if (!refcount_take_unless_zero(&space->references)) {
            set_visited(object, region);
            space = NULL;
        }
    }
    ASSERT(object->is_unmapping);
    if (!space) {
        object->current = !object->current;
        object->is_unmapping = false;
    }
    spin_unlock(&object->regions_lock);
    return space;
}

/* The next region if it is of this space, which is locked. */
static struct region *walk_next_region(struct memory_object *object,
                                       const struct address_space *space) REQUIRES(&space->lock)
{
    ASSERT(mutex_is_held(&space->lock));
    spin_lock(&object->regions_lock);

    struct region *region = first_region(object);

    if (region && space_of(region) != space)
        region = NULL;
    if (region)
        set_visited(object, region);
    spin_unlock(&object->regions_lock);
    return region;
}

enum unmap {
    UNMAP_ALL,
    UNMAP_SHARED,       /* from shared regions */
    UNMAP_ORIGINALS,    /* no private copies */
};

/* How many entries from this one on are of the object's own pages (or not), at most `limit`. */
static size_t run_length(page_entry *entries, size_t limit, bool of_object)
{
    size_t length = 0;

    while (length < limit && ((entry_load(&entries[length]) & ENTRY_OBJECT) != 0) == of_object)
        length++;
    return length;
}

static void drop_originals(struct address_space *space, user_address low, user_address high)
    REQUIRES(&space->lock)
{
    struct page_table_piece piece;

    while (low < high && page_table_next_piece(space->root, low, high, &piece)) {
        size_t skipped = run_length(piece.entries, piece.count, false);
        size_t dropped = skipped == piece.count
                             ? 0
                             : run_length(piece.entries + skipped, piece.count - skipped, true);

        low = piece.address + (skipped + dropped) * PAGE_SIZE;
        if (dropped > 0)
            space_drop_pages(space, low - dropped * PAGE_SIZE, low, low - dropped * PAGE_SIZE, low);
    }
}

/* The pages [first, end) of the object, as far as the region maps them. */
static void drop_object_pages(struct address_space *space, const struct region *region,
                              uint64_t first, uint64_t end, enum unmap what) REQUIRES(&space->lock)
{
    uint64_t base = region->object_offset >> PAGE_SHIFT;
    uint64_t pages = (region->end - region->start) / PAGE_SIZE;
    uint64_t from = first > base ? first - base : 0;
    uint64_t to = end > base ? end - base : 0;

    if (to > pages)
        to = pages;
    if (from >= to)
        return;

    user_address low = region->start + from * PAGE_SIZE;
    user_address high = region->start + to * PAGE_SIZE;

    if (what == UNMAP_ORIGINALS)
        drop_originals(space, low, high);
    else
        space_drop_pages(space, low, high, low, high);
}

static void unmap(struct memory_object *object, uint64_t first, uint64_t end, enum unmap what)
{
    struct address_space *space;

    walk_begin(object);
    while ((space = walk_next_space(object))) {
        struct region *region;

        space_lock(space);
        while ((region = walk_next_region(object, space))) {
            if (what != UNMAP_SHARED || (region->flags & REGION_SHARED))
                drop_object_pages(space, region, first, end, what);
        }
        space_unlock(space);
        address_space_release(space);
    }
}

static uint64_t end_of(uint64_t first, uint64_t count)
{
    return count > UINT64_MAX - first ? UINT64_MAX : first + count;
}

void memory_object_unmap(struct memory_object *object, uint64_t first, uint64_t count)
{
    unmap(object, first, end_of(first, count), UNMAP_ALL);
}

void memory_object_unmap_shared(struct memory_object *object, uint64_t first, uint64_t count)
{
    unmap(object, first, end_of(first, count), UNMAP_SHARED);
}

void memory_object_unmap_originals(struct memory_object *object)
{
    unmap(object, 0, UINT64_MAX, UNMAP_ORIGINALS);
}
