/*
 * The console: the kernel's messages and the terminal.
 *
 * With a runner both are messages on the link; without one both are the serial port.
 */
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

#define SERIAL_INTERRUPT 4
#define SCREEN_ROWS 24
#define SCREEN_COLUMNS 80

static _Atomic bool output_lock;

void console_init_early(void)
{
    (void)serial_init(SERIAL_CONSOLE);
}

void console_init_interrupts(void)
{
    apic_route_isa(SERIAL_INTERRUPT, VECTOR_SERIAL);
    serial_enable_interrupts(SERIAL_CONSOLE);
    link_init_interrupts();
}

static void serial_write_text(const char *text, size_t length, bool add_return)
{
    for (size_t i = 0; i < length; i++) {
        if (add_return && text[i] == '\n')
            serial_write(SERIAL_CONSOLE, "\r", 1);
        serial_write(SERIAL_CONSOLE, text + i, 1);
    }
}

static void write_serial(const char *text, size_t length, bool add_return)
{
    bool were_on = lock_take(&output_lock);

    serial_write_text(text, length, add_return);
    lock_release(&output_lock, were_on);
}

static enum link_output kind_of(enum machine_stream stream)
{
    switch (stream) {
    case MACHINE_STREAM_LOG:
        return LINK_LOG;
    case MACHINE_STREAM_TRACE:
        return LINK_TRACE;
    case MACHINE_STREAM_REPORT:
        return LINK_REPORT;
    case MACHINE_STREAM_GRAPH:
        return LINK_GRAPH;
    case MACHINE_STREAM_TERMINAL:
        return LINK_TERMINAL;
    }
    __builtin_unreachable();
}

size_t machine_console_write(enum machine_stream stream, const char *text, size_t length)
{
    if (link_is_up())
        link_send(kind_of(stream), (struct link_part){ NULL, 0 },
                  (struct link_part){ text, length });
    else if (stream != MACHINE_STREAM_REPORT && stream != MACHINE_STREAM_GRAPH)
        write_serial(text, length, stream != MACHINE_STREAM_TERMINAL);
    return length;
}

int machine_console_read(void)
{
    return link_is_up() ? link_read_key() : serial_read(SERIAL_CONSOLE);
}

void machine_console_size(uint16_t *rows, uint16_t *columns)
{
    *rows = SCREEN_ROWS;
    *columns = SCREEN_COLUMNS;
    if (link_is_up())
        link_terminal_size(rows, columns);
}
