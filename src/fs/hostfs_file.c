/*
 * hostfs: what is asked of the host about one file: status, rights, contents.
 *
 * Each answer is compared with what is cached of the file, as hostfs.c says.
 */
#include "fs/file.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "lib/memory.h"
#include "machine/machine.h"
#include "time/clock.h"

#define YOUNG_NS INT64_C(20000000)    /* two ticks of a slow host clock */

/* ---- Status -------------------------------------------------------------------------------- */

void hostfs_note_rights(struct inode *inode, const struct hostfs_status *status)
{
    inode->mode = status->mode;
    inode->user_id = status->user_id;
    inode->group_id = status->group_id;
}

void hostfs_set_fields(struct inode *inode, const struct hostfs_status *status)
{
    hostfs_note_rights(inode, status);
    inode->links = status->links > 0 ? status->links : 1;
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
        inode->modify_ns != status->modify_ns || inode->change_ns != status->change_ns)
        page_cache_invalidate(host_inode->cache, status->size);
    host_inode->was_young = hostfs_is_young(status->change_ns);
}

static int refresh(struct inode *inode, struct hostfs_status *status)
{
    struct host_node *node = host_inode_of(inode)->node;
    int error = node->host->status(node->number, status);

    if (error)
        return error;
    mutex_lock(&inode->lock);
    if (host_inode_of(inode)->cache)
        check_contents(inode, status);
    hostfs_set_fields(inode, status);
    mutex_unlock(&inode->lock);
    return 0;
}

int hostfs_status(struct inode *inode, struct file_status *result)
{
    struct hostfs_status status;
    int error = refresh(inode, &status);

    if (error)
        return error;
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

/* The time of the directory's last change, or 0 if that is too young to tell changes apart.  The
 * time of its attributes' change, which unlike that of its contents cannot be set back. */
uint64_t hostfs_stamp(struct inode *directory)
{
    struct host_node *node = host_inode_of(directory)->node;
    struct hostfs_status status;

    if (node->host->status(node->number, &status))
        return 0;
    hostfs_note_rights(directory, &status);
    return hostfs_is_young(status.change_ns) ? 0 : (uint64_t)status.change_ns;
}

/*
 * Bits that everybody has need no question to the host.  Otherwise the host knows best (lists of
 * access rights, its own users); a guest that changed its user is held to the mode bits as well.
 * Directories are asked about so often that their last known bits must do: the host checks
 * again when a name in them is looked up.
 */
int hostfs_access(struct inode *inode, const struct credentials *credentials, uint32_t wanted)
{
    struct host_node *node = host_inode_of(inode)->node;
    struct hostfs_status status;
    uint32_t mode, for_all;
    int error = 0;

    if (!inode_is_directory(inode)) {
        error = node->host->status(node->number, &status);
        if (error)
            return error;
        hostfs_note_rights(inode, &status);
    }
    mode = inode->mode;
    for_all = mode & (mode >> 3) & (mode >> 6) & 7;
    if ((wanted & ~for_all) == 0)
        return 0;
    if (credentials->file_user_id != machine_info()->user_id)
        error = inode_permission_by_mode(inode, credentials, wanted);
    return error ? error : node->host->access(node->number, wanted);
}

/* ---- Contents ------------------------------------------------------------------------------ */

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

int64_t hostfs_read_link(struct inode *inode, char *target, size_t size)
{
    struct host_node *node = host_inode_of(inode)->node;

    return node->host->read_link(node->number, target, size);
}

int hostfs_open(struct inode *inode, struct file *file)
{
    struct hostfs_status status;

    (void)file;
    if (inode_type(inode) != MODE_REGULAR && !inode_is_directory(inode))
        return -ENXIO;    /* the host's devices are not the guest's */
    return refresh(inode, &status);
}

int64_t hostfs_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct page_cache *cache = host_inode_of(file->inode)->cache;
    int64_t done = page_cache_read(cache, buffer, position);
    struct hostfs_status status;

    if (done != 0 || buffer->remaining == 0)
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

int hostfs_memory_object(struct inode *inode, struct memory_object **object)
{
    struct page_cache *cache = host_inode_of(inode)->cache;

    page_cache_reference(cache);
    *object = &cache->object;
    return 0;
}

/* What a reading of a directory hands from the host's sink to the file's. */
struct directory_reading {
    struct file *file;
    directory_sink sink;
    void *context;
};

static int pass_name(void *context, const struct hostfs_name *name)
{
    const struct directory_reading *reading = context;
    const struct directory_entry entry = {
        .name = name->name,
        .length = name->length,
        .inode = name->inode,
        .type = name->type,
        .next = name->next,
    };

    if (reading->sink(reading->context, &entry))
        return 1;
    reading->file->position = (uint64_t)name->next;
    return 0;
}

int hostfs_read_directory(struct file *file, directory_sink sink, void *context)
{
    struct host_node *node = host_inode_of(file->inode)->node;
    struct directory_reading reading = { file, sink, context };

    return node->host->read_directory(node->number, (int64_t)file->position, pass_name, &reading);
}
