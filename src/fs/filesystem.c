/*
 * Filesystems as objects.
 *
 * Invariant: the root inode belongs to the filesystem, and its root name (made when it is first
 * mounted) as well; nothing else that the filesystem holds refers back to it.
 */
#include "fs/filesystem.h"

#include "fs/directory_cache.h"
#include "fs/inode.h"
#include "memory/pool.h"

static struct pool filesystem_pool = POOL_INITIAL("filesystem", struct filesystem, 0);
static _Atomic uint64_t last_device;

#define ANONYMOUS_TYPE 0x09041934    /* as Linux's anonymous inodes have */

static void filesystem_init(struct filesystem *filesystem, const char *type,
                            const struct filesystem_operations *operations)
{
    filesystem->type = type;
    filesystem->operations = operations;
    filesystem->device = 1 + atomic_fetch_add_explicit(&last_device, 1, memory_order_relaxed);
    filesystem->keeps_absent_names = true;
    refcount_init(&filesystem->references, 1);
    mutex_init(&filesystem->rename_lock, RANK_RENAME, "rename");
}

int filesystem_create(const char *type, const struct filesystem_operations *operations,
                      struct filesystem **result)
{
    struct filesystem *filesystem = pool_allocate(&filesystem_pool);

    if (!filesystem)
        return -ENOMEM;
    filesystem_init(filesystem, type, operations);
    *result = filesystem;
    return 0;
}

void filesystem_reference(struct filesystem *filesystem)
{
    refcount_take(&filesystem->references);
}

void filesystem_release(struct filesystem *filesystem)
{
    if (!refcount_drop(&filesystem->references))
        return;
    directory_cache_forget(filesystem);
    if (filesystem->root_name)
        name_release(filesystem->root_name);
    if (filesystem->root)
        inode_release(filesystem->root);
    if (filesystem->operations->destroy)
        filesystem->operations->destroy(filesystem);
    pool_free(&filesystem_pool, filesystem);
}

int filesystem_statistics(struct filesystem *filesystem,
                          struct filesystem_statistics *statistics)
{
    *statistics = (struct filesystem_statistics){ 0 };
    if (!filesystem->operations->statistics)
        return -ENOSYS;
    return filesystem->operations->statistics(filesystem, statistics);
}

/* ---- The one for nameless files ------------------------------------------------------------ */

static int anonymous_statistics(struct filesystem *filesystem,
                                struct filesystem_statistics *statistics)
{
    (void)filesystem;
    statistics->type = ANONYMOUS_TYPE;
    statistics->block_size = PAGE_SIZE;
    statistics->fragment_size = PAGE_SIZE;
    statistics->name_max = 255;
    return 0;
}

static const struct filesystem_operations anonymous_operations = {
    .statistics = anonymous_statistics,
};

static struct filesystem anonymous;

struct filesystem *filesystem_anonymous(void)
{
    return &anonymous;
}

void filesystem_init_anonymous(void)
{
    filesystem_init(&anonymous, "anon_inodefs", &anonymous_operations);
}
