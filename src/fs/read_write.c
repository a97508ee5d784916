/*
 * Reading, writing, seeking: the checks that are the same for every kind of file, and the locks
 * around the operations of each.
 */
#include "fs/read_write.h"

#include "fs/attributes.h"
#include "fs/file.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "sched/thread.h"
#include "time/clock.h"

static bool is_regular(const struct file *file)
{
    return inode_type(file->inode) == MODE_REGULAR;
}

/* ---- Bytes --------------------------------------------------------------------------------- */

/* Does a move of this size from there stay within the offsets a file can have?  Also cuts the size
 * to what one call moves. */
static int check_range(struct io_buffer *buffer, uint64_t position)
{
    if (buffer->remaining > FILE_SIZE_MAX || position > FILE_SIZE_MAX ||
        buffer->remaining > FILE_SIZE_MAX - position)
        return -EINVAL;
    if (buffer->remaining > IO_SIZE_MAX)
        buffer->remaining = IO_SIZE_MAX;
    return 0;
}

static void count_io(int64_t result, uint64_t *calls, uint64_t *bytes)
{
    *calls += 1;
    if (result > 0)
        *bytes += (uint64_t)result;
}

static int64_t read_checked(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    int error;

    if (!file_is_readable(file))
        return -EBADF;
    if (inode_is_directory(file->inode))
        return -EISDIR;
    if (!file->operations->read)
        return -EINVAL;
    error = check_range(buffer, file->is_stream ? 0 : *position);
    if (error)
        return error;

    int64_t result = file->operations->read(file, buffer, position);

    count_io(result, &current_thread()->io.reads, &current_thread()->io.bytes_read);
    if (result > 0)
        notify_file(file, NOTIFY_ACCESS);
    return result;
}

/* A change of the contents by who is not root takes the set-id bits away.  The lock is held. */
static void drop_set_id_bits(struct inode *inode, uint32_t user_id) REQUIRES(&inode->lock)
{
    uint32_t mode = inode->mode;
    uint32_t dropped = mode & MODE_SET_UID;

    ASSERT(mutex_is_held(&inode->lock));
    if (user_id == 0)
        return;
    if ((mode & MODE_SET_GID) && (mode & 0010))
        dropped |= MODE_SET_GID;
    if (dropped)
        inode->mode = mode & ~dropped;
}

/* Cuts a write to the limits of file sizes; the inode's lock is held. */
static int limit_write(struct io_buffer *buffer, uint64_t position, uint64_t size_limit)
{
    uint64_t limit = size_limit < FILE_SIZE_MAX ? size_limit : FILE_SIZE_MAX;

    if (position >= limit)
        return -EFBIG;
    if (buffer->remaining > limit - position)
        buffer->remaining = limit - position;
    return 0;
}

static int64_t write_regular(struct file *file, struct io_buffer *buffer, uint64_t *position,
                             uint64_t size_limit)
{
    struct inode *inode = file->inode;
    int64_t result;

    if (buffer->remaining == 0)
        return 0;
    mutex_lock(&inode->lock);
    if ((file_flags(file) & OPEN_APPEND) || buffer->appends)
        *position = inode->size;
    result = limit_write(buffer, *position, size_limit);
    if (!result) {
        drop_set_id_bits(inode, file->opener_user_id);
        result = file->operations->write(file, buffer, position);
    }
    mutex_unlock(&inode->lock);
    return result;
}

static int64_t write_checked(struct file *file, struct io_buffer *buffer, uint64_t *position,
                             uint64_t size_limit)
{
    int error;

    if (!file_is_writable(file))
        return -EBADF;
    if (!file->operations->write)
        return -EINVAL;
    error = check_range(buffer, file->is_stream ? 0 : *position);
    if (error)
        return error;

    int64_t result = is_regular(file) ? write_regular(file, buffer, position, size_limit)
                                      : file->operations->write(file, buffer, position);

    count_io(result, &current_thread()->io.writes, &current_thread()->io.bytes_written);
    if (result > 0)
        notify_file(file, NOTIFY_MODIFY);
    return result;
}

