#pragma once
/*
 * Filesystems as objects: creation, references, device numbers, and the one without a mount that
 * nameless files (pipes, channels, memory files) belong to.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

/* A filesystem with one reference, a new device number (major 0), read-write, no root yet.
 * `type` and `operations` are kept, not copied.  -ENOMEM. */
MUST_CHECK int filesystem_create(const char *type, const struct filesystem_operations *operations,
                                 struct filesystem **filesystem);
void filesystem_reference(struct filesystem *filesystem);
/* The last release forgets every cached name, drops the root inode, and calls `destroy`, which
 * frees what `contents` points to (never the struct itself).  May sleep; no locks above
 * RANK_MOUNT held. */
void filesystem_release(struct filesystem *filesystem);

/* For inodes that have no directory: never mounted, lives for ever; no reference is needed. */
struct filesystem *filesystem_anonymous(void);
void filesystem_init_anonymous(void);    /* by fs_init */

/* statfs; -ENOSYS where the filesystem has none. */
MUST_CHECK int filesystem_statistics(struct filesystem *filesystem,
                                     struct filesystem_statistics *statistics);
