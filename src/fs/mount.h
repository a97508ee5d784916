#pragma once
/*
 * Mounts: which filesystem appears where.
 *
 * Locking: the table is protected by one mutex of RANK_MOUNT.  References to mounts are counted; a
 * mount holds its filesystem, its parent and the name that it covers.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/refcount.h"

/* By fs_init. */
void mount_init(void);

struct mount {
    /* Constant after creation. */
    struct filesystem *filesystem;
    struct name *root;               /* its root directory */
    struct mount *parent;            /* NULL: the root of everything */
    struct name *covered;            /* the directory it is mounted on; NULL as well then */
    uint64_t id;
    bool read_only;

    struct refcount references;

    /* Protected by the table's lock. */
    struct list node;                /* all mounts, oldest first */
    bool attached;
};

/*
 * Mounts `filesystem` (which must have its root inode) on the directory `at`, or as the root of
 * all when `at` is NULL.  The mount takes a reference of its own to the filesystem; the table
 * holds one to the mount.  *mount comes with a reference for the caller, who releases it.
 * -ENOTDIR, -EBUSY, -ENOENT (removed directory), -ENOMEM.
 */
MUST_CHECK int mount_add(struct filesystem *filesystem, const struct path *at, bool read_only,
                         struct mount **mount);
/* A mount that is in no table: where the kernel keeps files without names.  One reference. */
MUST_CHECK int mount_create_hidden(struct filesystem *filesystem, struct mount **mount);
/* Takes it out of the table: -EBUSY while anything is in use on it, -EINVAL if it is not there. */
MUST_CHECK int mount_remove(struct mount *mount);

void mount_reference(struct mount *mount);
void mount_release(struct mount *mount);

/* Path of the root directory of the mount; no new references. */
static inline struct path mount_root(struct mount *mount)
{
    return (struct path){ .mount = mount, .name = mount->root };
}

/* Changes on it fail with -EROFS. */
static inline bool mount_is_read_only(const struct mount *mount)
{
    return mount && (mount->read_only || mount->filesystem->read_only);
}

/* For walks.  Moves *path to the root of what is mounted on it, as often as needed (true: it
 * moved); and from the root of a mount to the directory it covers (false: there is none, *path is
 * as it was).  References move along. */
bool mount_cross_down(struct path *path);
bool mount_cross_up(struct path *path);

/* For /proc/<pid>/mounts: calls for each mount, oldest first, with the table locked; `visit` may
 * call path_text for {mount->parent, mount->covered}. */
void mount_for_each(void (*visit)(struct mount *mount, void *context), void *context);
