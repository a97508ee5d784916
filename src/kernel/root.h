#pragma once
/* The first mounts; used by this folder only. */
#include "fs/vfs.h"
#include "lib/error.h"

/*
 * Mounts the root filesystem: the host's directory, read-only, if the machine has one; else a tmpfs
 * filled from the boot archive, with /dev, /proc and /tmp.  devfs and procfs are mounted
 * where their directories exist.  *root comes with references for the caller.
 */
MUST_CHECK int root_mount(struct path *root);
