#pragma once
/*
 * Changes of the name space: what mkdir, mknod, rmdir, unlink, rename, link and symlink do, with
 * all of their checks in Linux's order.
 *
 * `start` and texts as for path_walk.  No lock is held.  Modes are the
 * caller's argument; the umask is applied here.
 */
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

MUST_CHECK int fs_make_directory(const struct fs_context *context, const struct path *start,
                                 const char *text, uint32_t mode);
/* mknod: regular (type 0 as well), character, block, FIFO, socket; -EPERM for directories. */
struct node_request {
    const struct path *start;
    const char *text;
    uint32_t mode;
    uint64_t device_id;
};
MUST_CHECK int fs_make_node(const struct fs_context *context, const struct node_request *request);
/* The same for the name that a socket is bound to; *made: the new file, with references. */
MUST_CHECK int fs_make_socket(const struct fs_context *context, const char *text,
                              uint32_t permissions, struct path *made);
MUST_CHECK int fs_symlink(const struct fs_context *context, const char *target,
                          const struct path *start, const char *text);
MUST_CHECK int fs_unlink(const struct fs_context *context, const struct path *start,
                         const char *text);
MUST_CHECK int fs_remove_directory(const struct fs_context *context, const struct path *start,
                                   const char *text);

struct rename_request {
    const struct path *old_start;
    const char *old_text;
    const struct path *new_start;
    const char *new_text;
    uint32_t flags;    /* enum rename_flags; others: -EINVAL */
};
MUST_CHECK int fs_rename(const struct fs_context *context, const struct rename_request *request);

/* The old file has been walked (with or without following, and from a descriptor for
 * AT_EMPTY_PATH) by the caller, who keeps it. */
MUST_CHECK int fs_link(const struct fs_context *context, const struct path *old,
                       const struct path *start, const char *text);

/* readlink of a walked path (without LOOKUP_FOLLOW): bytes put into `target`, not terminated, cut
 * at `size`; -EINVAL when it is no link. */
MUST_CHECK int64_t fs_read_link(const struct path *path, char *target, size_t size);
