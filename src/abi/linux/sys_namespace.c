/* setns: the namespaces of a file of /proc/<pid>/ns, or those of the process of a pidfd. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file.h"
#include "process/clone.h"
#include "process/namespace_enter.h"
#include "process/namespace_file.h"
#include "process/process.h"
#include "process/process_file.h"

/* Of a kind at least, and of none that is missing here. */
static int check_kinds(uint64_t flags)
{
    return flags == 0 || (flags & ~(CLONE_NAMESPACES | CLONE_NEW_PROCESSES)) ? -EINVAL : 0;
}

static int target_of_process(struct process *process, uint64_t flags,
                             struct namespace_target *target)
{
    int error = check_kinds(flags);

    if (error)
        return error;
    if (process_is_gone(process))
        return -ESRCH;
    if (!process_may_inspect(process, NULL, false))
        return -EPERM;
    return namespace_target_of(process, flags, target);
}

static int target_of_file(const struct file *file, uint64_t flags,
                          struct namespace_target *target)
{
    uint64_t flag;
    int error = namespace_of_file(file, target, &flag);

    if (error || flags == 0 || flags == flag)
        return error;
    namespace_target_release(target);
    return -EINVAL;
}

int64_t sys_setns(int32_t fd, uint32_t flags)
{
    struct namespace_target target;
    struct process *process;
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    process = process_of_file(file);
    error = process ? target_of_process(process, flags, &target)
                    : target_of_file(file, flags, &target);
    file_release(file);
    if (error)
        return error;
    error = namespace_enter(&target);
    namespace_target_release(&target);
    return error;
}
