#pragma once
/*
 * inotify: files and directories that are watched, and the queues of what happened to them.
 *
 * The services of fs say what happens with the functions below, which cost one look at a counter
 * while nothing is watched anywhere.  They take spin locks only and never fail.
 */
#include <stdint.h>

#include "fs/directory_cache.h"
#include "fs/vfs.h"
#include "lib/error.h"

enum notify_event {    /* Linux's values */
    NOTIFY_ACCESS = 0x1, NOTIFY_MODIFY = 0x2, NOTIFY_ATTRIBUTES = 0x4,
    NOTIFY_CLOSE_WRITE = 0x8, NOTIFY_CLOSE_OTHER = 0x10, NOTIFY_OPEN = 0x20,
    NOTIFY_MOVED_FROM = 0x40, NOTIFY_MOVED_TO = 0x80, NOTIFY_CREATE = 0x100,
    NOTIFY_DELETE = 0x200, NOTIFY_DELETE_SELF = 0x400, NOTIFY_MOVE_SELF = 0x800,
    NOTIFY_OVERFLOW = 0x4000, NOTIFY_IGNORED = 0x8000, NOTIFY_DIRECTORY = 0x40000000,
};
#define NOTIFY_ALL_EVENTS 0xfffu
/* Of a watch. */
#define NOTIFY_ONLY_DIRECTORY 0x01000000u
#define NOTIFY_NO_FOLLOW 0x02000000u
#define NOTIFY_NOT_UNLINKED 0x04000000u    /* IN_EXCL_UNLINK */
#define NOTIFY_MASK_CREATE 0x10000000u
#define NOTIFY_MASK_ADD 0x20000000u
#define NOTIFY_ONE_SHOT 0x80000000u

/* ---- What happens -------------------------------------------------------------------------- */

/* To the inode itself. */
void notify_inode(struct inode *inode, uint32_t events);
/* To a name in a directory; the inode that has it is not told. */
void notify_entry(struct inode *directory, struct component component, uint32_t events,
                  uint32_t cookie);
/* To both: the directory that the name is in (if it is in one), and the inode. */
void notify_name(struct name *name, struct inode *inode, uint32_t events);
/* The same, to what is open; nobody is told about OPEN_PATH. */
void notify_file(struct file *file, uint32_t events);
/* One name becomes another one: both directories and the inode. */
void notify_rename(const struct rename_operation *rename);
/* The inode has no names left, and nobody uses it any more. */
void notify_gone(struct inode *inode);

/* ---- Queues -------------------------------------------------------------------------------- */

/* inotify_init1.  `flags`: OPEN_NONBLOCK or 0.  -EMFILE: the user has too many; -ENFILE,
 * -ENOMEM. */
MUST_CHECK int notify_create(uint32_t user_id, uint32_t flags, struct file **file);
bool file_is_notify(const struct file *file);
/* The number of the watch of this inode, new or changed.  -EEXIST (NOTIFY_MASK_CREATE), -ENOSPC,
 * -ENOMEM. */
MUST_CHECK int notify_watch(struct file *file, struct inode *inode, uint32_t mask);
/* -EINVAL: no such watch. */
MUST_CHECK int notify_unwatch(struct file *file, int32_t id);
uint64_t notify_watches_max(void);
#define NOTIFY_QUEUES_MAX 128     /* of one user, as Linux */
#define NOTIFY_EVENTS_MAX 16384   /* in one queue, as Linux; then one that says so */
/* What could be read.  -EBADF: another kind of file. */
int64_t notify_bytes(struct file *file);
