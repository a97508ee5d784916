/* Counted references, from one thread and from several at once. */
#include "lib/refcount.h"

#include <pthread.h>

#include "harness/test.h"

#define THREADS 4
#define ROUNDS 20000

static struct refcount shared;

START_TEST(the_last_drop_says_so)
{
    struct refcount references;

    refcount_init(&references, 1);
    refcount_take(&references);
    ck_assert(!refcount_drop(&references));
    ck_assert(refcount_drop(&references));
}
END_TEST

START_TEST(a_dead_count_gives_no_reference)
{
    struct refcount references;

    refcount_init(&references, 1);
    ck_assert(refcount_take_unless_zero(&references));
    ck_assert(!refcount_drop(&references));
    ck_assert(refcount_drop(&references));
    ck_assert(!refcount_take_unless_zero(&references));
}
END_TEST

static void *take_and_drop(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 2)
            refcount_take(&shared);
        else if (!refcount_take_unless_zero(&shared))
            return &shared;
        if (refcount_drop(&shared))
            return &shared;
    }
    return NULL;
}

START_TEST(threads_lose_no_count)
{
    pthread_t threads[THREADS];

    refcount_init(&shared, 1);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_drop, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;

        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    ck_assert(refcount_drop(&shared));
}
END_TEST

START_TEST(resurrection_panics)
{
    struct refcount references;

    refcount_init(&references, 0);
    refcount_take(&references);
}
END_TEST

START_TEST(one_drop_too_many_panics)
{
    struct refcount references;

    refcount_init(&references, 1);
    ck_assert(refcount_drop(&references));
    refcount_drop(&references);
}
END_TEST

START_TEST(overflow_panics)
{
    struct refcount references;

    refcount_init(&references, UINT32_MAX / 2);
    refcount_take(&references);
}
END_TEST

TEST_MAIN_WITH_PANICS("lib/refcount",
                      PANICS(resurrection_panics, one_drop_too_many_panics, overflow_panics),
                      the_last_drop_says_so, a_dead_count_gives_no_reference, threads_lose_no_count)
