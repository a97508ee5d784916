/* System calls of pidfds. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/signal_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file_table.h"
#include "process/process.h"
#include "process/process_file.h"
#include "procfs/procfs.h"
#include "signal/signal.h"

/* The file of a process; *process is its reference.  -EBADF. */
static int get_process_file(int32_t fd, struct file **file, struct process **process)
{
    int error = fd_get(fd, file);

    if (error)
        return error;
    *process = process_of_file(*file);
    if (*process)
        return 0;
    file_release(*file);
    return -EBADF;
}

int64_t sys_pidfd_open(int32_t id, uint32_t flags)
{
    struct process *process;
    struct thread *thread;
    struct file *file;
    int error;

    if (flags & ~OPEN_NONBLOCK)
        return -EINVAL;
    if (id <= 0)
        return -EINVAL;
    process = process_find(id);
    if (!process) {
        thread = thread_find(id);
        if (!thread)
            return -ESRCH;
        thread_release(thread);
        return -ENOENT;    /* a thread's that is not the first of its process */
    }
    error = process_file_create(process, flags, &file);
    process_release(process);
    return error ? error : fd_install(file, true);
}

/* Who gets a signal, with a reference: a directory of /proc will do as well. */
static int get_receiver(int32_t fd, struct process **process)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    *process = process_of_file(file);
    if (*process)
        process_reference(*process);
    else
        error = procfs_process_of(file, process);
    file_release(file);
    return error;
}

int64_t sys_pidfd_send_signal(int32_t fd, int32_t number, user_address information,
                              uint32_t flags)
{
    struct signal_information copy;
    struct process *process;
    int64_t result;

    if (flags != 0)
        return -EINVAL;
    result = get_receiver(fd, &process);
    if (result)
        return result;
    if (information)
        result = signal_information_read(information, &copy);
    if (!result && information && copy.number != number)
        result = -EINVAL;
    if (!result)
        result = signal_send_to(process, number, information ? &copy : NULL);
    process_release(process);
    return result;
}

/* The other process's open file, with a reference. */
static int take_file(struct process *process, int32_t target, struct file **file)
{
    struct file_table *files;

    if (process_is_gone(process) || process->ended)
        return -ESRCH;
    if (!process_may_inspect(process, NULL, false))
        return -EPERM;
    files = process_files(process, NULL);
    if (!files)
        return -ESRCH;
    *file = file_table_get(files, target);
    file_table_release(files);
    return *file ? 0 : -EBADF;
}

int64_t sys_pidfd_getfd(int32_t fd, int32_t target, uint32_t flags)
{
    struct process *process;
    struct file *file, *taken;
    int error;

    if (flags != 0)
        return -EINVAL;
    error = get_process_file(fd, &file, &process);
    if (error)
        return error;
    error = take_file(process, target, &taken);
    file_release(file);
    return error ? error : fd_install(taken, true);
}
