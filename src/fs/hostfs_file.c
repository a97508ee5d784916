/*
 * hostfs: one file: its status, rights and contents, as the host has them or as they were changed.
 *
 * Each answer is compared with what is cached of the file, as hostfs.c says.
 */
#include "fs/allocate.h"
#include "fs/file.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/page_account.h"
#include "lib/memory.h"
#include "machine/machine.h"
#include "time/clock.h"

#define YOUNG_NS INT64_C(20000000)    /* two ticks of a slow host clock */

/* ---- The host's contents -------------------------------------------------------------------- */

static int64_t read_host(struct page_cache *cache, void *target, size_t size, uint64_t offset)
{
    const struct host_node *node = cache->source;
    size_t done = 0;

    while (done < size) {
        int64_t part = node->host->read(node->number, (char *)target + done, size - done,
                                        offset + done);

        if (part < 0)
            return done > 0 ? (int64_t)done : part;
        if (part == 0)
            break;
        done += (size_t)part;
    }
    return (int64_t)done;
}

/* A file that ends before its size said was cut meanwhile: the cache learns its size here, the
 * inode when its status is next asked for. */
int hostfs_fill(struct page_cache *cache, uint64_t index, struct page *first, size_t count)
{
    uint64_t offset = index * PAGE_SIZE;
    size_t size = count * PAGE_SIZE;
    char *target = page_data(first);
    int64_t done = read_host(cache, target, size, offset);

    if (done < 0)
        return (int)done;
    memset(target + done, 0, size - (size_t)done);
    if (offset + (uint64_t)done < cache->size && (size_t)done < size)
        cache->size = offset + (uint64_t)done;
    return 0;
}

/* ---- Changes ------------------------------------------------------------------------------- */

static int charge(struct page_cache *cache, uint64_t pages)
{
    const struct host_node *node = cache->source;

    return page_account_charge(node->account, pages);
}

static void uncharge(struct page_cache *cache, uint64_t pages)
{
    const struct host_node *node = cache->source;

    page_account_uncharge(node->account, pages);
}

void hostfs_cache_destroy(struct page_cache *cache)
{
    hostfs_node_release(cache->source);
}

const struct page_cache_operations hostfs_own_contents = {
    .charge = charge,
    .uncharge = uncharge,
    .destroy = hostfs_cache_destroy,
};
const struct page_cache_operations hostfs_host_contents = {
    .fill = hostfs_fill,
    .destroy = hostfs_cache_destroy,
};

/* From here on the file's contents are in memory only.  The lock is held. */
static int own_contents(struct inode *inode) REQUIRES(&inode->lock)
{
    struct host_inode *host_inode = host_inode_of(inode);
    int error;

    if (host_inode->has_own_contents)
        return 0;
    error = page_cache_own(host_inode->cache, &hostfs_own_contents);
    if (error)
        return error;
    host_inode->has_own_contents = true;
    hostfs_mark_changed(inode);
    return 0;
}

int64_t hostfs_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct inode *inode = file->inode;
    struct page_cache *cache = host_inode_of(inode)->cache;
    int64_t done;

    ASSERT(mutex_is_held(&inode->lock));
    done = own_contents(inode);
    if (done == 0)
        done = page_cache_write(cache, buffer, position);
    if (done > 0) {
        inode->size = page_cache_size(cache);
        inode_note_modified(inode);
    }
    return done;
}

int hostfs_allocate(struct file *file, const struct allocation *allocation)
{
    struct inode *inode = file->inode;
    int error;

    ASSERT(mutex_is_held(&inode->lock));
    error = own_contents(inode);
    return error ? error
                 : page_cache_allocate_file(inode, host_inode_of(inode)->cache, allocation);
}

int64_t hostfs_seek(struct file *file, int64_t offset, int whence)
{
    return page_cache_seek(file, host_inode_of(file->inode)->cache, offset, whence);
}

/* ---- Status -------------------------------------------------------------------------------- */

void hostfs_note_rights(struct inode *inode, const struct hostfs_status *status)
{
    if (host_inode_of(inode)->is_changed)
        return;
    inode->mode = status->mode;
    inode->user_id = status->user_id;
    inode->group_id = status->group_id;
}

