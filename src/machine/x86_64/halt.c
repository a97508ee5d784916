/*
 * The end, in all its ways.
 *
 * The runner learns why and with which status by a message on the link; QEMU then ends by its exit
 * port, if the command line names it (exit-port=0xf4), else by ACPI's power-off.  A machine that
 * has neither stops.
 *
 * A new start is a reset of the machine, by the first of three ways that works (option reset=NAME:
 * by that alone).  A runner that has been told starts QEMU anew when the reset has ended it.
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
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_BUSY 0x02
#define KEYBOARD_RESET 0xfe
#define KEYBOARD_LOOKS 100000u
#define RESET_WAIT_NS UINT64_C(100000000)
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

/* ---- Power-off ----------------------------------------------------------------------------- */

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

/* ---- A new start --------------------------------------------------------------------------- */

static void reset_by_acpi(void)
{
    const struct acpi *tables = acpi();

    if (tables->reset_port)
        port_write_8(tables->reset_port, tables->reset_value);
    if (tables->reset_register)
        *tables->reset_register = tables->reset_value;
}

/* The keyboard's controller of the first PCs held the processor's reset line. */
static void reset_by_keyboard(void)
{
    for (unsigned i = 0; i < KEYBOARD_LOOKS; i++) {
        if (!(port_read_8(KEYBOARD_COMMAND) & KEYBOARD_BUSY))
            break;
        cpu_pause();
    }
    port_write_8(KEYBOARD_COMMAND, KEYBOARD_RESET);
}

/* A fault that cannot be delivered, nor can the double fault that follows from that. */
static void reset_by_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = { 0, 0 };

    __asm__ volatile("lidt %0; int3" : : "m"(nothing));
}

static void restart(void)
{
    static const struct {
        const char *name;
        void (*reset)(void);
    } ways[] = {
        { "acpi", reset_by_acpi }, { "keyboard", reset_by_keyboard }, { "fault", reset_by_fault },
    };
    const char *wanted = port_option("reset");

    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (wanted && !text_equal(wanted, ways[i].name))
            continue;
        ways[i].reset();
        clock_wait_ns(RESET_WAIT_NS);
    }
}

/* ---- All of them --------------------------------------------------------------------------- */

void machine_halt(enum machine_halt why, int status)
{
    machine_interrupts_disable();
    smp_stop_others(why == MACHINE_HALT_PANIC);
    observe_finish();
    link_send_end(why, status);
    if (why == MACHINE_HALT_RESTART)
        restart();
    leave_by_exit_port(why, status);
    power_off();
    cpu_stop();
}

/* Nobody could continue it. */
void machine_suspend(void)
{
}
