#pragma once
/*
 * Trace events: fixed-size binary records in one ring per CPU, declared once in events.def.
 * Always on (a record costs a few nanoseconds); the panic prints the last ones and gdb reads them.
 *
 * Context: any; takes no lock.
 */
#include <stddef.h>
#include <stdint.h>

enum trace_event {
#define EVENT(name, format) TRACE_##name,
#include "debug/events.def"
#undef EVENT
    TRACE_EVENT_COUNT
};

void trace_record(enum trace_event event, uint64_t a, uint64_t b, uint64_t c);
/* Formats the newest `count` events of all CPUs in the order of time, one line each, into
 * `sink`. */
void trace_print_last(size_t count, void (*sink)(const char *line));
