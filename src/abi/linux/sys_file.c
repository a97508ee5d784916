/*
 * System calls that move bytes of one open file: read, write, their variants with a position and
 * with several buffers, lseek.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/read_write.h"
#include "memory/io_buffer.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define SEGMENTS_MAX 1024u        /* UIO_MAXIOV */
#define SEGMENTS_ON_STACK 8u
#define SEEK_LAST SEEK_TO_HOLE
#define CURRENT_POSITION (-1)

/* Flags of preadv2 and pwritev2.  Everything that is written is in place at once, so the ones that
 * ask for it need nothing. */
#define TRANSFER_HIGH_PRIORITY 0x1
#define TRANSFER_DATA_SYNC 0x2
#define TRANSFER_SYNC 0x4
#define TRANSFER_NO_WAIT 0x8
#define TRANSFER_APPEND 0x10
#define TRANSFER_FLAGS                                                       \
    (TRANSFER_HIGH_PRIORITY | TRANSFER_DATA_SYNC | TRANSFER_SYNC | TRANSFER_APPEND)

/* One call of this file, whatever its name is. */
struct transfer {
    int32_t fd;
    bool is_write;
    bool has_position;
    int64_t position;
    int32_t flags;
};

/* The file, open for this transfer. */
static int transfer_file(const struct transfer *transfer, struct file **file)
{
    int error = fd_get(transfer->fd, file);

    if (error)
        return error;
    if (transfer->has_position && (*file)->is_stream)
        error = -ESPIPE;
    else if (transfer->is_write ? !file_is_writable(*file) : !file_is_readable(*file))
        error = -EBADF;
    if (error)
        file_release(*file);
    return error;
}

/* Of what may wait, only pipes and sockets can be told not to by one call. */
static bool knows_flags(const struct transfer *transfer, const struct file *file)
{
    uint32_t type = inode_type(file->inode);
    int32_t known = TRANSFER_FLAGS;

    if (type == MODE_FIFO || type == MODE_SOCKET)
        known |= TRANSFER_NO_WAIT;
    return !(transfer->flags & ~known);
}

static int64_t transfer_run(const struct transfer *transfer, struct file *file,
                            const struct io_segment *segments, unsigned count)
{
    uint64_t position = (uint64_t)transfer->position;
    struct io_buffer buffer;

    io_buffer_init(&buffer, current_space(), segments, count);
    buffer.may_not_wait = (transfer->flags & TRANSFER_NO_WAIT) != 0;
    buffer.appends = (transfer->flags & TRANSFER_APPEND) != 0;
    if (transfer->is_write && transfer->has_position)
        return file_write_result(file, file_write_at(file, &buffer, position, file_size_limit()));
    if (transfer->is_write)
        return file_write_result(file, file_write(file, &buffer, file_size_limit()));
    if (transfer->has_position)
        return file_read_at(file, &buffer, position);
    return file_read(file, &buffer);
}

/* ---- One buffer ---------------------------------------------------------------------------- */

static int64_t transfer_single(const struct transfer *transfer, user_address address,
                               uint64_t size)
{
    const struct io_segment segment = { .address = address, .length = size };
    struct file *file;
    int64_t result;

    if (transfer->has_position && transfer->position < 0)
        return -EINVAL;
    result = transfer_file(transfer, &file);
    if (result)
        return result;
    result = user_range_is_valid(address, size) ? transfer_run(transfer, file, &segment, 1)
                                                : -EFAULT;
    file_release(file);
    return result;
}

int64_t sys_read(int32_t fd, user_address buffer, uint64_t count)
{
    return transfer_single(&(struct transfer){ .fd = fd }, buffer, count);
}

int64_t sys_write(int32_t fd, user_address buffer, uint64_t count)
{
    return transfer_single(&(struct transfer){ .fd = fd, .is_write = true }, buffer, count);
}

int64_t sys_pread64(int32_t fd, user_address buffer, uint64_t count, int64_t offset)
{
    const struct transfer transfer = { .fd = fd, .has_position = true, .position = offset };

    return transfer_single(&transfer, buffer, count);
}

int64_t sys_pwrite64(int32_t fd, user_address buffer, uint64_t count, int64_t offset)
{
    const struct transfer transfer = {
        .fd = fd, .is_write = true, .has_position = true, .position = offset,
    };

    return transfer_single(&transfer, buffer, count);
}

