/*
 * Opening: flags, creation, permission, and the open file at the end.
 *
 * With OPEN_CREATE the last component is looked up and, if absent, created with the directory
 * locked, so of several who create exclusively one wins.  Without it the walk is path_walk's.
 */
#include "fs/open.h"

#include "config.h"
#include "fs/attributes.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "lib/format.h"

#define TEMPORARY_BIT (OPEN_TEMPORARY & ~OPEN_DIRECTORY)
/* What OPEN_PATH heeds, and what an open file does not remember. */
#define PATH_FLAGS (OPEN_PATH | OPEN_DIRECTORY | OPEN_NOFOLLOW)
#define FORGOTTEN_FLAGS (OPEN_CREATE | OPEN_EXCLUSIVE | OPEN_TRUNCATE | OPEN_CLOSE_ON_EXEC)

/* One open on its way. */
struct opening {
    const struct fs_context *context;
    uint32_t flags;
    uint32_t wanted;     /* enum permission, by the access mode */
    uint32_t lookup;     /* enum lookup_flags */
    uint32_t mode;       /* of a new file */
    struct path path;    /* what is opened, with references */
    bool created;
    struct file *file;   /* reserved before anything is created, so that nothing is in vain */
};

static device_opener open_device, open_fifo;

void file_set_device_opener(device_opener opener)
{
    ASSERT(!open_device);
    open_device = opener;
}

void file_set_fifo_opener(device_opener opener)
{
    ASSERT(!open_fifo);
    open_fifo = opener;
}

/* ---- Flags --------------------------------------------------------------------------------- */

static uint32_t wanted_by(uint32_t flags)
{
    static const uint32_t by_access_mode[4] = {
        PERMISSION_READ,
        PERMISSION_WRITE,
        PERMISSION_READ | PERMISSION_WRITE,
        PERMISSION_READ | PERMISSION_WRITE,
    };
    uint32_t wanted = by_access_mode[flags & OPEN_ACCESS_MODE];

    return flags & OPEN_TRUNCATE ? wanted | PERMISSION_WRITE : wanted;
}

static int decode(const struct open_request *request, struct opening *opening)
{
    uint32_t flags = request->flags & ~OPEN_CLOSE_ON_EXEC;

    if (flags & OPEN_PATH)
        flags &= PATH_FLAGS;
    if ((flags & (OPEN_DIRECTORY | OPEN_CREATE)) == (OPEN_DIRECTORY | OPEN_CREATE))
        return -EINVAL;
    opening->wanted = wanted_by(flags);
    if ((flags & TEMPORARY_BIT) &&
        (!(flags & OPEN_DIRECTORY) || !(wanted_by(flags & OPEN_ACCESS_MODE) & PERMISSION_WRITE)))
        return -EINVAL;
    if ((flags & OPEN_CREATE) && (flags & OPEN_EXCLUSIVE))
        opening->lookup = 0;
    else
        opening->lookup = flags & OPEN_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
    if (flags & OPEN_DIRECTORY)
        opening->lookup |= LOOKUP_DIRECTORY;
    opening->lookup |= request->resolve;
    opening->flags = flags;
    opening->mode = request->mode & 07777u;
    return 0;
}

/* ---- Permission ---------------------------------------------------------------------------- */

static bool is_special(const struct inode *inode)
{
    uint32_t type = inode_type(inode);

    return type == MODE_CHARACTER || type == MODE_BLOCK || type == MODE_FIFO ||
           type == MODE_SOCKET;
}

/* May what exists be opened this way? */
static int check_existing(const struct opening *opening)
{
    struct inode *inode = path_inode(&opening->path);
    const struct credentials *credentials = &opening->context->credentials;
    bool read_only = mount_is_read_only(opening->path.mount) && !is_special(inode);
    int error;

    if ((opening->flags & OPEN_TRUNCATE) && inode_type(inode) == MODE_REGULAR && read_only)
        return -EROFS;
    if (inode_type(inode) == MODE_LINK)
        return -ELOOP;
    if (inode_is_directory(inode) && (opening->wanted & PERMISSION_WRITE))
        return -EISDIR;
    error = inode_permission(inode, credentials, opening->wanted);
    if (error)
        return error;
    if ((opening->flags & OPEN_NOATIME) && !credentials_own(credentials, inode))
        return -EPERM;
    return (opening->wanted & PERMISSION_WRITE) && read_only ? -EROFS : 0;
}

/* ---- The open file ------------------------------------------------------------------------- */

static const struct file_operations path_operations = { 0 };

/* What else opening takes: the filesystem's or the device's part. */
static int open_further(struct inode *inode, struct file *file)
{
    uint32_t type = inode_type(inode);

    if (inode->operations->open)
        return inode->operations->open(inode, file);
    if ((type == MODE_CHARACTER || type == MODE_BLOCK) &&
        (file->path.mount->flags & MOUNT_NO_DEVICES))
        return -EACCES;
    if (type == MODE_CHARACTER || type == MODE_BLOCK)
        return open_device ? open_device(file) : -ENXIO;
    if (type == MODE_FIFO && open_fifo)
        return open_fifo(file);
    return is_special(inode) ? -ENXIO : 0;    /* sockets */
}

