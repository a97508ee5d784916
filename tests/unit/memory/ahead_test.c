/* What a new program has before it begins: pages of its file, and a run of pages of its own. */
#include <string.h>

#include "harness/test.h"
#include "unit/memory/space_fixture.h"

#define FILE_PAGES 300u

static struct {
    struct memory_object object;
    struct page *pages[FILE_PAGES];
    uint64_t page_count;    /* beyond it there are none */
    unsigned asked;
} file;

static int file_page(struct memory_object *object, uint64_t index, bool for_write,
                     struct page **page)
{
    (void)object;
    ck_assert(!for_write);
    file.asked++;
    if (index >= file.page_count)
        return -ENXIO;
    page_reference(file.pages[index]);
    *page = file.pages[index];
    return 0;
}

static bool file_is_resident(struct memory_object *object, uint64_t index)
{
    (void)object;
    return index < file.page_count && index % 8 != 7;
}

static void file_destroy(struct memory_object *object)
{
    (void)object;
    for (unsigned i = 0; i < FILE_PAGES; i++)
        page_release(file.pages[i]);
}

static const struct memory_object_operations file_operations = {
    .page = file_page,
    .is_resident = file_is_resident,
    .destroy = file_destroy,
};

static void begin(void)
{
    fixture_begin();
    memory_object_init(&file.object, &file_operations);
    file.page_count = FILE_PAGES;
    file.asked = 0;
    for (unsigned i = 0; i < FILE_PAGES; i++) {
        file.pages[i] = page_allocate(PAGE_DIRTY);
        memset(page_data(file.pages[i]), (int)i + 1, PAGE_SIZE);
    }
}

static void end(void)
{
    memory_object_release(&file.object);
    fixture_end();
}

static void map_file(uint64_t pages, uint32_t protection)
{
    const struct map_request request = {
        .address = BASE,
        .length = PAGES(pages),
        .protection = protection,
        .flags = MAP_AT_ADDRESS,
        .object = &file.object,
        .object_offset = PAGES(2),
    };
    user_address place;

    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
}

START_TEST(what_is_in_memory_is_mapped)
{
    map_file(280, PROTECTION_READ | PROTECTION_EXECUTE);
    address_space_bring_ahead(space, BASE, BASE + PAGES(400));
    for (unsigned i = 0; i < 256; i++) {
        uint64_t entry = entry_at(BASE + PAGES(i));

        ck_assert((entry != 0) == file_is_resident(&file.object, i + 2));
        if (entry)
            ck_assert((entry & (ENTRY_OBJECT | ENTRY_WRITE)) == ENTRY_OBJECT);
        if (entry)
            ck_assert_uint_eq(entry & ENTRY_ADDRESS, page_address(file.pages[i + 2]));
    }
    ck_assert_uint_eq(entry_at(BASE + PAGES(256)), 0);
    ck_assert_uint_eq(resident_pages(), 224);
    ck_assert_uint_eq(file.asked, 224);
    end();
}
END_TEST

/* File and zeros behind it, in frames that follow each other. */
START_TEST(written_segments_are_one_run_of_copies)
{
    map_file(5, READ_WRITE);
    map_private(BASE + PAGES(5), 6, READ_WRITE);
    address_space_bring_ahead(space, BASE, BASE + PAGES(11));
    for (unsigned i = 0; i < 11; i++) {
        uint64_t entry = entry_at(BASE + PAGES(i));

        ck_assert((entry & (ENTRY_WRITE | ENTRY_OBJECT)) == ENTRY_WRITE);
        ck_assert_uint_eq(entry & ENTRY_ADDRESS, (entry_at(BASE) & ENTRY_ADDRESS) + PAGES(i));
        ck_assert_uint_eq(read_byte(BASE + PAGES(i)), i < 5 ? i + 3 : 0);
        write_byte(BASE + PAGES(i), 99);
    }
    ck_assert_uint_eq(*(uint8_t *)page_data(file.pages[3]), 4);
    ck_assert_uint_eq(resident_pages(), 11);
    end();
}
END_TEST

START_TEST(large_segments_are_begun)
{
    map_file(40, READ_WRITE);
    address_space_bring_ahead(space, BASE, BASE + PAGES(40));
    ck_assert_uint_eq(resident_pages(), 32);
    ck_assert_uint_eq(entry_at(BASE + PAGES(32)), 0);
    end();
}
END_TEST

/* The faults do the rest, and say what is wrong. */
START_TEST(what_fails_is_left_to_faults)
{
    file.page_count = 6;
    map_file(8, READ_WRITE);
    address_space_bring_ahead(space, BASE, BASE + PAGES(8));
    ck_assert_uint_eq(resident_pages(), 4);
    ck_assert_int_eq(touch_write(BASE + PAGES(4)), FAULT_BUS);
    end();
}
END_TEST

START_TEST(what_is_there_stays)
{
    map_file(8, READ_WRITE);
    write_byte(BASE + PAGES(2), 50);
    address_space_bring_ahead(space, BASE, BASE + PAGES(8));
    ck_assert_uint_eq(read_byte(BASE + PAGES(2)), 50);
    ck_assert_uint_eq(read_byte(BASE + PAGES(3)), 6);
    address_space_bring_ahead(space, BASE, BASE + PAGES(8));
    ck_assert_uint_eq(read_byte(BASE + PAGES(2)), 50);
    end();
}
END_TEST

START_TEST(nothing_comes_where_it_would_be_wrong)
{
    user_address place = map_private(BASE, 4, PROTECTION_READ);

    address_space_bring_ahead(space, place, place + PAGES(4));
    ck_assert_uint_eq(resident_pages(), 0);
    address_space_bring_ahead(space, place + PAGES(16), place + PAGES(20));    /* not mapped */
    map_private(BASE, 1, READ_WRITE);
    address_space_bring_ahead(space, place, place + PAGES(4));    /* up to what is not writable */
    ck_assert_uint_eq(resident_pages(), 1);
    end();
}
END_TEST

START_TEST(without_memory_nothing_happens)
{
    struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = 0;

    map_file(8, READ_WRITE);
    while ((taken[count] = page_allocate(PAGE_DIRTY)))
        count++;
    address_space_bring_ahead(space, BASE, BASE + PAGES(8));
    ck_assert_uint_eq(resident_pages(), 0);
    for (unsigned i = 0; i < 3; i++)    /* for the tables alone */
        page_release(taken[--count]);
    address_space_bring_ahead(space, BASE, BASE + PAGES(8));
    ck_assert_uint_eq(resident_pages(), 0);
    while (count > 0)
        page_release(taken[--count]);
    end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/ahead", begin, PANICS(NULL), what_is_in_memory_is_mapped,
                     written_segments_are_one_run_of_copies, large_segments_are_begun,
                     what_fails_is_left_to_faults, what_is_there_stays,
                     nothing_comes_where_it_would_be_wrong, without_memory_nothing_happens)
