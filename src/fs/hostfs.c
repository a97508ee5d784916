/*
 * hostfs: the host's files as a read-only filesystem.
 *
 * The host may change its files at any time.  What is kept here is checked when it is used:
 *   - a cached name is good as long as its directory has the change time it had at the look-up, and
 *     that time is not so young that a second change could hide behind it (name stamps);
 *   - size and modification time of a file are compared when it is opened, when its status is
 *     asked for and at its end; if they differ its cached pages are dropped;
 *   - a file that became shorter while it is mapped gives -ENXIO beyond its end (SIGBUS).
 *
 * Invariant: one inode for one host file (device and number), however many names lead to it, so
 * that all share one page cache.  The node of a regular file belongs to its cache, which may
 * outlive the inode while a mapping lasts; other nodes belong to the inode.
 */
#include "fs/hostfs_mount.h"

#include "fs/directory_cache.h"
#include "fs/filesystem.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "lib/tree.h"
#include "memory/pool.h"

#define NODES_FREED_AT_ONCE 512u

/* Contents of the filesystem. */
struct hostfs {
    const struct hostfs_operations *host;    /* constant */
    struct mutex lock;                       /* RANK_HOSTFS */

    /* Protected by `lock`. */
    struct tree inodes;                      /* by device and number */
};

static struct pool hostfs_pool = POOL_INITIAL("hostfs", struct hostfs, 0);
static struct pool node_pool = POOL_INITIAL("host node", struct host_node, 0);
static struct pool host_inode_pool = POOL_INITIAL("host inode", struct host_inode, 0);

static const struct inode_kind kind_directory, kind_regular, kind_other;

static struct hostfs *hostfs_of(const struct inode *inode)
{
    return inode->filesystem->contents;
}

/* ---- Nodes --------------------------------------------------------------------------------- */

static void node_release(struct host_node *node)
{
    node->host->release(node->number);
    pool_free(&node_pool, node);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

static int order_of(const struct hostfs_status *status, const struct host_inode *other)
{
    if (status->device != other->host_device)
        return status->device < other->host_device ? -1 : 1;
    if (status->inode != other->inode->number)
        return status->inode < other->inode->number ? -1 : 1;
    return 0;
}

/* The place of a host file in the tree: *link is the inode's node, or where it belongs. */
static struct tree_node *find_place(struct hostfs *hostfs, const struct hostfs_status *status,
                                    struct tree_node ***link)
{
    struct tree_node *parent = NULL;

    ASSERT(mutex_is_held(&hostfs->lock));
    *link = &hostfs->inodes.root;
    while (**link) {
        int order = order_of(status, TREE_ENTRY(**link, struct host_inode, tree_node));

        if (order == 0)
            break;
        parent = **link;
        *link = order < 0 ? &parent->left : &parent->right;
    }
    return parent;
}

static const struct inode_kind *kind_for(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_DIRECTORY:
        return &kind_directory;
    case MODE_REGULAR:
        return &kind_regular;
    }
    return &kind_other;
}

static void cache_destroy(struct page_cache *cache)
{
    node_release(cache->source);
}

static const struct page_cache_operations cache_operations = {
    .fill = hostfs_fill,
    .destroy = cache_destroy,
};

/* Gives a new inode its contents; takes over the node if it succeeds. */
static int make_contents(struct inode *inode, struct host_node *node,
                         const struct hostfs_status *status)
{
    struct host_inode *host_inode = pool_allocate(&host_inode_pool);
    int error = 0;

    if (!host_inode)
        return -ENOMEM;
    host_inode->inode = inode;
    host_inode->node = node;
    host_inode->host_device = status->device;
    if (inode_type(inode) == MODE_REGULAR)
        error = page_cache_create(&cache_operations, node, status->size, &host_inode->cache);
    if (error) {
        pool_free(&host_inode_pool, host_inode);
        return error;
    }
    inode->contents = host_inode;
    inode->number = status->inode;
    host_inode->was_young = hostfs_is_young(status->change_ns);
    hostfs_set_fields(inode, status);
    return 0;
}

/* Takes over the node if it succeeds. */
static int make_inode(struct filesystem *filesystem, struct host_node *node,
                      const struct hostfs_status *status, struct inode **result)
{
    const struct inode_request request = { .mode = status->mode, .device_id = status->device_id };
    struct inode *inode;
    int error = inode_create(filesystem, kind_for(status->mode), &request, &inode);

    if (error)
        return error;
    error = make_contents(inode, node, status);
    if (error) {
        inode->operations = NULL;    /* there is nothing to destroy yet */
        inode_release(inode);
        return error;
    }
    *result = inode;
    return 0;
}

/* The inode of this host file: the one that exists (then *node is not needed and stays the
 * caller's), or a new one. */
static int find_or_make(struct filesystem *filesystem, struct host_node **node,
                        const struct hostfs_status *status, struct inode **result)
{
    struct hostfs *hostfs = filesystem->contents;
    struct tree_node **link;
    struct tree_node *parent = find_place(hostfs, status, &link);
    int error;

    if (*link) {
        struct host_inode *found = TREE_ENTRY(*link, struct host_inode, tree_node);

        if (refcount_take_unless_zero(&found->inode->references)) {
            *result = found->inode;
            return 0;
        }
        /* It is on its way out and waits for the lock to leave the tree. */
        tree_remove(&hostfs->inodes, &found->tree_node);
        found->tree_node.parent = &found->tree_node;
        parent = find_place(hostfs, status, &link);
    }
    error = make_inode(filesystem, *node, status, result);
    if (!error) {
        *node = NULL;
        tree_insert(&hostfs->inodes, &host_inode_of(*result)->tree_node, parent, link);
    }
    return error;
}

