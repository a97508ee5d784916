/*
 * Moving bytes between pipes and other files.
 *
 * The locks of other files rank below a pipe's, so none of theirs is taken with the pipe locked:
 *
 *   splice to a file                        writer
 *   takes a page out, unlocks, writes
 *   half of it
 *                                           fills the place that became free
 *   brings the rest back: there is no room  <- forbidden: the place stays reserved until then
 *
 * The same holds for pages that are filled from a file on their way into a pipe.
 */
#include "ipc/pipe_splice.h"

#include "fs/file.h"
#include "fs/read_write.h"
#include "ipc/pipe_internal.h"
#include "lib/assert.h"
#include "lib/memory.h"

bool file_is_pipe(const struct file *file)
{
    return file->operations == &pipe_operations;
}

/* ---- What both ends wait for --------------------------------------------------------------- */

/* 1: there are bytes; 0: there will be none.  -EAGAIN, -EINTR. */
static int await_bytes(struct pipe *pipe, bool may_not_wait) REQUIRES(&pipe->lock)
{
    while (pipe->count == 0) {
        int error;

        if (pipe->writers == 0)
            return 0;
        if (may_not_wait)
            return -EAGAIN;
        error = pipe_wait(pipe, &pipe->readable, WAIT_INPUT);
        if (error && pipe->count == 0)
            return error;
    }
    return 1;
}

static int await_room(struct pipe *pipe, bool may_not_wait) REQUIRES(&pipe->lock)
{
    while (pipe->readers > 0 && pipe_is_full(pipe)) {
        int error;

        if (may_not_wait)
            return -EAGAIN;
        error = pipe_wait(pipe, &pipe->writable, WAIT_OUTPUT);
        if (error && pipe_is_full(pipe))
            return error;
    }
    return pipe->readers > 0 ? 0 : -EPIPE;
}

static void append_slot(struct pipe *pipe, const struct pipe_slot *slot) REQUIRES(&pipe->lock)
{
    ASSERT(pipe->count < pipe->capacity);
    pipe->count++;
    *pipe_slot_at(pipe, pipe->count - 1) = *slot;
}

/* The first slot goes; its page is the caller's. */
static struct pipe_slot take_slot(struct pipe *pipe) REQUIRES(&pipe->lock)
{
    struct pipe_slot slot = *pipe_slot_at(pipe, 0);

    page_reference(slot.page);
    pipe_drop_first(pipe);
    return slot;
}

static void wake_writers(struct pipe *pipe)
{
    wait_queue_wake_for(&pipe->writable, PIPE_EVENTS_TO_WRITE);
    async_tell(&pipe->async, ASYNC_OUTPUT);
}

static void wake_readers(struct pipe *pipe)
{
    wait_queue_wake_for(&pipe->readable, PIPE_EVENTS_TO_READ);
    async_tell(&pipe->async, ASYNC_INPUT);
}

/* ---- Two pipes ----------------------------------------------------------------------------- */

static void lock_both(struct pipe *first, struct pipe *second)
    ACQUIRES(&first->lock, &second->lock) LOCKS_UNCHECKED
{
    mutex_lock(first->number < second->number ? &first->lock : &second->lock);
    mutex_lock_same_rank(first->number < second->number ? &second->lock : &first->lock);
}

static void unlock_both(struct pipe *first, struct pipe *second)
    RELEASES(&first->lock, &second->lock)
{
    mutex_unlock(&first->lock);
    mutex_unlock(&second->lock);
}

/* A page of its own with `size` bytes of the slot. */
static int copy_part(const struct pipe_slot *slot, uint32_t size, struct pipe_slot *copy)
{
    struct page *page = page_allocate(PAGE_DIRTY);

    if (!page)
        return -ENOMEM;
    memcpy(page_data(page), (char *)page_data(slot->page) + slot->offset, size);
    *copy = (struct pipe_slot){ .page = page, .length = size, .is_packet = slot->is_packet };
    return 0;
}

