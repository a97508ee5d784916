/* Controlling terminals: who gets one, who loses it, who may read and write. */
#include "tty/job_control.h"

#include "tty_fixture.h"

#define TAKE 0x540eu
#define GIVE_UP 0x5422u
#define GET_FOREGROUND 0x540fu
#define SET_FOREGROUND 0x5410u
#define GET_SESSION 0x5429u

/* The current process is one of the three. */
static void be(int32_t id)
{
    current = process_find(id);
}

static int64_t take(bool steal)
{
    return tty_take_control(&tty, true, steal);
}

static bool has_terminal(void)
{
    struct tty *mine = tty_of_process();

    ck_assert(!mine || mine == &tty);
    return mine;
}

START_TEST(session_begins_with_the_first_process)
{
    struct tty_summary summary = { 0, 0 };
    int32_t number = 0;

    begin();
    ck_assert(has_terminal());
    ck_assert_int_eq(control(GET_FOREGROUND, &number), 0);
    ck_assert_int_eq(number, 1);
    ck_assert_int_eq(control(GET_SESSION, &number), 0);
    ck_assert_int_eq(number, 1);
    ck_assert(tty_describe(processes[0].terminal, &summary));
    ck_assert_uint_eq(summary.device_id, 0x501);
    ck_assert_int_eq(summary.foreground_group, 1);
    be(3);
    ck_assert(!has_terminal());
    ck_assert(!tty_describe(current->terminal, &summary));
    ck_assert_int_eq(control(GET_FOREGROUND, &number), -ENOTTY);
    ck_assert_int_eq(control(GET_SESSION, &number), -ENOTTY);
    ck_assert_int_eq(control(GIVE_UP, NULL), -ENOTTY);
}
END_TEST

START_TEST(terminal_without_control_still_has_signals)
{
    begin();
    tty_hang_up_session(&tty);
    sent[0] = '\0';
    tty_control_first(&tty, &processes[0], false);
    ck_assert(!has_terminal());
    type("\x03");
    has_sent("1:2 ");
}
END_TEST

START_TEST(leader_takes_a_free_terminal)
{
    begin();
    ck_assert_int_eq(take(false), 0);    /* it has it */
    be(2);
    ck_assert_int_eq(take(false), -EPERM);
    be(3);
    ck_assert_int_eq(take(false), -EPERM);
    ck_assert_int_eq(take(true), -EPERM);
    is_root = true;
    ck_assert_int_eq(take(false), -EPERM);
    ck_assert_int_eq(take(true), 0);
    ck_assert(has_terminal());
    be(1);
    ck_assert(!has_terminal());
    is_root = false;
    be(3);
    ck_assert_int_eq(control(GIVE_UP, NULL), 0);
    ck_assert_int_eq(tty_take_control(&tty, false, false), -EPERM);
    is_root = true;
    ck_assert_int_eq(tty_take_control(&tty, false, false), 0);
}
END_TEST

START_TEST(opening_gives_a_leader_a_free_terminal)
{
    begin();
    be(3);
    tty_control_opener(&tty);
    ck_assert(!has_terminal());
    be(1);
    ck_assert_int_eq(control(GIVE_UP, NULL), 0);
    has_sent("1:1 1:18 ");
    be(2);
    tty_control_opener(&tty);
    ck_assert(!has_terminal());
    be(3);
    tty_control_opener(&tty);
    ck_assert(has_terminal());
    ck_assert_int_eq(tty.control.foreground_group, 3);
}
END_TEST

START_TEST(member_gives_up_for_itself)
{
    begin();
    processes[1].terminal = processes[0].terminal;
    be(2);
    ck_assert(has_terminal());
    ck_assert_int_eq(control(GIVE_UP, NULL), 0);
    ck_assert(!has_terminal());
    has_sent("");
    be(1);
    ck_assert(has_terminal());
}
END_TEST

START_TEST(hang_up_tells_the_leader_and_later_its_foreground)
{
    begin();
    tty.control.foreground_group = 2;
    tty_hang_up(&tty);
    has_sent("p1:1 p1:18 ");
    ck_assert(!has_terminal());
    start_read(&calls[1], 10);
    gives(&calls[1], 0, NULL);
    start_write(&calls[1], "x");
    gives(&calls[1], -EIO, NULL);
    ck_assert_int_eq(control(GET_SESSION, NULL), -EIO);
    ck_assert_int_eq(control(SET_FOREGROUND, NULL), -ENOTTY);
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & (POLL_HANGUP | POLL_ERROR),
                      POLL_HANGUP | POLL_ERROR);
    ck_assert_int_eq(tty_open(&file, &tty, true), -EIO);
    ck_assert_int_eq(take(false), -EIO);
    tty_control_opener(&tty);
    ck_assert(!has_terminal());
    leader_end(&processes[0]);
    has_sent("2:1 2:18 ");
    leader_end(&processes[0]);
    has_sent("");
}
END_TEST

