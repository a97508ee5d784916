/*
 * memory/user_memory: copies across pages, up to the first byte that cannot be accessed, never
 * through a wild or kernel address, and with the rights that the program has.
 */
#include "memory/user_memory.h"

#include <string.h>

#include "harness/test.h"
#include "lib/random.h"
#include "unit/memory/space_fixture.h"

#define KERNEL UINT64_C(0xffff888000000000)

static char buffer[PAGES(8)];

/* Pages 0-3 read and write, 4 read only, 5 no access, 6 write only, 7 nothing. */
static void begin(void)
{
    fixture_begin();
    map_private(BASE, 4, READ_WRITE);
    map_private(BASE + PAGES(4), 1, PROTECTION_READ);
    map_private(BASE + PAGES(5), 1, 0);
    map_private(BASE + PAGES(6), 1, PROTECTION_WRITE);
    memset(buffer, 'x', sizeof(buffer));
}

START_TEST(copies_cross_pages)
{
    char back[PAGES(3)];

    for (size_t i = 0; i < sizeof(back); i++)
        buffer[i] = (char)(i * 7 + i / PAGE_SIZE);
    ck_assert_int_eq(user_copy_out(space, BASE + 77, buffer, sizeof(back)), 0);
    ck_assert_int_eq(user_copy_in(space, back, BASE + 77, sizeof(back)), 0);
    ck_assert_mem_eq(back, buffer, sizeof(back));
    ck_assert_uint_eq(user_zero_partial(space, BASE + 4000, 200), 200);
    ck_assert_int_eq(user_copy_in(space, back, BASE + 3999, 202), 0);
    ck_assert_int_eq(back[0], buffer[3999 - 77]);
    for (unsigned i = 1; i <= 200; i++)
        ck_assert_int_eq(back[i], 0);
    ck_assert_int_eq(back[201], buffer[4200 - 77]);
    fixture_end();
}
END_TEST

START_TEST(copies_end_at_the_first_inaccessible_byte)
{
    const user_address read_only = BASE + PAGES(4), none = BASE + PAGES(5);
    char in[PAGES(8)];

    ck_assert_uint_eq(user_copy_in_partial(space, in, BASE + 10, sizeof(in)), PAGES(5) - 10);
    ck_assert_uint_eq(user_copy_out_partial(space, BASE + 10, buffer, sizeof(in)), PAGES(4) - 10);
    ck_assert_uint_eq(user_zero_partial(space, BASE + 10, sizeof(in)), PAGES(4) - 10);
    ck_assert_int_eq(user_copy_in(space, in, none - 8, 8), 0);
    ck_assert_int_eq(user_copy_in(space, in, none - 8, 9), -EFAULT);
    ck_assert_int_eq(user_copy_out(space, read_only - 8, buffer, 8), 0);
    ck_assert_int_eq(user_copy_out(space, read_only - 8, buffer, 9), -EFAULT);
    ck_assert_int_eq(user_copy_out(space, BASE + PAGES(6), buffer, PAGE_SIZE), 0);
    ck_assert_int_eq(user_copy_in(space, in, BASE + PAGES(6), PAGE_SIZE), 0);    /* x86 reads it */
    fixture_end();
}
END_TEST

START_TEST(wild_addresses_are_refused)
{
    static const struct {
        user_address address;
        uint64_t size;
    } rows[] = {
        { 0, 1 }, { KERNEL, 8 }, { USER_ADDRESS_LIMIT, 1 }, { USER_ADDRESS_LIMIT - 1, 2 },
        { UINT64_MAX, 1 }, { UINT64_MAX - 3, 8 }, { BASE, UINT64_MAX }, { BASE, UINT64_C(1) << 47 },
        { UINT64_C(1) << 47 | BASE, 8 }, { UINT64_C(1) << 48 | BASE, 8 },
        { UINT64_C(1) << 63 | BASE, 8 },
    };
    char byte[8];

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(user_copy_in(space, byte, rows[i].address, rows[i].size), -EFAULT);
        ck_assert_int_eq(user_copy_out(space, rows[i].address, byte, rows[i].size), -EFAULT);
        if (rows[i].address != BASE) {
            ck_assert_uint_eq(user_copy_in_partial(space, byte, rows[i].address, 8), 0);
            ck_assert_int_eq(user_copy_string(space, byte, rows[i].address, 8), -EFAULT);
        }
    }
    fixture_end();
}
END_TEST

