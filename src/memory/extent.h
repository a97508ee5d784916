#pragma once
/*
 * Extents: several pages of anonymous memory brought in at once, contiguous in physical memory
 * like in virtual memory, so that a TLB (above all the hosted port's, where an entry is a host
 * mapping) can take them as one.
 *
 * An extent is an aligned block of 2^order entries of one last-level table, cut to the entries
 * that may be filled; the physical run has the same alignment.
 */
#include <stdbool.h>

#include "lib/error.h"
#include "memory/page_table.h"

#define EXTENT_ORDER_MAX 9u    /* a whole last-level table: 2 MiB */
#define EXTENT_COPY_ORDER_MAX 6u

struct extent {
    page_entry *table;         /* first entry of the table */
    unsigned at;               /* the entry that is needed; vacant */
    unsigned low, high;        /* entries that may be filled: [low, high) */
    unsigned order;            /* wanted at most; then what it became */
    bool over_zeros;           /* entries of shared zero pages count as vacant */
    bool over_shared;          /* only entries that entry_is_shared tells of do: extent_copy */
    /* Results. */
    unsigned first, end;       /* entries filled: all of them were vacant */
    bool replaced_zeros;       /* some of them were present: flush the TLB */
};

/* A page of private memory that may not be written before it is copied, or known to be nobody
 * else's.  What belongs to an object is none: it shows what becomes of the object. */
static inline bool entry_is_shared(uint64_t entry)
{
    return (entry & (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_OBJECT | ENTRY_ZERO | ENTRY_RESERVED)) ==
           ENTRY_PRESENT;
}

/* Both choose the largest vacant extent around `at`, up to `order`, and fill it with present
 * entries.  The first takes zeroed pages (fewer when memory is short of runs) and stores entries
 * with these bits; -ENOMEM: not a single page. */
MUST_CHECK int extent_fill(struct extent *extent, uint64_t bits);
/* Fills a whole table, of which all must be vacant, with frames that are only reserved.  -ENOMEM:
 * it is not, or memory is not plentiful; nothing was changed. */
MUST_CHECK int extent_fill_reserved(struct extent *extent, uint64_t bits);
/* Fills it with copies of the pages that are there, which the caller flushes and then releases;
 * present entries with these bits.  Their entries go to `old`, in order from extent->first on.  At
 * most EXTENT_COPY_ORDER_MAX.  -ENOMEM: not a single page; nothing was changed. */
MUST_CHECK int extent_copy(struct extent *extent, uint64_t bits, uint64_t *old);
/* The second takes the shared zero pages.  -ENOMEM: there are none. */
MUST_CHECK int extent_fill_zeros(struct extent *extent, uint64_t bits);
