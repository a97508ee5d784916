#pragma once
/* What the files of epoll share with one another only. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/epoll.h"
#include "fs/user_account.h"
#include "lib/list.h"
#include "lib/tree.h"
#include "sync/mutex.h"
#include "sync/wait_queue.h"

#define EPOLL_NESTING_MAX 4u    /* below an epoll, in a row, each watched by the one above */

struct epoll {
    struct wait_relay relay;        /* references: the open file's, and one for each item */
    struct user_account *account;   /* constant */
    struct file *file;              /* its own; constant */

    struct mutex mutex;             /* RANK_EPOLL */

    /* Protected by `mutex`. */
    struct tree items;              /* by descriptor and file */
    struct list nested;             /* items that watch epolls */

    _Atomic bool is_external;       /* the world outside can make something ready; stays */
    struct spinlock lock;           /* RANK_EPOLL_READY */
    struct list ready;              /* items that may have events; protected by `lock` */

    /* Protected by the lock of all nesting (epoll_nest.c). */
    uint64_t visited;               /* which look was here last ... */
    unsigned distance;              /* ... and what it found */
};

/* One file that one epoll watches. */
struct epoll_item {
    struct epoll *epoll;            /* constant, as `file` and `fd` */
    struct file *file;              /* no reference: the item goes when the file does */
    int32_t fd;

    /* Protected by epoll->mutex. */
    struct tree_node node;
    struct list nested;             /* of epoll->nested; linked if it watches an epoll */
    struct epoll_queue *queues;     /* the wait queues it is on */
    uint64_t data;

    uint32_t events;                /* changed with both locks, read with either */
    struct list ready;              /* of epoll->ready, or of who looks at what was there */

    /* Protected by the lock of all watched files (epoll.c). */
    struct epoll_item *next;        /* those that watch the file: file->watchers is the first */
    struct epoll_item *previous;
    bool is_ending;                 /* the file's end removes it, nobody else */
};

/* ---- epoll.c */
extern const struct file_operations epoll_operations;

static inline bool file_is_epoll(const struct file *file)
{
    return file->operations == &epoll_operations;
}

static inline struct epoll *epoll_of(const struct file *file)
{
    return file->contents;
}

/* Protects which items watch which files. */
void epoll_watching_lock(void);    /* RANK_EPOLL_FILES */
void epoll_watching_unlock(void);

/* ---- epoll_ready.c */
/* A queue of the file is woken.  False: for nothing that is wanted.  Any context. */
bool epoll_item_notify(struct epoll_item *item, uint32_t events);
/* The mutex of the item's epoll is held for these: which wanted events hold, ... */
uint32_t epoll_item_poll(const struct epoll_item *item);
/* ... wakes who waits for one, ... */
void epoll_item_make_ready(struct epoll_item *item);
/* ... and forgets that it was woken for any. */
void epoll_item_unready(struct epoll_item *item);
/* The open file's operation. */
uint32_t epoll_file_poll(struct file *file, struct poll_table *table);

/* ---- epoll_nest.c: where an epoll is watched, or is to watch one. */
/* May `epoll` watch `target`?  -ELOOP.  Until epoll_nest_end, which is due after an error as well,
 * no other epoll comes to watch one. */
MUST_CHECK int epoll_nest_begin(struct epoll *epoll, const struct file *target);
/* In between, with `target` watched and the mutex of who watches it held: may so many be woken by
 * it, or by each of the files that are below it?  As Linux. */
bool epoll_nest_fits(struct file *target);
void epoll_nest_end(void);
