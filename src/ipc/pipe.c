/*
 * Moving bytes through pipes.
 *
 * Bytes lie in a ring of slots of one page each.  As on Linux a write continues the last slot only
 * if what does not fill whole pages fits there altogether; so a write of at most a page is in one
 * slot and is never mixed with others, and how much a pipe takes depends on the sizes of the
 * writes.
 *
 *   reader                                   writer
 *   nothing is there
 *                                            adds bytes, wakes: nobody waits
 *   waits for ever                           <- forbidden: who waits is on the queue before it
 *                                               gives the lock back that its look was made under
 *
 * Invariant: `count` slots from `first` on hold at least a byte each; all others have no page.
 */
#include "ipc/pipe.h"

#include "fs/file.h"
#include "fs/poll.h"
#include "ipc/pipe_internal.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/pool.h"

#define PIPE_SIZE_LIMIT (UINT64_C(1) << 31)

struct pipe_slot *pipe_slot_at(struct pipe *pipe, unsigned index)
{
    ASSERT(mutex_is_held(&pipe->lock));
    return &pipe->slots[(pipe->first + index) & (pipe->capacity - 1)];
}

bool pipe_is_full(const struct pipe *pipe)
{
    return pipe->count + pipe->reserved >= pipe->capacity;
}

void pipe_drop_first(struct pipe *pipe)
{
    struct pipe_slot *slot = pipe_slot_at(pipe, 0);

    ASSERT(pipe->count > 0);
    page_release(slot->page);
    slot->page = NULL;
    pipe->first = (pipe->first + 1) & (pipe->capacity - 1);
    pipe->count--;
}

static bool may_wait(struct file *file, const struct io_buffer *buffer)
{
    return !(file_flags(file) & OPEN_NONBLOCK) && !buffer->may_not_wait;
}

int pipe_wait(struct pipe *pipe, struct wait_queue *queue, enum wait_kind kind)
{
    const struct wait_reason reason = { .kind = kind, .object = pipe->number };
    struct wait_entry entry;
    int error;

    wait_entry_add(&entry, queue);
    mutex_unlock(&pipe->lock);
    error = wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER);
    wait_entry_remove(&entry);
    mutex_lock(&pipe->lock);
    return error;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Takes what is there; *done counts it.  What cannot be copied stays. */
static int take_bytes(struct pipe *pipe, struct io_buffer *buffer, int64_t *done)
    REQUIRES(&pipe->lock)
{
    while (pipe->count > 0 && buffer->remaining > 0) {
        struct pipe_slot *slot = pipe_slot_at(pipe, 0);
        size_t size = slot->length < buffer->remaining ? slot->length : buffer->remaining;
        const char *bytes = page_data(slot->page);
        bool is_packet = slot->is_packet;

        if (io_buffer_put(buffer, bytes + slot->offset, size) != (int64_t)size)
            return -EFAULT;
        *done += (int64_t)size;
        slot->offset += (uint32_t)size;
        slot->length -= (uint32_t)size;
        if (slot->length == 0 || is_packet)
            pipe_drop_first(pipe);
        if (is_packet)
            break;
    }
    return 0;
}

static int64_t read_locked(struct file *file, struct pipe *pipe, struct io_buffer *buffer)
    REQUIRES(&pipe->lock)
{
    for (;;) {
        int64_t done = 0;
        bool was_full = pipe_is_full(pipe);
        int error = take_bytes(pipe, buffer, &done);

        if (was_full && !pipe_is_full(pipe))
            wait_queue_wake_for(&pipe->writable, PIPE_EVENTS_TO_WRITE);
        if (done > 0 || error)
            return done > 0 ? done : error;
        if (pipe->writers == 0)
            return 0;
        if (!may_wait(file, buffer))
            return -EAGAIN;
        error = pipe_wait(pipe, &pipe->readable, WAIT_INPUT);
        if (error && pipe->count == 0 && pipe->writers > 0)
            return error;
    }
}

