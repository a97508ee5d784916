/*
 * Directories of tmpfs: entries in two trees, by name and by position.
 *
 * A position is given once and never again, so a reader that goes on behind the last position it
 * saw misses nothing and sees nothing twice, whatever is removed meanwhile.
 *
 * Invariants: an entry holds one reference to its inode; a directory's links are 2 and one for each
 * directory in it; its size is as Linux reports it, 20 for each entry, "." and "..".
 */
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/named_tree.h"
#include "fs/path.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "lib/tree.h"
#include "memory/pool.h"

#define ENTRY_SIZE 20
#define FIRST_POSITION 2    /* 0 and 1 are "." and ".." */
#define LINKS_MAX UINT32_MAX

struct entry {
    struct named named;
    struct tree_node position_node;
    uint64_t position;
    struct inode *inode;
    size_t size;            /* of this allocation */
    char name[];            /* terminated */
};

/* Contents of a directory inode; protected by its lock. */
struct directory {
    struct tree by_name;
    struct tree by_position;
    uint64_t next_position;
};

static struct pool directory_pool = POOL_INITIAL("tmpfs directory", struct directory, 0);

int tmpfs_directory_create(struct inode *inode)
{
    struct directory *directory = pool_allocate(&directory_pool);

    if (!directory)
        return -ENOMEM;
    tree_init(&directory->by_name, NULL);
    tree_init(&directory->by_position, NULL);
    directory->next_position = FIRST_POSITION;
    inode->contents = directory;
    inode->size = 2 * ENTRY_SIZE;
    return 0;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static struct entry *entry_find(struct directory *directory, const char *name)
{
    struct named *named = named_find(&directory->by_name, name);

    return named ? CONTAINER_OF(named, struct entry, named) : NULL;
}

/* Gives it the next position: always the last in the tree. */
static void link_by_position(struct directory *directory, struct entry *entry)
{
    struct tree_node *last = tree_last(&directory->by_position);

    entry->position = directory->next_position++;
    tree_insert(&directory->by_position, &entry->position_node, last,
                last ? &last->right : &directory->by_position.root);
}

/* An entry on no tree; takes a reference to the inode. */
static struct entry *entry_create(const char *name, struct inode *inode)
{
    size_t length = text_length(name);
    size_t size = sizeof(struct entry) + length + 1;
    struct entry *entry = memory_allocate(size);

    if (!entry)
        return NULL;
    memcpy(entry->name, name, length);
    entry->named.text = entry->name;
    entry->size = size;
    entry->inode = inode;
    inode_reference(inode);
    return entry;
}

static void entry_free(struct entry *entry)
{
    struct inode *inode = entry->inode;

    memory_free(entry, entry->size);
    inode_release(inode);
}

static void entry_add(struct inode *inode, struct entry *entry) REQUIRES(&inode->lock)
{
    struct directory *directory = inode->contents;

    named_insert(&directory->by_name, &entry->named);
    link_by_position(directory, entry);
    inode->size += ENTRY_SIZE;
    if (inode_is_directory(entry->inode))
        inode->links++;
    inode_note_modified(inode);
}

/* The caller frees it. */
static void entry_take(struct inode *inode, struct entry *entry) REQUIRES(&inode->lock)
{
    struct directory *directory = inode->contents;

    tree_remove(&directory->by_name, &entry->named.node);
    tree_remove(&directory->by_position, &entry->position_node);
    inode->size -= ENTRY_SIZE;
    if (inode_is_directory(entry->inode))
        inode->links--;
    inode_note_modified(inode);
}

/* ---- The end of a directory ---------------------------------------------------------------- */

/* Moves what is in the child directory into the parent, where only the positions count now. */
static void adopt_entries(struct directory *parent, struct directory *child)
{
    struct tree_node *node;

    while ((node = tree_first(&child->by_position))) {
        tree_remove(&child->by_position, node);
        link_by_position(parent, TREE_ENTRY(node, struct entry, position_node));
    }
}

/* Entries are left only when the whole filesystem goes; then no child has other users.  Flattening
 * the tree avoids recursion, which the kernel's stack could not bear. */
void tmpfs_directory_destroy(struct inode *inode)
{
    struct directory *directory = inode->contents;
    struct tree_node *node;

    while ((node = tree_first(&directory->by_position))) {
        struct entry *entry = TREE_ENTRY(node, struct entry, position_node);

        tree_remove(&directory->by_position, node);
        if (inode_is_directory(entry->inode))
            adopt_entries(directory, entry->inode->contents);
        entry_free(entry);
    }
    pool_free(&directory_pool, directory);
}

/* ---- Operations ---------------------------------------------------------------------------- */

int tmpfs_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    struct entry *entry = entry_find(directory->contents, name);

    if (!entry)
        return -ENOENT;
    inode_reference(entry->inode);
    *inode = entry->inode;
    return 0;
}

