#pragma once
/*
 * Mounts: which filesystem appears where.
 *
 * Locking: the table is protected by one mutex of RANK_MOUNT.  Where a mount is attached changes
 * under that and a spin lock of RANK_MOUNT_PLACES, so that either is enough to look.  References to
 * mounts are counted; a mount holds its filesystem, its root, its parent and the name that it
 * covers.
 *
 * A mount namespace is a number, and the mounts of the table that have it: a tree of its own, whose
 * root is what a program that is in it finds at "/".  What is mounted below a mount belongs to the
 * same one.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/refcount.h"

/* By fs_init. */
void mount_init(void);

enum mount_flags {
    MOUNT_READ_ONLY = 1 << 0,
    MOUNT_NO_SET_ID = 1 << 1,        /* set-id bits of programs mean nothing */
    MOUNT_NO_DEVICES = 1 << 2,
    MOUNT_NO_PROGRAMS = 1 << 3,
};

struct mount {
    /* Constant after creation. */
    struct filesystem *filesystem;
    struct name *root;               /* what of it is seen: its root directory, or less */
    uint64_t id;
    char *source;                    /* what mounts calls it; NULL: as the filesystem */

    _Atomic uint32_t flags;          /* enum mount_flags */
    _Atomic uint32_t writers;        /* files of it that are open for writing */
    _Atomic bool was_idle;           /* nothing was opened since umount2 asked with MNT_EXPIRE */

    struct refcount references;

    /* See above. */
    struct mount *parent;            /* NULL: the root of everything, or in no table */
    struct name *covered;            /* what it is mounted on; NULL as well then */
    bool attached;
    _Atomic uint64_t space;          /* its namespace; 0: it never was in the table */

    /* Protected by the table's lock. */
    struct list node;                /* all mounts, oldest first */
    struct list children;            /* whose parent it is, each with its ... */
    struct list sibling;
    struct mount *copy;              /* during a recursive bind */
};

/*
 * Mounts `filesystem` (which must have its root inode) on what `at` leads to, or as the root of
 * all when `at` is NULL.  The mount takes a reference of its own to the filesystem; the table
 * holds one to the mount.  *mount comes with a reference for the caller, who releases it.
 * -ENOTDIR, -EBUSY (it is there already), -ENOENT (removed directory), -ENOSPC (there are
 * MOUNTS_MAX), -ENOMEM.
 */
MUST_CHECK int mount_add(struct filesystem *filesystem, const struct path *at, uint32_t flags,
                         struct mount **mount);
struct mount_request {
    struct filesystem *filesystem;
    const struct path *at;
    uint32_t flags;        /* enum mount_flags */
    const char *source;    /* what mounts calls it; NULL: as the filesystem */
};
MUST_CHECK int mount_add_as(const struct mount_request *request, struct mount **mount);
/* What `source` leads to appears at `at` as well, with what is mounted below it if `recursive`.
 * -ENOTDIR (only one of them is a directory), -EINVAL (`source` is in no table), -ENOENT,
 * -ENOSPC. */
MUST_CHECK int mount_bind(const struct path *source, const struct path *at, bool recursive);
/* The mount whose root `path` is goes there.  -EINVAL (no root of a mount, or that of all; one is a
 * directory and the other is not), -ELOOP (into itself), -ENOENT. */
MUST_CHECK int mount_move(const struct path *path, const struct path *at);
/* -EINVAL: not the root of a mount.  -EBUSY: files are open for writing; -EROFS: the filesystem
 * cannot be written. */
MUST_CHECK int mount_change_flags(const struct path *path, uint32_t flags);
/* pivot_root: the mount of `new_root` becomes the root of everything, where `root` was, and that
 * one goes to `old_root`, which is below the new one.  -EBUSY, -EINVAL, -ENOENT as Linux. */
MUST_CHECK int mount_pivot(const struct path *root, const struct path *new_root,
                           const struct path *old_root);
/* Of one that nobody else knows yet; copies the text.  False: no memory. */
MUST_CHECK bool mount_set_source(struct mount *mount, const char *source);
/* A mount that is in no table: where the kernel keeps files without names.  One reference. */
MUST_CHECK int mount_create_hidden(struct filesystem *filesystem, struct mount **mount);
/* Takes it out of the table: -EBUSY while anything is in use on it, -EINVAL if it is not there. */
MUST_CHECK int mount_remove(struct mount *mount);
/* The same at once, with all that is mounted below; what is in use goes on without a place. */
MUST_CHECK int mount_detach(struct mount *mount);
/* As mount_remove, but only if it has not been used since the last call: else -EAGAIN. */
MUST_CHECK int mount_expire(struct mount *mount);

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
    return mount && ((mount->flags & MOUNT_READ_ONLY) || mount->filesystem->read_only);
}

/* For walks.  Moves *path to the root of what is mounted on it, as often as needed (true: it
 * moved); and from the root of a mount to the directory it covers (false: there is none, *path is
 * as it was).  References move along. */
bool mount_cross_down(struct path *path);
bool mount_cross_up(struct path *path);

/* For path_text: mounts stay where they are meanwhile. */
void mount_places_lock(void);
void mount_places_unlock(void);

/* ---- Namespaces ---------------------------------------------------------------------------- */

static inline bool mount_is_in(const struct mount *mount, uint64_t space)
{
    return mount->attached && mount->space == space;
}

/* A namespace with a copy of each mount of another one.  Those of these paths that are in the old
 * one are then at the same place of the new one.  -ENOMEM. */
#define MOUNT_SPACE_PATHS 2
MUST_CHECK int mount_space_copy(uint64_t from, uint64_t to,
                                struct path paths[MOUNT_SPACE_PATHS]);
/* Nobody is in it any more: its mounts go. */
void mount_space_end(uint64_t space);
/* What is at its "/".  -EINVAL: it has no mounts. */
MUST_CHECK int mount_space_root(uint64_t space, struct path *root);

/* For /proc/<pid>/mounts: calls for each mount of a namespace, oldest first, with the table locked;
 * `visit` may call path_text for {mount->parent, mount->covered}. */
void mount_for_each(uint64_t space, void (*visit)(struct mount *mount, void *context),
                    void *context);
