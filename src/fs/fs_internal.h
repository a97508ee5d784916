#pragma once
/* What the files of fs share with one another only. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/hostfs.h"
#include "fs/page_cache.h"
#include "fs/read_write.h"
#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/list.h"
#include "lib/tree.h"

/* ---- tmpfs.c and tmpfs_directory.c --------------------------------------------------------- */

/* tmpfs.c */
void tmpfs_init(void);
/* One further name of it; it is locked.  -ENOSPC. */
MUST_CHECK int tmpfs_charge_name(struct inode *inode);
void tmpfs_uncharge_name(struct inode *inode);
/* `target`: the text of a symbolic link, else NULL. */
MUST_CHECK int tmpfs_make_inode(struct filesystem *filesystem,
                                const struct inode_request *request, const char *target,
                                struct inode **inode);

/* tmpfs_directory.c: the directory operations. */
MUST_CHECK int tmpfs_directory_create(struct inode *inode);
void tmpfs_directory_destroy(struct inode *inode);
MUST_CHECK int tmpfs_lookup(struct inode *directory, const char *name, struct inode **inode);
MUST_CHECK int tmpfs_create_inode(struct inode *directory, const char *name,
                                  const struct inode_request *request, struct inode **inode)
    REQUIRES(&directory->lock);
MUST_CHECK int tmpfs_symlink(struct inode *directory, const char *name, const char *target,
                             const struct inode_request *request, struct inode **inode)
    REQUIRES(&directory->lock);
MUST_CHECK int tmpfs_temporary(struct inode *directory, const struct inode_request *request,
                               struct inode **inode);
MUST_CHECK int tmpfs_link(struct inode *directory, const char *name, struct inode *inode)
    REQUIRES(&inode->lock, &directory->lock);
MUST_CHECK int tmpfs_unlink(struct inode *directory, const char *name, struct inode *inode)
    REQUIRES(&directory->lock, &inode->lock);
MUST_CHECK int tmpfs_remove_directory(struct inode *directory, const char *name,
                                      struct inode *inode) REQUIRES(&directory->lock, &inode->lock);
MUST_CHECK int tmpfs_rename(const struct rename_operation *rename)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock);
MUST_CHECK int tmpfs_read_directory(struct file *file, directory_sink sink, void *context);

/* ---- names.c, read_write.c, page_cache.c --------------------------------------------------- */

/* names.c, for open.c: what a new inode in this directory gets: owner, group, mode with the umask
 * applied. */
struct inode_request inode_request_in(const struct fs_context *context, struct inode *directory,
                                      uint32_t mode);
/* May a name be added to the directory?  The lock is held. */
MUST_CHECK int names_may_create(const struct fs_context *context, struct inode *directory);
/* May a name be taken from it?  Also -EISDIR, -ENOTDIR, by what is wanted. */
MUST_CHECK int names_may_delete(const struct fs_context *context, struct inode *directory,
                                const struct inode *inode, bool wants_directory);
/* Creates what an absent name names; the directory's lock is held. */
MUST_CHECK int names_create(struct name *parent, struct name *name,
                            const struct inode_request *request);

/* read_write.c, for open.c: -EFBIG beyond the limit. */
struct truncation {
    uint64_t size;
    uint64_t size_limit;
    uint32_t user_id;        /* who does it */
    bool always_modifies;    /* times change even if the size does not */
};
MUST_CHECK int inode_truncate(struct inode *inode, const struct truncation *truncation);

/* page_cache.c, for page_cache_io.c; the cache's lock is held. */
static inline uint64_t page_cache_pages_of(uint64_t size)
{
    return size / PAGE_SIZE + (size % PAGE_SIZE != 0);
}
/* The page, brought in if it is absent and `make` or the cache can be filled; NULL: a hole.  No
 * reference is taken.  `wanted`: how many pages from here on will be asked for.  -ENXIO: beyond
 * the end of a file that can be filled. */
MUST_CHECK int page_cache_find(struct page_cache *cache, uint64_t index, uint64_t wanted,
                               bool make, struct page **page) REQUIRES(&cache->lock);
void page_cache_drop(struct page_cache *cache, uint64_t index);

/* ---- hostfs.c and its kin -------------------------------------------------------------------- */

/* Contents of the filesystem. */
struct hostfs {
    const struct hostfs_operations *host;    /* constant */
    enum hostfs_sharing sharing;             /* constant */
    struct page_account *account;            /* of what programs write; constant, a reference */
    struct mutex lock;                       /* RANK_HOSTFS */

