/*
 * hostfs: directories, as the host has them but for the names that programs changed.
 *
 * A change is a name that leads to another inode than the host's, or nowhere though the host may
 * have it.  Of a directory that the host does not have all names are changes.
 *
 * A directory is read as the host gives it, without the names that are changed.  If there are
 * changes when a reading begins, a list of all names is made first: positions in it are places in
 * the list, for nobody knows which numbers the host's positions leave free.
 *
 * Invariants: a change with an inode holds a reference to it; one without hides a name.  Names come
 * and go with the directory's lock held.
 */
#include "config.h"
#include "fs/file.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/named_tree.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"

#define FIRST_POSITION 2    /* 0 and 1 are "." and ".." */

struct change {
    struct named named;
    struct inode *inode;    /* NULL: no such name */
    bool hides;             /* the host had the name: it stays hidden when this inode goes */
    bool is_new;            /* not in the tree yet */
    struct change *next;    /* while the directory is destroyed */
    size_t size;            /* of this allocation */
    char name[];            /* terminated */
};

/* A name that a reading found; one allocation each. */
struct listed {
    struct listed *next;
    uint64_t inode;
    size_t length, size;
    uint8_t type;
    char name[];
};

/* A reading of a directory with changes: file->contents, protected by position_lock. */
struct listing {
    struct listed *first, *last;
    struct listed *current;     /* at `position` */
    uint64_t position;
};

static struct pool listing_pool = POOL_INITIAL("directory listing", struct listing, 0);

/* ---- Changes ------------------------------------------------------------------------------- */

static struct tree *changes_of(struct inode *directory)
{
    return &host_inode_of(directory)->changes;
}

static struct change *change_find(struct inode *directory, const char *name)
{
    struct named *named = named_find(changes_of(directory), name);

    return named ? CONTAINER_OF(named, struct change, named) : NULL;
}

/* The change of this name, or a new one, which change_set puts in its place or change_cancel
 * frees.  `hides`: without a change the name is the host's. */
static struct change *change_prepare(struct inode *directory, const char *name, bool hides)
{
    struct change *change = change_find(directory, name);
    size_t length = text_length(name);

    if (change)
        return change;
    change = memory_allocate(sizeof(*change) + length + 1);
    if (!change)
        return NULL;
    change->size = sizeof(*change) + length + 1;
    change->hides = hides;
    change->is_new = true;
    memcpy(change->name, name, length);
    change->named.text = change->name;
    return change;
}

static void change_cancel(struct change *change)
{
    if (change && change->is_new)
        memory_free(change, change->size);
}

/* From here on the name leads to this inode, or nowhere (NULL). */
static void change_set(struct inode *directory, struct change *change, struct inode *inode)
{
    struct inode *before = change->inode;

    if (change->is_new)
        named_insert(changes_of(directory), &change->named);
    change->is_new = false;
    change->inode = inode;
    if (inode)
        inode_reference(inode);
    else if (!change->hides) {
        tree_remove(changes_of(directory), &change->named.node);
        memory_free(change, change->size);
    }
    if (before)
        inode_release(before);
}

static void take_changes(struct host_inode *host_inode, struct change **list)
{
    struct tree_node *node;

    while ((node = tree_first(&host_inode->changes))) {
        struct change *change = CONTAINER_OF(TREE_ENTRY(node, struct named, node),
                                             struct change, named);

        tree_remove(&host_inode->changes, node);
        change->next = *list;
        *list = change;
    }
}

/* Inodes are left only when the whole filesystem goes; then they have no other users.  Without
 * recursion, which the kernel's stack could not bear. */
void hostfs_directory_destroy(struct host_inode *host_inode)
{
    struct change *list = NULL;

    take_changes(host_inode, &list);
    while (list) {
        struct change *change = list;
        struct inode *inode = change->inode;

        list = change->next;
        memory_free(change, change->size);
        if (inode && inode_is_directory(inode))
            take_changes(host_inode_of(inode), &list);
        if (inode)
            inode_release(inode);
    }
}

/* ---- Names --------------------------------------------------------------------------------- */

