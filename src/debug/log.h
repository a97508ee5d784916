#pragma once
/*
 * Kernel log: a ring that /dev/kmsg and panics read, and lines on the console's log stream for
 * messages at or above the level of the option `log-level` (default: warning).
 *
 * Context of all: any; takes no lock that a caller may hold.
 */
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

void log_init(void);
/* One line, without the newline: "eft: message" on the console. */
void log_line(enum log_level level, const char *pattern, ...)
    __attribute__((format(printf, 2, 3)));
/* Copies the kept bytes from `position` (counted since boot) on; returns how many, and moves
 * *position forward past what was already overwritten. */
size_t log_read(uint64_t *position, char *text, size_t size);