/* Moves whole slots, and a copy of a part of the last one. */
static int64_t move_slots(struct pipe *from, struct pipe *to, uint64_t size)
    REQUIRES(&from->lock, &to->lock)
{
    int64_t done = 0;
    int error = 0;

    while (!error && size > 0 && from->count > 0 && !pipe_is_full(to)) {
        struct pipe_slot *first = pipe_slot_at(from, 0);
        uint32_t part = first->length < size ? first->length : (uint32_t)size;
        struct pipe_slot slot;

        if (part == first->length) {
            slot = take_slot(from);
        } else {
            error = copy_part(first, part, &slot);
            if (error)
                break;
            first->offset += part;
            first->length -= part;
        }
        append_slot(to, &slot);
        size -= part;
        done += part;
    }
    return done > 0 ? done : error;
}

static int64_t copy_slots(struct pipe *from, struct pipe *to, uint64_t size)
    REQUIRES(&from->lock, &to->lock)
{
    int64_t done = 0;
    int error = 0;

    for (unsigned i = 0; size > 0 && i < from->count && !pipe_is_full(to); i++) {
        const struct pipe_slot *slot = pipe_slot_at(from, i);
        uint32_t part = slot->length < size ? slot->length : (uint32_t)size;
        struct pipe_slot copy;

        error = copy_part(slot, part, &copy);
        if (error)
            break;
        append_slot(to, &copy);
        size -= part;
        done += part;
    }
    return done > 0 ? done : error;
}

/* Each pipe is waited for with it locked alone, so both are looked at again afterwards. */
static int64_t between_pipes(const struct splice_request *request,
                             int64_t (*transfer)(struct pipe *, struct pipe *, uint64_t))
{
    struct pipe *from = pipe_of(request->source), *to = pipe_of(request->target);
    int64_t done = 0;

    if (from == to)
        return -EINVAL;
    while (done == 0) {
        mutex_lock(&from->lock);
        int state = await_bytes(from, request->may_not_wait);
        mutex_unlock(&from->lock);
        if (state <= 0)
            return state;
        mutex_lock(&to->lock);
        state = await_room(to, request->may_not_wait);
        mutex_unlock(&to->lock);
        if (state)
            return state;
        lock_both(from, to);
        done = to->readers == 0 ? -EPIPE : transfer(from, to, request->size);
        unlock_both(from, to);
    }
    if (done > 0) {
        wake_readers(to);
        wake_writers(from);
    }
    return done;
}

int64_t pipe_tee(const struct splice_request *request)
{
    return between_pipes(request, copy_slots);
}

/* ---- A pipe and another file --------------------------------------------------------------- */

static int64_t move_bytes(struct splice_request *request, struct file *file, void *bytes,
                          uint64_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    bool reads = file == request->source;
    struct io_buffer buffer;
    int64_t done;

    io_buffer_init(&buffer, NULL, &segment, 1);
    if (reads && request->has_position)
        done = file_read_at(file, &buffer, request->position);
    else if (reads)
        done = file_read(file, &buffer);
    else if (request->has_position)
        done = file_write_at(file, &buffer, request->position, request->size_limit);
    else
        done = file_write(file, &buffer, request->size_limit);
    if (done > 0 && request->has_position)
        request->position += (uint64_t)done;
    return done;
}

/* What was not written comes back to the front; its place was reserved. */
static void return_slot(struct pipe *pipe, struct pipe_slot *slot, uint32_t written)
    REQUIRES(&pipe->lock)
{
    pipe->reserved--;
    slot->offset += written;
    slot->length -= written;
    if (slot->length == 0 || (written > 0 && slot->is_packet)) {
        page_release(slot->page);
        wake_writers(pipe);
        return;
    }
    pipe->first = (pipe->first - 1) & (pipe->capacity - 1);
    pipe->count++;
    *pipe_slot_at(pipe, 0) = *slot;
}

