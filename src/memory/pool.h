#pragma once
/*
 * Pools of objects of one size, carved from pages, with a limit and counts so that a leak shows.
 * Freed objects are poisoned.
 *
 * Context: any (RANK_POOL); nothing sleeps.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "sync/spinlock.h"

struct pool {
    const char *name;
    size_t object_size;
    size_t objects_max;             /* 0: as many as memory allows */
    struct spinlock lock;

    /* Protected by `lock`. */
    struct list partial;            /* slabs with room, by the node of their first page */
    size_t in_use, peak;
    size_t pages;                   /* of all its slabs */

    /* Set at the first use. */
    size_t stride;                  /* bytes from one object to the next */
    unsigned slab_order, slab_objects;
    struct pool *next_used;         /* every pool that was used, newest first */
};

#define POOL_INITIAL(pool_name, type, maximum) \
    POOL_INITIAL_SIZE(pool_name, sizeof(type), maximum)
#define POOL_INITIAL_SIZE(pool_name, size, maximum)                               \
    {                                                                             \
        .name = (pool_name), .object_size = (size), .objects_max = (maximum),     \
        .lock = SPINLOCK_INITIAL(RANK_POOL, pool_name)                            \
    }

/* Zeroed object; NULL at the limit or without memory. */
void *pool_allocate(struct pool *pool);
/* NULL is allowed and ignored. */
void pool_free(struct pool *pool, void *object);
void pool_for_each(void (*visit)(const struct pool *pool, void *context), void *context);
/* Gives back the pages that pools keep although no object is in them. */
void pool_release_spares(void);

/* For what has no fixed size (path buffers, argument lists, tables that grow): whole pages or
 * power-of-two pieces below that.  Zeroed.  NULL without memory, or for a size of 0.  The size
 * must be given back. */
void *memory_allocate(size_t size);
void memory_free(void *memory, size_t size);
