/*
 * Open files over the machine's byte channels: standard input and output when they are not the
 * terminal.
 *
 * A channel never waits; a thread that must sleeps until channel_interrupt and tries again.
 *
 *   thread                                   interrupt
 *   read: -EAGAIN
 *                                            the channel is ready; wakes: nobody sleeps
 *   sleeps for ever                          <- forbidden: `interrupts` is read before the attempt,
 *                                               and nobody sleeps once it has changed
 *
 * Regular files of the host keep their position there, because other processes of the host share
 * it.  The inode's lock keeps those apart who move it for a pread or pwrite.
 */
#include "fs/channel_file.h"

#include "debug/options.h"
#include "device/channel.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "fs/read_write.h"
#include "lib/assert.h"
#include "lib/format.h"
#include "machine/machine.h"
#include "memory/page.h"

#define CHANNELS_MAX 3u
#define BUFFER_ORDER_LARGE 4u    /* 64 KiB; a small transfer uses a page, which pipes take whole */
#define DESCRIPTION_SIZE 40

static struct {
    struct spinlock lock;    /* RANK_CONSOLE */

    /* Protected by `lock`. */
    uint64_t interrupts;     /* how many there were */

    struct wait_queue waiters;
} channels = {
    .lock = SPINLOCK_INITIAL(RANK_CONSOLE, "channels"),
    .waiters = {
        .lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE, "channel waiters"),
        .external = true,
        .waiters = LIST_INITIAL(channels.waiters.waiters),
    },
};

static char descriptions[CHANNELS_MAX][DESCRIPTION_SIZE];

static const struct channel_operations *operations(void)
{
    return machine_info()->channels;
}

static unsigned channel_of(const struct inode *inode)
{
    return (unsigned)(uintptr_t)inode->contents;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

void channel_interrupt(void)
{
    spin_lock(&channels.lock);
    channels.interrupts++;
    spin_unlock(&channels.lock);
    wait_queue_wake_all(&channels.waiters);
}

static uint64_t interrupts_so_far(void)
{
    spin_lock(&channels.lock);
    uint64_t interrupts = channels.interrupts;
    spin_unlock(&channels.lock);
    return interrupts;
}

/* Until there was an interrupt after the first `seen` ones.  0 or -EINTR. */
static int wait_for_interrupt(uint64_t seen, enum wait_kind kind, unsigned channel)
{
    const struct wait_reason reason = { .kind = kind, .object = channel };
    int error = 0;

    spin_lock(&channels.lock);
    while (channels.interrupts == seen && !error)
        error = wait_queue_wait(&channels.waiters, &channels.lock, &reason, WAIT_FOREVER);
    spin_unlock(&channels.lock);
    return error;
}

/* ---- Transfers ----------------------------------------------------------------------------- */

struct transfer {
    unsigned channel;
    bool may_wait;
    bool is_write;
    struct page *pages;    /* bounce buffer of `size` bytes */
    unsigned order;
    size_t size;
};

static int transfer_begin(struct transfer *transfer, struct file *file, uint64_t wanted,
                          bool is_write)
{
    transfer->channel = channel_of(file->inode);
    transfer->may_wait = !(file_flags(file) & OPEN_NONBLOCK);
    transfer->is_write = is_write;
    transfer->order = wanted > PAGE_SIZE ? BUFFER_ORDER_LARGE : 0;
    transfer->pages = page_allocate_run(transfer->order, PAGE_DIRTY);
    if (!transfer->pages && transfer->order > 0) {
        transfer->order = 0;
        transfer->pages = page_allocate(PAGE_DIRTY);
    }
    transfer->size = (size_t)PAGE_SIZE << transfer->order;
    return transfer->pages ? 0 : -ENOMEM;
}

static void transfer_end(struct transfer *transfer)
{
    page_release_run(transfer->pages, (size_t)1 << transfer->order);
}

/* Between the channel and the buffer's bytes from `offset` on: bytes moved, or an error. */
static int64_t move(const struct transfer *transfer, size_t offset, size_t size)
{
    char *bytes = (char *)page_data(transfer->pages) + offset;

    for (;;) {
        uint64_t seen = interrupts_so_far();
        int64_t moved = transfer->is_write ? operations()->write(transfer->channel, bytes, size)
                                           : operations()->read(transfer->channel, bytes, size);

        if (moved != -EAGAIN || !transfer->may_wait)
            return moved;

        int error = wait_for_interrupt(seen, transfer->is_write ? WAIT_OUTPUT : WAIT_INPUT,
                                       transfer->channel);

        if (error)
            return error;
    }
}

static int64_t read_all(const struct transfer *transfer, struct io_buffer *buffer, bool is_stream)
{
    int64_t done = 0;

    while (buffer->remaining > 0) {
        size_t size = buffer->remaining < transfer->size ? buffer->remaining : transfer->size;
        int64_t moved = move(transfer, 0, size);

        if (moved <= 0)
            return done > 0 ? done : moved;

        int64_t put = io_buffer_put(buffer, page_data(transfer->pages), (size_t)moved);

        if (put < moved)
            return done > 0 || put > 0 ? done + (put > 0 ? put : 0) : -EFAULT;
        done += put;
        if (is_stream)
            break;
    }
    return done;
}

/* All `size` bytes of the bounce buffer; *written counts them also when it fails. */
static int64_t write_buffer(const struct transfer *transfer, size_t size, int64_t *written)
{
    size_t offset = 0;

    while (offset < size) {
        int64_t moved = move(transfer, offset, size - offset);

        if (moved < 0)
            return moved;
        offset += (size_t)moved;
        *written += moved;
    }
    return 0;
}

static int64_t write_all(const struct transfer *transfer, struct io_buffer *buffer)
{
    int64_t done = 0, error = 0;

    while (buffer->remaining > 0 && !error) {
        int64_t taken = io_buffer_get(buffer, page_data(transfer->pages), transfer->size);

        if (taken <= 0)
            error = -EFAULT;
        else
            error = write_buffer(transfer, (size_t)taken, &done);
    }
    return done > 0 ? done : error;
}

static int64_t transfer_run(struct file *file, struct io_buffer *buffer, bool is_write)
{
    struct transfer transfer;
    int64_t result = transfer_begin(&transfer, file, buffer->remaining, is_write);

    if (result)
        return result;
    transfer.may_wait = transfer.may_wait && !buffer->may_not_wait;
    result = is_write ? write_all(&transfer, buffer)
                      : read_all(&transfer, buffer, file->is_stream);
    transfer_end(&transfer);
    return result;
}

static int64_t channel_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)position;
    return transfer_run(file, buffer, false);
}

