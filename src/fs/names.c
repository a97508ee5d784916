/*
 * Changes of the name space, but for rename (rename.c).
 *
 * All have one shape: walk to the parent, lock the directory, look the last component up, check,
 * let the filesystem act, tell the directory cache.
 */
#include "fs/names.h"

#include "config.h"
#include "fs/directory_cache.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "lib/text.h"

/* ---- What a new inode is ------------------------------------------------------------------- */

static uint32_t mode_in(const struct fs_context *context, const struct inode *directory,
                        uint32_t mode)
{
    const struct credentials *credentials = &context->credentials;

    if (!(directory->mode & MODE_SET_GID))
        return mode;
    if ((mode & MODE_TYPE) == MODE_DIRECTORY)
        return mode | MODE_SET_GID;
    if ((mode & MODE_SET_GID) && (mode & 0010) &&
        !credentials_can(credentials, CAPABILITY_FILE_SET_ID) &&
        !credentials_in_group(credentials, directory->group_id))
        return mode & ~MODE_SET_GID;
    return mode;
}

struct inode_request inode_request_in(const struct fs_context *context, struct inode *directory,
                                      uint32_t mode)
{
    bool inherits = (directory->mode & MODE_SET_GID) != 0;

    if ((mode & MODE_TYPE) != MODE_LINK)
        mode &= ~(context->umask & 0777u);
    return (struct inode_request){
        .mode = mode_in(context, directory, mode),
        .user_id = context->credentials.file_user_id,
        .group_id = inherits ? directory->group_id : context->credentials.file_group_id,
    };
}

/* ---- Adding a name ------------------------------------------------------------------------- */

int names_may_create(const struct fs_context *context, struct inode *directory)
{
    return inode_permission(directory, &context->credentials,
                            PERMISSION_WRITE | PERMISSION_EXECUTE);
}

int names_create(struct name *parent, struct name *name, const struct inode_request *request)
{
    struct inode *directory = parent->inode;
    struct inode *inode;
    int error;

    if (!directory->operations->create)
        return -EPERM;
    error = directory->operations->create(directory, name->text, request, &inode);
    if (error)
        return error;
    name_set_inode(name, inode);
    inode_release(inode);
    return 0;
}

/* A place where something is going to be created. */
struct place {
    struct path_parent parent;
    struct name *name;    /* absent; the directory is locked */
};

static struct inode *directory_of(const struct path_parent *parent)
{
    return path_inode(&parent->directory);
}

