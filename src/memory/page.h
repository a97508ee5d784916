#pragma once
/*
 * Physical page frames: one `struct page` for each, a buddy allocator, reference counts.
 *
 * A page is free (on a free list, as part of a block) or in use with references >= 1.  Runs of
 * pages allocated together are contiguous and are released page by page.
 *
 * Context of all: any (RANK_PAGE_ALLOCATOR), nothing sleeps.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "machine/machine.h"

#define PAGE_SIZE 4096u
#define PAGE_SHIFT 12
#define PAGE_ORDER_MAX 18    /* blocks up to 1 GiB: few list heads, so an idle machine touches
                              * little of the page array */

struct page {
    struct list node;                /* free list, or the owner's list while in use */
    _Atomic uint32_t references;
    uint8_t order;                   /* of the free block that starts here */
    uint8_t flags;                   /* private to page_allocator.c */
    uint16_t reserved;
    union {
        uint64_t owner_data;         /* for whoever owns the page (index in a file); first 0 */
        struct {                     /* the first page of a slab: pool.c */
            uint16_t in_use;         /* objects handed out */
            uint16_t carved;         /* objects that were ever handed out: [0, carved) */
            uint32_t first_free;     /* offset of the first freed object + 1; 0: none */
        } slab;
    };
};

void page_allocator_init(void);

enum page_fill {
    PAGE_DIRTY,    /* any contents: the caller overwrites all of it */
    PAGE_ZERO,     /* all zero */
};
/* NULL: no memory.  References: one. */
struct page *page_allocate(enum page_fill fill);
/* 2^order contiguous pages, each with one reference; NULL: no such run (try a smaller one). */
struct page *page_allocate_run(unsigned order, enum page_fill fill);
void page_reference(struct page *page);
void page_release(struct page *page);
void page_release_run(struct page *first, size_t count);
/* 1 means that only the caller can reach the page; more may become fewer at any time. */
uint32_t page_references(const struct page *page);

physical_address page_address(const struct page *page);
/* The page that holds this physical address, which lies in RAM. */
struct page *page_at(physical_address address);
/* Its contents through the direct map. */
void *page_data(const struct page *page);
physical_address page_physical_of(const void *direct_map_pointer);

/*
 * Reserved frames: neither free nor pages yet, zero until somebody touches them.  Nothing has been
 * spent on them, not even on their `struct page`; each becomes a page in use with page_claim, or
 * goes back, if it was never touched, with page_unreserve.
 */
/* 2^order contiguous frames that were never used, while plenty of memory is free; NULL: none. */
struct page *page_reserve_run(unsigned order);
/* References from now on: one. */
void page_claim(struct page *reserved);
void page_unreserve(struct page *first, size_t count);

struct page_statistics {
    uint64_t total, free, reserved;    /* pages */
};
struct page_statistics page_statistics(void);
