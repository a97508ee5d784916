#pragma once
/* /dev/pts and /dev/ptmx: how programs find pseudo terminals. */
#include "fs/vfs.h"
#include "lib/error.h"

struct pty;

void devpts_init(void);    /* boot, before devfs_create */
/* The filesystem for /dev/pts, of which there is one; a reference for the caller.  -ENOMEM. */
MUST_CHECK int devpts_create(struct filesystem **filesystem);

/* The master closes: the node is gone. */
void devpts_remove(struct pty *pty);
/* TIOCGPTPEER: opens the terminal by its path in the current process's /dev/pts. */
MUST_CHECK int devpts_open_peer(struct pty *pty, uint32_t flags, struct file **file);
