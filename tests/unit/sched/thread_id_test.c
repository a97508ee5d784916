/* Thread ids, also at the end of their range, and in PID namespaces. */
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/pid_namespace.h"
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
    pid_namespace_own()->last_id = THREAD_ID_MAX - 2;
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
    pid_namespace_own()->last_id = THREAD_ID_MAX;
    ck_assert_int_eq(create()->id, 3);
    ck_assert_int_eq(create()->id, 6);
}
END_TEST

/* ---- PID namespaces ------------------------------------------------------------------------ */

static struct pid_namespace outer, inner;

static void make_spaces(void)
{
    fake_scheduler_init(1);
    pid_namespace_init(&outer, pid_namespace_own());
    pid_namespace_init(&inner, &outer);
}

static int create_in(struct pid_namespace *space, struct pid_name *names, struct thread **thread)
{
    const struct thread_request request = {
        .name = "test", .entry = (void (*)(void *))abort, .pid_namespace = space, .names = names,
    };

    return thread_create(&request, thread);
}

START_TEST(thread_has_an_id_in_each_namespace)
{
    struct pid_name names[2][2] = { 0 };
    struct thread *first, *second;

    make_spaces();
    thread_release(create());
    (void)create();
    ck_assert_int_eq(create_in(&inner, names[0], &first), 0);
    ck_assert_int_eq(first->id, 3);
    ck_assert_int_eq(pid_seen(first->id), 3);
    ck_assert_int_eq(pid_seen_in(&outer, first->id), 1);
    ck_assert_int_eq(pid_seen_in(&inner, first->id), 1);
    ck_assert_int_eq(pid_own(first), 1);
    ck_assert_int_eq(create_in(&outer, names[1], &second), 0);
    ck_assert_int_eq(pid_own(second), 2);
    ck_assert_int_eq(pid_seen_in(&inner, second->id), 0);    /* it is above */
    ck_assert_int_eq(pid_seen_in(&outer, -second->id), -2);
    ck_assert(pid_is_within(first->id, &outer) && pid_is_within(first->id, &inner));
    ck_assert(pid_is_within(second->id, &outer) && !pid_is_within(second->id, &inner));
    ck_assert(!pid_is_within(99, &inner) && pid_is_within(99, pid_namespace_own()));
    thread_release(first);
    ck_assert_int_eq(pid_seen_in(&outer, 3), 0);
}
END_TEST

START_TEST(thread_ids_are_asked_for)
{
    struct pid_name names[4][2] = { { { .id = 7 } }, { { .id = 1 } }, { { .id = 7 } },
                                    { { .id = 7 } } };
    struct thread *thread;

    make_spaces();
    ck_assert_int_eq(create_in(&outer, names[0], &thread), -EINVAL);    /* the first one is 1 */
    ck_assert_int_eq(create_in(&outer, names[1], &thread), 0);
    pid_namespace_begin(thread);
    ck_assert_int_eq(outer.first_id, thread->id);
    ck_assert_int_eq(create_in(&outer, names[2], &thread), 0);
    ck_assert_int_eq(pid_own(thread), 7);
    ck_assert_int_eq(create_in(&outer, names[3], &thread), -EEXIST);
    pid_namespace_end(&outer);
    names[3][0].id = 8;
    ck_assert_int_eq(create_in(&outer, names[3], &thread), -ENOMEM);
}
END_TEST

/* A fork may fail after the thread was made. */
START_TEST(thread_first_of_namespace_is_one_at_the_next_attempt)
{
    struct pid_name names[2][2] = { 0 };
    struct thread *thread;

    make_spaces();
    ck_assert_int_eq(create_in(&outer, names[0], &thread), 0);
    thread_release(thread);
    ck_assert_int_eq(create_in(&outer, names[1], &thread), 0);
    ck_assert_int_eq(pid_own(thread), 1);
}
END_TEST

TEST_MAIN("sched/thread_id", thread_ids_begin_again_at_one, thread_ids_in_use_are_skipped,
          thread_has_an_id_in_each_namespace, thread_ids_are_asked_for,
          thread_first_of_namespace_is_one_at_the_next_attempt)
