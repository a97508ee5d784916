/*
 * The serial ports (16550): COM1 is the console, COM2 the link to the runner (link.c).
 *
 * Bytes are sent one by one, waiting for room each time; received bytes wait in the port until
 * somebody reads them.
 */
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/port.h"

#define REGISTER_DATA 0
#define REGISTER_INTERRUPTS 1
#define REGISTER_FIFO 2
#define REGISTER_LINE 3
#define REGISTER_MODEM 4
#define REGISTER_STATUS 5
#define REGISTER_SCRATCH 7

#define DIVISOR_115200 1
#define LINE_DIVISOR 0x80
#define LINE_8_BITS 0x03
#define FIFO_ON_AND_CLEAR 0x07
#define MODEM_READY 0x0b            /* DTR, RTS, and the line that lets interrupts out */
#define STATUS_DATA 0x01
#define STATUS_ROOM 0x20
#define SCRATCH_TEST 0x5a
#define ROOM_WAIT_MAX 100000000u    /* looks; then the byte is dropped: nobody is there */

static const uint16_t bases[SERIAL_PORTS] = { 0x3f8, 0x2f8 };
static bool is_present[SERIAL_PORTS];

bool serial_init(enum serial_port port)
{
    uint16_t base = bases[port];

    port_write_8(base + REGISTER_SCRATCH, SCRATCH_TEST);
    is_present[port] = port_read_8(base + REGISTER_SCRATCH) == SCRATCH_TEST;
    if (!is_present[port])
        return false;
    port_write_8(base + REGISTER_INTERRUPTS, 0);
    port_write_8(base + REGISTER_LINE, LINE_DIVISOR);
    port_write_8(base + REGISTER_DATA, DIVISOR_115200);
    port_write_8(base + REGISTER_INTERRUPTS, 0);
    port_write_8(base + REGISTER_LINE, LINE_8_BITS);
    port_write_8(base + REGISTER_FIFO, FIFO_ON_AND_CLEAR);
    port_write_8(base + REGISTER_MODEM, MODEM_READY);
    return true;
}

void serial_enable_interrupts(enum serial_port port)
{
    if (is_present[port])
        port_write_8(bases[port] + REGISTER_INTERRUPTS, 1);    /* data received */
}

static bool wait_for_room(uint16_t base)
{
    for (unsigned i = 0; i < ROOM_WAIT_MAX; i++) {
        if (port_read_8(base + REGISTER_STATUS) & STATUS_ROOM)
            return true;
        cpu_pause();
    }
    return false;
}

void serial_write(enum serial_port port, const void *bytes, size_t size)
{
    const uint8_t *next = bytes;

    if (!is_present[port])
        return;
    for (size_t i = 0; i < size; i++) {
        if (!wait_for_room(bases[port])) {
            is_present[port] = false;
            return;
        }
        port_write_8(bases[port] + REGISTER_DATA, next[i]);
    }
}

int serial_read(enum serial_port port)
{
    if (!is_present[port] || !(port_read_8(bases[port] + REGISTER_STATUS) & STATUS_DATA))
        return -1;
    return port_read_8(bases[port] + REGISTER_DATA);
}
