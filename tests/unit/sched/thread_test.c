/* Threads: creation, limits, lifetime of stack and structure, the table of legal moves. */
#include "sched/thread.h"

#include <stdio.h>
#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "sched/per_cpu.h"
#include "sched/scheduler.h"

static void do_nothing(void *argument)
{
    (void)argument;
}

static struct thread *create(void)
{
    const struct thread_request request = { .name = "test", .entry = do_nothing };
    struct thread *thread = NULL;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    return thread;
}

static void count_objects(const struct pool *pool, void *context)
{
    if (strcmp(pool->name, "thread") == 0)
        *(size_t *)context = pool->in_use;
}

static size_t threads_allocated(void)
{
    size_t in_use = 0;

    pool_for_each(count_objects, &in_use);
    return in_use;
}

START_TEST(thread_create_fills_in_the_structure)
{
    fake_scheduler_init(1);

    const struct thread_request request = {
        .name = "a name that is too long",
        .entry = do_nothing,
        .argument = (void *)(uintptr_t)0x1234,
    };
    struct thread *thread;

    ck_assert_int_eq(thread_create(&request, &thread), 0);
    ck_assert_int_eq(thread->state, THREAD_NEW);
    ck_assert_str_eq(thread->name, "a name that is ");
    ck_assert_uint_eq((uintptr_t)thread->argument, 0x1234);
    ck_assert_uint_eq(refcount_value(&thread->references), 1);
    ck_assert_uint_eq((uintptr_t)thread->registers.vector % 64, 0);
    ck_assert_ptr_eq(thread->registers.vector, (char *)thread->stack + KERNEL_STACK_SIZE);
    for (size_t i = 0; i < fake_machine_info.vector_state_size; i++)
        ck_assert_int_eq(((const char *)thread->registers.vector)[i], 0);
    thread_release(thread);
}
END_TEST

static void remember_argument(void *argument)
{
    *(int *)argument = current_thread()->id;
}

START_TEST(thread_entry_gets_its_argument)
{
    int id = 0;

    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", remember_argument, &id);

    fake_scheduler_run();
    ck_assert_int_eq(id, thread->id);
    thread_release(thread);
}
END_TEST

START_TEST(thread_that_never_started_leaves_nothing)
{
    fake_scheduler_init(1);
    thread_release(create());

    uint64_t free_pages = page_statistics().free;

    for (int i = 0; i < 100; i++)
        thread_release(create());
    ck_assert_uint_eq(page_statistics().free, free_pages);
    ck_assert_uint_eq(thread_count(), 0);
    ck_assert_uint_eq(threads_allocated(), 0);
}
END_TEST

START_TEST(thread_that_ran_leaves_nothing)
{
    fake_scheduler_init(1);
    thread_release(fake_thread_start("a", do_nothing, NULL));
    fake_scheduler_run();

    uint64_t free_pages = page_statistics().free;

    for (int i = 0; i < 100; i++) {
        thread_release(fake_thread_start("a", do_nothing, NULL));
        fake_scheduler_run();
    }
    ck_assert_uint_eq(page_statistics().free, free_pages);
    ck_assert_uint_eq(thread_count(), 0);
    ck_assert_uint_eq(threads_allocated(), 0);
}
END_TEST

