#pragma once
/*
 * The booted machine, put aside and brought back: memory, the variables of core and sim, and the
 * stacks of the virtual CPUs.  What the search itself keeps is not part of it.
 */
#include <stddef.h>
#include <stdint.h>

/* Of the machine that stands still right now.  Ends the program when the host has no memory. */
void snapshot_take(void);
/* All is as it was then. */
void snapshot_restore(void);

/* What the last restore had to do, for measurements. */
struct snapshot_work {
    size_t pages_looked_at, pages_written;
};
struct snapshot_work snapshot_last_work(void);
