#pragma once
/*
 * System V message queues: messages with a type, which receivers choose by.
 *
 * All functions may sleep and hold no lock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "ipc/ipc_table.h"
#include "lib/error.h"
#include "memory/address_space.h"

#define MESSAGE_SIZE_MAX 8192u
#define MESSAGE_BOX_BYTES 16384u      /* in one queue, unless it is changed */

/* Flags of sending and receiving. */
#define MESSAGE_NO_WAIT 04000u
#define MESSAGE_CUT 010000u           /* receive: what is too long */
#define MESSAGE_EXCEPT 020000u        /* receive: any but that type */
#define MESSAGE_COPY 040000u          /* receive: by its number, and leave it there */

void message_boxes_init(void);
void message_boxes_end(uint64_t space);

/* The id; as ipc_get. */
MUST_CHECK int64_t message_box_get(const struct ipc_caller *caller, int32_t key, uint32_t flags);

/* `text` is in the space.  -EAGAIN: no room; -EINTR, -EIDRM, -EACCES, -EINVAL, -EFAULT, -ENOMEM. */
struct message_send {
    struct address_space *space;
    user_address text;
    uint64_t size;
    int64_t type;                     /* above 0 */
    uint32_t flags;
};
MUST_CHECK int message_box_send(int32_t id, const struct ipc_caller *caller,
                                const struct message_send *send);

/* A message that was taken. */
struct message {
    struct list node;
    int64_t type;
    uint64_t size;
    char text[];
};
/* -ENOMSG: there is none; -E2BIG: it is longer than `size`; the others as above.  The message is
 * the caller's then: message_free. */
struct message_receive {
    uint64_t size;
    int64_t type;                     /* 0: any; below 0: the lowest up to -type */
    uint32_t flags;
};
MUST_CHECK int message_box_receive(int32_t id, const struct ipc_caller *caller,
                                   const struct message_receive *receive,
                                   struct message **message);
void message_free(struct message *message);

MUST_CHECK int message_box_remove(int32_t id, const struct ipc_caller *caller);
struct message_box_change {
    uint32_t user_id, group_id, mode;
    uint64_t bytes_max;
};
MUST_CHECK int message_box_change(int32_t id, const struct ipc_caller *caller,
                                  const struct message_box_change *change);

struct message_box_status {
    struct ipc_status ipc;
    uint64_t sent_s, received_s, changed_s;
    uint64_t bytes, messages, bytes_max;
    int32_t sender_id, receiver_id;   /* processes, of the last message */
};
MUST_CHECK int message_box_status(int32_t id, const struct ipc_caller *caller,
                                  enum ipc_lookup lookup, struct message_box_status *status);

struct message_boxes_usage {
    unsigned boxes;
    int32_t last_place;
    uint64_t messages, bytes;
};
void message_boxes_usage(struct message_boxes_usage *usage);
