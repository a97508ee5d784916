/*
 * Memory objects: reference counting, and the anonymous one (shared memory without a file).
 *
 * An anonymous object keeps its pages in a page table of its own, by index: present entries
 * without permissions that matter.  Pages come in aligned runs, so that a region which maps the
 * object whole and aligned gets extents.
 *
 * Invariants: each entry holds one reference to its page; entries beyond `page_count` are zero.  An
 * object that goes is mapped nowhere: each region has a reference.
 */
#include "memory/memory_object.h"

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/container.h"
#include "lib/memory.h"
#include "memory/extent.h"
#include "memory/memory_internal.h"
#include "memory/page_table.h"
#include "memory/pool.h"
#include "sync/mutex.h"

#define SHARED_EXTENT_ORDER 4u    /* 16 pages brought in at a time */

struct anonymous_object {
    struct memory_object object;
    uint64_t page_count;          /* constant after creation */
    struct mutex lock;            /* RANK_PAGE_CACHE */

    /* Protected by `lock`: the entries. */
    physical_address root;        /* constant after creation */
};

static struct pool object_pool = POOL_INITIAL("anonymous object", struct anonymous_object, 0);

void memory_object_init(struct memory_object *object,
                        const struct memory_object_operations *operations)
{
    object->operations = operations;
    refcount_init(&object->references, 1);
    spin_init(&object->regions_lock, RANK_OBJECT_REGIONS, "regions of an object");
    list_init(&object->regions[0]);
    list_init(&object->regions[1]);
    object->current = 0;
    object->is_unmapping = false;
}

void memory_object_reference(struct memory_object *object)
{
    refcount_take(&object->references);
}

void memory_object_release(struct memory_object *object)
{
    if (!refcount_drop(&object->references))
        return;
    ASSERT(list_is_empty(&object->regions[0]));
    ASSERT(list_is_empty(&object->regions[1]));
    ASSERT(!object->is_unmapping);
    object->operations->destroy(object);
}

static struct anonymous_object *anonymous_of(struct memory_object *object)
{
    return CONTAINER_OF(object, struct anonymous_object, object);
}

static int anonymous_fill(struct anonymous_object *anonymous, uint64_t index, page_entry *entry)
    REQUIRES(&anonymous->lock)
{
    unsigned at = (unsigned)(index % PAGE_TABLE_ENTRIES);
    uint64_t left = anonymous->page_count - (index - at);
    struct extent extent = {
        .table = entry - at,
        .at = at,
        .low = 0,
        .high = left < PAGE_TABLE_ENTRIES ? (unsigned)left : PAGE_TABLE_ENTRIES,
        .order = SHARED_EXTENT_ORDER,
    };

    ASSERT(mutex_is_held(&anonymous->lock));
    ASSERT(index < anonymous->page_count);
    return extent_fill(&extent, ENTRY_PRESENT);
}

static int anonymous_page(struct memory_object *object, uint64_t index, bool for_write,
                          struct page **page)
{
    struct anonymous_object *anonymous = anonymous_of(object);
    page_entry *entry;

    (void)for_write;
    if (index >= anonymous->page_count)
        return -ENXIO;
    mutex_lock(&anonymous->lock);

    int error = page_table_prepare(anonymous->root, index << PAGE_SHIFT, &entry);

    if (!error && entry_load(entry) == 0)
        error = anonymous_fill(anonymous, index, entry);
    if (!error) {
        *page = page_at(entry_load(entry) & ENTRY_ADDRESS);
        page_reference(*page);
    }
    mutex_unlock(&anonymous->lock);
    return error;
}

static bool anonymous_is_resident(struct memory_object *object, uint64_t index)
{
    struct anonymous_object *anonymous = anonymous_of(object);

    if (index >= anonymous->page_count)
        return false;
    mutex_lock(&anonymous->lock);

    page_entry *entry = page_table_find(anonymous->root, index << PAGE_SHIFT);
    bool resident = entry && entry_load(entry) != 0;

    mutex_unlock(&anonymous->lock);
    return resident;
}

static int anonymous_sync(struct memory_object *object, uint64_t first, uint64_t count)
{
    (void)object;
    (void)first;
    (void)count;
    return 0;
}

static void release_run(uint64_t first, size_t count, void *context)
{
    (void)context;
    page_release_run(page_at(first & ENTRY_ADDRESS), count);
}

static void anonymous_destroy(struct memory_object *object)
{
    struct anonymous_object *anonymous = anonymous_of(object);
    struct page_table_removal removal = {
        .root = anonymous->root,
        .end = USER_ADDRESS_LIMIT,
        .ceiling = USER_ADDRESS_LIMIT,
    };

    page_table_unlink(&removal);
    page_table_release(&removal, release_run, NULL);
    page_table_destroy(anonymous->root);
    pool_free(&object_pool, anonymous);
}

static const struct memory_object_operations anonymous_operations = {
    .page = anonymous_page,
    .is_resident = anonymous_is_resident,
    .sync = anonymous_sync,
    .destroy = anonymous_destroy,
};

bool memory_object_is_anonymous(const struct memory_object *object)
{
    return object->operations == &anonymous_operations;
}

static void clear_pages(const struct page_table_piece *piece)
{
    for (size_t i = 0; i < piece->count; i++) {
        uint64_t entry = entry_load(&piece->entries[i]);

        if (entry != 0)
            memset(page_data(page_at(entry & ENTRY_ADDRESS)), 0, PAGE_SIZE);
    }
}

void memory_object_clear_anonymous(struct memory_object *object, uint64_t first, uint64_t count)
{
    struct anonymous_object *anonymous = anonymous_of(object);
    uint64_t at = first < anonymous->page_count ? first : anonymous->page_count;
    uint64_t left = anonymous->page_count - at;
    uint64_t end = (at + (count < left ? count : left)) << PAGE_SHIFT;
    struct page_table_piece piece;

    ASSERT(memory_object_is_anonymous(object));
    at <<= PAGE_SHIFT;
    mutex_lock(&anonymous->lock);
    while (page_table_next_piece(anonymous->root, at, end, &piece)) {
        clear_pages(&piece);
        at = page_table_piece_end(&piece);
    }
    mutex_unlock(&anonymous->lock);
}

int memory_object_create_anonymous(uint64_t size, struct memory_object **object)
{
    uint64_t rounded;

    if (round_up_overflows(size, PAGE_SIZE, &rounded) || rounded > USER_ADDRESS_LIMIT)
        return -ENOMEM;

    struct anonymous_object *anonymous = pool_allocate(&object_pool);

    if (!anonymous)
        return -ENOMEM;

    int error = page_table_create(&anonymous->root);

    if (error) {
        pool_free(&object_pool, anonymous);
        return error;
    }
    memory_object_init(&anonymous->object, &anonymous_operations);
    anonymous->page_count = rounded / PAGE_SIZE;
    mutex_init(&anonymous->lock, RANK_PAGE_CACHE, "anonymous object");
    *object = &anonymous->object;
    return 0;
}
