/*
 * The mount table: a list of all and a tree, under one mutex.  Moving mounts about is in
 * mount_change.c.
 *
 * Invariant: name->mounts counts the mounts that cover a name, so that walks look at the table
 * only where something is mounted.
 */
#include "fs/mount.h"

#include "config.h"
#include "fs/directory_cache.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/mount_internal.h"
#include "fs/path.h"
#include "lib/memory.h"
#include "lib/namespace.h"
#include "lib/text.h"
#include "memory/pool.h"

static struct mount_table the_table;

struct mount_table *mount_table(void)
{
    return &the_table;
}

static struct pool mount_pool = POOL_INITIAL("mount", struct mount, 0);

void mount_init(void)
{
    mutex_init(&mount_table()->lock, RANK_MOUNT, "mount table");
    spin_init(&mount_table()->places_lock, RANK_MOUNT_PLACES, "places of mounts");
    list_init(&mount_table()->mounts);
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
        if (mount->source)
            memory_free(mount->source, text_length(mount->source) + 1);
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
    REQUIRES(&mount_table()->lock)
{
    int error;

    ASSERT(mutex_is_held(&mount_table()->lock));
    if (!filesystem->root_name) {
        error = name_create_root(filesystem, &filesystem->root_name);
        if (error)
            return error;
    }
    name_reference(filesystem->root_name);
    *name = filesystem->root_name;
    return 0;
}

void mount_put(struct mount *mount, const struct path *at)
{
    ASSERT(mutex_is_held(&mount_table()->lock));
    if (list_is_linked(&mount->sibling))
        list_remove(&mount->sibling);
    if (at->mount)
        list_append(&at->mount->children, &mount->sibling);
    mount_places_lock();
    name_note_move();
    mount->parent = at->mount;
    mount->covered = at->name;
    mount_places_unlock();
}

/* Directories cover directories only, and what was removed cannot be covered. */
int mount_cover(struct mount *mount, const struct path *at)
{
    struct inode *directory = path_inode(at);

    ASSERT(mutex_is_held(&mount_table()->lock));
    if (inode_is_directory(directory) != inode_is_directory(mount->root->inode))
        return -ENOTDIR;
    mutex_lock(&directory->lock);
    if (directory->links == 0 || name_is_removed(at->name)) {
        mutex_unlock(&directory->lock);
        return -ENOENT;
    }
    atomic_fetch_add(&at->name->mounts, 1);
    mutex_unlock(&directory->lock);

    path_reference(at);
    mount_put(mount, at);
    return 0;
}

struct path mount_uncover(struct mount *mount)
{
    struct path at = { mount->parent, mount->covered };

    ASSERT(mutex_is_held(&mount_table()->lock));
    if (at.name)
        atomic_fetch_sub(&at.name->mounts, 1);
    mount_put(mount, &(struct path){ NULL, NULL });
    return at;
}

void mount_places_lock(void) ACQUIRES(&mount_table()->places_lock)
{
    spin_lock(&mount_table()->places_lock);
}

void mount_places_unlock(void) RELEASES(&mount_table()->places_lock)
{
    spin_unlock(&mount_table()->places_lock);
}

struct mount *mount_on(const struct path *at)
{
    LIST_FOR_EACH(node, &at->mount->children) {
        struct mount *mount = LIST_ENTRY(node, struct mount, sibling);

        if (mount->covered == at->name && mount->attached)
            return mount;
    }
    return NULL;
}

int mount_create(struct filesystem *filesystem, struct name *root, struct mount **result)
{
    struct mount *mount = pool_allocate(&mount_pool);
    int error = 0;

    ASSERT(filesystem->root);
    if (!mount)
        return -ENOMEM;
    if (root)
        name_reference(mount->root = root);
    else
        error = root_name_of(filesystem, &mount->root);
    if (error) {
        pool_free(&mount_pool, mount);
        return error;
    }
    list_init(&mount->node);
    list_init(&mount->children);
    list_init(&mount->sibling);
    refcount_init(&mount->references, 1);
    mount->filesystem = filesystem;
    filesystem_reference(filesystem);
    *result = mount;
    return 0;
}

int mount_attach(struct mount *mount, const struct path *at)
{
    int error = 0;

    ASSERT(mutex_is_held(&mount_table()->lock));
    if (mount_table()->count >= MOUNTS_MAX)
        return -ENOSPC;
    if (at)
        error = mount_cover(mount, at);
    if (error)
        return error;
    mount_table()->count++;
    mount_reference(mount);
    mount->id = ++mount_table()->last_id;
    mount->space = at ? (uint64_t)at->mount->space : NAMESPACE_OF_MOUNTS;
    mount->attached = true;
    list_append(&mount_table()->mounts, &mount->node);
    return 0;
}

bool mount_set_source(struct mount *mount, const char *source)
{
    mount->source = memory_allocate(text_length(source) + 1);
    if (mount->source)
        memcpy(mount->source, source, text_length(source));
    return mount->source != NULL;
}

/* Not once more on top of itself. */
static int attach_new(struct mount *mount, const struct mount_request *request)
    REQUIRES(&mount_table()->lock)
{
    const struct path *at = request->at;

    if (at && at->mount->filesystem == request->filesystem && at->name == mount->root)
        return -EBUSY;
    if (at && !at->mount->attached)
        return -EINVAL;
    if (request->source && !mount_set_source(mount, request->source))
        return -ENOMEM;
    mount->flags = request->flags;
    return mount_attach(mount, at);
}

int mount_add_as(const struct mount_request *request, struct mount **result)
{
    struct mount *mount = NULL;
    int error;

    mutex_lock(&mount_table()->lock);
    error = mount_create(request->filesystem, NULL, &mount);
    if (!error)
        error = attach_new(mount, request);
    mutex_unlock(&mount_table()->lock);
    if (!error)
        *result = mount;
    else if (mount)
        mount_release(mount);
    return error;
}

int mount_add(struct filesystem *filesystem, const struct path *at, uint32_t flags,
              struct mount **mount)
{
    return mount_add_as(&(struct mount_request){ filesystem, at, flags, NULL }, mount);
}

int mount_create_hidden(struct filesystem *filesystem, struct mount **mount)
{
    int error;

    mutex_lock(&mount_table()->lock);
    error = mount_create(filesystem, NULL, mount);
    mutex_unlock(&mount_table()->lock);
    return error;
}

bool mount_cross_down(struct path *path)
{
    bool moved = false;

    while (path->name->mounts > 0) {
        struct mount *mount;
        struct path below;

        mutex_lock(&mount_table()->lock);
        mount = mount_on(path);
        if (mount)
            mount_reference(mount);
        mutex_unlock(&mount_table()->lock);
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
    struct path above;

    ASSERT(path->name == path->mount->root);
    mount_places_lock();
    above = (struct path){ .mount = path->mount->parent, .name = path->mount->covered };
    path_reference(&above);
    mount_places_unlock();
    if (!above.mount)
        return false;
    path_release(path);
    *path = above;
    return true;
}

void mount_for_each(uint64_t space, void (*visit)(struct mount *mount, void *context),
                    void *context)
{
    mutex_lock(&mount_table()->lock);
    LIST_FOR_EACH(node, &mount_table()->mounts) {
        struct mount *mount = LIST_ENTRY(node, struct mount, node);

        if (mount->space == space)
            visit(mount, context);
    }
    mutex_unlock(&mount_table()->lock);
}
