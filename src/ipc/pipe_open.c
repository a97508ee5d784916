/*
 * Pipes come and go with the files that are open on their inode.
 *
 *   opens the FIFO                            closes the last other file
 *   finds the pipe
 *                                             frees it
 *   uses it                                   <- forbidden: both change `users` with the inode
 *                                                locked, and who opens counts from its look on
 *
 * Invariant: inode->pipe is there exactly while its `users` is not 0.
 */
#include "fs/anonymous_file.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/open.h"
#include "fs/path.h"
#include "ipc/pipe.h"
#include "ipc/pipe_internal.h"
#include "lib/assert.h"
#include "lib/format.h"
#include "memory/pool.h"

#define PIPE_MODE (MODE_FIFO | 0600u)

static struct pool pipe_pool = POOL_INITIAL("pipe", struct pipe, 0);

/* ---- Life ---------------------------------------------------------------------------------- */

static struct pipe *create_pipe(const struct inode *inode)
{
    struct pipe *pipe = pool_allocate(&pipe_pool);

    if (!pipe)
        return NULL;
    pipe->slots = memory_allocate(PIPE_SLOTS_DEFAULT * sizeof(*pipe->slots));
    if (!pipe->slots) {
        pool_free(&pipe_pool, pipe);
        return NULL;
    }
    pipe->capacity = PIPE_SLOTS_DEFAULT;
    pipe->number = inode->number;
    mutex_init(&pipe->lock, RANK_PIPE, "pipe");
    wait_queue_init(&pipe->readable);
    wait_queue_init(&pipe->writable);
    wait_queue_init(&pipe->opened);
    async_files_init(&pipe->async);
    (void)format(pipe->description, sizeof(pipe->description), "pipe:[%llu]",
                 (unsigned long long)inode->number);
    return pipe;
}

static void free_pipe(struct pipe *pipe)
{
    ASSERT(pipe->readers == 0);
    ASSERT(pipe->writers == 0);
    for (unsigned i = 0; i < pipe->count; i++)
        page_release(pipe->slots[(pipe->first + i) & (pipe->capacity - 1)].page);
    memory_free(pipe->slots, pipe->capacity * sizeof(*pipe->slots));
    pool_free(&pipe_pool, pipe);
}

/* The inode's pipe, with one more user; NULL without memory. */
static struct pipe *join(struct inode *inode)
{
    mutex_lock(&inode->lock);
    if (!inode->pipe)
        inode->pipe = create_pipe(inode);

    struct pipe *pipe = inode->pipe;

    if (pipe)
        pipe->users++;
    mutex_unlock(&inode->lock);
    return pipe;
}

static bool reads(uint32_t flags)
{
    return (flags & OPEN_ACCESS_MODE) != OPEN_WRITE;
}

static bool writes(uint32_t flags)
{
    return (flags & OPEN_ACCESS_MODE) != OPEN_READ;
}

/* An open file of this kind is there from now on. */
static void enter(struct pipe *pipe, uint32_t flags) REQUIRES(&pipe->lock)
{
    ASSERT(mutex_is_held(&pipe->lock));
    if (reads(flags)) {
        pipe->readers++;
        pipe->reads_opened++;
    }
    if (writes(flags)) {
        pipe->writers++;
        pipe->writes_opened++;
    }
    wait_queue_wake_all(&pipe->opened);
}

/* As on Linux nobody hears of it while both ends are still open. */
static void leave_locked(struct pipe *pipe, uint32_t flags)
{
    bool is_one_sided;

    mutex_lock(&pipe->lock);
    if (reads(flags)) {
        ASSERT(pipe->readers > 0);
        pipe->readers--;
    }
    if (writes(flags)) {
        ASSERT(pipe->writers > 0);
        pipe->writers--;
    }
    is_one_sided = (pipe->readers == 0) != (pipe->writers == 0);
    if (is_one_sided) {
        wait_queue_wake_all(&pipe->readable);
        wait_queue_wake_all(&pipe->writable);
    }
    mutex_unlock(&pipe->lock);
    if (is_one_sided) {
        async_tell(&pipe->async, ASYNC_INPUT);
        async_tell(&pipe->async, ASYNC_OUTPUT);
    }
}

/* One user less. */
static void part(struct inode *inode, struct pipe *pipe)
{
    mutex_lock(&inode->lock);
    ASSERT(inode->pipe == pipe);
    ASSERT(pipe->users > 0);

    bool last = --pipe->users == 0;

    if (last)
        inode->pipe = NULL;
    mutex_unlock(&inode->lock);
    if (last)
        free_pipe(pipe);
}

void pipe_leave(struct inode *inode, struct pipe *pipe, uint32_t flags)
{
    leave_locked(pipe, flags);
    part(inode, pipe);
}

/* ---- FIFOs --------------------------------------------------------------------------------- */

