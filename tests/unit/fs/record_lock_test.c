/* Record locks: conflicts, splitting, merging, waiting, the end of an owner. */
#include "fs/record_lock.h"

#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/pool.h"
#include "sched/thread.h"

static struct inode inodes[2];
static const char owners[3];
#define A (&owners[0])
#define B (&owners[1])
#define C (&owners[2])

static void begin(void)
{
    fake_scheduler_init(1);
}

static struct record_range range(uint64_t first, uint64_t last, bool is_write)
{
    return (struct record_range){ first, last, is_write, 1 };
}

static int take(const void *owner, uint64_t first, uint64_t last, bool is_write)
{
    struct record_range wanted = range(first, last, is_write);

    return record_lock_take(&inodes[0], owner, &wanted, false);
}

static int drop(const void *owner, uint64_t first, uint64_t last)
{
    struct record_range wanted = range(first, last, false);

    return record_lock_drop(&inodes[0], owner, &wanted);
}

/* The lock that hinders C from writing this byte, or UINT64_MAX. */
static uint64_t first_of_lock_at(uint64_t byte)
{
    struct record_range wanted = range(byte, byte, true), other;

    return record_lock_find(&inodes[0], C, &wanted, &other) ? other.first : UINT64_MAX;
}

static void count_locks(const struct pool *pool, void *count)
{
    if (strcmp(pool->name, "record lock") == 0)
        *(size_t *)count = pool->in_use;
}

static size_t lock_count(void)
{
    size_t count = 0;

    pool_for_each(count_locks, &count);
    return count;
}

START_TEST(writers_exclude_all_and_readers_writers)
{
    begin();
    ck_assert_int_eq(take(A, 10, 19, true), 0);
    ck_assert_int_eq(take(B, 19, 25, false), -EAGAIN);
    ck_assert_int_eq(take(B, 20, 25, true), 0);
    ck_assert_int_eq(take(A, 100, 110, false), 0);
    ck_assert_int_eq(take(B, 105, 120, false), 0);
    ck_assert_int_eq(take(C, 110, 110, true), -EAGAIN);
    ck_assert_int_eq(take(C, 121, 130, true), 0);
}
END_TEST

START_TEST(other_files_do_not_matter)
{
    struct record_range all = range(0, RECORD_LOCK_END, true);

    begin();
    ck_assert_int_eq(take(A, 0, RECORD_LOCK_END, true), 0);
    ck_assert_int_eq(record_lock_take(&inodes[1], B, &all, false), 0);
}
END_TEST

START_TEST(own_locks_are_replaced)
{
    begin();
    ck_assert_int_eq(take(A, 0, 99, true), 0);
    ck_assert_int_eq(take(A, 40, 59, false), 0);
    ck_assert_uint_eq(lock_count(), 3);
    ck_assert_int_eq(take(B, 45, 50, false), 0);
    ck_assert_int_eq(take(B, 39, 39, false), -EAGAIN);
    ck_assert_uint_eq(first_of_lock_at(60), 60);
    ck_assert_int_eq(drop(B, 0, RECORD_LOCK_END), 0);
    ck_assert_int_eq(take(A, 0, 99, true), 0);
    ck_assert_uint_eq(lock_count(), 1);
}
END_TEST

START_TEST(neighbours_of_a_kind_are_one)
{
    begin();
    ck_assert_int_eq(take(A, 10, 19, true), 0);
    ck_assert_int_eq(take(A, 30, 39, true), 0);
    ck_assert_int_eq(take(A, 20, 29, true), 0);
    ck_assert_uint_eq(lock_count(), 1);
    ck_assert_uint_eq(first_of_lock_at(39), 10);
    ck_assert_int_eq(take(A, 40, 49, false), 0);
    ck_assert_uint_eq(lock_count(), 2);
}
END_TEST

START_TEST(parts_can_be_given_back)
{
    begin();
    ck_assert_int_eq(take(A, 0, RECORD_LOCK_END, true), 0);
    ck_assert_int_eq(drop(A, 10, 19), 0);
    ck_assert_uint_eq(lock_count(), 2);
    ck_assert_uint_eq(first_of_lock_at(9), 0);
    ck_assert_uint_eq(first_of_lock_at(10), UINT64_MAX);
    ck_assert_uint_eq(first_of_lock_at(RECORD_LOCK_END), 20);
    ck_assert_int_eq(drop(A, 0, 4), 0);
    ck_assert_uint_eq(first_of_lock_at(5), 5);
    ck_assert_int_eq(drop(A, 1000, RECORD_LOCK_END), 0);
    ck_assert_uint_eq(first_of_lock_at(1000), UINT64_MAX);
    ck_assert_int_eq(drop(B, 0, RECORD_LOCK_END), 0);
    ck_assert_uint_eq(lock_count(), 2);
    record_lock_drop_all(&inodes[0], A);
    ck_assert_uint_eq(lock_count(), 0);
}
END_TEST