static int64_t channel_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    (void)position;
    return transfer_run(file, buffer, true);
}

/* ---- Regular files ------------------------------------------------------------------------- */

/* At the host's position if `position` is the file's own; else that is moved there and back. */
static int64_t transfer_at(struct file *file, struct io_buffer *buffer, uint64_t *position,
                           bool is_write)
{
    unsigned channel = channel_of(file->inode);
    bool is_own = position == &file->position;
    int64_t before = is_own ? 0 : operations()->seek(channel, 0, SEEK_FROM_CURRENT);

    if (before < 0)
        return before;
    if (!is_own && operations()->seek(channel, (int64_t)*position, SEEK_FROM_START) < 0)
        return -EINVAL;

    int64_t result = transfer_run(file, buffer, is_write);
    int64_t after = operations()->seek(channel, 0, SEEK_FROM_CURRENT);

    if (after >= 0)
        *position = (uint64_t)after;
    if (!is_own && operations()->seek(channel, before, SEEK_FROM_START) < 0)
        return -EIO;
    return result;
}

static int64_t regular_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    mutex_lock(&file->inode->lock);
    int64_t result = transfer_at(file, buffer, position, false);
    mutex_unlock(&file->inode->lock);
    return result;
}

static int64_t regular_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
    REQUIRES(&file->inode->lock)
{
    ASSERT(mutex_is_held(&file->inode->lock));
    return transfer_at(file, buffer, position, true);
}

static int64_t regular_seek(struct file *file, int64_t offset, int whence)
{
    mutex_lock(&file->inode->lock);
    int64_t position = operations()->seek(channel_of(file->inode), offset, whence);
    mutex_unlock(&file->inode->lock);
    if (position >= 0)
        file->position = (uint64_t)position;
    return position;
}

static int regular_sync(struct file *file)
{
    (void)file;    /* the host has every byte already */
    return 0;
}

/* ---- Readiness and attributes -------------------------------------------------------------- */

static uint32_t channel_poll(struct file *file, struct poll_table *table)
{
    uint32_t events = 0, ready;

    poll_table_add(table, &channels.waiters);
    ready = operations()->ready(channel_of(file->inode), CHANNEL_READABLE | CHANNEL_WRITABLE);
    events |= ready & CHANNEL_READABLE ? POLL_READABLE | POLL_READ_NORMAL : 0;
    events |= ready & CHANNEL_WRITABLE ? POLL_WRITABLE | POLL_WRITE_NORMAL : 0;
    events |= ready & CHANNEL_HANGUP ? POLL_HANGUP : 0;
    events |= ready & CHANNEL_ERROR ? POLL_ERROR : 0;
    return events;
}

