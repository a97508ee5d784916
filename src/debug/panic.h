#pragma once
/*
 * What a panic prints beyond its message.  panic() itself is declared in lib/assert.h.
 *
 * This layer knows no threads, so those who do hang their reports in here.
 */
#include <stdint.h>

struct panic_hooks {
    /* Prints CPUs, threads and locks with panic_line.  Takes no lock: the owner may be dead. */
    void (*report)(void);
    /* The stack that `frame` lies on. */
    void (*stack_bounds)(uintptr_t frame, uintptr_t *low, uintptr_t *high);
};

/* At boot, once. */
void panic_set_hooks(const struct panic_hooks *hooks);

/* One line of a report on the console, without the newline. */
void panic_line(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
