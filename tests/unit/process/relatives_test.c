/* Parents and children: who waits for whom and learns what, orphans, groups, pidfds, namespaces of
 * ids. */
#include "process/relatives.h"

#include <stdio.h>

#include "fs/file.h"
#include "fs/poll.h"
#include "memory/user_memory.h"
#include "process/pid_names.h"
#include "process/process_file.h"
#include "sched/pid_namespace.h"
#include "unit/process/process_fixture.h"

#define WORD FIXTURE_DATA

/* ---- Two bodies: a clone runs its maker's entry -------------------------------------------- */

static void (*parent_body)(void), (*child_body)(void);
static unsigned finished;    /* parents that came to their end */

static void run_either(void)
{
    if (current_process() != fixture_process) {
        child_body();
        return;
    }
    parent_body();
    finished++;
}

static void run(void (*parent)(void), void (*child)(void))
{
    parent_body = parent;
    child_body = child;
    fixture_run(run_either);
    ck_assert(fixture_halted);
    ck_assert_uint_eq(finished, 1);
}

static int64_t make(uint64_t flags)
{
    const struct clone_request request = {
        .flags = flags, .exit_signal = SIGNAL_CHLD, .process_fd = WORD,
    };

    return process_clone(&request);
}

static struct wait_result result;

static int64_t wait_for(enum wait_which which, int64_t id, uint32_t flags)
{
    const struct wait_request request = { .which = which, .id = (int32_t)id, .flags = flags };

    return process_wait(&request, &result);
}

static int64_t wait_any(uint32_t flags)
{
    return wait_for(WAIT_FOR_ANY, 0, flags | WAIT_ENDED);
}

static void exit_with_seven(void)
{
    process_exit_all(7 << 8);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void wait_once(void)
{
    int64_t id = make(0);

    ck_assert_int_gt(id, 0);
    ck_assert_int_eq(wait_any(WAIT_NOT), 0);    /* it has not run yet */
    ck_assert_int_eq(wait_for(WAIT_FOR_PROCESS, id + 1, WAIT_ENDED), -ECHILD);
    ck_assert_int_eq(wait_for(WAIT_FOR_GROUP, id, WAIT_ENDED), -ECHILD);
    ck_assert_int_eq(wait_any(WAIT_CLONES), -ECHILD);
    ck_assert_int_eq(wait_any(WAIT_LEAVE), id);
    ck_assert_int_eq(result.status, 7 << 8);
    ck_assert_int_eq(wait_for(WAIT_FOR_PROCESS, id, WAIT_STOPPED), -ECHILD);    /* too late */
    ck_assert_int_eq(wait_for(WAIT_FOR_GROUP, current_process()->group_id, WAIT_ENDED), id);
    ck_assert_int_eq(result.id, id);
    ck_assert_int_eq(result.status, 7 << 8);
    ck_assert_int_eq(wait_any(0), -ECHILD);
}

START_TEST(a_child_is_waited_for_once)
{
    run(wait_once, exit_with_seven);
}
END_TEST

/* Its thread may be there still, on its way out. */
static void ask_for_the_gone(void)
{
    int32_t id = (int32_t)make(0);
    struct thread *thread = thread_find(id);

    ck_assert_ptr_nonnull(thread);
    ck_assert_int_eq(wait_any(WAIT_LEAVE), id);
    ck_assert_int_eq(signal_kill(id, 0), 0);
    ck_assert_int_eq(wait_any(0), id);
    ck_assert_int_eq(signal_kill(id, 0), -ESRCH);
    ck_assert_int_eq(signal_thread_kill(id, id, 0), -ESRCH);
    ck_assert_ptr_null(process_find_by_thread(id));
    thread_release(thread);
}

START_TEST(who_was_waited_for_is_gone)
{
    run(ask_for_the_gone, exit_with_seven);
}
END_TEST

static void be_told(void)
{
    signal_set_blocked(SIGNAL_BIT(SIGNAL_CHLD));
    ck_assert_int_gt(make(0), 0);
    ck_assert_int_gt(wait_any(0), 0);
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_CHLD));
}

START_TEST(a_parent_is_told_by_signal)
{
    run(be_told, exit_with_seven);
}
END_TEST

static void ignore_children(void)
{
    const struct signal_action ignore = { .handler = SIGNAL_IGNORE };

    ck_assert_int_eq(signal_action_change(SIGNAL_CHLD, &ignore, NULL), 0);
    ck_assert_int_gt(make(0), 0);
    ck_assert_int_gt(make(0), 0);
    ck_assert_int_eq(wait_any(0), -ECHILD);    /* when both have ended */
    ck_assert_uint_eq(process_count(), 1);
    ck_assert_uint_eq(signal_pending_blocked(), 0);
}

