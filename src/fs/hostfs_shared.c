/*
 * hostfs: roots of the host that are shared: whatever programs change is changed there at once.
 *
 * The host's answer decides; what is kept of a file here is only a copy, which follows.  Names are
 * single components of directories that the host opened, so nothing outside can be reached, whoever
 * changes the tree meanwhile.
 *
 * Contents: a write goes to the host first and then into the pages that are cached.  What is
 * written through mappings stays in the page cache and is written back at msync and fsync, and when
 * a mapping goes.
 */
#include "fs/file.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "memory/pool.h"

#define CHUNK_ORDER 4u    /* pages that one write of the host takes: 64 KiB */

_Static_assert((int)HOSTFS_CHANGE_MODE == CHANGE_MODE && (int)HOSTFS_CHANGE_USER == CHANGE_USER &&
               (int)HOSTFS_CHANGE_GROUP == CHANGE_GROUP && (int)HOSTFS_CHANGE_SIZE == CHANGE_SIZE &&
               (int)HOSTFS_CHANGE_ACCESS_TIME == CHANGE_ACCESS_TIME &&
               (int)HOSTFS_CHANGE_MODIFY_TIME == CHANGE_MODIFY_TIME, "the same bits");

static const struct host_node *node_of(const struct inode *inode)
{
    return host_inode_of(inode)->node;
}

/* After a change: the fields become what the host has.  If it does not say, the next one who asks
 * learns it.  The lock is held, or the inode is new. */
static void follow_host(struct inode *inode)
{
    const struct host_node *node = node_of(inode);
    struct hostfs_status status;
    uint64_t size = inode->size;

    if (node->host->status(node->number, &status) != 0)
        return;
    hostfs_set_fields(inode, &status);
    inode->size = size;    /* goes with what is cached */
}

/* ---- Names --------------------------------------------------------------------------------- */

static int make(struct inode *directory, const char *name, const struct hostfs_new *what,
                struct inode **inode)
{
    const struct host_node *node = node_of(directory);
    const struct inode_request request = { .mode = what->target ? MODE_LINK : what->mode };
    struct inode *prepared;
    uint64_t number;
    int error = hostfs_prepare(directory->filesystem, &request, &prepared);

    if (error)
        return error;
    error = node->host->create(node->number, name, what, &number);
    if (error) {
        inode_release(prepared);
        return error;
    }
    follow_host(directory);
    return hostfs_complete(prepared, number, inode);
}

int hostfs_shared_create(struct inode *directory, const char *name,
                         const struct inode_request *request, struct inode **inode)
{
    const struct hostfs_new what = {
        .mode = request->mode, .user_id = request->user_id, .group_id = request->group_id,
    };

    return make(directory, name, &what, inode);
}

int hostfs_shared_symlink(struct inode *directory, const char *name, const char *target,
                          const struct inode_request *request, struct inode **inode)
{
    const struct hostfs_new what = {
        .mode = request->mode, .user_id = request->user_id, .group_id = request->group_id,
        .target = target,
    };

    return make(directory, name, &what, inode);
}

int hostfs_shared_temporary(struct inode *directory, const struct inode_request *request,
                            struct inode **inode)
{
    return hostfs_shared_create(directory, NULL, request, inode);
}

int hostfs_shared_link(struct inode *directory, const char *name, struct inode *inode)
{
    const struct host_node *node = node_of(directory);
    int error = node->host->link(node_of(inode)->number, node->number, name);

    if (error)
        return error;
    follow_host(directory);
    follow_host(inode);
    return 0;
}

static int remove_name(struct inode *directory, const char *name, struct inode *inode)
{
    const struct host_node *node = node_of(directory);
    bool is_directory = inode_is_directory(inode);
    int error = node->host->remove(node->number, name, is_directory);

    if (error)
        return error;
    follow_host(directory);
    follow_host(inode);
    if (is_directory)
        inode->links = 0;    /* not all hosts count them */
    return 0;
}

int hostfs_shared_unlink(struct inode *directory, const char *name, struct inode *inode)
{
    return remove_name(directory, name, inode);
}

int hostfs_shared_remove_directory(struct inode *directory, const char *name, struct inode *inode)
{
    return remove_name(directory, name, inode);
}

int hostfs_shared_rename(const struct rename_operation *rename)
{
    const struct hostfs_rename names = {
        .old_directory = node_of(rename->old_directory)->number,
        .new_directory = node_of(rename->new_directory)->number,
        .old_name = rename->old_name,
        .new_name = rename->new_name,
        .flags = rename->flags,
    };
    int error;

    if (rename->flags & RENAME_LEAVE_WHITEOUT)
        return -EINVAL;    /* no device nodes of the host are made */
    error = node_of(rename->inode)->host->rename(&names);
    if (error)
        return error;
    follow_host(rename->old_directory);
    follow_host(rename->new_directory);
    follow_host(rename->inode);
    if (!rename->target)
        return 0;
    follow_host(rename->target);
    if (inode_is_directory(rename->target) && !(rename->flags & RENAME_SWAP))
        rename->target->links = 0;
    return 0;
}

