/*
 * Open files: lifetime.
 *
 * Invariant: a file holds one reference to its inode and, if it has one, to its mount and name,
 * from creation until the last reference to the file is gone.
 *
 * What comes with the end of a file may take any sleeping lock: a watched one leaves its epolls,
 * that of a namespace takes its mounts along.  But whoever looks at a file of another process, for
 * /proc, may be the last to let it go, in the middle of a read.  So with such a lock held the end
 * waits until the thread is on its way back to user code.
 */
#include "fs/file.h"

#include "config.h"
#include "fs/async.h"
#include "fs/epoll.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/path.h"
#include "fs/record_lock.h"
#include "memory/pool.h"
#include "sched/thread.h"

static struct pool file_pool = POOL_INITIAL("file", struct file, OPEN_FILES_MAX);

int file_reserve(struct file **file)
{
    bool too_many;

    *file = pool_allocate(&file_pool);
    if (*file)
        return 0;
    spin_lock(&file_pool.lock);
    too_many = file_pool.in_use >= OPEN_FILES_MAX;
    spin_unlock(&file_pool.lock);
    return too_many ? -ENFILE : -ENOMEM;
}

size_t file_count(void)
{
    spin_lock(&file_pool.lock);
    size_t count = file_pool.in_use;

    spin_unlock(&file_pool.lock);
    return count;
}

void file_unreserve(struct file *file)
{
    pool_free(&file_pool, file);
}

void file_init(struct file *file, const struct file_request *request)
{
    file->operations = request->operations;
    file->inode = request->inode;
    file->path = request->path;
    file->is_stream = request->is_stream;
    file->description = request->description;
    file->opener_user_id = request->opener_user_id;
    file->contents = request->contents;
    atomic_init(&file->flags, request->flags);
    refcount_init(&file->references, 1);
    mutex_init(&file->position_lock, RANK_FILE, "file");
    inode_reference(file->inode);
    path_reference(&file->path);
}

int file_create(const struct file_request *request, struct file **file)
{
    int error = file_reserve(file);

    if (!error)
        file_init(*file, request);
    return error;
}

int file_deny_writing(struct file *file)
{
    int error = inode_deny_writing(file->inode);

    ASSERT(!file->denies_writing);
    file->denies_writing = !error;
    return error;
}

void file_reference(struct file *file)
{
    refcount_take(&file->references);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void end(struct file *file)
{
    if (file->path.name)
        notify_file(file, file_is_writable(file) ? NOTIFY_CLOSE_WRITE : NOTIFY_CLOSE_OTHER);
    epoll_forget(file);
    file_drop_owner(file);
    if (file->inode)
        record_lock_drop_all(file->inode, file);
    if (file->operations && file->operations->release)
        file->operations->release(file);
    if (file->counts_as_writer) {
        inode_end_writing(file->inode);
        if (file->path.mount)
            atomic_fetch_sub(&file->path.mount->writers, 1);
    }
    if (file->denies_writing)
        inode_permit_writing(file->inode);
    inode_release(file->inode);
    path_release(&file->path);
    pool_free(&file_pool, file);
}

/* The thread ends it before it does anything that others could see. */
static void end_later(struct file *file)
{
    struct thread *thread = current_thread();

    file->next_waiting = thread->files_waiting;
    thread->files_waiting = file;
    atomic_fetch_or(&thread->work, THREAD_WORK_FILES);
}

void file_release(struct file *file)
{
    if (!refcount_drop(&file->references))
        return;
    if (current_thread()->mutexes)
        end_later(file);
    else
        end(file);
}

void file_end_waiting(void)
{
    struct thread *thread = current_thread();
    struct file *file;

    ASSERT(!thread->mutexes);
    atomic_fetch_and(&thread->work, ~(uint32_t)THREAD_WORK_FILES);
    while ((file = thread->files_waiting)) {
        thread->files_waiting = file->next_waiting;
        end(file);
    }
}

/* ---- How it was opened --------------------------------------------------------------------- */

bool file_is_readable(struct file *file)
{
    uint32_t flags = file_flags(file);

    return !(flags & OPEN_PATH) && (flags & OPEN_ACCESS_MODE) != OPEN_WRITE &&
           (flags & OPEN_ACCESS_MODE) != OPEN_ACCESS_MODE;
}

bool file_is_writable(struct file *file)
{
    uint32_t flags = file_flags(file);

    return !(flags & OPEN_PATH) && (flags & OPEN_ACCESS_MODE) != OPEN_READ &&
           (flags & OPEN_ACCESS_MODE) != OPEN_ACCESS_MODE;
}