/* Reads or writes: one of the two `_locked`.  As on Linux the other end is told in any case. */
static int64_t transfer(struct file *file, struct io_buffer *buffer, enum async_event event,
                        int64_t (*transfer_locked)(struct file *, struct pipe *,
                                                   struct io_buffer *))
{
    struct pipe *pipe = pipe_of(file);

    if (buffer->remaining == 0)
        return 0;
    mutex_lock(&pipe->lock);

    int64_t result = transfer_locked(file, pipe, buffer);

    mutex_unlock(&pipe->lock);
    async_tell(&pipe->async, event);
    return result;
}

static int64_t pipe_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)position;
    return transfer(file, buffer, ASYNC_OUTPUT, read_locked);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* What would not fill a page goes behind the bytes of the last slot, if all of it fits. */
static int continue_last(struct pipe *pipe, struct io_buffer *buffer, int64_t *done)
    REQUIRES(&pipe->lock)
{
    size_t size = buffer->remaining % PAGE_SIZE;
    struct pipe_slot *slot;
    char *bytes;

    if (size == 0 || pipe->count == 0)
        return 0;
    slot = pipe_slot_at(pipe, pipe->count - 1);
    if (slot->is_packet || slot->offset + slot->length + size > PAGE_SIZE)
        return 0;
    bytes = page_data(slot->page);
    if (io_buffer_get(buffer, bytes + slot->offset + slot->length, size) != (int64_t)size)
        return -EFAULT;
    slot->length += (uint32_t)size;
    *done += (int64_t)size;
    return 0;
}

/* Fills one more slot; there is room. */
static int add_slot(struct pipe *pipe, struct io_buffer *buffer, bool is_packet, int64_t *done)
    REQUIRES(&pipe->lock)
{
    size_t size = buffer->remaining < PAGE_SIZE ? buffer->remaining : PAGE_SIZE;
    struct page *page = page_allocate(PAGE_DIRTY);

    if (!page)
        return -ENOMEM;
    if (io_buffer_get(buffer, page_data(page), size) != (int64_t)size) {
        page_release(page);
        return -EFAULT;
    }
    pipe->count++;
    *pipe_slot_at(pipe, pipe->count - 1) = (struct pipe_slot){
        .page = page, .length = (uint32_t)size, .is_packet = is_packet,
    };
    *done += (int64_t)size;
    return 0;
}

int pipe_add_bytes(struct file *file, struct pipe *pipe, struct io_buffer *buffer, int64_t *done)
{
    bool is_packet = (file_flags(file) & OPEN_DIRECT) != 0;
    int error = 0;

    while (buffer->remaining > 0 && !pipe_is_full(pipe) && !error)
        error = add_slot(pipe, buffer, is_packet, done);
    return error;
}

/* Room has come, or nobody would read it any more; or why the write ends here. */
static int wait_for_room(struct file *file, struct pipe *pipe, const struct io_buffer *buffer)
    REQUIRES(&pipe->lock)
{
    int error;

    if (!may_wait(file, buffer))
        return -EAGAIN;
    error = pipe_wait(pipe, &pipe->writable, WAIT_OUTPUT);
    return error && pipe_is_full(pipe) && pipe->readers > 0 ? error : 0;
}

static int64_t write_locked(struct file *file, struct pipe *pipe, struct io_buffer *buffer)
    REQUIRES(&pipe->lock)
{
    int64_t done = 0;
    int error = pipe->readers == 0 ? -EPIPE : continue_last(pipe, buffer, &done);

    while (!error && buffer->remaining > 0) {
        if (pipe->readers == 0)
            error = -EPIPE;
        else
            error = pipe_add_bytes(file, pipe, buffer, &done);
        if (error || buffer->remaining == 0)
            break;
        wait_queue_wake_for(&pipe->readable, PIPE_EVENTS_TO_READ);
        async_tell(&pipe->async, ASYNC_INPUT);
        error = wait_for_room(file, pipe, buffer);
    }
    /* As on Linux who polls hears of a write that found no room, too. */
    wait_queue_wake_for(&pipe->readable, PIPE_EVENTS_TO_READ);
    return done > 0 ? done : error;
}

