/*
 * Physical page frames: a binary buddy allocator over one array of struct page.
 *
 * Invariants:
 * - Every managed frame is inside exactly one free block, or in use with references >= 1, or
 *   reserved with references 0 (and known to be zero when it comes back without having been used).
 *   The first page of a free block carries PAGE_FREE_BLOCK and the block's order; all other pages
 *   of it, pages in use and pages outside RAM do not carry the flag.  So an all-zero struct page
 *   means "not the head of a free block", and the array needs no initialisation where memory is
 *   zero: an idle machine touches a few of its pages only.
 * - A block of order n starts at a frame that is a multiple of 2^n, and its buddy is not free
 *   with the same order and the same contents flag (it would have been merged).
 * - PAGE_ZERO_BLOCK: every byte of the block is zero, because it was never handed out since boot.
 *   Blocks of known zeros and of unknown contents are never merged, so that one freed page does
 *   not make a huge zero block unknown.  The price: a run may fail that only a merge of both
 *   kinds could give; callers of runs fall back to smaller ones.
 *
 * Requests of either fill prefer blocks of unknown contents, smallest first: clearing a page that
 * was used before costs less than the first touch of one that never was (the hosted port's memory
 * is the host's only from then on), and never-used memory stays in large runs.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/page.h"
#include "sync/spinlock.h"

enum {
    PAGE_FREE_BLOCK = 1 << 0,
    PAGE_ZERO_BLOCK = 1 << 1,
};

enum contents { CONTENTS_UNKNOWN, CONTENTS_ZERO };
#define CONTENTS_KINDS 2

/* What reservations leave free: an eighth of all memory, and a few MiB where that is little. */
#define UNRESERVED_PART 8
#define UNRESERVED_MIN ((UINT64_C(16) << 20) / PAGE_SIZE)

#define PREPARED_ORDER 4    /* never-used memory is announced to the machine in at least so many */

static struct {
    struct spinlock lock;

    /* Constant after initialisation. */
    struct page *pages;       /* of the frames [first_frame, end_frame) */
    uint64_t first_frame, end_frame;
    uint64_t total;

    /* Protected by `lock`. */
    struct list blocks[CONTENTS_KINDS][PAGE_ORDER_MAX + 1];
    uint64_t free, reserved;  /* pages */
} allocator = { .lock = SPINLOCK_INITIAL(RANK_PAGE_ALLOCATOR, "page allocator") };

static struct page *page_of_frame(uint64_t frame)
{
    return &allocator.pages[frame - allocator.first_frame];
}

static uint64_t frame_of_page(const struct page *page)
{
    return (uint64_t)(page - allocator.pages) + allocator.first_frame;
}

physical_address page_address(const struct page *page)
{
    return frame_of_page(page) << PAGE_SHIFT;
}

struct page *page_at(physical_address address)
{
    uint64_t frame = address >> PAGE_SHIFT;

    ASSERT(frame >= allocator.first_frame);
    ASSERT(frame < allocator.end_frame);
    return page_of_frame(frame);
}

void *page_data(const struct page *page)
{
    return machine_info()->direct_map + page_address(page);
}

physical_address page_physical_of(const void *direct_map_pointer)
{
    return (physical_address)((const char *)direct_map_pointer - machine_info()->direct_map);
}

/* ---- Blocks: all with the lock held -------------------------------------------------------- */

static void block_add(struct page *head, unsigned order, enum contents contents)
    REQUIRES(&allocator.lock)
{
    ASSERT(spin_is_held(&allocator.lock));
    ASSERT(!(head->flags & PAGE_FREE_BLOCK));
    ASSERT(order <= PAGE_ORDER_MAX);
    ASSERT(is_aligned(frame_of_page(head), UINT64_C(1) << order));
    head->order = (uint8_t)order;
    head->flags = PAGE_FREE_BLOCK | (contents == CONTENTS_ZERO ? PAGE_ZERO_BLOCK : 0);
    list_init(&head->node);
    list_prepend(&allocator.blocks[contents][order], &head->node);
}

static void block_remove(struct page *head)
{
    ASSERT(head->flags & PAGE_FREE_BLOCK);
    list_remove(&head->node);
    head->flags = 0;
}

static bool block_is_free(uint64_t frame, unsigned order, enum contents contents)
{
    uint8_t wanted = PAGE_FREE_BLOCK | (contents == CONTENTS_ZERO ? PAGE_ZERO_BLOCK : 0);

    if (frame < allocator.first_frame || frame >= allocator.end_frame)
        return false;

    const struct page *head = page_of_frame(frame);

    return head->flags == wanted && head->order == order;
}

