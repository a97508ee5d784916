#pragma once
/*
 * Message queues with names (POSIX): an open queue is a file.  Messages go out by priority, then by
 * age.  Names are those of one directory that is mounted nowhere.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/tree.h"

struct named_queue;

#define NAMED_QUEUE_PRIORITIES 32768u
#define NAMED_QUEUES_MAX 256u
/* What everybody may ask for, what root may, and what a queue has by itself. */
#define NAMED_QUEUE_MESSAGES 10
#define NAMED_QUEUE_MESSAGES_MAX 65536
#define NAMED_QUEUE_SIZE 8192
#define NAMED_QUEUE_SIZE_MIN 128    /* of the settings */
#define NAMED_QUEUE_SIZE_MAX (16 << 20)

struct named_queue_limits {
    int64_t messages, size;
};

/* What holds for everybody but who may exceed limits, and for queues that do not say; each begins
 * with the value above. */
enum named_queue_setting {
    QUEUE_COUNT_MOST,        /* any number */
    QUEUE_MESSAGES_MOST,     /* 1 to NAMED_QUEUE_MESSAGES_MAX, and so for the usual number */
    QUEUE_MESSAGES_USUAL,
    QUEUE_SIZE_MOST,         /* NAMED_QUEUE_SIZE_MIN to NAMED_QUEUE_SIZE_MAX, as the usual one */
    QUEUE_SIZE_USUAL,
    NAMED_QUEUE_SETTINGS,
};
int32_t named_queue_setting(enum named_queue_setting which);
/* -EINVAL. */
MUST_CHECK int named_queue_set(enum named_queue_setting which, int64_t value);

struct named_queue_request {
    const char *name;
    uint32_t flags, mode;                      /* OPEN_ flags; of a new one, umask applied */
    const struct named_queue_limits *limits;   /* of a new one; NULL: the usual */
    const struct credentials *credentials;
    uint64_t bytes_max;                        /* of all queues of the user; root has no limit */
};
/* One reference.  -EACCES, -EEXIST, -EINVAL, -EMFILE (bytes_max), -ENAMETOOLONG, -ENFILE, -ENOENT,
 * -ENOMEM, -ENOSPC (QUEUE_COUNT_MOST). */
MUST_CHECK int named_queue_open(const struct named_queue_request *request, struct file **file);
/* -EACCES, -ENAMETOOLONG, -ENOENT, -EPERM. */
MUST_CHECK int named_queue_unlink(const char *name, const struct credentials *credentials);

/* Boot, and the end of a run: what still has a name is freed. */
void named_queues_init(void);
void named_queues_end(uint64_t space);

/* NULL: the file is none. */
struct named_queue *named_queue_of(struct file *file);
struct named_queue_limits named_queue_limits(const struct named_queue *queue);
int64_t named_queue_count(struct named_queue *queue);

struct named_message {
    struct tree_node node;    /* the queue's: the next to go out first */
    uint32_t priority;
    size_t size;
    uint8_t bytes[];
};
/* -ENOMEM. */
MUST_CHECK int named_message_create(size_t size, struct named_message **message);
void named_message_free(struct named_message *message);

struct named_queue_wait {
    bool may_wait;         /* else -EAGAIN */
    uint64_t until_ns;     /* of the real clock; WAIT_FOREVER: for ever */
};
/* Takes the message over if it succeeds.  -EAGAIN, -EINTR, -ETIMEDOUT. */
MUST_CHECK int named_queue_send(struct named_queue *queue, struct named_message *message,
                                const struct named_queue_wait *wait);
MUST_CHECK int named_queue_receive(struct named_queue *queue, const struct named_queue_wait *wait,
                                   struct named_message **message);

/* Who wants to be told, once, when a message comes to an empty queue that nobody waits for. */
struct named_queue_notice {
    int32_t owner_id;      /* the process that asked, and may take it back */
    /* Called with no lock held; then, or when it is taken back, `release`. */
    void (*arrived)(struct named_queue_notice *notice);
    bool (*is_stale)(struct named_queue_notice *notice);    /* its owner has ended */
    void (*release)(struct named_queue_notice *notice);
};
/* Takes the notice over if it succeeds.  -EBUSY: somebody is to be told already. */
MUST_CHECK int named_queue_notify(struct named_queue *queue, struct named_queue_notice *notice);
void named_queue_forget(struct named_queue *queue, int32_t owner_id);
