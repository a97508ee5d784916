/*
 * memory/object_regions: pages that an object loses go from all regions of all spaces, and nothing
 * else goes.
 */
#include <stdlib.h>

#include "harness/test.h"
#include "unit/memory/space_fixture.h"

#define OBJECT_PAGES 100u

static struct memory_object *object;

static void begin(void)
{
    fixture_begin();
    ck_assert_int_eq(memory_object_create_anonymous(PAGES(OBJECT_PAGES), &object), 0);
}

static void end(void)
{
    memory_object_release(object);
    fixture_end();
}

/* Pages of the object from `offset` on. */
static void map_object(struct address_space *into, user_address address, uint64_t pages,
                       uint64_t offset, uint32_t flags)
{
    const struct map_request request = {
        .address = address,
        .length = PAGES(pages),
        .protection = READ_WRITE,
        .flags = MAP_AT_ADDRESS | flags,
        .object = object,
        .object_offset = PAGES(offset),
    };
    user_address place;

    ck_assert_int_eq(address_space_map(into, &request, &place), 0);
}

static void write_pages(user_address address, uint64_t pages, uint8_t value)
{
    for (uint64_t i = 0; i < pages; i++)
        write_byte(address + PAGES(i), value);
}

/* Are the pages [first, end) from `address` on absent, and all others of `pages` there? */
static void check_absent(user_address address, uint64_t pages, uint64_t first, uint64_t end)
{
    for (uint64_t i = 0; i < pages; i++)
        ck_assert_int_eq(entry_at(address + PAGES(i)) == 0, i >= first && i < end);
}

START_TEST(pages_go_from_every_kind_of_region)
{
    map_object(space, BASE, 10, 0, MAP_SHARED_PAGES);
    map_object(space, BASE + PAGES(50), 10, 0, 0);
    map_object(space, BASE + PAGES(100), 10, 0, 0);
    map_private(BASE + PAGES(150), 10, READ_WRITE);
    write_pages(BASE, 10, 1);
    write_pages(BASE + PAGES(50), 10, 2);    /* copies */
    write_pages(BASE + PAGES(100), 10, 3);
    write_pages(BASE + PAGES(150), 10, 4);
    ck_assert_int_eq(address_space_protect(space, BASE + PAGES(100), PAGES(10), 0), 0);
    memory_object_unmap(object, 4, UINT64_MAX);
    check_absent(BASE, 10, 4, 10);
    check_absent(BASE + PAGES(50), 10, 4, 10);
    check_absent(BASE + PAGES(100), 10, 4, 10);
    check_absent(BASE + PAGES(150), 10, 10, 10);
    ck_assert_uint_eq(resident_pages(), 4 + 4 + 4 + 10);
    ck_assert_uint_eq(read_byte(BASE + PAGES(50 + 3)), 2);
    ck_assert_uint_eq(read_byte(BASE + PAGES(50 + 4)), 1);    /* the object's again */
    end();
}
END_TEST

START_TEST(only_the_range_goes)
{
    map_object(space, BASE, 10, 20, MAP_SHARED_PAGES);
    write_pages(BASE, 10, 1);
    memory_object_unmap(object, 0, 20);
    memory_object_unmap(object, 30, UINT64_MAX);
    memory_object_unmap(object, 25, 0);
    check_absent(BASE, 10, 10, 10);
    memory_object_unmap(object, 22, 3);
    check_absent(BASE, 10, 2, 5);
    memory_object_unmap(object, 0, 21);
    ck_assert_uint_eq(entry_at(BASE), 0);
    ck_assert_uint_ne(entry_at(BASE + PAGES(1)), 0);
    memory_object_unmap(object, UINT64_MAX, UINT64_MAX);
    memory_object_unmap(object, 0, UINT64_MAX);
    check_absent(BASE, 10, 0, 10);
    end();
}
END_TEST

START_TEST(every_space_loses_them)
{
    struct address_space *spaces[3], *first = space;

    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(address_space_create(&spaces[i]), 0);
        space = spaces[i];
        map_object(space, BASE, 5, 0, MAP_SHARED_PAGES);
        map_object(space, BASE + PAGES(8), 5, 0, 0);
        write_pages(BASE, 5, 1);
        write_pages(BASE + PAGES(8), 5, 1);
    }
    memory_object_unmap(object, 2, 1);
    for (unsigned i = 0; i < 3; i++) {
        space = spaces[i];
        check_absent(BASE, 5, 2, 3);
        check_absent(BASE + PAGES(8), 5, 2, 3);
    }
    address_space_release(spaces[1]);
    memory_object_unmap(object, 0, UINT64_MAX);
    for (unsigned i = 0; i < 3; i += 2) {
        space = spaces[i];
        ck_assert_uint_eq(resident_pages(), 0);
        address_space_release(space);
    }
    space = first;
    end();
}
END_TEST

