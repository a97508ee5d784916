/* Terminals: blocking reads and writes, VMIN and VTIME, polls, signals to the foreground. */
#include "tty/tty.h"

#include "tty_fixture.h"

/* ---- Reading ------------------------------------------------------------------------------- */

START_TEST(read_waits_for_a_line)
{
    begin();
    start_read(&calls[0], 100);
    ck_assert(!calls[0].over);
    type("ab");
    ck_assert(!calls[0].over);
    type("c\r");
    gives(&calls[0], 4, "abc\n");
    shows("abc\r\n");
}
END_TEST

START_TEST(read_takes_long_lines_in_one_go)
{
    char line[1001];

    begin();
    memset(line, 'x', 999);
    memcpy(line + 999, "\n", 2);
    type(line);
    start_read(&calls[0], 4096);
    gives(&calls[0], 1000, line);
}
END_TEST

START_TEST(read_of_eof_gives_nothing)
{
    begin();
    start_read(&calls[0], 100);
    type("\x04");
    gives(&calls[0], 0, NULL);
    type("abc\x04");
    start_read(&calls[0], 3);
    gives(&calls[0], 3, "abc");
    start_read(&calls[0], 3);
    ck_assert(!calls[0].over);
}
END_TEST

START_TEST(read_of_no_bytes_does_not_wait)
{
    begin();
    start_read(&calls[0], 0);
    gives(&calls[0], 0, NULL);
}
END_TEST

START_TEST(read_ends_with_a_signal)
{
    begin();

    struct thread *thread = start_read(&calls[0], 10);

    thread_interrupt(thread, 0);
    fake_scheduler_run();
    gives(&calls[0], -EINTR, NULL);
}
END_TEST

START_TEST(read_without_waiting)
{
    begin();
    file.flags = OPEN_NONBLOCK;
    start_read(&calls[0], 10);
    gives(&calls[0], -EAGAIN, NULL);
    type("a");
    start_read(&calls[0], 10);
    gives(&calls[0], -EAGAIN, NULL);
    type("\n");
    start_read(&calls[0], 10);
    gives(&calls[0], 2, "a\n");
    set_raw(0, 0);
    start_read(&calls[0], 10);
    gives(&calls[0], 0, NULL);
    set_raw(5, 0);
    type("ab");
    start_read(&calls[0], 10);
    gives(&calls[0], 2, "ab");
}
END_TEST

START_TEST(raw_read_waits_for_the_minimum)
{
    begin();
    set_raw(3, 0);
    start_read(&calls[0], 10);
    type("ab");
    ck_assert(!calls[0].over);
    type("cde");
    gives(&calls[0], 5, "abcde");
    start_read(&calls[0], 2);
    type("xy");
    gives(&calls[0], 2, "xy");    /* less than the minimum, but all that was wanted */
}
END_TEST

START_TEST(raw_read_with_time_between_bytes)
{
    begin();
    set_raw(3, 2);
    start_read(&calls[0], 10);
    fake_machine_advance(UINT64_C(1000000000));
    fake_scheduler_run();
    ck_assert(!calls[0].over);    /* the first byte may take any time */
    type("a");
    fake_machine_advance(150000000);
    type("b");
    fake_machine_advance(150000000);
    fake_scheduler_run();
    ck_assert(!calls[0].over);
    fake_machine_advance(50000000);
    fake_scheduler_run();
    gives(&calls[0], 2, "ab");
}
END_TEST

START_TEST(raw_read_with_a_time_limit)
{
    begin();
    set_raw(0, 3);
    start_read(&calls[0], 10);
    fake_machine_advance(299999999);
    fake_scheduler_run();
    ck_assert(!calls[0].over);
    fake_machine_advance(1);
    fake_scheduler_run();
    gives(&calls[0], 0, NULL);
    start_read(&calls[0], 10);
    type("q");
    gives(&calls[0], 1, "q");
}
END_TEST

START_TEST(settings_that_become_raw_wake_a_reader)
{
    begin();
    start_read(&calls[0], 10);
    type("ab");
    ck_assert(!calls[0].over);
    set_raw(1, 0);
    fake_scheduler_run();
    gives(&calls[0], 2, "ab");
}
END_TEST

START_TEST(what_does_not_fit_waits_in_the_device)
{
    char lines[6001];

    begin();
    for (int i = 0; i < 6000; i++)
        lines[i] = i % 100 == 99 ? '\n' : 'a';
    lines[6000] = '\0';
    type(lines);
    ck_assert_str_ne(typed, "");
    for (int i = 0; i < 60; i++) {
        start_read(&calls[0], 4096);
        gives(&calls[0], 100, NULL);
    }
    ck_assert_str_eq(typed, "");
}
END_TEST

/* ---- Writing ------------------------------------------------------------------------------- */

START_TEST(write_is_processed)
{
    begin();
    start_write(&calls[0], "one\ntwo\n");
    gives(&calls[0], 8, NULL);
    shows("one\r\ntwo\r\n");
}
END_TEST

