/* Timers that are read like files: counts, intervals, both clocks, and the clock's being set. */
#include "ipc/timer_file.h"

#include <errno.h>

#include "fs/file.h"
#include "fs/fs_init.h"
#include "fs/poll.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/io_buffer.h"
#include "sched/thread.h"

#define MS UINT64_C(1000000)

static struct file *file;

static void begin(enum clock_base base, uint32_t flags)
{
    fake_scheduler_init(1);
    machine_interrupts_restore(true);
    fs_init();
    ck_assert_int_eq(timer_file_create(base, flags, &file), 0);
}

static void advance(uint64_t ns)
{
    fake_machine_advance(ns);
}

/* The count, or an error. */
static int64_t read_count(struct file *from, size_t size)
{
    uint64_t count = 0;
    const struct io_segment segment = { (uint64_t)(uintptr_t)&count, size };
    struct io_buffer buffer;
    int64_t result;

    io_buffer_init(&buffer, NULL, &segment, 1);
    result = from->operations->read(from, &buffer, NULL);
    if (result < 0)
        return result;
    ck_assert_int_eq(result, 8);
    return (int64_t)count;
}

static int set(uint64_t expires_ns, uint64_t interval_ns, bool is_absolute, bool ends)
{
    const struct timer_file_change change = { { expires_ns, interval_ns }, is_absolute, ends };
    struct timer_file_setting before;

    return timer_file_set(file, &change, &before);
}

static struct timer_file_setting get(void)
{
    struct timer_file_setting setting;

    ck_assert_int_eq(timer_file_get(file, &setting), 0);
    return setting;
}

START_TEST(expiries_are_counted_until_they_are_read)
{
    begin(CLOCK_BASE_MONOTONIC, OPEN_NONBLOCK);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);
    ck_assert_int_eq(read_count(file, 7), -EINVAL);
    ck_assert_int_eq(set(3 * MS, 2 * MS, false, false), 0);
    ck_assert_uint_eq(file_poll(file, NULL), 0);
    ck_assert_uint_eq(get().expires_ns, 3 * MS);
    advance(3 * MS);
    ck_assert_uint_eq(file_poll(file, NULL), POLL_READABLE);
    advance(5 * MS);    /* at 3, 5, 7; now it is 8 */
    ck_assert_int_eq(read_count(file, 8), 3);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);
    ck_assert_uint_eq(get().expires_ns, MS);
    ck_assert_uint_eq(get().interval_ns, 2 * MS);
    advance(MS);
    ck_assert_int_eq(read_count(file, 8), 1);
}
END_TEST

START_TEST(without_an_interval_it_goes_off_once)
{
    begin(CLOCK_BASE_MONOTONIC, OPEN_NONBLOCK);
    ck_assert_int_eq(set(MS, 0, false, false), 0);
    advance(10 * MS);
    ck_assert_uint_eq(get().expires_ns, 0);
    ck_assert_int_eq(read_count(file, 8), 1);
    advance(10 * MS);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);
}
END_TEST

START_TEST(a_new_setting_forgets_the_old_one)
{
    const struct timer_file_change change = { { 0, 0 }, false, false };
    struct timer_file_setting before;

    begin(CLOCK_BASE_MONOTONIC, OPEN_NONBLOCK);
    ck_assert_int_eq(set(MS, MS, false, false), 0);
    advance(5 * MS);
    ck_assert_int_eq(timer_file_set(file, &change, &before), 0);
    ck_assert_uint_eq(before.interval_ns, MS);
    ck_assert_uint_eq(before.expires_ns, MS);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);    /* also what was counted */
    advance(5 * MS);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);
    ck_assert_uint_eq(get().interval_ns, 0);
}
END_TEST

