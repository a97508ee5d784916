/* Semaphores by key: many of them, limits, replacement, and the walk over all sets. */
#include "process/semaphore_set.h"

#include <errno.h>

#include "config.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/thread.h"

#define MANY 20000u

static struct semaphore_set set;

static void begin(void)
{
    fake_scheduler_init(1);
    semaphore_set_init(&set);
    set.id = 5;
}

/* ---- Keys ---------------------------------------------------------------------------------- */

START_TEST(set_knows_what_is_missing)
{
    struct operation operation = { .call = 0 };

    begin();
    ck_assert_int_eq(semaphore_set_remove(&set, 1), -ENOENT);
    ck_assert_int_eq(semaphore_set_signal(&set, 1), -ENOENT);
    ck_assert_int_eq(semaphore_set_wait(&set, 1, &operation), -ENOENT);
    ck_assert_int_eq(semaphore_set_create(&set, 1, 0), 0);
    ck_assert_int_eq(semaphore_set_signal(&set, 1), 0);
    ck_assert_int_eq(semaphore_set_wait(&set, 1, &operation), 0);
    ck_assert_int_eq(semaphore_set_signal(&set, 0xffffffff), -ENOENT);
    ck_assert_int_eq(semaphore_set_remove(&set, 1), 0);
    ck_assert_int_eq(semaphore_set_remove(&set, 1), -ENOENT);
}
END_TEST

/* The keys of the walk must come in order and be those of the set. */
static uint64_t walked, last_id;

static void visit(const struct semaphore_report *report, void *context)
{
    (void)context;
    ck_assert(walked == 0 || report->id > last_id);
    last_id = report->id;
    walked++;
}

START_TEST(set_holds_many)
{
    struct operation operation = { .call = 0 };

    begin();
    for (uint32_t i = 0; i < MANY; i++)
        ck_assert_int_eq(semaphore_set_create(&set, i * 2654435761u, 1), 0);
    semaphore_sets_for_each(visit, NULL);
    ck_assert_uint_eq(walked, MANY);
    for (uint32_t i = 0; i < MANY; i++)
        ck_assert_int_eq(semaphore_set_wait(&set, i * 2654435761u, &operation), 0);
    for (uint32_t i = 0; i < MANY; i += 2)
        ck_assert_int_eq(semaphore_set_remove(&set, i * 2654435761u), 0);
    for (uint32_t i = 0; i < MANY; i++)
        ck_assert_int_eq(semaphore_set_signal(&set, i * 2654435761u), i % 2 ? 0 : -ENOENT);
    semaphore_set_destroy(&set);
    walked = 0;
    semaphore_sets_for_each(visit, NULL);
    ck_assert_uint_eq(walked, 0);
}
END_TEST

START_TEST(set_is_limited)
{
    uint32_t key = 0;

    begin();
    while (semaphore_set_create(&set, key, 0) == 0)
        key++;
    ck_assert_uint_eq(key, SEMAPHORES_MAX);
    ck_assert_int_eq(semaphore_set_create(&set, key, 0), -ENOMEM);
    ck_assert_int_eq(semaphore_set_remove(&set, 3), 0);
    ck_assert_int_eq(semaphore_set_create(&set, key, 0), 0);
    semaphore_set_destroy(&set);
    semaphore_set_init(&set);
    ck_assert_int_eq(semaphore_set_create(&set, 1, 0), 0);
}
END_TEST

/* ---- Waiters ------------------------------------------------------------------------------- */

static int waiter_result;

static void wait_for_nine(void *argument)
{
    struct operation operation = { .call = 66 };

    (void)argument;
    waiter_result = 7;
    waiter_result = semaphore_set_wait(&set, 9, &operation);
}

START_TEST(replaced_semaphore_wakes_its_waiters)
{
    begin();
    ck_assert_int_eq(semaphore_set_create(&set, 9, 0), 0);
    thread_release(fake_thread_start("w", wait_for_nine, NULL));
    fake_scheduler_run();
    ck_assert_int_eq(waiter_result, 7);
    ck_assert_int_eq(semaphore_set_create(&set, 9, 4), 1);
    fake_scheduler_run();
    ck_assert_int_eq(waiter_result, -ENOENT);
    thread_release(fake_thread_start("w", wait_for_nine, NULL));
    fake_scheduler_run();
    ck_assert_int_eq(waiter_result, 0);
}
END_TEST

START_TEST(removed_semaphore_wakes_its_waiters)
{
    begin();
    ck_assert_int_eq(semaphore_set_create(&set, 9, 0), 0);
    thread_release(fake_thread_start("w", wait_for_nine, NULL));
    fake_scheduler_run();
    ck_assert_int_eq(semaphore_set_remove(&set, 9), 0);
    fake_scheduler_run();
    ck_assert_int_eq(waiter_result, -ENOENT);
}
END_TEST

START_TEST(destroyed_set_wakes_its_waiters)
{
    begin();
    ck_assert_int_eq(semaphore_set_create(&set, 9, 0), 0);
    thread_release(fake_thread_start("w", wait_for_nine, NULL));
    fake_scheduler_run();
    semaphore_set_destroy(&set);
    fake_scheduler_run();
    ck_assert_int_eq(waiter_result, -ENOENT);
}
END_TEST

TEST_MAIN("process/semaphore_set", set_knows_what_is_missing, set_holds_many, set_is_limited,
          replaced_semaphore_wakes_its_waiters, removed_semaphore_wakes_its_waiters,
          destroyed_set_wakes_its_waiters)