void hostfs_set_fields(struct inode *inode, const struct hostfs_status *status)
{
    hostfs_note_rights(inode, status);
    inode->links = status->links > 0 || hostfs_is_shared(inode) ? status->links : 1;
    inode->size = status->size;
    inode->access_ns = status->access_ns;
    inode->modify_ns = status->modify_ns;
    inode->change_ns = status->change_ns;
    inode->birth_ns = status->birth_ns;
}

bool hostfs_is_young(int64_t change_ns)
{
    return (int64_t)clock_real_ns() - change_ns < YOUNG_NS;
}

/* Pages of other contents go; the lock is held. */
static void check_contents(struct inode *inode, const struct hostfs_status *status)
{
    struct host_inode *host_inode = host_inode_of(inode);

    if (host_inode->was_young || inode->size != status->size ||
        host_inode->seen_modify_ns != status->modify_ns ||
        host_inode->seen_change_ns != status->change_ns)
        page_cache_invalidate(host_inode->cache, status->size);
    host_inode->was_young = hostfs_is_young(status->change_ns);
    host_inode->seen_modify_ns = status->modify_ns;
    host_inode->seen_change_ns = status->change_ns;
    inode->size = status->size;
}

/* Of a file that the host has. */
static int refresh(struct inode *inode, struct hostfs_status *status)
{
    struct host_inode *host_inode = host_inode_of(inode);
    struct host_node *node = host_inode->node;
    int error = node->host->status(node->number, status);

    if (error)
        return error;
    mutex_lock(&inode->lock);
    if (host_inode->cache && !host_inode->has_own_contents)
        check_contents(inode, status);
    if (!host_inode->is_changed)
        hostfs_set_fields(inode, status);
    mutex_unlock(&inode->lock);
    return 0;
}

/* Of what is not as the host has it. */
static void changed_status(struct inode *inode, struct file_status *result)
{
    struct host_inode *host_inode = host_inode_of(inode);

    inode_status_from_fields(inode, result);
    if (!host_inode->is_made)
        result->device = host_inode->host_device;
    if (host_inode->has_own_contents)
        result->blocks = page_cache_pages(host_inode->cache) * (PAGE_SIZE / 512);
    else if (inode_type(inode) == MODE_REGULAR)
        result->blocks = (result->size + 511) / 512;
}

int hostfs_status(struct inode *inode, struct file_status *result)
{
    struct hostfs_status status;
    int error = host_inode_of(inode)->is_made ? 0 : refresh(inode, &status);

    if (error)
        return error;
    if (host_inode_of(inode)->is_changed) {
        changed_status(inode, result);
        return 0;
    }
    *result = (struct file_status){
        .device = status.device,
        .inode = status.inode,
        .device_id = status.device_id,
        .mode = status.mode,
        .links = status.links,
        .user_id = status.user_id,
        .group_id = status.group_id,
        .size = status.size,
        .block_size = status.block_size,
        .blocks = status.blocks,
        .access_ns = status.access_ns,
        .modify_ns = status.modify_ns,
        .change_ns = status.change_ns,
        .birth_ns = status.birth_ns,
    };
    return 0;
}

int hostfs_set_attributes(struct inode *inode, const struct attribute_request *request)
{
    struct host_inode *host_inode = host_inode_of(inode);
    struct attribute_request others = *request;

    if (request->changes & CHANGE_SIZE) {
        int error;

        if (inode_type(inode) != MODE_REGULAR)
            return -EINVAL;
        if (request->size == 0 && !host_inode->has_own_contents)
            page_cache_invalidate(host_inode->cache, 0);    /* nothing of it is wanted */
        error = own_contents(inode);
        if (error)
            return error;
        page_cache_resize(host_inode->cache, request->size);
        if (inode->size != request->size)
            inode_note_modified(inode);
        inode->size = request->size;
    }
    hostfs_mark_changed(inode);
    others.changes &= ~(uint32_t)CHANGE_SIZE;
    return others.changes ? inode_set_fields(inode, &others) : 0;
}

/* The time of the directory's last change, or 0 if that is too young to tell changes apart.  The
 * time of its attributes' change, which unlike that of its contents cannot be set back. */
