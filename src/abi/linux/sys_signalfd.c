/* System calls that make files to read signals from. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "signal/signal_file.h"

static int64_t create(signal_set wanted, uint32_t flags)
{
    struct file *file;
    int error = signal_file_create(wanted, flags & OPEN_NONBLOCK, &file);

    if (error)
        return error;
    error = file_table_add(current_files(), file, (flags & OPEN_CLOSE_ON_EXEC) != 0,
                           open_files_limit());
    if (error < 0)
        file_release(file);
    return error;
}

static int64_t change(int32_t fd, signal_set wanted)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    error = signal_file_change(file, wanted);
    file_release(file);
    return error ? error : fd;
}

int64_t sys_signalfd4(int32_t fd, user_address mask, uint64_t set_size, uint32_t flags)
{
    signal_set wanted;

    if (set_size != sizeof(wanted))
        return -EINVAL;
    if (user_copy_in(current_space(), &wanted, mask, sizeof(wanted)) != 0)
        return -EFAULT;
    if (flags & ~(OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK))
        return -EINVAL;
    return fd == -1 ? create(wanted, flags) : change(fd, wanted);
}

int64_t sys_signalfd(int32_t fd, user_address mask, uint64_t set_size)
{
    return sys_signalfd4(fd, mask, set_size, 0);
}
