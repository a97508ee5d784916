/* System calls that look at files: stat and its variants, access, readlink, statfs. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/file_structures.h"
#include "abi/linux/syscalls.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "time/clock.h"

#define STAT_FLAGS (AT_NO_FOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY | AT_SYNC_TYPE)

/* ---- Finding what is asked about ----------------------------------------------------------- */

/* Of a name, or of a descriptor if `flags` has AT_EMPTY and the text is empty (or NULL).
 * *is_root: it is where a filesystem is mounted. */
static int status_of_path(const struct file_name *name, const struct path *path,
                          struct file_status *status, bool *is_root)
{
    if (!path->name)
        return file_get_status(name->start, status);
    *is_root = path->name == path->mount->root;
    return path_status(path, status);
}

static int status_of_file(int32_t fd, struct file_status *status, bool *is_root)
{
    struct file *file;
    int error = fd_get_any(fd, &file);

    if (error)
        return error;
    *is_root = file->path.name && file->path.name == file->path.mount->root;
    error = file_get_status(file, status);
    file_release(file);
    return error;
}

static int status_of(int32_t directory, user_address path_address, uint32_t flags,
                     struct file_status *status, bool *is_root)
{
    struct file_name name;
    struct path path;
    int error;

    *is_root = false;
    if ((flags & AT_EMPTY) && path_address == 0 && directory != AT_WORKING_DIRECTORY)
        return status_of_file(directory, status, is_root);
    error = file_name_open(&name, directory, path_address, flags & AT_EMPTY);
    if (error)
        return error;
    error = file_name_walk(&name, lookup_of(flags), &path);
    if (!error) {
        error = status_of_path(&name, &path, status, is_root);
        path_release(&path);
    }
    file_name_close(&name);
    return error;
}

/* ---- stat ---------------------------------------------------------------------------------- */

static struct linux_timespec timespec_of(int64_t ns)
{
    const int64_t second = (int64_t)NS_PER_SECOND;
    int64_t seconds = ns / second, rest = ns % second;

    if (rest < 0) {
        seconds--;
        rest += second;
    }
    return (struct linux_timespec){ .seconds = seconds, .nanoseconds = rest };
}

static int64_t put_stat(const struct file_status *status, user_address target)
{
    const struct linux_stat stat = {
        .device = status->device,
        .inode = status->inode,
        .links = status->links,
        .mode = status->mode,
        .user_id = status->user_id,
        .group_id = status->group_id,
        .device_id = status->device_id,
        .size = (int64_t)status->size,
        .block_size = (int64_t)status->block_size,
        .blocks = (int64_t)status->blocks,
        .access_time = timespec_of(status->access_ns),
        .modify_time = timespec_of(status->modify_ns),
        .change_time = timespec_of(status->change_ns),
    };

    return user_copy_out(current_space(), target, &stat, sizeof(stat));
}

static int64_t stat_path(int32_t directory, user_address path, uint32_t flags, user_address target)
{
    struct file_status status;
    bool is_root;
    int error = status_of(directory, path, flags, &status, &is_root);

    return error ? error : put_stat(&status, target);
}

int64_t sys_stat(user_address path, user_address status)
{
    return stat_path(AT_WORKING_DIRECTORY, path, 0, status);
}

int64_t sys_lstat(user_address path, user_address status)
{
    return stat_path(AT_WORKING_DIRECTORY, path, AT_NO_FOLLOW, status);
}

int64_t sys_newfstatat(int32_t directory, user_address path, user_address status, uint32_t flags)
{
    return flags & ~STAT_FLAGS ? -EINVAL : stat_path(directory, path, flags, status);
}

int64_t sys_fstat(int32_t fd, user_address target)
{
    struct file_status status;
    bool is_root;
    int error = status_of_file(fd, &status, &is_root);

    return error ? error : put_stat(&status, target);
}

/* ---- statx --------------------------------------------------------------------------------- */

#define STATX_BASIC 0x7ffu
#define STATX_BIRTH 0x800u
#define STATX_MOUNT 0x1000u
#define STATX_RESERVED 0x80000000u
#define STATX_ATTRIBUTE_ROOT UINT64_C(0x2000)

static struct linux_statx_time statx_time(int64_t ns)
{
    struct linux_timespec time = timespec_of(ns);

    return (struct linux_statx_time){
        .seconds = time.seconds, .nanoseconds = (uint32_t)time.nanoseconds,
    };
}

static uint32_t major_of(uint64_t device)
{
    return (uint32_t)(device >> 8 & 0xfff);
}

static uint32_t minor_of(uint64_t device)
{
    return (uint32_t)((device & 0xff) | (device >> 12 & 0xfff00));
}

static int64_t put_statx(const struct file_status *status, bool is_root, user_address target)
{
    const struct linux_statx statx = {
        .mask = STATX_BASIC | STATX_MOUNT | (status->birth_ns ? STATX_BIRTH : 0),
        .block_size = (uint32_t)status->block_size,
        .attributes = is_root ? STATX_ATTRIBUTE_ROOT : 0,
        .attributes_mask = STATX_ATTRIBUTE_ROOT,
        .links = status->links,
        .user_id = status->user_id,
        .group_id = status->group_id,
        .mode = (uint16_t)status->mode,
        .inode = status->inode,
        .size = status->size,
        .blocks = status->blocks,
        .access_time = statx_time(status->access_ns),
        .birth_time = statx_time(status->birth_ns),
        .change_time = statx_time(status->change_ns),
        .modify_time = statx_time(status->modify_ns),
        .device_id_major = major_of(status->device_id),
        .device_id_minor = minor_of(status->device_id),
        .device_major = major_of(status->device),
        .device_minor = minor_of(status->device),
        .mount_id = status->mount_id,
    };

    return user_copy_out(current_space(), target, &statx, sizeof(statx));
}

