/*
 * Inodes: lifetime, times, attributes in fields, permission by mode bits.
 *
 * Invariant: an inode that is found by anybody has at least one reference; destroy runs when the
 * last one is gone, so it needs no locks.
 */
#include "fs/inode.h"

#include "fs/directory_cache.h"
#include "fs/extended.h"
#include "fs/filesystem.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "memory/pool.h"
#include "time/clock.h"

#define NS_PER_DAY (INT64_C(86400) * 1000000000)

static struct pool inode_pool = POOL_INITIAL("inode", struct inode, 0);

static bool type_is_directory(uint32_t mode)
{
    return (mode & MODE_TYPE) == MODE_DIRECTORY;
}

int inode_create(struct filesystem *filesystem, const struct inode_kind *kind,
                 const struct inode_request *request, struct inode **result)
{
    struct inode *inode = pool_allocate(&inode_pool);
    bool is_directory = type_is_directory(request->mode);

    if (!inode)
        return -ENOMEM;
    inode->filesystem = filesystem;
    inode->operations = kind->operations;
    inode->file_operations = kind->file_operations;
    inode->number = 1 + atomic_fetch_add_explicit(&filesystem->last_inode_number, 1,
                                                  memory_order_relaxed);
    inode->device_id = request->device_id;
    refcount_init(&inode->references, 1);
    mutex_init(&inode->lock, is_directory ? RANK_DIRECTORY : RANK_INODE,
               is_directory ? "directory" : "inode");
    inode->mode = request->mode;
    inode->user_id = request->user_id;
    inode->group_id = request->group_id;
    inode->links = is_directory ? 2 : 1;
    inode->birth_ns = (int64_t)clock_real_ns();
    inode->access_ns = inode->birth_ns;
    inode->modify_ns = inode->birth_ns;
    inode->change_ns = inode->birth_ns;
    *result = inode;
    return 0;
}

void inode_reference(struct inode *inode)
{
    refcount_take(&inode->references);
}

void inode_release(struct inode *inode)
{
    if (!refcount_drop(&inode->references))
        return;
    if (inode->operations && inode->operations->destroy)
        inode->operations->destroy(inode);
    extended_destroy(inode);
    pool_free(&inode_pool, inode);
}

/* ---- Writers and programs ------------------------------------------------------------------ */

/* Moves the count away from 0 in this direction, unless it is on the other side. */
static int count_use(struct inode *inode, int32_t step)
{
    int32_t count = atomic_load_explicit(&inode->writers, memory_order_relaxed);

    do {
        if (step > 0 ? count < 0 : count > 0)
            return -ETXTBSY;
    } while (!atomic_compare_exchange_weak(&inode->writers, &count, count + step));
    return 0;
}

int inode_begin_writing(struct inode *inode)
{
    return count_use(inode, 1);
}

void inode_end_writing(struct inode *inode)
{
    int32_t before = atomic_fetch_sub(&inode->writers, 1);

    ASSERT(before > 0);
}

int inode_deny_writing(struct inode *inode)
{
    return count_use(inode, -1);
}

void inode_permit_writing(struct inode *inode)
{
    int32_t before = atomic_fetch_add(&inode->writers, 1);

    ASSERT(before < 0);
}

/* ---- Status and attributes ----------------------------------------------------------------- */

void inode_status_from_fields(struct inode *inode, struct file_status *status)
{
    mutex_lock(&inode->lock);
    *status = (struct file_status){
        .device = inode->filesystem->device,
        .inode = inode->number,
        .device_id = inode->device_id,
        .mode = inode->mode,
        .links = inode->links,
        .user_id = inode->user_id,
        .group_id = inode->group_id,
        .size = inode->size,
        .block_size = PAGE_SIZE,
        .access_ns = inode->access_ns,
        .modify_ns = inode->modify_ns,
        .change_ns = inode->change_ns,
        .birth_ns = inode->birth_ns,
    };
    mutex_unlock(&inode->lock);
}

int inode_status(struct inode *inode, struct file_status *status)
{
    if (inode->operations && inode->operations->status)
        return inode->operations->status(inode, status);
    inode_status_from_fields(inode, status);
    return 0;
}

int inode_set_fields(struct inode *inode, const struct attribute_request *request)
{
    ASSERT(mutex_is_held(&inode->lock));
    if (request->changes & CHANGE_SIZE)
        return -EINVAL;
    if (request->changes & CHANGE_MODE)
        inode->mode = (inode->mode & MODE_TYPE) | (request->mode & ~MODE_TYPE);
    if (request->changes & CHANGE_USER)
        inode->user_id = request->user_id;
    if (request->changes & CHANGE_GROUP)
        inode->group_id = request->group_id;
    if (request->changes & CHANGE_ACCESS_TIME)
        inode->access_ns = request->access_ns;
    if (request->changes & CHANGE_MODIFY_TIME)
        inode->modify_ns = request->modify_ns;
    inode_note_changed(inode);
    return 0;
}