/* The lock is held, but not while the file is written. */
static int64_t write_first(struct splice_request *request, struct pipe *pipe, uint64_t size)
    REQUIRES(&pipe->lock)
{
    struct pipe_slot slot = take_slot(pipe);
    uint32_t part = slot.length < size ? slot.length : (uint32_t)size;
    int64_t written;

    pipe->reserved++;
    mutex_unlock(&pipe->lock);
    written = move_bytes(request, request->target, (char *)page_data(slot.page) + slot.offset,
                         part);
    mutex_lock(&pipe->lock);
    return_slot(pipe, &slot, written > 0 ? (uint32_t)written : 0);
    return written;
}

static int64_t out_of_pipe(struct splice_request *request)
{
    struct pipe *pipe = pipe_of(request->source);
    int64_t done = 0, result;

    mutex_lock(&pipe->lock);
    result = await_bytes(pipe, request->may_not_wait);
    while (result > 0 && pipe->count > 0 && (uint64_t)done < request->size) {
        uint32_t whole = pipe_slot_at(pipe, 0)->length;
        uint64_t left = request->size - (uint64_t)done;

        result = write_first(request, pipe, left);
        if (result > 0)
            done += result;
        if (result < (int64_t)(whole < left ? whole : left))
            break;
    }
    mutex_unlock(&pipe->lock);
    return done > 0 ? done : result;
}

/* A page filled from the file.  Bytes read, 0 at its end. */
static int64_t read_page(struct splice_request *request, uint64_t size,
                         struct pipe_slot *slot)
{
    int64_t done;

    slot->page = page_allocate(PAGE_DIRTY);
    if (!slot->page)
        return -ENOMEM;
    done = move_bytes(request, request->source, page_data(slot->page),
                      size < PAGE_SIZE ? size : PAGE_SIZE);
    if (done <= 0)
        page_release(slot->page);
    slot->length = done > 0 ? (uint32_t)done : 0;
    return done;
}

/* The lock is held, but not while the file is read. */
static int64_t read_last(struct splice_request *request, struct pipe *pipe, uint64_t size)
    REQUIRES(&pipe->lock)
{
    struct pipe_slot slot = { .page = NULL };
    int64_t done;

    pipe->reserved++;
    mutex_unlock(&pipe->lock);
    done = read_page(request, size, &slot);
    mutex_lock(&pipe->lock);
    pipe->reserved--;
    if (done > 0) {
        append_slot(pipe, &slot);
        wake_readers(pipe);
    } else {
        wake_writers(pipe);
    }
    return done;
}

static int64_t into_pipe(struct splice_request *request)
{
    struct pipe *pipe = pipe_of(request->target);
    int64_t done = 0, result;

    mutex_lock(&pipe->lock);
    result = await_room(pipe, request->may_not_wait);
    while (result >= 0 && pipe->readers > 0 && !pipe_is_full(pipe) &&
           (uint64_t)done < request->size) {
        uint64_t left = request->size - (uint64_t)done;

        result = read_last(request, pipe, left);
        if (result > 0)
            done += result;
        if (result < (int64_t)(left < PAGE_SIZE ? left : PAGE_SIZE))
            break;
    }
    mutex_unlock(&pipe->lock);
    return done > 0 ? done : result;
}

int64_t pipe_splice(struct splice_request *request)
{
    if (file_is_pipe(request->source) && file_is_pipe(request->target))
        return between_pipes(request, move_slots);
    if (file_is_pipe(request->source))
        return file_flags(request->target) & OPEN_APPEND ? -EINVAL : out_of_pipe(request);
    return file_is_pipe(request->target) ? into_pipe(request) : -EINVAL;
}

/* ---- A program's memory -------------------------------------------------------------------- */

int64_t pipe_fill(struct file *file, struct io_buffer *buffer)
{
    struct pipe *pipe = pipe_of(file);
    int64_t done = 0;
    int error;

    mutex_lock(&pipe->lock);
    error = await_room(pipe, buffer->may_not_wait || (file_flags(file) & OPEN_NONBLOCK));
    if (!error)
        error = pipe_add_bytes(file, pipe, buffer, &done);
    mutex_unlock(&pipe->lock);
    if (done > 0)
        wake_readers(pipe);
    return done > 0 ? done : error;
}
