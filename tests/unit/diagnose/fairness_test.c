/* Jain's index, and who is called starving. */
#include <string.h>

#include "diagnose/diagnose_internal.h"
#include "harness/fake_machine.h"
#include "harness/test.h"

#define ROWS 6

static struct thread_row rows[ROWS];

/* Threads of one program, each passed so often by its peers. */
static void set_passed(const uint64_t *passed, unsigned count)
{
    memset(rows, 0, sizeof(rows));
    for (unsigned i = 0; i < count; i++) {
        strcpy(rows[i].name, "dinner");
        rows[i].id = rows[i].process_id = (int32_t)i + 1;
        rows[i].acquisitions = 10;
        rows[i].passed = passed[i];
        rows[i].next = i + 1 < count ? &rows[i + 1] : NULL;
    }
}

static unsigned starving(void)
{
    unsigned set = 0;

    for (const struct thread_row *row = rows; row; row = row->next)
        set |= (unsigned)fairness_is_starving(rows, row) << (row - rows);
    return set;
}

START_TEST(index_of_equal_shares_is_one)
{
    const uint64_t shares[] = { 7, 7, 7, 7, 7 };
    const uint64_t large[] = { UINT64_MAX / 2, UINT64_MAX / 2 };
    const uint64_t none[] = { 0, 0 };

    ck_assert_uint_eq(fairness_index(shares, 5), 1000);
    ck_assert_uint_eq(fairness_index(large, 2), 1000);
    ck_assert_uint_eq(fairness_index(none, 2), 1000);
}
END_TEST

START_TEST(index_of_one_who_has_all)
{
    const uint64_t shares[] = { 0, 0, 900, 0, 0 };

    ck_assert_uint_eq(fairness_index(shares, 5), 200);
}
END_TEST

START_TEST(index_between)
{
    const uint64_t shares[] = { 1, 3 };    /* 16 / (2 * 10) */

    ck_assert_uint_eq(fairness_index(shares, 2), 800);
}
END_TEST

START_TEST(one_starves)
{
    const uint64_t passed[] = { 7, 5, 295, 5, 8 };

    set_passed(passed, 5);
    ck_assert_uint_eq(starving(), 1 << 2);
}
END_TEST

START_TEST(contention_is_not_starvation)
{
    const uint64_t passed[] = { 100, 120, 140, 130, 110 };

    set_passed(passed, 5);
    ck_assert_uint_eq(starving(), 0);
}
END_TEST

START_TEST(short_runs_are_not_starvation)
{
    const uint64_t passed[] = { 0, 0, 63, 0, 0 };    /* less than 16 each */

    set_passed(passed, 5);
    ck_assert_uint_eq(starving(), 0);
    rows[2].passed = 64;
    ck_assert_uint_eq(starving(), 1 << 2);
}
END_TEST

START_TEST(one_long_wait_in_a_long_run_is_not_starvation)
{
    const uint64_t passed[] = { 8, 8, 200, 8, 8 };

    set_passed(passed, 5);
    for (int i = 0; i < 5; i++)
        rows[i].acquisitions = 201;    /* the others 804: 200 are less than a quarter */
    ck_assert_uint_eq(starving(), 0);
    for (int i = 0; i < 5; i++)
        rows[i].acquisitions = 200;
    ck_assert_uint_eq(starving(), 1 << 2);
}
END_TEST

START_TEST(two_may_starve)
{
    const uint64_t passed[] = { 4, 300, 4, 280, 4 };

    set_passed(passed, 5);
    ck_assert_uint_eq(starving(), 1 << 1 | 1 << 3);
}
END_TEST

START_TEST(others_are_those_of_the_same_program_that_take)
{
    const uint64_t passed[] = { 0, 0, 0 };

    set_passed(passed, 3);
    ck_assert_uint_eq(fairness_others(rows, &rows[0]), 20);
    rows[1].root = 0x1000;
    ck_assert_uint_eq(fairness_others(rows, &rows[0]), 10);
    strcpy(rows[2].name, "other");
    ck_assert_uint_eq(fairness_others(rows, &rows[0]), 0);
    rows[0].passed = 1000;    /* nobody to be compared with */
    ck_assert(!fairness_is_starving(rows, &rows[0]));
}
END_TEST

START_TEST(lines_name_the_starving)
{
    const uint64_t passed[] = { 7, 5, 295, 5, 8 };

    fake_machine_init(1 << 20);
    set_passed(passed, 5);
    rows[2].passed_wait_ns = 219485000;
    for (int i = 0; i < 5; i++)
        rows[i].ended_ns = 1000000000;
    fairness_print(rows);
    ck_assert_str_eq(fake_machine.log.text,
                     "eft: fairness of dinner: 1.000 (Jain's index of semaphores taken per second "
                     "by 5 threads; 1 is equal)\n"
                     "eft: starving: process 3 (dinner): in one wait of 0.219485 s the others took "
                     "semaphores 295 times, 73 each\n");
}
END_TEST

TEST_MAIN("diagnose/fairness", index_of_equal_shares_is_one, index_of_one_who_has_all,
          index_between, one_starves, contention_is_not_starvation,
          short_runs_are_not_starvation, one_long_wait_in_a_long_run_is_not_starvation,
          two_may_starve,
          others_are_those_of_the_same_program_that_take, lines_name_the_starving)
