#pragma once
/*
 * Byte channels that a port offers: in sim the standard streams of the host process (0, 1, 2).
 *
 * All operations return at once.  After -EAGAIN the port raises INTERRUPT_CHANNEL once the
 * operation can make progress; it may also raise it spuriously.  Only fixed-width types: the
 * hosted port includes this header.  Errors are Linux's numbers, negative.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel_kind {
    CHANNEL_ABSENT,      /* closed: the guest finds that descriptor closed */
    CHANNEL_TERMINAL,    /* use the console terminal instead; no operation below may be called */
    CHANNEL_STREAM,      /* pipe, socket or other device: no position */
    CHANNEL_FILE,        /* regular file: has a position and a size */
};

struct channel_status {
    uint32_t mode;            /* st_mode of the host's file */
    uint32_t flags;           /* its O_ACCMODE, O_APPEND and O_NONBLOCK bits */
    uint64_t size, blocks;    /* st_size, st_blocks */
    uint64_t inode, device, device_id;    /* st_ino, st_dev, st_rdev */
    int64_t access_ns, modify_ns, change_ns;    /* since 1970 */
};

enum channel_ready {
    CHANNEL_READABLE = 1 << 0,
    CHANNEL_WRITABLE = 1 << 1,
    CHANNEL_HANGUP = 1 << 2,
    CHANNEL_ERROR = 1 << 3,
};

struct channel_operations {
    unsigned count;
    enum channel_kind (*kind)(unsigned channel);
    int64_t (*read)(unsigned channel, void *buffer, size_t size);           /* 0: end */
    int64_t (*write)(unsigned channel, const void *buffer, size_t size);    /* -EPIPE: no reader */
    /* CHANNEL_FILE only; as lseek (whence 0 to 4). */
    int64_t (*seek)(unsigned channel, int64_t offset, int whence);
    int (*status)(unsigned channel, struct channel_status *status);
    /* Bits of enum channel_ready.  For those of `wanted` that are missing, INTERRUPT_CHANNEL
     * follows when that changes. */
    uint32_t (*ready)(unsigned channel, uint32_t wanted);
};
