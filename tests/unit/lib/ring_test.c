/* Byte ring: against a model that keeps every byte ever written. */
#include "lib/ring.h"

#include <string.h>

#include "harness/test.h"
#include "lib/random.h"

#define CAPACITY 13
#define STREAM 100000

START_TEST(empty_and_full)
{
    char storage[4], bytes[8];
    struct ring ring;

    ring_init(&ring, storage, sizeof(storage));
    ck_assert_uint_eq(ring_space(&ring), 4);
    ck_assert_uint_eq(ring_read(&ring, bytes, sizeof(bytes)), 0);
    ck_assert_uint_eq(ring_write(&ring, "abcdef", 6), 4);
    ck_assert_uint_eq(ring_space(&ring), 0);
    ck_assert_uint_eq(ring_write(&ring, "x", 1), 0);
    ck_assert_uint_eq(ring_read(&ring, bytes, sizeof(bytes)), 4);
    ck_assert_mem_eq(bytes, "abcd", 4);
    ck_assert_uint_eq(ring_space(&ring), 4);
}
END_TEST

START_TEST(sizes_of_zero_do_nothing)
{
    char storage[4];
    struct ring ring;

    ring_init(&ring, storage, sizeof(storage));
    ck_assert_uint_eq(ring_write(&ring, NULL, 0), 0);
    ck_assert_uint_eq(ring_read(&ring, NULL, 0), 0);
    ring_init(&ring, NULL, 0);
    ck_assert_uint_eq(ring_write(&ring, "x", 1), 0);
    ck_assert_uint_eq(ring_space(&ring), 0);
}
END_TEST

START_TEST(bytes_come_out_as_they_went_in)
{
    static uint8_t written[STREAM];
    uint8_t storage[CAPACITY + 2], part[2 * CAPACITY];
    struct random random;
    struct ring ring;
    size_t wrote = 0;
    size_t read = 0;

    random_init(&random, 3);
    random_fill(&random, written, sizeof(written));
    memset(storage, 0xee, sizeof(storage));
    ring_init(&ring, storage + 1, CAPACITY);
    while (read < STREAM) {
        size_t size = random_below(&random, sizeof(part) + 1);
        size_t room = CAPACITY - (wrote - read);

        if (size > STREAM - wrote)
            size = STREAM - wrote;
        ck_assert_uint_eq(ring_write(&ring, written + wrote, size), size < room ? size : room);
        wrote += size < room ? size : room;
        ck_assert_uint_eq(ring_space(&ring), CAPACITY - (wrote - read));

        size = random_below(&random, sizeof(part) + 1);
        size_t expected = size < wrote - read ? size : wrote - read;

        ck_assert_uint_eq(ring_read(&ring, part, size), expected);
        ck_assert(memcmp(part, written + read, expected) == 0);
        read += expected;
    }
    ck_assert_uint_eq(storage[0], 0xee);
    ck_assert_uint_eq(storage[CAPACITY + 1], 0xee);
}
END_TEST

TEST_MAIN("lib/ring", empty_and_full, sizes_of_zero_do_nothing, bytes_come_out_as_they_went_in)
