/*
 * memory/region: order, gaps, splits and merges, against an array of pages.
 */
#include "memory/region.h"

#include <string.h>

#include "config.h"
#include "harness/fake_machine.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"

#define PAGES(count) ((uint64_t)(count) * PAGE_SIZE)
#define GUARD PAGES(STACK_GUARD_PAGES)

static struct region_set set;

/* Files are told apart by address only; their references are counted in all. */
static char file_a[1], file_b[1];
static int file_references;

static void reference_file(struct file *file)
{
    (void)file;
    file_references++;
}

static void release_file(struct file *file)
{
    (void)file;
    file_references--;
}

static const struct region_file_operations operations = {
    .reference = reference_file,
    .release = release_file,
};

static void setup(void)
{
    fake_machine_init(64 << 20);
    page_allocator_init();
    region_set_init(&set);
    address_space_set_file_operations(&operations);
}

static void dispose(void)
{
    region_dispose(set.removed);
    set.removed = NULL;
}

static struct region *add(uint64_t first, uint64_t pages, uint32_t protection)
{
    const struct region model = {
        .start = PAGES(first),
        .end = PAGES(first + pages),
        .protection = protection,
    };
    struct region *region;

    ck_assert_int_eq(region_insert(&set, &model, &region), 0);
    return region;
}

static void check_invariants(void)
{
    user_address below = 0;
    unsigned count = 0;
    uint64_t largest = 0;

    for (struct region *region = region_first(&set); region; region = region_next(region)) {
        user_address top = region_guarded_start(region);
        uint64_t gap = top > below ? top - below : 0;

        ck_assert_uint_lt(region->start, region->end);
        ck_assert_uint_ge(region->start, below);
        ck_assert_uint_eq(region->gap_before, gap);
        largest = gap > largest ? gap : largest;
        below = region->end;
        count++;
    }
    ck_assert_uint_eq(count, set.count);
    if (set.tree.root)
        ck_assert_uint_eq(TREE_ENTRY(set.tree.root, struct region, node)->largest_gap, largest);
}

static void remove_all(void)
{
    while (set.count > 0)
        region_remove(&set, region_first(&set));
    dispose();
}

/* ---- Finding ------------------------------------------------------------------------------- */

START_TEST(regions_are_found_by_address)
{
    struct region *low = add(10, 5, PROTECTION_READ);
    struct region *high = add(20, 5, PROTECTION_READ);

    ck_assert_ptr_eq(region_find(&set, PAGES(10)), low);
    ck_assert_ptr_eq(region_find(&set, PAGES(15) - 1), low);
    ck_assert_ptr_null(region_find(&set, PAGES(15)));
    ck_assert_ptr_null(region_find(&set, PAGES(10) - 1));
    ck_assert_ptr_eq(region_find_from(&set, 0), low);
    ck_assert_ptr_eq(region_find_from(&set, PAGES(15)), high);
    ck_assert_ptr_null(region_find_from(&set, PAGES(25)));
    ck_assert_ptr_eq(region_first(&set), low);
    ck_assert_ptr_eq(region_last(&set), high);
    ck_assert_ptr_eq(region_next(low), high);
    ck_assert_ptr_null(region_next(high));
    ck_assert_ptr_eq(region_previous(high), low);
}
END_TEST

START_TEST(empty_sets_have_one_gap)
{
    user_address start;

    ck_assert(region_find_gap_high(&set, PAGES(3), PAGES(10), PAGES(20), &start));
    ck_assert_uint_eq(start, PAGES(17));
    ck_assert(region_find_gap_low(&set, PAGES(3), PAGES(10), PAGES(20), &start));
    ck_assert_uint_eq(start, PAGES(10));
    ck_assert(region_find_gap_high(&set, PAGES(10), PAGES(10), PAGES(20), &start));
    ck_assert(!region_find_gap_high(&set, PAGES(11), PAGES(10), PAGES(20), &start));
    ck_assert(!region_find_gap_low(&set, PAGES(11), PAGES(10), PAGES(20), &start));
    ck_assert(!region_find_gap_high(&set, PAGES(1), PAGES(20), PAGES(10), &start));
}
END_TEST

START_TEST(gaps_below_stacks_are_guarded)
{
    const struct region model = {
        .start = PAGES(2000), .end = PAGES(2010), .flags = REGION_GROWS_DOWN,
    };
    struct region *stack;
    user_address start;

    ck_assert_int_eq(region_insert(&set, &model, &stack), 0);
    ck_assert(region_find_gap_high(&set, PAGES(1), PAGES(1), PAGES(2010), &start));
    ck_assert_uint_eq(start, PAGES(2000) - GUARD - PAGES(1));
    add(1900, 50, PROTECTION_READ);    /* a named place may lie in the guard */
    check_invariants();
    ck_assert_uint_eq(stack->gap_before, 0);
}
END_TEST

