/*
 * Page caches: bringing pages in and dropping them.  Reading and writing are in page_cache_io.c.
 *
 * Pages come in runs of contiguous page frames, which makes one host read of many pages, one copy
 * of many pages, and large extents in mappings.  A run grows as long as the file is read on where
 * the last one ended.
 */
#include "fs/page_cache.h"

#include "fs/fs_internal.h"
#include "lib/checked.h"
#include "memory/pool.h"

#define RUN_PAGES_MIN 32u
#define RUN_PAGES_MAX 512u
#define SHRINK_PAGES 256u    /* what an allocation that failed wants freed */

/* The caches that can be filled again. */
static struct {
    struct spinlock lock;

    /* Protected by `lock`. */
    struct list caches;    /* least recently shrunk first */
} fillable = {
    .lock = SPINLOCK_INITIAL(RANK_PAGE_CACHE_LIST, "page caches"),
    .caches = LIST_INITIAL(fillable.caches),
};

static struct pool cache_pool = POOL_INITIAL("page cache", struct page_cache, 0);

/* ---- Dropping pages ------------------------------------------------------------------------ */

static void drop_written(struct page_cache *cache, uint64_t index)
{
    struct page *page = cache->written.root ? page_tree_remove(&cache->written, index) : NULL;

    if (page)
        page_release(page);
}

void page_cache_drop(struct page_cache *cache, uint64_t index)
{
    drop_written(cache, index);
    page_release(page_tree_remove(&cache->pages, index));
    cache->page_count--;
    if (cache->operations->uncharge)
        cache->operations->uncharge(cache, 1);
}

static void drop_all(struct page_cache *cache)
{
    uint64_t index = 0;

    while (page_tree_next(&cache->pages, &index))
        page_cache_drop(cache, index);
}

static void drop_unwritten(struct page_cache *cache)
{
    uint64_t index = 0;

    while (page_tree_next(&cache->pages, &index)) {
        if (index >= page_cache_pages_of(cache->size) || !page_tree_get(&cache->written, index))
            page_cache_drop(cache, index);
        index++;
    }
}

/* Those that nobody else has a reference to; how many.  The lock is held. */
static uint64_t drop_unused(struct page_cache *cache)
{
    uint64_t dropped = 0;
    uint64_t index = 0;
    struct page *page;

    if (cache->keeps_pages || !cache->operations->fill)
        return 0;
    while ((page = page_tree_next(&cache->pages, &index))) {
        if (page->references == 1) {
            page_cache_drop(cache, index);
            dropped++;
        }
        index++;
    }
    return dropped;
}

/* Mappings last: what they lose they fault in again. */
void page_cache_invalidate(struct page_cache *cache, uint64_t size)
{
    mutex_lock(&cache->lock);
    cache->size = size;
    drop_unwritten(cache);
    cache->next_index = 0;
    cache->run_pages = 0;
    mutex_unlock(&cache->lock);
    memory_object_unmap_originals(&cache->object);
}

/* ---- Bringing pages in --------------------------------------------------------------------- */

/* What programs have not touched yet goes first, then other files' pages, then those of this one
 * that nobody uses just now. */
static uint64_t free_some(struct page_cache *cache)
{
    uint64_t freed = address_space_give_back(SHRINK_PAGES);

    if (freed == 0)
        freed = page_cache_shrink(SHRINK_PAGES);
    return freed == 0 && cache->operations->fill ? drop_unused(cache) : freed;
}

static struct page *allocate_run(struct page_cache *cache, unsigned *order)
{
    enum page_fill fill = cache->operations->fill ? PAGE_DIRTY : PAGE_ZERO;
    struct page *first = page_allocate_run(*order, fill);

    while (!first && *order > 0)
        first = page_allocate_run(--*order, fill);
    if (!first && free_some(cache) > 0)
        first = page_allocate_run(*order, fill);
    return first;
}

static unsigned order_for(uint64_t pages)
{
    unsigned order = 0;

    while ((UINT64_C(1) << order) < pages)
        order++;
    return order;
}

/* Inserts the pages of a run, as far as there is memory and the file reaches; frees the others. */
static uint64_t insert_run(struct page_cache *cache, uint64_t index, struct page *first,
                           uint64_t count)
{
    uint64_t inserted = 0;

    while (inserted < count &&
           (!cache->operations->fill || index + inserted < page_cache_pages_of(cache->size)) &&
           page_tree_insert(&cache->pages, index + inserted, first + inserted) == 0)
        inserted++;
    cache->page_count += inserted;
    if (inserted < count)
        page_release_run(first + inserted, count - inserted);
    return inserted;
}

