#pragma once
/* What the files of memory/ share about an address space. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/refcount.h"
#include "memory/address_space.h"
#include "memory/page_table.h"
#include "memory/region.h"
#include "sync/mutex.h"

struct address_space {
    /* Constant after creation; the second after exec. */
    physical_address root;
    user_address block_budget;        /* 0: the program does not count its basic blocks */

    struct refcount references;
    struct mutex lock;                /* RANK_ADDRESS_SPACE */

    /* Protected by `lock`, as are all entries of the page table. */
    struct region_set regions;
    user_address map_top;             /* mappings without an address go below */
    user_address break_start, break_end;
    uint64_t stack_limit, total_limit, data_limit;    /* bytes */
    uint32_t lock_future;             /* REGION_LOCK_FLAGS of what will be mapped: MCL_FUTURE */

    /* Pages: of regions by kind, and present ones. */
    uint64_t total_pages, data_pages, text_pages, stack_pages, locked_pages;
    uint64_t resident_pages, resident_object_pages;
    uint64_t reserved_pages;          /* in the table, not known to be touched: reservation.c */
    struct list reserving_node;       /* among the spaces that have some */
    uint64_t peak_total_pages, peak_resident_pages;
    uint64_t minor_faults, major_faults;

    struct fork_memory *fork_memory;  /* fork_ahead.c; NULL: nothing is known */
};

/* Unlock also releases what removed regions referred to. */
void space_lock(struct address_space *space) ACQUIRES(&space->lock);
void space_unlock(struct address_space *space) RELEASES(&space->lock);

/* ---- All below: space locked --------------------------------------------------------------- */

/* `pages` of a region like this one came (or, negative, went). */
void space_account(struct address_space *space, const struct region *region, int64_t pages)
    REQUIRES(&space->lock);
/* May `pages` more of this protection and these flags be mapped?  RLIMIT_AS, RLIMIT_DATA. */
bool space_may_grow(const struct address_space *space, uint32_t protection, uint32_t flags,
                    uint64_t pages);
/* Is a promise of so much private writable memory absurd?  As Linux's heuristic mode: only when one
 * request exceeds all of memory. */
bool space_is_overcommitted(uint64_t pages);

/* Do user mappings fit here? */
bool space_range_allowed(user_address start, uint64_t length);

/* Pages that an entry stops referring to, or refers to from now on. */
void space_count_resident(struct address_space *space, uint64_t entry, int64_t pages)
    REQUIRES(&space->lock);

/* ---- reservation.c: entries with ENTRY_RESERVED -------------------------------------------- */

/* So many entries came (or, negative, went). */
void space_count_reserved(struct address_space *space, int64_t pages) REQUIRES(&space->lock);
/* Frames of [start, end) that were touched become pages, and count. */
void space_settle(struct address_space *space, user_address start, user_address end)
    REQUIRES(&space->lock);
/* This one becomes a page, touched or not. */
void space_claim_reserved(struct address_space *space, page_entry *entry) REQUIRES(&space->lock);
/* Frames that no entry refers to any more, and that nobody can reach: gives them back; how many
 * were pages, which still count as resident. */
uint64_t space_release_reserved(struct address_space *space, physical_address first, size_t count)
    REQUIRES(&space->lock);

/* Takes the pages of [start, end) out of the page table, flushes and releases them.  Tables within
 * [floor, ceiling) are freed.  Returns whether there was anything to flush. */
bool space_drop_pages(struct address_space *space, user_address start, user_address end,
                      user_address floor, user_address ceiling) REQUIRES(&space->lock);
/* munmap of whole pages.  -ENOMEM: a hole would make too many regions; nothing was changed. */
MUST_CHECK int space_unmap(struct address_space *space, user_address start, user_address end)
    REQUIRES(&space->lock);
/* Is anything mapped in [start, end)? */
bool space_is_used(const struct address_space *space, user_address start, user_address end);
/* A free place for `length` bytes as Linux chooses it; flags of enum map_flags.  -ENOMEM. */
MUST_CHECK int space_find_place(struct address_space *space, user_address hint, uint64_t length,
                                uint32_t flags, user_address *place) REQUIRES(&space->lock);
/* The part of `region` in [start, end) becomes a region of its own.  -ENOMEM. */
MUST_CHECK int space_isolate(struct address_space *space, struct region **region,
                             user_address start, user_address end) REQUIRES(&space->lock);

/* fault.c: as address_space_fault. */
enum fault_result space_fault(struct address_space *space, user_address address, uint32_t access)
    REQUIRES(&space->lock);
/* For each page of [start, end) that does not permit the access yet; the first failure ends it. */
enum fault_result space_fault_range(struct address_space *space, user_address start,
                                    user_address end, uint32_t access) REQUIRES(&space->lock);
/* Brings in the pages of [start, end), which one region covers, for the accesses to come. */
enum fault_result space_populate(struct address_space *space, const struct region *region,
                                 user_address start, user_address end) REQUIRES(&space->lock);
/* Which page of its object a region shows at this address. */
static inline uint64_t region_object_index(const struct region *region, user_address address)
{
    return (region->object_offset + (address - region->start)) >> PAGE_SHIFT;
}
/* Are all pages of the region to be there, now and when it grows? */
static inline bool region_is_populated(const struct region *region)
{
    return (region->flags & REGION_LOCK_FLAGS) == REGION_LOCKED;
}
/* Entry bits of a present page of this region, without ENTRY_WRITE. */
uint64_t region_entry_bits(const struct region *region);

/* ---- fork_ahead.c: pages that a copy has of its own from the start ------------------------- */

/* Both spaces are locked, and share their pages; no TLB permits writing to them. */
void fork_copy_ahead(struct address_space *source, struct address_space *copy,
                     const struct address_space_use *use) REQUIRES(&source->lock, &copy->lock);
/* A page was copied, and those before it were not. */
void fork_memory_note(struct address_space *space, user_address page);
void fork_memory_release(struct address_space *space);

/* address_space.c, without any lock. */
void region_file_reference(struct file *file);
/* ... of a region that is gone. */
void region_file_unmapped(struct file *file);

/* object_regions.c: which regions map an object.  The regions' space is locked. */
void memory_object_add_region(struct memory_object *object, struct region *region);
void memory_object_remove_region(struct memory_object *object, struct region *region);

/* memory_object.c: made by memory_object_create_anonymous? */
bool memory_object_is_anonymous(const struct memory_object *object);
/* Clears those pages of [first, first + count) that exist, for everybody who maps them. */
void memory_object_clear_anonymous(struct memory_object *object, uint64_t first, uint64_t count);
