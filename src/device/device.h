#pragma once
/* The devices without hardware. */

/* Boot, after scheduler_init: registers them all with fs/devfs.h. */
void device_init(void);
