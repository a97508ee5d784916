/*
 * hostfs: which inode is which file of the host, and which of them changed.
 *
 * A changed inode stays as long as it has a name, because the host's names lead to it; so do the
 * directories above it, which saving changes goes through.
 */
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/page_account.h"
#include "lib/tree.h"

static struct hostfs *hostfs_of(const struct inode *inode)
{
    return inode->filesystem->contents;
}

static int order_of(const struct hostfs_status *status, const struct host_inode *other)
{
    if (status->device != other->host_device)
        return status->device < other->host_device ? -1 : 1;
    if (status->inode != other->inode->number)
        return status->inode < other->inode->number ? -1 : 1;
    return 0;
}

/* The place of a host file in the tree: *link is the inode's node, or where it belongs; the node
 * above. */
static struct tree_node *find_place(struct hostfs *hostfs, const struct hostfs_status *status,
                                    struct tree_node ***link) REQUIRES(&hostfs->lock)
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

static struct host_inode *find_known(struct hostfs *hostfs, uint64_t device, uint64_t number)
    REQUIRES(&hostfs->lock)
{
    const struct hostfs_status status = { .device = device, .inode = number };
    struct tree_node **link;

    (void)find_place(hostfs, &status, &link);
    return *link ? TREE_ENTRY(*link, struct host_inode, tree_node) : NULL;
}

struct inode *hostfs_find_living(struct hostfs *hostfs, const struct hostfs_status *status)
{
    struct host_inode *found;
    struct tree_node **link;

    (void)find_place(hostfs, status, &link);
    if (!*link)
        return NULL;
    found = TREE_ENTRY(*link, struct host_inode, tree_node);
    if (refcount_take_unless_zero(&found->inode->references))
        return found->inode;
    /* It waits for the lock to leave the tree. */
    tree_remove(&hostfs->inodes, &found->tree_node);
    found->tree_node.parent = &found->tree_node;
    return NULL;
}

void hostfs_insert(struct hostfs *hostfs, struct inode *inode,
                   const struct hostfs_status *status)
{
    struct tree_node **link;
    struct tree_node *parent = find_place(hostfs, status, &link);

    tree_insert(&hostfs->inodes, &host_inode_of(inode)->tree_node, parent, link);
}

/* ---- Changes ------------------------------------------------------------------------------- */

/* It stays, unless it is going already.  The filesystem's lock is held. */
static bool pin(struct hostfs *hostfs, struct host_inode *host_inode)
{
    if (list_is_linked(&host_inode->pinned_node))
        return true;
    if (!refcount_take_unless_zero(&host_inode->inode->references))
        return false;
    list_append(&hostfs->pinned, &host_inode->pinned_node);
    return true;
}

/* The directories above are found again when changes are saved. */
static void mark_above(struct hostfs *hostfs, const struct host_inode *host_inode)
    REQUIRES(&hostfs->lock)
{
    struct host_inode *above;

    while (host_inode->parent_number &&
           (above = find_known(hostfs, host_inode->parent_device, host_inode->parent_number)) &&
           !above->has_changes_below && pin(hostfs, above)) {
        above->has_changes_below = true;
        host_inode = above;
    }
}

void hostfs_mark_changed(struct inode *inode)
{
    struct host_inode *host_inode = host_inode_of(inode);
    struct hostfs *hostfs = hostfs_of(inode);

    ASSERT(mutex_is_held(&inode->lock));
    if (host_inode->is_changed)
        return;
    host_inode->is_changed = true;
    mutex_lock(&hostfs->lock);
    (void)pin(hostfs, host_inode);    /* the caller has a reference */
    mark_above(hostfs, host_inode);
    mutex_unlock(&hostfs->lock);
}

void hostfs_unpin(struct inode *inode)
{
    struct hostfs *hostfs = hostfs_of(inode);
    struct list *node = &host_inode_of(inode)->pinned_node;
    bool was_pinned;

    mutex_lock(&hostfs->lock);
    was_pinned = list_is_linked(node);
    if (was_pinned)
        list_remove(node);
    mutex_unlock(&hostfs->lock);
    if (was_pinned)
        inode_release(inode);
}

bool hostfs_has_changes(const struct inode *inode)
{
    return host_inode_of(inode)->is_changed || host_inode_of(inode)->has_changes_below;
}

/* Where the host has mounted something the names of a directory lie about the numbers. */
bool hostfs_may_be_changed(struct inode *directory, const struct hostfs_name *name)
{
    struct hostfs *hostfs = hostfs_of(directory);
    const struct host_inode *found;
    bool may_be;

    mutex_lock(&hostfs->lock);
    found = find_known(hostfs, host_inode_of(directory)->host_device, name->inode);
    may_be = found ? hostfs_has_changes(found->inode) || name->type == MODE_DIRECTORY >> 12
                   : name->type == MODE_DIRECTORY >> 12 || name->type == 0;
    mutex_unlock(&hostfs->lock);
    return may_be;
}

/* Memory for names has its limit, as that for files. */
int hostfs_charge_name(struct inode *inode)
{
    int error = page_account_charge_file(hostfs_of(inode)->account);

    if (!error)
        host_inode_of(inode)->names++;
    return error;
}

void hostfs_uncharge_name(struct inode *inode)
{
    struct host_inode *host_inode = host_inode_of(inode);

    if (host_inode->names == 0)
        return;
    host_inode->names--;
    page_account_uncharge_files(hostfs_of(inode)->account, 1);
}
