#pragma once
/*
 * A host for hostfs that is a real directory: real_host_root.  Nodes are descriptors.  Nothing is
 * written unless real_host_roots says that it is shared.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/hostfs.h"

static const char *real_host_root, *real_host_second;

static inline int real_host_result(int result, uint64_t *node)
{
    if (result < 0)
        return -errno;
    *node = (uint64_t)result;
    return 0;
}

static inline int real_host_open_root(size_t index, uint64_t *node)
{
    return real_host_result(open(index ? real_host_second : real_host_root, O_PATH | O_DIRECTORY),
                            node);
}

static inline int real_host_lookup(uint64_t directory, const char *name, uint64_t *node)
{
    return real_host_result(openat((int)directory, name, O_PATH | O_NOFOLLOW), node);
}

static inline void real_host_release(uint64_t node)
{
    close((int)node);
}

static inline int64_t real_host_time(struct timespec time)
{
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static inline int real_host_status(uint64_t node, struct hostfs_status *result)
{
    struct stat status;

    if (fstatat((int)node, "", &status, AT_EMPTY_PATH) != 0)
        return -errno;
    *result = (struct hostfs_status){
        .mode = status.st_mode, .links = (uint32_t)status.st_nlink, .user_id = status.st_uid,
        .group_id = status.st_gid, .inode = status.st_ino, .device = status.st_dev,
        .size = (uint64_t)status.st_size, .blocks = (uint64_t)status.st_blocks,
        .block_size = 4096, .access_ns = real_host_time(status.st_atim),
        .modify_ns = real_host_time(status.st_mtim), .change_ns = real_host_time(status.st_ctim),
    };
    return 0;
}

static inline int real_host_statistics(uint64_t node, struct hostfs_statistics *statistics)
{
    (void)node;
    *statistics = (struct hostfs_statistics){ .name_max = 255 };
    return 0;
}

/* As the sim that root runs. */
static inline int real_host_access(uint64_t node, uint32_t mode)
{
    struct hostfs_status status;
    int error = real_host_status(node, &status);

    if (error || !(mode & X_OK) || S_ISDIR(status.mode) || (status.mode & 0111))
        return error;
    return -EACCES;
}

static inline int real_host_open(uint64_t node, int flags)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)node);
    return open(path, flags);
}

static inline int64_t real_host_read(uint64_t node, void *buffer, size_t size, uint64_t offset)
{
    int file = real_host_open(node, O_RDONLY);
    int64_t done = file < 0 ? -1 : pread(file, buffer, size, (off_t)offset);
    int error = errno;

    if (file >= 0)
        close(file);
    return done < 0 ? -error : done;
}

static inline int64_t real_host_read_link(uint64_t node, char *target, size_t size)
{
    int64_t length = readlinkat((int)node, "", target, size);

    return length < 0 ? -errno : length;
}

static inline int real_host_read_directory(uint64_t node, int64_t position, hostfs_name_sink sink,
                                           void *sink_context)
{
    DIR *directory = fdopendir(real_host_open(node, O_RDONLY | O_DIRECTORY));

    if (!directory)
        return -errno;
    if (position)
        seekdir(directory, position);
    for (struct dirent *entry; (entry = readdir(directory));) {
        const struct hostfs_name name = {
            .name = entry->d_name, .length = strlen(entry->d_name), .inode = entry->d_ino,
            .type = entry->d_type, .next = entry->d_off,
        };

        if (sink(sink_context, &name))
            break;
    }
    closedir(directory);
    return 0;
}

/* ---- Changes ------------------------------------------------------------------------------- */

static inline int real_host_create(uint64_t directory, const char *name,
                                   const struct hostfs_new *what, uint64_t *node)
{
    mode_t mode = what->mode & 07777, before = umask(0);
    int at = (int)directory, result, error;

    if (S_ISDIR(what->mode))
        result = mkdirat(at, name, mode);
    else if (S_ISLNK(what->mode))
        result = symlinkat(what->target, at, name);
    else if (name)
        result = mknodat(at, name, what->mode, 0);
    else
        result = openat(at, ".", O_TMPFILE | O_RDWR, mode);
    error = -errno;
    umask(before);
    if (result < 0)
        return error;
    if (!name)
        return real_host_result(result, node);
    error = real_host_result(openat(at, name, O_PATH | O_NOFOLLOW), node);
    if (!error && S_ISDIR(what->mode) && (mode & 02000))
        error = fchmodat(at, name, mode, 0);
    return error;
}

static inline int real_host_link(uint64_t node, uint64_t directory, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)node);
    return linkat(AT_FDCWD, path, (int)directory, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static inline int real_host_remove(uint64_t directory, const char *name, bool is_directory)
{
    return unlinkat((int)directory, name, is_directory ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

static inline int real_host_rename(const struct hostfs_rename *rename)
{
    return syscall(SYS_renameat2, (int)rename->old_directory, rename->old_name,
                   (int)rename->new_directory, rename->new_name, rename->flags) < 0 ? -errno : 0;
}

static inline int64_t real_host_write(uint64_t node, const void *buffer, size_t size,
                                      uint64_t offset)
{
    int file = real_host_open(node, O_WRONLY);
    int64_t done = pwrite(file, buffer, size, (off_t)offset);
    int error = errno;

    close(file);
    return done < 0 ? -error : done;
}

static inline int real_host_change(uint64_t node, const struct hostfs_attributes *wanted)
{
    uint32_t user = wanted->changes & HOSTFS_CHANGE_USER ? wanted->user_id : UINT32_MAX;
    uint32_t group = wanted->changes & HOSTFS_CHANGE_GROUP ? wanted->group_id : UINT32_MAX;
    char path[64];
    int result = 0;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)node);
    if (wanted->changes & HOSTFS_CHANGE_SIZE)
        result = truncate(path, (off_t)wanted->size);
    if (result == 0 && (user != UINT32_MAX || group != UINT32_MAX))
        result = fchownat((int)node, "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
    if (result == 0 && (wanted->changes & HOSTFS_CHANGE_MODE))
        result = chmod(path, wanted->mode);
    return result < 0 ? -errno : 0;
}

static inline int real_host_sync(uint64_t node)
{
    (void)node;
    return 0;
}

static struct hostfs_root real_host_roots[] = {
    { "/", NULL, HOSTFS_COPIED }, { NULL, NULL, HOSTFS_SHARED },
};

static const struct hostfs_operations real_host = {
    .roots = real_host_roots, .root_count = 2,
    .root = real_host_open_root, .lookup = real_host_lookup, .release = real_host_release,
    .status = real_host_status, .statistics = real_host_statistics, .access = real_host_access,
    .read = real_host_read, .read_link = real_host_read_link,
    .read_directory = real_host_read_directory, .create = real_host_create,
    .link = real_host_link, .remove = real_host_remove, .rename = real_host_rename,
    .write = real_host_write, .change = real_host_change, .sync = real_host_sync,
};
