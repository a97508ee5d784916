#pragma once
/*
 * Assertions and the panic they end in.  They stay on in every build: a kernel that goes on
 * after a broken invariant destroys the evidence.  What a guest can cause is never asserted.
 *
 * panic() is declared here, below everything, and defined in debug/panic.c: the one written
 * exception to the layer table.
 */
#include <stdbool.h>

#include "lib/error.h"

/* Prints the message, the state of every CPU and a backtrace once, then halts the machine.
 * Context: any, including interrupts and with locks held.  Format as lib/format.h. */
_Noreturn void panic(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void assert_failed(const char *condition, const char *file, int line);

#define ASSERT(condition)                                            \
    do {                                                             \
        if (__builtin_expect(!(condition), 0))                       \
            assert_failed(#condition, __FILE__, __LINE__);           \
    } while (0)

/* If the first holds, so must the second. */
#define ASSERT_IMPLIES(premise, conclusion) ASSERT(!(premise) || (conclusion))

#define UNREACHABLE() assert_failed("unreachable", __FILE__, __LINE__)
