/*
 * Extended attributes of filesystems that live in memory: a tree by name, which an inode gets with
 * its first one.
 *
 * Invariant: the tree and its bytes are protected by the inode's lock; bytes never exceed the limit
 * of one inode, so that a program cannot fill the kernel's memory with them cheaply.
 */
#include "fs/extended.h"

#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/named_tree.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"

#define INODE_BYTES_MAX (128u << 10)

struct extended_attributes {
    struct tree tree;
    size_t bytes;         /* of names and values */
};

struct attribute {
    struct named named;
    size_t name_size;     /* with the NUL */
    size_t size;          /* of the value, which follows the name */
    char name[];
};

static struct pool attributes_pool =
    POOL_INITIAL("extended attributes", struct extended_attributes, 0);

/* ---- Kinds of names ------------------------------------------------------------------------ */

static bool is_sticky_for(const struct credentials *credentials, const struct inode *inode)
{
    return inode_is_directory(inode) && (inode->mode & MODE_STICKY) &&
           credentials->file_user_id != inode->user_id &&
           !credentials_can(credentials, CAPABILITY_FILE_OWNER);
}

/* May the name be read or (`changes`) set? */
static int check_permission(const struct extended_request *request, bool changes)
{
    const struct credentials *credentials = request->credentials;
    const struct inode *inode = request->inode;
    int refused = changes ? -EPERM : -ENODATA;

    if (text_starts_with(request->name, "security.") || text_starts_with(request->name, "system."))
        return 0;
    if (text_starts_with(request->name, "trusted."))
        return credentials_can(credentials, CAPABILITY_ADMINISTRATION) ? 0 : refused;
    if (text_starts_with(request->name, "user.")) {
        if (inode_type(inode) != MODE_REGULAR && !inode_is_directory(inode))
            return refused;
        if (changes && is_sticky_for(credentials, inode))
            return -EPERM;
    }
    return inode_permission(request->inode, credentials,
                            changes ? PERMISSION_WRITE : PERMISSION_READ);
}

/* Is that a name which this filesystem keeps?  -EOPNOTSUPP; -EINVAL: only the beginning of one. */
static int check_kept(const struct extended_request *request)
{
    static const char *const kinds[] = { "user.", "trusted.", "security." };

    if (!request->inode->filesystem->keeps_extended)
        return -EOPNOTSUPP;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (text_starts_with(request->name, kinds[i]))
            return request->name[text_length(kinds[i])] ? 0 : -EINVAL;
    }
    return -EOPNOTSUPP;
}

static int check_change(const struct extended_request *request)
{
    int error = mount_is_read_only(request->mount) ? -EROFS : check_permission(request, true);

    if (!error && text_starts_with(request->name, "security.") &&
        !credentials_can(request->credentials, CAPABILITY_ADMINISTRATION))
        error = -EPERM;
    return error ? error : check_kept(request);
}

/* ---- One attribute: the inode's lock is held ------------------------------------------------- */

static struct attribute *find(const struct inode *inode, const char *name)
{
    struct named *named = inode->extended ? named_find(&inode->extended->tree, name) : NULL;

    return named ? CONTAINER_OF(named, struct attribute, named) : NULL;
}

static size_t bytes_of(const struct attribute *attribute)
{
    return attribute->name_size + attribute->size;
}

static void free_attribute(struct attribute *attribute)
{
    memory_free(attribute, sizeof(*attribute) + bytes_of(attribute));
}

static void drop(struct inode *inode, struct attribute *attribute)
{
    inode->extended->bytes -= bytes_of(attribute);
    tree_remove(&inode->extended->tree, &attribute->named.node);
    free_attribute(attribute);
}

static int make(const char *name, const void *value, size_t size, struct attribute **result)
{
    size_t name_size = text_length(name) + 1;
    struct attribute *attribute = memory_allocate(sizeof(*attribute) + name_size + size);

    if (!attribute)
        return -ENOMEM;
    attribute->name_size = name_size;
    attribute->size = size;
    attribute->named.text = attribute->name;
    memcpy(attribute->name, name, name_size);
    if (size > 0)
        memcpy(attribute->name + name_size, value, size);
    *result = attribute;
    return 0;
}