void inode_note_modified(struct inode *inode)
{
    ASSERT(mutex_is_held(&inode->lock));
    inode->modify_ns = (int64_t)clock_real_ns();
    inode->change_ns = inode->modify_ns;
}

void inode_note_changed(struct inode *inode)
{
    ASSERT(mutex_is_held(&inode->lock));
    inode->change_ns = (int64_t)clock_real_ns();
}

void inode_note_accessed(struct inode *inode) LOCKS_UNCHECKED
{
    bool had_lock;
    int64_t now;

    if (inode->filesystem->read_only)
        return;
    had_lock = mutex_is_held(&inode->lock);
    now = (int64_t)clock_real_ns();
    if (!had_lock)
        mutex_lock(&inode->lock);
    if (inode->access_ns <= inode->modify_ns || inode->access_ns <= inode->change_ns ||
        now - inode->access_ns >= NS_PER_DAY)
        inode->access_ns = now;
    if (!had_lock)
        mutex_unlock(&inode->lock);
}

/* ---- Permission ---------------------------------------------------------------------------- */

bool credentials_in_group(const struct credentials *credentials, uint32_t group_id)
{
    if (credentials->file_group_id == group_id)
        return true;
    for (unsigned i = 0; i < credentials->group_count; i++) {
        if (credentials->groups[i] == group_id)
            return true;
    }
    return false;
}

bool credentials_own(const struct credentials *credentials, const struct inode *inode)
{
    return credentials->file_user_id == inode->user_id ||
           credentials_can(credentials, CAPABILITY_FILE_OWNER);
}

static bool is_permitted_by_capability(uint32_t mode, const struct credentials *credentials,
                                       uint32_t wanted)
{
    uint32_t looking = type_is_directory(mode) ? PERMISSION_READ | PERMISSION_EXECUTE
                                               : PERMISSION_READ;

    if ((wanted & ~looking) == 0 && credentials_can(credentials, CAPABILITY_FILE_SEARCH))
        return true;
    if ((wanted & PERMISSION_EXECUTE) && !type_is_directory(mode) && (mode & 0111) == 0)
        return false;
    return credentials_can(credentials, CAPABILITY_FILE_ACCESS);
}

int inode_permission_by_mode(struct inode *inode, const struct credentials *credentials,
                             uint32_t wanted)
{
    uint32_t mode = inode->mode;
    uint32_t bits = mode;

    if (credentials->file_user_id == inode->user_id)
        bits = mode >> 6;
    else if (credentials_in_group(credentials, inode->group_id))
        bits = mode >> 3;
    if ((wanted & ~bits & 7) == 0)
        return 0;
    return is_permitted_by_capability(mode, credentials, wanted) ? 0 : -EACCES;
}

/* Devices, FIFOs and sockets of a read-only filesystem may be written. */
static bool is_stored(const struct inode *inode)
{
    uint32_t type = inode_type(inode);

    return type == MODE_REGULAR || type == MODE_DIRECTORY || type == MODE_LINK;
}

int inode_permission(struct inode *inode, const struct credentials *credentials, uint32_t wanted)
{
    if ((wanted & PERMISSION_WRITE) && inode->filesystem->read_only && is_stored(inode))
        return -EROFS;
    if (inode->operations && inode->operations->access)
        return inode->operations->access(inode, credentials, wanted);
    return inode_permission_by_mode(inode, credentials, wanted);
}

/* ---- Directories --------------------------------------------------------------------------- */

static uint64_t parent_number(struct file *file)
{
    struct path path = file->path;
    struct name *parent;
    uint64_t number;

    path_reference(&path);
    while (path.name == path.mount->root && mount_cross_up(&path))
        continue;
    parent = name_parent(path.name);
    number = parent->inode->number;
    name_release(parent);
    path_release(&path);
    return number;
}

bool directory_read_dots(struct file *file, directory_sink sink, void *context)
{
    while (file->position < 2) {
        bool is_parent = file->position == 1;
        const struct directory_entry entry = {
            .name = is_parent ? ".." : ".",
            .length = is_parent ? 2 : 1,
            .inode = is_parent ? parent_number(file) : file->inode->number,
            .type = MODE_DIRECTORY >> 12,
            .next = (int64_t)file->position + 1,
        };

        if (sink(context, &entry))
            return false;
        file->position++;
    }
    return true;
}
