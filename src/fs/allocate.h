#pragma once
/* fallocate: making a part of a file be there, or a hole. */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

enum allocation_mode {    /* Linux's values */
    ALLOCATE_KEEP_SIZE = 0x01,
    ALLOCATE_PUNCH_HOLE = 0x02,
    ALLOCATE_COLLAPSE = 0x08,
    ALLOCATE_ZERO = 0x10,
    ALLOCATE_INSERT = 0x20,
    ALLOCATE_UNSHARE = 0x40,
};

struct allocation {
    uint32_t mode;            /* enum allocation_mode */
    uint64_t start, end;
    uint64_t size_limit;      /* RLIMIT_FSIZE */
    bool ends_by_signal;      /* -EINTR, as Linux's tmpfs and not its filesystems of disks */
};

/* Errors as fallocate has them: -EBADF, -EINVAL, -EOPNOTSUPP, -ESPIPE, -EISDIR, -ENODEV, -EFBIG,
 * -EPERM (sealed), -ENOSPC, -ENOMEM, -EINTR. */
MUST_CHECK int file_allocate(struct file *file, uint32_t mode, int64_t offset, int64_t length,
                             uint64_t size_limit);

/* For the operation `allocate` of files whose contents are this cache, and nowhere else: both modes
 * that there are, sizes and times of the inode. */
struct page_cache;
MUST_CHECK int page_cache_allocate_file(struct inode *inode, struct page_cache *cache,
                                        const struct allocation *allocation) REQUIRES(&inode->lock);