static int make_place(struct inode *inode)
{
    if (inode->extended)
        return 0;
    inode->extended = pool_allocate(&attributes_pool);
    if (!inode->extended)
        return -ENOMEM;
    tree_init(&inode->extended->tree, NULL);
    return 0;
}

static void note_changed(struct inode *inode) REQUIRES(&inode->lock)
{
    if (inode->operations->extended_changed)
        inode->operations->extended_changed(inode);
    inode_note_changed(inode);
}

/* The new one takes the old one's place, or is freed. */
static int put(struct inode *inode, struct attribute *attribute, uint32_t flags)
    REQUIRES(&inode->lock)
{
    struct attribute *before = find(inode, attribute->name);
    int error = make_place(inode);

    if (!error && (flags & EXTENDED_CREATE) && before)
        error = -EEXIST;
    if (!error && (flags & EXTENDED_REPLACE) && !before)
        error = -ENODATA;
    if (!error && inode->extended->bytes - (before ? bytes_of(before) : 0) + bytes_of(attribute) >
                      INODE_BYTES_MAX)
        error = -ENOSPC;
    if (error) {
        free_attribute(attribute);
        return error;
    }
    if (before)
        drop(inode, before);
    named_insert(&inode->extended->tree, &attribute->named);
    inode->extended->bytes += bytes_of(attribute);
    note_changed(inode);
    return 0;
}

/* ---- Services ------------------------------------------------------------------------------ */

int extended_set(const struct extended_request *request, const void *value, size_t size,
                 uint32_t flags)
{
    struct attribute *attribute;
    int error = check_change(request);

    if (!error)
        error = make(request->name, value, size, &attribute);
    if (error)
        return error;
    mutex_lock(&request->inode->lock);
    error = put(request->inode, attribute, flags);
    mutex_unlock(&request->inode->lock);
    return error;
}

int extended_remove(const struct extended_request *request)
{
    struct attribute *attribute;
    int error = check_change(request);

    if (error)
        return error;
    mutex_lock(&request->inode->lock);
    attribute = find(request->inode, request->name);
    if (attribute) {
        drop(request->inode, attribute);
        note_changed(request->inode);
    }
    mutex_unlock(&request->inode->lock);
    return attribute ? 0 : -ENODATA;
}

int64_t extended_get(const struct extended_request *request, void *value, size_t size)
{
    const struct attribute *attribute;
    int64_t result = check_permission(request, false);

    if (!result)
        result = check_kept(request);
    if (result)
        return result;
    mutex_lock(&request->inode->lock);
    attribute = find(request->inode, request->name);
    result = attribute ? (int64_t)attribute->size : -ENODATA;
    if (result > 0 && size > 0) {
        if (attribute->size > size)
            result = -ERANGE;
        else
            memcpy(value, attribute->name + attribute->name_size, attribute->size);
    }
    mutex_unlock(&request->inode->lock);
    return result;
}

/* Adds the name if the caller may see it; *length counts in any case. */
static void list_one(const struct extended_request *request, const struct attribute *attribute,
                     char *names, size_t size, size_t *length)
{
    if (text_starts_with(attribute->name, "trusted.") &&
        !credentials_can(request->credentials, CAPABILITY_ADMINISTRATION))
        return;
    if (*length + attribute->name_size <= size)
        memcpy(names + *length, attribute->name, attribute->name_size);
    *length += attribute->name_size;
}

int64_t extended_list(const struct extended_request *request, char *names, size_t size)
{
    struct inode *inode = request->inode;
    size_t length = 0;

    mutex_lock(&inode->lock);
    for (struct tree_node *node = inode->extended ? tree_last(&inode->extended->tree) : NULL; node;
         node = tree_previous(node))
        list_one(request, CONTAINER_OF(TREE_ENTRY(node, struct named, node), struct attribute,
                                       named), names, size, &length);
    mutex_unlock(&inode->lock);
    return size > 0 && length > size ? -ERANGE : (int64_t)length;
}

void extended_destroy(struct inode *inode)
{
    struct tree_node *node;

    if (!inode->extended)
        return;
    while ((node = tree_first(&inode->extended->tree)))
        drop(inode, CONTAINER_OF(TREE_ENTRY(node, struct named, node), struct attribute, named));
    pool_free(&attributes_pool, inode->extended);
    inode->extended = NULL;
}
