#pragma once
/*
 * Regions: what is mapped where in one address space.  Kept in a tree ordered by address that also
 * knows the largest gap below each subtree's nodes, so that a free place is found in O(log n).
 *
 * Everything here is protected by the address space's mutex.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/tree.h"
#include "machine/machine.h"
#include "memory/address_space.h"
#include "memory/memory_object.h"

/* Properties that regions must share to be one. */
enum region_flags {
    REGION_SHARED = 1 << 0,
    REGION_GROWS_DOWN = 1 << 1,
    REGION_LOCKED = 1 << 2,        /* mlock: counted, and not to be dropped by advice */
    REGION_NO_FORK = 1 << 3,       /* madvise DONTFORK */
    REGION_WIPE_ON_FORK = 1 << 4,  /* madvise WIPEONFORK */
    REGION_NO_ACCOUNT = 1 << 5,    /* MAP_NORESERVE */
    REGION_ON_FAULT = 1 << 6,      /* locked too: pages come one by one, when they are touched */
};
#define REGION_LOCK_FLAGS ((uint32_t)(REGION_LOCKED | REGION_ON_FAULT))

struct region {
    struct tree_node node;
    user_address start, end;       /* whole pages, start < end */
    uint64_t gap_before;           /* usable bytes between the region below and this one */
    uint64_t largest_gap;          /* of the subtree */

    uint32_t protection;           /* enum region_protection */
    uint32_t maximum_protection;
    uint32_t flags;                /* enum region_flags */
    struct memory_object *object;  /* NULL: private anonymous memory */
    uint64_t object_offset;        /* of `start`, bytes */
    struct file *file;             /* NULL: none */
    const char *label;             /* NULL: none */

    /* Private anonymous memory: has it had pages of its own, and how far have they moved since they
     * were first there?  (Wraps; the same throughout a region.) */
    bool owns_pages;
    uint64_t moved_by;

    uint8_t isolated_faults;       /* see fault.c: how scattered the touches have been */
    uint8_t isolated_copies;       /* the same of pages that were shared, since the last fork */
    struct region_set *set;
    struct list object_node;       /* among the regions of `object` */
    struct region *next_removed;
};

struct region_set {
    struct tree tree;
    unsigned count;
    struct region *removed;        /* out of the tree, references not yet dropped */
};

void region_set_init(struct region_set *set);

/* First region that ends above the address: it holds the address or is the next one. */
struct region *region_find_from(const struct region_set *set, user_address address);
/* The region that holds the address, or NULL. */
struct region *region_find(const struct region_set *set, user_address address);
struct region *region_first(const struct region_set *set);
struct region *region_last(const struct region_set *set);
struct region *region_next(const struct region *region);
struct region *region_previous(const struct region *region);

/* Lowest address that a new mapping just below should leave alone: below a stack there is a gap. */
user_address region_guarded_start(const struct region *region);

/* Highest (lowest) start of a gap of `length` bytes within [low, high), which are page aligned;
 * false when there is none. */
bool region_find_gap_high(const struct region_set *set, uint64_t length, user_address low,
                          user_address high, user_address *start);
bool region_find_gap_low(const struct region_set *set, uint64_t length, user_address low,
                         user_address high, user_address *start);

/* Adds a region like *model at model->start..end, which is free, or extends a neighbour that is its
 * like.  Takes references of its own.  -ENOMEM. */
MUST_CHECK int region_insert(struct region_set *set, const struct region *model,
                             struct region **region);
/* Cuts the region in two at an address inside it.  -ENOMEM, also at REGIONS_MAX. */
MUST_CHECK int region_split(struct region_set *set, struct region *region, user_address at);
/* Makes one of the region and those neighbours that are its like; returns the one that remains. */
struct region *region_merge(struct region_set *set, struct region *region);
/* What moved_by will be when the region, or a copy of it, has moved by `distance`. */
uint64_t region_moved_by(const struct region *region, uint64_t distance);
/* Moves the region, with what it refers to, to a free place, and may change its size. */
void region_relocate(struct region_set *set, struct region *region, user_address start,
                     user_address end);
/* Takes it out of the tree.  What it refers to is released later, by region_dispose without any
 * lock held, because dropping the last reference to a file takes locks of lower rank. */
void region_remove(struct region_set *set, struct region *region);
void region_dispose(struct region *removed);
/* Moves one edge; the caller has made sure that there is room. */
void region_resize(struct region_set *set, struct region *region, user_address start,
                   user_address end);
