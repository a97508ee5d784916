/* Sleeping on clocks of processor time: who computes ends it, and a signal in the middle. */
#include <errno.h>

#include "abi/linux/clocks.h"
#include "abi/linux/syscalls.h"
#include "memory/user_memory.h"
#include "process/processor_timer.h"
#include "unit/process/process_fixture.h"

#define MS UINT64_C(1000000)
#define WANTED FIXTURE_DATA
#define REMAINING (FIXTURE_DATA + 16)
#define PROCESS_CLOCK 2    /* CLOCK_PROCESS_CPUTIME_ID */

struct time {
    int64_t seconds, nanoseconds;
};

static uint32_t flags;
static int64_t results[2];
static unsigned slept;    /* how often: 1: the call, 2: gone on with */
static bool repeats;      /* after a signal */

static void put_time(uint64_t ns)
{
    const struct time time = { (int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000) };

    ck_assert_int_eq(user_copy_out(current_space(), WANTED, &time, sizeof(time)), 0);
}

static uint64_t remaining_ns(void)
{
    struct time time;

    ck_assert_int_eq(user_copy_in(current_space(), &time, REMAINING, sizeof(time)), 0);
    return (uint64_t)time.seconds * 1000000000 + (uint64_t)time.nanoseconds;
}

static uint64_t used_ns(void)
{
    return processor_time(current_process(), NULL, PROCESSOR_TIME_ALL);
}

/* The thread that sleeps; as after a signal without a handler it goes on, if that is wanted. */
static void sleep_once(void *argument)
{
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;

    (void)argument;
    results[0] = sys_clock_nanosleep(PROCESS_CLOCK, flags, WANTED, REMAINING);
    slept = 1;
    if (repeats) {
        atomic_store(&current_thread()->interrupted, false);
        results[1] = call->resume(call);
        slept = 2;
    }
    process_exit_thread(0);
}

static struct thread *start(void)
{
    struct thread *thread = fixture_thread(sleep_once);

    scheduler_yield();
    return thread;
}

static void compute(uint64_t ns)
{
    fake_machine_advance(ns);
    if (current_thread()->work & THREAD_WORK_PROCESSOR_TIME)
        processor_timers_check();
    scheduler_yield();
}

static void others_compute(void)
{
    put_time(10 * MS);
    thread_release(start());
    compute(9 * MS);
    ck_assert_uint_eq(slept, 0);
    compute(MS);
    ck_assert_uint_eq(slept, 1);
    ck_assert_int_eq(results[0], 0);
}

START_TEST(a_sleep_ends_when_others_have_computed)
{
    fixture_run(others_compute);
    ck_assert(fixture_halted);
}
END_TEST

static void interrupt_relative(void)
{
    struct thread *thread;

    repeats = true;
    put_time(10 * MS);
    thread = start();
    compute(4 * MS);
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    scheduler_yield();
    ck_assert_uint_eq(slept, 1);
    ck_assert_int_eq(results[0], -CALL_RESUME);
    ck_assert_uint_eq(remaining_ns(), 6 * MS);
    put_time(1000 * MS);    /* what was wanted first counts */
    compute(5 * MS);
    ck_assert_uint_eq(slept, 1);
    compute(MS);
    ck_assert_uint_eq(slept, 2);
    ck_assert_int_eq(results[1], 0);
    thread_release(thread);
}

START_TEST(a_relative_sleep_goes_on_until_the_same_end)
{
    fixture_run(interrupt_relative);
    ck_assert(fixture_halted);
}
END_TEST

static void interrupt_absolute(void)
{
    struct thread *thread;

    flags = TIME_ABSOLUTE;
    put_time(used_ns() + 10 * MS);
    thread = start();
    compute(4 * MS);
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    scheduler_yield();
    ck_assert_int_eq(results[0], -CALL_RESTART_NO_HANDLER);    /* the call is simply made again */
    thread_release(thread);
}

START_TEST(an_absolute_sleep_is_made_again)
{
    fixture_run(interrupt_absolute);
    ck_assert(fixture_halted);
}
END_TEST

static void ends_at_once(void)
{
    compute(5 * MS);
    put_time(0);
    ck_assert_int_eq(sys_clock_nanosleep(PROCESS_CLOCK, 0, WANTED, 0), 0);
    put_time(MS);    /* past */
    ck_assert_int_eq(sys_clock_nanosleep(PROCESS_CLOCK, TIME_ABSOLUTE, WANTED, 0), 0);
    /* Of threads: one's own stands still while it sleeps. */
    ck_assert_int_eq(sys_clock_nanosleep(3, 0, WANTED, 0), -EOPNOTSUPP);
    ck_assert_int_eq(sys_clock_nanosleep(~0 * 8 + 6, 0, WANTED, 0), -EINVAL);
    ck_assert_int_eq(sys_clock_nanosleep(PROCESS_CLOCK, 0, 0x1000, 0), -EFAULT);
    ck_assert_int_eq(sys_clock_nanosleep(77, 0, WANTED, 0), -EINVAL);
}

START_TEST(what_is_over_does_not_sleep)
{
    fixture_run(ends_at_once);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("abi/linux/sys_sleep", a_sleep_ends_when_others_have_computed,
          a_relative_sleep_goes_on_until_the_same_end, an_absolute_sleep_is_made_again,
          what_is_over_does_not_sleep)
