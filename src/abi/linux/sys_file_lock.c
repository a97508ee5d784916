/*
 * Locks on files: flock, and those on ranges (fcntl F_GETLK, F_SETLK, F_SETLKW and F_OFD_...):
 * struct flock to ranges and back.  The locks themselves are fs/record_lock.c's.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/file_lock.h"
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "fs/read_write.h"
#include "fs/record_lock.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define NO_PROCESS (-1)

/* Operations of flock. */
#define WHOLE_SHARED 1u
#define WHOLE_EXCLUSIVE 2u
#define WHOLE_NO_WAIT 4u
#define WHOLE_UNLOCK 8u
#define WHOLE_MANDATORY 32u    /* of an old kernel: accepted, and nothing happens */

enum record_type { RECORD_READ = 0, RECORD_WRITE = 1, RECORD_UNLOCK = 2 };

/* Where a range counts from. */
static int base_of(struct file *file, int16_t whence, int64_t *base)
{
    struct file_status status;
    int error = 0;

    switch (whence) {
    case SEEK_FROM_START:
        *base = 0;
        return 0;
    case SEEK_FROM_CURRENT:
        *base = file->is_stream ? 0 : file_seek(file, 0, SEEK_FROM_CURRENT);
        return *base < 0 ? (int)*base : 0;
    case SEEK_FROM_END:
        error = file_get_status(file, &status);
        *base = (int64_t)status.size;
        return error;
    }
    return -EINVAL;
}

/* A negative length means the bytes before the start, 0 everything behind it. */
static int decode_range(struct file *file, const struct linux_flock *flock,
                        struct record_range *range)
{
    int64_t start, last = INT64_MAX;
    int error = base_of(file, flock->whence, &start);

    if (error)
        return error;
    if (__builtin_add_overflow(start, flock->start, &start))
        return -EOVERFLOW;
    if (start < 0)
        return -EINVAL;
    if (flock->length > 0 && __builtin_add_overflow(start, flock->length - 1, &last))
        return -EOVERFLOW;
    if (flock->length < 0) {
        last = start - 1;
        start += flock->length;
        if (start < 0)
            return -EINVAL;
    }
    if (flock->type < RECORD_READ || flock->type > RECORD_UNLOCK)
        return -EINVAL;
    *range = (struct record_range){
        .first = (uint64_t)start,
        .last = (uint64_t)last,
        .is_write = flock->type == RECORD_WRITE,
        .process_id = current_process()->id,
    };
    return 0;
}

/* Who owns a lock: the process, or the open file, which has no process to name. */
static int owner_of(struct file *file, bool is_files, struct linux_flock *flock,
                    const void **owner)
{
    *owner = is_files ? (const void *)file : current_files();
    return is_files && flock->process_id != 0 ? -EINVAL : 0;
}

static int64_t get_lock(struct file *file, user_address argument, bool is_files)
{
    const void *owner;
    struct record_range range, other;
    struct linux_flock flock;
    int error = user_copy_in(current_space(), &flock, argument, sizeof(flock));

    if (!error && flock.type != RECORD_READ && flock.type != RECORD_WRITE)
        error = -EINVAL;
    if (!error)
        error = decode_range(file, &flock, &range);
    if (!error)
        error = owner_of(file, is_files, &flock, &owner);
    if (error)
        return error;
    flock.type = RECORD_UNLOCK;
    if (record_lock_find(file->inode, owner, &range, &other)) {
        flock = (struct linux_flock){
            .type = other.is_write ? RECORD_WRITE : RECORD_READ,
            .whence = SEEK_FROM_START,
            .start = (int64_t)other.first,
            .length = other.last == RECORD_LOCK_END ? 0 : (int64_t)(other.last - other.first + 1),
            .process_id = pid_seen(other.process_id),
        };
    }
    return user_copy_out(current_space(), argument, &flock, sizeof(flock));
}

static int64_t set_lock(struct file *file, user_address argument, bool is_files, bool wait)
{
    const void *owner;
    struct record_range range;
    struct linux_flock flock;
    int error = user_copy_in(current_space(), &flock, argument, sizeof(flock));

    if (!error)
        error = decode_range(file, &flock, &range);
    if (!error)
        error = owner_of(file, is_files, &flock, &owner);
    if (error)
        return error;
    if (is_files)
        range.process_id = NO_PROCESS;
    if (flock.type == RECORD_UNLOCK)
        return record_lock_drop(file->inode, owner, &range);
    if (flock.type == RECORD_WRITE ? !file_is_writable(file) : !file_is_readable(file))
        return -EBADF;
    return record_lock_take(file->inode, owner, &range, wait);
}

int64_t file_lock_control(struct file *file, int32_t command, uint64_t argument)
{
    bool is_files = command >= FCNTL_GET_FILE_LOCK;

    if (command == FCNTL_GET_LOCK || command == FCNTL_GET_FILE_LOCK)
        return get_lock(file, argument, is_files);
    return set_lock(file, argument, is_files,
                    command == FCNTL_SET_LOCK_WAIT || command == FCNTL_SET_FILE_LOCK_WAIT);
}

int64_t sys_flock(int32_t fd, uint32_t operation)
{
    uint32_t kind = operation & ~WHOLE_NO_WAIT;
    struct file *file;
    int error;

    if (operation & WHOLE_MANDATORY)
        return 0;
    if (kind != WHOLE_SHARED && kind != WHOLE_EXCLUSIVE && kind != WHOLE_UNLOCK)
        return -EINVAL;
    error = fd_get(fd, &file);
    if (error)
        return error;
    if (kind == WHOLE_UNLOCK)
        error = whole_lock_drop(file->inode, file);
    else if (!file_is_readable(file) && !file_is_writable(file))
        error = -EBADF;
    else
        error = whole_lock_take(file->inode, file, kind == WHOLE_EXCLUSIVE,
                                !(operation & WHOLE_NO_WAIT));
    file_release(file);
    return error;
}
