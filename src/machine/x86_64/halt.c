/*
 * The end, in all its ways.
 *
 * The runner learns why and with which status by a message on the link; QEMU then ends by its exit
 * port, if the command line names it (exit-port=0xf4), else by ACPI's power-off.  A machine that
 * has neither stops.
 *
 * The exit port makes QEMU's own status (value << 1 | 1), which has seven bits: enough to see that
 * something went wrong, not enough for a program's status.
 */
#include <stdarg.h>

#include "lib/format.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

#define LINE_SIZE 256
#define POWER_SLEEP_ENABLE (1u << 13)

static void print_line(const char *pattern, va_list arguments)
{
    char line[LINE_SIZE] = "eft: ";
    size_t length = 5 + format_arguments(line + 5, sizeof(line) - 6, pattern, arguments);

    if (length > sizeof(line) - 2)
        length = sizeof(line) - 2;
    line[length++] = '\n';
    machine_console_write(MACHINE_STREAM_LOG, line, length);
}

void port_log(const char *pattern, ...)
{
    va_list arguments;

    va_start(arguments, pattern);
    print_line(pattern, arguments);
    va_end(arguments);
}

void port_refuse(const char *pattern, ...)
{
    va_list arguments;

    va_start(arguments, pattern);
    print_line(pattern, arguments);
    va_end(arguments);
    machine_halt(MACHINE_HALT_REFUSED, 0);
}

static void leave_by_exit_port(enum machine_halt why, int status)
{
    const char *option = port_option("exit-port");
    uint64_t port;

    if (option && text_parse_number(option, &port) == 0 && port <= UINT16_MAX)
        port_write_32((uint16_t)port, why == MACHINE_HALT_OK ? (uint32_t)status & 0x7f : 0x7f);
}

static uint16_t sleep_value(uint16_t kind)
{
    return (uint16_t)((uint32_t)kind << 10 | POWER_SLEEP_ENABLE);
}

static void power_off(void)
{
    const struct acpi *tables = acpi();

    if (!tables->has_power_off)
        return;
    port_write_16(tables->pm_control_a, sleep_value(tables->power_off_a));
    if (tables->pm_control_b)
        port_write_16(tables->pm_control_b, sleep_value(tables->power_off_b));
}

void machine_halt(enum machine_halt why, int status)
{
    machine_interrupts_disable();
    smp_stop_others(why == MACHINE_HALT_PANIC);
    observe_finish();
    link_send_end(why, status);
    leave_by_exit_port(why, status);
    power_off();
    cpu_stop();
}

/* Nobody could continue it. */
void machine_suspend(void)
{
}