START_TEST(readers_are_told_of_a_hang_up)
{
    begin();
    start_read(&calls[0], 10);
    ck_assert(!calls[0].over);
    tty_hang_up(&tty);
    fake_scheduler_run();
    gives(&calls[0], -EIO, NULL);
}
END_TEST

START_TEST(end_of_a_leader_frees_its_terminal)
{
    begin();
    tty.control.foreground_group = 2;
    leader_end(&processes[0]);
    has_sent("2:1 ");
    ck_assert(!has_terminal());
    be(3);
    ck_assert_int_eq(take(false), 0);
}
END_TEST

START_TEST(background_is_stopped)
{
    struct terminal_settings settings;

    begin();
    processes[1].terminal = processes[0].terminal;
    be(2);
    start_read(&calls[0], 10);
    gives(&calls[0], -EINTR, NULL);
    has_sent("2:21 ");
    start_write(&calls[0], "x");
    gives(&calls[0], 1, NULL);
    ck_assert_int_eq(control(0x5401, &settings), 0);
    ck_assert_int_eq(control(0x5402, &settings), -EINTR);
    ck_assert_int_eq(control(0x540b, NULL), -EINTR);
    ck_assert_int_eq(control(0x540a, NULL), -EINTR);
    ck_assert_int_eq(control(0x5409, NULL), -EINTR);
    ck_assert_int_eq(control(0x5423, NULL), -EINTR);
    has_sent("2:22 2:22 2:22 2:22 2:22 ");
    tty.line.settings.local_flags |= LOCAL_STOP_BACKGROUND;
    start_write(&calls[0], "x");
    gives(&calls[0], -EINTR, NULL);
    has_sent("2:22 ");
}
END_TEST

START_TEST(background_that_does_not_heed_goes_on)
{
    begin();
    processes[1].terminal = processes[0].terminal;
    be(2);
    blocked = SIGNAL_BIT(SIGNAL_TTIN) | SIGNAL_BIT(SIGNAL_TTOU);
    start_read(&calls[0], 10);
    gives(&calls[0], -EIO, NULL);
    ck_assert_int_eq(control(0x540b, NULL), 0);
    blocked = 0;
    handler = SIGNAL_IGNORE;
    start_read(&calls[0], 10);
    gives(&calls[0], -EIO, NULL);
    ck_assert_int_eq(control(0x540b, NULL), 0);
    handler = SIGNAL_DEFAULT;
    is_orphaned = true;
    start_read(&calls[0], 10);
    gives(&calls[0], -EIO, NULL);
    ck_assert_int_eq(control(0x540b, NULL), -EIO);
    has_sent("");
}
END_TEST

START_TEST(foreground_is_a_group_of_the_session)
{
    int32_t number = 2;

    begin();
    ck_assert_int_eq(control(SET_FOREGROUND, &number), 0);
    ck_assert_int_eq(control(GET_FOREGROUND, &number), 0);
    ck_assert_int_eq(number, 2);
    handler = SIGNAL_IGNORE;
    number = 3;
    ck_assert_int_eq(control(SET_FOREGROUND, &number), -EPERM);
    number = 4;
    ck_assert_int_eq(control(SET_FOREGROUND, &number), -ESRCH);
    number = -4;
    ck_assert_int_eq(control(SET_FOREGROUND, &number), -EINVAL);
    ck_assert_int_eq(control(SET_FOREGROUND, NULL), -EFAULT);
    ck_assert_int_eq(control(GET_FOREGROUND, NULL), -EFAULT);
    ck_assert_int_eq(control(GET_SESSION, NULL), -EFAULT);
    handler = SIGNAL_DEFAULT;
    is_orphaned = true;
    ck_assert_int_eq(control(SET_FOREGROUND, &number), -ENOTTY);
    be(3);
    number = 3;
    ck_assert_int_eq(control(SET_FOREGROUND, &number), -ENOTTY);
    ck_assert_int_eq(tty_get_foreground(&tty, true, (user_address)(uintptr_t)&number), 0);
    ck_assert_int_eq(number, 2);
}
END_TEST

TEST_MAIN("tty/job_control", session_begins_with_the_first_process,
          terminal_without_control_still_has_signals, leader_takes_a_free_terminal,
          opening_gives_a_leader_a_free_terminal, member_gives_up_for_itself,
          hang_up_tells_the_leader_and_later_its_foreground, readers_are_told_of_a_hang_up,
          end_of_a_leader_frees_its_terminal, background_is_stopped,
          background_that_does_not_heed_goes_on, foreground_is_a_group_of_the_session)
