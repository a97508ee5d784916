/*
 * rename: two parents, up to two inodes, and the locks for all of them.
 *
 * Order of locks: the filesystem's rename_lock if the directories differ, then the directories,
 * an ancestor before what is below it, else by number; then what is renamed and what is replaced,
 * directories before others, else by number.  As directories move only under rename_lock, who is
 * whose ancestor cannot change in between.
 */
#include "fs/directory_cache.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "config.h"

#define KNOWN_FLAGS ((uint32_t)(RENAME_NO_REPLACE | RENAME_SWAP | RENAME_LEAVE_WHITEOUT))

/* Everything about one rename. */
struct renaming {
    const struct fs_context *context;
    uint32_t flags;
    struct path_parent old_parent, new_parent;
    struct name *old_name, *new_name;    /* NULL until they are looked up */
};

static struct inode *directory_of(const struct path_parent *parent)
{
    return path_inode(&parent->directory);
}

/* ---- Locks --------------------------------------------------------------------------------- */

static void lock_by_number(struct inode *a, struct inode *b) LOCKS_UNCHECKED
{
    struct inode *first = a->number < b->number ? a : b;
    struct inode *second = first == a ? b : a;

    mutex_lock_same_rank(&first->lock);
    mutex_lock_same_rank(&second->lock);
}

static void lock_directories(struct renaming *renaming) LOCKS_UNCHECKED
{
    struct name *old_name = renaming->old_parent.directory.name;
    struct name *new_name = renaming->new_parent.directory.name;

    if (old_name == new_name) {
        mutex_lock(&old_name->inode->lock);
        return;
    }
    mutex_lock(&old_name->filesystem->rename_lock);
    if (name_is_within(new_name, old_name)) {
        mutex_lock(&old_name->inode->lock);
        mutex_lock_same_rank(&new_name->inode->lock);
    } else if (name_is_within(old_name, new_name)) {
        mutex_lock(&new_name->inode->lock);
        mutex_lock_same_rank(&old_name->inode->lock);
    } else {
        lock_by_number(old_name->inode, new_name->inode);
    }
}

static void unlock_directories(struct renaming *renaming) LOCKS_UNCHECKED
{
    struct name *old_name = renaming->old_parent.directory.name;
    struct name *new_name = renaming->new_parent.directory.name;

    mutex_unlock(&old_name->inode->lock);
    if (old_name == new_name)
        return;
    mutex_unlock(&new_name->inode->lock);
    mutex_unlock(&old_name->filesystem->rename_lock);
}

/* The target may be NULL. */
static void lock_inodes(struct inode *inode, struct inode *target) LOCKS_UNCHECKED
{
    if (!target) {
        mutex_lock_same_rank(&inode->lock);
    } else if (inode_is_directory(inode) == inode_is_directory(target)) {
        lock_by_number(inode, target);
    } else {
        struct inode *directory = inode_is_directory(inode) ? inode : target;

        mutex_lock_same_rank(&directory->lock);
        mutex_lock_same_rank(directory == inode ? &target->lock : &inode->lock);
    }
}

static void unlock_inodes(struct inode *inode, struct inode *target) LOCKS_UNCHECKED
{
    mutex_unlock(&inode->lock);
    if (target)
        mutex_unlock(&target->lock);
}

/* ---- Checks -------------------------------------------------------------------------------- */

static int check_flags(uint32_t flags)
{
    if (flags & ~KNOWN_FLAGS)
        return -EINVAL;
    if ((flags & RENAME_SWAP) && (flags & (RENAME_NO_REPLACE | RENAME_LEAVE_WHITEOUT)))
        return -EINVAL;
    return 0;
}

static int check_parents(const struct renaming *renaming)
{
    const struct path_parent *old = &renaming->old_parent;
    const struct path_parent *new = &renaming->new_parent;

    if (old->directory.mount != new->directory.mount)
        return -EXDEV;
    if (old->last != LAST_ORDINARY)
        return -EBUSY;
    if (new->last != LAST_ORDINARY)
        return renaming->flags & RENAME_NO_REPLACE ? -EEXIST : -EBUSY;
    return mount_is_read_only(old->directory.mount) ? -EROFS : 0;
}

static int look_up(const struct path_parent *parent, struct name **name)
{
    if (parent->component.length > NAME_MAX)
        return -ENAMETOOLONG;
    return name_look_up(parent->directory.name, parent->component, name);
}

static int look_up_both(struct renaming *renaming)
{
    int error = look_up(&renaming->old_parent, &renaming->old_name);

    if (!error && !renaming->old_name->inode)
        error = -ENOENT;
    if (!error)
        error = look_up(&renaming->new_parent, &renaming->new_name);
    if (error)
        return error;
    if ((renaming->flags & RENAME_NO_REPLACE) && renaming->new_name->inode)
        return -EEXIST;
    if ((renaming->flags & RENAME_SWAP) && !renaming->new_name->inode)
        return -ENOENT;
    return 0;
}

