#pragma once
/* The filesystems over the host's files (fs/hostfs.h), and saving what was changed of one. */
#include <stddef.h>

#include "fs/hostfs.h"
#include "fs/vfs.h"
#include "lib/error.h"

/* Of one of the host's roots.  One reference.  -ENODEV without operations; -ENOMEM, and what the
 * host says of its root. */
MUST_CHECK int hostfs_create(const struct hostfs_operations *host, size_t root,
                             struct filesystem **filesystem);

/* At the end of the run what programs changed in this filesystem is written to that root of the
 * host, which is an empty directory. */
void hostfs_save_at_end(struct filesystem *filesystem, size_t root);
/* The end has come: does it, if that was asked for.  Says in the log what could not be saved. */
void hostfs_save(void);
