#pragma once
/* A line discipline whose echo goes to a text, and short ways to type, read and change settings. */

#include <string.h>

#include "harness/test.h"
#include "signal/signal.h"
#include "tty/line_discipline.h"

static struct line_discipline line;
static char screen[1 << 16];      /* everything that was echoed */
static size_t screen_length;
static int last_signal;

static inline size_t screen_write(struct tty *tty, const char *bytes, size_t size)
{
    (void)tty;
    if (screen_length + size >= sizeof(screen))
        screen_length = 0;
    memcpy(screen + screen_length, bytes, size);
    screen_length += size;
    screen[screen_length] = '\0';
    return size;
}

static inline void begin(void)
{
    line_discipline_init(&line);
    screen_length = 0;
    screen[0] = '\0';
    last_signal = 0;
}

static inline void type_bytes(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int signal;

        ck_assert(line_discipline_has_room(&line));
        signal = line_discipline_receive(&line, (uint8_t)bytes[i]);
        if (signal)
            last_signal = signal;
        terminal_output_drain(&line.output, screen_write, NULL);
    }
}

static inline void type(const char *text)
{
    type_bytes(text, strlen(text));
}

static inline void shows(const char *wanted)
{
    ck_assert_str_eq(screen, wanted);
    screen_length = 0;
    screen[0] = '\0';
}

/* What one read gives, as text; "-": nothing can be read. */
static inline const char *read_text(size_t size)
{
    static char text[8192];
    bool more;
    size_t count;

    if (!line_discipline_is_readable(&line, 1))
        return "-";
    count = line_discipline_read(&line, (uint8_t *)text, size, &more);
    if (more && count == size)
        line_discipline_skip_end_of_file(&line);
    text[count] = '\0';
    return text;
}

static inline void reads(const char *wanted)
{
    ck_assert_str_eq(read_text(4096), wanted);
}

static inline void change_local(uint32_t set, uint32_t clear)
{
    struct terminal_settings settings = line.settings;

    settings.local_flags = (settings.local_flags | set) & ~clear;
    line_discipline_set(&line, &settings);
}

static inline void change_input(uint32_t set, uint32_t clear)
{
    struct terminal_settings settings = line.settings;

    settings.input_flags = (settings.input_flags | set) & ~clear;
    line_discipline_set(&line, &settings);
}

static inline void set_character(enum terminal_character which, uint8_t byte)
{
    struct terminal_settings settings = line.settings;

    settings.characters[which] = byte;
    line_discipline_set(&line, &settings);
}
