#pragma once
/*
 * Moving bytes: read, write, seek, directories, truncation and copies between files.
 *
 * The caller holds a reference to the file and no lock.  The functions take
 * position_lock (not for streams) and, to write regular files, the inode's lock; user memory is
 * accessed with these held.  `size_limit` is RLIMIT_FSIZE in bytes (UINT64_MAX: none); a write
 * that starts at or beyond it gives -EFBIG, and the caller raises SIGXFSZ.  A write to a pipe
 * without readers gives -EPIPE, and the caller raises SIGPIPE.
 */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "memory/io_buffer.h"

/* At the file's position, which moves.  -EBADF (not open for that), -EISDIR, -EINVAL. */
int64_t file_read(struct file *file, struct io_buffer *buffer);
int64_t file_write(struct file *file, struct io_buffer *buffer, uint64_t size_limit);
/* At a given position (the ABI has refused negative ones); the file's own stays.  -ESPIPE for
 * streams.  As on Linux, OPEN_APPEND makes file_write_at write at the end. */
int64_t file_read_at(struct file *file, struct io_buffer *buffer, uint64_t position);
int64_t file_write_at(struct file *file, struct io_buffer *buffer, uint64_t position,
                      uint64_t size_limit);

enum seek_whence {    /* Linux's values */
    SEEK_FROM_START = 0, SEEK_FROM_CURRENT = 1, SEEK_FROM_END = 2, SEEK_TO_DATA = 3,
    SEEK_TO_HOLE = 4,
};
/* New position; -EINVAL, -ESPIPE, -ENXIO (data or hole beyond the end). */
int64_t file_seek(struct file *file, int64_t offset, int whence);

/* For `seek` operations of files with a size: whence 0 to 4, without holes.  position_lock held. */
int64_t file_seek_by_size(struct file *file, int64_t offset, int whence, uint64_t size)
    REQUIRES(&file->position_lock);

/* Calls the sink for names from the file's position on until it returns non-zero; "." and ".."
 * come first.  0, also at the end; -ENOTDIR, -EBADF (OPEN_PATH), -ENOENT (removed directory).  The
 * sink runs with the directory's lock and position_lock held: it may copy to user memory, not
 * call services of fs. */
MUST_CHECK int file_read_directory(struct file *file, directory_sink sink, void *context);

/* ftruncate: -EINVAL (not regular, not writable, negative), -EFBIG. */
MUST_CHECK int file_truncate(struct file *file, int64_t size, uint64_t size_limit);
/* truncate, on a walked path. */
MUST_CHECK int path_truncate(const struct fs_context *context, const struct path *path,
                             int64_t size, uint64_t size_limit);

/* fsync and fdatasync. -EINVAL for what cannot be synced, -EBADF (OPEN_PATH). */
MUST_CHECK int file_sync(struct file *file);

/* The object to map, with a reference for the caller.  -ENODEV, -EACCES (not readable; or not
 * writable and `shared_write`). */
MUST_CHECK int file_memory_object(struct file *file, bool shared_write,
                                  struct memory_object **object);

/* Kernel memory instead of an io_buffer, for exec and the archive; positions as file_read_at. */
int64_t file_read_kernel(struct file *file, void *target, size_t size, uint64_t position);
int64_t file_write_kernel(struct file *file, const void *source, size_t size, uint64_t position);

/* sendfile and copy_file_range: moves up to `size` bytes; NULL positions mean the file's own.  The
 * checks that only one of the two calls makes are the caller's.  Returns bytes moved. */
struct file_copy_request {
    struct file *source;
    uint64_t *source_position;
    struct file *target;
    uint64_t *target_position;
    uint64_t size;
    uint64_t size_limit;
};
int64_t file_copy(const struct file_copy_request *request);
