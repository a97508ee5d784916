/*
 * tmpfs: inodes, attributes and file contents.  Directories are in tmpfs_directory.c.
 *
 * Invariants: a regular file's contents are one page cache, whose pages are charged to the
 * filesystem's account; the cache may outlive inode and filesystem (a mapping), and so does the
 * account.  inode->size of a regular file is the cache's size whenever the inode's lock is free.
 */
#include "fs/tmpfs.h"

#include "config.h"
#include "fs/allocate.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/fs_internal.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/page_account.h"
#include "fs/page_cache.h"
#include "fs/seal.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "time/clock.h"

#define TMPFS_TYPE 0x01021994

/* Contents of a filesystem. */
struct tmpfs {
    struct page_account *account;    /* constant; a reference */
};

static struct pool tmpfs_pool = POOL_INITIAL("tmpfs", struct tmpfs, 0);

/* Files without names live here, where no path leads; made at boot. */
static struct mount *memory_files;

static struct tmpfs *tmpfs_of(const struct inode *inode)
{
    return inode->filesystem->contents;
}

/* ---- File contents ------------------------------------------------------------------------- */

static int charge(struct page_cache *cache, uint64_t pages)
{
    return page_account_charge(cache->source, pages);
}

static void uncharge(struct page_cache *cache, uint64_t pages)
{
    page_account_uncharge(cache->source, pages);
}

static void cache_destroy(struct page_cache *cache)
{
    page_account_release(cache->source);
}

static const struct page_cache_operations cache_operations = {
    .charge = charge,
    .uncharge = uncharge,
    .destroy = cache_destroy,
};

static int64_t tmpfs_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    int64_t done = page_cache_read(file->inode->contents, buffer, position);

    if (done >= 0 && !(file_flags(file) & OPEN_NOATIME))
        inode_note_accessed(file->inode);
    return done;
}

static int64_t tmpfs_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
    REQUIRES(&file->inode->lock)
{
    struct inode *inode = file->inode;
    uint64_t held_back = buffer->remaining;
    int64_t done = seal_limit_write(inode, *position, &buffer->remaining);

    ASSERT(mutex_is_held(&inode->lock));
    held_back -= buffer->remaining;
    if (!done)
        done = page_cache_write(inode->contents, buffer, position);
    buffer->remaining += held_back;
    if (done > 0) {
        inode->size = page_cache_size(inode->contents);
        inode_note_modified(inode);
    }
    return done;
}

static int64_t tmpfs_seek(struct file *file, int64_t offset, int whence)
{
    return page_cache_seek(file, file->inode->contents, offset, whence);
}

static int tmpfs_sync(struct file *file)
{
    (void)file;
    return 0;
}

static int tmpfs_allocate(struct file *file, const struct allocation *allocation)
    REQUIRES(&file->inode->lock)
{
    struct inode *inode = file->inode;
    struct allocation own = *allocation;
    int error = seal_check_allocation(inode, allocation);

    ASSERT(mutex_is_held(&inode->lock));
    own.ends_by_signal = true;
    return error ? error : page_cache_allocate_file(inode, inode->contents, &own);
}

static int tmpfs_memory_object(struct inode *inode, struct memory_object **object)
{
    struct page_cache *cache = inode->contents;

    page_cache_reference(cache);
    *object = &cache->object;
    return 0;
}

static const struct file_operations regular_operations = {
    .read = tmpfs_read,
    .write = tmpfs_write,
    .seek = tmpfs_seek,
    .sync = tmpfs_sync,
    .allocate = tmpfs_allocate,
};

static const struct file_operations directory_operations = {
    .read_directory = tmpfs_read_directory,
    .sync = tmpfs_sync,
};

/* Devices, FIFOs and sockets: whoever opens them finds other operations. */
static const struct file_operations special_operations = { 0 };

/* ---- Attributes ---------------------------------------------------------------------------- */

static int tmpfs_status(struct inode *inode, struct file_status *status)
{
    inode_status_from_fields(inode, status);
    if (inode_type(inode) == MODE_REGULAR)
        status->blocks = page_cache_pages(inode->contents) * (PAGE_SIZE / 512);
    return 0;
}

static int tmpfs_set_attributes(struct inode *inode, const struct attribute_request *request)
    REQUIRES(&inode->lock)
{
    struct attribute_request others = *request;

    int error = seal_check_attributes(inode, request);

    if (error)
        return error;
    if (request->changes & CHANGE_SIZE) {
        if (inode_type(inode) != MODE_REGULAR)
            return -EINVAL;
        page_cache_resize(inode->contents, request->size);
        if (inode->size != request->size)
            inode_note_modified(inode);
        inode->size = request->size;
    }
    others.changes &= ~(uint32_t)CHANGE_SIZE;
    return others.changes ? inode_set_fields(inode, &others) : 0;
}

