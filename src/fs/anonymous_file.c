/*
 * Files without a name: each has an inode of its own, which nobody can find, with a mode that has
 * no type, as on Linux.
 */
#include "fs/anonymous_file.h"

#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "lib/text.h"

#define ANONYMOUS_MODE 0600u

/* Nobody may change what all such files of a Linux machine share. */
static int refuse_attributes(struct inode *inode, const struct attribute_request *request)
{
    (void)inode;
    (void)request;
    return -EOPNOTSUPP;
}

static const struct inode_operations anonymous_inode_operations = {
    .set_attributes = refuse_attributes,
};

int anonymous_file_create(const struct file_operations *operations, const char *description,
                          uint32_t flags, void *contents, struct file **file)
{
    const struct inode_kind kind = { &anonymous_inode_operations, operations };
    const struct inode_request node = { .mode = ANONYMOUS_MODE };
    struct file_request request = {
        .operations = operations,
        .flags = OPEN_READ_WRITE | (flags & OPEN_NONBLOCK),
        .is_stream = true,
        .description = description,
        .contents = contents,
    };
    int error = inode_create(filesystem_anonymous(), &kind, &node, &request.inode);

    if (error)
        return error;
    error = file_create(&request, file);
    inode_release(request.inode);
    return error;
}

int anonymous_path_create(const struct path *root, const char *description, struct inode *inode,
                          struct path *path)
{
    const struct component component = { description, (uint32_t)text_length(description) };

    path->mount = root->mount;
    return name_create_hidden(root->name, component, inode, &path->name);
}

int64_t anonymous_file_seek(struct file *file, int64_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}
