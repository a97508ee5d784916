/*
 * hostfs: the host's files, and what programs change of them, which stays in memory.
 *
 * The host may change its files at any time.  What is kept here is checked when it is used:
 *   - a cached name is good as long as its directory has the change time it had at the look-up, and
 *     that time is not so young that a second change could hide behind it (name stamps);
 *   - size and modification time of a file are compared when it is opened, when its status is
 *     asked for and at its end; if they differ its cached pages are dropped;
 *   - a file that became shorter while it is mapped gives -ENXIO beyond its end (SIGBUS).
 *
 * The host's files are never changed.  Changed attributes and contents replace the host's in the
 * inode, once and for all; directories keep the names that differ from the host's
 * (hostfs_directory.c).  A renamed file takes its inode along, so nothing is copied.
 *
 * Invariants: one inode for one host file (device and number), however many names lead to it, so
 * that all share one page cache.  A changed inode of a host file stays as long as it has a name,
 * because the host's names lead to it.  The node of a regular file belongs to its cache, which may
 * outlive the inode while a mapping lasts; other nodes belong to the inode.
 */
#include "fs/hostfs_mount.h"

#include "fs/directory_cache.h"
#include "fs/filesystem.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/page_account.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "lib/tree.h"
#include "memory/pool.h"

#define NODES_FREED_AT_ONCE 512u

static struct pool hostfs_pool = POOL_INITIAL("hostfs", struct hostfs, 0);
static struct pool node_pool = POOL_INITIAL("host node", struct host_node, 0);
static struct pool host_inode_pool = POOL_INITIAL("host inode", struct host_inode, 0);

static const struct inode_kind kind_directory, kind_regular, kind_other, kind_made;
static const struct inode_kind kind_shared_directory, kind_shared_regular, kind_shared_meeting;
static const struct inode_kind kind_shared_other;

static struct hostfs *hostfs_of(const struct inode *inode)
{
    return inode->filesystem->contents;
}

/* ---- Nodes --------------------------------------------------------------------------------- */

void hostfs_node_release(struct host_node *node)
{
    if (node->number)
        node->host->release(node->number);
    if (node->account)
        page_account_release(node->account);
    pool_free(&node_pool, node);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

bool hostfs_is_shared(const struct inode *inode)
{
    return hostfs_of(inode)->sharing == HOSTFS_SHARED;
}

static const struct inode_kind *kind_for(const struct hostfs *hostfs, uint32_t mode)
{
    bool is_shared = hostfs->sharing == HOSTFS_SHARED;

    switch (mode & MODE_TYPE) {
    case MODE_DIRECTORY:
        return is_shared ? &kind_shared_directory : &kind_directory;
    case MODE_REGULAR:
        return is_shared ? &kind_shared_regular : &kind_regular;
    case MODE_FIFO:
    case MODE_SOCKET:
        return is_shared ? &kind_shared_meeting : &kind_other;
    }
    return is_shared ? &kind_shared_other : &kind_other;
}

static const struct page_cache_operations *contents_of(const struct inode *inode,
                                                       const struct host_node *node)
{
    ASSERT(node);
    if (hostfs_is_shared(inode))
        return &hostfs_shared_contents;
    return node->number ? &hostfs_host_contents : &hostfs_own_contents;
}

/* A page cache over a node, which it owns then. */
static int make_cache(struct inode *inode, struct host_node *node, uint64_t size,
                      struct page_cache **cache)
{
    int error = page_cache_create(contents_of(inode, node), node, size, cache);

    if (!error) {
        node->account = hostfs_of(inode)->account;
        page_account_reference(node->account);
    }
    return error;
}

/* Gives a new inode its contents; takes over the node if it succeeds. */
static int make_contents(struct inode *inode, struct host_node *node)
{
    struct host_inode *host_inode = pool_allocate(&host_inode_pool);
    int error = 0;

    if (!host_inode)
        return -ENOMEM;
    host_inode->inode = inode;
    host_inode->node = node;
    tree_init(&host_inode->changes, NULL);
    list_init(&host_inode->pinned_node);
    host_inode->tree_node.parent = &host_inode->tree_node;    /* not in the tree */
    inode->contents = host_inode;
    if (inode_type(inode) == MODE_REGULAR)
        error = make_cache(inode, node, inode->size, &host_inode->cache);
    if (error)
        pool_free(&host_inode_pool, host_inode);
    return error;
}

static void note_host(struct inode *inode, const struct hostfs_status *status)
{
    struct host_inode *host_inode = host_inode_of(inode);

    host_inode->host_device = status->device;
    host_inode->was_young = hostfs_is_young(status->change_ns);
    host_inode->seen_modify_ns = status->modify_ns;
    host_inode->seen_change_ns = status->change_ns;
    hostfs_set_fields(inode, status);
}

/* Takes over the node if it succeeds. */
static int make_inode(struct filesystem *filesystem, struct host_node *node,
                      const struct hostfs_status *status, struct inode **result)
{
    const struct inode_request request = { .mode = status->mode, .device_id = status->device_id };
    struct inode *inode;
    int error = inode_create(filesystem, kind_for(filesystem->contents, status->mode), &request,
                             &inode);

    if (error)
        return error;
    inode->number = status->inode;
    inode->size = status->size;
    error = make_contents(inode, node);
    if (error) {
        inode->operations = NULL;    /* there is nothing to destroy yet */
        inode_release(inode);
        return error;
    }
    note_host(inode, status);
    *result = inode;
    return 0;
}

/* The inode of this host file: the one that exists (then *node is not needed and stays the
 * caller's), or a new one. */
static int find_or_make(struct filesystem *filesystem, struct host_node **node,
                        const struct hostfs_status *status, struct inode **result) LOCKS_UNCHECKED
{
    struct hostfs *hostfs = filesystem->contents;
    int error;

    *result = hostfs_find_living(hostfs, status);
    if (*result)
        return 0;
    error = make_inode(filesystem, *node, status, result);
    if (!error) {
        *node = NULL;
        hostfs_insert(hostfs, *result, status);
    }
    return error;
}

/* From a node that the host just gave to an inode, with a reference.  The node is used or
 * released. */
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
        hostfs_node_release(node);
    return error;
}

