/*
 * Kernel log.
 *
 * Lines are kept as "<level>[seconds.microseconds] message\n", the form of /proc/kmsg.  `written`
 * counts bytes since boot; the ring holds the last LOG_SIZE of them.
 *
 * This layer is below sync/, so the lock is a plain flag, held with interrupts off and never while
 * anything else is called: it works in any context.
 */
#include "debug/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "config.h"
#include "debug/options.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "machine/machine.h"

#define LINE_SIZE 448

static struct {
    atomic_flag locked;

    /* Protected by `locked`. */
    uint64_t written;
    char text[LOG_SIZE];
} ring = { .locked = ATOMIC_FLAG_INIT };

static enum log_level console_level = LOG_WARNING;    /* constant after log_init */

/* The numbers of syslog(3), which readers of the log know. */
static const unsigned syslog_levels[] = {
    [LOG_ERROR] = 3, [LOG_WARNING] = 4, [LOG_NOTICE] = 5, [LOG_INFO] = 6, [LOG_DEBUG] = 7,
};

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
    [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

void log_init(void)
{
    const char *wanted = option_value("log-level");

    if (!wanted)
        return;
    for (unsigned level = 0; level < ARRAY_SIZE(level_names); level++) {
        if (text_equal(wanted, level_names[level])) {
            console_level = (enum log_level)level;
            return;
        }
    }
    log_line(LOG_WARNING, "unknown log level '%s'", wanted);
}

static bool ring_lock(void)
{
    bool were_on = machine_interrupts_disable();

    while (atomic_flag_test_and_set_explicit(&ring.locked, memory_order_acquire))
        machine_cpu_relax();
    return were_on;
}

static void ring_unlock(bool were_on)
{
    atomic_flag_clear_explicit(&ring.locked, memory_order_release);
    machine_interrupts_restore(were_on);
}

static void ring_append(const char *text, size_t length)
{
    bool were_on = ring_lock();

    for (size_t i = 0; i < length; i++)
        ring.text[ring.written++ % LOG_SIZE] = text[i];
    ring_unlock(were_on);
}

/* Room was left for the newline, also when the line was cut. */
static size_t end_line(struct text_builder *line)
{
    size_t length = line->length < line->size ? line->length : line->size - 1;

    line->text[length] = '\n';
    return length + 1;
}

void log_line(enum log_level level, const char *pattern, ...)
{
    char message[LINE_SIZE];
    char text[LINE_SIZE + 32];
    struct text_builder line;
    uint64_t now_us = machine_time_ns() / 1000;
    va_list arguments;

    va_start(arguments, pattern);
    format_arguments(message, sizeof(message), pattern, arguments);
    va_end(arguments);

    text_builder_init(&line, text, sizeof(text) - 1);
    text_builder_add(&line, "<%u>[%5llu.%06llu] %s", syslog_levels[level],
                     (unsigned long long)(now_us / 1000000),
                     (unsigned long long)(now_us % 1000000), message);
    ring_append(text, end_line(&line));

    if (level > console_level)
        return;
    text_builder_init(&line, text, sizeof(text) - 1);
    text_builder_add(&line, "eft: %s", message);
    machine_console_write(MACHINE_STREAM_LOG, text, end_line(&line));
}

size_t log_read(uint64_t *position, char *text, size_t size)
{
    bool were_on = ring_lock();
    uint64_t oldest = ring.written > LOG_SIZE ? ring.written - LOG_SIZE : 0;
    size_t copied = 0;

    if (*position < oldest)
        *position = oldest;
    while (copied < size && *position < ring.written)
        text[copied++] = ring.text[(*position)++ % LOG_SIZE];
    ring_unlock(were_on);
    return copied;
}
