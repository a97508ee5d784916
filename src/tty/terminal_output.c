/*
 * Output processing: what becomes of newlines, carriage returns and tabs, and which column the
 * cursor is in afterwards.
 */
#include "tty/terminal_output.h"

#include "lib/assert.h"

#define TAB_STOPS 8u

void terminal_output_init(struct terminal_output *output)
{
    ring_init(&output->ring, output->storage, sizeof(output->storage));
    output->column = 0;
    output->line_column = 0;
    output->stopped = false;
    output->held = false;
}

static bool put_bytes(struct terminal_output *output, const char *bytes, size_t count)
{
    if (ring_space(&output->ring) < count)
        return false;

    size_t written = ring_write(&output->ring, bytes, count);

    ASSERT(written == count);
    return true;
}

bool terminal_output_put_raw(struct terminal_output *output, uint8_t byte)
{
    const char text[1] = { (char)byte };

    if (!put_bytes(output, text, 1))
        return false;
    output->column++;
    return true;
}

void terminal_output_back_up(struct terminal_output *output)
{
    if (output->column > 0)
        output->column--;
}

bool terminal_output_put_backspace(struct terminal_output *output)
{
    if (!put_bytes(output, "\b", 1))
        return false;
    terminal_output_back_up(output);
    return true;
}

static bool put_newline(struct terminal_output *output, uint32_t flags)
{
    bool returns = flags & (OUTPUT_NL_TO_CRNL | OUTPUT_NL_RETURNS);
    bool done = flags & OUTPUT_NL_TO_CRNL ? put_bytes(output, "\r\n", 2)
                                          : put_bytes(output, "\n", 1);

    if (done && returns)
        output->column = 0;
    if (done)
        output->line_column = output->column;
    return done;
}

static bool put_return(struct terminal_output *output, uint32_t flags)
{
    if ((flags & OUTPUT_NO_CR_AT_0) && output->column == 0)
        return true;
    if (!(flags & OUTPUT_CR_TO_NL)) {
        if (!put_bytes(output, "\r", 1))
            return false;
        output->column = output->line_column = 0;
        return true;
    }
    if (!put_bytes(output, "\n", 1))
        return false;
    if (flags & OUTPUT_NL_RETURNS)
        output->column = output->line_column = 0;
    return true;
}

static bool put_tab(struct terminal_output *output, uint32_t flags)
{
    uint32_t spaces = TAB_STOPS - output->column % TAB_STOPS;
    bool done = (flags & OUTPUT_TAB_MASK) == OUTPUT_TAB_TO_SPACES
                    ? put_bytes(output, "        ", spaces)
                    : put_bytes(output, "\t", 1);

    if (done)
        output->column += spaces;
    return done;
}

static bool put_ordinary(struct terminal_output *output,
                         const struct terminal_settings *settings, uint8_t byte)
{
    bool is_printing = !is_control(byte);

    if ((settings->output_flags & OUTPUT_UPPER_CASE) && is_lower_case(byte))
        byte = (uint8_t)(byte - CASE_DISTANCE);

    const char text[1] = { (char)byte };

    if (!put_bytes(output, text, 1))
        return false;
    if (is_printing && !is_continuation(settings, byte))
        output->column++;
    return true;
}

bool terminal_output_put(struct terminal_output *output, const struct terminal_settings *settings,
                         uint8_t byte)
{
    uint32_t flags = settings->output_flags;

    if (!(flags & OUTPUT_PROCESS))
        return put_bytes(output, (const char[1]){ (char)byte }, 1);
    switch (byte) {
    case '\n':
        return put_newline(output, flags);
    case '\r':
        return put_return(output, flags);
    case '\t':
        return put_tab(output, flags);
    case '\b':
        return terminal_output_put_backspace(output);
    default:
        return put_ordinary(output, settings, byte);
    }
}

void terminal_output_drain(struct terminal_output *output,
                           size_t (*device_write)(struct tty *tty, const char *bytes, size_t size),
                           struct tty *tty)
{
    struct ring *ring = &output->ring;

    while (!terminal_output_is_stopped(output) && ring->count > 0) {
        size_t behind_start = ring->capacity - ring->start;
        size_t size = ring->count < behind_start ? ring->count : behind_start;
        size_t taken = device_write(tty, (const char *)ring->storage + ring->start, size);

        ASSERT(taken <= size);
        ring->start = (ring->start + taken) % ring->capacity;
        ring->count -= taken;
        if (taken < size)
            return;
    }
}

void terminal_output_flush(struct terminal_output *output)
{
    ring_init(&output->ring, output->storage, sizeof(output->storage));
}