static int create_with_entry(struct inode *directory, const char *name,
                             const struct inode_request *request, const char *target,
                             struct inode **result) REQUIRES(&directory->lock)
{
    struct inode *inode;
    struct entry *entry;
    int error = tmpfs_make_inode(directory->filesystem, request, target, &inode);

    if (error)
        return error;
    entry = entry_create(name, inode);
    if (!entry) {
        inode_release(inode);
        return -ENOMEM;
    }
    entry_add(directory, entry);
    *result = inode;
    return 0;
}

int tmpfs_create_inode(struct inode *directory, const char *name,
                       const struct inode_request *request, struct inode **inode)
{
    return create_with_entry(directory, name, request, NULL, inode);
}

int tmpfs_temporary(struct inode *directory, const struct inode_request *request,
                    struct inode **inode)
{
    int error = tmpfs_make_inode(directory->filesystem, request, NULL, inode);

    if (!error)
        (*inode)->links = 0;
    return error;
}

int tmpfs_symlink(struct inode *directory, const char *name, const char *target,
                  const struct inode_request *request, struct inode **inode)
{
    return create_with_entry(directory, name, request, target, inode);
}

int tmpfs_link(struct inode *directory, const char *name, struct inode *inode)
{
    struct entry *entry;
    int error = 0;

    if (inode->links == LINKS_MAX)
        return -EMLINK;
    if (inode->links > 0)
        error = tmpfs_charge_name(inode);
    if (error)
        return error;
    entry = entry_create(name, inode);
    if (!entry) {
        if (inode->links > 0)
            tmpfs_uncharge_name(inode);
        return -ENOMEM;
    }
    entry_add(directory, entry);
    inode->links++;
    inode_note_changed(inode);
    return 0;
}

/* The inode loses the name that `entry` gave it. */
static void drop_link(struct inode *inode) REQUIRES(&inode->lock)
{
    if (!inode_is_directory(inode) && inode->links > 1)
        tmpfs_uncharge_name(inode);
    inode->links = inode_is_directory(inode) ? 0 : inode->links - 1;
    inode_note_changed(inode);
}

static bool is_empty(const struct inode *inode)
{
    const struct directory *directory = inode->contents;

    return directory->by_name.root == NULL;
}

int tmpfs_unlink(struct inode *directory, const char *name, struct inode *inode)
{
    struct entry *entry = entry_find(directory->contents, name);

    ASSERT(entry);
    ASSERT(entry->inode == inode);
    entry_take(directory, entry);
    drop_link(inode);
    entry_free(entry);
    return 0;
}

int tmpfs_remove_directory(struct inode *directory, const char *name, struct inode *inode)
{
    if (!is_empty(inode))
        return -ENOTEMPTY;
    return tmpfs_unlink(directory, name, inode);
}

/* Lets the entry name another inode; references move with it. */
static void entry_set_inode(struct inode *directory, struct entry *entry, struct inode *inode)
    REQUIRES(&directory->lock)
{
    if (inode_is_directory(entry->inode))
        directory->links--;
    if (inode_is_directory(inode))
        directory->links++;
    entry->inode = inode;
    inode_note_modified(directory);
}