/* Until somebody opens the other end.  0 or -EINTR; the lock is held again. */
static int wait_for_partner(struct pipe *pipe, const uint64_t *opened) REQUIRES(&pipe->lock)
{
    const struct wait_reason reason = { .kind = WAIT_INPUT, .object = pipe->number };
    uint64_t before = *opened;
    int error = 0;

    while (*opened == before && !error) {
        struct wait_entry entry;

        wait_entry_add(&entry, &pipe->opened);
        mutex_unlock(&pipe->lock);
        error = wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER);
        wait_entry_remove(&entry);
        mutex_lock(&pipe->lock);
    }
    return *opened == before ? error : 0;
}

static const struct inode_operations pipe_inode_operations = {
    .set_attributes = inode_set_fields,
};

/* A pipe that is opened again (/dev/stdin) waits for nobody. */
static bool is_nameless(const struct inode *inode)
{
    return inode->operations == &pipe_inode_operations;
}

/* The pipe is locked.  -ENXIO: nobody reads, and the caller does not wait; -EINTR: it has left. */
static int open_end(struct pipe *pipe, struct file *file, uint32_t flags) REQUIRES(&pipe->lock)
{
    bool waits = !(flags & OPEN_NONBLOCK);

    if (!reads(flags) && !waits && pipe->readers == 0 && !is_nameless(file->inode))
        return -ENXIO;
    enter(pipe, flags);
    if ((reads(flags) && writes(flags)) || is_nameless(file->inode))
        return 0;
    if (reads(flags) && pipe->writers == 0) {
        if (waits)
            return wait_for_partner(pipe, &pipe->writes_opened);
        file->position = pipe->writes_opened;    /* see pipe_poll */
    }
    if (writes(flags) && pipe->readers == 0)
        return wait_for_partner(pipe, &pipe->reads_opened);
    return 0;
}

static int open_fifo(struct file *file)
{
    uint32_t flags = file_flags(file);
    struct pipe *pipe;
    int error;

    if ((flags & OPEN_ACCESS_MODE) == OPEN_ACCESS_MODE)
        return -EINVAL;    /* neither end */
    pipe = join(file->inode);
    if (!pipe)
        return -ENOMEM;
    file->position = UINT64_MAX;
    mutex_lock(&pipe->lock);
    error = open_end(pipe, file, flags);
    mutex_unlock(&pipe->lock);
    if (error) {
        if (error == -EINTR)
            leave_locked(pipe, flags);
        part(file->inode, pipe);
        return error;
    }
    file->operations = &pipe_operations;
    file->is_stream = true;
    file->contents = pipe;
    return 0;
}

void pipe_init(void)
{
    file_set_fifo_opener(open_fifo);
}

/* ---- Pipes without a name ------------------------------------------------------------------ */

static int create_end(const struct path *path, uint32_t flags, const struct credentials *who,
                      struct file **file)
{
    struct inode *inode = path_inode(path);
    struct pipe *pipe = join(inode);
    const struct file_request request = {
        .operations = &pipe_operations,
        .inode = inode,
        .path = *path,
        .flags = flags,
        .is_stream = true,
        .description = pipe ? pipe->description : NULL,
        .opener_user_id = who->file_user_id,
        .contents = pipe,
    };
    int error;

    if (!pipe)
        return -ENOMEM;
    error = file_create(&request, file);
    if (error) {
        part(inode, pipe);
        return error;
    }
    (*file)->position = UINT64_MAX;
    mutex_lock(&pipe->lock);
    enter(pipe, flags);
    mutex_unlock(&pipe->lock);
    return 0;
}

static int create_ends(const struct path *path, uint32_t flags, const struct credentials *who,
                       struct file *files[2])
{
    int error = create_end(path, (flags & ~OPEN_DIRECT) | OPEN_READ, who, &files[0]);

    if (error)
        return error;
    error = create_end(path, flags | OPEN_WRITE, who, &files[1]);
    if (error)
        file_release(files[0]);
    return error;
}

/* So that the pipe can be opened again (/dev/stdin). */
static int create_name(const struct path *root, struct inode *inode, struct path *path)
{
    char text[PIPE_DESCRIPTION_SIZE];

    (void)format(text, sizeof(text), "pipe:[%llu]", (unsigned long long)inode->number);
    return anonymous_path_create(root, text, inode, path);
}

int pipe_create(const struct fs_context *context, uint32_t flags, struct file *files[2])
{
    const struct inode_kind kind = { &pipe_inode_operations, &pipe_operations };
    const struct inode_request request = {
        .mode = PIPE_MODE,
        .user_id = context->credentials.file_user_id,
        .group_id = context->credentials.file_group_id,
    };
    struct path path;
    struct inode *inode;
    int error = inode_create(filesystem_anonymous(), &kind, &request, &inode);

    if (error)
        return error;
    error = create_name(&context->root, inode, &path);
    inode_release(inode);
    if (error)
        return error;
    error = create_ends(&path, flags, &context->credentials, files);
    name_release(path.name);
    return error;
}
