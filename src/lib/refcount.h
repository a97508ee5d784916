#pragma once
/*
 * Counted references.  A count that reached zero is dead: taking a new reference then is a
 * resurrection and panics, as does an overflow.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/assert.h"

struct refcount {
    _Atomic uint32_t count;
};

static inline void refcount_init(struct refcount *references, uint32_t count)
{
    atomic_init(&references->count, count);
}

static inline void refcount_take(struct refcount *references)
{
    uint32_t before = atomic_fetch_add_explicit(&references->count, 1, memory_order_relaxed);

    ASSERT(before > 0);
    ASSERT(before < UINT32_MAX / 2);
}

/* Takes a reference unless the count is already zero (for look-ups that race with release). */
static inline bool refcount_take_unless_zero(struct refcount *references)
{
    uint32_t before = atomic_load_explicit(&references->count, memory_order_relaxed);

    while (before != 0) {
        if (atomic_compare_exchange_weak_explicit(&references->count, &before, before + 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    }
    return false;
}

/* True when that was the last one: the caller now owns the object alone and destroys it. */
static inline bool refcount_drop(struct refcount *references)
{
    uint32_t before = atomic_fetch_sub_explicit(&references->count, 1, memory_order_acq_rel);

    ASSERT(before > 0);
    return before == 1;
}

static inline uint32_t refcount_value(const struct refcount *references)
{
    return atomic_load_explicit(&((struct refcount *)(uintptr_t)references)->count,
                                memory_order_relaxed);
}