static void exchange(const struct rename_operation *rename, struct entry *old_entry,
                     struct entry *new_entry)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock,
             &rename->target->lock)
{
    entry_set_inode(rename->old_directory, old_entry, rename->target);
    entry_set_inode(rename->new_directory, new_entry, rename->inode);
    inode_note_changed(rename->target);
    inode_note_changed(rename->inode);
}

/* The new name exists: its entry gets the inode, the old entry goes with the target. */
static void replace(const struct rename_operation *rename, struct entry *old_entry,
                    struct entry *new_entry)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock,
             &rename->target->lock)
{
    entry_take(rename->old_directory, old_entry);
    entry_set_inode(rename->new_directory, new_entry, rename->inode);
    drop_link(rename->target);
    inode_note_changed(rename->inode);
    old_entry->inode = rename->target;
    entry_free(old_entry);
}

/* What stays under the old name; NULL if nothing does. */
static int make_whiteout(const struct rename_operation *rename, struct entry **whiteout)
{
    struct inode *inode;
    int error;

    *whiteout = NULL;
    if (!(rename->flags & RENAME_LEAVE_WHITEOUT))
        return 0;
    error = tmpfs_make_inode(rename->old_directory->filesystem, &rename->whiteout, NULL, &inode);
    if (error)
        return error;
    *whiteout = entry_create(rename->old_name, inode);
    inode_release(inode);
    return *whiteout ? 0 : -ENOMEM;
}

/* The entry of the new name, which did not exist. */
static int move(const struct rename_operation *rename, struct entry *old_entry)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock)
{
    struct entry *new_entry = entry_create(rename->new_name, rename->inode);

    if (!new_entry)
        return -ENOMEM;
    entry_take(rename->old_directory, old_entry);
    entry_add(rename->new_directory, new_entry);
    inode_note_changed(rename->inode);
    entry_free(old_entry);
    return 0;
}

int tmpfs_rename(const struct rename_operation *rename)
{
    struct entry *old_entry = entry_find(rename->old_directory->contents, rename->old_name);
    struct entry *new_entry = entry_find(rename->new_directory->contents, rename->new_name);
    struct entry *whiteout;
    int error;

    ASSERT(old_entry);
    ASSERT(old_entry->inode == rename->inode);
    ASSERT(new_entry ? new_entry->inode == rename->target : !rename->target);
    if (rename->flags & RENAME_SWAP) {
        ASSERT(new_entry);
        ASSERT(rename->target);    /* rename() looked both names up */
        ASSERT(mutex_is_held(&rename->target->lock));
        exchange(rename, old_entry, new_entry);
        return 0;
    }
    if (new_entry && inode_is_directory(rename->target) && !is_empty(rename->target))
        return -ENOTEMPTY;
    error = make_whiteout(rename, &whiteout);
    if (error)
        return error;
    if (new_entry) {
        ASSERT(mutex_is_held(&rename->target->lock));
        replace(rename, old_entry, new_entry);
    } else {
        error = move(rename, old_entry);
    }
    if (whiteout && error)
        entry_free(whiteout);
    else if (whiteout)
        entry_add(rename->old_directory, whiteout);
    return error;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* The first entry at or after the position. */
static struct entry *entry_from(struct directory *directory, uint64_t position)
{
    struct tree_node *node = directory->by_position.root;
    struct entry *best = NULL;

    while (node) {
        struct entry *entry = TREE_ENTRY(node, struct entry, position_node);

        if (entry->position >= position)
            best = entry;
        node = entry->position >= position ? node->left : node->right;
    }
    return best;
}

int tmpfs_read_directory(struct file *file, directory_sink sink, void *context)
{
    struct inode *inode = file->inode;
    struct entry *entry;

    if (!directory_read_dots(file, sink, context))
        return 0;
    while ((entry = entry_from(inode->contents, file->position))) {
        const struct directory_entry found = {
            .name = entry->name,
            .length = text_length(entry->name),
            .inode = entry->inode->number,
            .type = directory_type(entry->inode),
            .next = (int64_t)entry->position + 1,
        };

        if (sink(context, &found))
            return 0;
        file->position = entry->position + 1;
    }
    return 0;
}
