/* The link over the second serial port: every PC has one, and it is slow. */
#include "machine/x86_64/port.h"
#include "machine/x86_64/transport.h"

#define SERIAL_INTERRUPT 3

static bool serial_link_init(void)
{
    return serial_init(SERIAL_LINK);
}

static void serial_link_interrupts(void)
{
    apic_route_isa(SERIAL_INTERRUPT, VECTOR_LINK);
    serial_enable_interrupts(SERIAL_LINK);
}

static void serial_link_write(const void *bytes, size_t size)
{
    serial_write(SERIAL_LINK, bytes, size);
}

static size_t serial_link_read(void *bytes, size_t room)
{
    unsigned char *next = bytes;
    size_t count = 0;
    int byte;

    while (count < room && (byte = serial_read(SERIAL_LINK)) >= 0)
        next[count++] = (unsigned char)byte;
    return count;
}

const struct link_transport transport_serial = {
    .name = "com2",
    .init = serial_link_init,
    .init_interrupts = serial_link_interrupts,
    .write = serial_link_write,
    .read = serial_link_read,
    .looks_are_dear = true,
};
