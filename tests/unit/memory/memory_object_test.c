/* memory/memory_object: shared anonymous memory is zero at first, the same for all, bounded, and
 * freed. */
#include "memory/memory_object.h"

#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"

static uint64_t free_at_start;

static void setup(void)
{
    fake_machine_init(16 << 20);
    page_allocator_init();
    free_at_start = page_statistics().free;
}

static struct memory_object *create(uint64_t size)
{
    struct memory_object *object;

    ck_assert_int_eq(memory_object_create_anonymous(size, &object), 0);
    ck_assert(memory_object_is_anonymous(object));
    return object;
}

static struct page *get(struct memory_object *object, uint64_t index)
{
    struct page *page;

    ck_assert_int_eq(object->operations->page(object, index, true, &page), 0);
    return page;
}

static void finish(void)
{
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, free_at_start);
}

START_TEST(pages_are_zero_and_stay)
{
    struct memory_object *object = create(100 * PAGE_SIZE);

    for (uint64_t i = 0; i < 100; i++) {
        struct page *page = get(object, i);
        const unsigned char *data = page_data(page);

        ck_assert_uint_eq(data[0], 0);
        ck_assert(memcmp(data, data + 1, PAGE_SIZE - 1) == 0);
        memset(page_data(page), (int)i + 1, PAGE_SIZE);
        page_release(page);
    }
    for (uint64_t i = 0; i < 100; i++) {
        struct page *page = get(object, i);

        ck_assert_uint_eq(*(unsigned char *)page_data(page), i + 1);
        page_release(page);
    }
    memory_object_release(object);
    finish();
}
END_TEST

START_TEST(pages_come_in_aligned_runs)
{
    struct memory_object *object = create(40 * PAGE_SIZE);
    struct page *page = get(object, 21);

    for (uint64_t i = 0; i < 40; i++)
        ck_assert(object->operations->is_resident(object, i) == (i >= 16 && i < 32));
    for (uint64_t i = 16; i < 32; i++) {
        struct page *other = get(object, i);

        ck_assert_uint_eq(page_address(other), page_address(page) + i * PAGE_SIZE - 21 * PAGE_SIZE);
        page_release(other);
    }
    page_release(page);
    page_release(get(object, 39));    /* the last run is cut at the end */
    ck_assert(!object->operations->is_resident(object, 40));
    memory_object_release(object);
    finish();
}
END_TEST

START_TEST(nothing_lies_beyond_the_end)
{
    struct memory_object *object = create(2 * PAGE_SIZE + 1);
    struct page *page;

    page_release(get(object, 2));
    ck_assert_int_eq(object->operations->page(object, 3, false, &page), -ENXIO);
    ck_assert_int_eq(object->operations->page(object, UINT64_MAX, false, &page), -ENXIO);
    ck_assert(!object->operations->is_resident(object, UINT64_MAX));
    ck_assert_int_eq(object->operations->sync(object, 0, 3), 0);
    memory_object_release(object);
    finish();
}
END_TEST

START_TEST(huge_sizes_cost_nothing_or_fail)
{
    struct memory_object *object = create(UINT64_C(1) << 46);

    page_release(get(object, (UINT64_C(1) << 34) - 1));
    page_release(get(object, 0));
    memory_object_release(object);
    ck_assert_int_eq(memory_object_create_anonymous(UINT64_MAX, &object), -ENOMEM);
    ck_assert_int_eq(memory_object_create_anonymous((UINT64_C(1) << 47) + 1, &object), -ENOMEM);
    object = create(0);
    memory_object_release(object);
    finish();
}
END_TEST

START_TEST(exhausted_memory_is_reported)
{
    struct memory_object *object = create(UINT64_C(1) << 40);
    struct page *page;
    uint64_t index = 0;

    while (object->operations->page(object, index, true, &page) == 0) {
        page_release(page);
        index += 1000;
    }
    ck_assert_int_eq(object->operations->page(object, index, true, &page), -ENOMEM);
    ck_assert_uint_lt(page_statistics().free, 4);
    memory_object_release(object);
    finish();
}
END_TEST

START_TEST(pages_outlive_their_object)
{
    struct memory_object *object = create(PAGE_SIZE);
    struct page *page = get(object, 0);

    memory_object_reference(object);
    memory_object_release(object);
    memory_object_release(object);
    ck_assert_uint_eq(page_references(page), 1);
    page_release(page);
    finish();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/memory_object", setup, PANICS(NULL), pages_are_zero_and_stay,
                     pages_come_in_aligned_runs, nothing_lies_beyond_the_end,
                     huge_sizes_cost_nothing_or_fail, exhausted_memory_is_reported,
                     pages_outlive_their_object)