START_TEST(too_many_locks_are_refused)
{
    uint64_t i = 0;

    begin();
    while (take(A, 2 * i, 2 * i, true) == 0)
        i++;
    ck_assert_uint_gt(i, 1000);
    ck_assert_int_eq(take(A, 2 * i, 2 * i, true), -ENOLCK);
    record_lock_drop_all(&inodes[0], A);
    ck_assert_uint_eq(lock_count(), 0);
}
END_TEST

static int result;

static void take_and_wait(void *argument)
{
    struct record_range wanted = range(0, 9, true);

    (void)argument;
    result = 1;
    result = record_lock_take(&inodes[0], B, &wanted, true);
}

START_TEST(a_waiter_gets_what_is_given_back)
{
    begin();
    ck_assert_int_eq(take(A, 5, 5, false), 0);
    fake_thread_start("waiter", take_and_wait, NULL);
    fake_scheduler_run();
    ck_assert_int_eq(result, 1);
    ck_assert_int_eq(drop(A, 6, 7), 0);
    fake_scheduler_run();
    ck_assert_int_eq(result, 1);
    record_lock_drop_all(&inodes[0], A);
    fake_scheduler_run();
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(take(A, 9, 9, false), -EAGAIN);
}
END_TEST

START_TEST(a_waiter_gives_up_at_a_signal)
{
    struct thread *thread;

    begin();
    ck_assert_int_eq(take(A, 5, 5, false), 0);
    thread = fake_thread_start("waiter", take_and_wait, NULL);
    fake_scheduler_run();
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(result, -EINTR);
    ck_assert_uint_eq(lock_count(), 1);
}
END_TEST

static int take_waiting(const void *owner, uint64_t at, bool wait)
{
    struct record_range wanted = range(at, at, true);

    wanted.process_id = owner == A ? 1 : 2;
    return record_lock_take(&inodes[0], owner, &wanted, wait);
}

static void take_the_first(void *argument)
{
    (void)argument;
    result = 1;
    result = take_waiting(B, 0, true);
}

START_TEST(who_would_wait_in_a_circle_is_told)
{
    begin();
    ck_assert_int_eq(take_waiting(A, 0, false), 0);
    ck_assert_int_eq(take_waiting(B, 1, false), 0);
    fake_thread_start("waiter", take_the_first, NULL);
    fake_scheduler_run();
    ck_assert_int_eq(result, 1);
    ck_assert_int_eq(take_waiting(A, 1, false), -EAGAIN);
    ck_assert_int_eq(take_waiting(A, 1, true), -EDEADLK);
    ck_assert_int_eq(take_waiting(A, 2, true), 0);
    record_lock_drop_all(&inodes[0], A);
    fake_scheduler_run();
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(take_waiting(A, 1, false), -EAGAIN);
}
END_TEST

START_TEST(whole_files_and_ranges_do_not_meet)
{
    begin();
    ck_assert_int_eq(take(A, 0, RECORD_LOCK_END, true), 0);
    ck_assert_int_eq(whole_lock_take(&inodes[0], A, false, false), 0);
    ck_assert_int_eq(whole_lock_take(&inodes[0], B, false, false), 0);
    ck_assert_uint_eq(lock_count(), 3);    /* A's two have not become one */
    ck_assert_int_eq(whole_lock_take(&inodes[0], A, true, false), -EAGAIN);
    ck_assert_uint_eq(lock_count(), 2);    /* it has lost what it had, as on Linux */
    ck_assert_int_eq(whole_lock_take(&inodes[0], B, true, false), 0);
    ck_assert_int_eq(whole_lock_take(&inodes[0], B, true, false), 0);
    ck_assert_int_eq(whole_lock_take(&inodes[1], A, true, false), 0);
    ck_assert_int_eq(whole_lock_drop(&inodes[0], B), 0);
    ck_assert_int_eq(whole_lock_take(&inodes[0], A, true, false), 0);
    ck_assert_int_eq(drop(A, 0, RECORD_LOCK_END), 0);
    ck_assert_int_eq(whole_lock_take(&inodes[0], B, false, false), -EAGAIN);
    record_lock_drop_all(&inodes[0], A);
    record_lock_drop_all(&inodes[1], A);
    ck_assert_uint_eq(lock_count(), 0);
}
END_TEST

TEST_MAIN("fs/record_lock", writers_exclude_all_and_readers_writers, other_files_do_not_matter,
          own_locks_are_replaced, neighbours_of_a_kind_are_one, parts_can_be_given_back,
          too_many_locks_are_refused, a_waiter_gets_what_is_given_back,
          a_waiter_gives_up_at_a_signal,
          who_would_wait_in_a_circle_is_told, whole_files_and_ranges_do_not_meet)
