/*
 * Page tables: walk, create, remove, and the lock-free lookup for software TLBs.
 *
 * Invariants:
 * - Entries of the upper levels are zero or point to a table and permit everything; permissions
 *   are in the last level only.
 * - A table page belongs to one place of one tree and has one reference; its list node is free
 *   for the removal list, its owner_data says the level while it is on that list.
 * - A reader without a lock sees either the old or the new value of an entry.  It may follow a
 *   table that is being taken out, which is why tables are freed after the TLB flush only.
 */
#include "memory/page_table.h"

#include "lib/assert.h"
#include "lib/checked.h"

#define LEVELS 4u
_Static_assert(sizeof(page_entry) * PAGE_TABLE_ENTRIES == PAGE_SIZE, "a table is a page");
_Static_assert(PAGE_TABLE_SPAN == (uint64_t)PAGE_TABLE_ENTRIES * PAGE_SIZE, "of the last level");

#define ENTRY_TABLE (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER)

static unsigned level_shift(unsigned level)
{
    return PAGE_SHIFT + 9 * (level - 1);
}

static uint64_t level_span(unsigned level)
{
    return UINT64_C(1) << level_shift(level);
}

static unsigned level_index(user_address address, unsigned level)
{
    return (unsigned)(address >> level_shift(level)) % PAGE_TABLE_ENTRIES;
}

static page_entry *table_entries(physical_address table)
{
    return (page_entry *)(void *)(machine_info()->direct_map + table);
}

/* The kernel's half is the machine's; the tables below its entries are shared by all roots. */
static void copy_kernel_half(page_entry *entries)
{
    physical_address kernel_root = machine_info()->kernel_root;

    if (kernel_root == 0)
        return;
    for (size_t i = PAGE_TABLE_ENTRIES / 2; i < PAGE_TABLE_ENTRIES; i++)
        entry_store(&entries[i], entry_load(&table_entries(kernel_root)[i]));
}

int page_table_create(physical_address *root)
{
    struct page *page = page_allocate(PAGE_ZERO);

    if (!page)
        return -ENOMEM;
    copy_kernel_half(page_data(page));
    *root = page_address(page);
    ASSERT(*root != 0);    /* which means "none" to all who keep one */
    return 0;
}

void page_table_destroy(physical_address root)
{
    ASSERT(page_references(page_at(root)) == 1);
    page_release(page_at(root));
}

/* ---- Walking ------------------------------------------------------------------------------- */

/* Descends as far as there are tables; *level is where the returned entry is. */
static page_entry *descend(physical_address root, user_address address, unsigned *level)
{
    physical_address table = root;

    for (*level = LEVELS;; (*level)--) {
        page_entry *entry = &table_entries(table)[level_index(address, *level)];

        if (*level == 1)
            return entry;

        /* Acquire: pairs with the release store that published a filled table. */
        uint64_t value = atomic_load_explicit(entry, memory_order_acquire);

        if (!(value & ENTRY_PRESENT))
            return entry;
        table = value & ENTRY_ADDRESS;
    }
}

page_entry *page_table_find(physical_address root, user_address address)
{
    unsigned level;
    page_entry *entry = descend(root, address, &level);

    return level == 1 ? entry : NULL;
}

int page_table_prepare(physical_address root, user_address address, page_entry **entry)
{
    unsigned level;

    ASSERT(root != 0);
    ASSERT(is_aligned(root, PAGE_SIZE));
    ASSERT(address < USER_ADDRESS_LIMIT);
    *entry = descend(root, address, &level);
    while (level > 1) {
        struct page *table = page_allocate(PAGE_ZERO);

        if (!table)
            return -ENOMEM;    /* upper tables made so far stay: they are empty and harmless */
        entry_store(*entry, page_address(table) | ENTRY_TABLE);
        level--;
        *entry = &table_entries(page_address(table))[level_index(address, level)];
    }
    return 0;
}

bool page_table_next_piece(physical_address root, user_address start, user_address end,
                           struct page_table_piece *piece)
{
    ASSERT(end <= USER_ADDRESS_LIMIT);
    ASSERT(is_aligned(start, PAGE_SIZE));
    ASSERT(is_aligned(end, PAGE_SIZE));
    while (start < end) {
        unsigned level;
        page_entry *entry = descend(root, start, &level);
        user_address boundary = round_down(start, level_span(level)) + level_span(level);

        if (level == 1) {
            user_address stop = round_down(start, PAGE_TABLE_SPAN) + PAGE_TABLE_SPAN;

            piece->entries = entry;
            piece->address = start;
            piece->count = ((stop < end ? stop : end) - start) / PAGE_SIZE;
            return true;
        }
        start = boundary;
    }
    return false;
}

/* ---- Removal ------------------------------------------------------------------------------- */

static void unlink_pages(struct page_table_removal *removal, page_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = entry_load(&entries[i]);

        if (!(value & ENTRY_PRESENT))
            continue;
        entry_store(&entries[i], value & ~ENTRY_PRESENT);
        removal->present++;
    }
}

