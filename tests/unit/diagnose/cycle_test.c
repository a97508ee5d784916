/* Circles in pictures: by hand, and all graphs of a few threads against a slow, simple search. */
#include <string.h>

#include "diagnose/diagnose_internal.h"
#include "harness/fake_machine.h"
#include "harness/test.h"

#define THREADS 6

static struct view views[4096];

static void set_owners(const int32_t *owners, unsigned count)
{
    memset(views, 0, sizeof(views));
    for (unsigned i = 0; i < count; i++) {
        views[i].id = (int32_t)i + 1;
        views[i].owner = owners[i];
    }
}

START_TEST(nobody_waits)
{
    const int32_t owners[] = { NOBODY, NOBODY, NOBODY };

    set_owners(owners, 3);
    ck_assert_uint_eq(cycles_find(views, 3), 0);
    ck_assert_uint_eq(cycles_find(views, 0), 0);
}
END_TEST

START_TEST(chain_is_no_circle)
{
    const int32_t owners[] = { 1, 2, 3, NOBODY };

    set_owners(owners, 4);
    ck_assert_uint_eq(cycles_find(views, 4), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(views[i].cycle, 0);
}
END_TEST

START_TEST(one_waits_for_itself)
{
    const int32_t owners[] = { NOBODY, 1, 1 };

    set_owners(owners, 3);
    ck_assert_uint_eq(cycles_find(views, 3), 1);
    ck_assert_uint_eq(views[0].cycle, 0);
    ck_assert_uint_eq(views[1].cycle, 1);
    ck_assert_uint_eq(views[2].cycle, 0);    /* waits for it, but is not in it */
}
END_TEST

START_TEST(two_circles_and_those_who_wait_for_them)
{
    const int32_t owners[] = { 2, 0, 3, 4, 2, 6, 5, 5 };
    struct picture picture = { .views = views, .count = 8 };

    set_owners(owners, 8);
    picture.cycles = cycles_find(views, 8);
    ck_assert_uint_eq(picture.cycles, 2);
    for (unsigned i = 1; i <= 6; i++)
        ck_assert_uint_eq(views[i].cycle, i == 1 ? 0 : i <= 4 ? 1 : 2);
    ck_assert_int_eq(cycle_first(&picture, 1), 2);
    ck_assert_int_eq(cycle_first(&picture, 2), 5);
    ck_assert_int_eq(cycle_first(&picture, 3), NOBODY);
    ck_assert_uint_eq(views[0].cycle, 0);
    ck_assert_uint_eq(views[7].cycle, 0);
}
END_TEST

START_TEST(long_circle)
{
    static int32_t owners[4096];

    for (int32_t i = 0; i < 4096; i++)
        owners[i] = (i + 1) % 4096;
    set_owners(owners, 4096);
    ck_assert_uint_eq(cycles_find(views, 4096), 1);
    for (int i = 0; i < 4096; i++)
        ck_assert_uint_eq(views[i].cycle, 1);
}
END_TEST

/* In a circle is who comes back to itself. */
static bool comes_back(const int32_t *owners, int32_t start)
{
    int32_t at = owners[start];

    for (int step = 0; at != NOBODY && step <= THREADS; step++) {
        if (at == start)
            return true;
        at = owners[at];
    }
    return false;
}

static void compare(const int32_t *owners)
{
    unsigned highest = 0, cycles;

    set_owners(owners, THREADS);
    cycles = cycles_find(views, THREADS);
    for (int32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(views[i].cycle != 0, comes_back(owners, i));
        if (views[i].cycle != 0)    /* the whole circle has one number */
            ck_assert_uint_eq(views[owners[i]].cycle, views[i].cycle);
        highest = views[i].cycle > highest ? views[i].cycle : highest;
    }
    ck_assert_uint_eq(highest, cycles);
}

START_TEST(every_graph_of_six_threads)
{
    int32_t owners[THREADS];

    for (unsigned graph = 0; graph < 117649; graph++) {    /* 7 to the 6th */
        unsigned rest = graph;

        for (int i = 0; i < THREADS; i++, rest /= 7)
            owners[i] = (int32_t)(rest % 7) - 1;
        compare(owners);
    }
}
END_TEST

TEST_MAIN("diagnose/cycle", nobody_waits, chain_is_no_circle, one_waits_for_itself,
          two_circles_and_those_who_wait_for_them, long_circle, every_graph_of_six_threads)
