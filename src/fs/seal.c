/*
 * Seals.
 *
 *   adds SEAL_WRITE                          maps the file shared
 *                                            sees no seal
 *   sees no mapping that can be written
 *   sets the seal
 *                                            makes the mapping: a sealed file is written
 *                                            <- forbidden: both hold the inode's lock all the time
 */
#include "fs/seal.h"

#include "fs/allocate.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "memory/memory_object.h"
#include "memory/page.h"

#define SEALS_OF_WRITING (SEAL_WRITE | SEAL_FUTURE_WRITE)
#define SEALS_ALL                                                                                \
    (SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEALS_OF_WRITING | SEAL_EXECUTE)
#define MODE_EXECUTE 0111u

int64_t file_seals(struct file *file)
{
    struct inode *inode = file->inode;
    int64_t seals;

    mutex_lock(&inode->lock);
    seals = inode->has_seals ? (int64_t)inode->seals : -EINVAL;
    mutex_unlock(&inode->lock);
    return seals;
}

static bool is_mapped_for_writing(struct inode *inode)
{
    struct memory_object *object;
    bool is_mapped = true;

    if (inode->operations->memory_object(inode, &object) != 0)
        return is_mapped;
    is_mapped = memory_object_may_be_written(object);
    memory_object_release(object);
    return is_mapped;
}

static int add_seals(struct inode *inode, uint32_t seals)
{
    if (!inode->has_seals)
        return -EINVAL;
    if (inode->seals & SEAL_SEAL)
        return -EPERM;
    if ((seals & SEAL_WRITE) && !(inode->seals & SEAL_WRITE) && is_mapped_for_writing(inode))
        return -EBUSY;
    /* What can be executed and stays so, is not changed either. */
    if ((seals & SEAL_EXECUTE) && (inode->mode & MODE_EXECUTE))
        seals |= SEAL_SHRINK | SEAL_GROW | SEALS_OF_WRITING;
    inode->seals |= seals;
    return 0;
}

int file_add_seals(struct file *file, uint32_t seals)
{
    int error;

    if (!file_is_writable(file))
        return -EPERM;
    if (seals & ~(uint32_t)SEALS_ALL)
        return -EINVAL;
    mutex_lock(&file->inode->lock);
    error = add_seals(file->inode, seals);
    mutex_unlock(&file->inode->lock);
    return error;
}

/* A write that would pass the end goes as far as whole pages before it, as on Linux. */
int seal_limit_write(const struct inode *inode, uint64_t position, uint64_t *size)
{
    uint64_t end = inode->size & ~(uint64_t)(PAGE_SIZE - 1);

    if (inode->seals & SEALS_OF_WRITING)
        return -EPERM;
    if (!(inode->seals & SEAL_GROW) || position + *size <= inode->size)
        return 0;
    if (position >= end)
        return -EPERM;
    *size = end - position;
    return 0;
}

int seal_check_attributes(const struct inode *inode, const struct attribute_request *request)
{
    uint32_t seals = inode->seals;

    if ((request->changes & CHANGE_MODE) && (seals & SEAL_EXECUTE) &&
        ((inode->mode ^ request->mode) & MODE_EXECUTE))
        return -EPERM;
    if (!(request->changes & CHANGE_SIZE))
        return 0;
    if ((seals & SEAL_SHRINK) && request->size < inode->size)
        return -EPERM;
    return (seals & SEAL_GROW) && request->size > inode->size ? -EPERM : 0;
}

int seal_check_allocation(const struct inode *inode, const struct allocation *allocation)
{
    if (allocation->mode & ALLOCATE_PUNCH_HOLE)
        return inode->seals & SEALS_OF_WRITING ? -EPERM : 0;
    return (inode->seals & SEAL_GROW) && allocation->end > inode->size ? -EPERM : 0;
}
