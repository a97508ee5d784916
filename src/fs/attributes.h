#pragma once
/*
 * Attributes of files: stat, access, chmod, chown, utimens, statfs.
 *
 * Paths have been walked by the caller (path_walk) and stay his.  No lock is
 * held.  Changes give -EROFS on read-only mounts and -EPERM for who is neither
 * owner nor root, in Linux's order.  For a descriptor pass file->path.mount (NULL for nameless
 * files) and file->inode.
 */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

MUST_CHECK int path_status(const struct path *path, struct file_status *status);
MUST_CHECK int file_get_status(struct file *file, struct file_status *status);

/* access, faccessat: `wanted` bits of enum permission, 0: existence.  The caller puts the real ids
 * into file_user_id and file_group_id of a copy of the context unless AT_EACCESS is given.
 * -EACCES, -EROFS. */
MUST_CHECK int path_access(const struct fs_context *context, const struct path *path,
                           uint32_t wanted);
/* For exec: a regular file that may be executed; -EACCES. */
MUST_CHECK int path_executable(const struct fs_context *context, const struct path *path);

struct attribute_target {
    struct mount *mount;    /* may be NULL */
    struct inode *inode;
    struct name *name;      /* what it was found by; NULL: not known */
};

MUST_CHECK int attributes_set_mode(const struct fs_context *context,
                                   const struct attribute_target *target, uint32_t mode);
/* UINT32_MAX leaves an id as it is. */
MUST_CHECK int attributes_set_owner(const struct fs_context *context,
                                    const struct attribute_target *target, uint32_t user_id,
                                    uint32_t group_id);

/* utimensat: one entry for each time. */
enum time_choice { TIME_NOW, TIME_OMIT, TIME_GIVEN };
struct time_change {
    enum time_choice access, modify;
    int64_t access_ns, modify_ns;
};
MUST_CHECK int attributes_set_times(const struct fs_context *context,
                                    const struct attribute_target *target,
                                    const struct time_change *change);

/* statfs; flags and id filled as Linux does (ST_VALID, ST_RDONLY). */
MUST_CHECK int path_statistics(const struct path *path,
                               struct filesystem_statistics *statistics);
MUST_CHECK int file_statistics(struct file *file, struct filesystem_statistics *statistics);
