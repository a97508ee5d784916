#pragma once
/*
 * Extended attributes: named values of inodes, in memory.  user.* of files and directories,
 * trusted.* and security.* of who may; other names are not kept.
 *
 * The inode is kept by the caller.  Errors are Linux's, in its order: -EOPNOTSUPP, -EPERM, -EACCES,
 * -ENODATA, -EEXIST, -ENOSPC, -ENOMEM, -EINVAL (nothing behind the dot).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

#define EXTENDED_VALUE_MAX 65536u
#define EXTENDED_LIST_MAX 65536u
#define EXTENDED_NAME_MAX 255u

struct extended_request {
    const struct credentials *credentials;
    struct mount *mount;     /* may be NULL */
    struct inode *inode;
    const char *name;
};

enum extended_flags {        /* Linux's values; both: it is there and it is not, so never */
    EXTENDED_CREATE = 1,     /* it must be new */
    EXTENDED_REPLACE = 2,    /* it must be there */
};

MUST_CHECK int extended_set(const struct extended_request *request, const void *value, size_t size,
                            uint32_t flags);
/* The length; with a size of 0 nothing is copied.  -ERANGE: it is longer. */
int64_t extended_get(const struct extended_request *request, void *value, size_t size);
/* All names, each with its NUL, from the last to the first as Linux; the same. */
int64_t extended_list(const struct extended_request *request, char *names, size_t size);
MUST_CHECK int extended_remove(const struct extended_request *request);

/* Nobody else knows the inode any more. */
void extended_destroy(struct inode *inode);
