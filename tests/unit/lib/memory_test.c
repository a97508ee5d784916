/*
 * The memory functions, under other names because the test itself is linked with the host's:
 * every combination of small sizes, alignments and overlaps, compared byte by byte.
 */
#include "lib/memory.h"

#define memcpy kernel_memcpy
#define memmove kernel_memmove
#define memset kernel_memset
#define memcmp kernel_memcmp
void *kernel_memcpy(void *restrict target, const void *restrict source, size_t size);
void *kernel_memmove(void *target, const void *source, size_t size);
void *kernel_memset(void *target, int byte, size_t size);
int kernel_memcmp(const void *a, const void *b, size_t size);
#include "../../../src/lib/memory.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#include <string.h>

#include "harness/test.h"

#define AREA 240
#define SIZE_TRIED_MAX 72    /* more than two blocks of words */
#define COPY_TO 100
#define OFFSETS 10

static unsigned char area[AREA], expected[AREA];

/* Both areas hold the same pattern, in which no two bytes are equal. */
static void fill_areas(void)
{
    for (size_t i = 0; i < AREA; i++)
        area[i] = expected[i] = (unsigned char)(i + 1);
}

/* One assertion only: libcheck writes a line for each, even if it holds. */
static void check_areas(void)
{
    size_t same = 0;

    while (same < AREA && area[same] == expected[same])
        same++;
    ck_assert_uint_eq(same, AREA);
}

START_TEST(copy_moves_exactly_its_bytes)
{
    for (size_t size = 0; size <= SIZE_TRIED_MAX; size++) {
        for (size_t from = 0; from < OFFSETS; from++) {
            fill_areas();
            ck_assert_ptr_eq(kernel_memcpy(area + COPY_TO, area + from, size),
                             area + COPY_TO);
            for (size_t i = 0; i < size; i++)
                expected[COPY_TO + i] = (unsigned char)(from + i + 1);
            check_areas();
        }
    }
}
END_TEST

START_TEST(move_survives_every_overlap)
{
    for (size_t size = 0; size <= SIZE_TRIED_MAX; size++) {
        for (size_t to = 0; to < 2 * SIZE_TRIED_MAX; to++) {
            fill_areas();
            ck_assert_ptr_eq(kernel_memmove(area + to, area + 40, size), area + to);
            for (size_t i = 0; i < size; i++)
                expected[to + i] = (unsigned char)(40 + i + 1);
            check_areas();
        }
    }
}
END_TEST

START_TEST(set_uses_the_low_byte_only)
{
    for (size_t size = 0; size <= SIZE_TRIED_MAX; size++) {
        fill_areas();
        ck_assert_ptr_eq(kernel_memset(area + 3, 0x1234, size), area + 3);
        for (size_t i = 0; i < size; i++)
            expected[3 + i] = 0x34;
        check_areas();
    }
}
END_TEST

START_TEST(comparison_is_by_unsigned_bytes)
{
    ck_assert_int_eq(kernel_memcmp("same", "same", 5), 0);
    ck_assert_int_lt(kernel_memcmp("a", "b", 1), 0);
    ck_assert_int_gt(kernel_memcmp("\xff", "\x01", 1), 0);
    ck_assert_int_eq(kernel_memcmp("ax", "ay", 1), 0);
    ck_assert_int_lt(kernel_memcmp("a\0x", "a\0y", 3), 0);
    ck_assert_int_eq(kernel_memcmp(NULL, NULL, 0), 0);
}
END_TEST

/* Nothing behind the first difference matters. */
START_TEST(comparison_finds_the_first_difference)
{
    for (size_t size = 1; size <= SIZE_TRIED_MAX; size++) {
        fill_areas();
        ck_assert_int_eq(kernel_memcmp(area + 1, expected + 1, size), 0);
        area[1 + size] = 0;
        ck_assert_int_eq(kernel_memcmp(area + 1, expected + 1, size), 0);
        for (size_t i = size; i > 0; i--) {
            area[i] = 0xff;
            expected[i] = i % 2 ? 0 : 0xfe;
            ck_assert_int_eq(kernel_memcmp(area + 1, expected + 1, size), i % 2 ? 0xff : 1);
            ck_assert_int_eq(kernel_memcmp(expected + 1, area + 1, size), i % 2 ? -0xff : -1);
        }
    }
}
END_TEST

TEST_MAIN("lib/memory", copy_moves_exactly_its_bytes, move_survives_every_overlap,
          set_uses_the_low_byte_only, comparison_is_by_unsigned_bytes,
          comparison_finds_the_first_difference)
