/* eventfd: counters as files. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "ipc/event_file.h"

#define FLAG_BY_ONE 1u    /* EFD_SEMAPHORE */
#define FLAGS_KNOWN (FLAG_BY_ONE | OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK)

int64_t sys_eventfd2(uint32_t count, uint32_t flags)
{
    struct file *file;
    int error;

    if (flags & ~FLAGS_KNOWN)
        return -EINVAL;
    error = event_file_create(count, flags & FLAG_BY_ONE, flags & OPEN_NONBLOCK, &file);
    return error ? error : fd_install(file, flags & OPEN_CLOSE_ON_EXEC);
}

int64_t sys_eventfd(uint32_t count)
{
    return sys_eventfd2(count, 0);
}
