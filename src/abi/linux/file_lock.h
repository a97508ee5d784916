#pragma once
/* Record locks, for fcntl. */
#include <stdint.h>

struct file;

#define FCNTL_GET_LOCK 5
#define FCNTL_SET_LOCK 6
#define FCNTL_SET_LOCK_WAIT 7
/* The same for locks that belong to the open file. */
#define FCNTL_GET_FILE_LOCK 36
#define FCNTL_SET_FILE_LOCK 37
#define FCNTL_SET_FILE_LOCK_WAIT 38

/* One of the commands above; `argument` is the user's struct flock. */
int64_t file_lock_control(struct file *file, int32_t command, uint64_t argument);
