/*
 * Timers in the interleavings of two CPUs: after timer_cancel has returned, the timer's function
 * does not run any more, so what it points to may go.
 */
#include "time/timer.h"

#include <stdio.h>

#include "harness/marks.h"
#include "harness/model.h"
#include "harness/model_locks.h"
#include "harness/test.h"
#include "sched/scheduler.h"

static struct timer timer;
static struct spinlock point;    /* taken only to be a point where CPUs change */
static unsigned calls;
static bool cancelled;           /* timer_cancel has returned */
static bool was_armed;
static bool ran_after_cancel;

static void expired(struct timer *which)
{
    (void)which;
    ran_after_cancel = ran_after_cancel || cancelled;
    spin_lock(&point);
    spin_unlock(&point);
    ran_after_cancel = ran_after_cancel || cancelled;
    calls++;
}

static void begin(void)
{
    spin_init(&point, RANK_CONSOLE, "point");
    timer_init(&timer, expired);
    calls = 0;
    cancelled = false;
    was_armed = false;
    ran_after_cancel = false;
    timer_arm(&timer, 1000);
}

static void cancel(void *argument)
{
    (void)argument;
    was_armed = timer_cancel(&timer);
    cancelled = true;
}

static void arm_again(void *argument)
{
    (void)argument;
    timer_arm(&timer, 2000);
    (void)timer_cancel(&timer);
    cancelled = true;
}

static const char *check_cancel(void)
{
    if (ran_after_cancel)
        return "the function ran after the cancellation";
    return calls + was_armed == 1 ? NULL : "neither ran nor was armed, or both";
}

static const char *check_end(void)
{
    if (ran_after_cancel)
        return "the function ran after the cancellation";
    return calls <= 2 ? NULL : "the function ran too often";
}

static void explore(void (*setup)(void), const char *(*check)(void), unsigned preemptions_max)
{
    const struct model model = { .cpu_count = 2, .setup = setup, .check = check,
                                 .preemptions_max = preemptions_max };
    struct model_result result = model_explore(&model);

    printf("%llu runs of at most %u choices\n", (unsigned long long)result.runs,
           result.choices_max);
    ck_assert_msg(!result.failure, "%s in run %llu, choices %s", result.failure,
                  (unsigned long long)result.runs, result.choices);
    ck_assert_uint_gt(result.runs, 20);
}

static void cancel_elsewhere(void)
{
    begin();
    model_thread(1, "cancel", cancel, NULL);
}

START_TEST(model_timer_does_not_run_after_cancel)
{
    explore(cancel_elsewhere, check_cancel, 0);
}
END_TEST

static void arm_elsewhere(void)
{
    begin();
    model_thread(1, "arm", arm_again, NULL);
}

START_TEST(model_timer_moves_between_cpus)
{
    explore(arm_elsewhere, check_end, 0);
}
END_TEST

static void look(void *argument)
{
    (void)argument;
    (void)timer_is_armed(&timer);
}

static void look_while_it_moves(void)
{
    begin();
    model_thread(1, "arm", arm_again, NULL);
    model_thread(0, "look", look, NULL);
}

/* Who wants the lock of the heap that it is on finds it on another one. */
START_TEST(model_timer_is_looked_at_while_it_moves)
{
    explore(look_while_it_moves, check_end, 3);
    EXPECT_MARK(timer_armed_elsewhere);
}
END_TEST

/* Says that it is over without waiting for a function that runs. */
static void cancel_too_early(void *argument)
{
    (void)argument;
    cancelled = true;
    (void)timer_cancel(&timer);
}

static void cancel_too_early_elsewhere(void)
{
    begin();
    model_thread(1, "cancel", cancel_too_early, NULL);
}

START_TEST(model_finds_a_cancel_that_does_not_wait)
{
    const struct model model = {
        .cpu_count = 2, .setup = cancel_too_early_elsewhere, .check = check_end,
    };

    ck_assert_str_eq(model_explore(&model).failure, "the function ran after the cancellation");
}
END_TEST

TEST_MAIN("model/timer", model_timer_does_not_run_after_cancel, model_timer_moves_between_cpus,
          model_timer_is_looked_at_while_it_moves, model_finds_a_cancel_that_does_not_wait)