uint64_t hostfs_stamp(struct inode *directory)
{
    struct host_node *node = host_inode_of(directory)->node;
    struct hostfs_status status;

    if (!node)
        return 1;
    if (node->host->status(node->number, &status))
        return 0;
    hostfs_note_rights(directory, &status);
    return hostfs_is_young(status.change_ns) ? 0 : (uint64_t)status.change_ns;
}

/*
 * Bits that everybody has need no question to the host.  Otherwise the host knows best who may read
 * (lists of access rights, its own users); a guest that changed its user is held to the mode bits
 * as well.  Writing changes nothing there (unless it is shared):
 * the mode bits tell.  Directories are asked about so
 * often that their last known bits must do: the host checks again when a name in them is looked
 * up.
 */
static int host_access(struct inode *inode, const struct credentials *credentials,
                       uint32_t wanted)
{
    struct host_node *node = host_inode_of(inode)->node;
    uint32_t mode = inode->mode;
    uint32_t for_all = mode & (mode >> 3) & (mode >> 6) & 7;
    int error = 0;

    if ((wanted & ~for_all) == 0)
        return 0;
    if ((wanted & PERMISSION_WRITE) || credentials->file_user_id != machine_info()->user_id)
        error = inode_permission_by_mode(inode, credentials, wanted);
    if (!hostfs_is_shared(inode))
        wanted &= ~(uint32_t)PERMISSION_WRITE;
    return error || wanted == 0 ? error : node->host->access(node->number, wanted);
}

int hostfs_access(struct inode *inode, const struct credentials *credentials, uint32_t wanted)
{
    struct host_inode *host_inode = host_inode_of(inode);

    if (!host_inode->is_changed && !inode_is_directory(inode)) {
        struct host_node *node = host_inode->node;
        struct hostfs_status status;
        int error = node->host->status(node->number, &status);

        if (error)
            return error;
        hostfs_note_rights(inode, &status);
    }
    return host_inode->is_changed ? inode_permission_by_mode(inode, credentials, wanted)
                                  : host_access(inode, credentials, wanted);
}

/* ---- Contents ------------------------------------------------------------------------------ */

int64_t hostfs_read_link(struct inode *inode, char *target, size_t size)
{
    struct host_inode *host_inode = host_inode_of(inode);
    size_t length = (size_t)inode->size;

    if (!host_inode->is_made)
        return host_inode->node->host->read_link(host_inode->node->number, target, size);
    if (length > size)
        length = size;
    memcpy(target, host_inode->target, length);
    return (int64_t)length;
}

int hostfs_open(struct inode *inode, struct file *file)
{
    struct hostfs_status status;

    (void)file;
    if (inode_type(inode) != MODE_REGULAR && !inode_is_directory(inode))
        return -ENXIO;    /* the host's devices are not the guest's */
    return host_inode_of(inode)->is_made ? 0 : refresh(inode, &status);
}

int64_t hostfs_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    const struct host_inode *host_inode = host_inode_of(file->inode);
    struct page_cache *cache = host_inode->cache;
    int64_t done = page_cache_read(cache, buffer, position);
    struct hostfs_status status;

    if (done >= 0 && host_inode->is_changed && !(file_flags(file) & OPEN_NOATIME))
        inode_note_accessed(file->inode);
    if (done != 0 || buffer->remaining == 0 || host_inode->is_made)
        return done;
    /* The end: has the file grown meanwhile? */
    if (refresh(file->inode, &status) || status.size <= *position)
        return 0;
    return page_cache_read(cache, buffer, position);
}

int hostfs_sync(struct file *file)
{
    (void)file;
    return 0;
}

/* A mapping for writing is of a file that is open for it. */
int hostfs_memory_object(struct file *file, struct memory_object **object)
{
    struct inode *inode = file->inode;
    struct page_cache *cache = host_inode_of(inode)->cache;
    int error = 0;

    if (file_is_writable(file)) {
        mutex_lock(&inode->lock);
        error = own_contents(inode);
        mutex_unlock(&inode->lock);
    }
    if (error)
        return error;
    page_cache_reference(cache);
    *object = &cache->object;
    return 0;
}