static int64_t tmpfs_read_link(struct inode *inode, char *target, size_t size)
{
    size_t length = (size_t)inode->size;

    if (length > size)
        length = size;
    memcpy(target, inode->contents, length);
    return (int64_t)length;
}

/* What it counts as: the names that went with their directory were not taken off. */
static uint64_t names_of(const struct inode *inode)
{
    return inode_is_directory(inode) || inode->links == 0 ? 1 : inode->links;
}

static void tmpfs_destroy_inode(struct inode *inode)
{
    struct tmpfs *tmpfs = tmpfs_of(inode);

    switch (inode_type(inode)) {
    case MODE_REGULAR:
        page_cache_release(inode->contents);
        break;
    case MODE_DIRECTORY:
        tmpfs_directory_destroy(inode);
        break;
    case MODE_LINK:
        memory_free(inode->contents, (size_t)inode->size + 1);
        break;
    }
    page_account_uncharge_files(tmpfs->account, names_of(inode));
}

static const struct inode_operations directory_inode_operations = {
    .lookup = tmpfs_lookup,
    .create = tmpfs_create_inode,
    .symlink = tmpfs_symlink,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rmdir = tmpfs_remove_directory,
    .rename = tmpfs_rename,
    .temporary = tmpfs_temporary,
    .status = tmpfs_status,
    .set_attributes = tmpfs_set_attributes,
    .destroy = tmpfs_destroy_inode,
};

static const struct inode_operations regular_inode_operations = {
    .status = tmpfs_status,
    .set_attributes = tmpfs_set_attributes,
    .memory_object = tmpfs_memory_object,
    .destroy = tmpfs_destroy_inode,
};

static const struct inode_operations other_inode_operations = {
    .read_link = tmpfs_read_link,
    .status = tmpfs_status,
    .set_attributes = tmpfs_set_attributes,
    .destroy = tmpfs_destroy_inode,
};

/* ---- New inodes ---------------------------------------------------------------------------- */

static struct inode_kind kind_for(uint32_t mode)
{
    switch (mode & MODE_TYPE) {
    case MODE_DIRECTORY:
        return (struct inode_kind){ &directory_inode_operations, &directory_operations };
    case MODE_REGULAR:
        return (struct inode_kind){ &regular_inode_operations, &regular_operations };
    }
    return (struct inode_kind){ &other_inode_operations, &special_operations };
}

static int make_contents(struct inode *inode, const char *target)
{
    struct page_cache *cache;
    int error;

    switch (inode_type(inode)) {
    case MODE_DIRECTORY:
        return tmpfs_directory_create(inode);
    case MODE_REGULAR:
        error = page_cache_create(&cache_operations, tmpfs_of(inode)->account, 0, &cache);
        if (error)
            return error;
        page_account_reference(tmpfs_of(inode)->account);
        inode->contents = cache;
        inode->has_seals = true;
        inode->seals = SEAL_SEAL;
        return 0;
    case MODE_LINK:
        ASSERT(target);
        inode->size = text_length(target);
        inode->contents = memory_allocate((size_t)inode->size + 1);
        if (!inode->contents)
            return -ENOMEM;
        memcpy(inode->contents, target, (size_t)inode->size);
        return 0;
    }
    return 0;
}

int tmpfs_make_inode(struct filesystem *filesystem, const struct inode_request *request,
                     const char *target, struct inode **result)
{
    struct inode_kind kind = kind_for(request->mode);
    struct page_account *account = ((struct tmpfs *)filesystem->contents)->account;
    struct inode *inode;
    int error = page_account_charge_file(account);

    if (error)
        return error;
    error = inode_create(filesystem, &kind, request, &inode);
    if (!error) {
        error = make_contents(inode, target);
        if (error) {
            inode->operations = NULL;    /* there is nothing to destroy yet */
            inode_release(inode);
        }
    }
    if (error)
        page_account_uncharge_files(account, 1);
    else
        *result = inode;
    return error;
}

int tmpfs_charge_name(struct inode *inode)
{
    return page_account_charge_file(tmpfs_of(inode)->account);
}

void tmpfs_uncharge_name(struct inode *inode)
{
    page_account_uncharge_files(tmpfs_of(inode)->account, 1);
}

/* ---- The filesystem ------------------------------------------------------------------------ */

static int tmpfs_statistics(struct filesystem *filesystem,
                            struct filesystem_statistics *statistics)
{
    struct tmpfs *tmpfs = filesystem->contents;
    uint64_t used = tmpfs->account->pages_used, all = tmpfs->account->pages_max;
    uint64_t files = tmpfs->account->files_used, files_max = tmpfs->account->files_max;

