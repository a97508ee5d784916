#pragma once
/*
 * Signals that tell of input and room, for files with O_ASYNC: whom they go to, and which files of
 * one object (a pipe, a socket, a terminal) want them.
 *
 * Whoever changes what a file shows calls async_tell with no spin lock held.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/list.h"

enum async_event {    /* si_code: Linux's POLL_ values */
    ASYNC_INPUT = 1, ASYNC_OUTPUT = 2, ASYNC_HANGUP = 6,
};

/* Part of the object, which lives as long as the files. */
struct async_files {
    _Atomic unsigned count;
    struct list owners;        /* struct file_owner; protected by the lock of all of them */
};

enum owner_kind { OWNER_THREAD, OWNER_PROCESS, OWNER_GROUP };    /* F_OWNER_ */
struct file_owner_ids {
    enum owner_kind kind;
    int32_t id;                /* the machine's own; 0: nobody */
    uint32_t user_id, effective_user_id;    /* of who said so */
};
struct file_owner {
    struct list node;          /* of async_files */
    struct file *file;
    struct file_owner_ids ids;
    int32_t signal;            /* 0: SIGIO, without saying more */
    int32_t fd;                /* the descriptor that asked for signals */
};

void async_files_init(struct async_files *files);
void async_tell_owners(struct async_files *files, enum async_event event);
/* Any context that holds no spin lock. */
static inline void async_tell(struct async_files *files, enum async_event event)
{
    if (atomic_load_explicit(&files->count, memory_order_relaxed) != 0)
        async_tell_owners(files, event);
}

/* O_ASYNC on or off.  -ENOTTY: such files tell nothing; -ENOMEM, also for ASYNC_FILES_MAX. */
MUST_CHECK int file_set_async(struct file *file, int32_t fd, bool on);
/* Unless `replaces`, an owner that is there stays.  -ENOMEM. */
MUST_CHECK int file_set_owner(struct file *file, const struct file_owner_ids *ids, bool replaces);
struct file_owner_ids file_get_owner(struct file *file);
MUST_CHECK int file_set_signal(struct file *file, int32_t number);
int32_t file_get_signal(struct file *file);
/* The file goes. */
void file_drop_owner(struct file *file);

/* Boot: how the owner is sent its signal; called with a spin lock held, any context. */
void async_set_sender(void (*send)(const struct file_owner *owner, enum async_event event));
