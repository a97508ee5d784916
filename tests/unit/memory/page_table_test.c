/*
 * memory/page_table: the hardware's format, lookups of extents, removal in two steps, no table left
 * behind, and random changes against an array.
 */
#include "memory/page_table.h"

#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/page.h"

#define RIGHTS (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER)
#define SPAN PAGE_TABLE_SPAN
#define ADDRESS UINT64_C(0x7f1234567000)

static physical_address root;
static uint64_t free_at_start;

static void setup(void)
{
    fake_machine_init(16 << 20);
    page_allocator_init();
    free_at_start = page_statistics().free;
    ck_assert_int_eq(page_table_create(&root), 0);
}

static void set(user_address address, uint64_t value)
{
    page_entry *entry;

    ck_assert_int_eq(page_table_prepare(root, address, &entry), 0);
    entry_store(entry, value);
}

static uint64_t get(user_address address)
{
    page_entry *entry = page_table_find(root, address);

    return entry ? entry_load(entry) : 0;
}

static uint64_t released;          /* pages */
static unsigned release_calls;
static uint64_t last_release;

static void count_release(uint64_t first, size_t count, void *context)
{
    ck_assert_ptr_eq(context, &released);
    ck_assert_uint_eq(first & ~(ENTRY_ADDRESS | ENTRY_OBJECT | ENTRY_ZERO | ENTRY_RESERVED), 0);
    released += count;
    release_calls++;
    last_release = first;
}

/* Removes [start, end), tables up to the bounds; returns how many pages were present. */
static uint64_t remove_range(user_address start, user_address end, user_address floor,
                             user_address ceiling)
{
    struct page_table_removal removal = {
        .root = root, .start = start, .end = end, .floor = floor, .ceiling = ceiling,
    };

    released = 0;
    release_calls = 0;
    page_table_unlink(&removal);
    page_table_release(&removal, count_release, &released);
    return removal.present;
}

static void finish(void)
{
    remove_range(0, USER_ADDRESS_LIMIT, 0, USER_ADDRESS_LIMIT);
    page_table_destroy(root);
    ck_assert_uint_eq(page_statistics().free, free_at_start);
}

/* What the CPU would do: nothing of page_table.c is used. */
static uint64_t hardware_walk(user_address address)
{
    uint64_t table = root;

    for (int shift = 39; shift >= 12; shift -= 9) {
        const uint64_t *entries =
            (const uint64_t *)(const void *)(fake_machine_info.direct_map + table);
        uint64_t entry = entries[(address >> shift) & 511];

        if (!(entry & 1))
            return 0;
        if (shift == 12)
            return entry;
        ck_assert_uint_eq(entry & 6, 6);    /* upper levels allow everything */
        table = entry & UINT64_C(0x000ffffffffff000);
    }
    return 0;
}

START_TEST(entries_are_where_the_hardware_looks)
{
    static const user_address addresses[] = {
        0x10000, 0x1ff000, 0x200000, ADDRESS, UINT64_C(0x7ffffffff000), UINT64_C(0x8000000000),
    };

    for (unsigned i = 0; i < 6; i++)
        set(addresses[i], ((uint64_t)i + 1) << 12 | RIGHTS | ENTRY_NO_EXECUTE);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_uint_eq(hardware_walk(addresses[i]),
                          ((uint64_t)i + 1) << 12 | 7 | UINT64_C(1) << 63);
        ck_assert_uint_eq(hardware_walk(addresses[i] ^ 0x1000), 0);
        ck_assert_uint_eq(get(addresses[i]), hardware_walk(addresses[i]));
    }
    finish();
}
END_TEST

START_TEST(find_makes_no_tables)
{
    uint64_t free = page_statistics().free;

    ck_assert_ptr_null(page_table_find(root, ADDRESS));
    ck_assert_uint_eq(page_statistics().free, free);
    set(ADDRESS, RIGHTS);
    ck_assert_uint_eq(page_statistics().free, free - 3);
    set(ADDRESS + PAGE_SIZE, RIGHTS);
    ck_assert_uint_eq(page_statistics().free, free - 3);
    finish();
}
END_TEST

