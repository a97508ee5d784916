/* Attributes: who may see and change them, and what else changes with them. */
#include "fs/attributes.h"

#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "time/clock.h"

#define KEEP_ID UINT32_MAX
#define PERMISSION_BITS 07777u

/* statfs flags */
#define STATISTICS_READ_ONLY 0x0001u
#define STATISTICS_VALID 0x0020u
#define STATISTICS_RELATIVE_TIME 0x1000u

/* ---- Reading ------------------------------------------------------------------------------- */

static int status_on(const struct mount *mount, struct inode *inode, struct file_status *status)
{
    int error = inode_status(inode, status);

    if (!error)
        status->mount_id = mount ? mount->id : 0;
    return error;
}

int path_status(const struct path *path, struct file_status *status)
{
    return status_on(path->mount, path_inode(path), status);
}

int file_get_status(struct file *file, struct file_status *status)
{
    return status_on(file->path.mount, file->inode, status);
}

static int statistics_on(const struct mount *mount, struct filesystem *filesystem,
                         struct filesystem_statistics *statistics)
{
    int error = filesystem_statistics(filesystem, statistics);

    if (error)
        return error;
    statistics->flags |= STATISTICS_VALID | STATISTICS_RELATIVE_TIME;
    if (mount_is_read_only(mount) || filesystem->read_only)
        statistics->flags |= STATISTICS_READ_ONLY;
    return 0;
}

int path_statistics(const struct path *path, struct filesystem_statistics *statistics)
{
    return statistics_on(path->mount, path->mount->filesystem, statistics);
}

int file_statistics(struct file *file, struct filesystem_statistics *statistics)
{
    return statistics_on(file->path.mount, file->inode->filesystem, statistics);
}

int path_access(const struct fs_context *context, const struct path *path, uint32_t wanted)
{
    struct inode *inode = path_inode(path);
    uint32_t type = inode_type(inode);
    int error;

    if (wanted == 0)
        return 0;
    if ((wanted & PERMISSION_EXECUTE) && type == MODE_REGULAR &&
        (path->mount->flags & MOUNT_NO_PROGRAMS))
        return -EACCES;
    error = inode_permission(inode, &context->credentials, wanted);
    if (error || !(wanted & PERMISSION_WRITE))
        return error;
    if (type == MODE_CHARACTER || type == MODE_BLOCK || type == MODE_FIFO || type == MODE_SOCKET)
        return 0;
    return mount_is_read_only(path->mount) ? -EROFS : 0;
}

int path_executable(const struct fs_context *context, const struct path *path)
{
    struct inode *inode = path_inode(path);

    if (inode_type(inode) != MODE_REGULAR || (path->mount->flags & MOUNT_NO_PROGRAMS))
        return -EACCES;
    return inode_permission(inode, &context->credentials, PERMISSION_EXECUTE);
}

/* ---- Changing ------------------------------------------------------------------------------ */

static int may_change(const struct attribute_target *target)
{
    if (mount_is_read_only(target->mount) || target->inode->filesystem->read_only)
        return -EROFS;
    return 0;
}

static int apply(struct inode *inode, const struct attribute_request *request)
    REQUIRES(&inode->lock)
{
    ASSERT(mutex_is_held(&inode->lock));
    if (!inode->operations || !inode->operations->set_attributes)
        return -EPERM;
    return inode->operations->set_attributes(inode, request);
}

static int set_mode_locked(const struct credentials *credentials, struct inode *inode,
                           uint32_t mode) REQUIRES(&inode->lock)
{
    struct attribute_request request = { .changes = CHANGE_MODE, .mode = mode & PERMISSION_BITS };

    if (!credentials_own(credentials, inode))
        return -EPERM;
    if (!credentials_can(credentials, CAPABILITY_FILE_SET_ID) &&
        !credentials_in_group(credentials, inode->group_id))
        request.mode &= ~MODE_SET_GID;
    return apply(inode, &request);
}

int attributes_set_mode(const struct fs_context *context, const struct attribute_target *target,
                        uint32_t mode)
{
    struct inode *inode = target->inode;
    int error = may_change(target);

    if (error)
        return error;
    if (inode_type(inode) == MODE_LINK)
        return -EOPNOTSUPP;
    mutex_lock(&inode->lock);
    error = set_mode_locked(&context->credentials, inode, mode);
    mutex_unlock(&inode->lock);
    if (!error)
        notify_name(target->name, inode, NOTIFY_ATTRIBUTES);
    return error;
}