/* ---- What the host is going to make -------------------------------------------------------- */

int hostfs_prepare(struct filesystem *filesystem, const struct inode_request *request,
                   struct inode **prepared)
{
    const struct hostfs_status status = {
        .mode = request->mode, .device_id = request->device_id,
    };
    struct host_node *node = pool_allocate(&node_pool);
    int error;

    if (!node)
        return -ENOMEM;
    *node = (struct host_node){ .host = ((struct hostfs *)filesystem->contents)->host };
    error = make_inode(filesystem, node, &status, prepared);
    if (error)
        hostfs_node_release(node);
    return error;
}

int hostfs_complete(struct inode *prepared, uint64_t number, struct inode **result)
{
    struct hostfs *hostfs = hostfs_of(prepared);
    struct hostfs_status status;
    int error;

    host_inode_of(prepared)->node->number = number;
    error = hostfs->host->status(number, &status);
    if (error) {
        inode_release(prepared);
        return error;
    }
    prepared->number = status.inode;
    note_host(prepared, &status);
    mutex_lock(&hostfs->lock);
    *result = hostfs_find_living(hostfs, &status);    /* somebody may have found it by its name */
    if (!*result)
        hostfs_insert(hostfs, prepared, &status);
    mutex_unlock(&hostfs->lock);
    if (*result)
        inode_release(prepared);
    else
        *result = prepared;
    hostfs_note_rights(*result, &status);
    return 0;
}

/* ---- Looking up in directories -------------------------------------------------------------- */

static void note_parent(struct inode *inode, const struct inode *directory)
{
    struct hostfs *hostfs = hostfs_of(inode);

    mutex_lock(&hostfs->lock);
    host_inode_of(inode)->parent_device = host_inode_of(directory)->host_device;
    host_inode_of(inode)->parent_number = directory->number;
    mutex_unlock(&hostfs->lock);
}

int hostfs_find(struct inode *directory, const char *name, struct inode **inode)
{
    struct host_node *node = host_inode_of(directory)->node;
    uint64_t number;
    int error;

    if (!node)
        return -ENOENT;
    error = node->host->lookup(node->number, name, &number);

    /* Each cached inode keeps a file of the host open; there may be too many. */
    if ((error == -EMFILE || error == -ENFILE) &&
        directory_cache_shrink(NODES_FREED_AT_ONCE) > 0)
        error = node->host->lookup(node->number, name, &number);
    if (!error)
        error = inode_of_node(directory->filesystem, number, inode);
    if (!error)
        note_parent(*inode, directory);
    return error;
}

/* ---- What programs make -------------------------------------------------------------------- */

static struct inode_kind made_kind(const struct hostfs *hostfs, uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_DIRECTORY:
    case MODE_REGULAR:
        return *kind_for(hostfs, mode);
    }
    return kind_made;
}

