#pragma once
/*
 * Devices: who serves which device number, and the filesystem for /dev.
 *
 * Devices register at boot, before devfs_create; nodes are opened by their number, so those that
 * mknod makes anywhere else work as well.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

/* Numbers as in st_rdev, for major and minor numbers below 256. */
#define DEVICE_ID(major, minor) ((uint64_t)(major) << 8 | (minor))

struct device {
    /* Constant after registration. */
    const char *name;                          /* in /dev */
    uint32_t mode;                             /* type and permissions of its node */
    uint64_t id;
    bool is_users;                             /* the node is the machine's user's, not root's */
    bool is_stream;                            /* no position */
    const struct file_operations *operations;
    /* May set file->contents, operations and is_stream.  NULL: nothing more to do. */
    MUST_CHECK int (*open)(struct file *file);

    struct device *next;                       /* of all that are registered */
};

/* Boot.  The structure is kept. */
void device_register(struct device *device);

/* Name in /dev of the device with this number and node type, or NULL. */
const char *device_name(uint64_t id, uint32_t type);

/* /dev: a tmpfs with a node for each device and the usual links.  One reference. */
MUST_CHECK int devfs_create(struct filesystem **filesystem);
