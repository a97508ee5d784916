#pragma once
/* What mount.c and mount_change.c share.  The table's lock is held in all of it. */
#include "fs/mount.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"

struct mount_table {
    struct mutex lock;              /* RANK_MOUNT */
    struct spinlock places_lock;    /* see mount.h */

    /* Protected by `lock`. */
    struct list mounts;
    uint32_t count;                 /* of them */
    uint64_t last_id;
};
struct mount_table *mount_table(void);

/* Not in the table yet; one reference, and one to the filesystem.  `root` NULL: the
 * filesystem's. */
MUST_CHECK int mount_create(struct filesystem *filesystem, struct name *root,
                            struct mount **mount) REQUIRES(&mount_table()->lock);
/* Puts it into the table, which has a reference of its own; `at` NULL: as the root of all. */
MUST_CHECK int mount_attach(struct mount *mount, const struct path *at)
    REQUIRES(&mount_table()->lock);
MUST_CHECK int mount_cover(struct mount *mount, const struct path *at)
    REQUIRES(&mount_table()->lock);
/* A mount like another one, of the same filesystem or a part of it, in no table.  -ENOMEM. */
MUST_CHECK int mount_create_like(const struct mount *mount, struct name *root,
                                 struct mount **copy) REQUIRES(&mount_table()->lock);
/* It leaves the table, for a list of those that are to be released when the lock is free. */
void mount_leave_table(struct mount *mount, struct list *gone) REQUIRES(&mount_table()->lock);
void mount_release_gone(struct list *gone);
/* After a copy of many. */
void mount_clear_copies(void);
/* Where it is from here on, or nowhere; the references of the path are the mount's then. */
void mount_put(struct mount *mount, const struct path *at) REQUIRES(&mount_table()->lock);
/* From here on it covers nothing.  The path is to be released when the lock is free. */
struct path mount_uncover(struct mount *mount) REQUIRES(&mount_table()->lock);
struct mount *mount_on(const struct path *at);
