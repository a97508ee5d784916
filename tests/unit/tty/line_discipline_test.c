/* The line discipline: lines, echo, signals, flow control, and settings that make no sense. */
#include "tty/line_discipline.h"

#include "lib/random.h"
#include "line_fixture.h"

/* ---- Lines --------------------------------------------------------------------------------- */

START_TEST(line_is_readable_when_it_is_complete)
{
    begin();
    type("abc");
    reads("-");
    type("\n");
    shows("abc\r\n");
    reads("abc\n");
    reads("-");
    type("one\ntwo\n");
    reads("one\n");
    reads("two\n");
    reads("-");
}
END_TEST

START_TEST(line_is_read_in_pieces)
{
    begin();
    type("abcdef\nx\n");
    ck_assert_uint_eq(line_discipline_readable_bytes(&line), 9);
    ck_assert_str_eq(read_text(4), "abcd");
    ck_assert_str_eq(read_text(4), "ef\n");
    ck_assert_str_eq(read_text(1), "x");
    ck_assert_str_eq(read_text(1), "\n");
    reads("-");
}
END_TEST

START_TEST(line_ends_with_eof_which_is_not_read)
{
    begin();
    type("abc\x04");
    reads("abc");
    reads("-");
    type("\x04");
    ck_assert(line_discipline_is_readable(&line, 1));
    ck_assert_uint_eq(line_discipline_readable_bytes(&line), 0);
    reads("");
    reads("-");
    type("x\n\x04y\n");
    reads("x\n");
    reads("");
    reads("y\n");
    shows("abcx\r\ny\r\n");
}
END_TEST

START_TEST(line_eof_after_a_full_buffer_is_skipped)
{
    begin();
    type("abc\x04");
    ck_assert_str_eq(read_text(3), "abc");
    reads("-");
    type("abc\x04");
    ck_assert_str_eq(read_text(2), "ab");
    ck_assert_str_eq(read_text(2), "c");
    reads("-");
}
END_TEST

START_TEST(line_ends_with_the_extra_characters)
{
    begin();
    set_character(CHARACTER_EOL, ';');
    set_character(CHARACTER_EOL2, '!');
    type("a;b!c");
    reads("a;");
    reads("b!");
    reads("-");
    change_local(0, LOCAL_EXTENDED);
    type("d!e;");
    reads("cd!e;");
}
END_TEST

START_TEST(line_returns_become_newlines)
{
    begin();
    type("a\r");
    shows("a\r\n");
    reads("a\n");
    change_input(0, INPUT_CR_TO_NL);
    type("a\r\n");
    reads("a\r\n");
    shows("a^M\r\n");
    change_input(INPUT_IGNORE_CR, 0);
    type("a\r\n");
    reads("a\n");
    change_input(INPUT_NL_TO_CR, INPUT_IGNORE_CR);
    type("a\n");
    reads("-");
}
END_TEST

/* ---- Echo ---------------------------------------------------------------------------------- */

START_TEST(line_without_echo_shows_nothing)
{
    begin();
    change_local(0, LOCAL_ECHO);
    type("ab\x7f\x12\n");
    shows("");
    reads("a\x12\n");
    change_local(LOCAL_ECHO_NEWLINE, 0);
    type("b\n");
    shows("\r\n");
}
END_TEST

START_TEST(line_echoes_control_characters_by_name)
{
    begin();
    type("\x01\x1b\x7f\t");
    shows("^A^[\b \b\b \b\t");
    change_local(0, LOCAL_CANONICAL);
    type("\n");
    shows("^J");
    type("\r");
    shows("\r\n");
}
END_TEST

/* ---- Signals ------------------------------------------------------------------------------- */

START_TEST(line_signal_characters_send_and_flush)
{
    begin();
    type("one\ntw\x03");
    ck_assert_int_eq(last_signal, SIGNAL_INT);
    shows("one\r\ntw^C");
    reads("-");
    type("\x1c");
    ck_assert_int_eq(last_signal, SIGNAL_QUIT);
    type("\x1a");
    ck_assert_int_eq(last_signal, SIGNAL_TSTP);
    shows("^\\^Z");
    change_local(LOCAL_NO_FLUSH, 0);
    type("x\n\x03");
    reads("x\n");
}
END_TEST

