#pragma once
/* Walks up a kernel stack by its frame pointers. */
#include <stddef.h>
#include <stdint.h>

#define BACKTRACE_MAX 48

/* Return addresses from `frame` (a frame pointer) upwards, newest first; returns how many.  Reads
 * only within [low, high). */
size_t backtrace_collect(uintptr_t frame, uintptr_t low, uintptr_t high, uintptr_t *addresses,
                         size_t addresses_max);
/* The same as one line a frame, with names as far as the machine knows them. */
void backtrace_print(uintptr_t frame, uintptr_t low, uintptr_t high,
                     void (*sink)(const char *line));
