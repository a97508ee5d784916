/* Timers on processor time: exact to the run, of the right thread, and the limit. */
#include "process/processor_timer.h"

#include "lib/container.h"
#include "memory/pool.h"
#include "unit/process/process_fixture.h"

#define MS UINT64_C(1000000)

static unsigned expired_count;
static uint64_t expired_at_ns;

static void expired(struct processor_timer *timer)
{
    ck_assert(spin_is_held(&timer->process->processor_lock));
    ck_assert(!timer->is_armed);
    expired_count++;
    expired_at_ns = processor_time(timer->process, timer->thread, timer->kind);
}

/* What happens on the way to user mode. */
static void look(void)
{
    if (current_thread()->work & THREAD_WORK_PROCESSOR_TIME)
        processor_timers_check();
}

static void compute(uint64_t ns)
{
    look();
    fake_machine_advance(ns);
    look();
}

static void arm(struct processor_timer *timer, uint64_t expires_ns)
{
    spin_lock(&timer->process->processor_lock);
    ck_assert_int_eq(processor_timer_arm(timer, expires_ns), 0);
    spin_unlock(&timer->process->processor_lock);
}

static void expire_exactly(void)
{
    struct processor_timer timer;
    uint64_t now_ns = processor_time(current_process(), NULL, PROCESSOR_TIME_ALL);

    processor_timer_init(&timer, current_process(), NULL, PROCESSOR_TIME_ALL, expired);
    arm(&timer, now_ns + 10 * MS);
    compute(10 * MS - 1);
    ck_assert_uint_eq(expired_count, 0);
    compute(1);
    ck_assert_uint_eq(expired_count, 1);
    ck_assert_uint_eq(expired_at_ns, now_ns + 10 * MS);
    compute(100 * MS);
    ck_assert_uint_eq(expired_count, 1);
    processor_timer_destroy(&timer);
}

START_TEST(timer_of_a_process_with_one_thread_is_exact)
{
    fixture_run(expire_exactly);
    ck_assert_uint_eq(expired_count, 1);
}
END_TEST

static void expire_in_order(void)
{
    struct processor_timer timers[3];

    for (unsigned i = 0; i < 3; i++)
        processor_timer_init(&timers[i], current_process(), i == 1 ? current_thread() : NULL,
                             PROCESSOR_TIME_ALL, expired);
    arm(&timers[0], 30 * MS);
    arm(&timers[1], 20 * MS);
    arm(&timers[2], 30 * MS);
    compute(20 * MS);
    ck_assert_uint_eq(expired_count, 1);
    ck_assert(!timers[1].is_armed);
    compute(10 * MS);
    ck_assert_uint_eq(expired_count, 3);
    for (unsigned i = 0; i < 3; i++)
        processor_timer_destroy(&timers[i]);
}

START_TEST(timers_of_thread_and_process_go_off_in_order)
{
    fixture_run(expire_in_order);
    ck_assert_uint_eq(expired_count, 3);
}
END_TEST

static void stop_in_time(void)
{
    struct processor_timer timer;

    processor_timer_init(&timer, current_process(), NULL, PROCESSOR_TIME_ALL, expired);
    arm(&timer, 10 * MS);
    compute(5 * MS);
    processor_timer_destroy(&timer);
    compute(50 * MS);
    ck_assert_uint_eq(current_thread()->run_alarm_ns, UINT64_MAX);    /* nobody looks any more */
}

START_TEST(timer_that_was_stopped_does_not_go_off)
{
    fixture_run(stop_in_time);
    ck_assert_uint_eq(expired_count, 0);
}
END_TEST

static struct processor_timer lasting;

static void sleep_and_leave(void *argument)
{
    (void)argument;
    processor_timer_init(&lasting, current_process(), current_thread(), PROCESSOR_TIME_ALL,
                         expired);
    arm(&lasting, MS);
    process_exit_thread(0);
}

static void outlive_thread(void)
{
    struct thread *thread = fixture_thread(sleep_and_leave);

    while (thread->state != THREAD_DEAD)
        scheduler_yield();
    ck_assert(!lasting.is_armed);
    spin_lock(&current_process()->processor_lock);
    ck_assert_int_eq(processor_timer_arm(&lasting, MS), -ESRCH);
    spin_unlock(&current_process()->processor_lock);
    processor_timer_destroy(&lasting);
    thread_release(thread);
}

START_TEST(timer_of_a_thread_that_has_left_cannot_be_armed)
{
    fixture_run(outlive_thread);
    ck_assert_uint_eq(expired_count, 0);
}
END_TEST

/* ---- Interval timers and the limit --------------------------------------------------------- */

static bool is_sent(int number)
{
    return current_process()->signals.pending.set & SIGNAL_BIT(number);
}

static void use_interval(void)
{
    const struct interval wanted = { .remaining_ns = 5 * MS, .interval_ns = 3 * MS };
    struct interval left;

    interval_timer_set(current_process(), INTERVAL_TIMER_PROFILE, &wanted, NULL);
    compute(5 * MS - 1);
    ck_assert(!is_sent(SIGNAL_PROF));
    compute(1);
    ck_assert(is_sent(SIGNAL_PROF));
    interval_timer_get(current_process(), INTERVAL_TIMER_PROFILE, &left);
    ck_assert_uint_eq(left.interval_ns, 3 * MS);
    ck_assert_uint_eq(left.remaining_ns, 3 * MS);
    compute(10 * MS);    /* three were missed: they count as one, the next comes in its time */
    interval_timer_get(current_process(), INTERVAL_TIMER_PROFILE, &left);
    ck_assert_uint_eq(left.remaining_ns, 2 * MS);
    ck_assert(!is_sent(SIGNAL_VTALRM));
}

START_TEST(interval_timer_goes_on_in_its_rhythm)
{
    fixture_run(use_interval);
}
END_TEST

static void pass_limit(void)
{
    struct process *process = current_process();

    process->limits.of[LIMIT_CPU] = (struct limit){ 1, 3 };
    processor_timers_look(process);
    compute(1000 * MS - 1);
    ck_assert(!is_sent(SIGNAL_XCPU));
    compute(1);
    ck_assert(is_sent(SIGNAL_XCPU));
    ck_assert_uint_eq(process->limits.of[LIMIT_CPU].soft, 2);
    compute(1000 * MS);
    ck_assert_uint_eq(process->limits.of[LIMIT_CPU].soft, 3);
    ck_assert(!is_sent(SIGNAL_KILL));
    compute(1000 * MS);
    ck_assert(is_sent(SIGNAL_KILL));
}

START_TEST(limit_sends_a_signal_each_second_then_kills)
{
    fixture_run(pass_limit);
}
END_TEST

TEST_MAIN("process/processor_timer", timer_of_a_process_with_one_thread_is_exact,
          timers_of_thread_and_process_go_off_in_order, timer_that_was_stopped_does_not_go_off,
          timer_of_a_thread_that_has_left_cannot_be_armed, interval_timer_goes_on_in_its_rhythm,
          limit_sends_a_signal_each_second_then_kills)
