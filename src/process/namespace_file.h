#pragma once
/*
 * Namespaces as files: /proc/<pid>/ns.  Who has one open keeps the namespace, and may enter it
 * (setns).  Two files of one namespace have the same number and device.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "process/namespace_enter.h"

struct file;
struct inode;
struct path;
struct process;
struct thread;

enum namespace_link {
    LINK_IPC,
    LINK_MOUNTS,
    LINK_NETWORK,
    LINK_PROCESSES,
    LINK_CHILDREN,
    LINK_NAMES,
};

/* Boot. */
void namespace_files_init(void);

/* Of a thread, NULL: of the first one.  "mnt:[4026531841]", not terminated; its length.
 * -ENOENT: it has left. */
int64_t namespace_link_text(struct process *process, struct thread *thread,
                            enum namespace_link which, char *text, size_t size);
/* Its file, with a reference.  -ENOENT, -ENOMEM. */
MUST_CHECK int namespace_link_follow(struct process *process, struct thread *thread,
                                     enum namespace_link which, struct path *path);

/* A namespace of mounts must not be in one: nobody could leave it. */
bool namespace_may_be_mounted(const struct inode *inode);
/* What an open file of a namespace stands for, with references, and its flag of clone.  -EINVAL: it
 * is no such file. */
MUST_CHECK int namespace_of_file(const struct file *file, struct namespace_target *target,
                                 uint64_t *flag);