START_TEST(an_absolute_time_may_be_past)
{
    begin(CLOCK_BASE_MONOTONIC, OPEN_NONBLOCK);
    advance(10 * MS);
    ck_assert_int_eq(set(4 * MS, 3 * MS, true, false), 0);
    advance(0);
    ck_assert_int_eq(read_count(file, 8), 3);    /* 4, 7, 10 */
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------- */

static int64_t result;
static bool is_over;

static void read_once(void *argument)
{
    (void)argument;
    result = read_count(file, 8);
    is_over = true;
}

static struct thread *start_reader(void)
{
    struct thread *thread;

    machine_interrupts_disable();
    thread = fake_thread_start("reader", read_once, NULL);
    fake_scheduler_run();
    return thread;
}

START_TEST(a_reader_waits_for_the_expiry)
{
    begin(CLOCK_BASE_MONOTONIC, 0);
    ck_assert_int_eq(set(2 * MS, 0, false, false), 0);
    thread_release(start_reader());
    ck_assert(!is_over);
    advance(2 * MS);
    fake_scheduler_run();
    ck_assert(is_over);
    ck_assert_int_eq(result, 1);
}
END_TEST

START_TEST(a_signal_ends_the_wait)
{
    struct thread *thread;

    begin(CLOCK_BASE_MONOTONIC, 0);
    thread = start_reader();
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert_int_eq(result, -EINTR);
    thread_release(thread);
}
END_TEST

/* ---- Real time ----------------------------------------------------------------------------- */

START_TEST(a_real_time_follows_the_clock)
{
    begin(CLOCK_BASE_REAL, OPEN_NONBLOCK);
    ck_assert_int_eq(set(clock_real_ns() + 5 * MS, 0, true, false), 0);
    clock_set_real_ns(clock_real_ns() + 3 * MS);
    advance(2 * MS);
    ck_assert_int_eq(read_count(file, 8), 1);
    /* A span is one whatever the clock says. */
    ck_assert_int_eq(set(5 * MS, 0, false, false), 0);
    clock_set_real_ns(clock_real_ns() + 100 * MS);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);
    advance(5 * MS);
    ck_assert_int_eq(read_count(file, 8), 1);
}
END_TEST

START_TEST(a_change_of_the_clock_is_told_once)
{
    begin(CLOCK_BASE_REAL, OPEN_NONBLOCK);
    ck_assert_int_eq(set(clock_real_ns() + 5 * MS, 0, true, true), 0);
    clock_set_real_ns(clock_real_ns() + MS);
    ck_assert_uint_eq(file_poll(file, NULL), POLL_READABLE);
    ck_assert_int_eq(read_count(file, 8), -ECANCELED);
    ck_assert_int_eq(read_count(file, 8), -EAGAIN);
    clock_set_real_ns(clock_real_ns() + MS);
    ck_assert_int_eq(set(clock_real_ns() + 2 * MS, 0, true, true), -ECANCELED);
    advance(2 * MS);    /* it was set nevertheless */
    ck_assert_int_eq(read_count(file, 8), 1);
}
END_TEST

START_TEST(a_reader_is_told_of_the_clock)
{
    begin(CLOCK_BASE_REAL, 0);
    ck_assert_int_eq(set(clock_real_ns() + 5 * MS, 0, true, true), 0);
    thread_release(start_reader());
    clock_set_real_ns(clock_real_ns() - MS);
    fake_scheduler_run();
    ck_assert(is_over);
    ck_assert_int_eq(result, -ECANCELED);
}
END_TEST

START_TEST(another_file_is_no_timer)
{
    const struct timer_file_change change = { { MS, 0 }, false, false };
    struct timer_file_setting setting;
    struct file other = { .operations = &(struct file_operations){ .read = NULL } };

    begin(CLOCK_BASE_MONOTONIC, 0);
    ck_assert_int_eq(timer_file_get(&other, &setting), -EINVAL);
    ck_assert_int_eq(timer_file_set(&other, &change, &setting), -EINVAL);
    ck_assert_int_eq(set(MS, MS, false, false), 0);
    file_release(file);    /* armed: it goes off no more */
    advance(10 * MS);
}
END_TEST

TEST_MAIN("ipc/timer_file", expiries_are_counted_until_they_are_read,
          without_an_interval_it_goes_off_once, a_new_setting_forgets_the_old_one,
          an_absolute_time_may_be_past, a_reader_waits_for_the_expiry, a_signal_ends_the_wait,
          a_real_time_follows_the_clock, a_change_of_the_clock_is_told_once,
          a_reader_is_told_of_the_clock, another_file_is_no_timer)