START_TEST(impossible_ranges_are_known)
{
    ck_assert(user_range_is_possible(0, 0));
    ck_assert(user_range_is_possible(KERNEL & 0x7fff00000000, 5));
    ck_assert(user_range_is_possible(USER_ADDRESS_LIMIT - PAGE_SIZE, 0));
    ck_assert(!user_range_is_possible(USER_ADDRESS_LIMIT - PAGE_SIZE, 1));
    ck_assert(!user_range_is_possible(USER_ADDRESS_LIMIT, 0));
    ck_assert(!user_range_is_possible(BASE, UINT64_MAX));
    ck_assert(!user_range_is_possible(UINT64_MAX, 2));
    fixture_end();
}
END_TEST

START_TEST(empty_copies_touch_nothing)
{
    ck_assert_int_eq(user_copy_in(space, NULL, 0, 0), 0);
    ck_assert_int_eq(user_copy_out(space, BASE + PAGES(5), NULL, 0), 0);
    ck_assert_uint_eq(user_copy_in_partial(space, NULL, KERNEL, 0), 0);
    ck_assert_uint_eq(resident_pages(), 0);
    fixture_end();
}
END_TEST

START_TEST(strings_end_at_their_nul)
{
    char text[64];

    ck_assert_int_eq(user_copy_out(space, BASE + PAGE_SIZE - 3, "hello", 6), 0);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGE_SIZE - 3, sizeof(text)), 5);
    ck_assert_str_eq(text, "hello");
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGE_SIZE - 3, 6), 5);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGE_SIZE - 3, 5), -ENAMETOOLONG);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGE_SIZE - 3, 0), -ENAMETOOLONG);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGES(3), 64), 0);

    /* Up to the last accessible byte, and one further. */
    memset(buffer, 'y', sizeof(buffer));
    buffer[9] = '\0';
    ck_assert_int_eq(address_space_protect(space, BASE + PAGES(4), PAGES(1), READ_WRITE), 0);
    ck_assert_int_eq(user_copy_out(space, BASE + PAGES(5) - 10, buffer, 10), 0);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGES(5) - 10, 64), 9);
    buffer[9] = 'y';
    ck_assert_int_eq(user_copy_out(space, BASE + PAGES(5) - 10, buffer, 10), 0);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGES(5) - 10, 64), -EFAULT);
    ck_assert_int_eq(user_copy_string(space, text, BASE + PAGES(5) - 10, 10), -ENAMETOOLONG);
    fixture_end();
}
END_TEST

START_TEST(stacks_grow_under_copies)
{
    const struct map_request request = {
        .address = BASE + PAGES(1000),
        .length = PAGES(1),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_GROWS_DOWN,
    };
    user_address place;

    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    ck_assert_int_eq(user_copy_out(space, place - PAGES(3), buffer, PAGES(4)), 0);
    ck_assert_uint_eq(region_find(&space->regions, place)->start, place - PAGES(3));
    fixture_end();
}
END_TEST

START_TEST(random_copies_match_an_array)
{
    static uint8_t model[PAGES(5)];
    static uint8_t bytes[PAGES(5)];
    struct random random;

    random_init(&random, 11);
    for (unsigned step = 0; step < 3000; step++) {
        uint64_t offset = random_below(&random, PAGES(5));
        uint64_t size = random_below(&random, PAGES(5));
        uint64_t writable = offset < PAGES(4) ? PAGES(4) - offset : 0;
        uint64_t readable = PAGES(5) - offset;
        uint64_t expected;

        switch (random_below(&random, 3)) {
        case 0:
            memset(bytes, (int)random_below(&random, 256), sizeof(bytes));
            random_fill(&random, bytes, 64);
            expected = size < writable ? size : writable;
            ck_assert_uint_eq(user_copy_out_partial(space, BASE + offset, bytes, size), expected);
            memcpy(&model[offset], bytes, expected);
            break;
        case 1:
            expected = size < writable ? size : writable;
            ck_assert_uint_eq(user_zero_partial(space, BASE + offset, size), expected);
            memset(&model[offset], 0, expected);
            break;
        default:
            expected = size < readable ? size : readable;
            ck_assert_uint_eq(user_copy_in_partial(space, bytes, BASE + offset, size), expected);
            ck_assert(memcmp(bytes, &model[offset], expected) == 0);
        }
    }
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/user_memory", begin, PANICS(NULL), copies_cross_pages,
                     copies_end_at_the_first_inaccessible_byte, wild_addresses_are_refused,
                     impossible_ranges_are_known, empty_copies_touch_nothing,
                     strings_end_at_their_nul, stacks_grow_under_copies,
                     random_copies_match_an_array)
