#pragma once
/*
 * What backs a region: pages by index.  Anonymous shared memory is one (memory/memory_object.c);
 * the page cache of a file is another (fs/page_cache.c).  Private anonymous regions have none.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "memory/page.h"
#include "sync/spinlock.h"

struct memory_object;

struct memory_object_operations {
    /* The page at this index, with a reference for the caller, filled.  `for_write`: it will be
     * written through a shared mapping.  -ENOMEM, -EIO; -ENXIO: beyond the end (SIGBUS).  May
     * sleep. */
    int (*page)(struct memory_object *object, uint64_t index, bool for_write, struct page **page);
    /* Is the page in memory already (mincore)? */
    bool (*is_resident)(struct memory_object *object, uint64_t index);
    /* Writes back what was written, [first, first + count); 0 where there is nothing to do. */
    int (*sync)(struct memory_object *object, uint64_t first, uint64_t count);
    /* The last reference was dropped. */
    void (*destroy)(struct memory_object *object);
};

struct memory_object {
    const struct memory_object_operations *operations;
    struct refcount references;
    struct spinlock regions_lock;    /* RANK_OBJECT_REGIONS */

    /* Protected by `regions_lock`: the regions that map it.  All are on the list `current`, except
     * that memory_object_unmap moves those that it is done with to the other one. */
    struct list regions[2];
    unsigned current;
    bool is_unmapping;
};

/* One reference. */
void memory_object_init(struct memory_object *object,
                        const struct memory_object_operations *operations);
void memory_object_reference(struct memory_object *object);
void memory_object_release(struct memory_object *object);

/*
 * Takes the pages [first, first + count) out of all mappings, also private copies of them: the
 * object has lost them.  It must refuse them before the call, so that no fault brings them back.
 * Takes the mutexes of address spaces, one after the other.  The caller has a reference and keeps
 * calls for one object apart.
 */
void memory_object_unmap(struct memory_object *object, uint64_t first, uint64_t count);

/* The same for shared mappings only: what private ones have of the pages, they keep. */
void memory_object_unmap_shared(struct memory_object *object, uint64_t first, uint64_t count);

/* The object's own pages go from all mappings, and will be faulted in again; private copies of them
 * stay, as they are the programs' own. */
void memory_object_unmap_originals(struct memory_object *object);

/* Is it mapped so that it is or can be made writable (shared, not private)? */
bool memory_object_may_be_written(struct memory_object *object);

/* Does any region show it? */
bool memory_object_is_mapped(struct memory_object *object);

/* Zero-filled shared memory of `size` bytes (anonymous MAP_SHARED); one reference.  -ENOMEM. */
MUST_CHECK int memory_object_create_anonymous(uint64_t size, struct memory_object **object);
