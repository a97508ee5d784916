/* Checked arithmetic at the edges of 64 bits. */
#include "lib/checked.h"

#include "harness/test.h"

START_TEST(addition_tells_overflow)
{
    uint64_t sum = 0;

    ck_assert(!add_overflows(UINT64_MAX - 1, 1, &sum));
    ck_assert_uint_eq(sum, UINT64_MAX);
    ck_assert(add_overflows(UINT64_MAX, 1, &sum));
    ck_assert(add_overflows(UINT64_MAX, UINT64_MAX, &sum));
}
END_TEST

START_TEST(multiplication_tells_overflow)
{
    uint64_t product = 0;

    ck_assert(!multiply_overflows(UINT32_MAX, UINT32_MAX, &product));
    ck_assert_uint_eq(product, UINT64_C(0xfffffffe00000001));
    ck_assert(multiply_overflows(UINT64_C(1) << 32, UINT64_C(1) << 32, &product));
    ck_assert(!multiply_overflows(UINT64_MAX, 0, &product));
    ck_assert_uint_eq(product, 0);
}
END_TEST

START_TEST(rounding_to_powers_of_two)
{
    ck_assert_uint_eq(round_down(4097, 4096), 4096);
    ck_assert_uint_eq(round_down(4096, 4096), 4096);
    ck_assert_uint_eq(round_down(4095, 4096), 0);
    ck_assert_uint_eq(round_down(UINT64_MAX, 4096), UINT64_MAX - 4095);
    ck_assert_uint_eq(round_up(0, 4096), 0);
    ck_assert_uint_eq(round_up(1, 4096), 4096);
    ck_assert_uint_eq(round_up(4096, 4096), 4096);
    ck_assert(is_aligned(0, 16));
    ck_assert(is_aligned(48, 16));
    ck_assert(!is_aligned(24, 16));
}
END_TEST

START_TEST(rounding_up_tells_overflow)
{
    uint64_t result = 0;

    ck_assert(!round_up_overflows(UINT64_MAX - 4095, 4096, &result));
    ck_assert_uint_eq(result, UINT64_MAX - 4095);
    ck_assert(round_up_overflows(UINT64_MAX - 4094, 4096, &result));
    ck_assert(round_up_overflows(UINT64_MAX, 4096, &result));
    ck_assert(!round_up_overflows(UINT64_MAX, 1, &result));
    ck_assert_uint_eq(result, UINT64_MAX);
}
END_TEST

START_TEST(ranges_do_not_wrap)
{
    ck_assert(range_within(10, 10, 10, 20));
    ck_assert(range_within(20, 0, 10, 20));
    ck_assert(!range_within(20, 1, 10, 20));
    ck_assert(!range_within(9, 5, 10, 20));
    ck_assert(!range_within(21, 0, 10, 20));
    ck_assert(!range_within(15, UINT64_MAX, 10, 20));
    ck_assert(!range_within(UINT64_MAX, 2, 0, UINT64_MAX));
    ck_assert(range_within(0, UINT64_MAX, 0, UINT64_MAX));
}
END_TEST

TEST_MAIN("lib/checked", addition_tells_overflow, multiplication_tells_overflow,
          rounding_to_powers_of_two, rounding_up_tells_overflow, ranges_do_not_wrap)
