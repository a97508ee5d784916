/*
 * panic() for tests that do not test it: prints the message and aborts, so that a test which must
 * panic is one that must raise SIGABRT.  Stands in for all of debug/panic.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "debug/panic.h"
#include "lib/assert.h"

void panic(const char *pattern, ...)
{
    va_list arguments;

    va_start(arguments, pattern);
    fputs("panic: ", stderr);
    vfprintf(stderr, pattern, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    abort();
}

void assert_failed(const char *condition, const char *file, int line)
{
    panic("%s:%d: %s does not hold", file, line, condition);
}

void panic_set_hooks(const struct panic_hooks *hooks)
{
    (void)hooks;
}

void panic_line(const char *pattern, ...)
{
    (void)pattern;
}