    /* Protected by `lock`. */
    struct tree inodes;                      /* of host files, by device and number */
    struct list pinned;                      /* changed ones, with a reference to each */
};

/* A node and what it is read through; owned by a page cache or an inode. */
struct host_node {
    const struct hostfs_operations *host;
    uint64_t number;                 /* 0: no file of the host, a program made it */
    struct page_account *account;    /* with a reference, if a page cache owns the node */
};

/* Contents of an inode. */
struct host_inode {
    /* Constant after creation. */
    struct inode *inode;
    struct host_node *node;       /* NULL: no file of the host and no regular one */
    struct page_cache *cache;     /* regular files; owns the node */
    bool is_made;                 /* by a program: the host has no such file */
    uint64_t host_device;
    char *target;                 /* of a link that is_made, inode->size + 1 bytes */

    /* Protected by the filesystem's lock. */
    struct tree_node tree_node;
    struct list pinned_node;      /* linked: the filesystem holds a reference */
    bool has_changes_below;       /* of a directory of the host: something in it changed */
    uint64_t parent_device, parent_number;    /* the directory it was last found in; 0: none */

    /* Protected by the inode's lock. */
    bool was_young;               /* the file was changed just before its status was taken */
    bool has_own_contents;        /* the cache has the only copy */
    int64_t seen_modify_ns, seen_change_ns;    /* of the host's file, for what the cache has */
    struct tree changes;          /* of a directory: struct change, by name */
    uint32_t names;               /* made by link and not gone again: they count as files */

    _Atomic bool is_changed;      /* the inode's fields are the truth, not the host's; for ever.
                                   * Written with the inode's lock held */
};

static inline struct host_inode *host_inode_of(const struct inode *inode)
{
    return inode->contents;
}

/* What permission checks read; needs no lock. */
void hostfs_note_rights(struct inode *inode, const struct hostfs_status *status);
/* The host's answer becomes the inode's fields.  The lock is held, or the inode is new. */
void hostfs_set_fields(struct inode *inode, const struct hostfs_status *status);
/* Could a change at that time be followed by another that leaves the same time? */
bool hostfs_is_young(int64_t change_ns);

/* hostfs_table.c: the inode of a host file that exists, with a reference; or NULL, and then the
 * tree does not hold one that is on its way out either.  The filesystem's lock is held. */
struct inode *hostfs_find_living(struct hostfs *hostfs, const struct hostfs_status *status)
    REQUIRES(&hostfs->lock);
/* After that said NULL. */
void hostfs_insert(struct hostfs *hostfs, struct inode *inode,
                   const struct hostfs_status *status) REQUIRES(&hostfs->lock);

/* hostfs.c.  Of the host: with a reference, a new one or the one that there is.  -ENOENT, ... */
MUST_CHECK int hostfs_find(struct inode *directory, const char *name, struct inode **inode);
/* What a program makes; `target` as tmpfs_make_inode. */
MUST_CHECK int hostfs_make(struct filesystem *filesystem, const struct inode_request *request,
                           const char *target, struct inode **inode);
void hostfs_node_release(struct host_node *node);
/* An inode for a file that the host is about to make, so that nothing fails for want of memory when
 * it has.  Released if the host refuses, else completed by the node that it gave. */
MUST_CHECK int hostfs_prepare(struct filesystem *filesystem, const struct inode_request *request,
                              struct inode **prepared);
MUST_CHECK int hostfs_complete(struct inode *prepared, uint64_t number, struct inode **inode);
/* Are changes the host's? */
bool hostfs_is_shared(const struct inode *inode);
/* From here on the inode's fields are the truth; it stays until its last name is gone.  The inode's
 * lock is held. */
void hostfs_mark_changed(struct inode *inode) REQUIRES(&inode->lock);
/* Its last name is gone: it need not be found by the host's names any more. */
void hostfs_unpin(struct inode *inode);
extern const struct page_cache_operations hostfs_own_contents, hostfs_host_contents;
extern const struct page_cache_operations hostfs_shared_contents;

/* hostfs_directory.c. */
void hostfs_directory_destroy(struct host_inode *host_inode);
/* A name that a program makes, and one that goes; the inode is locked.  -ENOSPC. */
MUST_CHECK int hostfs_charge_name(struct inode *inode);
void hostfs_uncharge_name(struct inode *inode);
/* Calls for each name that programs changed, until it returns an error; `inode` NULL: there is none
 * any more; `hides`: the host has another one. */