    statistics->type = TMPFS_TYPE;
    statistics->block_size = PAGE_SIZE;
    statistics->fragment_size = PAGE_SIZE;
    statistics->blocks = all;
    statistics->blocks_free = used < all ? all - used : 0;
    statistics->blocks_available = statistics->blocks_free;
    if (files_max < UINT64_MAX) {
        statistics->files = files_max;
        statistics->files_free = files < files_max ? files_max - files : 0;
    }
    statistics->name_max = 255;
    statistics->id = filesystem->device;
    return 0;
}

static void tmpfs_destroy(struct filesystem *filesystem)
{
    struct tmpfs *tmpfs = filesystem->contents;

    ASSERT(tmpfs->account->files_used == 0);
    page_account_release(tmpfs->account);
    pool_free(&tmpfs_pool, tmpfs);
}

static const struct filesystem_operations filesystem_operations = {
    .statistics = tmpfs_statistics,
    .destroy = tmpfs_destroy,
};

/* Without a root. */
static int create_empty(uint64_t pages_max, struct filesystem **result)
{
    struct tmpfs *tmpfs = pool_allocate(&tmpfs_pool);
    int error;

    if (!tmpfs)
        return -ENOMEM;
    error = page_account_create(pages_max, &tmpfs->account);
    if (!error) {
        error = filesystem_create("tmpfs", &filesystem_operations, result);
        if (error)
            page_account_release(tmpfs->account);
    }
    if (error) {
        pool_free(&tmpfs_pool, tmpfs);
        return error;
    }
    (*result)->contents = tmpfs;
    (*result)->keeps_extended = true;
    (*result)->gives_handles = true;
    return 0;
}

int tmpfs_create(uint32_t root_mode, uint64_t pages_max, struct filesystem **result)
{
    const struct inode_request request = { .mode = MODE_DIRECTORY | (root_mode & ~MODE_TYPE) };
    struct filesystem *filesystem;
    int error = create_empty(pages_max, &filesystem);

    if (error)
        return error;
    error = tmpfs_make_inode(filesystem, &request, NULL, &filesystem->root);
    if (error) {
        filesystem_release(filesystem);
        return error;
    }
    *result = filesystem;
    return 0;
}

void tmpfs_limit_files(struct filesystem *filesystem, uint64_t files_max)
{
    ((struct tmpfs *)filesystem->contents)->account->files_max = files_max;
}

/* ---- Files without a name ------------------------------------------------------------------ */

/* A name that no look-up finds, for what readlink shows of the descriptor. */
static int name_memory_file(struct inode *inode, const char *name, struct path *path)
{
    char text[NAME_MAX + 1];
    size_t length = format(text, sizeof(text), "memfd:%s", name);
    struct component component = { text, (uint32_t)length };

    if (length > NAME_MAX)
        return -EINVAL;
    path->mount = memory_files;
    return name_create_hidden(memory_files->root, component, inode, &path->name);
}

static int open_memory_file(struct inode *inode, uint32_t user_id, const char *name,
                            struct file **file)
{
    struct file_request request = {
        .operations = inode->file_operations,
        .inode = inode,
        .flags = OPEN_READ_WRITE | OPEN_LARGEFILE,
        .opener_user_id = user_id,
    };
    int error = name_memory_file(inode, name, &request.path);

    if (error)
        return error;
    error = file_create(&request, file);
    name_release(request.path.name);
    return error;
}

int tmpfs_create_memory_file(const struct credentials *credentials, const char *name,
                             uint32_t seals, struct file **file)
{
    const struct inode_request request = {
        .mode = MODE_REGULAR | (seals & SEAL_EXECUTE ? 0666 : 0777),
        .user_id = credentials->file_user_id,
        .group_id = credentials->file_group_id,
    };
    struct inode *inode;
    int error = tmpfs_make_inode(memory_files->filesystem, &request, NULL, &inode);

    if (error)
        return error;
    inode->links = 0;
    inode->seals = seals;
    error = open_memory_file(inode, credentials->file_user_id, name, file);
    inode_release(inode);
    return error;
}

void tmpfs_init(void)
{
    struct filesystem *filesystem;
    int error = tmpfs_create(0755, 0, &filesystem);

    ASSERT(!error);    /* boot: there is memory */
    tmpfs_limit_files(filesystem, UINT64_MAX);    /* descriptors are limited */
    error = mount_create_hidden(filesystem, &memory_files);
    ASSERT(!error);
    filesystem_release(filesystem);
}
