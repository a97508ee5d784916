/*
 * memory/remap: contents move with their pages, nothing is copied or lost, and failures change
 * nothing but what Linux changes.  (Random calls against Linux itself are in linux_test.c.)
 */
#include "harness/test.h"
#include "unit/memory/space_fixture.h"

#define MAY_MOVE 1u
#define FIXED 2u
#define KEEP_OLD 4u

/* The new place, or the error. */
static int64_t remap(user_address old, uint64_t old_pages, uint64_t new_pages, uint32_t flags,
                     user_address new)
{
    const struct remap_request request = {
        .old_address = old,
        .old_length = PAGES(old_pages),
        .new_length = PAGES(new_pages),
        .flags = flags,
        .new_address = new,
    };
    user_address place;
    int error = address_space_remap(space, &request, &place);

    return error ? error : (int64_t)place;
}

static void number_pages(user_address start, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        write_byte(start + PAGES(i), (uint8_t)(i + 1));
}

static void check_numbers(user_address start, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        ck_assert_uint_eq(read_byte(start + PAGES(i)), (uint8_t)(i + 1));
}

START_TEST(grows_in_place_when_there_is_room)
{
    map_private(BASE, 4, READ_WRITE);
    number_pages(BASE, 4);
    ck_assert_int_eq(remap(BASE, 4, 10, 0, 0), (int64_t)BASE);
    check_numbers(BASE, 4);
    ck_assert_uint_eq(read_byte(BASE + PAGES(9)), 0);
    map_private(BASE + PAGES(12), 1, PROTECTION_READ);
    ck_assert_int_eq(remap(BASE, 10, 12, 0, 0), (int64_t)BASE);
    ck_assert_int_eq(remap(BASE, 12, 13, 0, 0), -ENOMEM);
    ck_assert_int_eq(remap(BASE, 4, 5, 0, 0), -ENOMEM);    /* not at the region's end */
    fixture_end();
}
END_TEST

START_TEST(shrinks_in_place)
{
    map_private(BASE, 8, READ_WRITE);
    number_pages(BASE, 8);
    ck_assert_int_eq(remap(BASE, 8, 3, 0, 0), (int64_t)BASE);
    check_numbers(BASE, 3);
    ck_assert_int_eq(touch(BASE + PAGES(3)), FAULT_NOT_MAPPED);
    ck_assert_uint_eq(resident_pages(), 3);
    fixture_end();
}
END_TEST

START_TEST(moves_pages_without_copying)
{
    static physical_address physical[1000];

    map_private(BASE, 1000, READ_WRITE);
    number_pages(BASE, 1000);
    map_private(BASE + PAGES(1000), 1, PROTECTION_READ);
    for (unsigned i = 0; i < 1000; i++)
        physical[i] = entry_at(BASE + PAGES(i)) & ENTRY_ADDRESS;
    fake_machine.cpus[0].flushes = 0;

    user_address place = (user_address)remap(BASE, 1000, 1500, MAY_MOVE, 0);

    ck_assert_int_gt((int64_t)place, 0);
    ck_assert_uint_ne(place, BASE);
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_eq(entry_at(place + PAGES(i)) & ENTRY_ADDRESS, physical[i]);
    check_numbers(place, 1000);
    ck_assert_uint_eq(read_byte(place + PAGES(1499)), 0);
    ck_assert_int_eq(touch(BASE), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch(BASE + PAGES(1000)), FAULT_RESOLVED);
    fixture_end();
}
END_TEST