/* The reserved file opens opening->path, permissions checked.  Takes the file over. */
static int make_file(struct opening *opening)
{
    struct inode *inode = path_inode(&opening->path);
    const struct file_request request = {
        .operations = opening->flags & OPEN_PATH ? &path_operations : inode->file_operations,
        .inode = inode,
        .path = opening->path,
        .flags = opening->flags & ~FORGOTTEN_FLAGS,
        .opener_user_id = opening->context->credentials.file_user_id,
    };
    struct file *file = opening->file;
    int error = 0;

    opening->file = NULL;
    file_init(file, &request);
    file->path.mount->was_idle = false;
    if (file_is_writable(file) && inode_type(inode) == MODE_REGULAR) {
        error = inode_begin_writing(inode);
        file->counts_as_writer = !error;
        if (!error)
            atomic_fetch_add(&file->path.mount->writers, 1);
    }
    if (!error && !(opening->flags & OPEN_PATH)) {
        error = open_further(inode, file);
        atomic_fetch_and(&file->flags, ~OPEN_NO_TERMINAL);    /* only terminals want to know */
    }
    if (error) {
        file->operations = &path_operations;    /* nothing to release */
        file_release(file);
        return error;
    }
    opening->file = file;
    return 0;
}

static int truncate_if_asked(const struct opening *opening)
{
    const struct truncation truncation = {
        .size = 0,
        .size_limit = UINT64_MAX,
        .user_id = opening->context->credentials.file_user_id,
        .always_modifies = true,
    };
    struct inode *inode = path_inode(&opening->path);

    int error;

    if (!(opening->flags & OPEN_TRUNCATE) || opening->created ||
        inode_type(inode) != MODE_REGULAR)
        return 0;
    error = inode_begin_writing(inode);    /* once more: the file may be open for reading only */
    if (error)
        return error;
    error = inode_truncate(inode, &truncation);
    inode_end_writing(inode);
    if (!error)
        notify_name(opening->path.name, inode, NOTIFY_MODIFY);
    return error;
}

/* What cannot be opened this way although it exists. */
static int check_found(const struct opening *opening)
{
    if (opening->created || (opening->flags & OPEN_PATH))
        return 0;
    if (opening->flags & OPEN_CREATE) {
        if (opening->flags & OPEN_EXCLUSIVE)
            return -EEXIST;
        if (inode_is_directory(path_inode(&opening->path)))
            return -EISDIR;
    }
    return check_existing(opening);
}

/* opening->path is found or created: the rest. */
static int open_found(struct opening *opening)
{
    int error = check_found(opening);

    if (!error)
        error = make_file(opening);
    if (error)
        return error;
    if ((file_flags(opening->file) & OPEN_DIRECT) &&
        !inode_allows_direct(opening->file->inode))
        error = -EINVAL;
    if (!error) {
        notify_file(opening->file, NOTIFY_OPEN);
        error = truncate_if_asked(opening);
    }
    if (error) {
        file_release(opening->file);
        opening->file = NULL;
    }
    return error;
}

/* ---- Creation ------------------------------------------------------------------------------ */

static int create_absent(struct opening *opening, const struct path_parent *parent,
                         struct name *name)
{
    struct inode *directory = path_inode(&parent->directory);
    struct inode_request request;
    int error;

    if (mount_is_read_only(parent->directory.mount))
        return -EROFS;
    error = names_may_create(opening->context, directory);
    if (error)
        return error;
    request = inode_request_in(opening->context, directory, MODE_REGULAR | opening->mode);
    error = names_create(parent->directory.name, name, &request);
    opening->created = !error;
    if (!error)
        notify_entry(directory, parent->component, NOTIFY_CREATE, 0);
    return error == -EPERM ? -EACCES : error;
}

/* The name of the last component, created if it is absent; mounts on it are crossed. */
static int find_or_create(struct opening *opening, const struct path_parent *parent,
                          struct path *found)
{
    struct inode *directory = path_inode(&parent->directory);
    struct name *name;
    int error;

    if (parent->component.length > NAME_MAX)
        return -ENAMETOOLONG;
    mutex_lock(&directory->lock);
    error = name_look_up(parent->directory.name, parent->component, &name);
    if (!error && !name->inode) {
        error = create_absent(opening, parent, name);
        if (error)
            name_release(name);
    }
    mutex_unlock(&directory->lock);
    if (error)
        return error;
    *found = (struct path){ .mount = parent->directory.mount, .name = name };
    mount_reference(found->mount);
    if (mount_cross_down(found) && (opening->lookup & LOOKUP_NO_MOUNTS)) {
        path_release(found);
        return -EXDEV;
    }
    return 0;
}

