/*
 * /dev, and the way from a device node to its driver.
 *
 * Programs may make files and directories of their own in it, as in Linux's devtmpfs: it is a
 * tmpfs with a beginning.
 */
#include "fs/devfs.h"

#include "debug/options.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/open.h"
#include "fs/tmpfs.h"
#include "lib/assert.h"
#include "lib/container.h"
#include "machine/machine.h"

#define FILESYSTEM_TYPE "devtmpfs"
#define ROOT_MODE 0755u
#define CONTENTS_PAGES_MAX 4096u
#define LINK_MODE (MODE_LINK | 0777u)

static struct device *devices;    /* written at boot only */

static struct device *device_find(uint64_t id, uint32_t type)
{
    for (struct device *device = devices; device; device = device->next) {
        if (device->id == id && (device->mode & MODE_TYPE) == type)
            return device;
    }
    return NULL;
}

const char *device_name(uint64_t id, uint32_t type)
{
    const struct device *device = device_find(id, type);

    return device ? device->name : NULL;
}

static int device_open(struct file *file)
{
    const struct device *device = device_find(file->inode->device_id, inode_type(file->inode));

    if (!device)
        return -ENXIO;
    file->operations = device->operations;
    file->is_stream = device->is_stream;
    return device->open ? device->open(file) : 0;
}

void device_register(struct device *device)
{
    ASSERT(!device_find(device->id, device->mode & MODE_TYPE));
    if (!devices)
        file_set_device_opener(device_open);
    device->next = devices;
    devices = device;
}

/* The root directory's lock is held in both. */
static int make_node(struct inode *root, const struct device *device)
{
    const struct first_user user = option_first_user();
    const struct inode_request request = {
        .mode = device->mode,
        .user_id = device->is_users ? user.user_id : 0,
        .group_id = device->is_users ? user.group_id : 0,
        .device_id = device->id,
    };
    struct inode *inode;
    int error = root->operations->create(root, device->name, &request, &inode);

    if (!error)
        inode_release(inode);
    return error;
}

static int make_link(struct inode *root, const char *name, const char *target)
{
    const struct inode_request request = { .mode = LINK_MODE };
    struct inode *inode;
    int error = root->operations->symlink(root, name, target, &request, &inode);

    if (!error)
        inode_release(inode);
    return error;
}

static int fill(struct inode *root)
{
    static const struct {
        const char *name, *target;
    } links[] = {
        { "fd", "/proc/self/fd" },
        { "stdin", "/proc/self/fd/0" },
        { "stdout", "/proc/self/fd/1" },
        { "stderr", "/proc/self/fd/2" },
    };
    int error = 0;

    mutex_lock(&root->lock);
    for (struct device *device = devices; device && !error; device = device->next)
        error = make_node(root, device);
    for (size_t i = 0; i < ARRAY_SIZE(links) && !error; i++)
        error = make_link(root, links[i].name, links[i].target);
    mutex_unlock(&root->lock);
    return error;
}

int devfs_create(struct filesystem **result)
{
    struct filesystem *filesystem;
    int error = tmpfs_create(ROOT_MODE, CONTENTS_PAGES_MAX, &filesystem);

    if (error)
        return error;
    filesystem->type = FILESYSTEM_TYPE;
    error = fill(filesystem->root);
    if (error) {
        filesystem_release(filesystem);
        return error;
    }
    *result = filesystem;
    return 0;
}
