#pragma once
/* Opening files: every check and effect of open, openat and openat2, in Linux's order. */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

struct open_request {
    const struct path *start;    /* as for path_walk; NULL: the working directory */
    const char *path;
    uint32_t flags;              /* OPEN_; unknown bits are ignored, as open(2) does */
    uint32_t mode;               /* permissions of a new file; the umask is applied here */
    uint32_t resolve;            /* LOOKUP_NO_MOUNTS ... LOOKUP_IN_ROOT, or 0 */
};

/*
 * One reference for the caller.  OPEN_CLOSE_ON_EXEC is the descriptor's business and not kept in
 * file->flags; neither are CREATE, EXCLUSIVE, NO_TERMINAL and TRUNCATE.  Whether the file becomes
 * the controlling terminal is decided by the caller (OPEN_NO_TERMINAL).  Locks as for path_walk.
 */
MUST_CHECK int file_open(const struct fs_context *context, const struct open_request *request,
                         struct file **file);

/* The same for a path already walked (exec, magic links): no creation, no truncation.  The path
 * stays the caller's. */
MUST_CHECK int file_open_path(const struct fs_context *context, const struct path *path,
                              uint32_t flags, struct file **file);
/* To run it: the kernel reads what the caller may only execute. */
MUST_CHECK int file_open_program(const struct fs_context *context, const struct path *path,
                                 struct file **file);

/*
 * Device nodes of every filesystem (also those of mknod) are opened through this; devfs sets it,
 * once, at boot.  The file's inode says which device; permissions are checked.  It sets
 * file->operations and, where needed, is_stream and contents, as nobody else has seen the file
 * yet.  -ENXIO: no such device; after an error `release` is not called.
 */
typedef int (*device_opener)(struct file *file);
void file_set_device_opener(device_opener opener);
/* The same for FIFOs; ipc/ sets it.  May sleep until there is another end: -EINTR. */
void file_set_fifo_opener(device_opener opener);
