#pragma once
/*
 * Bounded formatting for the log, panics, procfs and traces.
 *
 * Conversions: %c %s %d %i %u %x %X %o %p %% with flags `0`, `-`, `+`, ` `, `#`, width and
 * precision (also `*`), sizes hh h l ll z j.  No floating point.
 */
#include <stdarg.h>
#include <stddef.h>

/* As snprintf: always terminates if size > 0, returns the length that was wanted. */
size_t format(char *text, size_t size, const char *pattern, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_arguments(char *text, size_t size, const char *pattern, va_list list)
    __attribute__((format(printf, 3, 0)));

/* Text that grows piece by piece in a fixed buffer; what does not fit is cut and counted. */
struct text_builder {
    char *text;
    size_t size;
    size_t length;    /* what was wanted; >= size means cut */
};

void text_builder_init(struct text_builder *builder, char *text, size_t size);
void text_builder_add(struct text_builder *builder, const char *pattern, ...)
    __attribute__((format(printf, 2, 3)));