int hostfs_lookup(struct inode *directory, const char *name, struct inode **inode)
{
    struct change *change = change_find(directory, name);

    if (!change)
        return hostfs_find(directory, name, inode);
    if (!change->inode)
        return -ENOENT;
    inode_reference(change->inode);
    *inode = change->inode;
    return 0;
}

/* The directory has one name more or less (`step`) that leads to this inode.  Some hosts do not
 * count a directory's links and say 1. */
static void note_change(struct inode *directory, const struct inode *inode, int step)
    REQUIRES(&directory->lock)
{
    hostfs_mark_changed(directory);
    if (inode_is_directory(inode) && directory->links > 1)
        directory->links += (uint32_t)step;
    inode_note_modified(directory);
}

static int make_named(struct inode *directory, const char *name,
                      const struct inode_request *request, const char *target,
                      struct inode **result) REQUIRES(&directory->lock)
{
    struct change *change = change_prepare(directory, name, false);
    int error;

    if (!change)
        return -ENOMEM;
    error = hostfs_make(directory->filesystem, request, target, result);
    if (error) {
        change_cancel(change);
        return error;
    }
    ASSERT(*result);
    change_set(directory, change, *result);
    note_change(directory, *result, 1);
    return 0;
}

int hostfs_create_inode(struct inode *directory, const char *name,
                        const struct inode_request *request, struct inode **inode)
{
    return make_named(directory, name, request, NULL, inode);
}

int hostfs_symlink(struct inode *directory, const char *name, const char *target,
                   const struct inode_request *request, struct inode **inode)
{
    return make_named(directory, name, request, target, inode);
}

int hostfs_temporary(struct inode *directory, const struct inode_request *request,
                     struct inode **inode)
{
    int error = hostfs_make(directory->filesystem, request, NULL, inode);

    if (!error)
        (*inode)->links = 0;
    return error;
}

int hostfs_link(struct inode *directory, const char *name, struct inode *inode)
{
    struct change *change;
    int error;

    if (inode->links == UINT32_MAX)
        return -EMLINK;
    change = change_prepare(directory, name, false);
    if (!change)
        return -ENOMEM;
    error = hostfs_charge_name(inode);
    if (error) {
        change_cancel(change);
        return error;
    }
    hostfs_mark_changed(inode);
    inode->links++;
    inode_note_changed(inode);
    change_set(directory, change, inode);
    note_change(directory, inode, 1);
    return 0;
}

/* The inode, whose lock is held, has one name less.  The caller has a reference. */
static void drop_link(struct inode *inode) REQUIRES(&inode->lock)
{
    hostfs_mark_changed(inode);
    hostfs_uncharge_name(inode);
    inode->links = inode_is_directory(inode) || inode->links == 0 ? 0 : inode->links - 1;
    inode_note_changed(inode);
    if (inode->links == 0)
        hostfs_unpin(inode);
}

int hostfs_unlink(struct inode *directory, const char *name, struct inode *inode)
{
    struct change *change = change_prepare(directory, name, true);

    if (!change)
        return -ENOMEM;
    note_change(directory, inode, -1);
    change_set(directory, change, NULL);
    drop_link(inode);
    return 0;
}

int hostfs_for_each_change(struct inode *directory, change_visitor visit, void *context)
{
    struct tree_node *node;
    int error = 0;

    for (node = tree_first(changes_of(directory)); node && !error; node = tree_next(node)) {
        const struct change *change = CONTAINER_OF(TREE_ENTRY(node, struct named, node),
                                                   struct change, named);

        error = visit(change->name, change->inode, change->hides, context);
    }
    return error;
}

bool hostfs_name_is_changed(struct inode *directory, const char *name)
{
    return change_find(directory, name) != NULL;
}

/* ---- Empty directories --------------------------------------------------------------------- */

static bool is_dots(const struct hostfs_name *name)
{
    return name->name[0] == '.' &&
           (name->length == 1 || (name->length == 2 && name->name[1] == '.'));
}

struct host_reading {
    struct inode *directory;
    struct listing *listing;    /* NULL: ends at the first name */
    int error;
};