static int channel_inode_status(struct inode *inode, struct file_status *status)
{
    struct channel_status host;
    int error = operations()->status(channel_of(inode), &host);

    if (error)
        return error;
    *status = (struct file_status){
        .device = host.device,
        .inode = host.inode,
        .device_id = host.device_id,
        .mode = host.mode,
        .links = 1,
        .user_id = option_first_user().user_id,
        .group_id = option_first_user().group_id,
        .size = host.size,
        .block_size = PAGE_SIZE,
        .blocks = host.blocks,
        .access_ns = host.access_ns,
        .modify_ns = host.modify_ns,
        .change_ns = host.change_ns,
    };
    return 0;
}

static const struct file_operations stream_operations = {
    .read = channel_read, .write = channel_write, .poll = channel_poll,
};
static const struct file_operations regular_operations = {
    .read = regular_read, .write = regular_write, .seek = regular_seek, .sync = regular_sync,
};

/* ---- Opening ------------------------------------------------------------------------------- */

static const char *kind_of(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_FIFO:
        return "pipe";
    case MODE_SOCKET:
        return "socket";
    case MODE_CHARACTER:
    case MODE_BLOCK:
        return "device";
    }
    return "file";
}

/* Opened again, by its hidden name. */
static int channel_inode_open(struct inode *inode, struct file *file)
{
    file->is_stream = operations()->kind(channel_of(inode)) != CHANNEL_FILE;
    file->description = descriptions[channel_of(inode)];
    return 0;
}

/* The host's file stays as long as it is; opening with O_TRUNC is no error if it is empty. */
static int channel_set_attributes(struct inode *inode, const struct attribute_request *request)
{
    struct channel_status status;

    if (request->changes & (CHANGE_MODE | CHANGE_USER | CHANGE_GROUP))
        return -EPERM;
    if (!(request->changes & CHANGE_SIZE))
        return 0;
    if (operations()->status(channel_of(inode), &status) != 0 || status.size != request->size)
        return -EINVAL;
    return 0;
}

static const struct inode_operations channel_inode_operations = {
    .open = channel_inode_open,
    .status = channel_inode_status,
    .set_attributes = channel_set_attributes,
};

/* With one reference to the inode, and the numbers of the host's file. */
static int create_inode(unsigned channel, const struct channel_status *status,
                        struct inode **inode)
{
    bool is_regular = operations()->kind(channel) == CHANNEL_FILE;
    const struct inode_kind kind = {
        &channel_inode_operations, is_regular ? &regular_operations : &stream_operations,
    };
    const struct inode_request node = {
        .mode = status->mode,
        .user_id = option_first_user().user_id,
        .group_id = option_first_user().group_id,
        .device_id = status->device_id,
    };
    int error = inode_create(filesystem_anonymous(), &kind, &node, inode);

    if (!error)
        (*inode)->contents = (void *)(uintptr_t)channel;
    return error;
}

static int create_file(unsigned channel, const struct channel_status *status,
                       const struct path *path, struct inode *inode, struct file **file)
{
    bool is_regular = inode->file_operations == &regular_operations;
    const struct file_request request = {
        .operations = inode->file_operations,
        .inode = inode,
        .path = *path,
        .flags = status->flags | (is_regular ? OPEN_LARGEFILE : 0),
        .is_stream = !is_regular,
        .description = descriptions[channel],
    };

    return file_create(&request, file);
}

int channel_file_open(unsigned channel, const struct path *directory, struct file **file)
{
    struct path path = { NULL, NULL };
    struct channel_status status;
    struct inode *inode;
    struct component text;
    int error;

    ASSERT(channel < CHANNELS_MAX);
    error = operations()->status(channel, &status);
    if (!error)
        error = create_inode(channel, &status, &inode);
    if (error)
        return error;
    text.text = descriptions[channel];
    text.length = (uint32_t)format(descriptions[channel], DESCRIPTION_SIZE, "%s:[%llu]",
                                   kind_of(status.mode), (unsigned long long)status.inode);
    if (directory) {
        path.mount = directory->mount;
        error = name_create_hidden(directory->name, text, inode, &path.name);
    }
    if (!error)
        error = create_file(channel, &status, &path, inode, file);
    if (path.name)
        name_release(path.name);
    inode_release(inode);
    return error;
}
