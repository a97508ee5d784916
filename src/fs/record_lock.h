#pragma once
/*
 * Advisory locks on ranges of files (fcntl F_SETLK, F_OFD_SETLK), and on whole files (flock).
 *
 * The owner of a lock is a table of descriptors, that is a process, and closing any descriptor of
 * the file gives all of the owner's locks on it back; or it is an open file, which gives them back
 * when it is closed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

#define RECORD_LOCK_END ((uint64_t)INT64_MAX)    /* `last` of a range without an end */

struct record_range {
    uint64_t first, last;    /* both inclusive */
    bool is_write;           /* excludes all others; else it excludes writers only */
    int32_t process_id;      /* who says that he holds it; not above 0: no process does */
};

/* Takes the range for the owner, replacing what he has there.  -EAGAIN if others hold it (without
 * `wait`), -EDEADLK: they wait for him; -EINTR, -ENOLCK when too many locks exist. */
MUST_CHECK int record_lock_take(struct inode *inode, const void *owner,
                                const struct record_range *range, bool wait);
/* Gives it back; also parts of what was taken. */
MUST_CHECK int record_lock_drop(struct inode *inode, const void *owner,
                                const struct record_range *range);
/* Does somebody else hold what hinders taking the range?  Then says what. */
bool record_lock_find(struct inode *inode, const void *owner, const struct record_range *range,
                      struct record_range *other);
void record_lock_drop_all(struct inode *inode, const void *owner);

/* Locks of whole files: they have nothing to do with those of ranges.  Another kind than the owner
 * has is taken in two steps, as on Linux: his is given back first. */
MUST_CHECK int whole_lock_take(struct inode *inode, const void *owner, bool is_write, bool wait);
MUST_CHECK int whole_lock_drop(struct inode *inode, const void *owner);