/* Brings in up to `count` pages, none of which is there yet, from `index` on.  0 or an error; at
 * least the first page may still be missing if the file became shorter. */
static int bring_in_run(struct page_cache *cache, uint64_t index, uint64_t count)
{
    const struct page_cache_operations *operations = cache->operations;
    unsigned order = order_for(count);
    struct page *first = allocate_run(cache, &order);
    uint64_t run = UINT64_C(1) << order;
    int error = 0;

    if (!first)
        return -ENOMEM;
    if (run > count)
        page_release_run(first + count, run - count);
    else
        count = run;
    if (operations->charge)
        error = operations->charge(cache, count);
    if (error) {
        page_release_run(first, count);
        return error;
    }
    if (operations->fill)
        error = operations->fill(cache, index, first, count);
    if (error)
        page_release_run(first, count);
    run = error ? 0 : insert_run(cache, index, first, count);
    if (operations->uncharge && run < count)
        operations->uncharge(cache, count - run);
    cache->next_index = index + run;
    return error;
}

/* How many absent pages follow from `index` on, itself included, up to `limit`. */
static uint64_t absent_pages(struct page_cache *cache, uint64_t index, uint64_t limit)
{
    uint64_t next = index;

    if (!page_tree_next(&cache->pages, &next) || next - index > limit)
        return limit;
    return next - index;
}

/* Files that can be filled: the aligned run around `index`, as far as its pages are absent. */
static int bring_in_around(struct page_cache *cache, uint64_t index, uint64_t wanted)
{
    uint64_t run = RUN_PAGES_MIN;
    uint64_t start, end;

    if (index == cache->next_index && cache->run_pages)
        run = cache->run_pages * 2;
    while (run < wanted)
        run *= 2;
    if (run > RUN_PAGES_MAX)
        run = RUN_PAGES_MAX;
    cache->run_pages = run;

    start = index;
    while (start > round_down(index, run) && !page_tree_get(&cache->pages, start - 1))
        start--;
    end = round_down(index, run) + run;
    if (end > page_cache_pages_of(cache->size))
        end = page_cache_pages_of(cache->size);
    end = start + absent_pages(cache, start, end - start);
    return bring_in_run(cache, start, end - start);
}

/* Files whose truth is here: just the pages that are going to be written. */
static int bring_in_from(struct page_cache *cache, uint64_t index, uint64_t wanted)
{
    uint64_t limit = wanted < RUN_PAGES_MAX ? wanted : RUN_PAGES_MAX;

    return bring_in_run(cache, index, absent_pages(cache, index, limit));
}

int page_cache_find(struct page_cache *cache, uint64_t index, uint64_t wanted, bool make,
                    struct page **page)
{
    bool can_fill = cache->operations->fill != NULL;
    int error;

    ASSERT(mutex_is_held(&cache->lock));
    *page = page_tree_get(&cache->pages, index);
    if (*page || (!can_fill && !make))
        return 0;
    error = can_fill ? bring_in_around(cache, index, wanted)
                     : bring_in_from(cache, index, wanted);
    /* When memory is short the run may have been cut before it reached this page. */
    if (!page_tree_get(&cache->pages, index) &&
        (!can_fill || (!error && index < page_cache_pages_of(cache->size))))
        error = bring_in_run(cache, index, 1);
    if (error)
        return error;
    *page = page_tree_get(&cache->pages, index);
    if (*page)
        return 0;
    return can_fill && index >= page_cache_pages_of(cache->size) ? -ENXIO : -ENOMEM;
}

/* ---- As a memory object -------------------------------------------------------------------- */

/* The page is about to be written through a mapping: where that must be written back, it stays
 * until it has been. */
static int note_mapped_write(struct page_cache *cache, uint64_t index, struct page *page)
{
    int error;

    if (!cache->operations->write_back)
        return -EIO;    /* nobody maps a read-only filesystem's file for that */
    if (page_tree_get(&cache->written, index))
        return 0;
    error = page_tree_insert(&cache->written, index, page);
    if (!error)
        page_reference(page);
    return error;
}

static int object_page(struct memory_object *object, uint64_t index, bool for_write,
                       struct page **page)
{
    struct page_cache *cache = page_cache_of(object);
    int error = -ENXIO;

    mutex_lock(&cache->lock);
    if (index < page_cache_pages_of(cache->size))
        error = page_cache_find(cache, index, 1, true, page);
    if (!error && for_write && cache->operations->fill)
        error = note_mapped_write(cache, index, *page);
    if (!error)
        page_reference(*page);
    mutex_unlock(&cache->lock);
    return error;
}

