/*
 * Counters as files.
 *
 *   reader                                   writer
 *   the count is 0
 *                                            adds; wakes: nobody waits
 *   waits for ever                           <- forbidden: who waits is on the queue before it
 *                                               gives the lock back that its look was made under
 *
 * Invariant: the count is at most COUNT_MAX.
 */
#include "ipc/event_file.h"

#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "memory/io_buffer.h"
#include "memory/pool.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct event_file {
    bool by_one;                    /* constant */
    struct spinlock lock;           /* RANK_EVENT_FILE */
    uint64_t count;                 /* protected by `lock` */
    struct wait_queue readable;     /* the count is not 0 */
    struct wait_queue writable;     /* the count is less than it was */
};

static struct pool event_pool = POOL_INITIAL("event file", struct event_file, 0);

static struct event_file *event_of(const struct file *file)
{
    return file->contents;
}

static bool may_wait(struct file *file, const struct io_buffer *buffer)
{
    return !(file_flags(file) & OPEN_NONBLOCK) && !buffer->may_not_wait;
}

/* The lock is held, also afterwards. */
static int wait_for(struct event_file *event, struct wait_queue *queue) REQUIRES(&event->lock)
{
    const struct wait_reason reason = { .kind = WAIT_EVENT };

    return wait_queue_wait(queue, &event->lock, &reason, WAIT_FOREVER);
}

static int take(struct event_file *event, bool waits, uint64_t *value)
{
    int error = 0;

    spin_lock(&event->lock);
    while (event->count == 0 && !error)
        error = waits ? wait_for(event, &event->readable) : -EAGAIN;
    if (!error) {
        *value = event->by_one ? 1 : event->count;
        event->count -= *value;
        wait_queue_wake_for(&event->writable, POLL_WRITABLE);
    }
    spin_unlock(&event->lock);
    return error;
}

static int add(struct event_file *event, bool waits, uint64_t value)
{
    int error = 0;

    if (value > COUNT_MAX)
        return -EINVAL;
    spin_lock(&event->lock);
    while (COUNT_MAX - event->count < value && !error)
        error = waits ? wait_for(event, &event->writable) : -EAGAIN;
    if (!error) {
        event->count += value;
        wait_queue_wake_for(&event->readable, POLL_READABLE);
    }
    spin_unlock(&event->lock);
    return error;
}

static int64_t event_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    uint64_t value;
    int error;

    (void)position;
    if (buffer->remaining < sizeof(value))
        return -EINVAL;
    error = take(event_of(file), may_wait(file, buffer), &value);
    if (error)
        return error;
    return io_buffer_put(buffer, &value, sizeof(value)) == sizeof(value) ? (int64_t)sizeof(value)
                                                                        : -EFAULT;
}

/* As on Linux each piece of the buffer is a write. */
static int64_t event_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    int64_t done = 0;

    (void)position;
    do {
        uint64_t value;
        int error = 0;

        if (buffer->remaining == 0 || buffer->segments->length != sizeof(value))
            error = -EINVAL;
        else if (io_buffer_get(buffer, &value, sizeof(value)) != (int64_t)sizeof(value))
            error = -EFAULT;
        else
            error = add(event_of(file), may_wait(file, buffer), value);
        if (error)
            return done > 0 ? done : error;
        done += (int64_t)sizeof(value);
    } while (buffer->remaining > 0);
    return done;
}

static uint32_t event_poll(struct file *file, struct poll_table *table)
{
    struct event_file *event = event_of(file);
    uint32_t events = 0;

    poll_table_add(table, &event->readable);
    poll_table_add(table, &event->writable);
    spin_lock(&event->lock);
    if (event->count > 0)
        events |= POLL_READABLE;
    if (event->count < COUNT_MAX)
        events |= POLL_WRITABLE;
    spin_unlock(&event->lock);
    return events;
}

static void event_release(struct file *file)
{
    pool_free(&event_pool, event_of(file));
}

static const struct file_operations event_operations = {
    .read = event_read,
    .write = event_write,
    .poll = event_poll,
    .seek = anonymous_file_seek,
    .release = event_release,
};

int event_file_create(uint64_t count, bool by_one, uint32_t flags, struct file **file)
{
    struct event_file *event = pool_allocate(&event_pool);
    int error;

    if (!event)
        return -ENOMEM;
    event->by_one = by_one;
    event->count = count;
    spin_init(&event->lock, RANK_EVENT_FILE, "event file");
    wait_queue_init(&event->readable);
    wait_queue_init(&event->writable);
    error = anonymous_file_create(&event_operations, "anon_inode:[eventfd]", flags, event, file);
    if (error)
        pool_free(&event_pool, event);
    return error;
}
