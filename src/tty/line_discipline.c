/*
 * The line discipline: receiving, special characters, reading.  Erasing is in line_edit.c.
 *
 * Invariant: a set bit of line_ends lies in [tail, canonical_head).  A line that ended with the
 * end-of-file character is marked on a byte of value 0, which is not read.
 */
#include "tty/line_discipline.h"

#include "lib/assert.h"
#include "lib/memory.h"
#include "signal/signal.h"
#include "tty/line_internal.h"

#define END_OF_FILE_MARK 0

/* ---- Life and settings --------------------------------------------------------------------- */

static const struct terminal_settings initial_settings = {
    .input_flags = INPUT_CR_TO_NL | INPUT_FLOW_CONTROL | INPUT_UTF8,
    .output_flags = OUTPUT_PROCESS | OUTPUT_NL_TO_CRNL,
    .control_flags = CONTROL_SPEED_38400 | CONTROL_SIZE_8 | CONTROL_RECEIVE,
    .local_flags = LOCAL_SIGNALS | LOCAL_CANONICAL | LOCAL_ECHO | LOCAL_ECHO_ERASE |
                   LOCAL_ECHO_KILL | LOCAL_ECHO_CONTROL | LOCAL_ECHO_KILL_ERASES |
                   LOCAL_EXTENDED,
    .characters = {
        [CHARACTER_INTERRUPT] = 0x03, [CHARACTER_QUIT] = 0x1c, [CHARACTER_ERASE] = 0x7f,
        [CHARACTER_KILL] = 0x15, [CHARACTER_EOF] = 0x04, [CHARACTER_MINIMUM] = 1,
        [CHARACTER_START] = 0x11, [CHARACTER_STOP] = 0x13, [CHARACTER_SUSPEND] = 0x1a,
        [CHARACTER_REPRINT] = 0x12, [CHARACTER_DISCARD] = 0x0f, [CHARACTER_WORD_ERASE] = 0x17,
        [CHARACTER_LITERAL_NEXT] = 0x16,
    },
    .input_speed = 38400,
    .output_speed = 38400,
};

void line_discipline_init(struct line_discipline *line)
{
    memset(line, 0, sizeof(*line));
    line->settings = initial_settings;
    terminal_output_init(&line->output);
}

void line_discipline_flush_input(struct line_discipline *line)
{
    line->tail = line->canonical_head = line->head = 0;
    line->literal_next = false;
    line->is_erasing = false;
    memset(line->line_ends, 0, sizeof(line->line_ends));
}

void line_discipline_set(struct line_discipline *line, const struct terminal_settings *settings)
{
    uint32_t changed = line->settings.local_flags ^ settings->local_flags;
    bool flow_control_ends = (line->settings.input_flags & ~settings->input_flags) &
                             INPUT_FLOW_CONTROL;

    line->settings = *settings;
    if (changed & (LOCAL_CANONICAL | LOCAL_EXTERNAL)) {
        memset(line->line_ends, 0, sizeof(line->line_ends));
        line->canonical_head = line->tail;
        if (has_local(line, LOCAL_CANONICAL) && line->head != line->tail) {
            bitmap_set(line->line_ends, place(line->head - 1));
            line->canonical_head = line->head;
        }
        line->is_erasing = false;
        line->literal_next = false;
    }
    if (flow_control_ends)
        line->output.stopped = false;
}

/* ---- Queue and echo ------------------------------------------------------------------------ */

/* How many more bytes fit; one place is kept for a newline. */
static int32_t room(const struct line_discipline *line)
{
    int32_t free = (int32_t)(LINE_INPUT_SIZE - (line->head - line->tail));

    if (line->settings.input_flags & INPUT_PARITY_MARK)
        free = (free + 2) / 3;
    return free - 1;
}

/* While no line is complete, excess bytes are let in so that editing goes on. */
static bool is_overlong_line(const struct line_discipline *line)
{
    return has_local(line, LOCAL_CANONICAL) && line->canonical_head == line->tail;
}

bool line_discipline_has_room(const struct line_discipline *line)
{
    return room(line) > 0 || is_overlong_line(line);
}

static void queue_put(struct line_discipline *line, uint8_t byte)
{
    if (line->head - line->tail == LINE_INPUT_SIZE)
        return;
    line->input[place(line->head)] = byte;
    line->head++;
}

/* Linux marks commands in its echo buffer with 0xff, so this byte goes a way of its own. */
void line_echo_raw(struct line_discipline *line, uint8_t byte)
{
    if (byte == 0xff)
        (void)terminal_output_put_raw(&line->output, byte);
    else
        (void)terminal_output_put(&line->output, &line->settings, byte);
}

