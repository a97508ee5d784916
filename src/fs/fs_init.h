#pragma once
/* The filesystem core starts: before any other call of this folder, after the allocators and
 * scheduler_init(). */
void fs_init(void);
