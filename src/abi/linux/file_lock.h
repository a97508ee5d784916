#pragma once
/* Record locks, for fcntl. */
#include <stdint.h>

struct file;

#define FCNTL_GET_LOCK 5
#define FCNTL_SET_LOCK 6
#define FCNTL_SET_LOCK_WAIT 7

/* One of the three commands above; `argument` is the user's struct flock. */
int64_t file_lock_control(struct file *file, int32_t command, uint64_t argument);
