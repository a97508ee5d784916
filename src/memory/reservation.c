/*
 * Reservations: 2 MiB of never-used memory for 2 MiB of an anonymous region whose touches are
 * scattered, entered in the page table at once.  After the first touch all others there cost no
 * trap; frames that nobody has touched cost nothing and can be taken back at any time.
 *
 * An entry with ENTRY_RESERVED holds a frame that was not known to be touched when somebody looked
 * last; only the machine can tell (memory_find_touched).  To look is to settle: a frame that was
 * touched becomes a page and is counted like any other.  Reports look before they count, so they
 * say what programs have touched, not what is reserved for them.
 *
 * Invariants:
 * - space->reserved_pages is the number of entries with ENTRY_RESERVED; a space is in the list of
 *   those that have some exactly if it is not 0.
 * - A frame is given back only after nobody can reach it any more and it was still not touched
 *   then, so what is given back is zero.
 * - A space that is in the list, or whose mutex was taken while it was, is not freed before the
 *   mutex is given back: its own end takes the mutex, and leaves the list first.
 */
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/memory_internal.h"
#include "memory/tlb.h"

static struct {
    struct spinlock lock;

    /* Protected by `lock`. */
    struct list spaces;    /* least recently asked to give back first */
} reserving = {
    .lock = SPINLOCK_INITIAL(RANK_RESERVATIONS, "reservations"),
    .spaces = LIST_INITIAL(reserving.spaces),
};

void space_count_reserved(struct address_space *space, int64_t pages)
{
    uint64_t before = space->reserved_pages;

    ASSERT(mutex_is_held(&space->lock));
    ASSERT_IMPLIES(pages < 0, before >= (uint64_t)-pages);
    space->reserved_pages += (uint64_t)pages;
    if ((before == 0) == (space->reserved_pages == 0))
        return;
    spin_lock(&reserving.lock);
    if (before == 0)
        list_append(&reserving.spaces, &space->reserving_node);
    else
        list_remove(&space->reserving_node);
    spin_unlock(&reserving.lock);
}

/* ---- What was touched ---------------------------------------------------------------------- */

/* Of `count` reserved frames from `first` on: how many of the first were not touched, and how many
 * behind them were. */
static size_t count_touched(physical_address first, size_t count, size_t *untouched)
{
    physical_address start = first;
    physical_address end = first + (physical_address)count * PAGE_SIZE;

    *untouched = count;
    if (!machine_info()->memory_find_touched(&start, &end))
        return 0;
    ASSERT(start >= first);
    ASSERT(start < end);
    ASSERT(end <= first + (physical_address)count * PAGE_SIZE);
    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(is_aligned(end, PAGE_SIZE));
    *untouched = (start - first) / PAGE_SIZE;
    return (end - start) / PAGE_SIZE;
}

/* These frames are pages from now on, and count. */
static void claim_frames(struct address_space *space, physical_address first, size_t count)
    REQUIRES(&space->lock)
{
    struct page *page = page_at(first);

    for (size_t i = 0; i < count; i++)
        page_claim(page + i);
    space_count_reserved(space, -(int64_t)count);
    space_count_resident(space, first, (int64_t)count);
}

void space_claim_reserved(struct address_space *space, page_entry *entry)
{
    uint64_t value = entry_load(entry);

    ASSERT(value & ENTRY_RESERVED);
    entry_store(entry, value & ~ENTRY_RESERVED);
    claim_frames(space, value & ENTRY_ADDRESS, 1);
}

static void unreserve_frames(struct address_space *space, physical_address first, size_t count)
    REQUIRES(&space->lock)
{
    if (count == 0)
        return;
    page_unreserve(page_at(first), count);
    space_count_reserved(space, -(int64_t)count);
}

uint64_t space_release_reserved(struct address_space *space, physical_address first, size_t count)
{
    uint64_t pages = 0;

    while (count > 0) {
        size_t untouched, touched = count_touched(first, count, &untouched);
        physical_address start = first + (physical_address)untouched * PAGE_SIZE;

        unreserve_frames(space, first, untouched);
        if (touched > 0) {
            claim_frames(space, start, touched);
            page_release_run(page_at(start), touched);
        }
        pages += touched;
        first = start + (physical_address)touched * PAGE_SIZE;
        count -= untouched + touched;
    }
    return pages;
}

/* ---- Settling and giving back -------------------------------------------------------------- */

/* Entries of one piece that hold consecutive reserved frames, from the first such entry on. */
static size_t next_run(const struct page_table_piece *piece, size_t *first)
{
    size_t end;

    while (*first < piece->count && !(entry_load(&piece->entries[*first]) & ENTRY_RESERVED))
        (*first)++;
    if (*first == piece->count)
        return 0;

    uint64_t expected = entry_load(&piece->entries[*first]);

    for (end = *first; end < piece->count; end++, expected += PAGE_SIZE)
        if (entry_load(&piece->entries[end]) != expected)
            break;
    return end - *first;
}

