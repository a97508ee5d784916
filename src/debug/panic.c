/*
 * Panic: the kernel has found itself broken.  Prints once what a person needs to find out why,
 * then stops the machine.
 *
 * Everything here works with any lock held and any structure damaged: no lock is taken, nothing
 * is allocated, and a panic inside the panic ends it with one more line.
 */
#include "debug/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include "config.h"
#include "debug/backtrace.h"
#include "debug/trace.h"
#include "lib/assert.h"
#include "lib/format.h"
#include "machine/machine.h"

#define LINE_SIZE 320
#define TRACE_EVENTS_SHOWN 32
#define PANIC_STATUS 120
#define NOBODY UINT32_MAX

static const struct panic_hooks *panic_hooks;    /* constant after boot */
static _Atomic uint32_t panicking_cpu = NOBODY;

void panic_set_hooks(const struct panic_hooks *hooks)
{
    panic_hooks = hooks;
}

static void print_line(const char *prefix, const char *text)
{
    char line[LINE_SIZE + 16];
    size_t length = format(line, sizeof(line), "eft: %s%s\n", prefix, text);

    if (length >= sizeof(line)) {
        length = sizeof(line) - 1;
        line[length - 1] = '\n';
    }
    machine_console_write(MACHINE_STREAM_LOG, line, length);
}

void panic_line(const char *pattern, ...)
{
    char text[LINE_SIZE];
    va_list arguments;

    va_start(arguments, pattern);
    format_arguments(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    print_line("", text);
}

static void print_indented(const char *text)
{
    print_line("  ", text);
}

static void print_backtrace(uintptr_t frame)
{
    uintptr_t low = frame;
    uintptr_t high = frame + KERNEL_STACK_SIZE;

    if (panic_hooks)
        panic_hooks->stack_bounds(frame, &low, &high);
    panic_line("backtrace:");
    backtrace_print(frame, low, high, print_indented);
}

static void print_state(uintptr_t frame)
{
    if (panic_hooks)
        panic_hooks->report();
    print_backtrace(frame);
    panic_line("last events ([cpu] number event):");
    trace_print_last(TRACE_EVENTS_SHOWN, print_indented);
    panic_line("seed %llu", (unsigned long long)machine_info()->random_seed);
}

/* Returns on the first CPU that panics, the first time. */
static void become_panicking_cpu(const char *message)
{
    uint32_t expected = NOBODY;
    uint32_t self = machine_cpu_index();

    if (atomic_compare_exchange_strong(&panicking_cpu, &expected, self))
        return;
    if (expected == self) {
        print_line("panic while panicking: ", message);
        machine_halt(MACHINE_HALT_PANIC, PANIC_STATUS);
    }
    for (;;)    /* the first one halts the machine */
        machine_cpu_relax();
}

void panic(const char *pattern, ...)
{
    char message[LINE_SIZE - 16];
    va_list arguments;

    machine_interrupts_disable();
    va_start(arguments, pattern);
    format_arguments(message, sizeof(message), pattern, arguments);
    va_end(arguments);

    become_panicking_cpu(message);
    print_line("panic: ", message);
    print_state((uintptr_t)__builtin_frame_address(0));
    machine_halt(MACHINE_HALT_PANIC, PANIC_STATUS);
}

void assert_failed(const char *condition, const char *file, int line)
{
    panic("%s:%d: %s does not hold", file, line, condition);
}
