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
#include "lib/tree.h"

/* ---- tmpfs.c and tmpfs_directory.c --------------------------------------------------------- */

/* tmpfs.c */
void tmpfs_init(void);
/* `target`: the text of a symbolic link, else NULL. */
MUST_CHECK int tmpfs_make_inode(struct filesystem *filesystem,
                                const struct inode_request *request, const char *target,
                                struct inode **inode);

/* tmpfs_directory.c: the directory operations. */
MUST_CHECK int tmpfs_directory_create(struct inode *inode);
void tmpfs_directory_destroy(struct inode *inode);
MUST_CHECK int tmpfs_lookup(struct inode *directory, const char *name, struct inode **inode);
MUST_CHECK int tmpfs_create_inode(struct inode *directory, const char *name,
                                  const struct inode_request *request, struct inode **inode);
MUST_CHECK int tmpfs_symlink(struct inode *directory, const char *name, const char *target,
                             const struct inode_request *request, struct inode **inode);
MUST_CHECK int tmpfs_temporary(struct inode *directory, const struct inode_request *request,
                               struct inode **inode);
MUST_CHECK int tmpfs_link(struct inode *directory, const char *name, struct inode *inode);
MUST_CHECK int tmpfs_unlink(struct inode *directory, const char *name, struct inode *inode);
MUST_CHECK int tmpfs_remove_directory(struct inode *directory, const char *name,
                                      struct inode *inode);
MUST_CHECK int tmpfs_rename(const struct rename_operation *rename);
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
                               bool make, struct page **page);
void page_cache_drop(struct page_cache *cache, uint64_t index);

/* ---- hostfs.c and hostfs_file.c ------------------------------------------------------------ */

/* A node and what it is read through; owned by a page cache or an inode. */
struct host_node {
    const struct hostfs_operations *host;
    uint64_t number;
};

/* Contents of an inode. */
struct host_inode {
    /* Constant after creation. */
    struct inode *inode;
    struct host_node *node;
    struct page_cache *cache;     /* regular files; owns the node */
    uint64_t host_device;

    struct tree_node tree_node;   /* protected by the filesystem's lock */

    /* Protected by the inode's lock. */
    bool was_young;               /* the file was changed just before its status was taken */
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

/* Operations; see vfs.h. */
MUST_CHECK int hostfs_status(struct inode *inode, struct file_status *result);
uint64_t hostfs_stamp(struct inode *directory);
MUST_CHECK int hostfs_access(struct inode *inode, const struct credentials *credentials,
                             uint32_t wanted);
MUST_CHECK int hostfs_fill(struct page_cache *cache, uint64_t index, struct page *first,
                           size_t count);
int64_t hostfs_read_link(struct inode *inode, char *target, size_t size);
MUST_CHECK int hostfs_open(struct inode *inode, struct file *file);
int64_t hostfs_read(struct file *file, struct io_buffer *buffer, uint64_t *position);
MUST_CHECK int hostfs_sync(struct file *file);
MUST_CHECK int hostfs_memory_object(struct inode *inode, struct memory_object **object);
MUST_CHECK int hostfs_read_directory(struct file *file, directory_sink sink, void *context);
