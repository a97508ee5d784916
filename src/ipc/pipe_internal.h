#pragma once
/* What the files of pipes share with each other only. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/async.h"
#include "fs/poll.h"
#include "fs/vfs.h"
#include "lib/error.h"
#include "memory/page.h"
#include "sync/mutex.h"
#include "sync/wait_queue.h"

#define PIPE_SLOTS_DEFAULT 16u
#define PIPE_DESCRIPTION_SIZE 40

/* Bytes of one page.  A slot is never empty. */
struct pipe_slot {
    struct page *page;
    uint32_t offset, length;
    bool is_packet;              /* a read takes it alone, and drops what it has no room for */
};

struct pipe {
    uint64_t number;             /* the inode's; constant */
    struct mutex lock;           /* RANK_PIPE */

    /* Protected by `lock`. */
    struct pipe_slot *slots;     /* a ring */
    unsigned capacity;           /* slots: a power of two */
    unsigned first, count;
    unsigned reserved;           /* slots that are free, but kept for who moves pages just now */
    unsigned readers, writers;   /* open files of each kind */
    uint64_t reads_opened, writes_opened;    /* ever: who opens one end waits for a change */

    struct wait_queue readable;  /* there are bytes, or no writers */
    struct wait_queue writable;  /* there is room, or no readers */
    struct wait_queue opened;    /* a reader or writer has come */
    struct async_files async;
    unsigned users;              /* open files and who opens one; protected by the inode's lock */
    char description[PIPE_DESCRIPTION_SIZE];
};

#define PIPE_EVENTS_TO_READ (POLL_READABLE | POLL_READ_NORMAL)
#define PIPE_EVENTS_TO_WRITE (POLL_WRITABLE | POLL_WRITE_NORMAL)

/* ---- pipe.c */
extern const struct file_operations pipe_operations;

/* The pipe's lock is held for all of these. */
struct pipe_slot *pipe_slot_at(struct pipe *pipe, unsigned index) REQUIRES(&pipe->lock);
bool pipe_is_full(const struct pipe *pipe);
void pipe_drop_first(struct pipe *pipe) REQUIRES(&pipe->lock);
/* Gives the lock back until the queue is woken.  0 or -EINTR. */
MUST_CHECK int pipe_wait(struct pipe *pipe, struct wait_queue *queue, enum wait_kind kind)
    REQUIRES(&pipe->lock);
/* Fills slots until there is no room or nothing is left; *done counts.  -EFAULT, -ENOMEM. */
MUST_CHECK int pipe_add_bytes(struct file *file, struct pipe *pipe, struct io_buffer *buffer,
                              int64_t *done) REQUIRES(&pipe->lock);

static inline struct pipe *pipe_of(const struct file *file)
{
    return file->contents;
}

/* ---- pipe_open.c */
/* The file is no user of its pipe any more. */
void pipe_leave(struct inode *inode, struct pipe *pipe, uint32_t flags);