/* The parent is the file itself: "." and the like, "/", or a magic link's target. */
static int take_directory(struct opening *opening, struct path_parent *parent)
{
    opening->path = parent->directory;
    parent->directory = (struct path){ NULL, NULL };
    return 0;
}

static int take_dot(struct opening *opening, const struct open_request *request)
{
    return path_walk(opening->context, request->start, request->path, opening->lookup,
                     &opening->path);
}

/* One round: *again when the last component was a link and the parent is now its target's. */
static int create_round(struct opening *opening, struct path_parent *parent, bool *again)
{
    struct path found;
    bool jumped;
    int error = parent->slash_at_end ? -EISDIR : find_or_create(opening, parent, &found);

    *again = false;
    if (error)
        return error;
    if (inode_type(path_inode(&found)) != MODE_LINK || !(opening->lookup & LOOKUP_FOLLOW)) {
        opening->path = found;
        return 0;
    }
    error = path_parent_follow(opening->context, parent, &found, &jumped);
    path_release(&found);
    if (!error && jumped)
        return take_directory(opening, parent);
    *again = !error;
    return error;
}

static int walk_and_create(struct opening *opening, const struct open_request *request)
{
    struct path_parent parent = { .last = LAST_ROOT };
    bool again = true;
    int error = path_walk_parent(opening->context, request->start, request->path,
                                 request->resolve, &parent);

    while (!error && again && parent.last == LAST_ORDINARY)
        error = create_round(opening, &parent, &again);
    if (!error && again)
        error = parent.last == LAST_ROOT ? take_directory(opening, &parent)
                                         : take_dot(opening, request);
    path_parent_release(&parent);
    return error;
}

/* A new inode without a name in the directory opening->path, which it replaces. */
static int make_temporary(struct opening *opening)
{
    struct inode *directory = path_inode(&opening->path);
    struct inode_request request;
    struct path path = { .mount = opening->path.mount, .name = NULL };
    struct inode *inode;
    char text[24];
    struct component component = { text, 0 };
    int error = inode_permission(directory, &opening->context->credentials,
                                 PERMISSION_WRITE | PERMISSION_EXECUTE);

    if (error)
        return error;
    if (!directory->operations->temporary)
        return -EOPNOTSUPP;
    request = inode_request_in(opening->context, directory, MODE_REGULAR | opening->mode);
    error = directory->operations->temporary(directory, &request, &inode);
    if (error)
        return error;
    inode->is_temporary = !(opening->flags & OPEN_EXCLUSIVE);
    component.length = (uint32_t)format(text, sizeof(text), "#%llu",
                                        (unsigned long long)inode->number);
    error = name_create_hidden(opening->path.name, component, inode, &path.name);
    inode_release(inode);
    if (error)
        return error;
    mount_reference(path.mount);
    path_release(&opening->path);
    opening->path = path;
    opening->created = true;
    return 0;
}

/* ---- Services ------------------------------------------------------------------------------ */

static int find_path(struct opening *opening, const struct open_request *request)
{
    int error;

    if (opening->flags & OPEN_CREATE)
        return walk_and_create(opening, request);
    error = path_walk(opening->context, request->start, request->path, opening->lookup,
                      &opening->path);
    if (error || !(opening->flags & TEMPORARY_BIT))
        return error;
    if (mount_is_read_only(opening->path.mount))
        return -EROFS;
    return make_temporary(opening);
}

/* Ends an opening: hands the file out, or gives up what was reserved for it. */
static int finish(struct opening *opening, int error, struct file **file)
{
    if (!error)
        *file = opening->file;
    else if (opening->file)
        file_unreserve(opening->file);
    return error;
}

int file_open(const struct fs_context *context, const struct open_request *request,
              struct file **file)
{
    struct opening opening = { .context = context };
    int error = decode(request, &opening);

    if (!error)
        error = file_reserve(&opening.file);
    if (error)
        return error;
    error = find_path(&opening, request);
    if (!error)
        error = open_found(&opening);
    path_release(&opening.path);
    return finish(&opening, error, file);
}

static int open_path(const struct fs_context *context, const struct path *path, uint32_t flags,
                     uint32_t wanted, struct file **file)
{
    struct opening opening = {
        .context = context,
        .flags = flags & ~(FORGOTTEN_FLAGS | TEMPORARY_BIT),
        .wanted = wanted,
        .path = *path,
    };
    int error = file_reserve(&opening.file);

    if (error)
        return error;
    return finish(&opening, open_found(&opening), file);
}

int file_open_path(const struct fs_context *context, const struct path *path, uint32_t flags,
                   struct file **file)
{
    return open_path(context, path, flags, wanted_by(flags & ~OPEN_TRUNCATE), file);
}

int file_open_program(const struct fs_context *context, const struct path *path,
                      struct file **file)
{
    return open_path(context, path, OPEN_READ, PERMISSION_EXECUTE, file);
}
