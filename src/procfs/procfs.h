#pragma once
/* procfs: what the kernel knows about processes and itself, as files; sysfs: about the machine. */
#include "fs/vfs.h"
#include "lib/error.h"

/* How much is hidden of processes that one may not look into: hidepid. */
enum proc_hiding {
    PROC_HIDES_NOTHING = 0,
    PROC_HIDES_CONTENTS = 1,
    PROC_HIDES_PROCESSES = 2,
    PROC_HIDES_ALL = 4,            /* as the one before, from the group as well */
};

struct proc_options {
    enum proc_hiding hiding;
    uint32_t group_id;             /* who sees all the same */
    bool shows_only_processes;     /* subset=pid */
};

/* With the ids of the current thread's PID namespace.  One reference.  -ENOMEM. */
MUST_CHECK int procfs_create(const struct proc_options *options, struct filesystem **filesystem);
MUST_CHECK int sysfs_create(struct filesystem **filesystem);

struct file;
struct process;
/* Of whom an open directory of /proc is, with a reference.  -EBADF: it is no such directory;
 * -ESRCH: the process has ended and was waited for. */
MUST_CHECK int procfs_process_of(const struct file *file, struct process **process);
