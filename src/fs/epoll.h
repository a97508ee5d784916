#pragma once
/*
 * epoll: waiting on many files that are told once.  Each event costs the same however many files
 * are watched, because a file's wait queues put it on a list of what is ready.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

/* Beside enum poll_events; Linux's values. */
#define EPOLL_EXCLUSIVE (1u << 28)
#define EPOLL_WAKE_UP (1u << 29)
#define EPOLL_ONE_SHOT (1u << 30)
#define EPOLL_EDGE (1u << 31)

enum epoll_operation { EPOLL_ADD = 1, EPOLL_REMOVE = 2, EPOLL_CHANGE = 3 };

struct epoll_event {    /* as programs have it */
    uint32_t events;
    uint64_t data;
} __attribute__((packed));

struct epoll_request {
    int32_t operation;           /* enum epoll_operation, or anything */
    struct file *target;
    int32_t fd;                  /* the target's descriptor: the same file may be watched by many */
    struct epoll_event event;    /* not for EPOLL_REMOVE */
};

/* Boot. */
void epoll_init(void);

/* A file without a name; what it watches counts for this user.  -ENFILE, -ENOMEM. */
MUST_CHECK int epoll_create(uint32_t user_id, struct file **file);

/*
 * What epoll_ctl does.  -EPERM: the target cannot be waited for; -EINVAL: `file` is no epoll, or
 * the target itself, or a wrong use of EPOLL_EXCLUSIVE; -ELOOP: they would watch each other, or
 * be too many above each other; -EEXIST, -ENOENT; -ENOSPC: the user watches too much; -ENOMEM.
 * Holds no lock.
 */
MUST_CHECK int epoll_control(struct file *file, const struct epoll_request *request);

/*
 * Writes events into the buffer (whole ones only) and returns how many.  Waits for the first until
 * the deadline (0: not at all).  -EINVAL: no epoll; -EINTR; -EFAULT.
 */
MUST_CHECK int64_t epoll_wait(struct file *file, struct io_buffer *buffer, uint64_t deadline_ns);

/* The last reference to a file is gone: nothing watches it any more. */
void epoll_forget(struct file *file);

/* How many files a user may watch. */
uint64_t epoll_watches_max(void);