static int make_node(const struct hostfs *hostfs, struct host_node **node)
{
    *node = pool_allocate(&node_pool);
    if (!*node)
        return -ENOMEM;
    (*node)->host = hostfs->host;
    return 0;
}

static int copy_target(struct inode *inode, const char *target)
{
    struct host_inode *host_inode = host_inode_of(inode);

    if (!target)
        return 0;
    inode->size = text_length(target);
    host_inode->target = memory_allocate((size_t)inode->size + 1);
    if (!host_inode->target)
        return -ENOMEM;
    memcpy(host_inode->target, target, (size_t)inode->size);
    return 0;
}

int hostfs_make(struct filesystem *filesystem, const struct inode_request *request,
                const char *target, struct inode **result)
{
    const struct inode_kind kind = made_kind(filesystem->contents, request->mode);
    struct hostfs *hostfs = filesystem->contents;
    struct host_node *node = NULL;
    struct inode *inode;
    int error = page_account_charge_file(hostfs->account);

    if (error)
        return error;
    if ((request->mode & MODE_TYPE) == MODE_REGULAR)
        error = make_node(hostfs, &node);
    if (!error)
        error = inode_create(filesystem, &kind, request, &inode);
    if (!error) {
        error = make_contents(inode, node);
        if (error) {
            inode->operations = NULL;
            inode_release(inode);
        }
    }
    if (error) {
        if (node)
            hostfs_node_release(node);
        page_account_uncharge_files(hostfs->account, 1);
        return error;
    }
    if (inode_is_directory(inode))
        inode->size = PAGE_SIZE;    /* as most filesystems of hosts */
    host_inode_of(inode)->is_made = true;
    host_inode_of(inode)->is_changed = true;
    host_inode_of(inode)->has_own_contents = inode_type(inode) == MODE_REGULAR;
    error = copy_target(inode, target);
    if (error)
        inode_release(inode);
    *result = inode;
    return error;
}

static void hostfs_destroy_inode(struct inode *inode)
{
    struct hostfs *hostfs = hostfs_of(inode);
    struct host_inode *host_inode = host_inode_of(inode);

    mutex_lock(&hostfs->lock);
    if (host_inode->tree_node.parent != &host_inode->tree_node)
        tree_remove(&hostfs->inodes, &host_inode->tree_node);
    mutex_unlock(&hostfs->lock);
    page_account_uncharge_files(hostfs->account, host_inode->names + host_inode->is_made);
    hostfs_directory_destroy(host_inode);
    if (host_inode->target)
        memory_free(host_inode->target, (size_t)inode->size + 1);
    if (host_inode->cache)
        page_cache_release(host_inode->cache);
    else if (host_inode->node)
        hostfs_node_release(host_inode->node);
    pool_free(&host_inode_pool, host_inode);
}

