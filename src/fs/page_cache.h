#pragma once
/*
 * Page caches: the pages of one file's contents, shared by read, write and mmap, so that all
 * three see the same bytes.
 *
 * A cache is a memory object of its own life: the inode holds one reference, mappings hold others.
 * Its size is the file's; there are no pages beyond it, in the cache or in mappings.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/page_tree.h"
#include "lib/error.h"
#include "lib/list.h"
#include "memory/io_buffer.h"
#include "memory/memory_object.h"
#include "memory/page.h"
#include "sync/mutex.h"

struct page_cache;

struct page_cache_operations {
    /* Fills `count` contiguous pages from `index` on with the file's contents; what lies beyond
     * its end must be zero.  The cache's lock is held.  NULL: new pages are zero. */
    MUST_CHECK int (*fill)(struct page_cache *cache, uint64_t index, struct page *first,
                           size_t count);
    /* The other way, for caches with `fill` whose files may be written: the first `size` bytes of
     * the page become the file's.  The cache's lock is held.  NULL: no shared mapping writes. */
    MUST_CHECK int (*write_back)(struct page_cache *cache, uint64_t index, const struct page *page,
                                 size_t size);
    /* Pages are about to be added (-ENOSPC) or were dropped.  NULL: no limit. */
    MUST_CHECK int (*charge)(struct page_cache *cache, uint64_t pages);
    void (*uncharge)(struct page_cache *cache, uint64_t pages);
    /* The cache goes; its pages are gone already.  Releases `source`. */
    void (*destroy)(struct page_cache *cache);
};

struct page_cache {
    struct memory_object object;

    /* Constant after creation, but for page_cache_own. */
    const struct page_cache_operations *operations;
    void *source;                  /* what the operations work on */

    struct mutex lock;             /* RANK_PAGE_CACHE */

    /* Protected by `lock`. */
    struct page_tree pages;
    struct page_tree written;      /* those of `pages` that mappings may have written since they
                                    * were last written back; with a reference to each */
    uint64_t size;                 /* bytes */
    uint64_t page_count;
    uint64_t next_index;           /* where the last run of fills ended, and ... */
    uint64_t run_pages;            /* ... how long it was: grows while reads go on there */
    bool keeps_pages;              /* none may be dropped, though they could be filled again */
    struct list all_caches;        /* those with `fill`, for shrinking; under a lock of its own */
};

/* One reference.  -ENOMEM. */
MUST_CHECK int page_cache_create(const struct page_cache_operations *operations, void *source,
                                 uint64_t size, struct page_cache **cache);
void page_cache_reference(struct page_cache *cache);
void page_cache_release(struct page_cache *cache);
static inline struct page_cache *page_cache_of(struct memory_object *object)
{
    return CONTAINER_OF(object, struct page_cache, object);
}

/* A cache that can be filled becomes one whose pages are the only copy: all are brought in, and
 * from here on it has these operations, without `fill`.  Mappings keep their pages.  The caller
 * keeps others from doing the same (the inode's lock).  -ENOSPC, -ENOMEM, and errors of `fill`:
 * then nothing has changed. */
MUST_CHECK int page_cache_own(struct page_cache *cache,
                              const struct page_cache_operations *operations);

/* Moves bytes and *position; end of file and holes are handled.  Bytes moved, or an error if
 * none were.  Callers hold no lock of RANK_ADDRESS_SPACE or above. */
int64_t page_cache_read(struct page_cache *cache, struct io_buffer *buffer, uint64_t *position);
/* Grows the file when it writes beyond the end.  Only for caches without `fill`.  The caller keeps
 * writers apart (the inode's lock). */
int64_t page_cache_write(struct page_cache *cache, struct io_buffer *buffer, uint64_t *position);

/* For caches with `write_back`.  The file has just been written: what is cached of it becomes the
 * same, and the size grows if it has to.  The caller keeps writers apart. */
void page_cache_note_written(struct page_cache *cache, const void *bytes, size_t size,
                             uint64_t offset);
/* What mappings wrote becomes the file's.  The first error; the others are tried all the same. */
MUST_CHECK int page_cache_write_back(struct page_cache *cache);

/* Sets the size; pages beyond it are dropped, from mappings too, and the rest of the last page is
 * zeroed.  The caller keeps writers apart and holds no lock of RANK_ADDRESS_SPACE or above. */
void page_cache_resize(struct page_cache *cache, uint64_t size);
uint64_t page_cache_size(struct page_cache *cache);
uint64_t page_cache_pages(struct page_cache *cache);
/* Makes the pages of [start, end) be there, as far as there is memory; the size stays.  A signal
 * ends it, if it may.  Then, the opposite: makes the bytes a hole, except that private mappings
 * keep what they have.  Both only for caches without `fill`; the caller keeps writers apart and
 * holds no lock of RANK_ADDRESS_SPACE or above.  -ENOSPC, -ENOMEM, -EINTR. */
MUST_CHECK int page_cache_allocate(struct page_cache *cache, uint64_t start, uint64_t end,
                                   bool ends_by_signal);
void page_cache_punch(struct page_cache *cache, uint64_t start, uint64_t end);
/* Forgets every page, in mappings too, and takes the new size: the file changed behind our back.
 * What mappings have written stays and will be written back.
 * Callers hold no lock of RANK_ADDRESS_SPACE or above. */
void page_cache_invalidate(struct page_cache *cache, uint64_t size);

/* First byte >= position that is data (or hole), below the size; the size itself when there is
 * none.  The position is below the size. */
uint64_t page_cache_next_data(struct page_cache *cache, uint64_t position);
uint64_t page_cache_next_hole(struct page_cache *cache, uint64_t position);

/* lseek of a file whose contents it is, holes and all; the file's position_lock is held. */
struct file;
int64_t page_cache_seek(struct file *file, struct page_cache *cache, int64_t offset, int whence);

/* Memory is short: drops pages that can be filled again and that nobody uses, at least `pages` of
 * them if it can.  Returns how many.  May sleep. */
uint64_t page_cache_shrink(uint64_t pages);
