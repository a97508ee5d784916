/*
 * Generator: the values that its authors' algorithms give, and that ranges are hit evenly.
 * The known answers are those that other implementations of the same algorithms test against.
 */
#include "lib/random.h"

#include <stdbool.h>
#include <string.h>

#include "harness/test.h"

START_TEST(seed_is_spread_by_splitmix64)
{
    static const uint64_t expected[4] = {
        UINT64_C(6457827717110365317),
        UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431),
    };
    struct random random;

    random_init(&random, 1234567);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(random.state[i], expected[i]);
}
END_TEST

START_TEST(numbers_are_those_of_xoshiro256)
{
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct random random = { .state = { 1, 2, 3, 4 } };

    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        ck_assert_uint_eq(random_next(&random), expected[i]);
}
END_TEST

START_TEST(seed_zero_does_not_give_zeros)
{
    struct random random;

    random_init(&random, 0);
    ck_assert_uint_eq(random.state[0], UINT64_C(0xe220a8397b1dcdaf));
    ck_assert_uint_ne(random_next(&random), random_next(&random));
}
END_TEST

START_TEST(below_stays_below_and_is_even)
{
    struct random random;
    unsigned hits[10] = { 0 };

    random_init(&random, 4);
    for (int i = 0; i < 100000; i++)
        hits[random_below(&random, 10)]++;
    for (size_t i = 0; i < 10; i++) {
        ck_assert_uint_gt(hits[i], 9500);
        ck_assert_uint_lt(hits[i], 10500);
    }
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(random_below(&random, 1), 0);
}
END_TEST

START_TEST(huge_limits_are_not_biased)
{
    /* With limit 3 * 2^62 a plain remainder would hit the lowest third twice as often. */
    uint64_t third = UINT64_C(1) << 62;
    unsigned hits[3] = { 0 };
    struct random random;

    random_init(&random, 5);
    for (int i = 0; i < 30000; i++)
        hits[random_below(&random, 3 * third) / third]++;
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_gt(hits[i], 9500);
        ck_assert_uint_lt(hits[i], 10500);
    }
}
END_TEST

START_TEST(fill_writes_exactly_its_bytes)
{
    for (size_t size = 0; size <= 40; size++) {
        uint8_t seen[40] = { 0 };
        struct random random;

        random_init(&random, size);
        for (int round = 0; round < 30; round++) {
            uint8_t bytes[42];

            memset(bytes, 0, sizeof(bytes));
            random_fill(&random, bytes + 1, size);
            ck_assert_uint_eq(bytes[0], 0);
            ck_assert_uint_eq(bytes[size + 1], 0);
            for (size_t i = 0; i < size; i++)
                seen[i] |= bytes[i + 1];
        }
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_ne(seen[i], 0);
    }
}
END_TEST

START_TEST(same_seed_same_bytes)
{
    uint8_t first[64], second[64];
    struct random random;

    random_init(&random, 99);
    random_fill(&random, first, sizeof(first));
    random_init(&random, 99);
    random_fill(&random, second, sizeof(second));
    ck_assert_mem_eq(first, second, sizeof(first));
    random_init(&random, 100);
    random_fill(&random, second, sizeof(second));
    ck_assert_mem_ne(first, second, sizeof(first));
}
END_TEST

START_TEST(limit_zero_panics)
{
    struct random random;

    random_init(&random, 0);
    random_below(&random, 0);
}
END_TEST

TEST_MAIN_WITH_PANICS("lib/random", PANICS(limit_zero_panics), seed_is_spread_by_splitmix64,
                      numbers_are_those_of_xoshiro256, seed_zero_does_not_give_zeros,
                      below_stays_below_and_is_even, huge_limits_are_not_biased,
                      fill_writes_exactly_its_bytes, same_seed_same_bytes)
