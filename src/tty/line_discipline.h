#pragma once
/*
 * The line discipline: what becomes of bytes that are typed before a program reads them (echo,
 * editing of lines, signals, flow control), as Linux's n_tty does it.
 *
 * It knows no device, no threads and no locks: whoever owns one keeps calls apart.  It is part of
 * struct tty, whose lock protects it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bitmap.h"
#include "tty/terminal_output.h"
#include "tty/terminal_settings.h"

#define LINE_INPUT_SIZE 4096u    /* a power of two; a line has at most one byte less */

struct line_discipline {
    struct terminal_settings settings;
    struct terminal_output output;

    /* Positions count bytes and only grow; their low bits are places in `input`.
     * tail <= canonical_head <= head, head - tail <= LINE_INPUT_SIZE. */
    uint32_t tail;              /* next byte to be read */
    uint32_t canonical_head;    /* behind the last complete line */
    uint32_t head;              /* where the next byte typed goes */

    bool literal_next;          /* the next byte has no special meaning */
    bool is_erasing;            /* within the \.../ of LOCAL_ECHO_PRINT */
    uint8_t input[LINE_INPUT_SIZE];
    uint64_t line_ends[BITMAP_WORDS(LINE_INPUT_SIZE)];    /* bytes of `input` that end a line */
};

/* With the settings that Linux gives a new terminal. */
void line_discipline_init(struct line_discipline *line);
/* Takes new settings over; what was typed under the old ones stays readable. */
void line_discipline_set(struct line_discipline *line, const struct terminal_settings *settings);

/* May another byte be received?  If not, it stays in the device until a program reads. */
bool line_discipline_has_room(const struct line_discipline *line);
/* A byte was typed.  Returns the signal that it means for the foreground process, or 0. */
int line_discipline_receive(struct line_discipline *line, uint8_t byte);

/* Is there a complete line, or without LOCAL_CANONICAL at least `minimum` bytes? */
bool line_discipline_is_readable(const struct line_discipline *line, uint32_t minimum);
/* Up to where it can be read: another number, when what was typed has made that more. */
uint32_t line_discipline_input_end(const struct line_discipline *line);
/* Moves what can be read, at most one line.  *more: the line goes on. */
size_t line_discipline_read(struct line_discipline *line, uint8_t *bytes, size_t size,
                            bool *more);
/* After a read that filled its buffer in the middle of a line: an end of file that comes next
 * belongs to it, and is not to be read as an empty line. */
void line_discipline_skip_end_of_file(struct line_discipline *line);
/* For FIONREAD. */
uint32_t line_discipline_readable_bytes(const struct line_discipline *line);

void line_discipline_flush_input(struct line_discipline *line);