/* Slashes behind names, and directories into themselves. */
static int check_shape(const struct renaming *renaming)
{
    bool exchange = (renaming->flags & RENAME_SWAP) != 0;
    bool old_slash = renaming->old_parent.slash_at_end;
    bool new_slash = renaming->new_parent.slash_at_end;

    if (exchange && !inode_is_directory(renaming->new_name->inode) && new_slash)
        return -ENOTDIR;
    if (!inode_is_directory(renaming->old_name->inode) && (old_slash || (!exchange && new_slash)))
        return -ENOTDIR;
    if (name_is_within(renaming->new_parent.directory.name, renaming->old_name))
        return -EINVAL;
    if (name_is_within(renaming->old_parent.directory.name, renaming->new_name))
        return exchange ? -EINVAL : -ENOTEMPTY;
    return 0;
}

/* A directory that moves gets another "..": that is a write to it. */
static int may_move(const struct renaming *renaming, struct inode *inode)
{
    bool same = renaming->old_parent.directory.name == renaming->new_parent.directory.name;

    if (same || !inode_is_directory(inode))
        return 0;
    return inode_permission(inode, &renaming->context->credentials, PERMISSION_WRITE);
}

static int check_permission(const struct renaming *renaming)
{
    struct inode *old_directory = directory_of(&renaming->old_parent);
    struct inode *new_directory = directory_of(&renaming->new_parent);
    struct inode *inode = renaming->old_name->inode;
    struct inode *target = renaming->new_name->inode;
    bool exchange = (renaming->flags & RENAME_SWAP) != 0;
    int error = names_may_delete(renaming->context, old_directory, inode,
                                 inode_is_directory(inode));

    if (!error && !target)
        error = names_may_create(renaming->context, new_directory);
    else if (!error)
        error = names_may_delete(renaming->context, new_directory, target,
                                 inode_is_directory(exchange ? target : inode));
    if (!error && !old_directory->operations->rename)
        error = -EPERM;
    if (!error)
        error = may_move(renaming, inode);
    if (!error && exchange)
        error = may_move(renaming, target);
    return error;
}

/* ---- Acting -------------------------------------------------------------------------------- */

/* An exchange is two moves. */
static void notify_moved(const struct rename_operation *operation)
{
    const struct rename_operation back = {
        .old_directory = operation->new_directory,
        .old_name = operation->new_name,
        .inode = operation->target,
        .new_directory = operation->old_directory,
        .new_name = operation->old_name,
    };

    notify_rename(operation);
    if (operation->flags & RENAME_SWAP)
        notify_rename(&back);
}

static int act(const struct renaming *renaming)
{
    struct inode *directory = directory_of(&renaming->old_parent);
    const struct rename_operation operation = {
        .old_directory = directory,
        .old_name = renaming->old_name->text,
        .inode = renaming->old_name->inode,
        .new_directory = directory_of(&renaming->new_parent),
        .new_name = renaming->new_name->text,
        .target = renaming->new_name->inode,
        .flags = renaming->flags,
        .whiteout = inode_request_in(renaming->context, directory, MODE_CHARACTER),
    };
    int error;

    if (renaming->old_name->mounts > 0 || renaming->new_name->mounts > 0)
        return -EBUSY;
    error = directory->operations->rename(&operation);
    if (!error)
        notify_moved(&operation);
    if (!error)
        name_move(renaming->old_name, renaming->new_name,
                  (renaming->flags & RENAME_SWAP) != 0);
    return error;
}

/* The directories are locked. */
static int rename_locked(struct renaming *renaming)
{
    struct inode *inode, *target;
    int error = look_up_both(renaming);

    if (!error)
        error = check_shape(renaming);
    if (error)
        return error;
    inode = renaming->old_name->inode;
    target = renaming->new_name->inode;
    if (inode == target)
        return 0;
    error = check_permission(renaming);
    if (error)
        return error;
    lock_inodes(inode, target);
    error = act(renaming);
    unlock_inodes(inode, target);
    return error;
}

static int rename_between(struct renaming *renaming)
{
    int error = check_parents(renaming);

    if (error)
        return error;
    lock_directories(renaming);
    error = rename_locked(renaming);
    unlock_directories(renaming);
    if (renaming->old_name)
        name_release(renaming->old_name);
    if (renaming->new_name)
        name_release(renaming->new_name);
    return error;
}

int fs_rename(const struct fs_context *context, const struct rename_request *request)
{
    struct renaming renaming = { .context = context, .flags = request->flags };
    int error = check_flags(request->flags);

    if (error)
        return error;
    error = path_walk_parent(context, request->old_start, request->old_text, 0,
                             &renaming.old_parent);
    if (error)
        return error;
    error = path_walk_parent(context, request->new_start, request->new_text, 0,
                             &renaming.new_parent);
    if (!error) {
        error = rename_between(&renaming);
        path_parent_release(&renaming.new_parent);
    }
    path_parent_release(&renaming.old_parent);
    return error;
}
