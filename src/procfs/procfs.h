#pragma once
/* procfs: what the kernel knows about processes and itself, as files; sysfs: about the machine. */
#include "fs/vfs.h"
#include "lib/error.h"

/* One reference.  -ENOMEM. */
MUST_CHECK int procfs_create(struct filesystem **filesystem);
MUST_CHECK int sysfs_create(struct filesystem **filesystem);

struct file;
struct process;
/* Of whom an open directory of /proc is, with a reference.  -EBADF: it is no such directory;
 * -ESRCH: the process has ended and was waited for. */
MUST_CHECK int procfs_process_of(const struct file *file, struct process **process);
