/*
 * Formatting: thousands of random conversions compared with the host's snprintf, and the cases
 * about cutting, counting and unusual arguments one by one.
 */
#include "lib/format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness/test.h"
#include "lib/random.h"

#define ROUNDS 50000
#define TEXT_SIZE 160
#define GUARD '#'

/* One call, made through our function or through the host's. */
#define FORMAT_BOTH(pattern, ...)                                            \
    do {                                                                     \
        memset(ours, GUARD, sizeof(ours));                                   \
        memset(theirs, GUARD, sizeof(theirs));                               \
        our_length = format(ours, size, pattern, __VA_ARGS__);               \
        their_length = (size_t)snprintf(theirs, size, pattern, __VA_ARGS__); \
    } while (0)

static char ours[TEXT_SIZE], theirs[TEXT_SIZE];
static size_t our_length, their_length, size;

static void check_same(const char *pattern)
{
    ck_assert_msg(our_length == their_length && memcmp(ours, theirs, sizeof(ours)) == 0,
                  "\"%s\" with size %zu: ours %zu \"%.*s\", the host's %zu \"%.*s\"", pattern, size,
                  our_length, TEXT_SIZE, ours, their_length, TEXT_SIZE, theirs);
}

/* Appends a random choice of the flags, a width and a precision; returns the end. */
static char *random_layout(struct random *random, char *at, const char *flags)
{
    for (; *flags; flags++) {
        if (random_below(random, 3) == 0)
            *at++ = *flags;
    }
    if (random_below(random, 2))
        at += snprintf(at, 4, "%u", (unsigned)(1 + random_below(random, 30)));
    if (random_below(random, 2)) {
        *at++ = '.';
        if (random_below(random, 4))
            at += snprintf(at, 4, "%u", (unsigned)random_below(random, 30));
    }
    return at;
}

/* Numbers near the edges of every type as well as anywhere. */
static uint64_t random_number(struct random *random)
{
    uint64_t value = random_next(random) >> random_below(random, 64);

    switch (random_below(random, 4)) {
    case 0:
        return UINT64_C(1) << random_below(random, 64);
    case 1:
        return (UINT64_C(1) << random_below(random, 64)) - 1;
    case 2:
        return -value;
    default:
        return value;
    }
}

START_TEST(random_numbers_agree_with_the_host)
{
    static const char *const sizes[] = { "hh", "h", "", "l", "ll", "z", "j" };
    static const char conversions[] = "diuxXo";
    struct random random;

    random_init(&random, 6);
    for (int round = 0; round < ROUNDS; round++) {
        char pattern[64] = "<%";
        char conversion = conversions[random_below(&random, sizeof(conversions) - 1)];
        bool is_signed = conversion == 'd' || conversion == 'i';
        bool has_prefix = conversion == 'x' || conversion == 'X' || conversion == 'o';
        char *end = random_layout(&random, pattern + 2,
                                  is_signed    ? "-+ 0"
                                  : has_prefix ? "-#0"
                                               : "-0");
        size_t which = random_below(&random, 7);
        uint64_t value = random_number(&random);

        snprintf(end, 8, "%s%c>", sizes[which], conversion);
        size = random_below(&random, 8) ? TEXT_SIZE : random_below(&random, 30);
        if (which <= 2)
            FORMAT_BOTH(pattern, (int)value);
        else
            FORMAT_BOTH(pattern, (long)value);
        check_same(pattern);
    }
}
END_TEST

START_TEST(random_texts_agree_with_the_host)
{
    static const char *const words[] = { "", "a", "word", "a longer piece of text, with blanks" };
    struct random random;

    random_init(&random, 7);
    for (int round = 0; round < ROUNDS / 5; round++) {
        char pattern[64] = "<%";
        char *end = random_layout(&random, pattern + 2, "-");
        const char *word = words[random_below(&random, 4)];

        memcpy(end, "s>", 3);
        size = random_below(&random, 4) ? TEXT_SIZE : random_below(&random, 30);
        FORMAT_BOTH(pattern, word);
        check_same(pattern);
    }
}
END_TEST

START_TEST(stars_take_arguments)
{
    static const int counts[] = { -12, -1, 0, 1, 5, 20 };

    size = TEXT_SIZE;
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            FORMAT_BOTH("<%*.*d|%*s>", counts[i], counts[j], 345, counts[j], "abc");
            check_same("<%*.*d|%*s>");
        }
    }
}
END_TEST

