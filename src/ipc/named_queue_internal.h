#pragma once
/* What the files of named queues share with each other only. */
#include "config.h"
#include "fs/vfs.h"
#include "ipc/named_queue.h"
#include "lib/list.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

struct named_queue {
    /* Constant after creation. */
    struct named_queue_limits limits;
    uint64_t bytes;                     /* what it counts for its user's limit */
    uint32_t user_id;
    uint64_t space;                     /* its namespace */

    char name[NAME_MAX + 2];            /* with the slash */
    struct inode *inode;                /* no reference */

    struct list node;                   /* protected by the table's lock */

    struct spinlock lock;               /* RANK_NAMED_QUEUE */
    struct wait_queue readable, writable;

    /* Protected by `lock`. */
    struct tree messages;
    int64_t count;
    unsigned receivers;                 /* threads that wait for a message */
    struct named_queue_notice *notice;
};

/* Frees what is in it; nobody has it open any more. */
void named_queue_empty(struct named_queue *queue);

extern const struct file_operations named_queue_operations;