/* Gives a block back and merges it with its buddies as far as they are free. */
static void block_free(uint64_t frame, unsigned order, enum contents contents)
    REQUIRES(&allocator.lock)
{
    ASSERT(frame >= allocator.first_frame);
    ASSERT(frame + (UINT64_C(1) << order) <= allocator.end_frame);
    allocator.free += UINT64_C(1) << order;
    while (order < PAGE_ORDER_MAX) {
        uint64_t buddy = frame ^ (UINT64_C(1) << order);

        if (!block_is_free(buddy, order, contents))
            break;
        block_remove(page_of_frame(buddy));
        frame &= ~(UINT64_C(1) << order);
        order++;
    }
    block_add(page_of_frame(frame), order, contents);
}

/* Gives the frames [start, end) back in the largest blocks that fit. */
static void frames_free(uint64_t start, uint64_t end, enum contents contents)
    REQUIRES(&allocator.lock)
{
    while (start < end) {
        unsigned order = 0;

        while (order < PAGE_ORDER_MAX && is_aligned(start, UINT64_C(2) << order) &&
               start + (UINT64_C(2) << order) <= end)
            order++;
        block_free(start, order, contents);
        start += UINT64_C(1) << order;
    }
}

/* Takes the low end of `head`'s block; the rest goes back in halves. */
static void block_split(struct page *head, unsigned wanted, enum contents contents)
    REQUIRES(&allocator.lock)
{
    unsigned order = head->order;

    ASSERT(order >= wanted);
    ASSERT(allocator.free >= UINT64_C(1) << order);
    block_remove(head);
    while (order > wanted) {
        order--;
        block_add(head + (UINT64_C(1) << order), order, contents);
    }
    allocator.free -= UINT64_C(1) << wanted;
}

/* Never-used memory is about to be broken into: tells the machine, for a few pages more than are
 * wanted now when those are few.  All of it is still one free block, so nobody uses it. */
static void prepare(const struct page *head, unsigned wanted)
{
    unsigned order = wanted > PREPARED_ORDER ? wanted : PREPARED_ORDER;
    physical_address start = page_address(head);

    machine_memory_prepare(start, start + ((uint64_t)PAGE_SIZE << order));
}

/* The smallest free block of at least that order, still free; NULL: none. */
static struct page *find_block(unsigned wanted, enum contents contents)
{
    for (unsigned order = wanted; order <= PAGE_ORDER_MAX; order++) {
        struct list *node = list_first(&allocator.blocks[contents][order]);

        if (node)
            return LIST_ENTRY(node, struct page, node);
    }
    return NULL;
}

static struct page *block_take(unsigned wanted, enum contents *contents) REQUIRES(&allocator.lock)
{
    struct page *head = find_block(wanted, CONTENTS_UNKNOWN);

    *contents = CONTENTS_UNKNOWN;
    if (!head) {
        head = find_block(wanted, CONTENTS_ZERO);
        *contents = CONTENTS_ZERO;
        if (head && head->order >= PREPARED_ORDER)
            prepare(head, wanted);
    }
    if (head)
        block_split(head, wanted, *contents);
    return head;
}

/* ---- Start --------------------------------------------------------------------------------- */

/* The first range that can hold the page array; its start moves behind the array. */
static void place_page_array(struct machine_range *range, uint64_t size)
{
    const struct machine_info *info = machine_info();

    allocator.pages = (struct page *)(void *)(info->direct_map + range->start);
    range->start = round_up(range->start + size, PAGE_SIZE);
    if (!info->memory_is_zero)
        memset(allocator.pages, 0, size);
}

void page_allocator_init(void)
{
    const struct machine_info *info = machine_info();
    enum contents contents = info->memory_is_zero ? CONTENTS_ZERO : CONTENTS_UNKNOWN;
    bool placed = false;

    ASSERT(info->memory_range_count > 0);
    /* Frame 0 is never handed out: the root of an address space is not 0. */
    allocator.first_frame = info->memory[0].start >> PAGE_SHIFT;
    allocator.end_frame = info->memory[info->memory_range_count - 1].end >> PAGE_SHIFT;
    allocator.total = 0;
    allocator.free = 0;
    allocator.reserved = 0;
    for (unsigned kind = 0; kind < CONTENTS_KINDS; kind++)
        for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++)
            list_init(&allocator.blocks[kind][order]);

    uint64_t size = (allocator.end_frame - allocator.first_frame) * sizeof(struct page);

    spin_lock(&allocator.lock);
    for (size_t i = 0; i < info->memory_range_count; i++) {
        struct machine_range range = info->memory[i];

        if (range.start == 0)
            range.start = PAGE_SIZE;
        if (!placed && size < range.end - range.start) {
            place_page_array(&range, size);
            placed = true;
        } else if (!placed) {
            continue;    /* too small for the array: not used at all */
        }
        frames_free(range.start >> PAGE_SHIFT, range.end >> PAGE_SHIFT, contents);
    }
    ASSERT(placed);
    allocator.total = allocator.free;
    spin_unlock(&allocator.lock);
}