static const struct inode_operations directory_inode_operations = {
    .lookup = hostfs_lookup,
    .stamp = hostfs_stamp,
    .create = hostfs_create_inode,
    .symlink = hostfs_symlink,
    .link = hostfs_link,
    .unlink = hostfs_unlink,
    .rmdir = hostfs_remove_directory,
    .rename = hostfs_rename,
    .temporary = hostfs_temporary,
    .status = hostfs_status,
    .set_attributes = hostfs_set_attributes,
    .extended_changed = hostfs_mark_changed,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations regular_inode_operations = {
    .status = hostfs_status,
    .set_attributes = hostfs_set_attributes,
    .extended_changed = hostfs_mark_changed,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations other_inode_operations = {
    .read_link = hostfs_read_link,
    .status = hostfs_status,
    .set_attributes = hostfs_set_attributes,
    .extended_changed = hostfs_mark_changed,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
/* Links, devices, FIFOs: whoever opens them finds other operations. */
static const struct inode_operations made_inode_operations = {
    .read_link = hostfs_read_link,
    .status = hostfs_status,
    .set_attributes = hostfs_set_attributes,
    .extended_changed = hostfs_mark_changed,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations shared_directory_operations = {
    .lookup = hostfs_find,
    .stamp = hostfs_stamp,
    .create = hostfs_shared_create,
    .symlink = hostfs_shared_symlink,
    .link = hostfs_shared_link,
    .unlink = hostfs_shared_unlink,
    .rmdir = hostfs_shared_remove_directory,
    .rename = hostfs_shared_rename,
    .temporary = hostfs_shared_temporary,
    .status = hostfs_status,
    .set_attributes = hostfs_shared_set_attributes,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations shared_regular_operations = {
    .status = hostfs_status,
    .set_attributes = hostfs_shared_set_attributes,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
static const struct inode_operations shared_other_operations = {
    .read_link = hostfs_read_link,
    .status = hostfs_status,
    .set_attributes = hostfs_shared_set_attributes,
    .access = hostfs_access,
    .open = hostfs_open,
    .destroy = hostfs_destroy_inode,
};
/* FIFOs and sockets are meeting places for programs of the guest: the host's are not opened. */
static const struct inode_operations shared_meeting_operations = {
    .status = hostfs_status,
    .set_attributes = hostfs_shared_set_attributes,
    .access = hostfs_access,
    .destroy = hostfs_destroy_inode,
};
static const struct file_operations directory_file_operations = {
    .read_directory = hostfs_read_directory,
    .sync = hostfs_sync,
    .release = hostfs_release_directory,
};
static const struct file_operations regular_file_operations = {
    .read = hostfs_read,
    .write = hostfs_write,
    .seek = hostfs_seek,
    .sync = hostfs_sync,
    .allocate = hostfs_allocate,
    .memory_object = hostfs_memory_object,
};
static const struct file_operations shared_file_operations = {
    .read = hostfs_read,
    .write = hostfs_shared_write,
    .seek = hostfs_seek,
    .sync = hostfs_shared_sync,
    .memory_object = hostfs_shared_memory_object,
    .unmapped = hostfs_shared_unmapped,
};
static const struct file_operations other_file_operations = { 0 };

static const struct inode_kind kind_directory = {
    &directory_inode_operations, &directory_file_operations,
};
static const struct inode_kind kind_regular = {
    &regular_inode_operations, &regular_file_operations,
};
static const struct inode_kind kind_other = { &other_inode_operations, &other_file_operations };
static const struct inode_kind kind_shared_directory = {
    &shared_directory_operations, &directory_file_operations,
};
static const struct inode_kind kind_shared_regular = {
    &shared_regular_operations, &shared_file_operations,
};
static const struct inode_kind kind_shared_meeting = {
    &shared_meeting_operations, &other_file_operations,
};
static const struct inode_kind kind_shared_other = {
    &shared_other_operations, &other_file_operations,
};
static const struct inode_kind kind_made = { &made_inode_operations, &other_file_operations };

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

    while (!list_is_empty(&hostfs->pinned))
        hostfs_unpin(LIST_ENTRY(hostfs->pinned.next, struct host_inode, pinned_node)->inode);
    ASSERT(!hostfs->inodes.root);
    page_account_release(hostfs->account);
    pool_free(&hostfs_pool, hostfs);
}

static const struct filesystem_operations filesystem_operations = {
    .statistics = hostfs_statistics,
    .destroy = hostfs_destroy,
};

static int create_empty(const struct hostfs_operations *host, enum hostfs_sharing sharing,
                        struct filesystem **result)
{
    struct hostfs *hostfs = pool_allocate(&hostfs_pool);
    int error;

    if (!hostfs)
        return -ENOMEM;
    hostfs->host = host;
    hostfs->sharing = sharing;
    mutex_init(&hostfs->lock, RANK_HOSTFS, "hostfs");
    tree_init(&hostfs->inodes, NULL);
    list_init(&hostfs->pinned);
    error = page_account_create(0, &hostfs->account);
    if (!error) {
        error = filesystem_create("hostfs", &filesystem_operations, result);
        if (error)
            page_account_release(hostfs->account);
    }
    if (error) {
        pool_free(&hostfs_pool, hostfs);
        return error;
    }
    (*result)->contents = hostfs;
    (*result)->keeps_extended = sharing != HOSTFS_SHARED;
    (*result)->gives_handles = true;
    return 0;
}

int hostfs_create(const struct hostfs_operations *host, size_t root, struct filesystem **result)
{
    const struct hostfs_root *described;
    struct filesystem *filesystem;
    uint64_t number;
    int error;

    if (!host || root >= host->root_count)
        return -ENODEV;
    described = &host->roots[root];
    error = create_empty(host, described->sharing, &filesystem);
    if (error)
        return error;
    filesystem->source = described->source;
    filesystem->read_only = described->sharing == HOSTFS_READ_ONLY;
    error = host->root(root, &number);
    if (!error)
        error = inode_of_node(filesystem, number, &filesystem->root);
    if (error) {
        filesystem_release(filesystem);
        return error;
    }
    *result = filesystem;
    return 0;
}