int64_t file_read(struct file *file, struct io_buffer *buffer)
{
    uint64_t unused = 0;
    int64_t result;

    if (file->is_stream)
        return read_checked(file, buffer, &unused);
    mutex_lock(&file->position_lock);
    result = read_checked(file, buffer, &file->position);
    mutex_unlock(&file->position_lock);
    return result;
}

int64_t file_write(struct file *file, struct io_buffer *buffer, uint64_t size_limit)
{
    uint64_t unused = 0;
    int64_t result;

    if (file->is_stream)
        return write_checked(file, buffer, &unused, size_limit);
    mutex_lock(&file->position_lock);
    result = write_checked(file, buffer, &file->position, size_limit);
    mutex_unlock(&file->position_lock);
    return result;
}

int64_t file_read_at(struct file *file, struct io_buffer *buffer, uint64_t position)
{
    return file->is_stream ? -ESPIPE : read_checked(file, buffer, &position);
}

int64_t file_write_at(struct file *file, struct io_buffer *buffer, uint64_t position,
                      uint64_t size_limit)
{
    return file->is_stream ? -ESPIPE : write_checked(file, buffer, &position, size_limit);
}

int64_t file_read_kernel(struct file *file, void *target, size_t size, uint64_t position)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)target, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return file_read_at(file, &buffer, position);
}

int64_t file_write_kernel(struct file *file, const void *source, size_t size, uint64_t position)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)source, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return file_write_at(file, &buffer, position, UINT64_MAX);
}

/* ---- Positions ----------------------------------------------------------------------------- */

static int64_t seek_from(struct file *file, uint64_t base, int64_t offset)
{
    int64_t position;

    if (__builtin_add_overflow((int64_t)base, offset, &position) || position < 0)
        return -EINVAL;
    file->position = (uint64_t)position;
    return position;
}

int64_t file_seek_by_size(struct file *file, int64_t offset, int whence, uint64_t size)
{
    ASSERT(mutex_is_held(&file->position_lock));
    switch (whence) {
    case SEEK_FROM_START:
        return seek_from(file, 0, offset);
    case SEEK_FROM_CURRENT:
        return offset == 0 ? (int64_t)file->position : seek_from(file, file->position, offset);
    case SEEK_FROM_END:
        return seek_from(file, size, offset);
    case SEEK_TO_DATA:
    case SEEK_TO_HOLE:
        if (offset < 0 || (uint64_t)offset >= size)
            return -ENXIO;
        return seek_from(file, 0, whence == SEEK_TO_DATA ? offset : (int64_t)size);
    }
    return -EINVAL;
}

/* Directories have no end to seek from (and their locks rank below position_lock). */
static int64_t seek_ordinary(struct file *file, int64_t offset, int whence)
    REQUIRES(&file->position_lock)
{
    struct inode *inode = file->inode;
    uint64_t size;

    if (inode_is_directory(inode))
        return whence > SEEK_FROM_CURRENT ? -EINVAL : file_seek_by_size(file, offset, whence, 0);
    mutex_lock(&inode->lock);
    size = inode->size;
    mutex_unlock(&inode->lock);
    return file_seek_by_size(file, offset, whence, size);
}

int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    int64_t result;

    if (file_flags(file) & OPEN_PATH)
        return -EBADF;
    if (whence < SEEK_FROM_START || whence > SEEK_TO_HOLE)
        return -EINVAL;
    if (file->is_stream && !file->operations->seek)
        return -ESPIPE;
    mutex_lock(&file->position_lock);
    if (file->operations->seek)
        result = file->operations->seek(file, offset, whence);
    else
        result = seek_ordinary(file, offset, whence);
    mutex_unlock(&file->position_lock);
    return result;
}

/* ---- Directories --------------------------------------------------------------------------- */

