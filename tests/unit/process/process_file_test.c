/* pidfds: references, limits, and who waits on one.  What they say of processes that end is in
 * relatives_test.c. */
#include "process/process_file.h"

#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "memory/user_memory.h"
#include "unit/process/process_fixture.h"

#define WORD FIXTURE_DATA

static void make_and_release(void)
{
    static const struct file_operations other_operations = { .read = NULL };
    struct process *process = current_process();
    uint32_t before = atomic_load(&process->references.count);
    struct file *file, *other;

    ck_assert_int_eq(process_file_create(process, OPEN_NONBLOCK, &file), 0);
    ck_assert_uint_eq(atomic_load(&process->references.count), before + 1);
    ck_assert_ptr_eq(process_of_file(file), process);
    ck_assert_uint_eq(file_flags(file) & OPEN_NONBLOCK, OPEN_NONBLOCK);
    ck_assert_uint_eq(file_poll(file, NULL), 0);
    ck_assert(!process_is_gone(process));
    file_release(file);
    ck_assert_uint_eq(atomic_load(&process->references.count), before);
    ck_assert_int_eq(anonymous_file_create(&other_operations, "other", 0, NULL, &other), 0);
    ck_assert_ptr_null(process_of_file(other));
    file_release(other);
}

START_TEST(a_file_has_one_reference)
{
    fixture_run(make_and_release);
    ck_assert(fixture_halted);
}
END_TEST

static void open_two(void)
{
    struct limit *limit = &current_process()->limits.of[LIMIT_OPEN_FILES];
    uint32_t before = atomic_load(&current_process()->references.count);
    int32_t fd = -1;

    limit->soft = 1;
    ck_assert_int_eq(process_file_open(current_process(), WORD), 0);
    ck_assert_int_eq(user_copy_in(current_space(), &fd, WORD, sizeof(fd)), 0);
    ck_assert_int_eq(fd, 0);
    ck_assert_int_eq(file_table_flag(current_files(), 0), 1);    /* closed by exec */
    ck_assert_int_eq(process_file_open(current_process(), WORD), -EMFILE);
    ck_assert_uint_eq(atomic_load(&current_process()->references.count), before + 1);
    ck_assert_int_eq(file_table_close(current_files(), 0), 0);
    ck_assert_int_eq(process_file_open(current_process(), 0x1000), -EFAULT);
    ck_assert_ptr_null(file_table_get(current_files(), 0));
    ck_assert_uint_eq(atomic_load(&current_process()->references.count), before);
}

START_TEST(what_cannot_be_opened_leaves_nothing)
{
    fixture_run(open_two);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------- */

static unsigned told;

/* The parent polls before its child ends; the child's end wakes it. */
static void run_either(void)
{
    const struct clone_request clone = {
        .flags = CLONE_PROCESS_FD, .exit_signal = SIGNAL_CHLD, .process_fd = WORD,
    };
    struct poll_request request = { .events = POLL_READABLE };
    int32_t fd;

    if (current_process() != fixture_process) {
        ck_assert_uint_eq(told, 1);    /* the parent waits already */
        return;
    }
    ck_assert_int_gt(process_clone(&clone), 0);
    ck_assert_int_eq(user_copy_in(current_space(), &fd, WORD, sizeof(fd)), 0);
    request.file = file_table_get(current_files(), fd);
    ck_assert_ptr_nonnull(request.file);
    told++;
    ck_assert_int_eq(poll_wait(&request, 1, WAIT_FOREVER), 1);
    ck_assert_uint_eq(request.returned, POLL_READABLE);
    file_release(request.file);
    told++;
}

START_TEST(who_polls_is_told_of_the_end)
{
    told = 0;
    fixture_run(run_either);
    ck_assert(fixture_halted);
    ck_assert_uint_eq(told, 2);
}
END_TEST

TEST_MAIN("process/process_file", a_file_has_one_reference, what_cannot_be_opened_leaves_nothing,
          who_polls_is_told_of_the_end)
