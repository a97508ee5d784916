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

struct extent {
    page_entry *table;         /* first entry of the table */
    unsigned at;               /* the entry that is needed; vacant */
    unsigned low, high;        /* entries that may be filled: [low, high) */
    unsigned order;            /* wanted at most; then what it became */
    bool over_zeros;           /* entries of shared zero pages count as vacant */
    /* Results. */
    unsigned first, end;       /* entries filled: all of them were vacant */
    bool replaced_zeros;       /* some of them were present: flush the TLB */
};

/* Both choose the largest vacant extent around `at`, up to `order`, and fill it with present
 * entries.  The first takes zeroed pages (fewer when memory is short of runs) and stores entries
 * with these bits; -ENOMEM: not a single page. */
MUST_CHECK int extent_fill(struct extent *extent, uint64_t bits);
/* Fills a whole table, of which all must be vacant, with frames that are only reserved.  -ENOMEM:
 * it is not, or memory is not plentiful; nothing was changed. */
MUST_CHECK int extent_fill_reserved(struct extent *extent, uint64_t bits);
/* The second takes the shared zero pages.  -ENOMEM: there are none. */
MUST_CHECK int extent_fill_zeros(struct extent *extent, uint64_t bits);