/* Is the host's name still what it was? */
static bool is_unchanged(struct inode *directory, const struct hostfs_name *name)
{
    char text[NAME_MAX + 1];

    if (name->length > NAME_MAX)
        return true;
    memcpy(text, name->name, name->length);
    text[name->length] = '\0';
    return !change_find(directory, text);
}

static int find_one(void *context, const struct hostfs_name *name)
{
    struct host_reading *reading = context;

    if (is_dots(name) || !is_unchanged(reading->directory, name))
        return 0;
    reading->error = -ENOTEMPTY;
    return 1;
}

static int read_host(struct inode *directory, int64_t position, hostfs_name_sink sink,
                     void *context)
{
    const struct host_node *node = host_inode_of(directory)->node;

    return node ? node->host->read_directory(node->number, position, sink, context) : 0;
}

/* 0 or -ENOTEMPTY, or what the host says. */
static int check_empty(struct inode *directory)
{
    struct host_reading reading = { .directory = directory };
    struct tree_node *node;
    int error;

    for (node = tree_first(changes_of(directory)); node; node = tree_next(node)) {
        if (CONTAINER_OF(TREE_ENTRY(node, struct named, node), struct change, named)->inode)
            return -ENOTEMPTY;
    }
    error = read_host(directory, 0, find_one, &reading);
    return error ? error : reading.error;
}

int hostfs_remove_directory(struct inode *directory, const char *name, struct inode *inode)
{
    int error = check_empty(inode);

    return error ? error : hostfs_unlink(directory, name, inode);
}

/* ---- Renames ------------------------------------------------------------------------------- */

static void note_move(struct inode *inode) REQUIRES(&inode->lock)
{
    hostfs_mark_changed(inode);
    inode_note_changed(inode);
}

static void exchange(const struct rename_operation *rename, struct change *old,
                     struct change *new)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock)
{
    struct inode *inode = rename->inode, *target = rename->target;

    ASSERT(target);    /* rename() looked both names up */
    ASSERT(mutex_is_held(&inode->lock));
    ASSERT(mutex_is_held(&target->lock));
    note_change(rename->old_directory, inode, -1);
    note_change(rename->new_directory, target, -1);
    note_change(rename->old_directory, target, 1);
    note_change(rename->new_directory, inode, 1);
    note_move(inode);
    note_move(target);
    change_set(rename->old_directory, old, target);
    change_set(rename->new_directory, new, inode);
}

static void move(const struct rename_operation *rename, struct change *old, struct change *new)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock)
{
    note_change(rename->old_directory, rename->inode, -1);
    if (rename->target)
        note_change(rename->new_directory, rename->target, -1);
    note_change(rename->new_directory, rename->inode, 1);
    note_move(rename->inode);
    change_set(rename->new_directory, new, rename->inode);
    change_set(rename->old_directory, old, NULL);
    if (rename->target) {
        ASSERT(mutex_is_held(&rename->target->lock));
        drop_link(rename->target);
    }
}

