/*
 * Copies from one file to another within the kernel (sendfile, copy_file_range), through a buffer:
 * the two files never hold locks at the same time.
 */
#include "fs/read_write.h"
#include "memory/pool.h"

#define CHUNK_SIZE 65536u

static int64_t read_chunk(const struct file_copy_request *request, void *chunk, size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)chunk, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    if (!request->source_position)
        return file_read(request->source, &buffer);
    return file_read_at(request->source, &buffer, *request->source_position);
}

static int64_t write_chunk(const struct file_copy_request *request, const void *chunk,
                           size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)chunk, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    if (!request->target_position)
        return file_write(request->target, &buffer, request->size_limit);
    return file_write_at(request->target, &buffer, *request->target_position,
                         request->size_limit);
}

/* What was read but could not be written is given back to the source's own position. */
static void unread(const struct file_copy_request *request, int64_t bytes)
{
    if (!request->source_position && !request->source->is_stream && bytes > 0)
        (void)file_seek(request->source, -bytes, SEEK_FROM_CURRENT);
}

/* One chunk: bytes moved, 0 at the end of the source, or an error. */
static int64_t copy_chunk(const struct file_copy_request *request, void *chunk, size_t size)
{
    int64_t taken = read_chunk(request, chunk, size);
    int64_t given = 0;

    if (taken <= 0)
        return taken;
    while (given < taken) {
        int64_t moved = write_chunk(request, (const char *)chunk + given,
                                    (size_t)(taken - given));

        if (moved <= 0) {
            unread(request, taken - given);
            return given > 0 ? given : moved;
        }
        given += moved;
        if (request->target_position)
            *request->target_position += (uint64_t)moved;
    }
    return given;
}

int64_t file_copy(const struct file_copy_request *request)
{
    uint64_t size = request->size < IO_SIZE_MAX ? request->size : IO_SIZE_MAX;
    size_t chunk_size = size < CHUNK_SIZE ? (size_t)size : CHUNK_SIZE;
    uint64_t done = 0;
    void *chunk;

    if (size == 0)
        return 0;
    chunk = memory_allocate(chunk_size);
    if (!chunk)
        return -ENOMEM;
    while (done < size) {
        uint64_t wanted = size - done < chunk_size ? size - done : chunk_size;
        int64_t moved = copy_chunk(request, chunk, (size_t)wanted);

        if (moved <= 0) {
            memory_free(chunk, chunk_size);
            return done > 0 ? (int64_t)done : moved;
        }
        done += (uint64_t)moved;
        if (request->source_position)
            *request->source_position += (uint64_t)moved;
        if ((uint64_t)moved < wanted)
            break;
    }
    memory_free(chunk, chunk_size);
    return (int64_t)done;
}