/* ---- Attributes ---------------------------------------------------------------------------- */

/* Pages go before the file ends earlier, so that none is written back beyond the new end. */
static void resize_before(struct inode *inode, uint64_t size)
{
    struct page_cache *cache = host_inode_of(inode)->cache;

    if (size < page_cache_size(cache))
        page_cache_resize(cache, size);
}

static void resize_after(struct inode *inode, uint64_t size, int error)
{
    struct page_cache *cache = host_inode_of(inode)->cache;

    if (error)
        page_cache_invalidate(cache, inode->size);
    else
        page_cache_resize(cache, size);
    inode->size = error ? inode->size : size;
}

int hostfs_shared_set_attributes(struct inode *inode, const struct attribute_request *request)
{
    const struct host_node *node = node_of(inode);
    bool has_size = (request->changes & CHANGE_SIZE) != 0;
    struct hostfs_attributes attributes = {
        .changes = request->changes, .mode = request->mode, .user_id = request->user_id,
        .group_id = request->group_id, .size = request->size, .access_ns = request->access_ns,
        .modify_ns = request->modify_ns,
    };
    int error;

    if (has_size && inode_type(inode) != MODE_REGULAR)
        return -EINVAL;
    if (has_size) {
        attributes.changes &= ~(uint32_t)HOSTFS_CHANGE_MODIFY_TIME;    /* comes by itself */
        resize_before(inode, request->size);
    }
    error = node->host->change(node->number, &attributes);
    if (has_size)
        resize_after(inode, request->size, error);
    follow_host(inode);
    return error;
}

/* ---- Contents ------------------------------------------------------------------------------ */

static int64_t write_host(const struct host_node *node, const void *bytes, size_t size,
                          uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        int64_t part = node->host->write(node->number, (const char *)bytes + done, size - done,
                                         offset + done);

        if (part <= 0)
            return done > 0 ? (int64_t)done : part == 0 ? -EIO : part;
        done += (size_t)part;
    }
    return (int64_t)done;
}

static int write_back(struct page_cache *cache, uint64_t index, const struct page *page,
                      size_t size)
{
    int64_t done = write_host(cache->source, page_data(page), size, index * PAGE_SIZE);

    if (done < 0)
        return (int)done;
    return (size_t)done < size ? -EIO : 0;
}

const struct page_cache_operations hostfs_shared_contents = {
    .fill = hostfs_fill,
    .write_back = write_back,
    .destroy = hostfs_cache_destroy,
};

/* One chunk of the buffer, by way of `bytes`.  0: nothing more can be had from there. */
static int64_t write_chunk(struct inode *inode, struct io_buffer *buffer, uint64_t position,
                           char *bytes, size_t size)
{
    int64_t count = io_buffer_get(buffer, bytes, size);
    int64_t done;

    if (count <= 0)
        return count;
    done = write_host(node_of(inode), bytes, (size_t)count, position);
    if (done <= 0)
        return done;
    page_cache_note_written(host_inode_of(inode)->cache, bytes, (size_t)done, position);
    inode->size = page_cache_size(host_inode_of(inode)->cache);
    return done;
}

/* With O_APPEND the end is where the host has it now. */
static void find_end(struct inode *inode, uint64_t *position)
{
    const struct host_node *node = node_of(inode);
    struct hostfs_status status;

    if (node->host->status(node->number, &status) == 0)
        *position = status.size;
}

int64_t hostfs_shared_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct inode *inode = file->inode;
    unsigned order = CHUNK_ORDER;
    struct page *pages = page_allocate_run(order, PAGE_DIRTY);
    int64_t done = 0, part;

    if (!pages)
        pages = page_allocate_run(order = 0, PAGE_DIRTY);
    if (!pages)
        return -ENOMEM;
    if ((file_flags(file) & OPEN_APPEND) || buffer->appends)
        find_end(inode, position);
    do {
        size_t planned = PAGE_SIZE << order;

        if (planned > buffer->remaining)
            planned = buffer->remaining;
        part = planned ? write_chunk(inode, buffer, *position, page_data(pages), planned) : 0;
        if (part > 0) {
            done += part;
            *position += (uint64_t)part;
        }
        if (part < (int64_t)planned)
            break;
    } while (buffer->remaining > 0);
    page_release_run(pages, (size_t)1 << order);
    ASSERT(mutex_is_held(&inode->lock));
    if (done > 0)
        inode_note_modified(inode);
    return done > 0 ? done : part;
}

int hostfs_shared_sync(struct file *file)
{
    const struct host_node *node = node_of(file->inode);
    int error = page_cache_write_back(host_inode_of(file->inode)->cache);
    int second = node->host->sync(node->number);

    return error ? error : second;
}

int hostfs_shared_memory_object(struct file *file, struct memory_object **object)
{
    struct page_cache *cache = host_inode_of(file->inode)->cache;

    page_cache_reference(cache);
    *object = &cache->object;
    return 0;
}

/* Nobody is left to tell of an error. */
void hostfs_shared_unmapped(struct file *file)
{
    int error = page_cache_write_back(host_inode_of(file->inode)->cache);

    (void)error;
}