static int check_component(const struct path_parent *parent)
{
    return parent->component.length > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* The directory is locked.  Permission to create in it is checked by who creates. */
static int check_place(const struct place *place, bool is_directory)
{
    if (place->name->inode)
        return -EEXIST;
    if (place->parent.slash_at_end && !is_directory)
        return -ENOENT;
    if (mount_is_read_only(place->parent.directory.mount))
        return -EROFS;
    return 0;
}

static void leave_place(struct place *place) LOCKS_UNCHECKED
{
    mutex_unlock(&directory_of(&place->parent)->lock);
    if (place->name)
        name_release(place->name);
    path_parent_release(&place->parent);
}

static int enter_place(const struct fs_context *context, const struct path *start,
                       const char *text, bool is_directory, struct place *place) LOCKS_UNCHECKED
{
    int error = path_walk_parent(context, start, text, 0, &place->parent);

    if (error)
        return error;
    place->name = NULL;
    mutex_lock(&directory_of(&place->parent)->lock);
    error = place->parent.last == LAST_ORDINARY ? check_component(&place->parent) : -EEXIST;
    if (!error)
        error = name_look_up(place->parent.directory.name, place->parent.component,
                             &place->name);
    if (!error)
        error = check_place(place, is_directory);
    if (error)
        leave_place(place);
    return error;
}

static void notify_created(const struct place *place, uint32_t bits)
{
    notify_entry(directory_of(&place->parent), place->parent.component, NOTIFY_CREATE | bits, 0);
}

/* `made`, if it is not NULL: the new name, with references. */
static int create_at(const struct fs_context *context, const struct node_request *node,
                     struct path *made)
{
    uint32_t type = node->mode & MODE_TYPE;
    struct inode_request request;
    struct place place;
    int error = enter_place(context, node->start, node->text, type == MODE_DIRECTORY, &place);

    if (error)
        return error;
    request = inode_request_in(context, directory_of(&place.parent), node->mode);
    request.device_id = node->device_id;
    error = names_may_create(context, directory_of(&place.parent));
    if (!error && (type == MODE_CHARACTER || type == MODE_BLOCK) &&
        !credentials_can(&context->credentials, CAPABILITY_MAKE_NODES))
        error = -EPERM;
    if (!error)
        error = names_create(place.parent.directory.name, place.name, &request);
    if (!error)
        notify_created(&place, type == MODE_DIRECTORY ? NOTIFY_DIRECTORY : 0);
    if (!error && made) {
        *made = (struct path){ place.parent.directory.mount, place.name };
        path_reference(made);
    }
    leave_place(&place);
    return error;
}

int fs_make_directory(const struct fs_context *context, const struct path *start,
                      const char *text, uint32_t mode)
{
    const struct node_request node = {
        start, text, MODE_DIRECTORY | (mode & (0777u | MODE_STICKY)), 0,
    };

    return create_at(context, &node, NULL);
}

int fs_make_node(const struct fs_context *context, const struct node_request *request)
{
    struct node_request node = *request;

    node.mode &= MODE_TYPE | 07777u;
    node.device_id = 0;
    switch (node.mode & MODE_TYPE) {
    case 0:
        node.mode |= MODE_REGULAR;
        break;
    case MODE_REGULAR:
    case MODE_FIFO:
    case MODE_SOCKET:
        break;
    case MODE_CHARACTER:
    case MODE_BLOCK:
        node.device_id = request->device_id;
        break;
    case MODE_DIRECTORY:
        return -EPERM;
    default:
        return -EINVAL;
    }
    return create_at(context, &node, NULL);
}

int fs_make_socket(const struct fs_context *context, const char *text, uint32_t permissions,
                   struct path *made)
{
    const struct node_request node = {
        NULL, text, MODE_SOCKET | (permissions & 07777u), 0,
    };

    return create_at(context, &node, made);
}

static int symlink_in(const struct fs_context *context, const struct place *place,
                      const char *target)
{
    struct inode *directory = directory_of(&place->parent);
    struct inode_request request = inode_request_in(context, directory, MODE_LINK | 0777);
    struct inode *inode;
    int error = names_may_create(context, directory);

    if (error)
        return error;
    if (!directory->operations->symlink)
        return -EPERM;
    error = directory->operations->symlink(directory, place->name->text, target, &request,
                                           &inode);
    if (error)
        return error;
    name_set_inode(place->name, inode);
    inode_release(inode);
    return 0;
}

int fs_symlink(const struct fs_context *context, const char *target, const struct path *start,
               const char *text)
{
    struct place place;
    int error;

    if (target[0] == '\0')
        return -ENOENT;
    if (text_length_bounded(target, PATH_MAX) >= PATH_MAX)
        return -ENAMETOOLONG;
    error = enter_place(context, start, text, false, &place);
    if (error)
        return error;
    error = symlink_in(context, &place, target);
    if (!error)
        notify_created(&place, 0);
    leave_place(&place);
    return error;
}

/* The inode's lock is held, and the directory's. */
static int link_locked(const struct place *place, struct inode *inode)
{
    struct inode *directory = directory_of(&place->parent);
    int error;

    if (inode->links == 0 && !inode->is_temporary)
        return -ENOENT;
    error = directory->operations->link(directory, place->name->text, inode);
    if (!error)
        inode->is_temporary = false;
    return error;
}

/*
 * Linux's protected_hardlinks, which every distribution turns on: a file of somebody else gets no
 * further names from who could not write it, so that nobody keeps a set-id program from vanishing.
 */
static int may_link_to(const struct fs_context *context, struct inode *inode)
{
    const struct credentials *credentials = &context->credentials;
    uint32_t mode = inode->mode;
    uint32_t group_program = MODE_SET_GID | 0010;

    if (credentials_own(credentials, inode))
        return 0;
    if (inode_type(inode) != MODE_REGULAR || (mode & MODE_SET_UID) ||
        (mode & group_program) == group_program ||
        inode_permission(inode, credentials, PERMISSION_READ | PERMISSION_WRITE) != 0)
        return -EPERM;
    return 0;
}

static int link_in(const struct fs_context *context, const struct place *place,
                   const struct path *old)
{
    struct inode *inode = path_inode(old);
    int error;

    if (old->mount != place->parent.directory.mount ||
        inode->filesystem != directory_of(&place->parent)->filesystem)    /* a pipe */
        return -EXDEV;
    error = may_link_to(context, inode);
    if (error)
        return error;
    error = names_may_create(context, directory_of(&place->parent));
    if (error)
        return error;
    if (!directory_of(&place->parent)->operations->link || inode_is_directory(inode))
        return -EPERM;
    mutex_lock(&inode->lock);
    error = link_locked(place, inode);
    mutex_unlock(&inode->lock);
    if (!error) {
        name_set_inode(place->name, inode);
        notify_inode(inode, NOTIFY_ATTRIBUTES);
        notify_created(place, 0);
    }
    return error;
}

int fs_link(const struct fs_context *context, const struct path *old, const struct path *start,
            const char *text)
{
    struct place place;
    int error = enter_place(context, start, text, false, &place);

    if (error)
        return error;
    error = link_in(context, &place, old);
    leave_place(&place);
    return error;
}

/* ---- Removing a name ----------------------------------------------------------------------- */

/* In a sticky directory only the owners of the file and of the directory remove names. */
static bool is_sticky_against(const struct credentials *credentials,
                              const struct inode *directory, const struct inode *inode)
{
    return (directory->mode & MODE_STICKY) && credentials->file_user_id != directory->user_id &&
           !credentials_own(credentials, inode);
}

int names_may_delete(const struct fs_context *context, struct inode *directory,
                     const struct inode *inode, bool wants_directory)
{
    int error = names_may_create(context, directory);

    if (error)
        return error;
    if (is_sticky_against(&context->credentials, directory, inode))
        return -EPERM;
    if (wants_directory && !inode_is_directory(inode))
        return -ENOTDIR;
    if (!wants_directory && inode_is_directory(inode))
        return -EISDIR;
    return 0;
}

/* Directory and inode are locked. */
static int remove_locked(struct inode *directory, struct name *name, bool is_directory)
{
    const struct inode_operations *operations = directory->operations;
    int error;

    if (name->mounts > 0)
        return -EBUSY;
    error = is_directory ? operations->rmdir(directory, name->text, name->inode)
                         : operations->unlink(directory, name->text, name->inode);
    if (!error)
        name_remove(name);
    return error;
}

/* The directory is locked; the name may be absent. */
static int remove_name(const struct fs_context *context, const struct path_parent *parent,
                       struct name *name, bool is_directory)
{
    struct inode *directory = directory_of(parent);
    struct inode *inode = name->inode;
    int error;

    if (!inode)
        return -ENOENT;
    if (parent->slash_at_end && !is_directory)
        return inode_is_directory(inode) ? -EISDIR : -ENOTDIR;
    error = names_may_delete(context, directory, inode, is_directory);
    if (error)
        return error;
    if (is_directory ? !directory->operations->rmdir : !directory->operations->unlink)
        return -EPERM;
    if (is_directory)
        mutex_lock_same_rank(&inode->lock);
    else
        mutex_lock(&inode->lock);
    error = remove_locked(directory, name, is_directory);
    mutex_unlock(&inode->lock);
    return error;
}

static int remove_in(const struct fs_context *context, const struct path_parent *parent,
                     bool is_directory)
{
    struct inode *directory = directory_of(parent);
    struct name *name = NULL;
    int error = mount_is_read_only(parent->directory.mount) ? -EROFS : check_component(parent);

    if (error)
        return error;
    mutex_lock(&directory->lock);
    error = name_look_up(parent->directory.name, parent->component, &name);
    if (!error)
        error = remove_name(context, parent, name, is_directory);
    mutex_unlock(&directory->lock);
    if (!error && !is_directory)
        notify_inode(name->inode, NOTIFY_ATTRIBUTES);
    if (name)
        name_release(name);
    if (!error)
        notify_entry(directory, parent->component,
                     NOTIFY_DELETE | (is_directory ? NOTIFY_DIRECTORY : 0), 0);
    return error;
}

int fs_unlink(const struct fs_context *context, const struct path *start, const char *text)
{
    struct path_parent parent;
    int error = path_walk_parent(context, start, text, 0, &parent);

    if (error)
        return error;
    error = parent.last == LAST_ORDINARY ? remove_in(context, &parent, false) : -EISDIR;
    path_parent_release(&parent);
    return error;
}

static int remove_directory_in(const struct fs_context *context,
                               const struct path_parent *parent)
{
    switch (parent->last) {
    case LAST_ORDINARY:
        return remove_in(context, parent, true);
    case LAST_ROOT:
        return -EBUSY;
    case LAST_DOT:
        return -EINVAL;
    case LAST_DOT_DOT:
        return -ENOTEMPTY;
    }
    UNREACHABLE();
}

int fs_remove_directory(const struct fs_context *context, const struct path *start,
                        const char *text)
{
    struct path_parent parent;
    int error = path_walk_parent(context, start, text, 0, &parent);

    if (error)
        return error;
    error = remove_directory_in(context, &parent);
    path_parent_release(&parent);
    return error;
}

/* ---- Links --------------------------------------------------------------------------------- */

int64_t fs_read_link(const struct path *path, char *target, size_t size)
{
    struct inode *inode = path_inode(path);
    int64_t length;

    if (inode_type(inode) != MODE_LINK || !inode->operations->read_link)
        return -EINVAL;
    length = inode->operations->read_link(inode, target, size);
    if (length >= 0)
        inode_note_accessed(inode);
    return length;
}