START_TEST(characters_pointers_and_percent)
{
    size = TEXT_SIZE;
    FORMAT_BOTH("%c%5c%-5c|%%|%p|%20p|%-20p|%p", 'a', 'b', 'c', (void *)0x1234,
                (void *)0xfedcba9876543210, (void *)&size, NULL);
    check_same("characters");
    FORMAT_BOTH("[%c]", '\0');
    check_same("[%c] of NUL");
}
END_TEST

START_TEST(several_conversions_in_order)
{
    size = TEXT_SIZE;
    FORMAT_BOTH("%s=%d (%#x) %s%c %lu/%zu", "name", -5, 255u, "tail", '.', 7ul, (size_t)8);
    check_same("several");
}
END_TEST

START_TEST(more_arguments_than_registers)
{
    size = TEXT_SIZE;
    FORMAT_BOTH("%d %s %d %s %d %s %d %s %d %s", 1, "a", 2, "b", 3, "c", 4, "d", 5, "e");
    check_same("many");
}
END_TEST

START_TEST(cut_text_is_terminated_and_counted)
{
    char text[8];

    memset(text, GUARD, sizeof(text));
    ck_assert_uint_eq(format(text, 5, "%s", "abcdefgh"), 8);
    ck_assert_mem_eq(text, "abcd\0###", 8);
    ck_assert_uint_eq(format(text, 1, "%d", 12345), 5);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(format(NULL, 0, "%d", 12345), 5);
}
END_TEST

START_TEST(precision_bounds_how_far_text_is_read)
{
    static const char unterminated[3] = { 'x', 'y', 'z' };
    char text[8];

    ck_assert_uint_eq(format(text, sizeof(text), "%.3s", unterminated), 3);
    ck_assert_str_eq(text, "xyz");
}
END_TEST

START_TEST(null_text_is_named)
{
    char text[16];
    const char *volatile nothing = NULL; /* hidden from the compiler's own check */

    format(text, sizeof(text), "%s", nothing);
    ck_assert_str_eq(text, "(null)");
}
END_TEST

/* Patterns that the compiler would reject: the kernel never has them, a panic must survive them. */
START_TEST(malformed_patterns_are_written_as_they_stand)
{
    static const char *const patterns[] = { "%", "sure: %y", "%-08", "%ll", "%5.3q", "%k%" };

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *pattern = patterns[i];
        char text[32];

        ck_assert_uint_eq(format(text, sizeof(text), pattern, 0), strlen(pattern));
        ck_assert_str_eq(text, pattern);
    }
}
END_TEST

START_TEST(huge_widths_are_counted_not_written)
{
    char text[4];

    ck_assert_uint_eq(format(text, sizeof(text), "%*d", INT_MAX, 1), INT_MAX);
    ck_assert_str_eq(text, "   ");
    ck_assert_uint_eq(format(text, sizeof(text), "%.*d", INT_MAX, 1), INT_MAX);
    ck_assert_str_eq(text, "000");
    ck_assert_uint_eq(format(text, sizeof(text), "%*d", -INT_MAX, 1), INT_MAX);
    ck_assert_str_eq(text, "1  ");
}
END_TEST

START_TEST(builder_grows_and_cuts)
{
    struct text_builder builder;
    char text[8];

    text_builder_init(&builder, text, sizeof(text));
    ck_assert_str_eq(text, "");
    text_builder_add(&builder, "%d", 12);
    text_builder_add(&builder, "-%s", "ab");
    ck_assert_str_eq(text, "12-ab");
    ck_assert_uint_eq(builder.length, 5);
    text_builder_add(&builder, "%s", "cdef");
    ck_assert_str_eq(text, "12-abcd");
    ck_assert_uint_eq(builder.length, 9);
    text_builder_add(&builder, "more");
    ck_assert_str_eq(text, "12-abcd");
    ck_assert_uint_eq(builder.length, 13);
}
END_TEST

START_TEST(builder_without_room_only_counts)
{
    struct text_builder builder;

    text_builder_init(&builder, NULL, 0);
    text_builder_add(&builder, "%s", "abc");
    ck_assert_uint_eq(builder.length, 3);
}
END_TEST

TEST_MAIN("lib/format", random_numbers_agree_with_the_host, random_texts_agree_with_the_host,
          stars_take_arguments, characters_pointers_and_percent, several_conversions_in_order,
          more_arguments_than_registers, cut_text_is_terminated_and_counted,
          precision_bounds_how_far_text_is_read, null_text_is_named,
          malformed_patterns_are_written_as_they_stand, huge_widths_are_counted_not_written,
          builder_grows_and_cuts, builder_without_room_only_counts)