START_TEST(private_copies_stay_when_only_originals_go)
{
    map_object(space, BASE, 10, 0, MAP_SHARED_PAGES);
    map_object(space, BASE + PAGES(50), 10, 0, 0);
    write_pages(BASE, 10, 1);
    write_pages(BASE + PAGES(52), 3, 2);    /* copies */
    for (unsigned i = 0; i < 10; i++)
        (void)read_byte(BASE + PAGES(50 + i));
    memory_object_unmap_originals(object);
    check_absent(BASE, 10, 0, 10);
    check_absent(BASE + PAGES(50), 2, 0, 2);
    check_absent(BASE + PAGES(52), 3, 3, 3);
    check_absent(BASE + PAGES(55), 5, 0, 5);
    ck_assert_uint_eq(read_byte(BASE + PAGES(53)), 2);
    ck_assert_uint_eq(read_byte(BASE + PAGES(51)), 1);
    memory_object_unmap(object, 0, UINT64_MAX);
    ck_assert_uint_eq(resident_pages(), 0);
    end();
}
END_TEST

START_TEST(regions_are_found_whatever_became_of_them)
{
    struct remap_request request = {
        .old_address = BASE + PAGES(6),
        .old_length = PAGES(2),
        .new_length = PAGES(2),
        .flags = 3,    /* MAYMOVE | FIXED */
        .new_address = BASE + PAGES(40),
    };
    user_address place;

    map_object(space, BASE, 10, 0, MAP_SHARED_PAGES);
    write_pages(BASE, 10, 1);
    ck_assert_int_eq(address_space_protect(space, BASE + PAGES(2), PAGES(1), PROTECTION_READ), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(4), PAGES(1)), 0);
    ck_assert_int_eq(address_space_remap(space, &request, &place), 0);
    ck_assert_uint_eq(region_count(), 6);
    memory_object_unmap(object, 1, 8);
    check_absent(BASE, 10, 1, 9);
    check_absent(BASE + PAGES(40), 2, 0, 2);
    ck_assert_int_eq(address_space_protect(space, BASE + PAGES(2), PAGES(1), READ_WRITE), 0);
    ck_assert_uint_eq(region_count(), 4);
    write_pages(BASE, 4, 1);
    memory_object_unmap(object, 0, UINT64_MAX);
    ck_assert_uint_eq(resident_pages(), 0);
    end();
}
END_TEST

/* Random changes and walks; what the spaces map is known from their tables. */
START_TEST(random_regions_lose_their_pages)
{
    srandom(7);
    for (unsigned round = 0; round < 2000; round++) {
        user_address address = BASE + PAGES(random() % 60);
        uint64_t pages = 1 + (uint64_t)random() % 20;
        uint64_t offset = (uint64_t)random() % (OBJECT_PAGES - 20);

        if (random() % 3 == 0)
            ck_assert_int_eq(address_space_unmap(space, address, PAGES(pages)), 0);
        else
            map_object(space, address, pages, offset, random() % 2 ? MAP_SHARED_PAGES : 0);
        for (unsigned i = 0; i < 20; i++)
            (void)(random() % 2 ? touch(address + PAGES(i)) : touch_write(address + PAGES(i)));
        offset = (uint64_t)random() % OBJECT_PAGES;
        pages = (uint64_t)random() % 20;
        memory_object_unmap(object, offset, pages);
        for (struct region *region = region_first(&space->regions); region;
             region = region_next(region)) {
            for (user_address at = region->start; at < region->end; at += PAGE_SIZE) {
                uint64_t index = (region->object_offset + (at - region->start)) / PAGE_SIZE;

                ck_assert(index < offset || index >= offset + pages || entry_at(at) == 0);
            }
        }
    }
    memory_object_unmap(object, 0, UINT64_MAX);
    ck_assert_uint_eq(resident_pages(), 0);
    end();
}
END_TEST

START_TEST(a_walk_within_a_walk_panics)
{
    object->is_unmapping = true;
    memory_object_unmap(object, 0, 1);
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/object_regions", begin, PANICS(a_walk_within_a_walk_panics),
                     pages_go_from_every_kind_of_region, only_the_range_goes,
                     every_space_loses_them, private_copies_stay_when_only_originals_go,
                     regions_are_found_whatever_became_of_them,
                     random_regions_lose_their_pages)
