#pragma once
/* pidfds: files that stand for one process, whatever becomes of its id. */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

struct process;

/* A file for the process, with a reference of its own to it.  `flags`: OPEN_NONBLOCK or 0.
 * -ENFILE, -ENOMEM. */
MUST_CHECK int process_file_create(struct process *process, uint32_t flags, struct file **file);

/* The process of such a file, whose reference it stays; NULL: another kind of file. */
struct process *process_of_file(const struct file *file);

/* Has it ended, and has somebody waited for it (or nobody will)? */
bool process_is_gone(const struct process *process);

/* For clone: opens a file for the new process under a descriptor of the current one and says so at
 * `word`.  The descriptor, -EMFILE, -ENFILE, -ENOMEM, -EFAULT. */
MUST_CHECK int process_file_open(struct process *process, uint64_t word);
