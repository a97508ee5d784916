/*
 * The mount table: a list, since there are few, under one mutex.
 *
 * Invariant: name->mounts counts the mounts that cover a name, so that walks look at the table
 * only where something is mounted.  A mount's parent and covered name never change, so going up
 * needs no lock.
 */
#include "fs/mount.h"

#include "fs/directory_cache.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/path.h"
#include "memory/pool.h"

static struct {
    struct mutex lock;    /* RANK_MOUNT */

    /* Protected by `lock`. */
    struct list mounts;
    uint64_t last_id;
} table;

static struct pool mount_pool = POOL_INITIAL("mount", struct mount, 0);

void mount_init(void)
{
    mutex_init(&table.lock, RANK_MOUNT, "mount table");
    list_init(&table.mounts);
}

void mount_reference(struct mount *mount)
{
    refcount_take(&mount->references);
}

void mount_release(struct mount *mount)
{
    while (mount && refcount_drop(&mount->references)) {
        struct mount *parent = mount->parent;

        ASSERT(!mount->attached);
        name_release(mount->root);
        if (mount->covered)
            name_release(mount->covered);
        filesystem_release(mount->filesystem);
        pool_free(&mount_pool, mount);
        mount = parent;
    }
}

/* The one root name that all mounts of a filesystem share, with a reference for the caller. */
static int root_name_of(struct filesystem *filesystem, struct name **name)
{
    int error;

    ASSERT(mutex_is_held(&table.lock));
    if (!filesystem->root_name) {
        error = name_create_root(filesystem, &filesystem->root_name);
        if (error)
            return error;
    }
    name_reference(filesystem->root_name);
    *name = filesystem->root_name;
    return 0;
}

/* Makes the directory a mount point, unless it was removed. */
static int cover(struct mount *mount, const struct path *at)
{
    struct inode *directory = path_inode(at);

    if (!inode_is_directory(directory))
        return -ENOTDIR;
    mutex_lock(&directory->lock);
    if (directory->links == 0 || name_is_removed(at->name)) {
        mutex_unlock(&directory->lock);
        return -ENOENT;
    }
    atomic_fetch_add(&at->name->mounts, 1);
    mutex_unlock(&directory->lock);

    mount_reference(at->mount);
    name_reference(at->name);
    mount->parent = at->mount;
    mount->covered = at->name;
    return 0;
}

static struct mount *mount_on(const struct path *at)
{
    LIST_FOR_EACH(node, &table.mounts) {
        struct mount *mount = LIST_ENTRY(node, struct mount, node);

        if (mount->covered == at->name && mount->parent == at->mount)
            return mount;
    }
    return NULL;
}

/* Not in the table yet; one reference, and one to the filesystem. */
static int create(struct filesystem *filesystem, struct mount **result)
{
    struct mount *mount = pool_allocate(&mount_pool);
    int error;

    ASSERT(filesystem->root);
    if (!mount)
        return -ENOMEM;
    error = root_name_of(filesystem, &mount->root);
    if (error) {
        pool_free(&mount_pool, mount);
        return error;
    }
    list_init(&mount->node);
    refcount_init(&mount->references, 1);
    mount->filesystem = filesystem;
    filesystem_reference(filesystem);
    *result = mount;
    return 0;
}

/* The table holds a reference of its own. */
static int attach(struct mount *mount, const struct path *at)
{
    int error;

    if (at && mount_on(at))
        return -EBUSY;
    error = at ? cover(mount, at) : 0;
    if (error)
        return error;
    mount_reference(mount);
    mount->id = ++table.last_id;
    mount->attached = true;
    list_append(&table.mounts, &mount->node);
    return 0;
}

int mount_add(struct filesystem *filesystem, const struct path *at, bool read_only,
              struct mount **result)
{
    struct mount *mount = NULL;
    int error;

    mutex_lock(&table.lock);
    error = create(filesystem, &mount);
    if (!error) {
        mount->read_only = read_only;
        error = attach(mount, at);
    }
    mutex_unlock(&table.lock);
    if (!error)
        *result = mount;
    else if (mount)
        mount_release(mount);
    return error;
}

int mount_create_hidden(struct filesystem *filesystem, struct mount **mount)
{
    int error;

    mutex_lock(&table.lock);
    error = create(filesystem, mount);
    mutex_unlock(&table.lock);
    return error;
}

int mount_remove(struct mount *mount)
{
    int error = 0;

    mutex_lock(&table.lock);
    if (!mount->attached) {
        error = -EINVAL;
    } else if (refcount_value(&mount->references) > 2) {
        error = -EBUSY;
    } else {
        list_remove(&mount->node);
        mount->attached = false;
        if (mount->covered)
            atomic_fetch_sub(&mount->covered->mounts, 1);
    }
    mutex_unlock(&table.lock);
    if (!error)
        mount_release(mount);
    return error;
}

bool mount_cross_down(struct path *path)
{
    bool moved = false;

    while (path->name->mounts > 0) {
        struct mount *mount;
        struct path below;

        mutex_lock(&table.lock);
        mount = mount_on(path);
        if (mount)
            mount_reference(mount);
        mutex_unlock(&table.lock);
        if (!mount)
            break;
        below = mount_root(mount);
        name_reference(below.name);
        path_release(path);
        *path = below;
        moved = true;
    }
    return moved;
}

bool mount_cross_up(struct path *path)
{
    struct path above = { .mount = path->mount->parent, .name = path->mount->covered };

    if (!above.mount)
        return false;
    ASSERT(path->name == path->mount->root);
    path_reference(&above);
    path_release(path);
    *path = above;
    return true;
}

void mount_for_each(void (*visit)(struct mount *mount, void *context), void *context)
{
    mutex_lock(&table.lock);
    LIST_FOR_EACH(node, &table.mounts)
        visit(LIST_ENTRY(node, struct mount, node), context);
    mutex_unlock(&table.lock);
}
