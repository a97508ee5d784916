#pragma once
/* Shared by line_discipline.c and line_edit.c only. */
#include "tty/line_discipline.h"

static inline uint32_t place(uint32_t position)
{
    return position % LINE_INPUT_SIZE;
}

/* Is any of these local flags set? */
static inline bool has_local(const struct line_discipline *line, uint32_t flags)
{
    return (line->settings.local_flags & flags) != 0;
}

/* Echo: control characters as ^X if the settings say so; or everything as it is. */
void line_echo(struct line_discipline *line, uint8_t byte);
void line_echo_raw(struct line_discipline *line, uint8_t byte);

/* What editing characters do to the line being typed, with its echo. */
void line_erase_character(struct line_discipline *line);
void line_erase_word(struct line_discipline *line);
void line_kill(struct line_discipline *line);
void line_reprint(struct line_discipline *line, uint8_t reprint_character);
/* Ends the \.../ that LOCAL_ECHO_PRINT shows erased characters in. */
void line_finish_erasing(struct line_discipline *line);