START_TEST(prepare_without_memory_fails_and_can_be_repeated)
{
    static struct page *taken[4096];
    size_t count = 0;
    page_entry *entry;

    while ((taken[count] = page_allocate(PAGE_DIRTY)) != NULL)
        count++;
    for (unsigned missing = 3; missing > 0; missing--) {
        ck_assert_int_eq(page_table_prepare(root, ADDRESS, &entry), -ENOMEM);
        page_release(taken[--count]);
    }
    ck_assert_int_eq(page_table_prepare(root, ADDRESS, &entry), 0);
    ck_assert_ptr_eq(entry, page_table_find(root, ADDRESS));
    while (count > 0)
        page_release(taken[--count]);
    finish();
}
END_TEST

START_TEST(pieces_skip_what_is_empty)
{
    struct page_table_piece piece;
    user_address at = 0;
    unsigned pieces = 0;

    set(ADDRESS, RIGHTS);
    set(ADDRESS + SPAN, RIGHTS);
    set(ADDRESS + (UINT64_C(1) << 39), RIGHTS);
    while (page_table_next_piece(root, at, USER_ADDRESS_LIMIT, &piece)) {
        ck_assert_uint_eq(piece.count, PAGE_TABLE_ENTRIES);
        ck_assert_uint_eq(piece.address % SPAN, 0);
        at = page_table_piece_end(&piece);
        pieces++;
    }
    ck_assert_uint_eq(pieces, 3);

    /* Cut at both ends. */
    ck_assert(page_table_next_piece(root, ADDRESS - PAGE_SIZE, ADDRESS + 3 * PAGE_SIZE, &piece));
    ck_assert_uint_eq(piece.address, ADDRESS - PAGE_SIZE);
    ck_assert_uint_eq(piece.count, 4);
    ck_assert_ptr_eq(&piece.entries[1], page_table_find(root, ADDRESS));
    ck_assert(!page_table_next_piece(root, 0, SPAN, &piece));
    ck_assert(!page_table_next_piece(root, ADDRESS, ADDRESS, &piece));
    finish();
}
END_TEST

/* ---- Lookup -------------------------------------------------------------------------------- */

START_TEST(lookup_refuses_what_is_not_there)
{
    user_address start, end;

    set(ADDRESS, 0x5000 | ENTRY_USER | ENTRY_WRITE);    /* kept, but not present */
    ck_assert_uint_eq(page_table_lookup(root, ADDRESS, 0, &start, &end), 0);
    ck_assert_uint_eq(page_table_lookup(root, ADDRESS + SPAN, 0, &start, &end), 0);
    ck_assert_uint_eq(page_table_lookup(0, ADDRESS, 0, &start, &end), 0);
    ck_assert_uint_eq(page_table_lookup(root, USER_ADDRESS_LIMIT, 0, &start, &end), 0);
    ck_assert_uint_eq(page_table_lookup(root, UINT64_MAX, UINT64_MAX, &start, &end), 0);
    finish();
}
END_TEST

START_TEST(lookup_finds_the_extent)
{
    const user_address base = UINT64_C(0x40000000) - 40 * PAGE_SIZE;    /* crosses tables */
    user_address start, end;

    for (uint64_t i = 0; i < 100; i++)
        set(base + i * PAGE_SIZE, (0x100000 + i * PAGE_SIZE) | RIGHTS | (i % 3 ? ENTRY_DIRTY : 0));
    for (uint64_t i = 0; i < 100; i += 7) {
        uint64_t entry = page_table_lookup(root, base + i * PAGE_SIZE + 123, UINT64_MAX, &start,
                                           &end);

        ck_assert_uint_eq(entry, get(base + i * PAGE_SIZE));
        ck_assert_uint_eq(start, base);
        ck_assert_uint_eq(end, base + 100 * PAGE_SIZE);
    }
    /* A window. */
    ck_assert(page_table_lookup(root, base + 50 * PAGE_SIZE + 1, 5 * PAGE_SIZE + 7, &start, &end));
    ck_assert_uint_eq(start, base + 45 * PAGE_SIZE);
    ck_assert_uint_eq(end, base + 55 * PAGE_SIZE);
    ck_assert(page_table_lookup(root, base + 50 * PAGE_SIZE, 0, &start, &end));
    ck_assert_uint_eq(start, base + 50 * PAGE_SIZE);
    ck_assert_uint_eq(end, base + 51 * PAGE_SIZE);
    finish();
}
END_TEST