typedef int (*change_visitor)(const char *name, struct inode *inode, bool hides, void *context);
MUST_CHECK int hostfs_for_each_change(struct inode *directory, change_visitor visit, void *context);
bool hostfs_name_is_changed(struct inode *directory, const char *name);
/* Has it changed, or anything in it?  May what the host calls so in this directory have? */
bool hostfs_has_changes(const struct inode *inode);
bool hostfs_may_be_changed(struct inode *directory, const struct hostfs_name *name);
/* hostfs_file.c: for page_cache_operations. */
MUST_CHECK int hostfs_fill(struct page_cache *cache, uint64_t index, struct page *first,
                           size_t count);
void hostfs_cache_destroy(struct page_cache *cache);

/* Operations; see vfs.h. */
MUST_CHECK int hostfs_lookup(struct inode *directory, const char *name, struct inode **inode);
MUST_CHECK int hostfs_create_inode(struct inode *directory, const char *name,
                                   const struct inode_request *request, struct inode **inode)
    REQUIRES(&directory->lock);
MUST_CHECK int hostfs_symlink(struct inode *directory, const char *name, const char *target,
                              const struct inode_request *request, struct inode **inode)
    REQUIRES(&directory->lock);
MUST_CHECK int hostfs_link(struct inode *directory, const char *name, struct inode *inode)
    REQUIRES(&inode->lock, &directory->lock);
MUST_CHECK int hostfs_unlink(struct inode *directory, const char *name, struct inode *inode)
    REQUIRES(&directory->lock, &inode->lock);
MUST_CHECK int hostfs_remove_directory(struct inode *directory, const char *name,
                                       struct inode *inode)
    REQUIRES(&directory->lock, &inode->lock);
MUST_CHECK int hostfs_rename(const struct rename_operation *rename)
    REQUIRES(&rename->old_directory->lock, &rename->new_directory->lock, &rename->inode->lock);
MUST_CHECK int hostfs_temporary(struct inode *directory, const struct inode_request *request,
                                struct inode **inode);
MUST_CHECK int hostfs_read_directory(struct file *file, directory_sink sink, void *context);
void hostfs_release_directory(struct file *file);
MUST_CHECK int hostfs_status(struct inode *inode, struct file_status *result);
MUST_CHECK int hostfs_set_attributes(struct inode *inode,
                                     const struct attribute_request *request)
    REQUIRES(&inode->lock);
uint64_t hostfs_stamp(struct inode *directory);
MUST_CHECK int hostfs_access(struct inode *inode, const struct credentials *credentials,
                             uint32_t wanted);
int64_t hostfs_read_link(struct inode *inode, char *target, size_t size);
MUST_CHECK int hostfs_open(struct inode *inode, struct file *file);
int64_t hostfs_read(struct file *file, struct io_buffer *buffer, uint64_t *position);
int64_t hostfs_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
    REQUIRES(&file->inode->lock);
MUST_CHECK int hostfs_allocate(struct file *file, const struct allocation *allocation)
    REQUIRES(&file->inode->lock);
int64_t hostfs_seek(struct file *file, int64_t offset, int whence);
MUST_CHECK int hostfs_sync(struct file *file);
MUST_CHECK int hostfs_memory_object(struct file *file, struct memory_object **object);

/* hostfs_shared.c: the same where changes are the host's. */
MUST_CHECK int hostfs_shared_create(struct inode *directory, const char *name,
                                    const struct inode_request *request, struct inode **inode);
MUST_CHECK int hostfs_shared_symlink(struct inode *directory, const char *name,
                                     const char *target, const struct inode_request *request,
                                     struct inode **inode);
MUST_CHECK int hostfs_shared_link(struct inode *directory, const char *name, struct inode *inode);
MUST_CHECK int hostfs_shared_unlink(struct inode *directory, const char *name,
                                    struct inode *inode);
MUST_CHECK int hostfs_shared_remove_directory(struct inode *directory, const char *name,
                                              struct inode *inode);
MUST_CHECK int hostfs_shared_rename(const struct rename_operation *rename);
MUST_CHECK int hostfs_shared_temporary(struct inode *directory,
                                       const struct inode_request *request, struct inode **inode);
MUST_CHECK int hostfs_shared_set_attributes(struct inode *inode,
                                            const struct attribute_request *request);
int64_t hostfs_shared_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
    REQUIRES(&file->inode->lock);
MUST_CHECK int hostfs_shared_sync(struct file *file);
MUST_CHECK int hostfs_shared_memory_object(struct file *file, struct memory_object **object);
void hostfs_shared_unmapped(struct file *file);