/* ---- Pages --------------------------------------------------------------------------------- */

static void begin_use(struct page *page)
{
    ASSERT(atomic_load_explicit(&page->references, memory_order_relaxed) == 0);
    list_init(&page->node);
    atomic_store_explicit(&page->references, 1, memory_order_relaxed);
    page->owner_data = 0;
}

struct page *page_allocate_run(unsigned order, enum page_fill fill)
{
    enum contents contents;

    if (order > PAGE_ORDER_MAX)
        return NULL;
    spin_lock(&allocator.lock);

    struct page *first = block_take(order, &contents);

    spin_unlock(&allocator.lock);
    if (!first)
        return NULL;

    size_t count = (size_t)1 << order;

    for (size_t i = 0; i < count; i++)
        begin_use(&first[i]);
    if (fill == PAGE_ZERO && contents != CONTENTS_ZERO)
        memset(page_data(first), 0, count * PAGE_SIZE);
    return first;
}

struct page *page_allocate(enum page_fill fill)
{
    return page_allocate_run(0, fill);
}

void page_reference(struct page *page)
{
    uint32_t before = atomic_fetch_add_explicit(&page->references, 1, memory_order_relaxed);

    ASSERT(before > 0);
    ASSERT(before < UINT32_MAX / 2);
}

/* Drops one reference; true if that was the last. */
static bool page_drop(struct page *page)
{
    uint32_t before = atomic_fetch_sub_explicit(&page->references, 1, memory_order_acq_rel);

    ASSERT(before > 0);
    return before == 1;
}

void page_release(struct page *page)
{
    page_release_run(page, 1);
}

void page_release_run(struct page *first, size_t count)
{
    size_t done = 0;

    while (done < count) {
        size_t start = done;

        while (done < count && page_drop(&first[done]))
            done++;
        if (done > start) {
            uint64_t frame = frame_of_page(&first[start]);

            spin_lock(&allocator.lock);
            frames_free(frame, frame + (done - start), CONTENTS_UNKNOWN);
            spin_unlock(&allocator.lock);
        }
        /* The page that stopped the run lives on: others hold references. */
        if (done < count)
            done++;
    }
}

uint32_t page_references(const struct page *page)
{
    return atomic_load_explicit(&page->references, memory_order_acquire);
}

/* ---- Reserved frames ----------------------------------------------------------------------- */

struct page *page_reserve_run(unsigned order)
{
    uint64_t count = UINT64_C(1) << order;
    struct page *first = NULL;

    ASSERT(order <= PAGE_ORDER_MAX);
    spin_lock(&allocator.lock);
    if (allocator.free >= count + UNRESERVED_MIN + allocator.total / UNRESERVED_PART)
        first = find_block(order, CONTENTS_ZERO);
    if (first) {
        block_split(first, order, CONTENTS_ZERO);
        allocator.reserved += count;
    }
    spin_unlock(&allocator.lock);
    return first;
}

void page_claim(struct page *reserved)
{
    spin_lock(&allocator.lock);
    ASSERT(allocator.reserved > 0);
    allocator.reserved--;
    spin_unlock(&allocator.lock);
    begin_use(reserved);
}

void page_unreserve(struct page *first, size_t count)
{
    uint64_t frame = frame_of_page(first);

    spin_lock(&allocator.lock);
    ASSERT(allocator.reserved >= count);
    allocator.reserved -= count;
    frames_free(frame, frame + count, CONTENTS_ZERO);
    spin_unlock(&allocator.lock);
}

struct page_statistics page_statistics(void)
{
    spin_lock(&allocator.lock);

    struct page_statistics statistics = {
        .total = allocator.total,
        .free = allocator.free,
        .reserved = allocator.reserved,
    };

    spin_unlock(&allocator.lock);
    return statistics;
}