/* ---- Several buffers ----------------------------------------------------------------------- */

/* struct iovec is struct io_segment. */
int io_segments_get(struct io_segment *segments, user_address source, uint64_t count)
{
    int error = user_copy_in(current_space(), segments, source, count * sizeof(*segments));

    for (uint64_t i = 0; i < count && !error; i++) {
        if ((int64_t)segments[i].length < 0)
            error = -EINVAL;
        else if (!user_range_is_valid(segments[i].address, segments[i].length))
            error = -EFAULT;
    }
    return error;
}

static int64_t transfer_segments(const struct transfer *transfer, struct file *file,
                                 user_address source, uint64_t count)
{
    struct io_segment on_stack[SEGMENTS_ON_STACK];
    struct io_segment *segments = on_stack;
    int64_t result;

    if (count > SEGMENTS_MAX)
        return -EINVAL;
    if (count > SEGMENTS_ON_STACK)
        segments = memory_allocate(count * sizeof(*segments));
    if (!segments)
        return -ENOMEM;
    result = io_segments_get(segments, source, count);
    if (result == 0 && !knows_flags(transfer, file))
        result = -EOPNOTSUPP;
    if (result == 0)
        result = transfer_run(transfer, file, segments, (unsigned)count);
    if (segments != on_stack)
        memory_free(segments, count * sizeof(*segments));
    return result;
}

static int64_t transfer_vector(const struct transfer *transfer, user_address segments,
                               uint64_t count)
{
    struct file *file;
    int64_t result;

    if (transfer->has_position && transfer->position < 0)
        return -EINVAL;
    result = transfer_file(transfer, &file);
    if (result)
        return result;
    result = transfer_segments(transfer, file, segments, count);
    file_release(file);
    return result;
}

int64_t sys_readv(int32_t fd, user_address segments, uint64_t count)
{
    return transfer_vector(&(struct transfer){ .fd = fd }, segments, count);
}

int64_t sys_writev(int32_t fd, user_address segments, uint64_t count)
{
    return transfer_vector(&(struct transfer){ .fd = fd, .is_write = true }, segments, count);
}

/* On 64 bits the whole offset is in the low argument. */
int64_t sys_preadv(int32_t fd, user_address segments, uint64_t count, uint64_t offset_low,
                   uint64_t offset_high)
{
    const struct transfer transfer = {
        .fd = fd, .has_position = true, .position = (int64_t)offset_low,
    };

    (void)offset_high;
    return transfer_vector(&transfer, segments, count);
}

int64_t sys_pwritev(int32_t fd, user_address segments, uint64_t count, uint64_t offset_low,
                    uint64_t offset_high)
{
    const struct transfer transfer = {
        .fd = fd, .is_write = true, .has_position = true, .position = (int64_t)offset_low,
    };

    (void)offset_high;
    return transfer_vector(&transfer, segments, count);
}

int64_t sys_preadv2(int32_t fd, user_address segments, uint64_t count, uint64_t offset_low,
                    uint64_t offset_high, int32_t flags)
{
    const struct transfer transfer = {
        .fd = fd, .has_position = (int64_t)offset_low != CURRENT_POSITION,
        .position = (int64_t)offset_low, .flags = flags,
    };

    (void)offset_high;
    return transfer_vector(&transfer, segments, count);
}

int64_t sys_pwritev2(int32_t fd, user_address segments, uint64_t count, uint64_t offset_low,
                     uint64_t offset_high, int32_t flags)
{
    const struct transfer transfer = {
        .fd = fd, .is_write = true, .has_position = (int64_t)offset_low != CURRENT_POSITION,
        .position = (int64_t)offset_low, .flags = flags,
    };

    (void)offset_high;
    return transfer_vector(&transfer, segments, count);
}

/* ---- Position ------------------------------------------------------------------------------ */

int64_t sys_lseek(int32_t fd, int64_t offset, int32_t whence)
{
    struct file *file;
    int64_t result = fd_get(fd, &file);

    if (result)
        return result;
    result = whence < 0 || whence > SEEK_LAST ? -EINVAL : file_seek(file, offset, whence);
    file_release(file);
    return result;
}