START_TEST(moves_by_odd_distances)
{
    map_private(BASE, 700, READ_WRITE);
    number_pages(BASE, 700);
    ck_assert_int_eq(remap(BASE, 700, 700, MAY_MOVE | FIXED, BASE + PAGES(1000 + 333)),
                     (int64_t)(BASE + PAGES(1333)));
    check_numbers(BASE + PAGES(1333), 700);
    ck_assert_int_eq(remap(BASE + PAGES(1333), 700, 700, MAY_MOVE | FIXED, BASE - PAGES(77)),
                     (int64_t)(BASE - PAGES(77)));
    check_numbers(BASE - PAGES(77), 700);
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

START_TEST(moves_a_part_to_a_place_in_use)
{
    map_private(BASE, 10, READ_WRITE);
    number_pages(BASE, 10);
    map_private(BASE + PAGES(20), 10, READ_WRITE);
    write_byte(BASE + PAGES(22), 99);
    ck_assert_int_eq(remap(BASE + PAGES(2), 3, 4, MAY_MOVE | FIXED, BASE + PAGES(21)),
                     (int64_t)(BASE + PAGES(21)));
    ck_assert_int_eq(touch(BASE + PAGES(2)), FAULT_NOT_MAPPED);
    ck_assert_uint_eq(read_byte(BASE + PAGES(21)), 3);
    ck_assert_uint_eq(read_byte(BASE + PAGES(23)), 5);
    ck_assert_uint_eq(read_byte(BASE + PAGES(24)), 0);
    ck_assert_uint_eq(read_byte(BASE + PAGES(5)), 6);
    ck_assert_uint_eq(region_count(), 5);    /* what moved there stays apart */
    fixture_end();
}
END_TEST

START_TEST(moved_pages_join_only_where_they_were_first)
{
    map_private(BASE, 6, READ_WRITE);
    number_pages(BASE, 2);
    ck_assert_int_eq(remap(BASE + PAGES(2), 2, 2, MAY_MOVE | FIXED, BASE + PAGES(50)),
                     (int64_t)(BASE + PAGES(50)));
    ck_assert_uint_eq(region_count(), 3);
    ck_assert_int_eq(remap(BASE + PAGES(50), 1, 1, MAY_MOVE | FIXED, BASE + PAGES(3)),
                     (int64_t)(BASE + PAGES(3)));
    ck_assert_uint_eq(region_count(), 4);    /* not its old place: next to the rest, but apart */
    ck_assert_int_eq(remap(BASE + PAGES(3), 1, 1, MAY_MOVE | FIXED, BASE + PAGES(2)),
                     (int64_t)(BASE + PAGES(2)));
    ck_assert_int_eq(remap(BASE + PAGES(51), 1, 1, MAY_MOVE | FIXED, BASE + PAGES(3)),
                     (int64_t)(BASE + PAGES(3)));
    ck_assert_uint_eq(region_count(), 1);
    /* Memory that was never touched has no place of its own. */
    map_private(BASE + PAGES(100), 2, READ_WRITE);
    ck_assert_int_eq(remap(BASE + PAGES(100), 2, 2, MAY_MOVE | FIXED, BASE + PAGES(6)),
                     (int64_t)(BASE + PAGES(6)));
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

START_TEST(keeping_the_old_range_leaves_it_empty)
{
    map_private(BASE, 4, READ_WRITE);
    number_pages(BASE, 4);

    user_address place = (user_address)remap(BASE, 4, 4, MAY_MOVE | KEEP_OLD, 0);

    check_numbers(place, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(read_byte(BASE + PAGES(i)), 0);
    ck_assert_int_eq(remap(BASE, 4, 5, MAY_MOVE | KEEP_OLD, 0), -EINVAL);
    fixture_end();
}
END_TEST

/* At BASE. */
static void map_shared(unsigned pages)
{
    struct map_request request = {
        .address = BASE,
        .length = PAGES(pages),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
    };
    user_address place;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(pages), &request.object), 0);
    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    memory_object_release(request.object);
}

START_TEST(shared_memory_can_be_duplicated)
{
    user_address place;

    map_shared(4);
    place = (user_address)remap(BASE + PAGES(1), 0, 3, MAY_MOVE, 0);
    number_pages(BASE, 4);
    ck_assert_uint_eq(read_byte(place), 2);
    ck_assert_uint_eq(read_byte(place + PAGES(2)), 4);
    map_private(BASE + PAGES(50), 1, READ_WRITE);
    ck_assert_int_eq(remap(BASE + PAGES(50), 0, 1, MAY_MOVE, 0), -EINVAL);
    fixture_end();
}
END_TEST

START_TEST(several_regions_move_with_their_holes)
{
    map_private(BASE, 2, READ_WRITE);
    map_private(BASE + PAGES(4), 2, READ_WRITE);
    number_pages(BASE, 2);
    number_pages(BASE + PAGES(4), 2);
    ck_assert_int_eq(remap(BASE, 6, 6, MAY_MOVE | FIXED, BASE + PAGES(100)),
                     (int64_t)(BASE + PAGES(100)));
    check_numbers(BASE + PAGES(100), 2);
    check_numbers(BASE + PAGES(104), 2);
    ck_assert_int_eq(touch(BASE + PAGES(102)), FAULT_NOT_MAPPED);
    ck_assert_int_eq(remap(BASE + PAGES(99), 3, 3, MAY_MOVE | FIXED, BASE), -EFAULT);
    ck_assert_int_eq(remap(BASE + PAGES(100), 6, 7, MAY_MOVE, 0), -EFAULT);
    fixture_end();
}
END_TEST

START_TEST(arguments_are_checked_in_order)
{
    const int64_t above = (int64_t)(BASE + PAGES(50));

    ck_assert_int_eq(remap(BASE, 1, 1, 8, 0), -EINVAL);
    ck_assert_int_eq(remap(BASE + 1, 1, 1, 0, 0), -EINVAL);
    ck_assert_int_eq(remap(BASE, 1, 0, 0, 0), -EINVAL);
    ck_assert_int_eq(remap(BASE, 1, UINT64_C(1) << 36, 0, 0), -EINVAL);
    ck_assert_int_eq(remap(BASE, 1, 1, FIXED, BASE + PAGES(5)), -EINVAL);
    ck_assert_int_eq(remap(BASE, 1, 1, FIXED | MAY_MOVE, BASE + 5), -EINVAL);
    ck_assert_int_eq(remap(BASE, 2, 2, FIXED | MAY_MOVE, BASE + PAGES(1)), -EINVAL);
    ck_assert_int_eq(remap(BASE, 1, 1, FIXED | MAY_MOVE, USER_ADDRESS_LIMIT), -EINVAL);
    ck_assert_int_eq(remap(BASE, 1, 2, MAY_MOVE, 0), -EFAULT);
    map_private(BASE, 2, READ_WRITE);
    ck_assert_int_eq(remap(BASE, 2, 2, FIXED | MAY_MOVE, 0), -EPERM);
    ck_assert_int_eq(remap(BASE, 3, 4, MAY_MOVE, 0), -EFAULT);
    ck_assert_int_eq(remap(BASE, UINT64_C(1) << 51, 1, 0, 0), -EINVAL);
    ck_assert_int_eq(remap(BASE, UINT64_C(1) << 36, 1, 0, 0), -EINVAL);
    ck_assert_int_eq(remap(BASE, UINT64_C(1) << 34, 2, 0, 0), (int64_t)BASE);
    ck_assert_int_eq(remap(BASE, 2, 1, FIXED | MAY_MOVE, BASE + PAGES(50)), above);
    ck_assert_uint_eq(region_count(), 1);
    fixture_end();
}
END_TEST

START_TEST(limits_hold)
{
    map_private(BASE, 4, READ_WRITE);
    address_space_set_limits(space, USER_STACK_SIZE, PAGES(6));
    ck_assert_int_eq(remap(BASE, 4, 7, MAY_MOVE, 0), -ENOMEM);
    ck_assert_int_eq(remap(BASE, 4, 6, MAY_MOVE, 0), (int64_t)BASE);
    ck_assert_int_eq(remap(BASE, 6, 6, MAY_MOVE | KEEP_OLD, 0), -ENOMEM);
    fixture_end();
}
END_TEST

START_TEST(move_without_memory_for_tables_changes_nothing)
{
    static struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = 0;

    map_private(BASE, 600, READ_WRITE);
    number_pages(BASE, 600);
    map_private(BASE + PAGES(600), 1, PROTECTION_READ);
    while ((taken[count] = page_allocate(PAGE_DIRTY)) != NULL)
        count++;
    for (unsigned spare = 0; spare < 3; spare++) {
        ck_assert_int_eq(remap(BASE, 600, 601, MAY_MOVE, 0), -ENOMEM);
        check_numbers(BASE, 600);
        ck_assert_uint_eq(page_statistics().free, spare);
        page_release(taken[--count]);
    }
    while (count > 0)
        page_release(taken[--count]);
    ck_assert_int_gt(remap(BASE, 600, 601, MAY_MOVE, 0), 0);
    fixture_end();
}
END_TEST

START_TEST(shared_mappings_show_other_pages)
{
    map_shared(8);
    map_private(BASE + PAGES(20), 4, READ_WRITE);
    number_pages(BASE, 8);
    ck_assert_int_eq(address_space_remap_pages(space, BASE + PAGES(1), PAGES(2), 6, true), 0);
    ck_assert_uint_eq(region_count(), 4);    /* the object's: three */
    ck_assert(entry_at(BASE + PAGES(1)) & ENTRY_PRESENT);
    ck_assert_uint_eq(read_byte(BASE), 1);
    ck_assert_uint_eq(read_byte(BASE + PAGES(1)), 7);
    ck_assert_uint_eq(read_byte(BASE + PAGES(2)), 8);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 4);
    write_byte(BASE + PAGES(2), 99);
    ck_assert_uint_eq(read_byte(BASE + PAGES(7)), 99);
    write_byte(BASE + PAGES(7), 8);
    ck_assert(address_space_permits(space, BASE, READ_WRITE));
    ck_assert(!address_space_permits(space, BASE, PROTECTION_EXECUTE));
    ck_assert(!address_space_permits(space, BASE + PAGES(8), PROTECTION_READ));
    ck_assert_int_eq(address_space_remap_pages(space, BASE, PAGES(8), 0, false), 0);
    ck_assert_uint_eq(region_count(), 2);
    check_numbers(BASE, 8);
    ck_assert_int_eq(address_space_remap_pages(space, BASE, PAGES(9), 0, false), -EINVAL);
    ck_assert_int_eq(address_space_remap_pages(space, BASE + PAGES(20), PAGES(1), 0, false),
                     -EINVAL);
    ck_assert_int_eq(address_space_remap_pages(space, BASE, 1, 0, false), -EINVAL);
    ck_assert_int_eq(address_space_remap_pages(space, BASE, PAGES(1), UINT64_C(1) << 51, false),
                     -EOVERFLOW);
    check_numbers(BASE, 8);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/remap", fixture_begin, PANICS(NULL),
                     grows_in_place_when_there_is_room, shrinks_in_place,
                     moves_pages_without_copying, moves_by_odd_distances,
                     moves_a_part_to_a_place_in_use, moved_pages_join_only_where_they_were_first,
                     keeping_the_old_range_leaves_it_empty,
                     shared_memory_can_be_duplicated, several_regions_move_with_their_holes,
                     arguments_are_checked_in_order, limits_hold,
                     move_without_memory_for_tables_changes_nothing,
                     shared_mappings_show_other_pages)