START_TEST(who_ignores_the_signal_leaves_no_zombies)
{
    run(ignore_children, exit_with_seven);
}
END_TEST

static void stop_and_go(void)
{
    signal_send_kernel(current_process(), SIGNAL_STOP);
    signal_deliver_pending();
    process_exit_all(SIGNAL_TERM);
}

static void wait_for_stops(void)
{
    int code, number;
    int64_t id;
    struct process *child;

    id = make(0);
    ck_assert_int_eq(wait_any(WAIT_STOPPED | WAIT_LEAVE), id);
    ck_assert_int_eq(wait_any(WAIT_STOPPED), id);
    ck_assert_int_eq(result.status, SIGNAL_STOP << 8 | STATUS_STOPPED);
    exit_status_describe(result.status, &code, &number);
    ck_assert_int_eq(code, CODE_CHILD_STOPPED);
    ck_assert_int_eq(number, SIGNAL_STOP);
    ck_assert_int_eq(wait_any(WAIT_STOPPED | WAIT_NOT), 0);    /* said once */
    child = process_find((int32_t)id);
    ck_assert(signal_is_stopped(child));
    signal_send_kernel(child, SIGNAL_CONT);
    process_release(child);
    ck_assert_int_eq(wait_for(WAIT_FOR_PROCESS, id, WAIT_CONTINUED), id);
    ck_assert_int_eq(result.status, STATUS_CONTINUED);
    exit_status_describe(result.status, &code, &number);
    ck_assert_int_eq(code, CODE_CHILD_CONTINUED);
    ck_assert_int_eq(number, SIGNAL_CONT);
    ck_assert_int_eq(wait_any(0), id);
    exit_status_describe(result.status, &code, &number);
    ck_assert_int_eq(code, CODE_CHILD_KILLED);
    ck_assert_int_eq(number, SIGNAL_TERM);
}

START_TEST(stops_are_told)
{
    run(wait_for_stops, stop_and_go);
}
END_TEST

static void interrupted(void)
{
    int64_t id = make(0);

    ck_assert_int_gt(id, 0);
    ck_assert_int_eq(wait_any(0), -EINTR);
    ck_assert_uint_eq(signal_pending_blocked(), 0);
}

static void disturb_the_parent(void)
{
    const struct wait_reason reason = { .kind = WAIT_SIGNAL };

    signal_send_kernel(fixture_process, SIGNAL_USR1);
    ck_assert_int_eq(wait_entries_wait(NULL, 0, &reason, WAIT_FOREVER), -EINTR);
    signal_deliver_pending();
}

START_TEST(a_signal_ends_the_wait)
{
    run(interrupted, disturb_the_parent);
}
END_TEST

/* ---- Orphans ------------------------------------------------------------------------------- */

static int32_t child_id;
static struct process *grandchild;

static void leave_an_orphan(void)
{
    if (child_id == 0) {
        child_id = current_process()->id;
        ck_assert_int_gt(make(0), 0);
        scheduler_yield();
        ck_assert_ptr_nonnull(grandchild);
        ck_assert_int_eq(grandchild->parent_id, child_id);
        return;
    }
    grandchild = current_process();
    current_process()->parent_death_signal = SIGNAL_USR1;
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    while (current_process()->parent_id == child_id)
        scheduler_yield();
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_USR1));
    process_exit_all(9 << 8);
}

static void inherit(void)
{
    int64_t id = make(0);

    ck_assert_int_eq(wait_any(0), id);
    ck_assert_int_eq(result.status, 0);
    ck_assert_int_eq(grandchild->parent_id, current_process()->id);
    ck_assert_int_gt(wait_any(0), id);
    ck_assert_int_eq(result.status, 9 << 8);
}

START_TEST(orphans_are_the_first_processs)
{
    run(inherit, leave_an_orphan);
}
END_TEST

/* ---- Groups -------------------------------------------------------------------------------- */