static bool object_is_resident(struct memory_object *object, uint64_t index)
{
    struct page_cache *cache = page_cache_of(object);
    bool resident;

    mutex_lock(&cache->lock);
    resident = page_tree_get(&cache->pages, index) != NULL;
    mutex_unlock(&cache->lock);
    return resident;
}

static int object_sync(struct memory_object *object, uint64_t first, uint64_t count)
{
    (void)first;
    (void)count;
    return page_cache_write_back(page_cache_of(object));
}

static void leave_fillable(struct page_cache *cache)
{
    spin_lock(&fillable.lock);
    if (list_is_linked(&cache->all_caches))
        list_remove(&cache->all_caches);
    spin_unlock(&fillable.lock);
}

static void object_destroy(struct memory_object *object)
{
    struct page_cache *cache = page_cache_of(object);

    leave_fillable(cache);
    drop_all(cache);
    if (cache->operations->destroy)
        cache->operations->destroy(cache);
    pool_free(&cache_pool, cache);
}

static const struct memory_object_operations object_operations = {
    .page = object_page,
    .is_resident = object_is_resident,
    .sync = object_sync,
    .destroy = object_destroy,
};

/* ---- Lifetime ------------------------------------------------------------------------------ */

int page_cache_create(const struct page_cache_operations *operations, void *source,
                      uint64_t size, struct page_cache **result)
{
    struct page_cache *cache = pool_allocate(&cache_pool);

    if (!cache)
        return -ENOMEM;
    memory_object_init(&cache->object, &object_operations);
    cache->operations = operations;
    cache->source = source;
    mutex_init(&cache->lock, RANK_PAGE_CACHE, "page cache");
    page_tree_init(&cache->pages);
    page_tree_init(&cache->written);
    cache->size = size;
    list_init(&cache->all_caches);
    if (operations->fill) {
        spin_lock(&fillable.lock);
        list_append(&fillable.caches, &cache->all_caches);
        spin_unlock(&fillable.lock);
    }
    *result = cache;
    return 0;
}

void page_cache_reference(struct page_cache *cache)
{
    memory_object_reference(&cache->object);
}

void page_cache_release(struct page_cache *cache)
{
    memory_object_release(&cache->object);
}

/* ---- Taking over --------------------------------------------------------------------------- */

/* The file may become shorter meanwhile.  The lock is held. */
static int bring_in_all(struct page_cache *cache) REQUIRES(&cache->lock)
{
    int error = 0;

    for (uint64_t index = 0; !error && index < page_cache_pages_of(cache->size); index++) {
        struct page *page;

        error = page_cache_find(cache, index, RUN_PAGES_MAX, true, &page);
    }
    return error == -ENXIO ? 0 : error;
}

int page_cache_own(struct page_cache *cache, const struct page_cache_operations *operations)
{
    int error;

    ASSERT(cache->operations->fill);
    ASSERT(!operations->fill);
    mutex_lock(&cache->lock);
    cache->keeps_pages = true;
    error = bring_in_all(cache);
    cache->keeps_pages = false;
    if (!error && operations->charge)
        error = operations->charge(cache, cache->page_count);
    if (!error) {
        leave_fillable(cache);
        cache->operations = operations;
    }
    mutex_unlock(&cache->lock);
    return error;
}

/* ---- Shrinking ----------------------------------------------------------------------------- */

/* The cache that was shrunk longest ago, with a reference; it goes to the end of the list. */
static struct page_cache *next_to_shrink(void)
{
    struct page_cache *cache = NULL;

    spin_lock(&fillable.lock);

    struct list *node = list_rotate(&fillable.caches);

    if (node) {
        cache = LIST_ENTRY(node, struct page_cache, all_caches);
        if (!refcount_take_unless_zero(&cache->object.references))
            cache = NULL;
    }
    spin_unlock(&fillable.lock);
    return cache;
}

static size_t count_fillable(void)
{
    spin_lock(&fillable.lock);

    size_t count = list_length(&fillable.caches);

    spin_unlock(&fillable.lock);
    return count;
}

uint64_t page_cache_shrink(uint64_t pages) LOCKS_UNCHECKED
{
    uint64_t dropped = 0;

    for (size_t i = count_fillable(); i > 0 && dropped < pages; i--) {
        struct page_cache *cache = next_to_shrink();

        if (!cache)
            continue;
        /* Whoever needs the memory may be filling this very cache. */
        if (!mutex_is_held(&cache->lock) && mutex_try_lock(&cache->lock)) {
            dropped += drop_unused(cache);
            mutex_unlock(&cache->lock);
        }
        page_cache_release(cache);
    }
    return dropped;
}