START_TEST(line_without_signals_reads_the_characters)
{
    begin();
    change_local(0, LOCAL_SIGNALS);
    type("\x03\x1a\n");
    ck_assert_int_eq(last_signal, 0);
    reads("\x03\x1a\n");
}
END_TEST

START_TEST(line_signal_characters_may_be_disabled)
{
    begin();
    set_character(CHARACTER_INTERRUPT, 0);
    type_bytes("\0\x03\n", 3);
    ck_assert_int_eq(last_signal, 0);
    ck_assert_uint_eq(line_discipline_readable_bytes(&line), 3);
}
END_TEST

/* ---- Flow control -------------------------------------------------------------------------- */

START_TEST(line_stop_holds_output_until_start)
{
    begin();
    type("\x13" "abc");
    shows("");
    type("\x11");
    shows("abc");
    type("\n");
    reads("abc\n");
    type("\x13");
    change_input(INPUT_ANY_STARTS, 0);
    type("x");
    shows("\r\nx");
}
END_TEST

START_TEST(line_interrupt_and_settings_end_a_stop)
{
    begin();
    type("\x13" "abc\x03");
    shows("^C");
    type("\x13" "d");
    change_input(0, INPUT_FLOW_CONTROL);
    terminal_output_drain(&line.output, screen_write, NULL);
    shows("d");
    type("\x13\n");
    reads("d\x13\n");
}
END_TEST

START_TEST(line_held_output_is_not_started_by_typing)
{
    begin();
    line.output.held = true;
    type("a\x11" "b");
    shows("");
    line.output.held = false;
    terminal_output_drain(&line.output, screen_write, NULL);
    shows("ab");
}
END_TEST

/* ---- Without lines ------------------------------------------------------------------------- */

START_TEST(raw_bytes_are_readable_at_once)
{
    begin();
    change_local(0, LOCAL_CANONICAL | LOCAL_ECHO | LOCAL_SIGNALS);
    change_input(0, INPUT_CR_TO_NL | INPUT_FLOW_CONTROL);
    type("a\x7f\x03\r\x04\x13");
    ck_assert(line_discipline_is_readable(&line, 6));
    ck_assert(!line_discipline_is_readable(&line, 7));
    ck_assert_uint_eq(line_discipline_readable_bytes(&line), 6);
    ck_assert_str_eq(read_text(2), "a\x7f");
    reads("\x03\r\x04\x13");
    shows("");
}
END_TEST

START_TEST(changing_to_raw_makes_a_started_line_readable)
{
    begin();
    type("one\ntwo");
    change_local(0, LOCAL_CANONICAL);
    reads("one\ntwo");
}
END_TEST

START_TEST(changing_from_raw_makes_a_line_of_what_is_there)
{
    begin();
    change_local(0, LOCAL_CANONICAL);
    type("ab\ncd");
    change_local(LOCAL_CANONICAL, 0);
    reads("ab\ncd");
    reads("-");
    type("x\n");
    reads("x\n");
}
END_TEST

START_TEST(input_is_stripped_and_lowered)
{
    begin();
    change_input(INPUT_STRIP | INPUT_LOWER_CASE, INPUT_UTF8);
    type("\xe1" "BC\n");
    reads("abc\n");
}
END_TEST

START_TEST(parity_marks_double_the_last_byte_value)
{
    begin();
    change_input(INPUT_PARITY_MARK, 0);
    change_local(0, LOCAL_ECHO);
    type("\xff\n");
    reads("\xff\xff\n");
}
END_TEST

/* ---- Limits -------------------------------------------------------------------------------- */

START_TEST(overlong_line_keeps_its_beginning_and_ends)
{
    begin();
    for (int i = 0; i < 5000; i++)
        type(i % 2 ? "b" : "a");
    type("\n");
    ck_assert_uint_eq(line_discipline_readable_bytes(&line), 4096);
    ck_assert_uint_eq(strlen(read_text(4096)), 4096);
    reads("-");
    type("next\n");
    reads("next\n");
}
END_TEST

