#pragma once
/* Open files that are no part of any filesystem's tree: "anon_inode:[signalfd]" and the like. */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

/*
 * A file without a name, one reference, open for reading and writing.  `description` is what
 * readlink of its descriptor shows, and stays.  `flags`: OPEN_NONBLOCK or 0.  If it fails,
 * `contents` is still the caller's; else operations->release gives it back.  -ENFILE, -ENOMEM.
 */
MUST_CHECK int anonymous_file_create(const struct file_operations *operations,
                                     const char *description, uint32_t flags, void *contents,
                                     struct file **file);

/* A name that no directory has, "socket:[7]", so that what is open through a descriptor can be
 * reached again (/proc/self/fd).  Only the name carries a reference.  -ENOMEM. */
MUST_CHECK int anonymous_path_create(const struct path *root, const char *description,
                                     struct inode *inode, struct path *path);

/* The operation `seek` of such files, as on Linux: they have no position, and it stays 0. */
int64_t anonymous_file_seek(struct file *file, int64_t offset, int whence);