START_TEST(thread_stack_goes_at_death_the_structure_with_the_last_reference)
{
    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", do_nothing, NULL);

    fake_scheduler_run();
    ck_assert_int_eq(thread->state, THREAD_DEAD);
    ck_assert_ptr_null(thread->stack);
    ck_assert_uint_eq(refcount_value(&thread->references), 1);
    ck_assert_uint_eq(thread_count(), 1);
    thread_release(thread);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

START_TEST(thread_ids_rise_and_find_works)
{
    struct thread *threads[10];

    fake_scheduler_init(1);
    for (int i = 0; i < 10; i++) {
        threads[i] = create();
        ck_assert_int_eq(threads[i]->id, i + 1);
    }
    for (int i = 0; i < 10; i++) {
        struct thread *found = thread_find(i + 1);

        ck_assert_ptr_eq(found, threads[i]);
        ck_assert_uint_eq(refcount_value(&found->references), 2);
        thread_release(found);
    }
    ck_assert_ptr_null(thread_find(0));
    ck_assert_ptr_null(thread_find(11));
    ck_assert_ptr_null(thread_find(-1));
    ck_assert_ptr_null(thread_find(INT32_MIN));
    ck_assert_ptr_null(thread_find(INT32_MAX));

    thread_release(threads[4]);
    ck_assert_ptr_null(thread_find(5));

    struct thread *next = create();

    ck_assert_int_eq(next->id, 11);    /* not 5: ids rest */
}
END_TEST

static void collect_ids(struct thread *thread, void *context)
{
    char *text = context;

    sprintf(text + strlen(text), "%d ", thread->id);
}

START_TEST(thread_for_each_goes_by_id)
{
    char text[64] = "";
    struct thread *threads[5];

    fake_scheduler_init(1);
    for (int i = 0; i < 5; i++)
        threads[i] = create();
    thread_release(threads[2]);
    thread_for_each(collect_ids, text);
    ck_assert_str_eq(text, "1 2 4 5 ");
}
END_TEST

START_TEST(thread_ids_can_be_chosen)
{
    struct thread_request request = { .name = "test", .entry = do_nothing, .id = 7 };
    struct thread *seventh, *other;

    fake_scheduler_init(1);
    ck_assert_int_eq(thread_create(&request, &seventh), 0);
    ck_assert_int_eq(seventh->id, 7);
    ck_assert_int_eq(thread_create(&request, &other), -EEXIST);
    ck_assert_uint_eq(thread_count(), 1);
    thread_ids_begin_after(100);
    ck_assert_int_eq(create()->id, 101);
    thread_ids_begin_after(50);    /* never back */
    ck_assert_int_eq(create()->id, 102);
}
END_TEST

static struct thread *dead_thread;

static void take_id(void *argument)
{
    (void)argument;
    thread_take_id(dead_thread);
}

START_TEST(thread_takes_the_id_of_a_dead_one)
{
    fake_scheduler_init(1);
    dead_thread = fake_thread_start("leader", do_nothing, NULL);
    fake_scheduler_run();

    struct thread *heir = fake_thread_start("heir", take_id, NULL);

    ck_assert_int_eq(heir->id, 2);
    fake_scheduler_run();
    ck_assert_int_eq(heir->id, 1);
    ck_assert_int_eq(dead_thread->id, 2);

    struct thread *found = thread_find(1);

    ck_assert_ptr_eq(found, heir);
    thread_release(found);
    thread_release(dead_thread);
    ck_assert_ptr_null(thread_find(2));
    thread_release(heir);
    ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

START_TEST(thread_limit_gives_eagain)
{
    static struct thread *threads[THREADS_MAX];
    const struct thread_request request = { .name = "test", .entry = do_nothing };
    struct thread *surplus;

    fake_machine_init((size_t)2 << 30);
    page_allocator_init();
    scheduler_init();
    for (int i = 0; i < THREADS_MAX; i++)
        threads[i] = create();
    ck_assert_int_eq(thread_create(&request, &surplus), -EAGAIN);
    ck_assert_uint_eq(thread_count(), THREADS_MAX);
    thread_release(threads[7]);
    ck_assert_int_eq(thread_create(&request, &surplus), 0);
    thread_release(surplus);
}
END_TEST

START_TEST(thread_without_memory_gives_enomem)
{
    const struct thread_request request = { .name = "test", .entry = do_nothing };
    struct thread *thread;
    unsigned created = 0;
    int error;

    fake_machine_init(2 << 20);
    page_allocator_init();
    scheduler_init();
    do {
        error = thread_create(&request, &thread);
        created += !error;
    } while (!error);
    ck_assert_int_eq(error, -ENOMEM);
    ck_assert_uint_gt(created, 5);
    ck_assert_uint_eq(thread_count(), created);

    uint64_t free_pages = page_statistics().free;

    ck_assert_int_eq(thread_create(&request, &thread), -ENOMEM);
    ck_assert_uint_eq(page_statistics().free, free_pages);
    ck_assert_uint_eq(threads_allocated(), created);
}
END_TEST

static const char *const state_names[] = { "new", "ready", "running", "blocked", "dead" };

START_TEST(thread_states_have_names)
{
    for (int state = 0; state < THREAD_STATES; state++)
        ck_assert_str_eq(thread_state_name((enum thread_state)state), state_names[state]);
}
END_TEST

/* from, to: every move that is not in the table. */
static const enum thread_state illegal_moves[][2] = {
    { THREAD_NEW, THREAD_NEW }, { THREAD_NEW, THREAD_RUNNING },
    { THREAD_NEW, THREAD_BLOCKED },     { THREAD_NEW, THREAD_DEAD },
    { THREAD_READY, THREAD_NEW },       { THREAD_READY, THREAD_READY },
    { THREAD_READY, THREAD_BLOCKED },   { THREAD_READY, THREAD_DEAD },
    { THREAD_RUNNING, THREAD_NEW },     { THREAD_RUNNING, THREAD_RUNNING },
    { THREAD_BLOCKED, THREAD_NEW },     { THREAD_BLOCKED, THREAD_RUNNING },
    { THREAD_BLOCKED, THREAD_BLOCKED }, { THREAD_BLOCKED, THREAD_DEAD },
    { THREAD_DEAD, THREAD_NEW },        { THREAD_DEAD, THREAD_READY },
    { THREAD_DEAD, THREAD_RUNNING },    { THREAD_DEAD, THREAD_BLOCKED },
    { THREAD_DEAD, THREAD_DEAD },
};
static const enum thread_state legal_moves[][2] = {
    { THREAD_NEW, THREAD_READY },       { THREAD_READY, THREAD_RUNNING },
    { THREAD_RUNNING, THREAD_READY },   { THREAD_RUNNING, THREAD_BLOCKED },
    { THREAD_RUNNING, THREAD_DEAD },    { THREAD_BLOCKED, THREAD_READY },
};
_Static_assert(sizeof(illegal_moves) + sizeof(legal_moves) ==
                   sizeof(legal_moves[0]) * THREAD_STATES * THREAD_STATES,
               "every pair of states is in one of the tables");

static void make_move(struct thread *thread, enum thread_state next)
{
    spin_lock(&cpu_at(0)->runqueue.lock);
    thread_set_state(thread, next);
    spin_unlock(&cpu_at(0)->runqueue.lock);
}

START_TEST(thread_state_changes_with_the_queue_locked)
{
    struct thread thread = { .state = THREAD_NEW };

    fake_scheduler_init(1);
    thread_set_state(&thread, THREAD_READY);
}
END_TEST

START_TEST(thread_legal_moves_are_made)
{
    fake_scheduler_init(1);
    for (size_t i = 0; i < ARRAY_SIZE(legal_moves); i++) {
        struct thread thread = { .state = legal_moves[i][0] };

        make_move(&thread, legal_moves[i][1]);
        ck_assert_int_eq(thread.state, legal_moves[i][1]);
    }
}
END_TEST

START_TEST(thread_illegal_move_panics)
{
    struct thread thread = { .state = illegal_moves[_i][0] };

    fake_scheduler_init(1);
    make_move(&thread, illegal_moves[_i][1]);
}
END_TEST

START_TEST(thread_release_of_a_live_thread_panics)
{
    fake_scheduler_init(1);

    struct thread *thread = fake_thread_start("a", do_nothing, NULL);

    thread_release(thread);
    thread_release(thread);    /* the scheduler's */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sched/thread");
    TCase *ordinary = tcase_create("ordinary");
    TCase *panicking = tcase_create("panics");

    tcase_set_timeout(ordinary, 60);
    tcase_add_test(ordinary, thread_create_fills_in_the_structure);
    tcase_add_test(ordinary, thread_entry_gets_its_argument);
    tcase_add_test(ordinary, thread_that_never_started_leaves_nothing);
    tcase_add_test(ordinary, thread_that_ran_leaves_nothing);
    tcase_add_test(ordinary, thread_stack_goes_at_death_the_structure_with_the_last_reference);
    tcase_add_test(ordinary, thread_ids_rise_and_find_works);
    tcase_add_test(ordinary, thread_for_each_goes_by_id);
    tcase_add_test(ordinary, thread_ids_can_be_chosen);
    tcase_add_test(ordinary, thread_takes_the_id_of_a_dead_one);
    tcase_add_test(ordinary, thread_limit_gives_eagain);
    tcase_add_test(ordinary, thread_without_memory_gives_enomem);
    tcase_add_test(ordinary, thread_states_have_names);
    tcase_add_test(ordinary, thread_legal_moves_are_made);
    tcase_add_loop_test_raise_signal(panicking, thread_illegal_move_panics, SIGABRT, 0,
                                     ARRAY_SIZE(illegal_moves));
    tcase_add_test_raise_signal(panicking, thread_state_changes_with_the_queue_locked, SIGABRT);
    tcase_add_test_raise_signal(panicking, thread_release_of_a_live_thread_panics, SIGABRT);
    suite_add_tcase(suite, ordinary);
    suite_add_tcase(suite, panicking);

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