/* Settles a run of entries.  If nobody can reach them, those that were not touched are vacated;
 * how many. */
static uint64_t settle_run(struct address_space *space, page_entry *entries, size_t count,
                           bool vacate) REQUIRES(&space->lock)
{
    physical_address frame = entry_load(entries) & ENTRY_ADDRESS;
    uint64_t vacated = 0;

    while (count > 0) {
        size_t untouched, touched = count_touched(frame, count, &untouched);

        if (vacate) {
            for (size_t i = 0; i < untouched; i++)
                entry_store(&entries[i], 0);
            unreserve_frames(space, frame, untouched);
            vacated += untouched;
        }
        for (size_t i = untouched; i < untouched + touched; i++)
            space_claim_reserved(space, &entries[i]);
        entries += untouched + touched;
        frame += (physical_address)(untouched + touched) * PAGE_SIZE;
        count -= untouched + touched;
    }
    return vacated;
}

void space_settle(struct address_space *space, user_address start, user_address end)
{
    struct page_table_piece piece;
    user_address at = start;

    ASSERT(mutex_is_held(&space->lock));
    while (space->reserved_pages > 0 && page_table_next_piece(space->root, at, end, &piece)) {
        size_t first = 0, count;

        while ((count = next_run(&piece, &first)) > 0) {
            (void)settle_run(space, &piece.entries[first], count, false);
            first += count;
        }
        at = page_table_piece_end(&piece);
    }
}

/* Sets or clears ENTRY_PRESENT of all entries that have one of these bits; were there any? */
static bool set_present(const struct page_table_piece *piece, uint64_t bits, bool present)
{
    bool any = false;

    for (size_t i = 0; i < piece->count; i++) {
        uint64_t value = entry_load(&piece->entries[i]);

        if (!(value & bits))
            continue;
        entry_store(&piece->entries[i], present ? value | ENTRY_PRESENT : value & ~ENTRY_PRESENT);
        any = true;
    }
    return any;
}

/* Nobody can reach reserved frames while they are settled.  What has become a page can be reached
 * again afterwards, if the region has any access. */
static uint64_t give_back_piece(struct address_space *space, const struct region *region,
                            const struct page_table_piece *piece) REQUIRES(&space->lock)
{
    size_t first = 0, count;
    uint64_t given = 0;

    if (!set_present(piece, ENTRY_RESERVED, false))
        return 0;
    tlb_flush(space->root, piece->address, page_table_piece_end(piece));
    while ((count = next_run(piece, &first)) > 0) {
        given += settle_run(space, &piece->entries[first], count, true);
        first += count;
    }
    if (region->protection != 0)
        (void)set_present(piece, ENTRY_ADDRESS, true);
    return given;
}

/* Space locked. */
static uint64_t give_back(struct address_space *space, uint64_t pages) REQUIRES(&space->lock)
{
    const struct region *region = region_first(&space->regions);
    uint64_t given = 0;

    for (; region && given < pages; region = region_next(region)) {
        struct page_table_piece piece;
        user_address at = region->start;

        if (region->object || !region->owns_pages)
            continue;
        while (space->reserved_pages > 0 && given < pages &&
               page_table_next_piece(space->root, at, region->end, &piece)) {
            given += give_back_piece(space, region, &piece);
            at = page_table_piece_end(&piece);
        }
    }
    return given;
}

/* A space that has reservations, locked; NULL: none that can be locked now.  *was_held: by the
 * caller, already. */
static struct address_space *next_to_ask(bool *was_held) LOCKS_UNCHECKED
{
    struct address_space *space = NULL;

    spin_lock(&reserving.lock);

    struct list *node = list_rotate(&reserving.spaces);

    if (node) {
        space = LIST_ENTRY(node, struct address_space, reserving_node);
        *was_held = mutex_is_held(&space->lock);
        if (!*was_held && !mutex_try_lock(&space->lock))
            space = NULL;
    }
    spin_unlock(&reserving.lock);
    return space;
}

static size_t count_reserving(void)
{
    spin_lock(&reserving.lock);

    size_t count = list_length(&reserving.spaces);

    spin_unlock(&reserving.lock);
    return count;
}

uint64_t address_space_give_back(uint64_t pages) LOCKS_UNCHECKED
{
    uint64_t given = 0;

    for (size_t i = count_reserving(); i > 0 && given < pages; i--) {
        bool was_held;
        struct address_space *space = next_to_ask(&was_held);

        if (!space)
            continue;
        given += give_back(space, pages - given);
        if (!was_held)
            mutex_unlock(&space->lock);
    }
    return given;
}
