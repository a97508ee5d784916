#pragma once
/*
 * Page tables in the hardware format of x86-64 (four levels, 4 KiB pages), built in physical
 * pages.
 *
 * Functions here move bits; which page goes where, reference counts and TLB flushes are the
 * caller's.  Changes need the owner's lock (the address space's mutex); page_table_lookup
 * (declared in machine/machine.h) reads without one, as the hardware does, so entries are atomic
 * words.
 *
 * An entry of the last level is
 *   zero                   nothing there,
 *   present                a page that user code can reach,
 *   neither                a page that is kept but unreachable: its region has no access, or it
 *                          is being removed.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/list.h"
#include "machine/machine.h"
#include "memory/page.h"

#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITE (UINT64_C(1) << 1)
#define ENTRY_USER (UINT64_C(1) << 2)
#define ENTRY_ACCESSED (UINT64_C(1) << 5)
#define ENTRY_DIRTY (UINT64_C(1) << 6)
#define ENTRY_OBJECT (UINT64_C(1) << 9)         /* software: the page belongs to the object */
#define ENTRY_ZERO (UINT64_C(1) << 10)          /* software: a shared page of zeros, not counted */
/* Software: a frame that is only reserved (page.h): of our own, but maybe never touched.  Not
 * counted. */
#define ENTRY_RESERVED (UINT64_C(1) << 11)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)
#define ENTRY_PERMISSIONS (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_NO_EXECUTE)

#define PAGE_TABLE_ENTRIES 512u
#define PAGE_TABLE_SPAN (UINT64_C(1) << 21)     /* of one table of the last level */
#define USER_ADDRESS_LIMIT (UINT64_C(1) << 47)
/* Where Linux ends user space: the last page is never mapped. */
#define USER_SPACE_END (USER_ADDRESS_LIMIT - PAGE_SIZE)

typedef _Atomic uint64_t page_entry;

static inline uint64_t entry_load(page_entry *entry)
{
    return atomic_load_explicit(entry, memory_order_relaxed);
}

static inline void entry_store(page_entry *entry, uint64_t value)
{
    atomic_store_explicit(entry, value, memory_order_release);
}

/* -ENOMEM. */
MUST_CHECK int page_table_create(physical_address *root);

/* The last-level entry of an address, NULL if there is no table for it.  The entries of the
 * following pages lie behind it, up to the next multiple of PAGE_TABLE_SPAN. */
page_entry *page_table_find(physical_address root, user_address address);
/* The same; creates the tables that are missing.  -ENOMEM. */
MUST_CHECK int page_table_prepare(physical_address root, user_address address, page_entry **entry);

/* A part of one last-level table: `count` entries from `address` on. */
struct page_table_piece {
    page_entry *entries;
    user_address address;
    size_t count;
};
/* The first piece of [start, end) for which there is a table; false if there is none.  A loop
 * goes on at page_table_piece_end(). */
bool page_table_next_piece(physical_address root, user_address start, user_address end,
                           struct page_table_piece *piece);
static inline user_address page_table_piece_end(const struct page_table_piece *piece)
{
    return piece->address + piece->count * PAGE_SIZE;
}

/*
 * Removal in two steps, with the TLB flush between them: page_table_unlink makes [start, end)
 * unreachable and takes tables out that lie wholly in [floor, ceiling) (where nothing else is
 * mapped); page_table_release then hands out the pages, in physically contiguous runs, and frees
 * the tables.
 */
struct page_table_removal {
    physical_address root;
    user_address start, end, floor, ceiling;
    uint64_t present;       /* result of unlink: how many pages could be reached */
    struct list tables;     /* taken out, not yet free */
};
void page_table_unlink(struct page_table_removal *removal);
/* `first`: ENTRY_ADDRESS, ENTRY_OBJECT, ENTRY_ZERO, ENTRY_RESERVED of the run's first page. */
typedef void (*page_run_release)(uint64_t first, size_t count, void *context);
void page_table_release(struct page_table_removal *removal, page_run_release release,
                        void *context);

/* Frees the root; everything else was removed before. */
void page_table_destroy(physical_address root);
