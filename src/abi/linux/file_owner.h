#pragma once
/* fcntl and ioctl about who is sent signals by a file (fs/async.h). */
#include <stdbool.h>
#include <stdint.h>

#include "memory/user_memory.h"

struct file;

enum file_owner_command {
    FCNTL_SET_OWNER = 8, FCNTL_GET_OWNER = 9, FCNTL_SET_SIGNAL = 10, FCNTL_GET_SIGNAL = 11,
    FCNTL_SET_OWNER_KIND = 15, FCNTL_GET_OWNER_KIND = 16,
};

int64_t file_owner_control(struct file *file, int32_t command, uint64_t argument);
/* O_ASYNC as F_SETFL and FIOASYNC change it.  0: no difference, or -ENOTTY, -ENOMEM. */
int64_t file_change_async(struct file *file, int32_t fd, bool on);
int64_t file_control_async(struct file *file, int32_t fd, user_address argument);
/* FIOSETOWN, FIOGETOWN and their other names, of sockets. */
bool is_owner_request(uint32_t request);
int64_t file_control_owner(struct file *file, uint32_t request, user_address argument);
