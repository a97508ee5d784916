#pragma once
/* The boot archive (ustar) becomes the first files. */
#include <stddef.h>

#include "fs/vfs.h"
#include "lib/error.h"

/*
 * Unpacks a ustar archive below context->root, acting as root whatever the context's
 * credentials are.  Names never lead out of it (".." is refused with -EINVAL).  Missing directories
 * are made (0755).  Regular files, hard and symbolic links, directories, devices and FIFOs; other
 * kinds of entries are skipped.  -EINVAL for a bad header (magic, checksum, number), -ENOEXEC for
 * an archive that ends in the middle, or what creating the file said; what came before stays.
 */
MUST_CHECK int archive_unpack(const struct fs_context *context, const void *archive, size_t size);