/* From a node that the host just gave to an inode.  The node is used or released. */
static int inode_of_node(struct filesystem *filesystem, uint64_t number, struct inode **result)
{
    struct hostfs *hostfs = filesystem->contents;
    struct host_node *node = pool_allocate(&node_pool);
    struct hostfs_status status;
    int error;

    if (!node) {
        hostfs->host->release(number);
        return -ENOMEM;
    }
    *node = (struct host_node){ .host = hostfs->host, .number = number };
    error = hostfs->host->status(number, &status);
    if (!error) {
        mutex_lock(&hostfs->lock);
        error = find_or_make(filesystem, &node, &status, result);
        mutex_unlock(&hostfs->lock);
    }
    if (!error)
        hostfs_note_rights(*result, &status);
    if (node)
        node_release(node);
    return error;
}

static int hostfs_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    struct host_node *node = host_inode_of(directory)->node;
    uint64_t number;
    int error = node->host->lookup(node->number, name, &number);

    /* Each cached inode keeps a file of the host open; there may be too many. */
    if ((error == -EMFILE || error == -ENFILE) &&
        directory_cache_shrink(NODES_FREED_AT_ONCE) > 0)
        error = node->host->lookup(node->number, name, &number);
    return error ? error : inode_of_node(directory->filesystem, number, inode);
}

static void hostfs_destroy_inode(struct inode *inode)
{
    struct hostfs *hostfs = hostfs_of(inode);
    struct host_inode *host_inode = host_inode_of(inode);

    mutex_lock(&hostfs->lock);
    if (host_inode->tree_node.parent != &host_inode->tree_node)
        tree_remove(&hostfs->inodes, &host_inode->tree_node);
    mutex_unlock(&hostfs->lock);
    if (host_inode->cache)
        page_cache_release(host_inode->cache);
    else
        node_release(host_inode->node);
    pool_free(&host_inode_pool, host_inode);
}

static const struct inode_operations directory_inode_operations = {
    .lookup = hostfs_lookup,
    .stamp = hostfs_stamp,
    .status = hostfs_status,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations regular_inode_operations = {
    .status = hostfs_status,
    .access = hostfs_access,
    .open = hostfs_open,
    .memory_object = hostfs_memory_object,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations other_inode_operations = {
    .read_link = hostfs_read_link,
    .status = hostfs_status,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
static const struct file_operations directory_file_operations = {
    .read_directory = hostfs_read_directory,
    .sync = hostfs_sync,
};
static const struct file_operations regular_file_operations = {
    .read = hostfs_read,
    .sync = hostfs_sync,
};
static const struct file_operations other_file_operations = { 0 };

static const struct inode_kind kind_directory = {
    &directory_inode_operations, &directory_file_operations,
};
static const struct inode_kind kind_regular = {
    &regular_inode_operations, &regular_file_operations,
};
static const struct inode_kind kind_other = { &other_inode_operations, &other_file_operations };

/* ---- The filesystem ------------------------------------------------------------------------ */

static int hostfs_statistics(struct filesystem *filesystem, struct filesystem_statistics *result)
{
    struct host_node *node = host_inode_of(filesystem->root)->node;
    struct hostfs_statistics statistics;
    int error = node->host->statistics(node->number, &statistics);

    if (error)
        return error;
    *result = (struct filesystem_statistics){
        .type = statistics.type,
        .block_size = statistics.block_size,
        .blocks = statistics.blocks,
        .blocks_free = statistics.blocks_free,
        .blocks_available = statistics.blocks_available,
        .files = statistics.files,
        .files_free = statistics.files_free,
        .id = statistics.id,
        .name_max = statistics.name_max,
        .fragment_size = statistics.fragment_size,
        .flags = statistics.flags,
    };
    return 0;
}

static void hostfs_destroy(struct filesystem *filesystem)
{
    struct hostfs *hostfs = filesystem->contents;

    ASSERT(!hostfs->inodes.root);
    pool_free(&hostfs_pool, hostfs);
}

static const struct filesystem_operations filesystem_operations = {
    .statistics = hostfs_statistics,
    .destroy = hostfs_destroy,
};

static int create_empty(const struct hostfs_operations *host, struct filesystem **result)
{
    struct hostfs *hostfs = pool_allocate(&hostfs_pool);
    int error;

    if (!hostfs)
        return -ENOMEM;
    hostfs->host = host;
    mutex_init(&hostfs->lock, RANK_HOSTFS, "hostfs");
    tree_init(&hostfs->inodes, NULL);
    error = filesystem_create("hostfs", &filesystem_operations, result);
    if (error) {
        pool_free(&hostfs_pool, hostfs);
        return error;
    }
    (*result)->contents = hostfs;
    (*result)->read_only = true;
    return 0;
}

int hostfs_create(const struct hostfs_operations *host, struct filesystem **result)
{
    struct filesystem *filesystem;
    uint64_t number;
    int error;

    if (!host)
        return -ENODEV;
    error = create_empty(host, &filesystem);
    if (error)
        return error;
    filesystem->source = host->source;
    error = host->root(&number);
    if (!error)
        error = inode_of_node(filesystem, number, &filesystem->root);
    if (error) {
        filesystem_release(filesystem);
        return error;
    }
    *result = filesystem;
    return 0;
}