/* ---- Merging and splitting ----------------------------------------------------------------- */

START_TEST(likes_merge)
{
    add(10, 5, PROTECTION_READ);
    add(20, 5, PROTECTION_READ);
    ck_assert_uint_eq(set.count, 2);
    add(15, 5, PROTECTION_READ);    /* fills the hole: all three become one */
    ck_assert_uint_eq(set.count, 1);
    ck_assert_uint_eq(region_first(&set)->start, PAGES(10));
    ck_assert_uint_eq(region_first(&set)->end, PAGES(25));
    add(8, 2, PROTECTION_READ);
    ck_assert_uint_eq(set.count, 1);
    add(25, 2, PROTECTION_READ);
    ck_assert_uint_eq(set.count, 1);
    check_invariants();
    remove_all();
}
END_TEST

START_TEST(unlikes_do_not_merge)
{
    struct memory_object *objects[2];
    const struct region like = { .protection = PROTECTION_READ };
    struct region others[8];

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(100), &objects[0]), 0);
    ck_assert_int_eq(memory_object_create_anonymous(PAGES(100), &objects[1]), 0);
    for (unsigned i = 0; i < 8; i++)
        others[i] = like;
    others[0].protection = PROTECTION_WRITE;
    others[1].maximum_protection = PROTECTION_READ;
    others[2].flags = REGION_LOCKED;
    others[3].flags = REGION_SHARED;
    others[4].object = objects[0];
    others[5].file = (struct file *)(void *)file_a;
    others[6].label = "[stack]";
    others[7].flags = REGION_NO_FORK;
    for (unsigned i = 0; i < 8; i++) {
        struct region model = like;
        struct region *region;

        model.start = PAGES(10);
        model.end = PAGES(15);
        ck_assert_int_eq(region_insert(&set, &model, &region), 0);
        others[i].start = PAGES(15);
        others[i].end = PAGES(20);
        ck_assert_int_eq(region_insert(&set, &others[i], &region), 0);
        ck_assert_uint_eq(set.count, 2);
        remove_all();
    }
    ck_assert_int_eq(file_references, 0);
    memory_object_release(objects[0]);
    memory_object_release(objects[1]);
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, page_statistics().total);
}
END_TEST

START_TEST(objects_merge_where_offsets_continue)
{
    struct memory_object *object;
    struct region model = { .flags = REGION_SHARED, .file = (struct file *)(void *)file_b };
    struct region *region;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(100), &object), 0);
    model.object = object;
    for (unsigned i = 0; i < 3; i++) {
        static const uint64_t offsets[3] = { 7, 8, 10 };

        model.start = PAGES(100 + i);
        model.end = PAGES(101 + i);
        model.object_offset = PAGES(offsets[i]);
        ck_assert_int_eq(region_insert(&set, &model, &region), 0);
    }
    ck_assert_uint_eq(set.count, 2);
    region = region_first(&set);
    ck_assert_uint_eq(region->end, PAGES(102));
    ck_assert_uint_eq(region->object_offset, PAGES(7));
    ck_assert_uint_eq(refcount_value(&object->references), 3);
    ck_assert_int_eq(file_references, 2);

    /* Splitting and moving edges keep offsets with their pages. */
    ck_assert_int_eq(region_split(&set, region, PAGES(101)), 0);
    ck_assert_uint_eq(region_next(region)->object_offset, PAGES(8));
    ck_assert_uint_eq(refcount_value(&object->references), 4);
    ck_assert_ptr_eq(region_merge(&set, region_next(region)), region);
    region_resize(&set, region, PAGES(101), PAGES(102));
    ck_assert_uint_eq(region->object_offset, PAGES(8));
    check_invariants();
    remove_all();
    ck_assert_uint_eq(refcount_value(&object->references), 1);
    ck_assert_int_eq(file_references, 0);
    memory_object_release(object);
}
END_TEST

START_TEST(regions_are_limited)
{
    struct region *region = add(10, 2 * REGIONS_MAX, PROTECTION_READ);

    for (unsigned i = 1; i < REGIONS_MAX; i++) {
        ck_assert_int_eq(region_split(&set, region, PAGES(10 + i)), 0);
        region = region_next(region);
    }
    ck_assert_uint_eq(set.count, REGIONS_MAX);
    ck_assert_int_eq(region_split(&set, region, region->start + PAGE_SIZE), -ENOMEM);
    ck_assert_uint_eq(region->end, PAGES(10 + 2 * REGIONS_MAX));
    check_invariants();
    remove_all();
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, page_statistics().total);
}
END_TEST

