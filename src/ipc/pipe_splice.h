#pragma once
/*
 * splice, tee and vmsplice: bytes from a pipe or into one without a program's memory in between.
 *
 * Whole pages go from pipe to pipe as they are; what comes from or goes to another file, and what
 * tee doubles, is copied once.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

struct splice_request {
    struct file *source, *target;    /* references of the caller's; open for reading, writing */
    uint64_t position;               /* in the one that is no pipe; moved on */
    bool has_position;               /* false: the file's own */
    uint64_t size;                   /* not 0 */
    uint64_t size_limit;             /* RLIMIT_FSIZE */
    bool may_not_wait;               /* for a pipe: -EAGAIN */
};

bool file_is_pipe(const struct file *file);

/* Bytes moved, 0 at the end; -EINVAL: neither is a pipe, both are the same, or the target appends;
 * -EAGAIN, -EINTR, -EPIPE, -ENOMEM, and errors of the files. */
int64_t pipe_splice(struct splice_request *request);
/* The same bytes in both; the position does not matter.  Two pipes. */
int64_t pipe_tee(const struct splice_request *request);
/* Writes as much as there is room for; waits only until there is any. */
int64_t pipe_fill(struct file *file, struct io_buffer *buffer);
