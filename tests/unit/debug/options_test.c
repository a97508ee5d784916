/* Options of the boot. */
#include "debug/options.h"

#include "harness/fake_machine.h"
#include "harness/test.h"

static const char *const options[] = {
    "trace", "log-level=info", "trace-file=/tmp/x", "empty=", "log-level=debug", "a=b=c", NULL,
};

static void begin(void)
{
    fake_machine_init(0);
    fake_machine_info.options = options;
}

START_TEST(option_value_of_the_last_of_the_name)
{
    begin();
    ck_assert_str_eq(option_value("log-level"), "debug");
}
END_TEST

START_TEST(option_value_is_empty_without_one)
{
    begin();
    ck_assert_str_eq(option_value("trace"), "");
    ck_assert_str_eq(option_value("empty"), "");
}
END_TEST

START_TEST(option_name_must_match_as_a_whole)
{
    begin();
    ck_assert_ptr_null(option_value("log"));
    ck_assert_ptr_null(option_value("trace-fil"));
    ck_assert_ptr_null(option_value("log-level-x"));
    ck_assert_str_eq(option_value("trace-file"), "/tmp/x");
}
END_TEST

START_TEST(option_value_keeps_later_equal_signs)
{
    begin();
    ck_assert_str_eq(option_value("a"), "b=c");
}
END_TEST

START_TEST(option_without_any_options)
{
    fake_machine_init(0);
    ck_assert_ptr_null(option_value("trace"));
    ck_assert(!option_is_set("trace"));
    begin();
    ck_assert(option_is_set("trace"));
    ck_assert(!option_is_set("absent"));
}
END_TEST

TEST_MAIN("debug/options", option_value_of_the_last_of_the_name, option_value_is_empty_without_one,
          option_name_must_match_as_a_whole, option_value_keeps_later_equal_signs,
          option_without_any_options)
