#pragma once
/*
 * The memory that a read or write works on: user memory in pieces (iovec), or kernel memory.  File
 * operations move bytes through it without knowing which.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "memory/address_space.h"

struct io_segment {
    uint64_t address;    /* user address, or kernel pointer when space is NULL */
    uint64_t length;
};

struct io_buffer {
    struct address_space *space;           /* NULL: kernel memory */
    const struct io_segment *segments;     /* the caller's; current one first */
    unsigned segment_count;
    uint64_t segment_done;                 /* bytes already used of the current segment */
    uint64_t remaining;                    /* bytes left in all */
    bool may_not_wait;                     /* -EAGAIN instead, as if the file had OPEN_NONBLOCK */
    bool appends;                          /* at the end, as if it had OPEN_APPEND */
};

void io_buffer_init(struct io_buffer *buffer, struct address_space *space,
                    const struct io_segment *segments, unsigned count);
/* Moves up to `size` bytes and advances.  Returns how many; fewer than min(size, remaining) only
 * when memory is not accessible, and -EFAULT if not even one was moved (never for size 0). */
int64_t io_buffer_put(struct io_buffer *buffer, const void *source, size_t size);    /* a read */
int64_t io_buffer_get(struct io_buffer *buffer, void *target, size_t size);          /* a write */
int64_t io_buffer_put_zero(struct io_buffer *buffer, size_t size);
