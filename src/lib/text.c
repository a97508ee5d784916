/*
 * Bounded string helpers and the parsing of numbers.
 *
 * Invariants: no function reads past a NUL (or past `limit` where there is one) nor writes past
 * a size; a parser that fails leaves the caller's value as it was.
 */
#include "lib/text.h"

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"

size_t text_length(const char *text)
{
    return text_length_bounded(text, SIZE_MAX);
}

size_t text_length_bounded(const char *text, size_t limit)
{
    size_t length = 0;

    while (length < limit && text[length] != '\0')
        length++;
    return length;
}

bool text_equal(const char *a, const char *b)
{
    return text_compare(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
    for (; *prefix != '\0'; text++, prefix++) {
        if (*text != *prefix)
            return false;
    }
    return true;
}

int text_compare(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

const char *text_find(const char *text, char byte)
{
    for (;; text++) {
        if (*text == byte)
            return text;
        if (*text == '\0')
            return NULL;
    }
}

bool text_copy(char *target, const char *source, size_t size)
{
    ASSERT(size > 0);

    size_t length = text_length_bounded(source, size);
    bool fits = length < size;
    size_t copied = fits ? length : size - 1;

    memcpy(target, source, copied);
    target[copied] = '\0';
    return fits;
}

/* Value of a digit, or 16 for anything that is none. */
static unsigned digit_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return (unsigned)(byte - '0');
    if (byte >= 'a' && byte <= 'f')
        return (unsigned)(byte - 'a') + 10;
    if (byte >= 'A' && byte <= 'F')
        return (unsigned)(byte - 'A') + 10;
    return 16;
}

/* Reads the digits at *text and moves *text behind them.  All digits are looked at even when
 * the number is already too large, so that "99999999999999999999x" is malformed, not large. */
MUST_CHECK static int parse_digits(const char **text, uint64_t *value)
{
    uint64_t base = 10;
    uint64_t number = 0;
    bool overflows = false;
    const char *at = *text;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        at += 2;
    }
    if (digit_value(*at) >= base)
        return -EINVAL;
    for (; digit_value(*at) < base; at++) {
        overflows |= multiply_overflows(number, base, &number);
        overflows |= add_overflows(number, digit_value(*at), &number);
    }
    *text = at;
    *value = number;
    return overflows ? -ERANGE : 0;
}

int text_parse_number(const char *text, uint64_t *value)
{
    uint64_t number = 0;
    int error = parse_digits(&text, &number);

    if (error == -EINVAL || *text != '\0')
        return -EINVAL;
    if (error)
        return error;
    *value = number;
    return 0;
}

/* The binary logarithm of what a suffix multiplies with; 0 for none; -EINVAL for another byte. */
MUST_CHECK static int suffix_shift(char suffix)
{
    switch (suffix) {
    case '\0':
        return 0;
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return -EINVAL;
    }
}

int text_parse_size(const char *text, uint64_t *value)
{
    uint64_t number = 0;
    int error = parse_digits(&text, &number);

    if (error == -EINVAL)
        return error;

    int shift = suffix_shift(*text);

    if (shift < 0 || (shift > 0 && text[1] != '\0'))
        return -EINVAL;
    if (error)
        return error;
    if (multiply_overflows(number, UINT64_C(1) << shift, &number))
        return -ERANGE;
    *value = number;
    return 0;
}
