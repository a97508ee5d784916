/* Start of the filesystem core. */
#include "fs/fs_init.h"

#include "fs/epoll.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/fs_internal.h"
#include "fs/mount.h"
#include "fs/page_cache.h"
#include "memory/address_space.h"

static void unmapped(struct file *file)
{
    if (file->operations && file->operations->unmapped)
        file->operations->unmapped(file);
}

static const struct region_file_operations region_file_operations = {
    .reference = file_reference,
    .release = file_release,
    .unmapped = unmapped,
};

void fs_init(void)
{
    mount_init();
    epoll_init();
    filesystem_init_anonymous();
    tmpfs_init();
    address_space_set_file_operations(&region_file_operations);
    address_space_set_reclaim(page_cache_shrink);
    address_space_set_reclaim(page_cache_shrink);
}
