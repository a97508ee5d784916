/* The share of real-time threads: what is counted, when it is used up, and who runs then. */
#include "sched/real_time_share.h"

#include <string.h>

#include "config.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/priority.h"
#include "sched/scheduler.h"

#define MS UINT64_C(1000000)
#define PERIOD (REAL_TIME_PERIOD_US * UINT64_C(1000))
#define RUNTIME (REAL_TIME_RUNTIME_US * UINT64_C(1000))

START_TEST(share_counts_what_runs)
{
    struct real_time_share share;

    real_time_share_init(&share);
    real_time_share_begin(&share, 100 * MS);
    ck_assert_uint_eq(real_time_share_change_ns(&share, 100 * MS), PERIOD);
    real_time_share_end(&share, 700 * MS);
    real_time_share_begin(&share, PERIOD - MS);
    real_time_share_end(&share, PERIOD - 1);
    ck_assert(!real_time_share_is_used_up(&share, PERIOD - 1));
    ck_assert_uint_eq(share.used_ns, 601 * MS - 1);
}
END_TEST

START_TEST(share_is_used_up_until_the_period_ends)
{
    struct real_time_share share;

    real_time_share_init(&share);
    real_time_share_begin(&share, 3 * PERIOD);
    ck_assert_uint_eq(real_time_share_change_ns(&share, 3 * PERIOD), 3 * PERIOD + RUNTIME);
    ck_assert(!real_time_share_is_used_up(&share, 3 * PERIOD + RUNTIME - 1));
    ck_assert(real_time_share_is_used_up(&share, 3 * PERIOD + RUNTIME));
    real_time_share_end(&share, 3 * PERIOD + RUNTIME);
    ck_assert(real_time_share_is_used_up(&share, 4 * PERIOD - 1));
    ck_assert_uint_eq(real_time_share_change_ns(&share, 4 * PERIOD - 1), 4 * PERIOD);
    ck_assert(!real_time_share_is_used_up(&share, 4 * PERIOD));
}
END_TEST

/* Of one that runs through the end of a period, only what is in the new one counts there. */
START_TEST(share_begins_anew_with_a_period)
{
    struct real_time_share share;

    real_time_share_init(&share);
    real_time_share_begin(&share, 0);
    ck_assert(!real_time_share_is_used_up(&share, 5 * PERIOD + RUNTIME - 1));
    ck_assert(real_time_share_is_used_up(&share, 5 * PERIOD + RUNTIME));
    real_time_share_end(&share, 5 * PERIOD + MS);
    ck_assert_uint_eq(share.used_ns, MS);
    ck_assert(!real_time_share_is_used_up(&share, 6 * PERIOD - 1));
}
END_TEST

START_TEST(share_settings_have_limits)
{
    struct real_time_share share;

    fake_scheduler_init(2);
    ck_assert_int_eq(real_time_runtime_us(), REAL_TIME_RUNTIME_US);
    ck_assert_int_eq(real_time_period_us(), REAL_TIME_PERIOD_US);
    ck_assert_int_eq(real_time_runtime_set(REAL_TIME_PERIOD_US + 1), -EINVAL);
    ck_assert_int_eq(real_time_runtime_set(-2), -EINVAL);
    ck_assert_int_eq(real_time_period_set(0), -EINVAL);
    ck_assert_int_eq(real_time_period_set(INT64_C(1) << 31), -EINVAL);
    ck_assert_int_eq(real_time_period_set(REAL_TIME_RUNTIME_US - 1), -EINVAL);
    ck_assert_int_eq(real_time_period_set(INT32_MAX), 0);
    ck_assert_int_eq(real_time_period_us(), INT32_MAX);
    ck_assert_int_eq(real_time_runtime_set(0), 0);
    real_time_share_init(&share);
    ck_assert(real_time_share_is_used_up(&share, 0));
    ck_assert_int_eq(real_time_runtime_set(REAL_TIME_UNLIMITED), 0);
    real_time_share_begin(&share, 0);
    ck_assert(!real_time_share_is_used_up(&share, UINT64_C(1) << 42));
    ck_assert_uint_eq(real_time_share_change_ns(&share, MS), UINT64_MAX);
    ck_assert_int_eq(real_time_runtime_us(), REAL_TIME_UNLIMITED);
}
END_TEST

/* ---- Threads ------------------------------------------------------------------------------- */

static uint64_t ran_ms[3];
static char story[256];

/* Computes for ever: each change of who computes is told. */
static void compute(void *argument)
{
    unsigned index = (unsigned)(uintptr_t)argument;
    char letter = (char)('a' + index);

    while (fake_machine.time_ns < 3 * PERIOD) {
        size_t length = strlen(story);

        if ((length == 0 || story[length - 1] != letter) && length < sizeof(story) - 1)
            story[length] = letter;
        ran_ms[index]++;
        fake_machine_advance(MS);
    }
}

static void start(uintptr_t index, enum scheduling_class class, uint8_t priority)
{
    const struct thread_request request = { .name = "one", .entry = compute,
                                            .argument = (void *)index };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    priority_set_own(thread, class, priority);
    thread_start(thread);
    thread_release(thread);
}

static void run(const char *ordinary)
{
    fake_scheduler_init(1);
    memset(ran_ms, 0, sizeof(ran_ms));
    memset(story, 0, sizeof(story));
    ck_assert_int_eq(scheduler_choose_policy(ordinary), 0);
    fake_machine.time_ns = 0;
}

/* Within the few milliseconds that the test's steps are coarse. */
static void check_ran(unsigned index, uint64_t least, uint64_t most)
{
    ck_assert_uint_ge(ran_ms[index], least);
    ck_assert_uint_le(ran_ms[index], most);
}

START_TEST(share_leaves_something_to_an_ordinary_thread)
{
    run("fair");
    start(0, CLASS_FIFO, 99);
    start(1, CLASS_OTHER, 0);
    fake_scheduler_run();
    ck_assert_str_eq(story, "ababab");
    check_ran(0, 2840, 2860);
    check_ran(1, 140, 160);
}
END_TEST

/* Those of other policies get it as well, and real-time threads of several priorities share one. */
START_TEST(share_is_that_of_all_real_time_threads)
{
    run("fifo");
    start(0, CLASS_FIFO, 10);
    start(1, CLASS_OTHER, 0);
    start(2, CLASS_ROUND_ROBIN, 5);
    fake_scheduler_run();
    check_ran(0, 2840, 2860);
    check_ran(1, 140, 160);
    check_ran(2, 0, 3);
}
END_TEST

/* Nobody else is there: nothing is lost, and the timer need not ring. */
START_TEST(share_has_no_end_for_one_alone)
{
    run("fair");
    start(0, CLASS_FIFO, 10);
    fake_scheduler_run();
    check_ran(0, 3000, 3000);
    ck_assert_uint_eq(fake_machine.cpus[0].timer_sets, 0);
}
END_TEST

START_TEST(share_without_limit_is_everything)
{
    run("fair");
    ck_assert_int_eq(real_time_runtime_set(REAL_TIME_UNLIMITED), 0);
    start(0, CLASS_FIFO, 10);
    start(1, CLASS_OTHER, 0);
    fake_scheduler_run();
    ck_assert_str_eq(story, "a");
}
END_TEST

TEST_MAIN("sched/real_time_share", share_counts_what_runs, share_is_used_up_until_the_period_ends,
          share_begins_anew_with_a_period, share_settings_have_limits,
          share_leaves_something_to_an_ordinary_thread, share_is_that_of_all_real_time_threads,
          share_has_no_end_for_one_alone, share_without_limit_is_everything)
