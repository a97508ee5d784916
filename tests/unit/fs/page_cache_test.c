/* Tests of page caches: filling by runs, holes, sizes, mappings that share, lack of memory. */
#include "fs/page_cache.h"

#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

/* A source of 2^20 pages: byte i of page n is n + i, cut to 8 bits. */
static struct source {
    uint64_t fills, pages_filled, largest;
    int error;                    /* what fill says */
    uint64_t size_from_now_on;    /* not 0: fill finds the file this short */
    uint64_t charged, limit;
    uint64_t written, last_written;    /* pages written back; bytes of the last one */
    bool destroyed;
} source;

static uint8_t byte_at(uint64_t position)
{
    return (uint8_t)(position / PAGE_SIZE + position % PAGE_SIZE);
}

static int fill(struct page_cache *cache, uint64_t index, struct page *first, size_t count)
{
    uint8_t *bytes = page_data(first);

    source.fills++;
    source.pages_filled += count;
    if (count > source.largest)
        source.largest = count;
    if (source.error)
        return source.error;
    if (source.size_from_now_on)
        cache->size = source.size_from_now_on;
    for (uint64_t i = 0; i < count * PAGE_SIZE; i++) {
        uint64_t position = index * PAGE_SIZE + i;

        bytes[i] = position < cache->size ? byte_at(position) : 0;
    }
    return 0;
}

static int charge(struct page_cache *cache, uint64_t pages)
{
    (void)cache;
    if (source.charged + pages > source.limit)
        return -ENOSPC;
    source.charged += pages;
    return 0;
}

static void uncharge(struct page_cache *cache, uint64_t pages)
{
    (void)cache;
    source.charged -= pages;
}

static void destroy(struct page_cache *cache)
{
    (void)cache;
    source.destroyed = true;
}

static int write_back(struct page_cache *cache, uint64_t index, const struct page *page,
                      size_t size)
{
    (void)cache;
    (void)index;
    (void)page;
    source.written++;
    source.last_written = size;
    return source.error;
}

static const struct page_cache_operations writable = {
    .fill = fill, .write_back = write_back, .destroy = destroy,
};
static const struct page_cache_operations fillable = { .fill = fill, .destroy = destroy };
static const struct page_cache_operations memory = {
    .charge = charge, .uncharge = uncharge, .destroy = destroy,
};

static struct page_cache *begin(const struct page_cache_operations *operations, uint64_t size)
{
    struct page_cache *cache;

    fixture_begin();
    source = (struct source){ .limit = UINT64_MAX };
    ck_assert_int_eq(page_cache_create(operations, &source, size, &cache), 0);
    return cache;
}

static void end(struct page_cache *cache)
{
    page_cache_release(cache);
    ck_assert(source.destroyed);
    ck_assert_uint_eq(source.charged, 0);
    fixture_end();
}

