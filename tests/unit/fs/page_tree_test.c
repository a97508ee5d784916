/* Tests of the radix tree of pages, most against an array that tells what must be there. */
#include "fs/page_tree.h"

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"

#define MODEL_SIZE 5000    /* more than 64^2: three levels */

/* Never dereferenced: any addresses do. */
static struct page *const some_pages = (struct page *)(uintptr_t)0x100000;
static struct page_tree tree;

static void begin(void)
{
    fake_machine_init(16 << 20);
    page_allocator_init();
    page_tree_init(&tree);
}

static void count_objects(const struct pool *pool, void *count)
{
    *(size_t *)count += pool->in_use;
}

static void check_empty(void)
{
    size_t objects = 0;

    ck_assert_ptr_null(tree.root);
    pool_for_each(count_objects, &objects);
    ck_assert_uint_eq(objects, 0);
}

START_TEST(page_tree_empty_has_nothing)
{
    uint64_t index = 0;

    begin();
    ck_assert_ptr_null(page_tree_get(&tree, 0));
    ck_assert_ptr_null(page_tree_get(&tree, UINT64_C(1) << 51));
    ck_assert_ptr_null(page_tree_remove(&tree, 7));
    ck_assert_ptr_null(page_tree_next(&tree, &index));
}
END_TEST

START_TEST(page_tree_takes_far_indexes)
{
    static const uint64_t far[] = { 0, 63, 64, 4095, 4096, 1 << 20, UINT64_C(1) << 40,
                                    (UINT64_C(1) << 51) - 1 };
    uint64_t index = 0;

    begin();
    for (unsigned i = ARRAY_SIZE(far); i-- > 0;)
        ck_assert_int_eq(page_tree_insert(&tree, far[i], some_pages + i), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(far); i++) {
        ck_assert_ptr_eq(page_tree_get(&tree, far[i]), some_pages + i);
        ck_assert_ptr_eq(page_tree_next(&tree, &index), some_pages + i);
        ck_assert_uint_eq(index, far[i]);
        index++;
    }
    ck_assert_ptr_null(page_tree_next(&tree, &index));
    for (unsigned i = 0; i < ARRAY_SIZE(far); i++)
        ck_assert_ptr_eq(page_tree_remove(&tree, far[i]), some_pages + i);
    check_empty();
}
END_TEST

START_TEST(page_tree_first_far_index_leaves_no_empty_nodes)
{
    begin();
    ck_assert_int_eq(page_tree_insert(&tree, 1 << 20, some_pages), 0);
    ck_assert_ptr_null(page_tree_get(&tree, 0));
    ck_assert_ptr_eq(page_tree_remove(&tree, 1 << 20), some_pages);
    check_empty();
}
END_TEST

static void check_next(const bool *model, uint64_t from)
{
    uint64_t expected = from;
    uint64_t index = from;
    struct page *page = page_tree_next(&tree, &index);

    while (expected < MODEL_SIZE && !model[expected])
        expected++;
    if (expected == MODEL_SIZE) {
        ck_assert_ptr_null(page);
        return;
    }
    ck_assert_uint_eq(index, expected);
    ck_assert_ptr_eq(page, some_pages + expected);
}

START_TEST(page_tree_agrees_with_an_array)
{
    static bool model[MODEL_SIZE];
    struct random random;

    begin();
    random_init(&random, 1);
    for (unsigned step = 0; step < 100000; step++) {
        /* Close together at times, so that nodes fill and empty. */
        uint64_t range = step / 10000 % 2 ? MODEL_SIZE : 200;
        uint64_t index = random_below(&random, range);

        ck_assert_ptr_eq(page_tree_get(&tree, index), model[index] ? some_pages + index : NULL);
        if (model[index])
            ck_assert_ptr_eq(page_tree_remove(&tree, index), some_pages + index);
        else
            ck_assert_int_eq(page_tree_insert(&tree, index, some_pages + index), 0);
        model[index] = !model[index];
        check_next(model, random_below(&random, MODEL_SIZE));
    }
    for (unsigned i = 0; i < MODEL_SIZE; i++) {
        if (model[i])
            ck_assert_ptr_eq(page_tree_remove(&tree, i), some_pages + i);
    }
    check_empty();
}
END_TEST

START_TEST(page_tree_bears_no_memory)
{
    struct page *page;
    uint64_t inserted = 0;
    uint64_t index = 0;

    begin();
    while (page_allocate(PAGE_DIRTY))
        continue;
    /* Each goes to a leaf of its own, until the pool's spare room is used up. */
    while (page_tree_insert(&tree, inserted << 12, some_pages + inserted) == 0)
        inserted++;
    ck_assert_int_eq(page_tree_insert(&tree, UINT64_C(1) << 45, some_pages), -ENOMEM);
    for (uint64_t i = 0; i < inserted; i++, index++) {
        page = page_tree_next(&tree, &index);
        ck_assert_ptr_eq(page, some_pages + i);
        ck_assert_uint_eq(index, i << 12);
    }
    ck_assert_ptr_null(page_tree_next(&tree, &index));
    for (uint64_t i = 0; i < inserted; i++)
        ck_assert_ptr_eq(page_tree_remove(&tree, i << 12), some_pages + i);
    check_empty();
}
END_TEST

TEST_MAIN("fs/page_tree", page_tree_empty_has_nothing, page_tree_takes_far_indexes,
          page_tree_first_far_index_leaves_no_empty_nodes, page_tree_agrees_with_an_array,
          page_tree_bears_no_memory)
