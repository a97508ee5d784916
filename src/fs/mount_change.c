/*
 * Changes of the mount table: binds, moves, removals, a new root of everything.
 *
 * Whatever loses its last reference is released when the table's lock is free, because what goes
 * with it may sleep.
 */
#include "fs/directory_cache.h"
#include "fs/inode.h"
#include "fs/mount_internal.h"
#include "fs/path.h"

static bool is_root_of_mount(const struct path *path)
{
    return path->name == path->mount->root;
}

/* Is `path` where `top` is, or below?  Mounts stay where they are, but names may move. */
static bool is_below(const struct path *path, const struct path *top)
{
    struct mount *mount = path->mount;
    struct name *name = path->name;

    while (mount && mount != top->mount) {
        name = mount->covered;
        mount = mount->parent;
    }
    return mount && name_is_within(name, top->name);
}

/* ---- Removal ------------------------------------------------------------------------------- */

/* A mount that left the table, to be released later, and the path that it covered. */
void mount_leave_table(struct mount *mount, struct list *gone)
{
    ASSERT(mutex_is_held(&mount_table()->lock));
    list_remove(&mount->node);
    list_append(gone, &mount->node);
    mount->attached = false;
    mount_table()->count--;
}

void mount_release_gone(struct list *gone)
{
    while (!list_is_empty(gone)) {
        struct mount *mount = LIST_ENTRY(gone->next, struct mount, node);
        struct path covered;

        list_remove(&mount->node);
        mutex_lock(&mount_table()->lock);
        covered = mount_uncover(mount);
        mutex_unlock(&mount_table()->lock);
        path_release(&covered);
        mount_release(mount);
    }
}

/* The caller's reference and the table's. */
static bool is_busy(const struct mount *mount)
{
    return refcount_value(&mount->references) > 2;
}

int mount_remove(struct mount *mount)
{
    struct list gone;
    int error = 0;

    list_init(&gone);
    mutex_lock(&mount_table()->lock);
    if (!mount->attached)
        error = -EINVAL;
    else if (is_busy(mount))
        error = -EBUSY;
    else
        mount_leave_table(mount, &gone);
    mutex_unlock(&mount_table()->lock);
    mount_release_gone(&gone);
    return error;
}

int mount_expire(struct mount *mount)
{
    int error;

    mutex_lock(&mount_table()->lock);
    error = !mount->attached ? -EINVAL : is_busy(mount) ? -EBUSY : mount->was_idle ? 0 : -EAGAIN;
    if (error == -EAGAIN)
        mount->was_idle = true;
    mutex_unlock(&mount_table()->lock);
    return error ? error : mount_remove(mount);
}

/* With all that is mounted below: `gone`, which is empty before, grows while it is read. */
static void leave_with_all_below(struct mount *mount, struct list *gone)
    REQUIRES(&mount_table()->lock)
{
    ASSERT(mutex_is_held(&mount_table()->lock));
    mount_leave_table(mount, gone);
    LIST_FOR_EACH(node, gone) {
        LIST_FOR_EACH(child, &LIST_ENTRY(node, struct mount, node)->children) {
            struct mount *below = LIST_ENTRY(child, struct mount, sibling);

            if (below->attached)
                mount_leave_table(below, gone);
        }
    }
}

int mount_detach(struct mount *mount)
{
    struct list gone;
    int error = -EINVAL;

    list_init(&gone);
    mutex_lock(&mount_table()->lock);
    if (mount->attached && mount->parent) {
        error = 0;
        leave_with_all_below(mount, &gone);
    }
    mutex_unlock(&mount_table()->lock);
    mount_release_gone(&gone);
    return error;
}

/* ---- Binds --------------------------------------------------------------------------------- */

void mount_clear_copies(void)
{
    LIST_FOR_EACH(node, &mount_table()->mounts)
        LIST_ENTRY(node, struct mount, node)->copy = NULL;
}

int mount_create_like(const struct mount *mount, struct name *root, struct mount **copy)
{
    int error = mount_create(mount->filesystem, root, copy);

    if (error)
        return error;
    (*copy)->flags = mount->flags;
    if (!mount->source || mount_set_source(*copy, mount->source))
        return 0;
    mount_release(*copy);
    *copy = NULL;
    return -ENOMEM;
}

static int make_copy(const struct mount *mount, struct name *root, const struct path *at,
                     struct mount **result) REQUIRES(&mount_table()->lock)
{
    int error = mount_create_like(mount, root, result);

    return error ? error : mount_attach(*result, at);    /* the caller releases it in any case */
}

/* The next of those below `top`, each before what is below it, which is left out unless `deeper`.
 * NULL: there are no more. */
static struct mount *next_below(struct mount *mount, const struct mount *top, bool deeper)
{
    if (deeper && !list_is_empty(&mount->children))
        return LIST_ENTRY(list_first(&mount->children), struct mount, sibling);
    for (; mount != top; mount = mount->parent) {
        if (mount->sibling.next != &mount->parent->children)
            return LIST_ENTRY(mount->sibling.next, struct mount, sibling);
    }
    return NULL;
}

/* A copy is later than `last_id`: the bind is below its own source. */
static bool is_to_be_copied(const struct mount *mount, const struct path *source,
                            uint64_t last_id)
{
    return mount->attached && mount->id <= last_id &&
           (mount->parent != source->mount || name_is_within(mount->covered, source->name));
}

