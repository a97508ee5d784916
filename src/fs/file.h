#pragma once
/* Open files: creation and references.  Descriptors (fs/file_table.h) hold references to them. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

struct file_request {
    const struct file_operations *operations;
    struct inode *inode;
    struct path path;             /* both NULL: a file without a name */
    uint32_t flags;               /* OPEN_ flags to keep: access mode and status flags */
    bool is_stream;
    const char *description;
    uint32_t opener_user_id;
    void *contents;
};

/* Open files of all processes. */
size_t file_count(void);
/* A new open file with one reference; takes references of its own to the inode and the path.
 * -ENFILE when OPEN_FILES_MAX are open, -ENOMEM. */
MUST_CHECK int file_create(const struct file_request *request, struct file **file);

/* The same in two steps, for who may not fail in the second one; or gives the first one up. */
MUST_CHECK int file_reserve(struct file **file);
void file_init(struct file *file, const struct file_request *request);
void file_unreserve(struct file *file);

/* Nobody may write what it opens until its last reference is dropped.  -ETXTBSY.  Called once, by
 * whoever opened it. */
MUST_CHECK int file_deny_writing(struct file *file);
void file_reference(struct file *file);
/* The last release calls operations->release (if any), then drops the inode and the path: at once,
 * or before the thread runs user code again if it holds mutexes now.  May sleep. */
void file_release(struct file *file);
/* On the way to user mode, when THREAD_WORK_FILES is set, and before a thread ends. */
void file_end_waiting(void);

static inline uint32_t file_flags(struct file *file)
{
    return atomic_load_explicit(&file->flags, memory_order_relaxed);
}

/* Neither is true of files opened with OPEN_PATH. */
bool file_is_readable(struct file *file);
bool file_is_writable(struct file *file);
