/*
 * Owners of files, and the lists of those that want signals.
 *
 *   tells of input                            the file goes
 *   finds the owner on the list
 *                                             takes it off, frees it
 *   sends to whom it names                    <- forbidden: both hold the one lock, under which
 *                                                signals are sent as well
 *
 * Invariant: an owner is on a list exactly while its file has OPEN_ASYNC by file_set_async, and
 * `count` is how many are on it.
 */
#include "fs/async.h"

#include "config.h"
#include "fs/file.h"
#include "lib/assert.h"
#include "memory/pool.h"

static struct pool owner_pool = POOL_INITIAL("file owner", struct file_owner, 0);
static struct spinlock owners_lock = SPINLOCK_INITIAL(RANK_FILE_OWNERS, "file owners");
static void (*send_signal)(const struct file_owner *owner, enum async_event event);

void async_set_sender(void (*send)(const struct file_owner *owner, enum async_event event))
{
    send_signal = send;
}

void async_files_init(struct async_files *files)
{
    list_init(&files->owners);
}

/* ---- Telling ------------------------------------------------------------------------------- */

/* Of a pipe's files those that could use it. */
static bool concerns(struct file *file, enum async_event event)
{
    return event == ASYNC_INPUT    ? file_is_readable(file)
           : event == ASYNC_OUTPUT ? file_is_writable(file)
                                   : true;
}

void async_tell_owners(struct async_files *files, enum async_event event)
{
    spin_lock(&owners_lock);
    LIST_FOR_EACH(node, &files->owners) {
        struct file_owner *owner = LIST_ENTRY(node, struct file_owner, node);

        if (owner->ids.id != 0 && concerns(owner->file, event))
            send_signal(owner, event);
    }
    spin_unlock(&owners_lock);
}

/* ---- Owners -------------------------------------------------------------------------------- */

static bool has_owner(const struct file *file)
{
    spin_lock(&owners_lock);
    bool has = file->owner != NULL;

    spin_unlock(&owners_lock);
    return has;
}

/* There is one from now on, until the file goes.  -ENOMEM, if there was none. */
static int need_owner(struct file *file)
{
    struct file_owner *owner;
    bool is_first;

    if (has_owner(file))
        return 0;
    owner = pool_allocate(&owner_pool);
    if (!owner)
        return -ENOMEM;
    list_init(&owner->node);
    owner->file = file;
    owner->ids.kind = OWNER_PROCESS;
    spin_lock(&owners_lock);
    is_first = !file->owner;
    if (is_first)
        file->owner = owner;
    spin_unlock(&owners_lock);
    if (!is_first)
        pool_free(&owner_pool, owner);
    return 0;
}

int file_set_owner(struct file *file, const struct file_owner_ids *ids, bool replaces)
{
    int error = need_owner(file);

    if (error)
        return error;
    spin_lock(&owners_lock);
    if (replaces || file->owner->ids.id == 0)
        file->owner->ids = *ids;
    spin_unlock(&owners_lock);
    return 0;
}

struct file_owner_ids file_get_owner(struct file *file)
{
    struct file_owner_ids ids = { .kind = OWNER_PROCESS };

    spin_lock(&owners_lock);
    if (file->owner)
        ids = file->owner->ids;
    spin_unlock(&owners_lock);
    return ids;
}

int file_set_signal(struct file *file, int32_t number)
{
    int error = need_owner(file);

    if (error)
        return error;
    spin_lock(&owners_lock);
    file->owner->signal = number;
    spin_unlock(&owners_lock);
    return 0;
}

int32_t file_get_signal(struct file *file)
{
    int32_t number = 0;

    spin_lock(&owners_lock);
    if (file->owner)
        number = file->owner->signal;
    spin_unlock(&owners_lock);
    return number;
}

/* ---- O_ASYNC ------------------------------------------------------------------------------- */

/* The flag may be there without it: from open. */
static void leave(struct file_owner *owner, struct async_files *files) REQUIRES(&owners_lock)
{
    ASSERT(spin_is_held(&owners_lock));
    atomic_fetch_and(&owner->file->flags, ~OPEN_ASYNC);
    if (!list_is_linked(&owner->node))
        return;
    ASSERT(atomic_load(&files->count) > 0);
    list_remove(&owner->node);
    atomic_fetch_sub(&files->count, 1);
}

/* -ENOMEM: all are told with the lock held, so there may not be too many. */
static int join(struct file_owner *owner, struct async_files *files) REQUIRES(&owners_lock)
{
    ASSERT(spin_is_held(&owners_lock));
    if (list_is_linked(&owner->node))
        return 0;
    if (atomic_load(&files->count) >= ASYNC_FILES_MAX)
        return -ENOMEM;
    list_append(&files->owners, &owner->node);
    atomic_fetch_add(&files->count, 1);
    atomic_fetch_or(&owner->file->flags, OPEN_ASYNC);
    return 0;
}

/* Asking again changes the descriptor that the signals name. */
int file_set_async(struct file *file, int32_t fd, bool on)
{
    struct async_files *files;
    int error;

    if (!file->operations->async)
        return -ENOTTY;
    error = need_owner(file);
    if (error)
        return error;
    files = file->operations->async(file, on);
    spin_lock(&owners_lock);
    if (on)
        error = join(file->owner, files);
    else
        leave(file->owner, files);
    if (!error)
        file->owner->fd = fd;
    spin_unlock(&owners_lock);
    return error;
}

void file_drop_owner(struct file *file)
{
    struct file_owner *owner = file->owner;

    if (!owner)
        return;
    spin_lock(&owners_lock);
    if (list_is_linked(&owner->node))
        leave(owner, file->operations->async(file, false));
    file->owner = NULL;
    spin_unlock(&owners_lock);
    pool_free(&owner_pool, owner);
}