int file_read_directory(struct file *file, directory_sink sink, void *context)
{
    struct inode *inode = file->inode;
    int error = -ENOENT;

    if (file_flags(file) & OPEN_PATH)
        return -EBADF;
    if (!file->operations->read_directory)
        return -ENOTDIR;
    mutex_lock(&inode->lock);
    if (inode->links > 0) {
        mutex_lock(&file->position_lock);
        error = file->operations->read_directory(file, sink, context);
        mutex_unlock(&file->position_lock);
        if (!(file_flags(file) & OPEN_NOATIME))
            inode_note_accessed(inode);
    }
    mutex_unlock(&inode->lock);
    if (!error)
        notify_file(file, NOTIFY_ACCESS);
    return error;
}

/* ---- Sizes --------------------------------------------------------------------------------- */

static int truncate_locked(struct inode *inode, const struct truncation *truncation)
    REQUIRES(&inode->lock)
{
    struct attribute_request request = { .changes = CHANGE_SIZE, .size = truncation->size };

    if (truncation->size > inode->size && truncation->size > truncation->size_limit)
        return -EFBIG;
    if (truncation->always_modifies) {
        request.changes |= CHANGE_MODIFY_TIME;
        request.modify_ns = (int64_t)clock_real_ns();
    }
    drop_set_id_bits(inode, truncation->user_id);
    return inode->operations->set_attributes(inode, &request);
}

int inode_truncate(struct inode *inode, const struct truncation *truncation)
{
    int error;

    if (!inode->operations->set_attributes)
        return -EPERM;
    mutex_lock(&inode->lock);
    error = truncate_locked(inode, truncation);
    mutex_unlock(&inode->lock);
    return error;
}

int file_truncate(struct file *file, int64_t size, uint64_t size_limit)
{
    const struct truncation truncation = {
        .size = (uint64_t)size,
        .size_limit = size_limit,
        .user_id = file->opener_user_id,
        .always_modifies = true,
    };
    int error;

    if (size < 0)
        return -EINVAL;
    if (file_flags(file) & OPEN_PATH)
        return -EBADF;
    if (!is_regular(file) || !file_is_writable(file))
        return -EINVAL;
    error = inode_truncate(file->inode, &truncation);
    if (!error)
        notify_file(file, NOTIFY_MODIFY);
    return error;
}

int path_truncate(const struct fs_context *context, const struct path *path, int64_t size,
                  uint64_t size_limit)
{
    const struct truncation truncation = {
        .size = (uint64_t)size,
        .size_limit = size_limit,
        .user_id = context->credentials.file_user_id,
    };
    struct inode *inode = path_inode(path);
    int error;

    if (size < 0)
        return -EINVAL;
    if (inode_is_directory(inode))
        return -EISDIR;
    if (inode_type(inode) != MODE_REGULAR)
        return -EINVAL;
    if (mount_is_read_only(path->mount))
        return -EROFS;
    error = inode_permission(inode, &context->credentials, PERMISSION_WRITE);
    if (!error)
        error = inode_begin_writing(inode);
    if (error)
        return error;
    error = inode_truncate(inode, &truncation);
    inode_end_writing(inode);
    if (!error)
        notify_name(path->name, inode, NOTIFY_MODIFY);
    return error;
}

/* ---- Others -------------------------------------------------------------------------------- */

int file_sync(struct file *file)
{
    if (file_flags(file) & OPEN_PATH)
        return -EBADF;
    return file->operations->sync ? file->operations->sync(file) : -EINVAL;
}

int file_memory_object(struct file *file, bool shared_write, struct memory_object **object)
{
    struct inode *inode = file->inode;
    int error;

    if (!file_is_readable(file) || (shared_write && !file_is_writable(file)))
        return -EACCES;
    if (file->operations->memory_object)
        return file->operations->memory_object(file, object);
    if (!inode->operations || !inode->operations->memory_object)
        return -ENODEV;
    error = inode->operations->memory_object(inode, object);
    if (!error && !(file_flags(file) & OPEN_NOATIME))
        inode_note_accessed(inode);
    return error;
}