START_TEST(changes_without_memory_fail_cleanly)
{
    const struct region model = { .start = PAGES(100), .end = PAGES(110) };
    struct region *region = add(10, 5, PROTECTION_READ);
    struct region *other;

    while (page_allocate(PAGE_DIRTY))
        continue;
    while (region_insert(&set, &(struct region){ .start = PAGES(1000 + 2 * set.count),
                                                 .end = PAGES(1001 + 2 * set.count) },
                         &other) == 0)
        continue;

    unsigned count = set.count;

    ck_assert_int_eq(region_insert(&set, &model, &other), -ENOMEM);
    ck_assert_ptr_null(region_find(&set, PAGES(100)));
    region = region_last(&set);
    region_resize(&set, region, region->start, region->end + PAGES(4));
    ck_assert_int_eq(region_split(&set, region, region->start + PAGE_SIZE), -ENOMEM);
    ck_assert_uint_eq(set.count, count);
    check_invariants();
}
END_TEST

/* ---- Against an array ---------------------------------------------------------------------- */

#define MODEL_PAGES 200u
static uint8_t model[MODEL_PAGES];    /* 0: free; else protection + 1 */

static bool model_gap(uint64_t pages, uint64_t low, uint64_t high, bool from_top, uint64_t *found)
{
    for (uint64_t i = 0; i + pages <= high - low; i++) {
        uint64_t first = from_top ? high - pages - i : low + i;
        uint64_t free = 0;

        while (free < pages && model[first + free] == 0)
            free++;
        if (free == pages) {
            *found = first;
            return true;
        }
    }
    return false;
}

static void compare_gaps(struct random *random)
{
    uint64_t low = random_below(random, MODEL_PAGES);
    uint64_t high = low + 1 + random_below(random, MODEL_PAGES - low);
    uint64_t pages = 1 + random_below(random, 20);
    uint64_t expected = 0;
    user_address start;
    bool exists = model_gap(pages, low, high, true, &expected);

    ck_assert(region_find_gap_high(&set, PAGES(pages), PAGES(low), PAGES(high), &start) == exists);
    if (!exists)
        return;
    ck_assert_uint_eq(start, PAGES(expected));
    model_gap(pages, low, high, false, &expected);
    ck_assert(region_find_gap_low(&set, PAGES(pages), PAGES(low), PAGES(high), &start));
    ck_assert_uint_eq(start, PAGES(expected));
}

static void compare_pages(void)
{
    for (unsigned page = 0; page < MODEL_PAGES; page++) {
        const struct region *region = region_find(&set, PAGES(page));

        ck_assert_int_eq(region ? (int)region->protection + 1 : 0, model[page]);
    }
    /* No two likes touch. */
    for (struct region *region = region_first(&set); region; region = region_next(region)) {
        struct region *next = region_next(region);

        ck_assert(!next || next->start > region->end || next->protection != region->protection);
    }
}

static void cut_out(uint64_t first, uint64_t end)
{
    for (uint64_t page = first; page < end; page++) {
        struct region *region = region_find(&set, PAGES(page));

        model[page] = 0;
        if (!region)
            continue;
        if (region->start < PAGES(page)) {
            ck_assert_int_eq(region_split(&set, region, PAGES(page)), 0);
            region = region_next(region);
        }
        if (region->end > PAGES(page + 1))
            ck_assert_int_eq(region_split(&set, region, PAGES(page + 1)), 0);
        region_remove(&set, region);
        dispose();
    }
}

START_TEST(random_changes_match_an_array)
{
    struct random random;

    random_init(&random, 3);
    for (unsigned step = 0; step < 4000; step++) {
        uint64_t first = random_below(&random, MODEL_PAGES);
        uint64_t end = first + 1 + random_below(&random, 12);

        end = end < MODEL_PAGES ? end : MODEL_PAGES;
        cut_out(first, end);
        if (random_below(&random, 3) > 0) {
            uint32_t protection = (uint32_t)random_below(&random, 3);

            add(first, end - first, protection);
            memset(&model[first], (int)protection + 1, end - first);
        }
        compare_pages();
        check_invariants();
        compare_gaps(&random);
    }
    remove_all();
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, page_statistics().total);
}
END_TEST

START_TEST(inserting_over_a_region_panics)
{
    add(10, 5, PROTECTION_READ);
    add(14, 5, PROTECTION_WRITE);
}
END_TEST

START_TEST(splitting_at_an_edge_panics)
{
    struct region *region = add(10, 5, PROTECTION_READ);

    (void)!region_split(&set, region, PAGES(15));
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/region", setup,
                     PANICS(inserting_over_a_region_panics, splitting_at_an_edge_panics),
                     regions_are_found_by_address, empty_sets_have_one_gap,
                     gaps_below_stacks_are_guarded, likes_merge, unlikes_do_not_merge,
                     objects_merge_where_offsets_continue, regions_are_limited,
                     changes_without_memory_fail_cleanly, random_changes_match_an_array)
