#pragma once
/*
 * What every unit test begins with: libcheck, and a main() that runs one table of tests.
 *
 *     START_TEST(list_append_keeps_order) { ... } END_TEST
 *     TEST_MAIN("lib/list", list_append_keeps_order)
 * or, when some tests must panic:
 *     TEST_MAIN_WITH_PANICS("lib/list", PANICS(list_remove_twice_panics), list_append_keeps_order)
 *
 * Each test runs in a process of its own (libcheck forks), so a panic fails one test only.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

/* `setup` runs in the process of each test before it; NULL: none. */
static inline int test_run(const char *name, void (*setup)(void), const TTest *const *tests,
                           const TTest *const *panics)
{
    Suite *suite = suite_create(name);
    TCase *ordinary = tcase_create("ordinary");
    TCase *panicking = tcase_create("panics");

    tcase_set_timeout(ordinary, 60);
    tcase_add_checked_fixture(ordinary, setup, NULL);
    tcase_add_checked_fixture(panicking, setup, NULL);
    for (; *tests; tests++)
        tcase_add_test(ordinary, *tests);
    for (; *panics; panics++)
        tcase_add_test_raise_signal(panicking, *panics, SIGABRT);
    suite_add_tcase(suite, ordinary);
    suite_add_tcase(suite, panicking);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The fake machine's panic() ends in abort(), so a test in the second list must panic. */
#define TEST_MAIN_WITH_SETUP(name, setup, panics, ...)                   \
    int main(void)                                                       \
    {                                                                    \
        const TTest *const ordinary_tests[] = { __VA_ARGS__, NULL };     \
        return test_run(name, setup, ordinary_tests, panics);            \
    }
/* The tests that must panic. */
#define PANICS(...) ((const TTest *const[]){ __VA_ARGS__, NULL })
#define TEST_MAIN_WITH_PANICS(name, panics, ...) \
    TEST_MAIN_WITH_SETUP(name, NULL, panics, __VA_ARGS__)
#define TEST_MAIN(name, ...)                                             \
    static const TTest *const no_panics[] = { NULL };                    \
    TEST_MAIN_WITH_PANICS(name, no_panics, __VA_ARGS__)
