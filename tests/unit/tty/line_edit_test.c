/* Editing of the line that is being typed, and how it looks. */
#include "line_fixture.h"

/* ---- Editing ------------------------------------------------------------------------------- */

START_TEST(line_erase_takes_a_character_back)
{
    begin();
    type("ab\x7f");
    shows("ab\b \b");
    type("c\n");
    reads("ac\n");
    shows("c\r\n");
    type("\x7f\x7f");
    shows("");
    type("x\x7f\x7f\n");
    reads("\n");
}
END_TEST

START_TEST(line_erase_stops_at_the_complete_lines)
{
    begin();
    type("one\nt\x7f\x7f\x7f\n");
    reads("one\n");
    reads("\n");
}
END_TEST

START_TEST(line_erase_takes_a_whole_utf8_character)
{
    begin();
    type("a\xc3\xa4\x7f");
    shows("a\xc3\xa4\b \b");
    type("\xe2\x82\xac\x7f\n");
    reads("a\n");
    change_input(0, INPUT_UTF8);
    type("\xc3\xa4\x7f\n");
    reads("\xc3\n");
}
END_TEST

START_TEST(line_erase_of_control_characters_erases_both_columns)
{
    begin();
    type("\x01\x7f");
    shows("^A\b \b\b \b");
    change_local(0, LOCAL_ECHO_CONTROL);
    type("\x01\x7f");
    shows("\x01");
}
END_TEST

START_TEST(line_erase_of_tabs_returns_to_the_column)
{
    begin();
    type("ab\t\x7f");
    shows("ab\t\b\b\b\b\b\b");
    type("\x7f\x7f\t\x7f");
    shows("\b \b\b \b\t\b\b\b\b\b\b\b\b");
    type("12345678\t\x7f\x15\t\tx\x7f\x7f");
    ck_assert_str_eq(screen + strlen(screen) - 11, "\b \b\b\b\b\b\b\b\b\b");
}
END_TEST

START_TEST(line_erase_of_a_tab_counts_a_prompt)
{
    begin();
    ck_assert(terminal_output_put(&line.output, &line.settings, '$'));
    ck_assert(terminal_output_put(&line.output, &line.settings, ' '));
    terminal_output_drain(&line.output, screen_write, NULL);
    type("a\t\x7f");
    shows("$ a\t\b\b\b\b\b");
}
END_TEST

START_TEST(line_kill_takes_the_line_back)
{
    begin();
    type("abc\x15");
    shows("abc\b \b\b \b\b \b");
    type("x\n");
    reads("x\n");
    change_local(0, LOCAL_ECHO_KILL_ERASES);
    screen_length = 0;
    type("abc\x15");
    shows("abc^U\r\n");
    type("y\n");
    reads("y\n");
    change_local(0, LOCAL_ECHO);
    type("abc\x15z\n");
    reads("z\n");
    shows("y\r\n");
}
END_TEST

START_TEST(line_word_erase_takes_a_word_back)
{
    begin();
    type("one two  \x17");
    type("x\n");
    reads("one x\n");
    type("one_2-three\x17\n");
    reads("one_2-\n");
    type("\x17\n");
    reads("\n");
    change_local(0, LOCAL_EXTENDED);
    type("a b\x17\n");
    reads("a b\x17\n");
}
END_TEST

START_TEST(line_literal_next_has_no_meaning)
{
    begin();
    type("a\x16\x03\x16\x7f");
    shows("a^\b^C^\b^?");
    ck_assert_int_eq(last_signal, 0);
    type("\n");
    reads("a\x03\x7f\n");
    type("\x16\n");
    reads("-");
    type("\n");
    reads("\n\n");
}
END_TEST

START_TEST(line_reprint_shows_the_line_again)
{
    begin();
    type("ab\x12");
    shows("ab^R\r\nab");
    type("\n");
    reads("ab\n");
}
END_TEST

START_TEST(line_print_erase_shows_what_goes)
{
    begin();
    change_local(LOCAL_ECHO_PRINT, 0);
    type("abc\x7f\x7f");
    shows("abc\\cb");
    type("x");
    shows("/x");
    type("\x7f\x7f");
    shows("\\xa/");
}
END_TEST

START_TEST(line_erase_is_echoed_without_the_flag)
{
    begin();
    change_local(0, LOCAL_ECHO_ERASE | LOCAL_ECHO_KILL_ERASES);
    type("a\x7f");
    shows("a^?");
    set_character(CHARACTER_ERASE, '#');
    type("b#");
    shows("b#");
}
END_TEST

TEST_MAIN("tty/line_edit", line_erase_takes_a_character_back,
          line_erase_stops_at_the_complete_lines, line_erase_takes_a_whole_utf8_character,
          line_erase_of_control_characters_erases_both_columns,
          line_erase_of_tabs_returns_to_the_column, line_erase_of_a_tab_counts_a_prompt,
          line_kill_takes_the_line_back, line_word_erase_takes_a_word_back,
          line_literal_next_has_no_meaning, line_reprint_shows_the_line_again,
          line_print_erase_shows_what_goes, line_erase_is_echoed_without_the_flag)
