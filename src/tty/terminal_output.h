#pragma once
/*
 * The way out of a terminal: output processing (OPOST) and the bytes on their way to the device.
 * Everything here is protected by the terminal's lock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ring.h"
#include "tty/terminal_settings.h"

#define TERMINAL_OUTPUT_SIZE 4096

struct tty;

struct terminal_output {
    struct ring ring;
    uint32_t column;              /* where the cursor is, as far as one can know */
    uint32_t line_column;         /* where the line being edited begins */
    bool stopped;                 /* by the stop character: nothing leaves the ring */
    bool held;                    /* by a program (TCOOFF): the same, and typing does not end it */
    uint8_t storage[TERMINAL_OUTPUT_SIZE];
};

void terminal_output_init(struct terminal_output *output);

/* One byte, processed by the settings.  False: no room for what it becomes; nothing was done. */
bool terminal_output_put(struct terminal_output *output, const struct terminal_settings *settings,
                         uint8_t byte);
/* One printing byte as it is. */
bool terminal_output_put_raw(struct terminal_output *output, uint8_t byte);
/* A backspace, whatever the settings are; and what one does to the column. */
bool terminal_output_put_backspace(struct terminal_output *output);
void terminal_output_back_up(struct terminal_output *output);

/* Gives bytes to the device, which may take fewer, unless the output is stopped. */
void terminal_output_drain(struct terminal_output *output,
                           size_t (*device_write)(struct tty *tty, const char *bytes, size_t size),
                           struct tty *tty);
void terminal_output_flush(struct terminal_output *output);

static inline bool terminal_output_is_stopped(const struct terminal_output *output)
{
    return output->stopped || output->held;
}

/* Does this byte continue a UTF-8 character? */
static inline bool is_continuation(const struct terminal_settings *settings, uint8_t byte)
{
    return (settings->input_flags & INPUT_UTF8) && (byte & 0xc0) == 0x80;
}

static inline bool is_control(uint8_t byte)
{
    return byte < 32 || byte == 127;
}

/* Letters of ASCII and Latin-1, as Linux's terminals know them. */
static inline bool is_upper_case(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 0xc0 && byte <= 0xde && byte != 0xd7);
}
static inline bool is_lower_case(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 0xdf && byte != 0xf7);
}
#define CASE_DISTANCE 32    /* from a capital to its small letter */