/* [start, end) lies in the span of this table. */
static void unlink_level(struct page_table_removal *removal, page_entry *entries, unsigned level,
                         user_address start, user_address end)
{
    uint64_t span = level_span(level);

    if (level == 1) {
        unlink_pages(removal, &entries[level_index(start, 1)], (end - start) / PAGE_SIZE);
        return;
    }
    for (user_address at = start; at < end; at = round_down(at, span) + span) {
        page_entry *entry = &entries[level_index(at, level)];
        uint64_t value = entry_load(entry);
        user_address low = round_down(at, span);

        if (value == 0)
            continue;

        physical_address table = value & ENTRY_ADDRESS;

        unlink_level(removal, table_entries(table), level - 1, at,
                     low + span < end ? low + span : end);
        if (low >= removal->floor && low + span <= removal->ceiling) {
            struct page *page = page_at(table);

            ASSERT(page_references(page) == 1);
            entry_store(entry, 0);
            page->owner_data = level - 1;
            list_append(&removal->tables, &page->node);
        }
    }
}

void page_table_unlink(struct page_table_removal *removal)
{
    ASSERT(is_aligned(removal->start, PAGE_SIZE));
    ASSERT(is_aligned(removal->end, PAGE_SIZE));
    ASSERT(removal->start < removal->end);
    ASSERT(removal->end <= USER_ADDRESS_LIMIT);
    ASSERT(removal->floor <= removal->start);
    ASSERT(removal->end <= removal->ceiling);
    removal->present = 0;
    list_init(&removal->tables);
    unlink_level(removal, table_entries(removal->root), LEVELS, removal->start, removal->end);
}

/* What the pages of a run have in common; permissions do not matter any more. */
static uint64_t run_bits(uint64_t entry)
{
    return entry & (ENTRY_ADDRESS | ENTRY_OBJECT | ENTRY_ZERO | ENTRY_RESERVED);
}

static void release_pages(page_entry *entries, size_t count,
                          page_run_release release, void *context)
{
    size_t i = 0;

    while (i < count) {
        uint64_t first = run_bits(entry_load(&entries[i]));
        size_t length = 0;

        if (first == 0) {
            i++;
            continue;
        }
        while (i + length < count &&
               run_bits(entry_load(&entries[i + length])) == first + length * PAGE_SIZE) {
            entry_store(&entries[i + length], 0);
            length++;
        }
        ASSERT(length > 0);
        release(first, length, context);
        i += length;
    }
}

void page_table_release(struct page_table_removal *removal, page_run_release release, void *context)
{
    struct page_table_piece piece;
    user_address at = removal->start;

    while (page_table_next_piece(removal->root, at, removal->end, &piece)) {
        release_pages(piece.entries, piece.count, release, context);
        at = page_table_piece_end(&piece);
    }
    for (;;) {
        struct list *node = list_take_first(&removal->tables);

        if (!node)
            break;

        struct page *table = LIST_ENTRY(node, struct page, node);

        ASSERT(table->owner_data >= 1);
        ASSERT(table->owner_data < LEVELS);
        if (table->owner_data == 1)
            release_pages(table_entries(page_address(table)), PAGE_TABLE_ENTRIES, release, context);
        page_release(table);
    }
}

/* ---- Lookup for software TLBs -------------------------------------------------------------- */

/* What the entries of a run have in common, with addresses in steps of a page.  What is only
 * reserved ends a run: a software TLB may touch what it maps, to have it at hand. */
#define RUN_BITS (ENTRY_ADDRESS | ENTRY_PERMISSIONS | ENTRY_RESERVED)

/* How far entries go on like `expected` (that of `address`) in steps of a page, up to `limit`. */
static user_address extend_up(physical_address root, user_address address, uint64_t expected,
                              user_address limit)
{
    struct page_table_piece piece;
    user_address at = address + PAGE_SIZE;

    while (at < limit && page_table_next_piece(root, at, limit, &piece) && piece.address == at) {
        for (size_t i = 0; i < piece.count; i++, at += PAGE_SIZE) {
            expected += PAGE_SIZE;
            if ((entry_load(&piece.entries[i]) & RUN_BITS) != expected)
                return at;
        }
    }
    return at;
}

/* The same downwards: the lowest address that belongs to the run. */
static user_address extend_down(physical_address root, user_address address, uint64_t expected,
                                user_address limit)
{
    page_entry *entry = page_table_find(root, address);

    while (address > limit) {
        entry = is_aligned(address, PAGE_TABLE_SPAN) ?
                    page_table_find(root, address - PAGE_SIZE) : entry - 1;
        expected -= PAGE_SIZE;
        if (!entry || (entry_load(entry) & RUN_BITS) != expected)
            break;
        address -= PAGE_SIZE;
    }
    return address;
}

uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end)
{
    user_address page = round_down(address, PAGE_SIZE);
    uint64_t reach = round_down(window < USER_ADDRESS_LIMIT ? window : USER_ADDRESS_LIMIT,
                                PAGE_SIZE);

    if (root == 0 || address >= USER_ADDRESS_LIMIT)
        return 0;

    page_entry *entry = page_table_find(root, page);
    uint64_t value = entry ? entry_load(entry) : 0;

    if (!(value & ENTRY_PRESENT))
        return 0;

    uint64_t expected = value & RUN_BITS;
    user_address low = page > reach ? page - reach : 0;
    user_address high = page + reach < USER_ADDRESS_LIMIT ? page + reach : USER_ADDRESS_LIMIT;

    *start = extend_down(root, page, expected, low);
    *end = extend_up(root, page, expected, high);
    return value;
}
