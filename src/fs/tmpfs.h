#pragma once
/* tmpfs: files in memory.  What is in the page caches of its files is the truth. */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

/* An empty filesystem with a root directory of this mode, owned by root; holds at most `pages_max`
 * pages of file contents (0: half of the machine's memory) and half as many files as the machine
 * has pages, then -ENOSPC.  One reference. */
MUST_CHECK int tmpfs_create(uint32_t root_mode, uint64_t pages_max,
                            struct filesystem **filesystem);
/* Of one without files but its root: it never has more than these, else -ENOSPC.  Each further
 * name of a file counts as one, as Linux has it. */
void tmpfs_limit_files(struct filesystem *filesystem, uint64_t files_max);

/* memfd_create: a file of size 0 that no path leads to, opened for reading and writing, with these
 * seals (enum file_seal); the text of its path is "/memfd:NAME (deleted)".  One reference.
 * -ENOMEM, -ENFILE, -EINVAL (the name is longer than 249 bytes). */
MUST_CHECK int tmpfs_create_memory_file(const struct credentials *credentials, const char *name,
                                        uint32_t seals, struct file **file);