int hostfs_rename(const struct rename_operation *rename)
{
    bool swap = (rename->flags & RENAME_SWAP) != 0;
    struct change *old, *new;
    int error = 0;

    if (rename->flags & RENAME_LEAVE_WHITEOUT)
        return -EINVAL;    /* as overlayfs, which keeps its own that way */
    if (!swap && rename->target && inode_is_directory(rename->target))
        error = check_empty(rename->target);
    if (error)
        return error;
    old = change_prepare(rename->old_directory, rename->old_name, true);
    new = change_prepare(rename->new_directory, rename->new_name, rename->target != NULL);
    if (!old || !new) {
        change_cancel(old);
        change_cancel(new);
        return -ENOMEM;
    }
    if (swap)
        exchange(rename, old, new);
    else
        move(rename, old, new);
    return 0;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void listing_free(struct listing *listing)
{
    while (listing->first) {
        struct listed *listed = listing->first;

        listing->first = listed->next;
        memory_free(listed, listed->size);
    }
    pool_free(&listing_pool, listing);
}

static int listing_add(struct listing *listing, const struct directory_entry *entry)
{
    size_t size = sizeof(struct listed) + entry->length;
    struct listed *listed = memory_allocate(size);

    if (!listed)
        return -ENOMEM;
    *listed = (struct listed){ .inode = entry->inode, .length = entry->length, .size = size,
                               .type = entry->type };
    memcpy(listed->name, entry->name, entry->length);
    if (listing->last)
        listing->last->next = listed;
    else
        listing->first = listed;
    listing->last = listed;
    return 0;
}

static int list_host_name(void *context, const struct hostfs_name *name)
{
    struct host_reading *reading = context;
    const struct directory_entry entry = {
        .name = name->name, .length = name->length, .inode = name->inode, .type = name->type,
    };

    if (!is_dots(name) && is_unchanged(reading->directory, name))
        reading->error = listing_add(reading->listing, &entry);
    return reading->error;
}

static int list_changes(struct inode *directory, struct listing *listing)
{
    struct tree_node *node;
    int error = 0;

    for (node = tree_first(changes_of(directory)); node && !error; node = tree_next(node)) {
        const struct change *change = CONTAINER_OF(TREE_ENTRY(node, struct named, node),
                                                   struct change, named);

        if (change->inode)
            error = listing_add(listing, &(struct directory_entry){
                .name = change->name,
                .length = text_length(change->name),
                .inode = change->inode->number,
                .type = directory_type(change->inode),
            });
    }
    return error;
}

static int make_listing(struct inode *directory, struct listing **result)
{
    struct listing *listing = pool_allocate(&listing_pool);
    struct host_reading reading = { .directory = directory, .listing = listing };
    int error;

    if (!listing)
        return -ENOMEM;
    error = read_host(directory, 0, list_host_name, &reading);
    if (!error)
        error = reading.error;
    if (!error)
        error = list_changes(directory, listing);
    if (error) {
        listing_free(listing);
        return error;
    }
    listing->current = listing->first;
    listing->position = FIRST_POSITION;
    *result = listing;
    return 0;
}

static void go_to(struct listing *listing, uint64_t position)
{
    if (position < listing->position) {
        listing->current = listing->first;
        listing->position = FIRST_POSITION;
    }
    while (listing->current && listing->position < position) {
        listing->current = listing->current->next;
        listing->position++;
    }
}

static int read_listing(struct file *file, directory_sink sink, void *context)
{
    struct listing *listing = file->contents;

    if (!directory_read_dots(file, sink, context))
        return 0;
    for (go_to(listing, file->position); listing->current; go_to(listing, file->position)) {
        const struct directory_entry entry = {
            .name = listing->current->name,
            .length = listing->current->length,
            .inode = listing->current->inode,
            .type = listing->current->type,
            .next = (int64_t)file->position + 1,
        };

        if (sink(context, &entry))
            return 0;
        file->position++;
    }
    return 0;
}

/* What a reading of an unchanged directory hands from the host's sink to the file's. */
struct passing {
    struct file *file;
    directory_sink sink;
    void *context;
};

static int pass_name(void *context, const struct hostfs_name *name)
{
    const struct passing *passing = context;
    const struct directory_entry entry = {
        .name = name->name,
        .length = name->length,
        .inode = name->inode,
        .type = name->type,
        .next = name->next,
    };

    /* It may have been changed since the reading began. */
    if ((is_dots(name) || is_unchanged(passing->file->inode, name)) &&
        passing->sink(passing->context, &entry))
        return 1;
    passing->file->position = (uint64_t)name->next;
    return 0;
}

/* A reading begins: with a list, if there are changes. */
static int begin_reading(struct file *file)
{
    struct listing *listing;
    int error;

    hostfs_release_directory(file);
    if (host_inode_of(file->inode)->node && !changes_of(file->inode)->root)
        return 0;
    error = make_listing(file->inode, &listing);
    if (!error)
        file->contents = listing;
    return error;
}

int hostfs_read_directory(struct file *file, directory_sink sink, void *context)
{
    struct passing passing = { file, sink, context };
    int error = file->position == 0 ? begin_reading(file) : 0;

    if (error)
        return error;
    if (file->contents)
        return read_listing(file, sink, context);
    return read_host(file->inode, (int64_t)file->position, pass_name, &passing);
}

void hostfs_release_directory(struct file *file)
{
    if (file->contents)
        listing_free(file->contents);
    file->contents = NULL;
}
