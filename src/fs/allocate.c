/*
 * fallocate.  Pages behind the end of a file are not kept (ALLOCATE_KEEP_SIZE then promises
 * nothing there), so that no cache has pages beyond its size.
 */
#include "fs/allocate.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/page_cache.h"

#define MODES_OF_THEIR_OWN                                                                       \
    (ALLOCATE_PUNCH_HOLE | ALLOCATE_COLLAPSE | ALLOCATE_ZERO | ALLOCATE_INSERT | ALLOCATE_UNSHARE)

/* At most one of the modes, some of them only with or without the size kept. */
static bool mode_is_known(uint32_t mode)
{
    uint32_t own = mode & MODES_OF_THEIR_OWN;

    if ((mode & ~(uint32_t)(MODES_OF_THEIR_OWN | ALLOCATE_KEEP_SIZE)) || (own & (own - 1)))
        return false;
    if (own == ALLOCATE_PUNCH_HOLE)
        return mode & ALLOCATE_KEEP_SIZE;
    return !(mode & ALLOCATE_KEEP_SIZE) || (own != ALLOCATE_COLLAPSE && own != ALLOCATE_INSERT);
}

/* What cannot be allocated for this type of file. */
static int error_of_type(const struct inode *inode)
{
    switch (inode_type(inode)) {
    case MODE_REGULAR:
        return 0;
    case MODE_FIFO:
        return -ESPIPE;
    case MODE_DIRECTORY:
        return -EISDIR;
    }
    return -ENODEV;
}

int file_allocate(struct file *file, uint32_t mode, int64_t offset, int64_t length,
                  uint64_t size_limit)
{
    struct allocation allocation = { .mode = mode, .size_limit = size_limit };
    int64_t end;
    int error;

    if (offset < 0 || length <= 0)
        return -EINVAL;
    if (!mode_is_known(mode))
        return -EOPNOTSUPP;
    if (!file_is_writable(file))
        return -EBADF;
    error = error_of_type(file->inode);
    if (error)
        return error;
    if (__builtin_add_overflow(offset, length, &end))
        return -EFBIG;
    if (!file->operations->allocate)
        return -EOPNOTSUPP;
    allocation.start = (uint64_t)offset;
    allocation.end = (uint64_t)end;
    mutex_lock(&file->inode->lock);
    error = file->operations->allocate(file, &allocation);
    mutex_unlock(&file->inode->lock);
    return error;
}

static int allocate(struct inode *inode, struct page_cache *cache,
                    const struct allocation *allocation)
{
    bool keeps_size = allocation->mode & ALLOCATE_KEEP_SIZE;
    uint64_t end = allocation->end;
    int error;

    if (end > inode->size && end > allocation->size_limit)
        return -EFBIG;
    if (keeps_size && end > inode->size)
        end = inode->size;
    error = page_cache_allocate(cache, allocation->start, end, allocation->ends_by_signal);
    if (error) {
        page_cache_punch(cache, inode->size, end);    /* nothing stays behind the end */
    } else if (end > inode->size) {
        page_cache_resize(cache, end);
        inode->size = end;
    }
    return error;
}

int page_cache_allocate_file(struct inode *inode, struct page_cache *cache,
                             const struct allocation *allocation)
{
    int error = 0;

    if (allocation->mode == (ALLOCATE_PUNCH_HOLE | ALLOCATE_KEEP_SIZE))
        page_cache_punch(cache, allocation->start, allocation->end);
    else if (allocation->mode & ~(uint32_t)ALLOCATE_KEEP_SIZE)
        return -EOPNOTSUPP;
    else
        error = allocate(inode, cache, allocation);
    if (!error)
        inode_note_modified(inode);
    return error;
}
