#pragma once
/* Open files over the machine's byte channels (device/channel.h). */
#include "fs/vfs.h"
#include "lib/error.h"

/*
 * The channel, a stream or a regular file of the host, as an open file; one reference.  With a
 * directory it gets a hidden name there, so that it can be opened again through /proc/self/fd;
 * NULL: it has no path.
 */
MUST_CHECK int channel_file_open(unsigned channel, const struct path *directory,
                                 struct file **file);

/* INTERRUPT_CHANNEL: threads that wait for a channel try again. */
void channel_interrupt(void);
