/* System calls that make pipes. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/path.h"
#include "ipc/pipe.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define PIPE_FLAGS (OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK | OPEN_DIRECT)
#define PIPE_NOTIFICATION OPEN_EXCLUSIVE    /* of keys, which a Linux need not have */

/* Two numbers that are taken.  -EMFILE, -ENOMEM. */
static int reserve_two(int32_t fds[2])
{
    struct file_table *files = current_files();
    uint64_t limit = open_files_limit();

    fds[0] = file_table_reserve(files, 0, limit);
    if (fds[0] < 0)
        return fds[0];
    fds[1] = file_table_reserve(files, 0, limit);
    if (fds[1] >= 0)
        return 0;
    file_table_unreserve(files, fds[0]);
    return fds[1];
}

/* Takes the files over.  Nobody sees the descriptors before the program knows their numbers. */
static int install_two(struct file *ends[2], user_address numbers, bool close_on_exec)
{
    struct file_table *files = current_files();
    int32_t fds[2];
    int error = reserve_two(fds);

    if (!error) {
        error = user_copy_out(current_space(), numbers, fds, sizeof(fds));
        for (int i = 1; i >= 0 && error; i--)
            file_table_unreserve(files, fds[i]);
    }
    for (int i = 0; i < 2; i++) {
        if (error)
            file_release(ends[i]);
        else
            file_table_install(files, fds[i], ends[i], close_on_exec);
    }
    return error;
}

int64_t sys_pipe2(user_address fds, uint32_t flags)
{
    struct fs_context context;
    struct file *ends[2];
    int error;

    if (flags & ~(PIPE_FLAGS | PIPE_NOTIFICATION))
        return -EINVAL;
    if (flags & PIPE_NOTIFICATION)
        return -ENOPKG;
    fs_context_of_process(&context);
    error = pipe_create(&context, flags & ~OPEN_CLOSE_ON_EXEC, ends);
    fs_context_release(&context);
    return error ? error : install_two(ends, fds, flags & OPEN_CLOSE_ON_EXEC);
}

int64_t sys_pipe(user_address fds)
{
    return sys_pipe2(fds, 0);
}
