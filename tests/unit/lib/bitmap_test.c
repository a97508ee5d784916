/* Bit sets: single bits and the search for a clear one, compared with a plain array of bools. */
#include "lib/bitmap.h"

#include <string.h>

#include "harness/test.h"
#include "lib/random.h"

#define BITS 200

START_TEST(words_are_rounded_up)
{
    ck_assert_uint_eq(BITMAP_WORDS(0), 0);
    ck_assert_uint_eq(BITMAP_WORDS(1), 1);
    ck_assert_uint_eq(BITMAP_WORDS(64), 1);
    ck_assert_uint_eq(BITMAP_WORDS(65), 2);
}
END_TEST

START_TEST(a_bit_changes_alone)
{
    for (size_t bit = 0; bit < BITS; bit++) {
        uint64_t map[BITMAP_WORDS(BITS)] = { 0 };

        bitmap_set(map, bit);
        for (size_t other = 0; other < BITS; other++)
            ck_assert(bitmap_test(map, other) == (other == bit));
        memset(map, 0xff, sizeof(map));
        bitmap_clear(map, bit);
        for (size_t other = 0; other < BITS; other++)
            ck_assert(bitmap_test(map, other) == (other != bit));
    }
}
END_TEST

/* What bitmap_find_clear should say, by looking at every bit. */
static size_t first_clear(const bool *bits, size_t count, size_t from)
{
    for (size_t bit = from; bit < count; bit++) {
        if (!bits[bit])
            return bit;
    }
    return BITMAP_NONE;
}

START_TEST(search_finds_what_a_walk_finds)
{
    struct random random;

    random_init(&random, 1);
    for (int round = 0; round < 300; round++) {
        bool bits[BITS];
        uint64_t map[BITMAP_WORDS(BITS)] = { 0 };
        uint64_t density = random_below(&random, 101);

        for (size_t bit = 0; bit < BITS; bit++) {
            bits[bit] = random_below(&random, 100) < density;
            if (bits[bit])
                bitmap_set(map, bit);
        }
        for (size_t from = 0; from <= BITS; from++) {
            size_t count = from + random_below(&random, BITS - from + 1);

            ck_assert_uint_eq(bitmap_find_clear(map, count, from), first_clear(bits, count, from));
        }
    }
}
END_TEST

START_TEST(search_does_not_look_behind_the_end)
{
    uint64_t map[2] = { UINT64_MAX, 0 };

    ck_assert_uint_eq(bitmap_find_clear(map, 64, 0), BITMAP_NONE);
    ck_assert_uint_eq(bitmap_find_clear(map, 65, 0), 64);
    ck_assert_uint_eq(bitmap_find_clear(map, 0, 0), BITMAP_NONE);
    map[0] = ~(UINT64_C(1) << 10);
    ck_assert_uint_eq(bitmap_find_clear(map, 10, 0), BITMAP_NONE);
    ck_assert_uint_eq(bitmap_find_clear(map, 11, 0), 10);
}
END_TEST

START_TEST(count_of_set_bits)
{
    uint64_t map[2] = { 0, UINT64_MAX };

    ck_assert_uint_eq(bitmap_count(map, 0), 0);
    ck_assert_uint_eq(bitmap_count(map, 1), 0);
    ck_assert_uint_eq(bitmap_count(map, 2), 64);
    map[0] = UINT64_C(0x8000000000000101);
    ck_assert_uint_eq(bitmap_count(map, 2), 67);
}
END_TEST

TEST_MAIN("lib/bitmap", words_are_rounded_up, a_bit_changes_alone, search_finds_what_a_walk_finds,
          search_does_not_look_behind_the_end, count_of_set_bits)