static int64_t read_at(struct page_cache *cache, void *target, size_t size, uint64_t position)
{
    struct io_segment segment = { (uint64_t)(uintptr_t)target, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return page_cache_read(cache, &buffer, &position);
}

static int64_t write_at(struct page_cache *cache, const void *data, size_t size, uint64_t position)
{
    struct io_segment segment = { (uint64_t)(uintptr_t)data, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return page_cache_write(cache, &buffer, &position);
}

static struct page *map(struct page_cache *cache, uint64_t index, bool for_write)
{
    struct page *page;

    ck_assert_int_eq(cache->object.operations->page(&cache->object, index, for_write, &page), 0);
    return page;
}

static int map_error(struct page_cache *cache, uint64_t index)
{
    struct page *page;

    return cache->object.operations->page(&cache->object, index, false, &page);
}

START_TEST(page_cache_reads_what_fill_gives)
{
    static uint8_t bytes[3 * PAGE_SIZE];
    uint64_t size = 100 * PAGE_SIZE + 17;
    struct page_cache *cache = begin(&fillable, size);

    for (uint64_t position = 0; position < size; position += 2999) {
        uint64_t expected = size - position < sizeof(bytes) ? size - position : sizeof(bytes);

        ck_assert_int_eq(read_at(cache, bytes, sizeof(bytes), position), (int64_t)expected);
        for (uint64_t i = 0; i < expected; i++)
            ck_assert_uint_eq(bytes[i], byte_at(position + i));
    }
    ck_assert_int_eq(read_at(cache, bytes, 1, size), 0);
    ck_assert_int_eq(read_at(cache, bytes, 1, UINT64_MAX / 2), 0);
    ck_assert_int_eq(read_at(cache, bytes, 0, 0), 0);
    ck_assert_uint_eq(source.pages_filled, 101);    /* each page once */
    end(cache);
}
END_TEST

START_TEST(page_cache_fills_longer_and_longer_runs)
{
    uint8_t byte;
    struct page_cache *cache = begin(&fillable, 4096 * PAGE_SIZE);

    for (uint64_t i = 0; i < 4096; i++)
        ck_assert_int_eq(read_at(cache, &byte, 1, i * PAGE_SIZE), 1);
    ck_assert_uint_lt(source.fills, 20);
    ck_assert_uint_eq(source.largest, 512);
    ck_assert_uint_eq(source.pages_filled, 4096);
    end(cache);
}
END_TEST

START_TEST(page_cache_random_reads_fill_little)
{
    uint8_t byte;
    struct page_cache *cache = begin(&fillable, 100000 * PAGE_SIZE);

    ck_assert_int_eq(read_at(cache, &byte, 1, 50000 * PAGE_SIZE), 1);
    ck_assert_int_eq(read_at(cache, &byte, 1, 10000 * PAGE_SIZE), 1);
    ck_assert_int_eq(read_at(cache, &byte, 1, 90000 * PAGE_SIZE), 1);
    ck_assert_uint_eq(source.fills, 3);
    ck_assert_uint_le(source.pages_filled, 3 * 32);
    end(cache);
}
END_TEST

START_TEST(page_cache_large_reads_are_one_fill)
{
    static uint8_t bytes[256 * PAGE_SIZE];
    struct page_cache *cache = begin(&fillable, 1000 * PAGE_SIZE);

    ck_assert_int_eq(read_at(cache, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert_uint_eq(source.fills, 1);
    /* And they lie in one piece, for mappings. */
    struct page *first = map(cache, 0, false);
    struct page *last = map(cache, 255, false);

    ck_assert_uint_eq(page_address(last) - page_address(first), 255 * PAGE_SIZE);
    page_release(first);
    page_release(last);
    end(cache);
}
END_TEST

START_TEST(page_cache_passes_errors_of_fill_on)
{
    uint8_t byte;
    struct page_cache *cache = begin(&fillable, 1000 * PAGE_SIZE);

    source.error = -EIO;
    ck_assert_int_eq(read_at(cache, &byte, 1, 0), -EIO);
    ck_assert_int_eq(map_error(cache, 5), -EIO);
    source.error = 0;
    ck_assert_int_eq(read_at(cache, &byte, 1, 0), 1);
    ck_assert_int_eq(map_error(cache, 1000), -ENXIO);
    end(cache);
}
END_TEST

START_TEST(page_cache_notices_a_file_that_shrank)
{
    static uint8_t bytes[PAGE_SIZE];
    struct page_cache *cache = begin(&fillable, 1000 * PAGE_SIZE);

    source.size_from_now_on = 2 * PAGE_SIZE + 100;
    ck_assert_int_eq(map_error(cache, 500), -ENXIO);
    ck_assert_int_eq(read_at(cache, bytes, sizeof(bytes), 2 * PAGE_SIZE), 100);
    ck_assert_uint_eq(bytes[99], byte_at(2 * PAGE_SIZE + 99));
    ck_assert_int_eq(read_at(cache, bytes, 1, 3 * PAGE_SIZE), 0);
    ck_assert_int_eq(map_error(cache, 3), -ENXIO);
    page_release(map(cache, 2, false));
    end(cache);
}
END_TEST

START_TEST(page_cache_invalidated_pages_are_read_again)
{
    uint8_t byte;
    struct page_cache *cache = begin(&fillable, 10 * PAGE_SIZE);
    struct page *mapped = map(cache, 0, false);

    ck_assert_int_eq(read_at(cache, &byte, 1, 0), 1);
    page_cache_invalidate(cache, 5 * PAGE_SIZE);
    ck_assert_uint_eq(page_cache_pages(cache), 0);
    ck_assert_int_eq(read_at(cache, &byte, 1, 0), 1);
    ck_assert_uint_eq(source.fills, 2);
    ck_assert_int_eq(read_at(cache, &byte, 1, 5 * PAGE_SIZE), 0);
    page_release(mapped);    /* lived on for its mapping */
    end(cache);
}
END_TEST

/* ---- Files in memory ----------------------------------------------------------------------- */

START_TEST(page_cache_writes_back_what_mappings_wrote)
{
    struct page_cache *cache = begin(&writable, 3 * PAGE_SIZE + 100);
    struct page *second = map(cache, 1, true), *last = map(cache, 3, true), *again;
    uint8_t bytes[4];

    ck_assert_int_eq(page_cache_write_back(cache), 0);
    ck_assert_uint_eq(source.written, 2);
    ck_assert_uint_eq(source.last_written, 100);
    ck_assert_int_eq(page_cache_write_back(cache), 0);    /* nobody maps it: no more to write */
    ck_assert_uint_eq(source.written, 2);
    page_release(last);
    page_release(second);

    second = map(cache, 1, true);
    memset(page_data(second), 0xee, PAGE_SIZE);
    page_cache_invalidate(cache, 2 * PAGE_SIZE + 1);
    again = map(cache, 1, false);
    ck_assert_ptr_eq(again, second);    /* what was written stays */
    page_release(again);
    page_release(second);
    source.error = -EIO;
    ck_assert_int_eq(page_cache_write_back(cache), -EIO);
    source.error = 0;

    ck_assert_int_eq(read_at(cache, bytes, 1, 5), 1);
    page_cache_note_written(cache, "abcd", 4, PAGE_SIZE - 2);
    ck_assert_int_eq(read_at(cache, bytes, 4, PAGE_SIZE - 2), 4);
    ck_assert_mem_eq(bytes, "abcd", 4);
    page_cache_note_written(cache, "x", 1, 9 * PAGE_SIZE);
    ck_assert_uint_eq(page_cache_size(cache), 9 * PAGE_SIZE + 1);
    end(cache);
}
END_TEST

START_TEST(page_cache_holes_take_no_memory)
{
    uint8_t byte = 7;
    struct page_cache *cache = begin(&memory, 0);

    ck_assert_int_eq(write_at(cache, &byte, 1, 1000 * PAGE_SIZE + 5), 1);
    ck_assert_uint_eq(page_cache_size(cache), 1000 * PAGE_SIZE + 6);
    ck_assert_uint_eq(source.charged, 1);
    ck_assert_int_eq(read_at(cache, &byte, 1, 500 * PAGE_SIZE), 1);
    ck_assert_uint_eq(byte, 0);
    ck_assert_uint_eq(page_cache_pages(cache), 1);
    ck_assert_uint_eq(page_cache_next_data(cache, 0), 1000 * PAGE_SIZE);
    ck_assert_uint_eq(page_cache_next_data(cache, 1000 * PAGE_SIZE + 3), 1000 * PAGE_SIZE + 3);
    ck_assert_uint_eq(page_cache_next_hole(cache, 3), 3);
    ck_assert_uint_eq(page_cache_next_hole(cache, 1000 * PAGE_SIZE), 1000 * PAGE_SIZE + 6);
    end(cache);
}
END_TEST

START_TEST(page_cache_mappings_and_writes_agree)
{
    uint8_t byte = 1;
    struct page_cache *cache = begin(&memory, 0);

    ck_assert_int_eq(write_at(cache, &byte, 1, 10), 1);
    struct page *page = map(cache, 0, true);
    uint8_t *mapped = page_data(page);

    ck_assert_uint_eq(mapped[10], 1);
    mapped[11] = 2;
    ck_assert_int_eq(read_at(cache, &byte, 1, 11), 0);    /* beyond the end */
    byte = 3;
    ck_assert_int_eq(write_at(cache, &byte, 1, 12), 1);
    ck_assert_uint_eq(mapped[12], 3);
    ck_assert_uint_eq(mapped[11], 0);    /* what was beyond the end does not come into the file */
    mapped[11] = 4;
    ck_assert_int_eq(read_at(cache, &byte, 1, 11), 1);
    ck_assert_uint_eq(byte, 4);
    page_release(page);
    end(cache);
}
END_TEST

START_TEST(page_cache_shrinking_drops_and_zeroes)
{
    static uint8_t bytes[3 * PAGE_SIZE];
    struct page_cache *cache = begin(&memory, 0);

    memset(bytes, 9, sizeof(bytes));
    ck_assert_int_eq(write_at(cache, bytes, sizeof(bytes), 0), sizeof(bytes));
    struct page *mapped = map(cache, 2, true);

    page_cache_resize(cache, 100);
    ck_assert_int_eq(map_error(cache, 1), -ENXIO);
    ck_assert_uint_eq(page_cache_pages(cache), 1);    /* even a page that somebody uses is gone */
    page_cache_resize(cache, sizeof(bytes));
    ck_assert_int_eq(read_at(cache, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert_uint_eq(bytes[99], 9);
    for (unsigned i = 100; i < sizeof(bytes); i++)
        ck_assert_uint_eq(bytes[i], 0);
    ck_assert_uint_eq(page_references(mapped), 1);
    page_release(mapped);
    end(cache);
}
END_TEST

START_TEST(page_cache_full_filesystem_cuts_the_write)
{
    static uint8_t bytes[8 * PAGE_SIZE];
    struct page_cache *cache = begin(&memory, 0);

    source.limit = 3;
    ck_assert_int_eq(write_at(cache, bytes, sizeof(bytes), 0), 3 * PAGE_SIZE);
    ck_assert_uint_eq(page_cache_size(cache), 3 * PAGE_SIZE);
    ck_assert_int_eq(write_at(cache, bytes, 1, 3 * PAGE_SIZE), -ENOSPC);
    ck_assert_int_eq(write_at(cache, bytes, 1, 0), 1);
    ck_assert_uint_eq(source.charged, 3);
    end(cache);
}
END_TEST

/* A buffer whose second half cannot be read: user memory of an empty address space. */
START_TEST(page_cache_short_write_leaves_no_pages_behind)
{
    static uint8_t bytes[PAGE_SIZE];
    struct page_cache *cache = begin(&memory, 0);
    struct address_space *space;
    struct io_segment segment = { 0x100000, 4 * PAGE_SIZE };
    struct io_buffer buffer;
    uint64_t position = 0;

    ck_assert_int_eq(address_space_create(&space), 0);
    io_buffer_init(&buffer, space, &segment, 1);
    ck_assert_int_eq(page_cache_write(cache, &buffer, &position), -EFAULT);
    ck_assert_uint_eq(position, 0);
    ck_assert_uint_eq(page_cache_size(cache), 0);
    ck_assert_uint_eq(page_cache_pages(cache), 0);
    address_space_release(space);

    ck_assert_int_eq(write_at(cache, bytes, 10, 0), 10);
    end(cache);
}
END_TEST

START_TEST(page_cache_outlives_its_owner_while_mapped)
{
    uint8_t byte = 6;
    struct page_cache *cache = begin(&memory, 0);

    ck_assert_int_eq(write_at(cache, &byte, 1, 0), 1);
    memory_object_reference(&cache->object);    /* a mapping */
    page_cache_release(cache);                  /* the inode */
    ck_assert(!source.destroyed);
    page_release(map(cache, 0, true));
    end(cache);
}
END_TEST

START_TEST(page_cache_gives_memory_back)
{
    static uint8_t bytes[64 * PAGE_SIZE];
    struct page_cache *cache = begin(&fillable, 1000 * PAGE_SIZE);
    struct page *mapped = map(cache, 0, false);

    ck_assert_int_eq(read_at(cache, bytes, sizeof(bytes), 0), sizeof(bytes));
    uint64_t pages = page_cache_pages(cache);

    ck_assert_uint_eq(page_cache_shrink(10), pages - 1);    /* all but the mapped one */
    ck_assert_uint_eq(page_cache_pages(cache), 1);
    ck_assert_uint_eq(page_cache_shrink(10), 0);
    page_release(mapped);
    end(cache);
}
END_TEST

/* More file than memory: reading goes on by dropping what was read. */
START_TEST(page_cache_reads_one_file_larger_than_memory)
{
    uint8_t byte;
    uint64_t pages = 2 * FIXTURE_MEMORY / PAGE_SIZE;
    struct page_cache *cache = begin(&fillable, pages * PAGE_SIZE);

    for (uint64_t i = 0; i < pages; i++) {
        ck_assert_int_eq(read_at(cache, &byte, 1, i * PAGE_SIZE), 1);
        ck_assert_uint_eq(byte, byte_at(i * PAGE_SIZE));
    }
    end(cache);
}
END_TEST

START_TEST(page_cache_reads_files_larger_than_memory)
{
    uint8_t byte;
    uint64_t pages = 2 * FIXTURE_MEMORY / PAGE_SIZE;
    struct page_cache *other;
    struct page_cache *cache = begin(&fillable, pages * PAGE_SIZE);

    ck_assert_int_eq(page_cache_create(&fillable, &source, pages * PAGE_SIZE, &other), 0);
    for (uint64_t i = 0; i < pages; i += 7) {
        ck_assert_int_eq(read_at(i % 2 ? cache : other, &byte, 1, i * PAGE_SIZE), 1);
        ck_assert_uint_eq(byte, byte_at(i * PAGE_SIZE));
    }
    page_cache_release(other);
    source.destroyed = false;
    end(cache);
}
END_TEST

TEST_MAIN("fs/page_cache", page_cache_reads_what_fill_gives,
          page_cache_fills_longer_and_longer_runs, page_cache_random_reads_fill_little,
          page_cache_large_reads_are_one_fill, page_cache_passes_errors_of_fill_on,
          page_cache_notices_a_file_that_shrank, page_cache_invalidated_pages_are_read_again,
          page_cache_writes_back_what_mappings_wrote,
          page_cache_holes_take_no_memory, page_cache_mappings_and_writes_agree,
          page_cache_shrinking_drops_and_zeroes, page_cache_full_filesystem_cuts_the_write,
          page_cache_short_write_leaves_no_pages_behind,
          page_cache_outlives_its_owner_while_mapped, page_cache_gives_memory_back,
          page_cache_reads_one_file_larger_than_memory, page_cache_reads_files_larger_than_memory)
