/* String helpers, and number parsing with everything that a user can type wrongly. */
#include "lib/text.h"

#include <string.h>

#include "harness/test.h"

START_TEST(lengths)
{
    static const char unterminated[3] = { 'a', 'b', 'c' };

    ck_assert_uint_eq(text_length(""), 0);
    ck_assert_uint_eq(text_length("four"), 4);
    ck_assert_uint_eq(text_length_bounded("four", 9), 4);
    ck_assert_uint_eq(text_length_bounded("four", 2), 2);
    ck_assert_uint_eq(text_length_bounded(unterminated, 3), 3);
    ck_assert_uint_eq(text_length_bounded(unterminated, 0), 0);
}
END_TEST

START_TEST(comparison_agrees_with_strcmp)
{
    static const char *const words[] = { "", "a", "aa", "ab", "b", "a\xff", "\x80", "A" };
    static const size_t count = sizeof(words) / sizeof(words[0]);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int ours = text_compare(words[i], words[j]);
            int theirs = strcmp(words[i], words[j]);

            ck_assert_int_eq((ours > 0) - (ours < 0), (theirs > 0) - (theirs < 0));
            ck_assert(text_equal(words[i], words[j]) == (i == j));
        }
    }
}
END_TEST

START_TEST(prefixes)
{
    ck_assert(text_starts_with("trace-file", "trace"));
    ck_assert(text_starts_with("trace", "trace"));
    ck_assert(text_starts_with("trace", ""));
    ck_assert(!text_starts_with("tra", "trace"));
    ck_assert(!text_starts_with("", "t"));
}
END_TEST

START_TEST(finding_a_byte)
{
    const char *text = "path/to/file";

    ck_assert_ptr_eq(text_find(text, '/'), text + 4);
    ck_assert_ptr_null(text_find(text, 'z'));
    ck_assert_ptr_eq(text_find(text, '\0'), text + 12);
    ck_assert_ptr_null(text_find("", 'a'));
}
END_TEST

START_TEST(copies_terminate_and_tell_cuts)
{
    char target[6];

    memset(target, '#', sizeof(target));
    ck_assert(text_copy(target, "abcd", 5));
    ck_assert_mem_eq(target, "abcd\0#", 6);
    memset(target, '#', sizeof(target));
    ck_assert(!text_copy(target, "abcde", 5));
    ck_assert_mem_eq(target, "abcd\0#", 6);
    ck_assert(!text_copy(target, "x", 1));
    ck_assert_str_eq(target, "");
    ck_assert(text_copy(target, "", 1));
}
END_TEST

struct parse_case {
    const char *text;
    int error;
    uint64_t value;
};

static void check_parser(int (*parse)(const char *, uint64_t *), const struct parse_case *cases,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0x5afe;
        int error = parse(cases[i].text, &value);

        ck_assert_msg(error == cases[i].error, "'%s' gives error %d, not %d", cases[i].text, error,
                      cases[i].error);
        ck_assert_msg(value == (error ? 0x5afe : cases[i].value), "'%s' gives %llu", cases[i].text,
                      (unsigned long long)value);
    }
}

START_TEST(numbers)
{
    static const struct parse_case cases[] = {
        { "0", 0, 0 },
        { "7", 0, 7 },
        { "007", 0, 7 },
        { "18446744073709551615", 0, UINT64_MAX },
        { "000000000000000000000000000000001", 0, 1 },
        { "0x0", 0, 0 },
        { "0xfF", 0, 255 },
        { "0Xffffffffffffffff", 0, UINT64_MAX },
        { "18446744073709551616", -ERANGE, 0 },
        { "0x10000000000000000", -ERANGE, 0 },
        { "99999999999999999999999", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { "+1", -EINVAL, 0 },
        { " 1", -EINVAL, 0 },
        { "1 ", -EINVAL, 0 },
        { "0x", -EINVAL, 0 },
        { "0xg", -EINVAL, 0 },
        { "12a", -EINVAL, 0 },
        { "1k", -EINVAL, 0 },
        { "99999999999999999999x", -EINVAL, 0 },
    };

    check_parser(text_parse_number, cases, sizeof(cases) / sizeof(cases[0]));
}
END_TEST

START_TEST(sizes)
{
    static const struct parse_case cases[] = {
        { "512", 0, 512 },
        { "1k", 0, 1024 },
        { "1K", 0, 1024 },
        { "64M", 0, UINT64_C(64) << 20 },
        { "3m", 0, UINT64_C(3) << 20 },
        { "2G", 0, UINT64_C(2) << 30 },
        { "2g", 0, UINT64_C(2) << 30 },
        { "1T", 0, UINT64_C(1) << 40 },
        { "0x10k", 0, 16384 },
        { "0T", 0, 0 },
        { "16777215T", 0, UINT64_C(16777215) << 40 },
        { "16777216T", -ERANGE, 0 },
        { "18446744073709551615K", -ERANGE, 0 },
        { "18446744073709551616", -ERANGE, 0 },
        { "18446744073709551616K", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { "K", -EINVAL, 0 },
        { "1KB", -EINVAL, 0 },
        { "1KK", -EINVAL, 0 },
        { "1P", -EINVAL, 0 },
        { "1.5G", -EINVAL, 0 },
        { "-1K", -EINVAL, 0 },
        { "99999999999999999999KB", -EINVAL, 0 },
    };

    check_parser(text_parse_size, cases, sizeof(cases) / sizeof(cases[0]));
}
END_TEST

TEST_MAIN("lib/text", lengths, comparison_agrees_with_strcmp, prefixes, finding_a_byte,
          copies_terminate_and_tell_cuts, numbers, sizes)
