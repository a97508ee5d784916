/* Exit codes: at once for the dead, any number of times; waiting for any process; the table of
 * processes and the end of a run. */
#include "process/endings.h"

#include <errno.h>

#include "unit/process/process_fixture.h"

static const struct operation no_operation = { .object_kind = OBJECT_PROCESS };

static int64_t code_of(int32_t id)
{
    int64_t code = 0;

    ck_assert_int_eq(ending_wait(id, &no_operation, &code), 0);
    return code;
}

/* ---- Codes --------------------------------------------------------------------------------- */

static void ask_again_and_again(void)
{
    ending_record(77, -5);
    ending_record(65534, INT64_MIN);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(code_of(77), -5);
    ck_assert_int_eq(code_of(65534), INT64_MIN);
    ending_record(PROCESS_ID_LIMIT, 1);    /* no such id: nobody can ask for it */
}

START_TEST(ending_is_there_any_number_of_times)
{
    fixture_run(ask_again_and_again);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------- */

struct asker {
    int32_t id;
    bool over;
    int error;
    int64_t code;
};

static void ask(void *argument)
{
    struct asker *asker = argument;

    asker->error = ending_wait(asker->id, &no_operation, &asker->code);
    asker->over = true;
}

static struct thread *start_asker(struct asker *asker, int32_t id)
{
    *asker = (struct asker){ .id = id };

    struct thread *thread = fake_thread_start("asker", ask, asker);

    fake_scheduler_run();
    return thread;
}

START_TEST(ending_wakes_all_who_wait_for_it_and_no_others)
{
    struct asker a, b, other, bucket;

    fake_scheduler_init(1);
    thread_release(start_asker(&a, 100));
    thread_release(start_asker(&b, 100));
    thread_release(start_asker(&other, 101));
    thread_release(start_asker(&bucket, 100 + 64));    /* meets 100 in the table of waiters */
    ending_record(100, 9);
    fake_scheduler_run();
    ck_assert(a.over && b.over);
    ck_assert(!other.over && !bucket.over);
    ck_assert_int_eq(a.code, 9);
    ck_assert_int_eq(b.code, 9);
    ending_record(164, 10);
    fake_scheduler_run();
    ck_assert(bucket.over);
    ck_assert_int_eq(bucket.code, 10);
}
END_TEST

START_TEST(ending_wait_is_interrupted)
{
    struct asker asker, after;
    struct thread *thread;

    fake_scheduler_init(1);
    thread = start_asker(&asker, 65535);
    ck_assert_int_eq(thread->waiting_for.kind, WAIT_CHILD);
    ck_assert_uint_eq(thread->waiting_for.object, 65535);
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert(asker.over);
    ck_assert_int_eq(asker.error, -EINTR);
    thread_release(thread);
    /* It has left the list of those who wait. */
    thread_release(start_asker(&after, 65535 - 64));
    ending_record(65535 - 64, 1);
    fake_scheduler_run();
    ck_assert(after.over);
}
END_TEST

/* ---- Several processes --------------------------------------------------------------------- */

static struct process *second;
static int64_t second_code;
static bool killed_runs_on;

static void second_entry(void *argument)
{
    (void)argument;
    process_exit_code(second_code);
}

static void wait_for_ever(void *argument)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL };

    (void)argument;
    (void)!wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER);
    signal_deliver_pending();
    killed_runs_on = true;
    process_exit_code(0);
}

/* A child of the fixture's process, with a space and files of its own. */
static void start_second(void (*entry)(void *argument))
{
    struct thread *thread;

    second = process_create();
    second->abi = &fixture_abi;
    second->parent_id = fixture_process->id;
    fixture_process->of_family = true;    /* so the rules of the teaching ABI hold */
    ck_assert_int_eq(address_space_create(&second->space), 0);
    ck_assert_int_eq(file_table_create(&second->beginning.files), 0);
    ck_assert_int_eq(process_thread_create(second, "second", entry, &thread), 0);
    process_thread_launch(second, thread);
}

static void exit_before_the_child(void)
{
    second_code = 5;
    start_second(second_entry);
    ck_assert_uint_eq(fixture_process->children, 1);
    process_exit_code(1056);
}

START_TEST(run_ends_with_the_last_process_and_the_code_of_the_first)
{
    fixture_run(exit_before_the_child);
    ck_assert(fixture_halted);
    ck_assert_int_eq(fixture_status, 1056 & 0xff);
}
END_TEST

static void outlive_the_child(void)
{
    second_code = INT64_C(0x123456789);
    start_second(second_entry);
    ck_assert_int_eq(code_of(second->id), second_code);
    ck_assert_uint_eq(fixture_process->children, 0);
    ck_assert_ptr_null(process_find(second->id));
    ck_assert_uint_eq(process_count(), 1);
    process_exit_code(3);
}

START_TEST(code_of_a_child_has_64_bits)
{
    fixture_run(outlive_the_child);
    ck_assert(fixture_halted);
    ck_assert_int_eq(fixture_status, 3);
}
END_TEST

static void kill_the_child(void)
{
    start_second(wait_for_ever);
    scheduler_yield();
    process_end(second, SIGNAL_KILL, 0xdead);
    process_end(second, SIGNAL_KILL, 1);    /* the first one counts */
    ck_assert_int_eq(code_of(second->id), 0xdead);
    ck_assert(!killed_runs_on);
    process_exit_code(0);
}

START_TEST(killed_process_leaves_its_wait)
{
    fixture_run(kill_the_child);
    ck_assert(fixture_halted);
}
END_TEST

static void kill_a_stopped_child(void)
{
    start_second(wait_for_ever);
    scheduler_yield();
    signal_send_kernel(second, SIGNAL_STOP);
    scheduler_yield();
    ck_assert(second->signals.stopped);
    process_end(second, SIGNAL_KILL, 0xdead);
    ck_assert_int_eq(code_of(second->id), 0xdead);
    process_exit_code(0);
}

START_TEST(killed_process_ends_though_it_is_stopped)
{
    fixture_run(kill_a_stopped_child);
    ck_assert(fixture_halted);
}
END_TEST

static void die_by_signal(void)
{
    start_second(second_entry);
    process_exit_all(SIGNAL_SEGV);
}

START_TEST(signal_gives_128_and_its_number_to_those_who_wait)
{
    struct asker asker;

    fixture_run(die_by_signal);
    ck_assert(fixture_halted);
    thread_release(start_asker(&asker, fixture_process->id));
    ck_assert_int_eq(asker.code, 128 + SIGNAL_SEGV);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_SEGV);
}
END_TEST

static void interrupted_after_the_first(void)
{
    start_second(wait_for_ever);
    scheduler_yield();
    signal_send_kernel(second, SIGNAL_INT);
    process_exit_code(0);
}

/* Ctrl-C ends what goes on after the first process. */
START_TEST(interrupted_run_says_so)
{
    fixture_run(interrupted_after_the_first);
    ck_assert(fixture_halted);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_INT);
}
END_TEST

TEST_MAIN("process/endings", ending_is_there_any_number_of_times,
          ending_wakes_all_who_wait_for_it_and_no_others, ending_wait_is_interrupted,
          run_ends_with_the_last_process_and_the_code_of_the_first, code_of_a_child_has_64_bits,
          killed_process_leaves_its_wait, killed_process_ends_though_it_is_stopped,
          signal_gives_128_and_its_number_to_those_who_wait, interrupted_run_says_so)
