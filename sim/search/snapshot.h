#pragma once
/*
 * The booted machine, put aside and brought back: memory, the variables of core and sim, and the
 * stacks of the virtual CPUs.  What the search itself keeps is not part of it.
 */

/* Of the machine that stands still right now.  Ends the program when the host has no memory. */
void snapshot_take(void);
/* All is as it was then. */
void snapshot_restore(void);
