/*
 * Editing of the line that is being typed: erasing characters, words and lines, and how that
 * looks on a terminal.
 */
#include "lib/assert.h"
#include "tty/line_internal.h"

#define TAB_STOPS 8u

enum erase_kind { ERASE_CHARACTER, ERASE_WORD, ERASE_LINE };

static uint8_t byte_at(const struct line_discipline *line, uint32_t position)
{
    return line->input[place(position)];
}

static bool is_word_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '_' || is_upper_case(byte) ||
           is_lower_case(byte);
}

void line_finish_erasing(struct line_discipline *line)
{
    if (line->is_erasing)
        line_echo_raw(line, '/');
    line->is_erasing = false;
}

/* Where the last character (perhaps of several bytes) of the line begins; `head` when its bytes
 * are incomplete. */
static uint32_t last_character(const struct line_discipline *line)
{
    uint32_t position = line->head;

    do
        position--;
    while (is_continuation(&line->settings, byte_at(line, position)) &&
           position != line->canonical_head);
    return is_continuation(&line->settings, byte_at(line, position)) ? line->head : position;
}

/* Columns from the last tab, or else from the beginning of the line, to its end. */
static uint32_t columns_since_tab(const struct line_discipline *line)
{
    uint32_t columns = 0;

    for (uint32_t position = line->head; position != line->canonical_head;) {
        uint8_t byte = byte_at(line, --position);

        if (byte == '\t')
            return columns;
        if (is_control(byte))
            columns += has_local(line, LOCAL_ECHO_CONTROL) ? 2 : 0;
        else if (!is_continuation(&line->settings, byte))
            columns++;
    }
    return columns + line->output.line_column;
}

static void show_erased_cell(struct line_discipline *line)
{
    line_echo_raw(line, '\b');
    line_echo_raw(line, ' ');
    line_echo_raw(line, '\b');
}

static void show_erased_tab(struct line_discipline *line)
{
    uint32_t backspaces = TAB_STOPS - columns_since_tab(line) % TAB_STOPS;

    while (backspaces-- > 0)
        (void)terminal_output_put_backspace(&line->output);
}

/* Bytes from `start` to `end` have been erased; the first one is `byte`. */
static void show_erased(struct line_discipline *line, uint8_t byte, uint32_t start, uint32_t end)
{
    if (has_local(line, LOCAL_ECHO_PRINT)) {
        if (!line->is_erasing)
            line_echo_raw(line, '\\');
        line->is_erasing = true;
        line_echo(line, byte);
        for (uint32_t position = start + 1; position != end; position++) {
            line_echo_raw(line, byte_at(line, position));
            terminal_output_back_up(&line->output);
        }
    } else if (byte == '\t') {
        show_erased_tab(line);
    } else {
        if (is_control(byte) && has_local(line, LOCAL_ECHO_CONTROL))
            show_erased_cell(line);
        if (!is_control(byte) || has_local(line, LOCAL_ECHO_CONTROL))
            show_erased_cell(line);
    }
}

static void erase(struct line_discipline *line, enum erase_kind kind)
{
    bool word_begun = false;

    while (line->head != line->canonical_head) {
        uint32_t start = last_character(line), end = line->head;
        uint8_t byte = byte_at(line, start);

        if (start == end)
            break;
        if (kind == ERASE_WORD && word_begun && !is_word_byte(byte))
            break;
        word_begun |= is_word_byte(byte);
        line->head = start;
        if (has_local(line, LOCAL_ECHO)) {
            if (kind == ERASE_CHARACTER && !has_local(line, LOCAL_ECHO_ERASE | LOCAL_ECHO_PRINT))
                line_echo(line, line->settings.characters[CHARACTER_ERASE]);
            else
                show_erased(line, byte, start, end);
        }
        if (kind == ERASE_CHARACTER)
            break;
    }
    if (line->head == line->canonical_head)
        line_finish_erasing(line);
}

void line_erase_character(struct line_discipline *line)
{
    erase(line, ERASE_CHARACTER);
}

void line_erase_word(struct line_discipline *line)
{
    erase(line, ERASE_WORD);
}

void line_kill(struct line_discipline *line)
{
    const uint32_t shown_erasing = LOCAL_ECHO_KILL | LOCAL_ECHO_KILL_ERASES | LOCAL_ECHO_ERASE;

    if (line->head == line->canonical_head)
        return;
    if (has_local(line, LOCAL_ECHO) &&
        (line->settings.local_flags & shown_erasing) == shown_erasing) {
        erase(line, ERASE_LINE);
        return;
    }
    line->head = line->canonical_head;
    if (!has_local(line, LOCAL_ECHO))
        return;
    line_finish_erasing(line);
    line_echo(line, line->settings.characters[CHARACTER_KILL]);
    if (has_local(line, LOCAL_ECHO_KILL))
        line_echo_raw(line, '\n');
}

void line_reprint(struct line_discipline *line, uint8_t reprint_character)
{
    line_finish_erasing(line);
    line_echo(line, reprint_character);
    line_echo_raw(line, '\n');
    for (uint32_t position = line->canonical_head; position != line->head; position++)
        line_echo(line, byte_at(line, position));
}
