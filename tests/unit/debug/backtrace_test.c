/* Backtrace: walks good stacks, survives bad ones. */
#include "debug/backtrace.h"

#include <stdio.h>
#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"

/* A stack made by hand: frames at some of its words. */
static uintptr_t stack[64];
static uintptr_t addresses[BACKTRACE_MAX];

static uintptr_t word(unsigned index)
{
    return (uintptr_t)&stack[index];
}

static void put_frame(unsigned index, uintptr_t caller_frame, uintptr_t return_address)
{
    stack[index] = caller_frame;
    stack[index + 1] = return_address;
}

static size_t collect_from(unsigned index)
{
    return backtrace_collect(word(index), word(0), word(0) + sizeof(stack), addresses,
                             BACKTRACE_MAX);
}

START_TEST(backtrace_follows_frames_upwards)
{
    put_frame(2, word(10), 0x111);
    put_frame(10, word(30), 0x222);
    put_frame(30, 0, 0x333);
    ck_assert_uint_eq(collect_from(2), 3);
    ck_assert_uint_eq(addresses[0], 0x111);
    ck_assert_uint_eq(addresses[1], 0x222);
    ck_assert_uint_eq(addresses[2], 0x333);
}
END_TEST

START_TEST(backtrace_ends_at_a_zero_return_address)
{
    put_frame(2, word(10), 0x111);
    put_frame(10, word(30), 0);
    put_frame(30, 0, 0x333);
    ck_assert_uint_eq(collect_from(2), 1);
}
END_TEST

START_TEST(backtrace_ends_at_a_frame_that_goes_down)
{
    put_frame(10, word(2), 0x111);
    put_frame(2, word(20), 0x222);
    ck_assert_uint_eq(collect_from(10), 1);
}
END_TEST

START_TEST(backtrace_ends_at_a_frame_that_points_to_itself)
{
    put_frame(10, word(10), 0x111);
    ck_assert_uint_eq(collect_from(10), 1);
}
END_TEST

START_TEST(backtrace_ends_at_a_misaligned_frame)
{
    put_frame(2, word(10) + 4, 0x111);
    put_frame(10, word(30), 0x222);
    ck_assert_uint_eq(collect_from(2), 1);
}
END_TEST

START_TEST(backtrace_reads_nothing_outside_the_stack)
{
    put_frame(2, 0x10, 0x111);    /* would crash */
    ck_assert_uint_eq(collect_from(2), 1);
    put_frame(2, UINTPTR_MAX - 7, 0x111);
    ck_assert_uint_eq(collect_from(2), 1);
    put_frame(2, word(63), 0x111);    /* its second word is beyond the end */
    ck_assert_uint_eq(collect_from(2), 1);
    ck_assert_uint_eq(backtrace_collect(0x10, word(0), word(0) + sizeof(stack), addresses, 4), 0);
}
END_TEST

START_TEST(backtrace_stops_at_the_limit)
{
    for (unsigned i = 0; i < 62; i += 2)
        put_frame(i, word(i + 2), 0x100 + i);
    ck_assert_uint_eq(backtrace_collect(word(0), word(0), word(0) + sizeof(stack), addresses, 5),
                      5);
}
END_TEST

static char printed[512];

static void print(const char *line)
{
    strcat(printed, line);
    strcat(printed, "\n");
}

static size_t describe(physical_address root, uint64_t address, char *text, size_t size)
{
    ck_assert_uint_eq(root, 0);
    return address == 0x110 ? (size_t)snprintf(text, size, "function+0x10") : 0;
}

START_TEST(backtrace_prints_names_of_the_calls)
{
    fake_machine_init(0);
    fake_machine.describe = describe;
    put_frame(2, word(10), 0x111);
    put_frame(10, 0, 0x222);
    backtrace_print(word(2), word(0), word(0) + sizeof(stack), print);
    ck_assert_str_eq(printed, "0x111 function+0x10\n0x222 \n");
}
END_TEST

static __attribute__((noinline)) size_t collect_own(void)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

    return backtrace_collect(frame, frame, frame + 4096, addresses, BACKTRACE_MAX);
}

START_TEST(backtrace_of_this_test)
{
    ck_assert_uint_ge(collect_own(), 1);
    ck_assert_uint_gt(addresses[0], 0x1000);
}
END_TEST

TEST_MAIN("debug/backtrace", backtrace_follows_frames_upwards,
          backtrace_ends_at_a_zero_return_address, backtrace_ends_at_a_frame_that_goes_down,
          backtrace_ends_at_a_frame_that_points_to_itself, backtrace_ends_at_a_misaligned_frame,
          backtrace_reads_nothing_outside_the_stack, backtrace_stops_at_the_limit,
          backtrace_prints_names_of_the_calls, backtrace_of_this_test)