START_TEST(write_waits_for_room)
{
    char text[10001];

    begin();
    memset(text, 'x', 10000);
    text[10000] = '\0';
    screen_room = 100;
    start_write(&calls[0], text);
    ck_assert(!calls[0].over);
    ck_assert_uint_eq(screen_length, 100);
    while (!calls[0].over) {
        screen_room = 1000;
        tty_receive(&tty);
        fake_scheduler_run();
    }
    gives(&calls[0], 10000, NULL);
    screen_room = SIZE_MAX;
    tty_receive(&tty);
    shows(text);
}
END_TEST

START_TEST(writes_do_not_mix)
{
    char text[6001];

    begin();
    memset(text, 'x', 6000);
    text[6000] = '\0';
    screen_room = 0;
    start_write(&calls[0], text);
    start_write(&calls[1], "second");
    ck_assert(!calls[0].over && !calls[1].over);
    screen_room = SIZE_MAX;
    tty_receive(&tty);
    fake_scheduler_run();
    gives(&calls[0], 6000, NULL);
    gives(&calls[1], 6, NULL);
    strcat(strcpy(calls[0].bytes, text), "second");
    shows(calls[0].bytes);
}
END_TEST

START_TEST(write_without_waiting_gives_what_fitted)
{
    char text[6001];

    begin();
    memset(text, 'x', 6000);
    text[6000] = '\0';
    file.flags = OPEN_NONBLOCK;
    screen_room = 0;
    start_write(&calls[0], text);
    gives(&calls[0], TERMINAL_OUTPUT_SIZE, NULL);
    start_write(&calls[0], text);
    gives(&calls[0], -EAGAIN, NULL);
}
END_TEST

START_TEST(write_ends_with_a_signal)
{
    char text[6001];

    begin();
    memset(text, 'x', 6000);
    text[6000] = '\0';
    screen_room = 0;

    struct thread *thread = start_write(&calls[0], text);

    thread_interrupt(thread, 0);
    fake_scheduler_run();
    gives(&calls[0], TERMINAL_OUTPUT_SIZE, NULL);
    thread = start_write(&calls[0], text);
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    gives(&calls[0], -EINTR, NULL);
}
END_TEST

START_TEST(stopped_write_goes_on_after_start)
{
    char text[6001];

    begin();
    memset(text, 'x', 6000);
    text[6000] = '\0';
    type("\x13");
    start_write(&calls[0], text);
    ck_assert(!calls[0].over);
    ck_assert_uint_eq(screen_length, 0);
    type("\x11");
    gives(&calls[0], 6000, NULL);
    shows(text);
}
END_TEST

START_TEST(last_close_lets_held_output_go)
{
    begin();
    ck_assert_int_eq(control(0x540a, (const void *)0), 0);
    start_write(&calls[0], "held");
    gives(&calls[0], 4, NULL);
    ck_assert_uint_eq(screen_length, 0);
    tty_file_operations.release(&file);
    shows("held");
}
END_TEST

/* ---- Signals ------------------------------------------------------------------------------- */

START_TEST(interrupt_goes_to_the_foreground)
{
    begin();
    type("abc\x03");
    ck_assert_str_eq(sent, "1:2 ");
    tty.control.foreground_group = 7;
    type("\x1c\x1a");
    ck_assert_str_eq(sent, "1:2 7:3 7:20 ");
    tty.control.foreground_group = 1;
    start_read(&calls[0], 10);
    type("\n");
    gives(&calls[0], 1, "\n");
}
END_TEST

/* ---- Polls --------------------------------------------------------------------------------- */

START_TEST(poll_tells_of_input_and_room)
{
    begin();
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL), POLL_WRITABLE | POLL_WRITE_NORMAL);
    type("a");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_READABLE, 0);
    type("\n");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_READABLE, POLL_READABLE);
    screen_room = 0;
    start_write(&calls[0], "some text");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_WRITABLE, POLL_WRITABLE);
    file.flags = OPEN_NONBLOCK;
    for (int i = 0; i < 100; i++)
        start_write(&calls[0], "more text that does not fit, and more of it, and still more");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_WRITABLE, 0);
}
END_TEST

START_TEST(poll_respects_the_minimum)
{
    begin();
    set_raw(3, 0);
    type("ab");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_READABLE, 0);
    type("c");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_READABLE, POLL_READABLE);
    set_raw(3, 1);
    start_read(&calls[0], 2);
    gives(&calls[0], 2, "ab");
    ck_assert_uint_eq(tty_file_operations.poll(&file, NULL) & POLL_READABLE, POLL_READABLE);
}
END_TEST

TEST_MAIN("tty/tty", read_waits_for_a_line, read_takes_long_lines_in_one_go,
          read_of_eof_gives_nothing, read_of_no_bytes_does_not_wait, read_ends_with_a_signal,
          read_without_waiting, raw_read_waits_for_the_minimum, raw_read_with_time_between_bytes,
          raw_read_with_a_time_limit, settings_that_become_raw_wake_a_reader,
          what_does_not_fit_waits_in_the_device, write_is_processed, write_waits_for_room,
          writes_do_not_mix, write_without_waiting_gives_what_fitted, write_ends_with_a_signal,
          stopped_write_goes_on_after_start, last_close_lets_held_output_go,
          interrupt_goes_to_the_foreground, poll_tells_of_input_and_room,
          poll_respects_the_minimum)