START_TEST(lookup_ends_where_permissions_or_pages_change)
{
    static const uint64_t changes[] = {
        ENTRY_WRITE,   ENTRY_USER,     ENTRY_NO_EXECUTE,
        ENTRY_PRESENT, ENTRY_RESERVED, PAGE_SIZE * 64,
    };
    user_address start, end;

    for (unsigned change = 0; change < 6; change++) {
        for (uint64_t i = 0; i < 16; i++)
            set(ADDRESS + i * PAGE_SIZE, (0x100000 + i * PAGE_SIZE) | RIGHTS);
        set(ADDRESS + 4 * PAGE_SIZE, get(ADDRESS + 4 * PAGE_SIZE) ^ changes[change]);
        set(ADDRESS + 11 * PAGE_SIZE, get(ADDRESS + 11 * PAGE_SIZE) ^ changes[change]);
        ck_assert(page_table_lookup(root, ADDRESS + 8 * PAGE_SIZE, UINT64_MAX, &start, &end));
        ck_assert_uint_eq(start, ADDRESS + 5 * PAGE_SIZE);
        ck_assert_uint_eq(end, ADDRESS + 11 * PAGE_SIZE);
    }
    finish();
}
END_TEST

START_TEST(lookup_works_at_the_ends_of_the_address_space)
{
    user_address start, end;

    set(0, 0x1000 | RIGHTS);
    set(USER_ADDRESS_LIMIT - PAGE_SIZE, 0x2000 | RIGHTS);
    ck_assert(page_table_lookup(root, 5, UINT64_MAX, &start, &end));
    ck_assert_uint_eq(start, 0);
    ck_assert_uint_eq(end, PAGE_SIZE);
    ck_assert(page_table_lookup(root, USER_ADDRESS_LIMIT - 1, UINT64_MAX, &start, &end));
    ck_assert_uint_eq(start, USER_ADDRESS_LIMIT - PAGE_SIZE);
    ck_assert_uint_eq(end, USER_ADDRESS_LIMIT);
    finish();
}
END_TEST

/* ---- Removal ------------------------------------------------------------------------------- */

START_TEST(removal_hands_out_contiguous_runs)
{
    for (uint64_t i = 0; i < 10; i++)
        set(ADDRESS + i * PAGE_SIZE, (0x100000 + i * PAGE_SIZE) | RIGHTS);
    set(ADDRESS + 10 * PAGE_SIZE, 0x900000 | RIGHTS);
    set(ADDRESS + 11 * PAGE_SIZE, 0x901000 | ENTRY_OBJECT | RIGHTS);
    set(ADDRESS + 12 * PAGE_SIZE, 0x902000 | ENTRY_OBJECT);    /* not present, still held */
    set(ADDRESS + 13 * PAGE_SIZE, 0x903000 | ENTRY_OBJECT | ENTRY_RESERVED | RIGHTS);
    ck_assert_uint_eq(remove_range(ADDRESS, ADDRESS + 14 * PAGE_SIZE, ADDRESS,
                                   ADDRESS + 14 * PAGE_SIZE), 13);
    ck_assert_uint_eq(released, 14);
    ck_assert_uint_eq(release_calls, 4);
    ck_assert_uint_eq(last_release, 0x903000 | ENTRY_OBJECT | ENTRY_RESERVED);
    ck_assert_uint_eq(get(ADDRESS), 0);
    ck_assert_uint_eq(get(ADDRESS + 12 * PAGE_SIZE), 0);
    finish();
}
END_TEST

