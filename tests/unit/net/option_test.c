/* Options: values, limits, who may set them, and the wrong ones. */
#include "net_fixture.h"

START_TEST(numbers_are_kept_within_their_limits)
{
    static const struct {
        int32_t option, value, result, shown;
    } cases[] = {
        { 7, 0, 0, 4608 },         { 7, 10000, 0, 20000 },    { 7, -1, 0, 8388608 },
        { 8, 1, 0, 2304 },         { 8, 5000000, 0, 8388608 }, { 2, 5, 0, 1 },
        { 2, 0, 0, 0 },            { 12, 3, 0, 3 },           { 16, 9, 0, 1 },
        { 18, 0, 0, 1 },           { 18, -5, 0, INT32_MAX },  { 42, 17, 0, 17 },
        { 15, 1, -EOPNOTSUPP, 0 }, { 15, 0, 0, 0 },           { 3, 1, -ENOPROTOOPT, 1 },
        { 4, 1, -ENOPROTOOPT, 0 }, { 19, 1, -ENOPROTOOPT, 1 }, { 30, 1, -ENOPROTOOPT, 0 },
        { 38, 1, -ENOPROTOOPT, 0 }, { 39, 1, -ENOPROTOOPT, 1 }, { 12, 7, -EPERM, 3 },
        { 1, 1, -EACCES, 0 },      { 1, 0, 0, 0 },            { 32, 1, -EPERM, 0 },
    };
    struct file *file;

    net_begin();
    file = open_socket(SOCKET_STREAM);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(set_option(file, cases[i].option, cases[i].value), cases[i].result);
        if (cases[i].option != 32)
            ck_assert_int_eq(get_option(file, cases[i].option), cases[i].shown);
    }
    file_release(file);
    net_end();
}
END_TEST

START_TEST(root_goes_beyond_them)
{
    struct socket_option option = { .number = 32, .size = 4, .is_root = true };
    struct file *file;

    net_begin();
    file = open_socket(SOCKET_STREAM);
    option.value.number = 100000000;
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), 0);
    ck_assert_int_eq(get_option(file, 7), 200000000);
    option.number = 33;
    option.value.number = -1;
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), 0);
    ck_assert_int_eq(get_option(file, 8), 2304);
    option.value.number = INT32_MAX;
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), 0);
    ck_assert_int_eq(get_option(file, 8), INT32_MAX - 1);
    file_release(file);
    net_end();
}
END_TEST

START_TEST(structures_are_kept)
{
    static const struct {
        int64_t seconds, microseconds;
        int result;
        int64_t shown_seconds, shown_microseconds;
    } times[] = {
        { 3, 500000, 0, 3, 500000 },  { 1, 1000000, -EDOM, 3, 500000 },
        { 1, -1, -EDOM, 3, 500000 },  { INT64_MAX, 0, 0, 0, 0 },
        { -1, 0, 0, 0, 0 },
    };
    struct socket_option option = { .number = 20, .size = 16 };
    struct file *file;

    net_begin();
    file = open_socket(SOCKET_STREAM);
    for (int number = 20; number <= 21; number++) {
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
            option = (struct socket_option){ .number = number, .size = 16 };
            option.value.words[0] = (uint64_t)times[i].seconds;
            option.value.words[1] = (uint64_t)times[i].microseconds;
            ck_assert_int_eq(socket_set_option(socket_of(file), &option), times[i].result);
            ck_assert_int_eq(socket_get_option(socket_of(file), &option), 0);
            ck_assert_uint_eq(option.size, 16);
            ck_assert_int_eq((int64_t)option.value.words[0], times[i].shown_seconds);
            ck_assert_int_eq((int64_t)option.value.words[1], times[i].shown_microseconds);
        }
        option.size = 8;
        ck_assert_int_eq(socket_set_option(socket_of(file), &option), -EINVAL);
    }
    option = (struct socket_option){ .number = 13, .size = 8, .value.words = { 0x700000001 } };
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), 0);
    option.value.words[0] = 0;
    ck_assert_int_eq(socket_get_option(socket_of(file), &option), 0);
    ck_assert_uint_eq(option.value.words[0], 0x700000001);
    option.size = 4;
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), -EINVAL);
    option.size = 3;
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), -EINVAL);
    option = (struct socket_option){ .number = 999, .size = 4 };
    ck_assert_int_eq(socket_set_option(socket_of(file), &option), -ENOPROTOOPT);
    ck_assert_int_eq(socket_get_option(socket_of(file), &option), -ENOPROTOOPT);
    file_release(file);
    net_end();
}
END_TEST

START_TEST(nobody_is_the_peer_before_there_is_one)
{
    struct socket_option option = { .number = 17 };
    struct file *file;

    net_begin();
    file = open_socket(SOCKET_STREAM);
    ck_assert_int_eq(socket_get_option(socket_of(file), &option), 0);
    ck_assert_uint_eq(option.size, 12);
    ck_assert_int_eq(option.value.number, 0);
    file_release(file);
    net_end();
}
END_TEST

TEST_MAIN("net/option", numbers_are_kept_within_their_limits, root_goes_beyond_them,
          structures_are_kept, nobody_is_the_peer_before_there_is_one)
