#pragma once
/*
 * Files of the host, as the guest may see them (NULL in machine_info where there are none, and
 * mounting them then fails with ENODEV).
 *
 * Names are resolved by the kernel one component at a time, so symbolic links are followed inside
 * the guest's root and never out of it.  A node is a handle to one host file, opened with O_PATH
 * and O_NOFOLLOW relative to its parent; devices, FIFOs and sockets are never opened.  All
 * calls are synchronous and may be slow.  Nothing changes on the host but below roots that are
 * shared.  Errors are Linux's numbers, negative.  Only fixed-width types: the hosted port includes
 * this header.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hostfs_sharing {
    HOSTFS_COPIED,       /* changes stay with the guest */
    HOSTFS_READ_ONLY,
    HOSTFS_SHARED,       /* changes are the host's */
};

/* A directory (or file) that the host shows. */
struct hostfs_root {
    const char *place;     /* path in the guest, "/" for its root; NULL: where changes are saved */
    const char *source;    /* what the host calls the device that it is on; NULL: not known */
    enum hostfs_sharing sharing;
};

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

/* What to make: a regular file, a directory, a link, a FIFO or a socket; nothing else. */
struct hostfs_new {
    uint32_t mode;         /* with the type; as it shall be, whatever umask the host has */
    uint32_t user_id, group_id;    /* if the host lets us give files away */
    const char *target;    /* of a link */
};

struct hostfs_rename {
    uint64_t old_directory, new_directory;
    const char *old_name, *new_name;
    uint32_t flags;    /* Linux's */
};

enum hostfs_changes {
    HOSTFS_CHANGE_MODE = 1 << 0,
    HOSTFS_CHANGE_USER = 1 << 1,
    HOSTFS_CHANGE_GROUP = 1 << 2,
    HOSTFS_CHANGE_SIZE = 1 << 3,
    HOSTFS_CHANGE_ACCESS_TIME = 1 << 4,
    HOSTFS_CHANGE_MODIFY_TIME = 1 << 5,
};
struct hostfs_attributes {
    uint32_t changes;    /* enum hostfs_changes */
    uint32_t mode, user_id, group_id;
    uint64_t size;
    int64_t access_ns, modify_ns;
};

struct hostfs_operations {
    const struct hostfs_root *roots;
    size_t root_count;
    /* Node of one of them.  Nodes are small positive numbers. */
    int (*root)(size_t index, uint64_t *node);
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

    /* Changes, of nodes below shared roots only; NULL where there are none. */

    /* There is no such name yet.  `name` NULL: a regular file without one (O_TMPFILE). */
    int (*create)(uint64_t directory, const char *name, const struct hostfs_new *what,
                  uint64_t *node);
    int (*link)(uint64_t node, uint64_t directory, const char *name);
    int (*remove)(uint64_t directory, const char *name, bool is_directory);
    int (*rename)(const struct hostfs_rename *rename);
    int64_t (*write)(uint64_t node, const void *buffer, size_t size, uint64_t offset);
    int (*change)(uint64_t node, const struct hostfs_attributes *attributes);
    int (*sync)(uint64_t node);
};
