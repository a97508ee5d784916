#pragma once
/*
 * What the calls on files have in common: descriptors, path names and buffers as programs give
 * them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/attributes.h"
#include "fs/file.h"
#include "fs/path.h"
#include "fs/vfs.h"
#include "lib/error.h"
#include "machine/machine.h"

#define AT_WORKING_DIRECTORY (-100)
#define AT_NO_FOLLOW 0x100u
#define AT_EFFECTIVE_ACCESS 0x200u
#define AT_REMOVE_DIRECTORY 0x200u
#define AT_FOLLOW 0x400u
#define AT_NO_AUTOMOUNT 0x800u
#define AT_EMPTY 0x1000u
#define AT_SYNC_TYPE 0x6000u

/* ---- Descriptors --------------------------------------------------------------------------- */

/* The open file with a reference for the caller, or -EBADF; so it is for those opened with
 * OPEN_PATH, except with `any`. */
MUST_CHECK int fd_get(int32_t fd, struct file **file);
MUST_CHECK int fd_get_any(int32_t fd, struct file **file);

/* RLIMIT_NOFILE and RLIMIT_FSIZE of the current process. */
uint64_t open_files_limit(void);
uint64_t file_size_limit(void);

/* Opens the file under the lowest free descriptor and returns that; gives the reference back if it
 * fails. */
MUST_CHECK int64_t fd_install(struct file *file, bool close_on_exec);

/* ---- Memory -------------------------------------------------------------------------------- */

/* Linux's access_ok: could the range be user memory at all? */
bool user_range_is_valid(user_address start, uint64_t size);
/* Results of writes: raises SIGPIPE and SIGXFSZ where Linux does. */
int64_t write_result(int64_t result);
/* The same for what has written to this file: not every kind of socket raises SIGPIPE. */
int64_t file_write_result(const struct file *file, int64_t result);
/* Copies an array of struct iovec.  -EFAULT, -EINVAL. */
struct io_segment;
MUST_CHECK int io_segments_get(struct io_segment *segments, user_address source, uint64_t count);

/* ---- Path names ---------------------------------------------------------------------------- */

/* The context of the current process, to be given back with fs_context_release. */
void fs_context_of_process(struct fs_context *context);

/* A path argument and what it is relative to. */
struct file_name {
    char *text;                   /* one page */
    struct fs_context context;
    struct file *start;           /* NULL: the working directory, or the text is absolute */
};

/* Copies the text and looks at the descriptor.  -EFAULT, -ENAMETOOLONG, -ENOENT (empty and not
 * `may_be_empty`), -EBADF, -ENOTDIR, -ENOMEM. */
MUST_CHECK int file_name_open(struct file_name *name, int32_t directory, user_address path,
                              bool may_be_empty);
void file_name_close(struct file_name *name);
/* For the services of fs: NULL is the working directory. */
const struct path *file_name_start(const struct file_name *name);

/*
 * What a name stands for.  With an empty text and a descriptor that is the open file itself,
 * which has perhaps no path (a pipe): path.name is NULL then, and the file is name->start.  The
 * path is to be released.
 */
MUST_CHECK int file_name_walk(const struct file_name *name, uint32_t lookup_flags,
                              struct path *path);
struct attribute_target file_name_target(const struct file_name *name, const struct path *path);

/* LOOKUP_FOLLOW unless AT_NO_FOLLOW is set. */
static inline uint32_t lookup_of(uint32_t at_flags)
{
    return at_flags & AT_NO_FOLLOW ? 0 : LOOKUP_FOLLOW;
}
