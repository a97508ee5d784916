/*
 * memory/pool: objects are zeroed, apart from each other and counted; pages come back; misuse
 * panics.
 */
#include "memory/pool.h"

#include <stdint.h>
#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/page.h"

struct thing {
    uint64_t words[9];
};

static struct pool things = POOL_INITIAL("thing", struct thing, 0);
static struct pool few = POOL_INITIAL("few", struct thing, 3);
static struct pool small = POOL_INITIAL_SIZE("small", 3, 0);
static struct pool large = POOL_INITIAL_SIZE("large", 9000, 0);

static void setup(void)
{
    fake_machine_init(4 << 20);
    page_allocator_init();
}

static bool is_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

START_TEST(objects_are_zeroed_and_apart)
{
    struct thing *objects[200];

    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 200; i++) {
            objects[i] = pool_allocate(&things);
            ck_assert_ptr_nonnull(objects[i]);
            ck_assert_uint_eq((uintptr_t)objects[i] % 16, 0);
            ck_assert(is_zero(objects[i], sizeof(struct thing)));
            for (size_t word = 0; word < 9; word++)
                objects[i]->words[word] = i;
        }
        for (uint64_t i = 0; i < 200; i++) {
            for (size_t word = 0; word < 9; word++)
                ck_assert_uint_eq(objects[i]->words[word], i);
            pool_free(&things, objects[i]);
        }
    }
    ck_assert_uint_eq(things.in_use, 0);
    ck_assert_uint_eq(things.peak, 200);
}
END_TEST

START_TEST(limit_is_kept)
{
    void *objects[3];

    for (unsigned i = 0; i < 3; i++)
        objects[i] = pool_allocate(&few);
    ck_assert_ptr_nonnull(objects[2]);
    ck_assert_ptr_null(pool_allocate(&few));
    pool_free(&few, objects[1]);
    ck_assert_ptr_nonnull(pool_allocate(&few));
    ck_assert_ptr_null(pool_allocate(&few));
}
END_TEST

START_TEST(pages_come_back)
{
    static struct thing *objects[1000];
    uint64_t free = page_statistics().free;

    for (unsigned i = 0; i < 1000; i++)
        objects[i] = pool_allocate(&things);
    ck_assert_uint_lt(page_statistics().free, free);
    for (unsigned i = 0; i < 1000; i++)
        pool_free(&things, objects[(i * 7) % 1000]);
    ck_assert_uint_le(free - page_statistics().free, 1);    /* a spare slab */
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, free);
    ck_assert_uint_eq(things.pages, 0);
    ck_assert_ptr_nonnull(pool_allocate(&things));
}
END_TEST

START_TEST(exhausted_memory_gives_null)
{
    void *last = NULL;
    void *object;

    while ((object = pool_allocate(&large)) != NULL)
        last = object;
    ck_assert_ptr_nonnull(last);
    ck_assert_ptr_null(pool_allocate(&large));
    pool_free(&large, last);
    ck_assert_ptr_eq(pool_allocate(&large), last);
}
END_TEST

START_TEST(freed_objects_are_poisoned)
{
    struct thing *first = pool_allocate(&things);
    struct thing *second = pool_allocate(&things);

    pool_free(&things, first);
    for (size_t word = 1; word < 9; word++)
        ck_assert_uint_eq(first->words[word], UINT64_C(0x6b6b6b6b6b6b6b6b));
    pool_free(&things, second);
    pool_free(&things, NULL);
}
END_TEST

static void count_objects(const struct pool *pool, void *context)
{
    *(size_t *)context += pool->in_use;
}

START_TEST(all_used_pools_are_visited)
{
    size_t count = 0;

    pool_for_each(count_objects, &count);
    ck_assert_uint_eq(count, 0);
    (void)pool_allocate(&small);
    (void)pool_allocate(&large);
    (void)memory_allocate(100);
    pool_for_each(count_objects, &count);
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(memory_of_every_size_is_zero_and_comes_back)
{
    uint64_t free = page_statistics().free;

    for (size_t size = 1; size < 100000; size = size * 3 / 2 + 1) {
        unsigned char *memory = memory_allocate(size);

        ck_assert_ptr_nonnull(memory);
        ck_assert(is_zero(memory, size));
        memset(memory, 0xff, size);
        memory_free(memory, size);
        memory = memory_allocate(size);
        ck_assert(is_zero(memory, size));
        memory_free(memory, size);
    }
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, free);
}
END_TEST

START_TEST(memory_takes_no_more_pages_than_needed)
{
    uint64_t free = page_statistics().free;
    void *memory = memory_allocate(5 * PAGE_SIZE + 1);

    ck_assert_uint_eq(free - page_statistics().free, 6);
    memory_free(memory, 5 * PAGE_SIZE + 1);
    ck_assert_uint_eq(page_statistics().free, free);
}
END_TEST

START_TEST(impossible_sizes_give_null)
{
    ck_assert_ptr_null(memory_allocate(0));
    ck_assert_ptr_null(memory_allocate(64 << 20));
    ck_assert_ptr_null(memory_allocate((size_t)1 << 40));
    ck_assert_ptr_null(memory_allocate(SIZE_MAX));
    ck_assert_ptr_null(memory_allocate(SIZE_MAX - PAGE_SIZE));
    memory_free(NULL, 0);
    ck_assert_uint_eq(page_statistics().free, page_statistics().total);
}
END_TEST

START_TEST(random_changes_keep_objects_apart)
{
    static uint64_t *held[300];
    struct random random;

    random_init(&random, 1);
    for (unsigned step = 0; step < 30000; step++) {
        uint64_t which = random_below(&random, 300);

        if (held[which]) {
            ck_assert_uint_eq(held[which][0], which);
            ck_assert_uint_eq(held[which][8], which);
            pool_free(&things, held[which]);
            held[which] = NULL;
        } else {
            held[which] = pool_allocate(&things);
            held[which][0] = which;
            held[which][8] = which;
        }
    }
}
END_TEST

START_TEST(freeing_twice_panics)
{
    void *object = pool_allocate(&things);

    (void)pool_allocate(&things);
    pool_free(&things, object);
    pool_free(&things, object);
}
END_TEST

START_TEST(freeing_inside_an_object_panics)
{
    char *object = pool_allocate(&things);

    pool_free(&things, object + 16);
}
END_TEST

START_TEST(writing_to_a_freed_object_panics_at_the_next_use)
{
    struct thing *object = pool_allocate(&things);

    (void)pool_allocate(&things);
    pool_free(&things, object);
    object->words[1] = 0;
    (void)pool_allocate(&things);
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/pool", setup,
                     PANICS(freeing_twice_panics, freeing_inside_an_object_panics,
                            writing_to_a_freed_object_panics_at_the_next_use),
                     objects_are_zeroed_and_apart, limit_is_kept, pages_come_back,
                     exhausted_memory_gives_null, freed_objects_are_poisoned,
                     all_used_pools_are_visited, memory_of_every_size_is_zero_and_comes_back,
                     memory_takes_no_more_pages_than_needed, impossible_sizes_give_null,
                     random_changes_keep_objects_apart)