static int64_t pipe_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)position;
    return transfer(file, buffer, ASYNC_INPUT, write_locked);
}

/* ---- Readiness ----------------------------------------------------------------------------- */

/* Who opened a FIFO for reading before anybody wrote is not told that the writers have gone:
 * file->position holds how many there had been then. */
static uint32_t pipe_poll(struct file *file, struct poll_table *table)
{
    struct pipe *pipe = pipe_of(file);
    uint32_t events = 0;

    if (file_is_readable(file))
        poll_table_add(table, &pipe->readable);
    if (file_is_writable(file))
        poll_table_add(table, &pipe->writable);
    mutex_lock(&pipe->lock);
    if (file_is_readable(file)) {
        events |= pipe->count > 0 ? POLL_READABLE | POLL_READ_NORMAL : 0;
        events |= pipe->writers == 0 && pipe->writes_opened != file->position ? POLL_HANGUP : 0;
    }
    if (file_is_writable(file)) {
        events |= pipe_is_full(pipe) ? 0 : POLL_WRITABLE | POLL_WRITE_NORMAL;
        events |= pipe->readers == 0 ? POLL_ERROR : 0;
    }
    mutex_unlock(&pipe->lock);
    return events;
}

int64_t pipe_bytes(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    int64_t readable = 0;

    if (file->operations != &pipe_operations)
        return -EBADF;
    mutex_lock(&pipe->lock);
    for (unsigned i = 0; i < pipe->count; i++)
        readable += pipe_slot_at(pipe, i)->length;
    mutex_unlock(&pipe->lock);
    return readable;
}

static struct async_files *pipe_async(struct file *file, bool begins)
{
    (void)begins;
    return &pipe_of(file)->async;
}

static void pipe_release(struct file *file)
{
    pipe_leave(file->inode, pipe_of(file), file_flags(file));
}

const struct file_operations pipe_operations = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .async = pipe_async,
    .release = pipe_release,
};

/* ---- Sizes --------------------------------------------------------------------------------- */

int64_t pipe_size(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    int64_t size;

    if (file->operations != &pipe_operations)
        return -EBADF;
    mutex_lock(&pipe->lock);
    size = (int64_t)pipe->capacity * PAGE_SIZE;
    mutex_unlock(&pipe->lock);
    return size;
}

/* -EBUSY, -ENOMEM. */
static int resize(struct pipe *pipe, unsigned capacity) REQUIRES(&pipe->lock)
{
    struct pipe_slot *slots;

    if (capacity < pipe->count + pipe->reserved)
        return -EBUSY;
    slots = memory_allocate(capacity * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (unsigned i = 0; i < pipe->count; i++)
        slots[i] = *pipe_slot_at(pipe, i);
    memory_free(pipe->slots, pipe->capacity * sizeof(*slots));
    pipe->slots = slots;
    pipe->capacity = capacity;
    pipe->first = 0;
    wait_queue_wake_all(&pipe->writable);
    return 0;
}

int64_t pipe_set_size(struct file *file, uint64_t size, bool is_root)
{
    struct pipe *pipe = pipe_of(file);
    uint64_t rounded = PAGE_SIZE;
    int error = 0;

    if (file->operations != &pipe_operations)
        return -EBADF;
    if (size > PIPE_SIZE_LIMIT)
        return -EINVAL;
    while (rounded < size)
        rounded *= 2;
    mutex_lock(&pipe->lock);
    if (rounded > (uint64_t)pipe->capacity * PAGE_SIZE && rounded > PIPE_SIZE_MAX && !is_root)
        error = -EPERM;
    if (!error)
        error = resize(pipe, (unsigned)(rounded / PAGE_SIZE));
    mutex_unlock(&pipe->lock);
    return error ? error : (int64_t)rounded;
}
