/*
 * Bounded byte ring.
 *
 * Invariants: start < capacity (or both are 0), count <= capacity; the bytes that are kept
 * stand at start, start + 1, ... modulo capacity, the oldest first.
 */
#include "lib/ring.h"

#include "lib/assert.h"
#include "lib/memory.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void ring_init(struct ring *ring, void *storage, size_t capacity)
{
    ASSERT(storage || capacity == 0);
    *ring = (struct ring){ .storage = storage, .capacity = capacity };
}

/* Index `distance` bytes behind the oldest one; distance <= capacity.  Never adds beyond the
 * capacity, so that no size of ring can wrap a size_t. */
static size_t ring_index(const struct ring *ring, size_t distance)
{
    size_t to_end = ring->capacity - ring->start;

    return distance < to_end ? ring->start + distance : distance - to_end;
}

size_t ring_write(struct ring *ring, const void *bytes, size_t size)
{
    size_t moved = smaller(size, ring_space(ring));

    if (moved == 0)
        return 0;

    size_t end = ring_index(ring, ring->count);
    size_t first = smaller(moved, ring->capacity - end);

    memcpy(ring->storage + end, bytes, first);
    memcpy(ring->storage, (const uint8_t *)bytes + first, moved - first);
    ring->count += moved;
    ASSERT(ring->count <= ring->capacity);
    return moved;
}

size_t ring_read(struct ring *ring, void *bytes, size_t size)
{
    size_t moved = smaller(size, ring->count);

    if (moved == 0)
        return 0;

    size_t first = smaller(moved, ring->capacity - ring->start);

    memcpy(bytes, ring->storage + ring->start, first);
    memcpy((uint8_t *)bytes + first, ring->storage, moved - first);
    ring->start = ring_index(ring, moved);
    ring->count -= moved;
    ASSERT(ring->start < ring->capacity);
    return moved;
}
