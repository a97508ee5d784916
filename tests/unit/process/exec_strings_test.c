/* Arguments and environment of a new program: order, growth, and Linux's limits on them. */
#include "process/exec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/page.h"
#include "memory/pool.h"

#define KIB UINT64_C(1024)

static struct exec_strings strings;
static char long_text[256 * 1024];

static void begin(uint64_t stack_limit)
{
    fake_machine_init(64 << 20);
    page_allocator_init();
    exec_strings_init(&strings, stack_limit);
}

static void make_text(size_t length)
{
    memset(long_text, 'x', length);
    long_text[length] = '\0';
}

START_TEST(strings_lie_in_order)
{
    begin(8 << 20);
    ck_assert_int_eq(exec_strings_add_argument(&strings, "one"), 0);
    ck_assert_int_eq(exec_strings_add_argument(&strings, ""), 0);
    ck_assert_int_eq(exec_strings_add_environment(&strings, "A=b"), 0);
    ck_assert_uint_eq(strings.argument_count, 2);
    ck_assert_uint_eq(strings.environment_count, 1);
    ck_assert_uint_eq(strings.arguments_size, 5);
    ck_assert_uint_eq(strings.size, 9);
    ck_assert_mem_eq(strings.bytes, "one\0\0A=b", 9);
    exec_strings_destroy(&strings);
    ck_assert_ptr_null(strings.bytes);
}
END_TEST

START_TEST(much_is_kept)
{
    char text[32];

    begin(8 << 20);
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "argument %d", i);
        ck_assert_int_eq(exec_strings_add_argument(&strings, text), 0);
    }
    ck_assert_str_eq(strings.bytes, "argument 0");
    ck_assert_str_eq(strings.bytes + strings.size - sizeof("argument 4999"), "argument 4999");
}
END_TEST

START_TEST(one_string_has_a_limit)
{
    begin(64 << 20);
    make_text(128 * KIB - 1);
    ck_assert_int_eq(exec_strings_add_argument(&strings, long_text), 0);
    make_text(128 * KIB);
    ck_assert_int_eq(exec_strings_add_argument(&strings, long_text), -E2BIG);
    ck_assert_uint_eq(strings.argument_count, 1);
}
END_TEST

/* Strings of 64 KiB with their pointers, until no more are taken. */
static unsigned count_until_full(uint64_t stack_limit)
{
    unsigned count = 0;
    int error = 0;

    begin(stack_limit);
    make_text(64 * KIB - 1 - sizeof(uint64_t));
    while (!error) {
        error = exec_strings_add_environment(&strings, long_text);
        count += !error;
    }
    ck_assert_int_eq(error, -E2BIG);
    return count;
}

START_TEST(all_together_are_a_quarter_of_the_stack)
{
    ck_assert_uint_eq(count_until_full(8 << 20), 2048 / 64);
    ck_assert_uint_eq(count_until_full(4 << 20), 1024 / 64);
}
END_TEST

START_TEST(small_stacks_still_take_128_kib)
{
    ck_assert_uint_eq(count_until_full(64 * KIB), 128 / 64);
    ck_assert_uint_eq(count_until_full(0), 128 / 64);
}
END_TEST

START_TEST(no_stack_takes_more_than_6_mib)
{
    ck_assert_uint_eq(count_until_full(UINT64_MAX), 6 * 1024 / 64);
}
END_TEST

START_TEST(empty_strings_cost_their_pointers)
{
    unsigned count = 0;

    begin(0);
    while (exec_strings_add_argument(&strings, "") == 0)
        count++;
    ck_assert_uint_eq(count, 128 * KIB / 9);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    begin(64 << 20);
    fake_machine_init(64 << 10);
    page_allocator_init();
    make_text(100 * KIB);
    ck_assert_int_eq(exec_strings_add_argument(&strings, long_text), -ENOMEM);
    ck_assert_uint_eq(strings.size, 0);
}
END_TEST

TEST_MAIN("process/exec_strings", strings_lie_in_order, much_is_kept, one_string_has_a_limit,
          all_together_are_a_quarter_of_the_stack, small_stacks_still_take_128_kib,
          no_stack_takes_more_than_6_mib, empty_strings_cost_their_pointers,
          no_memory_is_an_error)