static void change_groups(void)
{
    int32_t own = current_process()->id;
    int64_t id = make(0), second = make(0);
    struct process *child = process_find((int32_t)id);

    ck_assert_int_eq(process_new_session(), -EPERM);    /* leads a group */
    ck_assert_int_eq(process_set_group(0, -1), -EINVAL);
    ck_assert_int_eq(process_set_group(12345, 0), -ESRCH);
    ck_assert_int_eq(process_set_group((int32_t)id, 12345), -EPERM);
    ck_assert_int_eq(process_set_group((int32_t)id, 0), 0);
    ck_assert_int_eq(child->group_id, id);
    ck_assert_int_eq(process_set_group((int32_t)second, (int32_t)id), 0);
    child->has_executed = true;
    ck_assert_int_eq(process_set_group((int32_t)id, own), -EACCES);
    process_release(child);
    ck_assert_int_eq(wait_for(WAIT_FOR_GROUP, id, WAIT_ENDED), id);
    ck_assert_int_eq(wait_for(WAIT_FOR_GROUP, id, WAIT_ENDED), second);
    ck_assert_int_eq(wait_for(WAIT_FOR_GROUP, id, WAIT_ENDED), -ECHILD);
}

static void look_at_the_group(void)
{
    ck_assert(!process_group_is_orphaned());
}

START_TEST(children_are_put_into_groups)
{
    run(change_groups, look_at_the_group);
}
END_TEST

static void lead_a_session(void)
{
    ck_assert_int_eq(process_new_session(), 0);
    ck_assert_int_eq(current_process()->session_id, current_process()->id);
    ck_assert_int_eq(current_process()->group_id, current_process()->id);
    ck_assert_int_eq(process_new_session(), -EPERM);
    ck_assert_int_eq(process_set_group(0, 0), -EPERM);
    ck_assert(process_group_is_orphaned());
    process_exit_all(7 << 8);
}

static void have_a_leader(void)
{
    int64_t id = make(0);

    scheduler_yield();
    ck_assert_int_eq(process_set_group((int32_t)id, current_process()->group_id), -EPERM);
    ck_assert_int_eq(wait_any(0), id);
    ck_assert_int_eq(result.status, 7 << 8);
}

START_TEST(a_child_leads_its_own_session)
{
    run(have_a_leader, lead_a_session);
}
END_TEST

/* A shell with one job, which is stopped when the shell ends. */
static void leave_a_stopped_group(void)
{
    if (child_id == 0) {
        child_id = current_process()->id;
        ck_assert_int_eq(process_new_session(), 0);

        int64_t id = make(0);

        ck_assert_int_eq(process_set_group((int32_t)id, 0), 0);
        ck_assert_int_eq(wait_any(WAIT_STOPPED), id);
        return;
    }
    signal_set_blocked(SIGNAL_BIT(SIGNAL_HUP));
    signal_send_kernel(current_process(), SIGNAL_STOP);
    signal_deliver_pending();
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_HUP));
    process_exit_all(5 << 8);
}

/* Of another session. */
static void be_far_away(void)
{
    ck_assert_int_gt(make(0), 0);
    ck_assert_int_gt(wait_any(0), 0);
    ck_assert_int_gt(wait_any(0), 0);
    ck_assert_int_eq(result.status, 5 << 8);
}

START_TEST(stopped_groups_that_are_orphaned_go_on)
{
    run(be_far_away, leave_a_stopped_group);
}
END_TEST

/* ---- Files that stand for processes -------------------------------------------------------- */

static void watch_a_child(void)
{
    int64_t id = make(CLONE_PROCESS_FD);
    char text[64], expected[64];
    struct file *file;
    int32_t fd;

    ck_assert_int_gt(id, 0);
    ck_assert_int_eq(user_copy_in(current_space(), &fd, WORD, sizeof(fd)), 0);
    file = file_table_get(current_files(), fd);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(process_of_file(file)->id, id);
    ck_assert_uint_eq(file_poll(file, NULL), 0);
    snprintf(expected, sizeof(expected), "Pid:\t%d\nNSpid:\t%d\n", (int)id, (int)id);
    ck_assert_uint_eq(file->operations->describe(file, text, sizeof(text)), strlen(expected));
    ck_assert_str_eq(text, expected);
    ck_assert_int_eq(wait_any(WAIT_LEAVE), id);
    ck_assert(!process_is_gone(process_of_file(file)));
    ck_assert_uint_eq(file_poll(file, NULL) & (POLL_READABLE | POLL_HANGUP), POLL_READABLE);
    ck_assert_int_eq(wait_any(0), id);
    ck_assert(process_is_gone(process_of_file(file)));
    ck_assert_uint_eq(file_poll(file, NULL) & (POLL_READABLE | POLL_HANGUP),
                      POLL_READABLE | POLL_HANGUP);
    (void)file->operations->describe(file, text, sizeof(text));
    ck_assert_str_eq(text, "Pid:\t-1\nNSpid:\t-1\n");
    file_release(file);
}

START_TEST(a_file_outlives_its_process)
{
    run(watch_a_child, exit_with_seven);
}
END_TEST

