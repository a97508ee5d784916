#pragma once
/* Seals: what nobody can do any more to a file in memory. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

struct allocation;

enum file_seal {    /* Linux's values */
    SEAL_SEAL = 0x01,            /* no more seals */
    SEAL_SHRINK = 0x02,
    SEAL_GROW = 0x04,
    SEAL_WRITE = 0x08,
    SEAL_FUTURE_WRITE = 0x10,    /* except through mappings that there are */
    SEAL_EXECUTE = 0x20,         /* the mode's bits for execution stay as they are */
};

/* -EINVAL: not a file that has seals. */
MUST_CHECK int64_t file_seals(struct file *file);
/* -EINVAL; -EPERM: not open for writing, or sealed against it; -EBUSY: SEAL_WRITE, and the file is
 * mapped so that it can be written. */
MUST_CHECK int file_add_seals(struct file *file, uint32_t seals);

/*
 * For filesystems, with the inode's lock held; files without seals pass.  -EPERM.
 * seal_limit_write makes *size smaller when only a part may be written.
 */
MUST_CHECK int seal_limit_write(const struct inode *inode, uint64_t position, uint64_t *size);
MUST_CHECK int seal_check_attributes(const struct inode *inode,
                                     const struct attribute_request *request);
MUST_CHECK int seal_check_allocation(const struct inode *inode,
                                     const struct allocation *allocation);

/* May a shared mapping be written?  Ask with the inode's lock held until the mapping is made. */
static inline bool seal_allows_writing(const struct inode *inode)
{
    return !(inode->seals & (SEAL_WRITE | SEAL_FUTURE_WRITE));
}
