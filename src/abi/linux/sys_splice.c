/* System calls that move bytes through pipes within the kernel: splice, tee, vmsplice. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/read_write.h"
#include "ipc/pipe_splice.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define SPLICE_NONBLOCK 2u
#define SPLICE_FLAGS 0xfu    /* move, more and gift are only hints */
#define SEGMENTS_MAX 1024u

/* Both files with references, if they are open for that.  -EBADF. */
static int get_files(int32_t source, int32_t target, struct splice_request *request)
{
    int error = fd_get(source, &request->source);

    if (error)
        return error;
    error = fd_get(target, &request->target);
    if (error)
        file_release(request->source);
    return error;
}

static void release_files(const struct splice_request *request)
{
    file_release(request->source);
    file_release(request->target);
}

static bool are_open_for_it(const struct splice_request *request)
{
    return file_is_readable(request->source) && file_is_writable(request->target);
}

/* Directories, event files and the like cannot. */
static bool can_be_spliced(const struct file *source)
{
    uint32_t type = inode_type(source->inode);

    return type == MODE_REGULAR || type == MODE_CHARACTER || type == MODE_FIFO ||
           type == MODE_SOCKET;
}

static bool is_nonblocking_pipe(struct file *file)
{
    return file_is_pipe(file) && (file_flags(file) & OPEN_NONBLOCK);
}

/* The position in the file that is no pipe, if the program names one.  -ESPIPE, -EFAULT. */
static int read_position(struct splice_request *request, user_address source,
                         user_address target)
{
    user_address address = source ? source : target;

    if ((source && file_is_pipe(request->source)) || (target && file_is_pipe(request->target)))
        return -ESPIPE;
    request->has_position = address != 0;
    return address ? user_copy_in(current_space(), &request->position, address,
                                  sizeof(request->position)) : 0;
}

static int64_t splice(struct splice_request *request, user_address source, user_address target)
{
    int64_t result = read_position(request, source, target);

    if (result)
        return result;
    if (!are_open_for_it(request))
        return -EBADF;
    if (!can_be_spliced(request->source))
        return -EINVAL;
    if (request->has_position) {
        const struct file *file = source ? request->source : request->target;

        if (file->is_stream || (int64_t)request->position < 0)
            return -EINVAL;
    }
    if (is_nonblocking_pipe(request->source) || is_nonblocking_pipe(request->target))
        request->may_not_wait = true;
    result = pipe_splice(request);
    if (request->has_position && result >= 0 &&
        user_copy_out(current_space(), source ? source : target, &request->position,
                      sizeof(request->position)) != 0)
        return -EFAULT;
    return result;
}

int64_t sys_splice(int32_t source, user_address source_position, int32_t target,
                   user_address target_position, uint64_t count, uint32_t flags)
{
    struct splice_request request = {
        .size = count < IO_SIZE_MAX ? count : IO_SIZE_MAX,
        .size_limit = file_size_limit(),
        .may_not_wait = (flags & SPLICE_NONBLOCK) != 0,
    };
    int64_t result;

    if (count == 0)
        return 0;
    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    result = get_files(source, target, &request);
    if (result)
        return result;
    result = splice(&request, source_position, target_position);
    release_files(&request);
    return write_result(result);
}

int64_t sys_tee(int32_t source, int32_t target, uint64_t count, uint32_t flags)
{
    struct splice_request request = {
        .size = count < IO_SIZE_MAX ? count : IO_SIZE_MAX,
        .may_not_wait = (flags & SPLICE_NONBLOCK) != 0,
    };
    int64_t result;

    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    if (count == 0)
        return 0;
    result = get_files(source, target, &request);
    if (result)
        return result;
    if (is_nonblocking_pipe(request.source) || is_nonblocking_pipe(request.target))
        request.may_not_wait = true;
    if (!are_open_for_it(&request))
        result = -EBADF;
    else if (!file_is_pipe(request.source) || !file_is_pipe(request.target))
        result = -EINVAL;
    else
        result = pipe_tee(&request);
    release_files(&request);
    return write_result(result);
}

/* ---- vmsplice ------------------------------------------------------------------------------ */

static int64_t move_segments(struct file *file, const struct io_segment *segments, unsigned count,
                             bool may_not_wait)
{
    struct io_buffer buffer;

    io_buffer_init(&buffer, current_space(), segments, count);
    buffer.may_not_wait = may_not_wait;
    if (buffer.remaining == 0)
        return 0;
    if (!file_is_pipe(file))
        return -EBADF;
    return file_is_writable(file) ? pipe_fill(file, &buffer) : file_read(file, &buffer);
}

static int64_t with_segments(struct file *file, user_address address, uint64_t count,
                             uint32_t flags)
{
    struct io_segment *segments;
    int64_t result;

    if (!file_is_writable(file) && !file_is_readable(file))
        return -EBADF;
    if (count > SEGMENTS_MAX)
        return -EINVAL;
    if (count == 0)
        return 0;
    segments = memory_allocate(count * sizeof(*segments));
    if (!segments)
        return -ENOMEM;
    result = io_segments_get(segments, address, count);
    if (!result)
        result = move_segments(file, segments, (unsigned)count, flags & SPLICE_NONBLOCK);
    memory_free(segments, count * sizeof(*segments));
    return result;
}

int64_t sys_vmsplice(int32_t fd, user_address segments, uint64_t count, uint32_t flags)
{
    struct file *file;
    int64_t result;

    if (flags & ~SPLICE_FLAGS)
        return -EINVAL;
    result = fd_get(fd, &file);
    if (result)
        return result;
    result = with_segments(file, segments, count, flags);
    file_release(file);
    return write_result(result);
}