static void have_no_room(void)
{
    const struct clone_request request = {
        .flags = CLONE_PROCESS_FD, .exit_signal = SIGNAL_CHLD, .process_fd = 0x1000,
    };

    ck_assert_int_eq(process_clone(&request), -EFAULT);
    ck_assert_uint_eq(process_count(), 1);
    ck_assert_ptr_null(file_table_get(current_files(), 0));
    ck_assert_int_eq(make(CLONE_PROCESS_FD | CLONE_THREAD | CLONE_ACTIONS | CLONE_MEMORY),
                     -EINVAL);
    ck_assert_int_eq(wait_any(0), -ECHILD);
}

static void never(void)
{
    ck_abort_msg("it was refused");
}

START_TEST(a_file_that_cannot_be_told_makes_no_child)
{
    run(have_no_room, never);
}
END_TEST

/* ---- Memory that is lent ------------------------------------------------------------------- */

static unsigned order;

static void use_the_memory(void)
{
    const uint32_t value = 77;

    ck_assert_ptr_eq(current_space(), fixture_process->space);
    ck_assert_int_eq(user_copy_out(current_space(), WORD, &value, sizeof(value)), 0);
    scheduler_yield();    /* the maker does not go on */
    ck_assert_uint_eq(order++, 0);
}

static void lend_the_memory(void)
{
    uint32_t value = 0;
    int64_t id = make(CLONE_MEMORY | CLONE_SUSPEND);

    ck_assert_int_gt(id, 0);
    ck_assert_uint_eq(order++, 1);
    ck_assert_int_eq(user_copy_in(current_space(), &value, WORD, sizeof(value)), 0);
    ck_assert_uint_eq(value, 77);
    ck_assert_int_eq(wait_any(0), id);
}

START_TEST(who_lends_its_memory_waits)
{
    run(lend_the_memory, use_the_memory);
}
END_TEST

/* ---- Namespaces of ids --------------------------------------------------------------------- */

static void be_number_one(void)
{
    ck_assert_int_eq(pid_own(current_thread()), 1);
    ck_assert_int_eq(pid_seen(current_process()->id), 1);
    ck_assert_int_eq(pid_seen(fixture_process->id), 0);    /* not to be seen from here */
    ck_assert_int_eq(pid_named(1), current_process()->id);
    ck_assert(process_is_first_of_namespace(current_process()));
    process_exit_all(7 << 8);
}

static void become(uint32_t user_id)
{
    struct credentials user;

    credentials_init(&user, user_id, user_id);
    credentials_set(&user);
}

static void make_a_namespace(void)
{
    int64_t id;

    become(0);
    id = make(CLONE_NEW_PROCESSES);
    ck_assert_int_gt(id, 1);
    ck_assert(!process_is_first_of_namespace(current_process()));
    ck_assert_int_eq(wait_any(0), id);
    ck_assert_int_eq(result.status, 7 << 8);
    ck_assert_int_eq(pid_names_unshare(), 0);
    ck_assert_int_eq(pid_names_unshare(), -EINVAL);    /* one for its children is enough */
    ck_assert_int_eq(make(CLONE_NEW_PROCESSES), -EINVAL);
    ck_assert_int_eq(make(CLONE_THREAD | CLONE_ACTIONS | CLONE_MEMORY), -EINVAL);
    id = make(0);
    ck_assert_int_eq(wait_any(0), id);
    ck_assert_int_eq(result.status, 7 << 8);
    ck_assert_int_eq(make(0), -ENOMEM);    /* its first process has ended */
}

START_TEST(namespaces_begin_with_one)
{
    run(make_a_namespace, be_number_one);
}
END_TEST

static void have_no_right(void)
{
    become(1000);
    ck_assert_int_eq(make(CLONE_NEW_PROCESSES), -EPERM);
    ck_assert_int_eq(pid_names_unshare(), -EPERM);
}

START_TEST(namespaces_are_for_root)
{
    run(have_no_right, never);
}
END_TEST

TEST_MAIN("process/relatives", a_child_is_waited_for_once, who_was_waited_for_is_gone,
          a_parent_is_told_by_signal,
          who_ignores_the_signal_leaves_no_zombies, stops_are_told, a_signal_ends_the_wait,
          orphans_are_the_first_processs, children_are_put_into_groups,
          a_child_leads_its_own_session, stopped_groups_that_are_orphaned_go_on,
          a_file_outlives_its_process, a_file_that_cannot_be_told_makes_no_child,
          who_lends_its_memory_waits, namespaces_begin_with_one, namespaces_are_for_root)
