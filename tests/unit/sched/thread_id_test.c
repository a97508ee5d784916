/*
 * Thread ids at the end of their range.  Includes the table itself, to begin there: four million
 * threads would take long.
 */
#include "../../../src/sched/thread_table.c"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/thread.h"

static struct thread *create(void)
{
    const struct thread_request request = { .name = "test", .entry = (void (*)(void *))abort };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    return thread;
}

START_TEST(thread_ids_begin_again_at_one)
{
    fake_scheduler_init(1);
    table.last_id = THREAD_ID_MAX - 2;
    ck_assert_int_eq(create()->id, THREAD_ID_MAX - 1);
    ck_assert_int_eq(create()->id, THREAD_ID_MAX);
    ck_assert_int_eq(create()->id, 1);
    ck_assert_int_eq(create()->id, 2);
}
END_TEST

START_TEST(thread_ids_in_use_are_skipped)
{
    fake_scheduler_init(1);
    for (int id = 1; id <= 5; id++)
        ck_assert_int_eq(create()->id, id);
    thread_release(thread_find(3));    /* what find took */

    struct thread *third = thread_find(3);

    thread_release(third);
    thread_release(third);    /* gone */
    table.last_id = THREAD_ID_MAX;
    ck_assert_int_eq(create()->id, 3);
    ck_assert_int_eq(create()->id, 6);
}
END_TEST

TEST_MAIN("sched/thread_id", thread_ids_begin_again_at_one, thread_ids_in_use_are_skipped)
