/*
 * Object pools.
 *
 * A slab is an aligned run of pages that holds objects of one pool; its bookkeeping is in the
 * struct page of its first page.  Objects are carved on demand from the low end, freed ones form
 * a chain of offsets through their own first bytes.
 *
 * Invariants:
 * - A slab is on its pool's `partial` list exactly when it has room.
 * - A slab without objects is given back to the page allocator, unless it is the only one with
 *   room: then it is kept as a spare, so that a lone object that comes and goes costs no page
 *   traffic.
 * - Freed objects hold POISON behind their link; the second word tells a probable double free,
 *   which is then looked up for certain.
 */
#include "memory/pool.h"

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/page.h"

#define OBJECT_ALIGNMENT 16u
#define SLAB_ORDER_MAX 3u
#define POISON_BYTE 0x6b
#define POISON_WORD UINT64_C(0x6b6b6b6b6b6b6b6b)

struct freed_object {
    uint64_t next;      /* offset + 1 of the next freed object; 0: none */
    uint64_t poison;
};
_Static_assert(sizeof(struct freed_object) <= OBJECT_ALIGNMENT, "fits in the smallest object");
_Static_assert((PAGE_SIZE << SLAB_ORDER_MAX) / OBJECT_ALIGNMENT <= UINT16_MAX,
               "struct page counts the objects of a slab in 16 bits");

static _Atomic(struct pool *) used_pools;

static size_t slab_size(const struct pool *pool)
{
    return (size_t)PAGE_SIZE << pool->slab_order;
}

static bool slab_is_full(const struct pool *pool, const struct page *slab)
{
    return slab->slab.in_use == pool->slab_objects;
}

/* The smallest slab that wastes at most an eighth, or the largest. */
static unsigned choose_slab_order(size_t stride)
{
    unsigned order = 0;

    while (order < SLAB_ORDER_MAX && (PAGE_SIZE << order) % stride > (PAGE_SIZE << order) / 8)
        order++;
    ASSERT(stride <= PAGE_SIZE << order);
    return order;
}

/* First use: works out the slabs and links the pool into the list of all.  Lock held. */
static void pool_register(struct pool *pool)
{
    struct pool *first = atomic_load_explicit(&used_pools, memory_order_relaxed);

    list_init(&pool->partial);
    pool->stride = round_up(pool->object_size, OBJECT_ALIGNMENT);
    pool->slab_order = choose_slab_order(pool->stride);
    pool->slab_objects = (unsigned)(slab_size(pool) / pool->stride);
    do
        pool->next_used = first;
    while (!atomic_compare_exchange_weak_explicit(&used_pools, &first, pool, memory_order_release,
                                                  memory_order_relaxed));
}

static struct page *slab_create(struct pool *pool)
{
    struct page *slab = page_allocate_run(pool->slab_order, PAGE_DIRTY);

    if (!slab)
        return NULL;
    list_append(&pool->partial, &slab->node);
    pool->pages += (size_t)1 << pool->slab_order;
    return slab;
}

static void slab_destroy(struct pool *pool, struct page *slab)
{
    size_t count = (size_t)1 << pool->slab_order;

    ASSERT(slab->slab.in_use == 0);
    ASSERT(pool->pages >= count);
    list_remove(&slab->node);
    pool->pages -= count;
    page_release_run(slab, count);
}

static void *slab_take_object(const struct pool *pool, struct page *slab)
{
    char *data = page_data(slab);
    size_t offset;

    ASSERT(!slab_is_full(pool, slab));
    ASSERT(slab->slab.in_use <= slab->slab.carved);
    if (slab->slab.first_free) {
        offset = slab->slab.first_free - 1;

        const struct freed_object *object = (const struct freed_object *)(void *)(data + offset);

        ASSERT(object->poison == POISON_WORD);
        slab->slab.first_free = (uint32_t)object->next;
    } else {
        offset = slab->slab.carved * pool->stride;
        slab->slab.carved++;
    }
    ASSERT(offset + pool->stride <= slab_size(pool));
    slab->slab.in_use++;
    return data + offset;
}

void *pool_allocate(struct pool *pool)
{
    void *object = NULL;

    spin_lock(&pool->lock);
    if (!pool->partial.next)
        pool_register(pool);
    if (pool->objects_max == 0 || pool->in_use < pool->objects_max) {
        struct list *node = list_first(&pool->partial);
        struct page *slab = node ? LIST_ENTRY(node, struct page, node) : slab_create(pool);

        if (slab) {
            object = slab_take_object(pool, slab);
            if (slab_is_full(pool, slab))
                list_remove(&slab->node);
            pool->in_use++;
            if (pool->in_use > pool->peak)
                pool->peak = pool->in_use;
        }
    }
    spin_unlock(&pool->lock);
    if (object)
        memset(object, 0, pool->object_size);
    return object;
}

