/*
 * Mount namespaces: copies of the tree of mounts.
 *
 * A copy is made in two steps: first each mount gets a copy that is nowhere, which is all that can
 * run out of memory; then each copy is put where its original is, below the copy of its parent.
 *
 * Invariant: while the table's lock is free, no mount has a `copy`.
 */
#include "fs/directory_cache.h"
#include "fs/mount_internal.h"
#include "fs/path.h"

static struct mount *mount_of(struct list *node)
{
    return LIST_ENTRY(node, struct mount, node);
}

/* All but a namespace's root are below another mount. */
static bool is_root_of_space(const struct mount *mount, uint64_t space)
{
    return mount->space == space && !mount->parent;
}

static int create_copies(uint64_t from) REQUIRES(&mount_table()->lock)
{
    int error = 0;

    LIST_FOR_EACH(node, &mount_table()->mounts) {
        struct mount *mount = mount_of(node);

        if (!error && mount->space == from)
            error = mount_create_like(mount, mount->root, &mount->copy);
    }
    return error;
}

static void release_copies(void)
{
    LIST_FOR_EACH(node, &mount_table()->mounts) {
        if (mount_of(node)->copy)
            mount_release(mount_of(node)->copy);
    }
}

static int attach_copy(const struct mount *mount, uint64_t to) REQUIRES(&mount_table()->lock)
{
    const struct path at = { mount->parent ? mount->parent->copy : NULL, mount->covered };
    int error = mount_attach(mount->copy, mount->parent ? &at : NULL);

    if (!error)
        mount->copy->space = to;
    return error;
}

/* New ones are added behind those that were there. */
static int attach_copies(uint64_t from, uint64_t to) REQUIRES(&mount_table()->lock)
{
    int error = 0;

    LIST_FOR_EACH(node, &mount_table()->mounts) {
        if (!error && mount_of(node)->space == from)
            error = attach_copy(mount_of(node), to);
    }
    return error;
}

/* *before is what is to be released when the lock is free. */
static void translate(struct path *path, uint64_t from, struct path *before)
{
    struct mount *copy = path->mount && mount_is_in(path->mount, from) ? path->mount->copy : NULL;
    const struct path to = { copy, path->name };

    *before = (struct path){ NULL, NULL };
    if (!copy)
        return;
    path_reference(&to);
    *before = *path;
    *path = to;
}

int mount_space_copy(uint64_t from, uint64_t to, struct path paths[MOUNT_SPACE_PATHS])
{
    struct path before[MOUNT_SPACE_PATHS] = { { NULL, NULL } };
    int error;

    mutex_lock(&mount_table()->lock);
    error = create_copies(from);
    if (!error)
        error = attach_copies(from, to);
    for (size_t i = 0; i < MOUNT_SPACE_PATHS && !error; i++)
        translate(&paths[i], from, &before[i]);
    release_copies();    /* the table has a reference to each that is in it */
    mount_clear_copies();
    mutex_unlock(&mount_table()->lock);
    for (size_t i = 0; i < MOUNT_SPACE_PATHS; i++)
        path_release(&before[i]);
    if (error)
        mount_space_end(to);
    return error;
}

void mount_space_end(uint64_t space)
{
    struct list gone;

    list_init(&gone);
    mutex_lock(&mount_table()->lock);
    LIST_FOR_EACH_SAFE(node, next, &mount_table()->mounts) {
        if (mount_of(node)->space == space)
            mount_leave_table(mount_of(node), &gone);
    }
    mutex_unlock(&mount_table()->lock);
    mount_release_gone(&gone);
}

int mount_space_root(uint64_t space, struct path *root)
{
    int error = -EINVAL;

    mutex_lock(&mount_table()->lock);
    LIST_FOR_EACH(node, &mount_table()->mounts) {
        if (error && is_root_of_space(mount_of(node), space)) {
            *root = mount_root(mount_of(node));
            path_reference(root);
            error = 0;
        }
    }
    mutex_unlock(&mount_table()->lock);
    if (!error)
        (void)mount_cross_down(root);
    return error;
}
