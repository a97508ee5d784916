#pragma once
/* The filesystem over the host's files (fs/hostfs.h): read-only. */
#include "fs/hostfs.h"
#include "fs/vfs.h"
#include "lib/error.h"

/* One reference.  -ENODEV without operations; -ENOMEM, and what the host says of its root. */
MUST_CHECK int hostfs_create(const struct hostfs_operations *host,
                             struct filesystem **filesystem);