void line_echo(struct line_discipline *line, uint8_t byte)
{
    if (has_local(line, LOCAL_ECHO_CONTROL) && is_control(byte) && byte != '\t') {
        (void)terminal_output_put_raw(&line->output, '^');
        (void)terminal_output_put_raw(&line->output, byte ^ 0100);
    } else {
        line_echo_raw(line, byte);
    }
}

/* The column where the line begins is needed to erase tabs. */
static void note_line_column(struct line_discipline *line)
{
    if (line->canonical_head == line->head)
        line->output.line_column = line->output.column;
}

static void receive_ordinary(struct line_discipline *line, uint8_t byte)
{
    if (has_local(line, LOCAL_ECHO)) {
        line_finish_erasing(line);
        note_line_column(line);
        line_echo(line, byte);
    }
    if (byte == 0377 && (line->settings.input_flags & INPUT_PARITY_MARK))
        queue_put(line, byte);
    queue_put(line, byte);
}

/* ---- Special characters -------------------------------------------------------------------- */

static bool is_character(const struct line_discipline *line, enum terminal_character which,
                         uint8_t byte)
{
    return byte != 0 && line->settings.characters[which] == byte;
}

static bool is_extended_character(const struct line_discipline *line,
                                  enum terminal_character which, uint8_t byte)
{
    return has_local(line, LOCAL_EXTENDED) && is_character(line, which, byte);
}

static bool receive_flow_control(struct line_discipline *line, uint8_t byte)
{
    if (!(line->settings.input_flags & INPUT_FLOW_CONTROL))
        return false;
    if (is_character(line, CHARACTER_START, byte))
        line->output.stopped = false;
    else if (is_character(line, CHARACTER_STOP, byte))
        line->output.stopped = true;
    else
        return false;
    return true;
}

static int signal_of(const struct line_discipline *line, uint8_t byte)
{
    if (!has_local(line, LOCAL_SIGNALS))
        return 0;
    if (is_character(line, CHARACTER_INTERRUPT, byte))
        return SIGNAL_INT;
    if (is_character(line, CHARACTER_QUIT, byte))
        return SIGNAL_QUIT;
    if (is_character(line, CHARACTER_SUSPEND, byte))
        return SIGNAL_TSTP;
    return 0;
}

static void receive_signal(struct line_discipline *line, uint8_t byte)
{
    if (!has_local(line, LOCAL_NO_FLUSH)) {
        terminal_output_flush(&line->output);
        line_discipline_flush_input(line);
    }
    if (line->settings.input_flags & INPUT_FLOW_CONTROL)
        line->output.stopped = false;
    if (has_local(line, LOCAL_ECHO))
        line_echo(line, byte);
}

static void end_line(struct line_discipline *line, uint8_t byte)
{
    if (line->head - line->tail < LINE_INPUT_SIZE) {
        bitmap_set(line->line_ends, place(line->head));
        queue_put(line, byte);
    }
    line->canonical_head = line->head;
}

static void receive_literal_next(struct line_discipline *line)
{
    line->literal_next = true;
    if (!has_local(line, LOCAL_ECHO))
        return;
    line_finish_erasing(line);
    if (has_local(line, LOCAL_ECHO_CONTROL)) {
        line_echo_raw(line, '^');
        line_echo_raw(line, '\b');
    }
}

/* Characters with a meaning for the line being typed.  False: this is none. */
static bool receive_editing(struct line_discipline *line, uint8_t byte)
{
    if (is_character(line, CHARACTER_ERASE, byte)) {
        line_erase_character(line);
    } else if (is_character(line, CHARACTER_KILL, byte)) {
        line_kill(line);
    } else if (is_extended_character(line, CHARACTER_WORD_ERASE, byte)) {
        line_erase_word(line);
    } else if (is_extended_character(line, CHARACTER_LITERAL_NEXT, byte)) {
        receive_literal_next(line);
    } else if (has_local(line, LOCAL_ECHO) &&
               is_extended_character(line, CHARACTER_REPRINT, byte)) {
        line_reprint(line, byte);
    } else {
        return false;
    }
    return true;
}

/* Characters that end a line.  False: this is none. */
static bool receive_line_end(struct line_discipline *line, uint8_t byte)
{
    if (byte == '\n') {
        if (has_local(line, LOCAL_ECHO | LOCAL_ECHO_NEWLINE))
            line_echo_raw(line, '\n');
        end_line(line, '\n');
    } else if (is_character(line, CHARACTER_EOF, byte)) {
        end_line(line, END_OF_FILE_MARK);
    } else if (is_character(line, CHARACTER_EOL, byte) ||
               is_extended_character(line, CHARACTER_EOL2, byte)) {
        if (has_local(line, LOCAL_ECHO)) {
            note_line_column(line);
            line_echo(line, byte);
        }
        if (byte == 0377 && (line->settings.input_flags & INPUT_PARITY_MARK))
            queue_put(line, byte);
        end_line(line, byte);
    } else {
        return false;
    }
    return true;
}

