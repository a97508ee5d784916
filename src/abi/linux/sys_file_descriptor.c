/* System calls on descriptors: dup and its variants, fcntl, ioctl. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/file_lock.h"
#include "abi/linux/file_owner.h"
#include "abi/linux/syscalls.h"
#include "fs/file_table.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "fs/read_write.h"
#include "fs/seal.h"
#include "ipc/pipe.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/process.h"

/* ---- dup ----------------------------------------------------------------------------------- */

/* The lowest free descriptor from `minimum` on becomes another one for the file. */
static int64_t duplicate(struct file *file, uint64_t minimum, bool close_on_exec)
{
    struct file_table *files = current_files();
    uint64_t limit = open_files_limit();
    int fd;

    if (minimum >= limit)
        return -EINVAL;
    fd = file_table_reserve(files, (uint32_t)minimum, limit);
    if (fd < 0)
        return fd;
    file_reference(file);
    file_table_install(files, fd, file, close_on_exec);
    return fd;
}

int64_t sys_dup(int32_t fd)
{
    struct file *file;
    int64_t result = fd_get_any(fd, &file);

    return result ? result : fd_install(file, false);
}

static int64_t duplicate_to(int32_t old, int32_t new, bool close_on_exec)
{
    struct file *file;
    int error;

    if (new < 0 || (uint64_t)new >= open_files_limit())
        return -EBADF;
    error = fd_get_any(old, &file);
    if (error)
        return error;
    error = file_table_replace(current_files(), new, file, close_on_exec,
                               open_files_limit());
    if (error) {
        file_release(file);
        return error;
    }
    return new;
}

int64_t sys_dup2(int32_t old, int32_t new)
{
    if (old != new)
        return duplicate_to(old, new, false);
    return file_table_flag(current_files(), old) < 0 ? -EBADF : new;
}

int64_t sys_dup3(int32_t old, int32_t new, uint32_t flags)
{
    if ((flags & ~OPEN_CLOSE_ON_EXEC) || old == new)
        return -EINVAL;
    return duplicate_to(old, new, flags & OPEN_CLOSE_ON_EXEC);
}

/* ---- fcntl --------------------------------------------------------------------------------- */

enum fcntl_command {
    FCNTL_DUPLICATE = 0, FCNTL_GET_FLAGS_OF_FD = 1, FCNTL_SET_FLAGS_OF_FD = 2,
    FCNTL_GET_FLAGS = 3, FCNTL_SET_FLAGS = 4, FCNTL_DUPLICATE_CLOSE_ON_EXEC = 1030,
    FCNTL_SET_PIPE_SIZE = 1031, FCNTL_GET_PIPE_SIZE = 1032, FCNTL_ADD_SEALS = 1033,
    FCNTL_GET_SEALS = 1034,
};
#define FD_CLOSE_ON_EXEC 1u
#define CHANGEABLE_FLAGS (OPEN_APPEND | OPEN_NONBLOCK | OPEN_DIRECT | OPEN_NOATIME)

/* These work on descriptors of OPEN_PATH as well. */
static bool is_for_any(int32_t command)
{
    return command == FCNTL_DUPLICATE || command == FCNTL_DUPLICATE_CLOSE_ON_EXEC ||
           (command >= FCNTL_GET_FLAGS_OF_FD && command <= FCNTL_GET_FLAGS);
}

static bool may_set_noatime(const struct file *file)
{
    struct fs_context context;
    bool may;

    fs_context_of_process(&context);
    may = credentials_own(&context.credentials, file->inode);
    fs_context_release(&context);
    return may;
}

static int64_t set_flags(struct file *file, int32_t fd, uint64_t flags)
{
    uint32_t before = file_flags(file), after;
    int64_t error;

    if ((flags & OPEN_NOATIME) && !(before & OPEN_NOATIME) && !may_set_noatime(file))
        return -EPERM;
    if ((flags & OPEN_DIRECT) && inode_type(file->inode) != MODE_FIFO &&
        !inode_allows_direct(file->inode))
        return -EINVAL;
    error = file->operations->async ? file_change_async(file, fd, (flags & OPEN_ASYNC) != 0) : 0;
    if (error)
        return error;
    do
        after = (before & ~CHANGEABLE_FLAGS) | ((uint32_t)flags & CHANGEABLE_FLAGS);
    while (!atomic_compare_exchange_weak(&file->flags, &before, after));
    return 0;
}

