/* Mutexes in the interleavings of two CPUs: one owner at a time, nobody is left waiting. */
#include "sync/mutex.h"

#include <stdio.h>

#include "harness/model.h"
#include "harness/model_locks.h"
#include "harness/test.h"
#include "sched/scheduler.h"

static struct mutex mutex;
static struct spinlock point;    /* taken only to be a point where CPUs change */
static unsigned inside;
static unsigned inside_max;
static unsigned passed;

static void begin(void)
{
    mutex_init(&mutex, RANK_INODE, "mutex");
    spin_init(&point, RANK_CONSOLE, "point");
    inside = 0;
    inside_max = 0;
    passed = 0;
}

static void stay_inside(void)
{
    inside++;
    if (inside > inside_max)
        inside_max = inside;
    spin_lock(&point);
    spin_unlock(&point);
    inside--;
    passed++;
}

static void enter(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
    stay_inside();
    mutex_unlock(&mutex);
}

static void try_to_enter(void *argument)
{
    (void)argument;
    if (!mutex_try_lock(&mutex)) {
        passed++;
        return;
    }
    stay_inside();
    mutex_unlock(&mutex);
}

static const char *check_exclusion(void)
{
    if (inside_max != 1)
        return "two threads were inside at once";
    return passed == 3 ? NULL : "a thread did not get through";
}

static void explore(void (*setup)(void), unsigned preemptions_max)
{
    const struct model model = {
        .cpu_count = 2,
        .setup = setup,
        .check = check_exclusion,
        .preemptions_max = preemptions_max,
    };
    struct model_result result = model_explore(&model);

    printf("%llu runs of at most %u choices\n", (unsigned long long)result.runs,
           result.choices_max);
    ck_assert_msg(!result.failure, "%s in run %llu, choices %s", result.failure,
                  (unsigned long long)result.runs, result.choices);
    ck_assert_uint_gt(result.runs, 20);
}

static void three_threads(void)
{
    begin();
    model_thread(0, "a", enter, NULL);
    model_thread(1, "b", enter, NULL);
    model_thread(1, "c", enter, NULL);
}

START_TEST(model_mutex_excludes_and_lets_all_through)
{
    explore(three_threads, 3);
}
END_TEST

static void three_threads_one_tries(void)
{
    begin();
    model_thread(0, "a", enter, NULL);
    model_thread(1, "b", enter, NULL);
    model_thread(0, "c", try_to_enter, NULL);
}

START_TEST(model_mutex_with_one_that_tries)
{
    explore(three_threads_one_tries, 3);
}
END_TEST

/* No lock at all: the model must notice. */
static void enter_without_locking(void *argument)
{
    (void)argument;
    stay_inside();
}

static void three_threads_unlocked(void)
{
    begin();
    model_thread(0, "a", enter, NULL);
    model_thread(1, "b", enter, NULL);
    model_thread(1, "c", enter_without_locking, NULL);
}

START_TEST(model_finds_a_thread_that_does_not_lock)
{
    const struct model model = {
        .cpu_count = 2, .setup = three_threads_unlocked, .check = check_exclusion,
    };

    ck_assert_str_eq(model_explore(&model).failure, "two threads were inside at once");
}
END_TEST

TEST_MAIN("model/mutex", model_mutex_excludes_and_lets_all_through,
          model_mutex_with_one_that_tries, model_finds_a_thread_that_does_not_lock)