static bool slab_has_freed(const struct page *slab, size_t offset)
{
    const char *data = page_data(slab);
    uint64_t next = slab->slab.first_free;

    while (next != 0 && next != offset + 1)
        next = ((const struct freed_object *)(const void *)(data + next - 1))->next;
    return next != 0;
}

static void slab_put_object(const struct pool *pool, struct page *slab, void *object)
{
    size_t offset = (size_t)((char *)object - (char *)page_data(slab));
    struct freed_object *freed = object;

    ASSERT(offset % pool->stride == 0);
    ASSERT(offset / pool->stride < slab->slab.carved);
    ASSERT(slab->slab.in_use > 0);
    if (freed->poison == POISON_WORD)
        ASSERT(!slab_has_freed(slab, offset));
    memset(object, POISON_BYTE, pool->stride);
    freed->next = slab->slab.first_free;
    slab->slab.first_free = (uint32_t)offset + 1;
    slab->slab.in_use--;
}

void pool_free(struct pool *pool, void *object)
{
    if (!object)
        return;

    physical_address start = round_down(page_physical_of(object), slab_size(pool));
    struct page *slab = page_at(start);

    spin_lock(&pool->lock);

    bool was_full = slab_is_full(pool, slab);

    ASSERT(was_full != list_is_linked(&slab->node));
    slab_put_object(pool, slab, object);
    ASSERT(pool->in_use > 0);
    pool->in_use--;
    if (was_full)
        list_append(&pool->partial, &slab->node);
    if (slab->slab.in_use == 0 && pool->partial.next != pool->partial.previous)
        slab_destroy(pool, slab);
    spin_unlock(&pool->lock);
}

void pool_for_each(void (*visit)(const struct pool *pool, void *context), void *context)
{
    struct pool *pool = atomic_load_explicit(&used_pools, memory_order_acquire);

    for (; pool; pool = pool->next_used)
        visit(pool, context);
}

void pool_release_spares(void)
{
    struct pool *pool = atomic_load_explicit(&used_pools, memory_order_acquire);

    for (; pool; pool = pool->next_used) {
        spin_lock(&pool->lock);
        LIST_FOR_EACH_SAFE(node, following, &pool->partial) {
            struct page *slab = LIST_ENTRY(node, struct page, node);

            if (slab->slab.in_use == 0)
                slab_destroy(pool, slab);
        }
        spin_unlock(&pool->lock);
    }
}

/* ---- Memory of any size -------------------------------------------------------------------- */

#define PIECE_SIZE_MIN 32u
#define PIECE_SIZE_MAX 2048u

static struct pool pieces[] = {
    POOL_INITIAL_SIZE("memory-32", 32, 0),     POOL_INITIAL_SIZE("memory-64", 64, 0),
    POOL_INITIAL_SIZE("memory-128", 128, 0),   POOL_INITIAL_SIZE("memory-256", 256, 0),
    POOL_INITIAL_SIZE("memory-512", 512, 0),   POOL_INITIAL_SIZE("memory-1024", 1024, 0),
    POOL_INITIAL_SIZE("memory-2048", 2048, 0),
};
_Static_assert(PIECE_SIZE_MIN << (ARRAY_SIZE(pieces) - 1) == PIECE_SIZE_MAX, "a pool for each");

static struct pool *piece_pool(size_t size)
{
    struct pool *pool = pieces;

    while (pool->object_size < size)
        pool++;
    return pool;
}

static void *pages_allocate(size_t size)
{
    unsigned order = 0;

    while (order <= PAGE_ORDER_MAX && ((size_t)PAGE_SIZE << order) < size)
        order++;

    struct page *first = page_allocate_run(order, PAGE_ZERO);    /* NULL when it is too large */

    if (!first)
        return NULL;

    size_t used = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    size_t total = (size_t)1 << order;

    if (used < total)
        page_release_run(first + used, total - used);
    return page_data(first);
}

void *memory_allocate(size_t size)
{
    if (size == 0)
        return NULL;
    if (size <= PIECE_SIZE_MAX)
        return pool_allocate(piece_pool(size));
    return pages_allocate(size);
}

void memory_free(void *memory, size_t size)
{
    if (!memory)
        return;
    ASSERT(size > 0);
    if (size <= PIECE_SIZE_MAX)
        pool_free(piece_pool(size), memory);
    else
        page_release_run(page_at(page_physical_of(memory)), (size + PAGE_SIZE - 1) / PAGE_SIZE);
}