/* What is mounted below appears below the copy.  The originals were there before `last_id`. */
static int copy_below(const struct path *source, uint64_t last_id) REQUIRES(&mount_table()->lock)
{
    struct mount *mount = source->mount;
    bool is_copied = true;
    int error = 0;

    while (!error && (mount = next_below(mount, source->mount, is_copied))) {
        const struct path at = { mount->parent->copy, mount->covered };
        struct mount *copy = NULL;

        is_copied = is_to_be_copied(mount, source, last_id);
        if (!is_copied)
            continue;
        error = make_copy(mount, mount->root, &at, &copy);
        if (!error)
            mount->copy = copy;
        if (copy)
            mount_release(copy);    /* the table has one */
    }
    return error;
}

int mount_bind(const struct path *source, const struct path *at, bool recursive)
{
    struct mount *mount = NULL;
    struct list gone;
    uint64_t last_id;
    int error = -EINVAL;

    list_init(&gone);
    mutex_lock(&mount_table()->lock);
    last_id = mount_table()->last_id;
    if (source->mount->attached && at->mount->attached)
        error = make_copy(source->mount, source->name, at, &mount);
    if (!error && recursive) {
        source->mount->copy = mount;
        error = copy_below(source, last_id);
        mount_clear_copies();
    }
    if (error && mount && mount->attached)
        leave_with_all_below(mount, &gone);
    mutex_unlock(&mount_table()->lock);
    mount_release_gone(&gone);
    if (mount)
        mount_release(mount);
    return error;
}

/* ---- Moves --------------------------------------------------------------------------------- */

/* Takes a mount from its place to another; *before is where it was, to be released. */
static int move_to(struct mount *mount, const struct path *at, struct path *before)
    REQUIRES(&mount_table()->lock)
{
    struct path old = mount_uncover(mount);
    int error = mount_cover(mount, at);

    *before = old;
    if (!error)
        return 0;
    *before = (struct path){ NULL, NULL };    /* back where it was; that cannot fail */
    if (old.name)
        atomic_fetch_add(&old.name->mounts, 1);
    mount_put(mount, &old);
    return error;
}

int mount_move(const struct path *path, const struct path *at)
{
    const struct path top = mount_root(path->mount);
    struct path before = { NULL, NULL };
    int error = -EINVAL;

    mutex_lock(&mount_table()->lock);
    if (is_root_of_mount(path) && path->mount->attached && at->mount->attached &&
        path->mount->parent &&
        inode_is_directory(path_inode(path)) == inode_is_directory(path_inode(at)))
        error = is_below(at, &top) ? -ELOOP : move_to(path->mount, at, &before);
    mutex_unlock(&mount_table()->lock);
    path_release(&before);
    return error;
}

static int check_pivot(const struct path *root, const struct path *new_root,
                       const struct path *old_root)
{
    if (!new_root->mount->attached || !old_root->mount->attached || !root->mount->attached)
        return -EINVAL;
    if (name_is_removed(new_root->name))
        return -ENOENT;
    if (new_root->mount == root->mount || old_root->mount == root->mount)
        return -EBUSY;
    if (!is_root_of_mount(root) || !is_root_of_mount(new_root) || !new_root->mount->parent)
        return -EINVAL;
    return is_below(old_root, new_root) && is_below(new_root, root) ? 0 : -EINVAL;
}

/* The new root first leaves its place and takes that of the old one, which is then below it. */
static int pivot(const struct path *root, const struct path *new_root, const struct path *old_root,
                 struct path before[2]) REQUIRES(&mount_table()->lock)
{
    struct path above = mount_uncover(root->mount);
    int error;

    before[0] = mount_uncover(new_root->mount);
    if (above.mount) {    /* takes over the references, and the count of mounts there */
        atomic_fetch_add(&above.name->mounts, 1);
        mount_put(new_root->mount, &above);
    }
    error = mount_cover(root->mount, old_root);
    if (!error)
        return 0;
    before[1] = mount_uncover(new_root->mount);
    mount_put(root->mount, &before[1]);
    mount_put(new_root->mount, &before[0]);
    if (before[1].name)
        atomic_fetch_add(&before[1].name->mounts, 1);
    atomic_fetch_add(&before[0].name->mounts, 1);
    before[0] = before[1] = (struct path){ NULL, NULL };
    return error;
}

int mount_pivot(const struct path *root, const struct path *new_root, const struct path *old_root)
{
    struct path before[2] = { { NULL, NULL }, { NULL, NULL } };
    int error;

    mutex_lock(&mount_table()->lock);
    error = check_pivot(root, new_root, old_root);
    if (!error)
        error = pivot(root, new_root, old_root, before);
    mutex_unlock(&mount_table()->lock);
    path_release(&before[0]);
    path_release(&before[1]);
    return error;
}

/* ---- Flags --------------------------------------------------------------------------------- */

int mount_change_flags(const struct path *path, uint32_t flags)
{
    struct mount *mount = path->mount;
    int error = 0;

    mutex_lock(&mount_table()->lock);
    if (!is_root_of_mount(path) || !mount->attached)
        error = -EINVAL;
    else if (!(flags & MOUNT_READ_ONLY) && mount->filesystem->read_only)
        error = -EROFS;
    else if ((flags & MOUNT_READ_ONLY) && !(mount->flags & MOUNT_READ_ONLY) && mount->writers > 0)
        error = -EBUSY;
    else
        mount->flags = flags;
    mutex_unlock(&mount_table()->lock);
    return error;
}