START_TEST(overlong_line_can_be_erased)
{
    begin();
    change_local(0, LOCAL_ECHO);
    for (int i = 0; i < 5000; i++)
        type("a");
    type("\x15x\n");
    reads("x\n");
}
END_TEST

START_TEST(full_buffer_takes_no_more_until_it_is_read)
{
    unsigned count = 0;

    begin();
    change_local(0, LOCAL_ECHO);
    while (line_discipline_has_room(&line)) {
        type(count % 100 == 99 ? "\n" : "a");
        count++;
    }
    ck_assert_uint_eq(count, 4095);
    ck_assert_uint_eq(strlen(read_text(4096)), 100);
    ck_assert(line_discipline_has_room(&line));
    change_local(0, LOCAL_CANONICAL);
    while (line_discipline_has_room(&line))
        type("b");
    ck_assert_uint_eq(line_discipline_readable_bytes(&line), 4095);
}
END_TEST

START_TEST(echo_without_room_is_dropped)
{
    begin();
    line.output.held = true;
    for (int i = 0; i < 3000; i++)
        type("\x01\x15");
    type("x\n");
    reads("x\n");
    line.output.held = false;
    terminal_output_drain(&line.output, screen_write, NULL);
    ck_assert_uint_le(screen_length, TERMINAL_OUTPUT_SIZE);
}
END_TEST

START_TEST(flushed_input_is_gone)
{
    begin();
    type("one\ntw");
    line_discipline_flush_input(&line);
    reads("-");
    type("o\n");
    reads("o\n");
}
END_TEST

/* Any bytes under any settings: the positions stay in order and nothing is read that was not
 * typed. */
START_TEST(random_settings_and_bytes_do_no_harm)
{
    struct random random;
    uint8_t bytes[64];
    bool more;

    begin();
    random_init(&random, 1);
    for (int i = 0; i < 300000; i++) {
        uint64_t choice = random_below(&random, 400);

        if (choice == 0) {
            struct terminal_settings settings;

            random_fill(&random, &settings, sizeof(settings));
            line_discipline_set(&line, &settings);
            line.output.held = false;
        } else if (choice < 20 && line_discipline_is_readable(&line, 1)) {
            (void)line_discipline_read(&line, bytes, 1 + random_below(&random, 64), &more);
        } else if (line_discipline_has_room(&line)) {
            (void)line_discipline_receive(&line, (uint8_t)random_next(&random));
        } else {
            (void)line_discipline_read(&line, bytes, sizeof(bytes), &more);
        }
        terminal_output_drain(&line.output, screen_write, NULL);
        ck_assert_uint_le(line.head - line.tail, LINE_INPUT_SIZE);
        ck_assert_uint_le(line.canonical_head - line.tail, line.head - line.tail);
    }
}
END_TEST

TEST_MAIN("tty/line_discipline", line_is_readable_when_it_is_complete, line_is_read_in_pieces,
          line_ends_with_eof_which_is_not_read, line_eof_after_a_full_buffer_is_skipped,
          line_ends_with_the_extra_characters, line_returns_become_newlines,
          line_without_echo_shows_nothing, line_echoes_control_characters_by_name,
          line_signal_characters_send_and_flush, line_without_signals_reads_the_characters,
          line_signal_characters_may_be_disabled, line_stop_holds_output_until_start,
          line_interrupt_and_settings_end_a_stop, line_held_output_is_not_started_by_typing,
          raw_bytes_are_readable_at_once, changing_to_raw_makes_a_started_line_readable,
          changing_from_raw_makes_a_line_of_what_is_there, input_is_stripped_and_lowered,
          parity_marks_double_the_last_byte_value, overlong_line_keeps_its_beginning_and_ends,
          overlong_line_can_be_erased, full_buffer_takes_no_more_until_it_is_read,
          echo_without_room_is_dropped, flushed_input_is_gone,
          random_settings_and_bytes_do_no_harm)
