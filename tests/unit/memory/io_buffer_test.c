/* memory/io_buffer: bytes go through segments in order, of kernel or user memory, as far as they
 * can. */
#include "memory/io_buffer.h"

#include <string.h>

#include "harness/test.h"
#include "lib/random.h"
#include "unit/memory/space_fixture.h"

static uint64_t pointer(const void *memory)
{
    return (uint64_t)(uintptr_t)memory;
}

START_TEST(kernel_segments_are_filled_in_order)
{
    char first[4] = "....", second[6] = "......";
    const struct io_segment segments[] = {
        { pointer(NULL), 0 }, { pointer(first), 4 }, { pointer(NULL), 0 }, { pointer(second), 6 },
    };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, segments, 4);
    ck_assert_uint_eq(buffer.remaining, 10);
    ck_assert_int_eq(io_buffer_put(&buffer, "abc", 3), 3);
    ck_assert_int_eq(io_buffer_put(&buffer, "defgh", 5), 5);
    ck_assert_uint_eq(buffer.remaining, 2);
    ck_assert_int_eq(io_buffer_put_zero(&buffer, 1), 1);
    ck_assert_int_eq(io_buffer_put(&buffer, "ijk", 3), 1);    /* no more room */
    ck_assert_int_eq(io_buffer_put(&buffer, "k", 1), 0);
    ck_assert_mem_eq(first, "abcd", 4);
    ck_assert_mem_eq(second, "efgh\0i", 6);
    fixture_end();
}
END_TEST

START_TEST(kernel_segments_are_read_in_order)
{
    const struct io_segment segments[] = { { pointer("hel"), 3 }, { pointer("lo!"), 3 } };
    struct io_buffer buffer;
    char text[8] = "";

    io_buffer_init(&buffer, NULL, segments, 2);
    ck_assert_int_eq(io_buffer_get(&buffer, text, 2), 2);
    ck_assert_int_eq(io_buffer_get(&buffer, text + 2, 6), 4);
    ck_assert_str_eq(text, "hello!");
    ck_assert_int_eq(io_buffer_get(&buffer, text, 8), 0);
    fixture_end();
}
END_TEST

START_TEST(user_segments_end_where_memory_does)
{
    const struct io_segment segments[] = { { BASE + 10, 20 }, { BASE + PAGE_SIZE - 5, 100 } };
    struct io_buffer buffer;
    char bytes[64];

    map_private(BASE, 1, READ_WRITE);
    memset(bytes, 'a', sizeof(bytes));
    io_buffer_init(&buffer, space, segments, 2);
    ck_assert_int_eq(io_buffer_put(&buffer, bytes, 64), 25);
    ck_assert_uint_eq(buffer.remaining, 95);
    ck_assert_int_eq(io_buffer_put(&buffer, bytes, 64), -EFAULT);
    ck_assert_int_eq(io_buffer_put_zero(&buffer, 1), -EFAULT);
    ck_assert_int_eq(io_buffer_get(&buffer, bytes, 1), -EFAULT);
    ck_assert_int_eq(io_buffer_put(&buffer, bytes, 0), 0);    /* never an error for nothing */
    ck_assert_uint_eq(read_byte(BASE + 29), 'a');
    ck_assert_uint_eq(read_byte(BASE + 30), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGE_SIZE - 1), 'a');
    fixture_end();
}
END_TEST

START_TEST(hostile_lengths_do_not_overflow)
{
    const struct io_segment segments[] = {
        { BASE, UINT64_MAX }, { BASE, UINT64_MAX }, { BASE, 5 },
    };
    struct io_buffer buffer;
    char byte = 'z';

    map_private(BASE, 1, READ_WRITE);
    io_buffer_init(&buffer, space, segments, 3);
    ck_assert_uint_eq(buffer.remaining, INT64_MAX);
    ck_assert_int_eq(io_buffer_put(&buffer, &byte, 1), 1);
    ck_assert_int_eq(io_buffer_put_zero(&buffer, SIZE_MAX), PAGE_SIZE - 1);
    ck_assert_int_eq(io_buffer_put_zero(&buffer, SIZE_MAX), -EFAULT);
    io_buffer_init(&buffer, space, segments, 0);
    ck_assert_int_eq(io_buffer_put(&buffer, &byte, 1), 0);
    fixture_end();
}
END_TEST

START_TEST(random_pieces_arrive_in_order)
{
    static uint8_t sent[PAGES(4)], received[PAGES(4)];
    struct io_segment segments[32];
    struct io_buffer buffer;
    struct random random;

    map_private(BASE, 64, READ_WRITE);
    random_init(&random, 5);
    for (unsigned round = 0; round < 50; round++) {
        uint64_t total = 0, done = 0;

        for (unsigned i = 0; i < 32; i++) {
            segments[i].address = BASE + PAGES(2 * i) + random_below(&random, PAGE_SIZE);
            segments[i].length = random_below(&random, 512);
            total += segments[i].length;
        }
        random_fill(&random, sent, total);
        io_buffer_init(&buffer, space, segments, 32);
        while (done < total)
            done += (uint64_t)io_buffer_put(&buffer, sent + done,
                                            1 + random_below(&random, 700) % (total - done));
        ck_assert_uint_eq(buffer.remaining, 0);
        io_buffer_init(&buffer, space, segments, 32);
        ck_assert_int_eq(io_buffer_get(&buffer, received, sizeof(received)), (int64_t)total);
        ck_assert(memcmp(sent, received, total) == 0);
    }
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/io_buffer", fixture_begin, PANICS(NULL),
                     kernel_segments_are_filled_in_order, kernel_segments_are_read_in_order,
                     user_segments_end_where_memory_does, hostile_lengths_do_not_overflow,
                     random_pieces_arrive_in_order)