/* Carriage return and newline as the input flags say.  False: the byte is dropped. */
static bool translate(const struct line_discipline *line, uint8_t *byte)
{
    uint32_t flags = line->settings.input_flags;

    if (*byte == '\r') {
        if (flags & INPUT_IGNORE_CR)
            return false;
        if (flags & INPUT_CR_TO_NL)
            *byte = '\n';
    } else if (*byte == '\n' && (flags & INPUT_NL_TO_CR)) {
        *byte = '\r';
    }
    return true;
}

static int receive_special(struct line_discipline *line, uint8_t byte)
{
    if (receive_flow_control(line, byte))
        return 0;

    int signal = signal_of(line, byte);
    uint8_t typed = byte;

    if (signal) {
        receive_signal(line, byte);
        return signal;
    }
    if ((line->settings.input_flags & INPUT_ANY_STARTS) &&
        (line->settings.input_flags & INPUT_FLOW_CONTROL))
        line->output.stopped = false;
    if (!translate(line, &byte))
        return 0;
    if (has_local(line, LOCAL_CANONICAL) &&
        (receive_editing(line, byte) || receive_line_end(line, byte)))
        return 0;
    if (byte == '\n' && typed != byte && has_local(line, LOCAL_ECHO)) {
        line_echo_raw(line, byte);    /* not as ^J: it was made from a return */
        queue_put(line, byte);
        return 0;
    }
    receive_ordinary(line, byte);
    return 0;
}

int line_discipline_receive(struct line_discipline *line, uint8_t byte)
{
    bool is_literal = line->literal_next;

    ASSERT(line_discipline_has_room(line));
    if (room(line) < 0)
        line->head--;    /* the last byte of an overlong line is replaced */
    line->literal_next = false;
    if (line->settings.input_flags & INPUT_STRIP)
        byte &= 0x7f;
    if ((line->settings.input_flags & INPUT_LOWER_CASE) && has_local(line, LOCAL_EXTENDED) &&
        is_upper_case(byte))
        byte = (uint8_t)(byte + CASE_DISTANCE);
    if (has_local(line, LOCAL_EXTERNAL)) {
        queue_put(line, byte);
        return 0;
    }
    if (is_literal) {
        receive_ordinary(line, byte);
        return 0;
    }
    return receive_special(line, byte);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static bool reads_lines(const struct line_discipline *line)
{
    return has_local(line, LOCAL_CANONICAL) && !has_local(line, LOCAL_EXTERNAL);
}

bool line_discipline_is_readable(const struct line_discipline *line, uint32_t minimum)
{
    if (reads_lines(line))
        return line->canonical_head != line->tail;
    return line->head - line->tail >= minimum;
}

uint32_t line_discipline_input_end(const struct line_discipline *line)
{
    return reads_lines(line) ? line->canonical_head : line->head;
}

static bool is_end_of_file(const struct line_discipline *line, uint32_t position)
{
    return bitmap_test(line->line_ends, place(position)) &&
           line->input[place(position)] == END_OF_FILE_MARK;
}

static size_t read_line(struct line_discipline *line, uint8_t *bytes, size_t size, bool *more)
{
    size_t count = 0;

    while (line->tail != line->canonical_head && count < size) {
        uint32_t position = line->tail++;
        bool ends = bitmap_test(line->line_ends, place(position));

        if (!is_end_of_file(line, position))
            bytes[count++] = line->input[place(position)];
        bitmap_clear(line->line_ends, place(position));
        if (ends) {
            *more = false;
            return count;
        }
    }
    *more = line->tail != line->canonical_head;
    return count;
}

size_t line_discipline_read(struct line_discipline *line, uint8_t *bytes, size_t size, bool *more)
{
    size_t count = 0;

    if (reads_lines(line))
        return read_line(line, bytes, size, more);
    while (line->tail != line->head && count < size)
        bytes[count++] = line->input[place(line->tail++)];
    if ((int32_t)(line->tail - line->canonical_head) > 0)
        line->canonical_head = line->tail;
    *more = line->tail != line->head;
    return count;
}

void line_discipline_skip_end_of_file(struct line_discipline *line)
{
    if (reads_lines(line) && line->tail != line->canonical_head &&
        is_end_of_file(line, line->tail)) {
        bitmap_clear(line->line_ends, place(line->tail));
        line->tail++;
    }
}

uint32_t line_discipline_readable_bytes(const struct line_discipline *line)
{
    uint32_t count;

    if (!reads_lines(line))
        return line->head - line->tail;
    count = line->canonical_head - line->tail;
    for (uint32_t i = line->tail; i != line->canonical_head; i++)
        count -= is_end_of_file(line, i);
    return count;
}
