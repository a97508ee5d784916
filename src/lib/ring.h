#pragma once
/* Bounded byte ring over storage that the caller owns.  One lock of the owner protects it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *storage;
    size_t capacity;
    size_t start;    /* index of the oldest byte */
    size_t count;
};

void ring_init(struct ring *ring, void *storage, size_t capacity);
/* Both return how many bytes were moved: fewer than `size` when full or empty. */
size_t ring_write(struct ring *ring, const void *bytes, size_t size);
size_t ring_read(struct ring *ring, void *bytes, size_t size);

static inline size_t ring_space(const struct ring *ring)
{
    return ring->capacity - ring->count;
}