int64_t sys_statx(int32_t directory, user_address path, uint32_t flags, uint32_t mask,
                  user_address target)
{
    struct file_status status;
    bool is_root;
    int error;

    if ((mask & STATX_RESERVED) || (flags & ~STAT_FLAGS) ||
        (flags & AT_SYNC_TYPE) == AT_SYNC_TYPE)
        return -EINVAL;
    error = status_of(directory, path, flags, &status, &is_root);
    return error ? error : put_statx(&status, is_root, target);
}

/* ---- access -------------------------------------------------------------------------------- */

static int access_path(const struct file_name *name, uint32_t mode, uint32_t flags)
{
    struct path path;
    int error = file_name_walk(name, lookup_of(flags), &path);

    if (error)
        return error;
    if (path.name)
        error = path_access(&name->context, &path, mode);
    else
        error = inode_permission(name->start->inode, &name->context.credentials, mode);
    path_release(&path);
    return error;
}

int64_t sys_faccessat2(int32_t directory, user_address path, uint32_t mode, uint32_t flags)
{
    struct file_name name;
    struct credentials *credentials = &name.context.credentials;
    int error;

    if ((mode & ~7u) || (flags & ~(AT_EFFECTIVE_ACCESS | AT_NO_FOLLOW | AT_EMPTY)))
        return -EINVAL;
    error = file_name_open(&name, directory, path, flags & AT_EMPTY);
    if (error)
        return error;
    if (!(flags & AT_EFFECTIVE_ACCESS)) {
        credentials->file_user_id = credentials->user_id;
        credentials->file_group_id = credentials->group_id;
        credentials->capabilities.effective =
            credentials->user_id == 0 ? credentials->capabilities.permitted : 0;
    }
    error = access_path(&name, mode, flags);
    file_name_close(&name);
    return error;
}

int64_t sys_faccessat(int32_t directory, user_address path, uint32_t mode)
{
    return sys_faccessat2(directory, path, mode, 0);
}

int64_t sys_access(user_address path, uint32_t mode)
{
    return sys_faccessat2(AT_WORKING_DIRECTORY, path, mode, 0);
}

/* ---- readlink ------------------------------------------------------------------------------ */

/* The target goes through a page, as it is shorter than PATH_MAX. */
static int64_t read_link(const struct path *path, user_address buffer, uint64_t size)
{
    struct page *page = page_allocate(PAGE_DIRTY);
    int64_t length;

    if (!page)
        return -ENOMEM;
    length = fs_read_link(path, page_data(page), size < PAGE_SIZE ? size : PAGE_SIZE);
    if (length > 0 &&
        user_copy_out(current_space(), buffer, page_data(page), (size_t)length) != 0)
        length = -EFAULT;
    page_release(page);
    return length;
}

int64_t sys_readlinkat(int32_t directory, user_address path_address, user_address buffer,
                       int32_t size)
{
    struct file_name name;
    struct path path;
    int64_t result;

    if (size <= 0)
        return -EINVAL;
    result = file_name_open(&name, directory, path_address, true);
    if (result)
        return result;
    result = file_name_walk(&name, 0, &path);
    if (!result) {
        result = path.name ? read_link(&path, buffer, (uint64_t)size) : -EINVAL;
        path_release(&path);
        if (result == -EINVAL && name.text[0] == '\0')
            result = -ENOENT;
    }
    file_name_close(&name);
    return result;
}

int64_t sys_readlink(user_address path, user_address buffer, int32_t size)
{
    return sys_readlinkat(AT_WORKING_DIRECTORY, path, buffer, size);
}

/* ---- statfs -------------------------------------------------------------------------------- */

static int64_t put_statfs(const struct filesystem_statistics *statistics, user_address target)
{
    const struct linux_statfs statfs = {
        .type = (int64_t)statistics->type,
        .block_size = (int64_t)statistics->block_size,
        .blocks = statistics->blocks,
        .blocks_free = statistics->blocks_free,
        .blocks_available = statistics->blocks_available,
        .files = statistics->files,
        .files_free = statistics->files_free,
        .id = { (int32_t)statistics->id, (int32_t)(statistics->id >> 32) },
        .name_max = (int64_t)statistics->name_max,
        .fragment_size = (int64_t)statistics->fragment_size,
        .flags = (int64_t)statistics->flags,
    };

    return user_copy_out(current_space(), target, &statfs, sizeof(statfs));
}

int64_t sys_statfs(user_address path_address, user_address target)
{
    struct filesystem_statistics statistics;
    struct file_name name;
    struct path path;
    int error = file_name_open(&name, AT_WORKING_DIRECTORY, path_address, false);

    if (error)
        return error;
    error = file_name_walk(&name, LOOKUP_FOLLOW, &path);
    if (!error) {
        error = path_statistics(&path, &statistics);
        path_release(&path);
    }
    file_name_close(&name);
    return error ? error : put_statfs(&statistics, target);
}

int64_t sys_fstatfs(int32_t fd, user_address target)
{
    struct filesystem_statistics statistics;
    struct file *file;
    int error = fd_get_any(fd, &file);

    if (error)
        return error;
    error = file_statistics(file, &statistics);
    file_release(file);
    return error ? error : put_statfs(&statistics, target);
}
