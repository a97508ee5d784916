#pragma once
/*
 * Files of the host, seen by the guest read-only: what only sim/ supplies (NULL in machine_info
 * elsewhere, and mounting it then fails with ENODEV).
 *
 * Names are resolved by the kernel one component at a time, so symbolic links are followed inside
 * the guest's root and never out of it.  A node is a handle to one host file, opened with O_PATH
 * and O_NOFOLLOW relative to its parent; devices, FIFOs and sockets are never opened.  All
 * calls are synchronous and may be slow; none changes anything on the host.  Errors are Linux's
 * numbers, negative.  Only fixed-width types: the hosted port includes this header.
 */
#include <stddef.h>
#include <stdint.h>

struct hostfs_status {
    uint32_t mode, links, user_id, group_id;
    uint64_t inode, device, device_id;
    uint64_t size, blocks, block_size;
    int64_t access_ns, modify_ns, change_ns, birth_ns;    /* since 1970 */
};

struct hostfs_statistics {    /* as struct statfs */
    uint64_t type, block_size, blocks, blocks_free, blocks_available, files, files_free;
    uint64_t id, name_max, fragment_size, flags;
};

/* One name of a directory.  `next` is the position to continue from after this entry. */
struct hostfs_name {
    const char *name;
    size_t length;
    uint64_t inode;
    uint8_t type;    /* DT_ value */
    int64_t next;
};
typedef int (*hostfs_name_sink)(void *context, const struct hostfs_name *name);

struct hostfs_operations {
    const char *source;    /* what the host calls the device that the root is on */
    /* Node of the directory given as --root.  Nodes are small positive numbers. */
    int (*root)(uint64_t *node);
    int (*lookup)(uint64_t directory, const char *name, uint64_t *node);
    void (*release)(uint64_t node);
    int (*status)(uint64_t node, struct hostfs_status *status);
    int (*statistics)(uint64_t node, struct hostfs_statistics *statistics);
    int (*access)(uint64_t node, uint32_t mode);    /* may the host user R=4 W=2 X=1 it? */
    int64_t (*read)(uint64_t node, void *buffer, size_t size, uint64_t offset);
    int64_t (*read_link)(uint64_t node, char *target, size_t size);
    /* Calls the sink for names from `position` (0: the start) until it returns non-zero or the
     * directory ends; "." and ".." included.  Returns 0 or an error. */
    int (*read_directory)(uint64_t node, int64_t position, hostfs_name_sink sink, void *context);
};
