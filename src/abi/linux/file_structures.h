#pragma once
/* Layouts for the calls on files that structures.h does not have, and conversions into those. */
#include "abi/linux/structures.h"
#include "fs/vfs.h"

struct linux_open_how {
    uint64_t flags, mode, resolve;
};
LINUX_LAYOUT(struct linux_open_how, 24);

struct linux_utimbuf {
    int64_t access_seconds, modify_seconds;
};
LINUX_LAYOUT(struct linux_utimbuf, 16);

/* An entry of getdents; the name with its NUL, padding, and the type in the last byte follow. */
struct linux_dirent {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    char name[];
};
LINUX_PLACE(struct linux_dirent, name, 18);
