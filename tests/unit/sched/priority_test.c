/* Settings of threads: what is set is what is said, and what children get of it. */
#include "sched/priority.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "sched/per_cpu.h"
#include "sched/runqueue.h"
#include "sched/thread.h"

static void do_nothing(void *argument)
{
    (void)argument;
}

static struct thread *make(void)
{
    const struct thread_request request = { .name = "t", .entry = do_nothing };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    return thread;
}

/* What a child gets if this is its parent's. */
static struct scheduling inherited(const struct scheduling *parents)
{
    struct thread *parent = make(), *child = make();
    struct scheduling result;

    priority_change(parent, parents);
    cpu_at(0)->current = parent;
    priority_inherit(child);
    cpu_at(0)->current = cpu_at(0)->idle;
    priority_get(child, &result);
    ck_assert_uint_eq(priority_effective(child), result.own);
    thread_release(child);
    thread_release(parent);
    return result;
}

START_TEST(children_get_their_parents_settings)
{
    struct scheduling child;

    fake_scheduler_init(1);
    child = inherited(&(struct scheduling){ .class = CLASS_FIFO, .own = 12, .nice = 3 });
    ck_assert_uint_eq(child.class, CLASS_FIFO);
    ck_assert_uint_eq(child.own, 12);
    ck_assert_int_eq(child.nice, 3);
    child = inherited(&(struct scheduling){ .class = CLASS_BATCH, .nice = -5 });
    ck_assert_uint_eq(child.class, CLASS_BATCH);
    ck_assert_int_eq(child.nice, -5);
    ck_assert(!child.reset_on_fork);
}
END_TEST

START_TEST(children_can_be_kept_from_what_is_urgent)
{
    struct scheduling child;

    fake_scheduler_init(1);
    child = inherited(&(struct scheduling){ .class = CLASS_ROUND_ROBIN, .own = 12, .nice = -5,
                                            .reset_on_fork = true });
    ck_assert_uint_eq(child.class, CLASS_OTHER);
    ck_assert_uint_eq(child.own, PRIORITY_NORMAL);
    ck_assert_int_eq(child.nice, 0);
    ck_assert(!child.reset_on_fork);
    child = inherited(&(struct scheduling){ .class = CLASS_BATCH, .nice = -5,
                                            .reset_on_fork = true });
    ck_assert_uint_eq(child.class, CLASS_BATCH);
    ck_assert_int_eq(child.nice, 0);
    child = inherited(&(struct scheduling){ .class = CLASS_OTHER, .nice = 7,
                                            .reset_on_fork = true });
    ck_assert_int_eq(child.nice, 7);    /* not urgent */
}
END_TEST

START_TEST(a_slice_depends_on_the_class)
{
    struct thread *thread;

    fake_scheduler_init(1);
    thread = make();
    ck_assert_uint_gt(priority_slice_ns(thread), 0);
    priority_set_own(thread, CLASS_FIFO, 5);
    ck_assert_uint_eq(priority_slice_ns(thread), 0);    /* no limit */
    priority_set_own(thread, CLASS_ROUND_ROBIN, 5);
    ck_assert_uint_eq(priority_slice_ns(thread), REAL_TIME_QUANTUM_NS);
    thread_release(thread);
}
END_TEST

START_TEST(a_class_keeps_the_nice_value)
{
    struct scheduling setting = { .class = CLASS_OTHER, .nice = 9 };
    struct thread *thread;

    fake_scheduler_init(1);
    thread = make();
    priority_change(thread, &setting);
    priority_set_own(thread, CLASS_FIFO, 99);
    ck_assert(thread_is_real_time(thread));
    ck_assert_uint_eq(priority_effective(thread), PRIORITY_MAX);
    priority_set_own(thread, CLASS_OTHER, PRIORITY_NORMAL);
    priority_get(thread, &setting);
    ck_assert_int_eq(setting.nice, 9);
    ck_assert(!thread_is_real_time(thread));
    thread_release(thread);
}
END_TEST

START_TEST(an_ordinary_class_with_a_priority_panics)
{
    fake_scheduler_init(1);
    priority_set_own(make(), CLASS_OTHER, 1);
}
END_TEST

TEST_MAIN_WITH_PANICS("sched/priority", PANICS(an_ordinary_class_with_a_priority_panics),
                      children_get_their_parents_settings,
                      children_can_be_kept_from_what_is_urgent, a_slice_depends_on_the_class,
                      a_class_keeps_the_nice_value)
