#pragma once
/*
 * Pipes and FIFOs: bytes that one open file writes and another one reads.
 *
 * A pipe belongs to an inode while it is open anywhere; the bytes go with the last open file.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct file;
struct fs_context;

/* Boot: FIFOs of all filesystems are opened here from now on. */
void pipe_init(void);

/* A new pipe: files[0] reads, files[1] writes.  `flags`: OPEN_NONBLOCK and OPEN_DIRECT (packets).
 * -ENFILE, -ENOMEM. */
MUST_CHECK int pipe_create(const struct fs_context *context, uint32_t flags,
                           struct file *files[2]);

/* Bytes that are in it.  -EBADF: not a pipe. */
MUST_CHECK int64_t pipe_bytes(struct file *file);
/* Bytes it has room for (F_GETPIPE_SZ).  -EBADF: not a pipe. */
MUST_CHECK int64_t pipe_size(struct file *file);
#define PIPE_SIZE_MAX (1u << 20)    /* bytes, for who is not root */
/* Rounds up to a power of two of pages and returns the new size.  -EBUSY: more is in it; -EPERM:
 * too large for who is not root; -EINVAL, -ENOMEM, -EBADF. */
MUST_CHECK int64_t pipe_set_size(struct file *file, uint64_t size, bool is_root);
