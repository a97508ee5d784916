/* System calls that move bytes between two open files: sendfile and copy_file_range. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/read_write.h"
#include "ipc/pipe_splice.h"
#include "memory/user_memory.h"
#include "process/process.h"

/* A position that a program gives, or the file's own. */
struct copy_position {
    user_address address;    /* 0: the file's own */
    uint64_t value;
};

static int read_position(struct copy_position *position)
{
    if (!position->address)
        return 0;
    return user_copy_in(current_space(), &position->value, position->address,
                        sizeof(position->value));
}

static int write_position(const struct copy_position *position)
{
    if (!position->address)
        return 0;
    return user_copy_out(current_space(), position->address, &position->value,
                         sizeof(position->value));
}

static uint64_t *position_for(struct copy_position *position)
{
    return position->address ? &position->value : NULL;
}

/* ---- sendfile ------------------------------------------------------------------------------ */

static int check_send_source(const struct file *source, const struct copy_position *position,
                             uint64_t count)
{
    if (position->address && source->is_stream)
        return -ESPIPE;
    if ((int64_t)position->value < 0 || (int64_t)count < 0)
        return -EINVAL;
    return 0;
}

/* What has a position, and bytes of terminals and sockets into pipes. */
static bool can_be_sent(const struct file *source, const struct file *target)
{
    uint32_t type = inode_type(source->inode);

    if (type != MODE_REGULAR && type != MODE_CHARACTER && type != MODE_SOCKET)
        return false;
    return !source->is_stream || file_is_pipe(target);
}

static int64_t send(struct file *target, struct file *source, struct copy_position *position,
                    uint64_t count)
{
    const struct file_copy_request request = {
        .source = source, .source_position = position_for(position),
        .target = target, .size = count, .size_limit = file_size_limit(),
    };

    if (!file_is_writable(target))
        return -EBADF;
    if (!can_be_sent(source, target) || (file_flags(target) & OPEN_APPEND))
        return -EINVAL;
    return file_write_result(target, file_copy(&request));
}

static int64_t send_between(int32_t target_fd, int32_t source_fd, struct copy_position *position,
                            uint64_t count)
{
    struct file *source, *target;
    int64_t result = fd_get(source_fd, &source);

    if (result)
        return result;
    result = file_is_readable(source) ? check_send_source(source, position, count) : -EBADF;
    if (!result)
        result = fd_get(target_fd, &target);
    if (!result) {
        result = send(target, source, position, count);
        file_release(target);
    }
    file_release(source);
    return result;
}

int64_t sys_sendfile(int32_t target, int32_t source, user_address offset, uint64_t count)
{
    struct copy_position position = { .address = offset };
    int error = read_position(&position);

    if (error)
        return error;

    int64_t result = send_between(target, source, &position, count);

    return write_position(&position) ? -EFAULT : result;
}

/* ---- copy_file_range ----------------------------------------------------------------------- */

static int check_copy_files(struct file *source, struct file *target)
{
    uint32_t source_type = inode_type(source->inode), target_type = inode_type(target->inode);

    if (source_type == MODE_DIRECTORY || target_type == MODE_DIRECTORY)
        return -EISDIR;
    if (source_type != MODE_REGULAR || target_type != MODE_REGULAR)
        return -EINVAL;
    if (!file_is_readable(source) || !file_is_writable(target) ||
        (file_flags(target) & OPEN_APPEND))
        return -EBADF;
    return source->inode->filesystem == target->inode->filesystem ? 0 : -EXDEV;
}

static uint64_t start_of(struct file *file, const struct copy_position *position)
{
    int64_t own;

    if (position->address)
        return position->value;
    own = file_seek(file, 0, SEEK_FROM_CURRENT);
    return own > 0 ? (uint64_t)own : 0;
}

/* How much of `count` may be copied: what the source has, and never onto itself. */
static int check_copy_range(const struct file_copy_request *request, uint64_t source_start,
                            uint64_t target_start, uint64_t *count)
{
    struct file_status status;
    int error;

    if (source_start + *count < source_start || target_start + *count < target_start)
        return -EOVERFLOW;
    error = file_get_status(request->source, &status);
    if (error)
        return error;
    if (source_start >= status.size)
        *count = 0;
    else if (*count > status.size - source_start)
        *count = status.size - source_start;
    if (request->source->inode == request->target->inode &&
        source_start + *count > target_start && target_start + *count > source_start)
        return -EINVAL;
    if ((int64_t)source_start < 0 || (int64_t)target_start < 0)
        return -EINVAL;
    return 0;
}

static int64_t copy_range(struct file *source, struct copy_position *source_position,
                          struct file *target, struct copy_position *target_position,
                          uint64_t count)
{
    struct file_copy_request request = {
        .source = source, .source_position = position_for(source_position),
        .target = target, .target_position = position_for(target_position),
        .size_limit = file_size_limit(),
    };
    int64_t result = check_copy_files(source, target);

    if (!result)
        result = check_copy_range(&request, start_of(source, source_position),
                                  start_of(target, target_position), &count);
    if (result || count == 0)
        return result;
    request.size = count;
    result = write_result(file_copy(&request));
    if (result > 0 && (write_position(source_position) || write_position(target_position)))
        result = -EFAULT;
    return result;
}

int64_t sys_copy_file_range(int32_t source_fd, user_address source_offset, int32_t target_fd,
                            user_address target_offset, uint64_t count, uint32_t flags)
{
    struct copy_position source_position = { .address = source_offset };
    struct copy_position target_position = { .address = target_offset };
    struct file *source, *target;
    int64_t result = fd_get(source_fd, &source);

    if (result)
        return result;
    result = fd_get(target_fd, &target);
    if (!result) {
        result = read_position(&source_position);
        if (!result)
            result = read_position(&target_position);
        if (!result && flags != 0)
            result = -EINVAL;
        if (!result)
            result = copy_range(source, &source_position, target, &target_position, count);
        file_release(target);
    }
    file_release(source);
    return result;
}
