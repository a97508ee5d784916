#pragma once
/*
 * A host for hostfs that is a real directory: real_host_root.  Nodes are descriptors.  Nothing here
 * writes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/hostfs.h"

static const char *real_host_root;

static inline int real_host_result(int result, uint64_t *node)
{
    if (result < 0)
        return -errno;
    *node = (uint64_t)result;
    return 0;
}

static inline int real_host_open_root(uint64_t *node)
{
    return real_host_result(open(real_host_root, O_PATH | O_DIRECTORY), node);
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

static const struct hostfs_operations real_host = {
    .root = real_host_open_root, .lookup = real_host_lookup, .release = real_host_release,
    .status = real_host_status, .statistics = real_host_statistics, .access = real_host_access,
    .read = real_host_read, .read_link = real_host_read_link,
    .read_directory = real_host_read_directory,
};
