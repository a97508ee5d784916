#pragma once
/*
 * Inodes: creation, references, and the operations that filesystems without a medium of their own
 * (tmpfs, devfs, procfs) share.
 */
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

struct inode_kind {
    const struct inode_operations *operations;
    const struct file_operations *file_operations;
};

/*
 * A new inode with one reference, a number of its own in the filesystem, `links` 1 (2 for
 * directories), size 0 and all times now.  Before anyone else sees it the caller may set number,
 * contents, size and so on without locks.  When the last reference goes, operations->destroy
 * (if any) frees what `contents` points to; the inode itself is freed here.  -ENOMEM.
 */
MUST_CHECK int inode_create(struct filesystem *filesystem, const struct inode_kind *kind,
                            const struct inode_request *request, struct inode **inode);
void inode_reference(struct inode *inode);
/* May sleep (destroy); callers may hold locks up to RANK_ADDRESS_SPACE, no spin lock. */
void inode_release(struct inode *inode);

static inline uint32_t inode_type(const struct inode *inode)
{
    return inode->mode & MODE_TYPE;
}

/* O_DIRECT: only files whose contents are in a page cache. */
static inline bool inode_allows_direct(const struct inode *inode)
{
    return inode_type(inode) == MODE_REGULAR && inode->operations->memory_object;
}

static inline bool inode_is_directory(const struct inode *inode)
{
    return inode_type(inode) == MODE_DIRECTORY;
}

/*
 * A file may be written or run as a program, not both: each side counts, and -ETXTBSY refuses it
 * while the other one is there.
 */
MUST_CHECK int inode_begin_writing(struct inode *inode);
void inode_end_writing(struct inode *inode);
MUST_CHECK int inode_deny_writing(struct inode *inode);
void inode_permit_writing(struct inode *inode);

/* Takes and gives back the inode's lock around nothing but reading its fields. */
void inode_status_from_fields(struct inode *inode, struct file_status *status);
/* The filesystem's `status` operation, else from the fields; mount_id is left 0. */
MUST_CHECK int inode_status(struct inode *inode, struct file_status *status);

/* set_attributes for inodes whose truth is in their fields (everything but CHANGE_SIZE, which is
 * -EINVAL).  The lock is held. */
MUST_CHECK int inode_set_fields(struct inode *inode, const struct attribute_request *request)
    REQUIRES(&inode->lock);

/* Both with the lock held: a change of contents (mtime and ctime), or of attributes (ctime). */
void inode_note_modified(struct inode *inode) REQUIRES(&inode->lock);
void inode_note_changed(struct inode *inode) REQUIRES(&inode->lock);
/* A read: moves atime as Linux's relatime does (when not newer than mtime or ctime, or a day
 * old).  Takes the lock unless the caller has it.  Nothing happens on read-only filesystems. */
void inode_note_accessed(struct inode *inode);

/*
 * May these credentials do what `wanted` (bits of enum permission) says?  0 or -EACCES.  By mode
 * bits, as Linux: with capabilities all may be read and written, directories be searched and files
 * with any x bit be executed.  Filesystems may decide themselves (operations->access).  -EROFS
 * comes first for writing on a read-only filesystem; read-only mounts are not seen here.
 */
MUST_CHECK int inode_permission(struct inode *inode, const struct credentials *credentials,
                                uint32_t wanted);
/* The part by mode bits alone, for `access` operations that only add to it. */
MUST_CHECK int inode_permission_by_mode(struct inode *inode,
                                        const struct credentials *credentials, uint32_t wanted);
/* Is file_group_id or one of the further groups this one? */
bool credentials_in_group(const struct credentials *credentials, uint32_t group_id);
/* Owns he the file, or may he do what its owner may? */
bool credentials_own(const struct credentials *credentials, const struct inode *inode);

/*
 * For read_directory of directories that number their entries from 2 on: gives the sink "." and
 * ".." when the file's position is 0 or 1, and moves it.  False: the sink has had enough.  The
 * type of an entry as getdents has it.
 */
bool directory_read_dots(struct file *file, directory_sink sink, void *context);
static inline uint8_t directory_type(const struct inode *inode)
{
    return (uint8_t)(inode_type(inode) >> 12);
}
