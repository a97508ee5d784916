#pragma once
/* Bounded string helpers.  No function here reads past a NUL or writes past a size. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

size_t text_length(const char *text);
/* Length, but at most `limit`. */
size_t text_length_bounded(const char *text, size_t limit);
bool text_equal(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);
/* <0, 0 or >0 as strcmp, by unsigned bytes. */
int text_compare(const char *a, const char *b);
/* First place of the byte, or NULL. */
const char *text_find(const char *text, char byte);
/* Copies and always terminates; returns whether all of `source` fitted.  size > 0. */
bool text_copy(char *target, const char *source, size_t size);
/* Decimal, or hexadecimal after 0x; the whole text must be one number.  -EINVAL, -ERANGE. */
MUST_CHECK int text_parse_number(const char *text, uint64_t *value);
/* The same with an optional suffix K, M, G or T (powers of 1024), upper or lower case. */
MUST_CHECK int text_parse_size(const char *text, uint64_t *value);