/* Who has the capability may give files away; an owner may choose among his groups. */
static bool may_change_owner(const struct credentials *credentials, const struct inode *inode,
                             uint32_t user_id, uint32_t group_id)
{
    bool owns = credentials->file_user_id == inode->user_id;

    if (credentials_can(credentials, CAPABILITY_CHOWN))
        return true;
    if (user_id != KEEP_ID && !(owns && user_id == inode->user_id))
        return false;
    if (group_id != KEEP_ID && !(owns && (group_id == inode->group_id ||
                                          credentials_in_group(credentials, group_id))))
        return false;
    return true;
}

/* A new owner does not inherit set-id bits: which of them go. */
static uint32_t set_id_bits_to_drop(const struct credentials *credentials,
                                    const struct inode *inode)
{
    uint32_t mode = inode->mode;
    uint32_t dropped = mode & MODE_SET_UID;
    bool trusted = credentials_can(credentials, CAPABILITY_FILE_SET_ID) ||
                   credentials_in_group(credentials, inode->group_id);

    if (inode_is_directory(inode))
        return 0;
    if ((mode & MODE_SET_GID) && ((mode & 0010) || !trusted))
        dropped |= MODE_SET_GID;
    return dropped;
}

static int set_owner_locked(const struct credentials *credentials, struct inode *inode,
                            uint32_t user_id, uint32_t group_id) REQUIRES(&inode->lock)
{
    uint32_t dropped = set_id_bits_to_drop(credentials, inode);
    struct attribute_request request = {
        .mode = (inode->mode & PERMISSION_BITS) & ~dropped,
        .user_id = user_id,
        .group_id = group_id,
    };

    if (!may_change_owner(credentials, inode, user_id, group_id) ||
        (dropped && !credentials_own(credentials, inode)))
        return -EPERM;
    if (user_id != KEEP_ID)
        request.changes |= CHANGE_USER;
    if (group_id != KEEP_ID)
        request.changes |= CHANGE_GROUP;
    if (dropped)
        request.changes |= CHANGE_MODE;
    return apply(inode, &request);
}

int attributes_set_owner(const struct fs_context *context, const struct attribute_target *target,
                         uint32_t user_id, uint32_t group_id)
{
    int error = may_change(target);

    if (error)
        return error;
    mutex_lock(&target->inode->lock);
    error = set_owner_locked(&context->credentials, target->inode, user_id, group_id);
    mutex_unlock(&target->inode->lock);
    if (!error)
        notify_name(target->name, target->inode, NOTIFY_ATTRIBUTES);
    return error;
}

static void choose_time(struct attribute_request *request, enum attribute_changes change,
                        enum time_choice choice, int64_t given_ns)
{
    int64_t ns = choice == TIME_GIVEN ? given_ns : (int64_t)clock_real_ns();

    if (choice == TIME_OMIT)
        return;
    request->changes |= (uint32_t)change;
    if (change == CHANGE_ACCESS_TIME)
        request->access_ns = ns;
    else
        request->modify_ns = ns;
}

/* "Now" for both may be said by whoever may write; anything else only by the owner. */
static int may_set_times(const struct credentials *credentials, struct inode *inode,
                         const struct time_change *change)
{
    if (credentials_own(credentials, inode))
        return 0;
    if (change->access != TIME_NOW || change->modify != TIME_NOW)
        return -EPERM;
    return inode_permission(inode, credentials, PERMISSION_WRITE);
}

/* One time alone is what reading or writing changes. */
static uint32_t event_of_times(uint32_t changes)
{
    if (!(changes & CHANGE_MODIFY_TIME))
        return NOTIFY_ACCESS;
    return changes & CHANGE_ACCESS_TIME ? NOTIFY_ATTRIBUTES : NOTIFY_MODIFY;
}

int attributes_set_times(const struct fs_context *context, const struct attribute_target *target,
                         const struct time_change *change)
{
    struct attribute_request request = { 0 };
    int error = may_change(target);

    if (!error)
        error = may_set_times(&context->credentials, target->inode, change);
    if (error)
        return error;
    choose_time(&request, CHANGE_ACCESS_TIME, change->access, change->access_ns);
    choose_time(&request, CHANGE_MODIFY_TIME, change->modify, change->modify_ns);
    if (!request.changes)
        return 0;
    mutex_lock(&target->inode->lock);
    error = apply(target->inode, &request);
    mutex_unlock(&target->inode->lock);
    if (!error)
        notify_name(target->name, target->inode, event_of_times(request.changes));
    return error;
}