static int64_t control_descriptor(int32_t fd, struct file *file, int32_t command,
                                  uint64_t argument)
{
    struct file_table *files = current_files();

    switch (command) {
    case FCNTL_DUPLICATE:
        return duplicate(file, argument, false);
    case FCNTL_DUPLICATE_CLOSE_ON_EXEC:
        return duplicate(file, argument, true);
    case FCNTL_GET_FLAGS_OF_FD:
        return file_table_flag(files, fd);
    case FCNTL_SET_FLAGS_OF_FD:
        return file_table_set_flag(files, fd, argument & FD_CLOSE_ON_EXEC);
    case FCNTL_GET_FLAGS:
        return file_flags(file);
    case FCNTL_SET_FLAGS:
        return set_flags(file, fd, argument);
    case FCNTL_GET_LOCK:
    case FCNTL_SET_LOCK:
    case FCNTL_SET_LOCK_WAIT:
    case FCNTL_GET_FILE_LOCK:
    case FCNTL_SET_FILE_LOCK:
    case FCNTL_SET_FILE_LOCK_WAIT:
        return file_lock_control(file, command, argument);
    case FCNTL_SET_OWNER:
    case FCNTL_GET_OWNER:
    case FCNTL_SET_OWNER_KIND:
    case FCNTL_GET_OWNER_KIND:
    case FCNTL_SET_SIGNAL:
    case FCNTL_GET_SIGNAL:
        return file_owner_control(file, command, argument);
    case FCNTL_SET_PIPE_SIZE:
        return pipe_set_size(file, (uint32_t)argument,
                             current_can(CAPABILITY_RESOURCES));
    case FCNTL_GET_PIPE_SIZE:
        return pipe_size(file);
    case FCNTL_ADD_SEALS:
        return argument > UINT32_MAX ? -EINVAL : file_add_seals(file, (uint32_t)argument);
    case FCNTL_GET_SEALS:
        return file_seals(file);
    }
    return -EINVAL;
}

int64_t sys_fcntl(int32_t fd, int32_t command, uint64_t argument)
{
    struct file *file;
    int64_t result = is_for_any(command) ? fd_get_any(fd, &file) : fd_get(fd, &file);

    if (result)
        return result;
    result = control_descriptor(fd, file, command, argument);
    file_release(file);
    return result;
}

/* ---- ioctl --------------------------------------------------------------------------------- */

/* Requests that mean the same for every file. */
#define IOCTL_NONBLOCK 0x5421u
#define IOCTL_ASYNC 0x5452u
#define IOCTL_NO_CLOSE_ON_EXEC 0x5450u
#define IOCTL_CLOSE_ON_EXEC 0x5451u
#define IOCTL_BYTES_READABLE 0x541bu
#define IOCTL_BLOCK_SIZE 2u
#define IOCTL_SIZE 0x5460u
#define STATUS_BLOCK 512u    /* what stat counts in */

static int64_t set_nonblocking(struct file *file, user_address argument)
{
    int32_t on;
    int error = user_copy_in(current_space(), &on, argument, sizeof(on));

    if (error)
        return error;
    if (on)
        atomic_fetch_or(&file->flags, OPEN_NONBLOCK);
    else
        atomic_fetch_and(&file->flags, ~OPEN_NONBLOCK);
    return 0;
}

static int64_t put_block_size(user_address argument)
{
    static const int32_t size = PAGE_SIZE;

    return user_copy_out(current_space(), argument, &size, sizeof(size));
}

static int64_t put_left_to_read(struct file *file, user_address argument)
{
    struct file_status status;
    int64_t error = file_get_status(file, &status);
    int32_t readable;

    if (error)
        return error;
    readable = (int32_t)((int64_t)status.size - file_seek(file, 0, SEEK_FROM_CURRENT));
    return user_copy_out(current_space(), argument, &readable, sizeof(readable));
}

/* What it occupies, as Linux says it, not how long it is. */
static int64_t put_occupied(struct file *file, user_address argument)
{
    struct file_status status;
    int64_t error = file_get_status(file, &status);
    uint64_t bytes;

    if (error)
        return error;
    bytes = status.blocks * STATUS_BLOCK;
    return user_copy_out(current_space(), argument, &bytes, sizeof(bytes));
}

static int64_t control_file(struct file *file, uint32_t request, user_address argument)
{
    return file->operations->control ? file->operations->control(file, request, argument)
                                     : -ENOTTY;
}

static int64_t bytes_readable(struct file *file, uint32_t type, user_address argument)
{
    int64_t bytes = type == MODE_FIFO ? pipe_bytes(file) : notify_bytes(file);
    int32_t count = (int32_t)bytes;

    if (bytes >= 0)
        return user_copy_out(current_space(), argument, &count, sizeof(count));
    return type == MODE_REGULAR ? put_left_to_read(file, argument)
                                : control_file(file, IOCTL_BYTES_READABLE, argument);
}

static int64_t control(int32_t fd, struct file *file, uint32_t request, user_address argument)
{
    uint32_t type = inode_type(file->inode);
    bool has_size = type == MODE_REGULAR || type == MODE_DIRECTORY || type == MODE_LINK;

    switch (request) {
    case IOCTL_CLOSE_ON_EXEC:
    case IOCTL_NO_CLOSE_ON_EXEC:
        return file_table_set_flag(current_files(), fd, request == IOCTL_CLOSE_ON_EXEC);
    case IOCTL_NONBLOCK:
        return set_nonblocking(file, argument);
    case IOCTL_ASYNC:
        return file_control_async(file, fd, argument);
    case IOCTL_BLOCK_SIZE:
        return put_block_size(argument);
    case IOCTL_SIZE:
        return has_size ? put_occupied(file, argument) : -ENOTTY;
    case IOCTL_BYTES_READABLE:
        return bytes_readable(file, type, argument);
    }
    if (type == MODE_SOCKET && is_owner_request(request))
        return file_control_owner(file, request, argument);
    return control_file(file, request, argument);
}

int64_t sys_ioctl(int32_t fd, uint32_t request, user_address argument)
{
    struct file *file;
    int64_t result = fd_get(fd, &file);

    if (result)
        return result;
    result = control(fd, file, request, argument);
    file_release(file);
    return result;
}
