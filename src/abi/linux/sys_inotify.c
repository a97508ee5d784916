/* System calls of inotify. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "process/process.h"

#define MASK_KNOWN                                                                               \
    (NOTIFY_ALL_EVENTS | 0x2000u | NOTIFY_OVERFLOW | NOTIFY_IGNORED | NOTIFY_DIRECTORY |         \
     NOTIFY_ONLY_DIRECTORY | NOTIFY_NO_FOLLOW | NOTIFY_NOT_UNLINKED | NOTIFY_MASK_CREATE |       \
     NOTIFY_MASK_ADD | NOTIFY_ONE_SHOT)

int64_t sys_inotify_init1(uint32_t flags)
{
    struct file *file;
    int error;

    if (flags & ~(OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK))
        return -EINVAL;
    error = notify_create(current_credentials().user_id, flags & OPEN_NONBLOCK, &file);
    return error ? error : fd_install(file, flags & OPEN_CLOSE_ON_EXEC);
}

int64_t sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

static int watch_path(struct file *file, user_address text, uint32_t mask)
{
    uint32_t lookup = mask & NOTIFY_NO_FOLLOW ? 0 : LOOKUP_FOLLOW;
    struct file_name name;
    struct path path;
    int result = file_name_open(&name, AT_WORKING_DIRECTORY, text, false);

    if (result)
        return result;
    if (mask & NOTIFY_ONLY_DIRECTORY)
        lookup |= LOOKUP_DIRECTORY;
    result = file_name_walk(&name, lookup, &path);
    if (!result) {
        result = inode_permission(path_inode(&path), &name.context.credentials, PERMISSION_READ);
        if (!result)
            result = notify_watch(file, path_inode(&path), mask);
        path_release(&path);
    }
    file_name_close(&name);
    return result;
}

int64_t sys_inotify_add_watch(int32_t fd, user_address path, uint32_t mask)
{
    struct file *file;
    int64_t result;

    if (!(mask & MASK_KNOWN))
        return -EINVAL;
    result = fd_get(fd, &file);
    if (result)
        return result;
    if (((mask & NOTIFY_MASK_ADD) && (mask & NOTIFY_MASK_CREATE)) || !file_is_notify(file))
        result = -EINVAL;
    else
        result = watch_path(file, path, mask);
    file_release(file);
    return result;
}

int64_t sys_inotify_rm_watch(int32_t fd, int32_t watch)
{
    struct file *file;
    int64_t result = fd_get(fd, &file);

    if (result)
        return result;
    result = file_is_notify(file) ? notify_unwatch(file, watch) : -EINVAL;
    file_release(file);
    return result;
}
