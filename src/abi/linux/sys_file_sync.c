/* System calls that write back or advise: sync, fsync, fdatasync, syncfs, fadvise64, readahead. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/allocate.h"
#include "fs/inode.h"
#include "fs/read_write.h"

#define ADVICE_LAST 5    /* POSIX_FADV_NOREUSE */

/* No filesystem here keeps anything back from its medium. */
int64_t sys_sync(void)
{
    return 0;
}

int64_t sys_syncfs(int32_t fd)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (!error)
        file_release(file);
    return error;
}

int64_t sys_fsync(int32_t fd)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    error = file_sync(file);
    file_release(file);
    return error;
}

int64_t sys_fdatasync(int32_t fd)
{
    return sys_fsync(fd);
}

/* Contents are in memory or one host call away: advice is checked and needs nothing else. */
int64_t sys_fadvise64(int32_t fd, int64_t offset, uint64_t length, int32_t advice)
{
    struct file *file;
    int error = fd_get(fd, &file);

    (void)offset;
    if (error)
        return error;
    if (inode_type(file->inode) == MODE_FIFO)
        error = -ESPIPE;
    else if ((int64_t)length < 0 || advice < 0 || advice > ADVICE_LAST)
        error = -EINVAL;
    file_release(file);
    return error;
}

int64_t sys_readahead(int32_t fd, int64_t offset, uint64_t count)
{
    struct file *file;
    int error = fd_get(fd, &file);

    (void)offset;
    (void)count;
    if (error)
        return error;
    if (!file_is_readable(file))
        error = -EBADF;
    else if (inode_type(file->inode) != MODE_REGULAR)
        error = -EINVAL;
    file_release(file);
    return error;
}

/* ---- Space --------------------------------------------------------------------------------- */

int64_t sys_fallocate(int32_t fd, int32_t mode, int64_t offset, int64_t length)
{
    struct file *file;
    int64_t result = fd_get(fd, &file);

    if (result)
        return result;
    result = file_allocate(file, (uint32_t)mode, offset, length, file_size_limit());
    file_release(file);
    return write_result(result);
}

/* ---- Parts of files ------------------------------------------------------------------------ */

#define SYNC_RANGE_FLAGS 7u    /* wait before, write, wait after */

/* Nothing is kept back here either, so there is nothing to write or to wait for. */
int64_t sys_sync_file_range(int32_t fd, int64_t offset, int64_t count, uint32_t flags)
{
    uint32_t type;
    struct file *file;
    int64_t end;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    type = inode_type(file->inode);
    file_release(file);
    if ((flags & ~SYNC_RANGE_FLAGS) || offset < 0)
        return -EINVAL;
    if (__builtin_add_overflow(offset, count, &end) || end < offset)
        return -EINVAL;
    if (type != MODE_REGULAR && type != MODE_BLOCK && type != MODE_DIRECTORY && type != MODE_LINK)
        return -ESPIPE;
    return 0;
}