START_TEST(nothing_can_be_reached_between_the_steps)
{
    struct page_table_removal removal = {
        .root = root, .start = ADDRESS, .end = ADDRESS + PAGE_SIZE, .ceiling = USER_ADDRESS_LIMIT,
    };
    user_address start, end;

    set(ADDRESS, 0x3000 | RIGHTS);

    uint64_t free = page_statistics().free;

    page_table_unlink(&removal);
    ck_assert_uint_eq(page_table_lookup(root, ADDRESS, 0, &start, &end), 0);
    ck_assert_uint_eq(page_statistics().free, free);    /* tables may still be walked */
    released = 0;
    page_table_release(&removal, count_release, &released);
    ck_assert_uint_eq(released, 1);
    ck_assert_uint_eq(page_statistics().free, free + 3);
    finish();
}
END_TEST

START_TEST(tables_are_freed_within_the_bounds_only)
{
    uint64_t free = page_statistics().free;
    const user_address base = UINT64_C(0x10000000000);

    for (uint64_t i = 0; i < 4; i++)
        set(base + i * SPAN + PAGE_SIZE, 0x3000 | RIGHTS);
    ck_assert_uint_eq(page_statistics().free, free - 6);    /* two upper ones, four last ones */

    /* Something else is mapped just below: its table stays. */
    remove_range(base + PAGE_SIZE, base + 2 * SPAN, base + PAGE_SIZE, base + 2 * SPAN);
    ck_assert_uint_eq(page_statistics().free, free - 5);
    remove_range(base + 2 * SPAN, base + 4 * SPAN, base + PAGE_SIZE, USER_ADDRESS_LIMIT);
    ck_assert_uint_eq(page_statistics().free, free - 3);
    ck_assert_ptr_nonnull(page_table_find(root, base));
    remove_range(base, base + PAGE_SIZE, 0, USER_ADDRESS_LIMIT);
    ck_assert_uint_eq(page_statistics().free, free);
    finish();
}
END_TEST

START_TEST(random_changes_match_an_array)
{
    enum { PAGES_IN_MODEL = 3 * 512 };
    const user_address base = UINT64_C(0x3fffe00000);    /* crosses a table of the third level */
    static uint64_t model[PAGES_IN_MODEL];
    struct random random;

    random_init(&random, 7);
    for (unsigned step = 0; step < 3000; step++) {
        uint64_t first = random_below(&random, PAGES_IN_MODEL);
        uint64_t count = 1 + random_below(&random, PAGES_IN_MODEL - first);
        uint64_t present = 0;

        if (random_below(&random, 3) > 0) {
            count = count < 40 ? count : 40;
            for (uint64_t i = first; i < first + count; i++) {
                model[i] = (step * 64 + i - first + 1) << 12 | RIGHTS;
                set(base + i * PAGE_SIZE, model[i]);
            }
        } else {
            for (uint64_t i = first; i < first + count; i++) {
                present += model[i] != 0;
                model[i] = 0;
            }
            ck_assert_uint_eq(remove_range(base + first * PAGE_SIZE,
                                           base + (first + count) * PAGE_SIZE,
                                           base + first * PAGE_SIZE,
                                           base + (first + count) * PAGE_SIZE), present);
            ck_assert_uint_eq(released, present);
        }
        for (uint64_t i = 0; i < PAGES_IN_MODEL; i += 13)
            ck_assert_uint_eq(get(base + i * PAGE_SIZE), model[i]);
    }
    finish();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/page_table", setup, PANICS(NULL),
                     entries_are_where_the_hardware_looks, find_makes_no_tables,
                     prepare_without_memory_fails_and_can_be_repeated, pieces_skip_what_is_empty,
                     lookup_refuses_what_is_not_there, lookup_finds_the_extent,
                     lookup_ends_where_permissions_or_pages_change,
                     lookup_works_at_the_ends_of_the_address_space,
                     removal_hands_out_contiguous_runs, nothing_can_be_reached_between_the_steps,
                     tables_are_freed_within_the_bounds_only, random_changes_match_an_array)
