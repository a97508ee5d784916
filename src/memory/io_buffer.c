/*
 * Moves bytes through a list of segments of user or kernel memory.
 *
 * Invariant: `remaining` is the sum of the segments' lengths less what was moved, at most
 * INT64_MAX; `segments` points to the segment that the next byte belongs to, or to one that is
 * used up.
 */
#include "memory/io_buffer.h"

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/user_memory.h"

void io_buffer_init(struct io_buffer *buffer, struct address_space *space,
                    const struct io_segment *segments, unsigned count)
{
    *buffer = (struct io_buffer){ .space = space, .segments = segments, .segment_count = count };
    for (unsigned i = 0; i < count; i++)
        if (add_overflows(buffer->remaining, segments[i].length, &buffer->remaining) ||
            buffer->remaining > INT64_MAX)
            buffer->remaining = INT64_MAX;
}

/* The direction of a move: exactly one of the pointers is used, or none for zeros. */
struct io_move {
    const char *source;
    char *target;
};

static void *kernel_pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

static size_t move_kernel(const struct io_move *move, uint64_t address, size_t size)
{
    if (move->target)
        memcpy(move->target, kernel_pointer(address), size);
    else if (move->source)
        memcpy(kernel_pointer(address), move->source, size);
    else
        memset(kernel_pointer(address), 0, size);
    return size;
}

static size_t move_user(struct address_space *space, const struct io_move *move, uint64_t address,
                        size_t size)
{
    if (move->target)
        return user_copy_in_partial(space, move->target, address, size);
    if (move->source)
        return user_copy_out_partial(space, address, move->source, size);
    return user_zero_partial(space, address, size);
}

/* Moves within the current segment; a kernel segment takes all. */
static size_t move_piece(struct io_buffer *buffer, const struct io_move *move, size_t size)
{
    uint64_t address = buffer->segments->address + buffer->segment_done;
    size_t moved = buffer->space ? move_user(buffer->space, move, address, size)
                                 : move_kernel(move, address, size);

    buffer->segment_done += moved;
    buffer->remaining -= moved;
    return moved;
}

static int64_t move_bytes(struct io_buffer *buffer, struct io_move move, size_t size)
{
    size_t wanted = size < buffer->remaining ? size : buffer->remaining;
    size_t done = 0;

    while (done < wanted) {
        ASSERT(buffer->segment_count > 0);
        ASSERT(buffer->segment_done <= buffer->segments->length);

        uint64_t left = buffer->segments->length - buffer->segment_done;
        size_t piece = wanted - done < left ? wanted - done : left;
        size_t moved;

        if (left == 0) {
            buffer->segments++;
            buffer->segment_count--;
            buffer->segment_done = 0;
            continue;
        }
        moved = move_piece(buffer, &move, piece);
        ASSERT(moved <= piece);
        done += moved;
        if (moved < piece)
            break;
        move.source += move.source ? moved : 0;
        move.target += move.target ? moved : 0;
    }
    return done == 0 && wanted > 0 ? -EFAULT : (int64_t)done;
}

int64_t io_buffer_put(struct io_buffer *buffer, const void *source, size_t size)
{
    return move_bytes(buffer, (struct io_move){ .source = source }, size);
}

int64_t io_buffer_get(struct io_buffer *buffer, void *target, size_t size)
{
    return move_bytes(buffer, (struct io_move){ .target = target }, size);
}

int64_t io_buffer_put_zero(struct io_buffer *buffer, size_t size)
{
    return move_bytes(buffer, (struct io_move){ 0 }, size);
}
