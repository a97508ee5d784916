#pragma once
/* procfs: what the kernel knows, as files. */
#include "fs/vfs.h"
#include "lib/error.h"

/* One reference.  -ENOMEM. */
MUST_CHECK int procfs_create(struct filesystem **filesystem);
