/*
 * memory/page_allocator: what is handed out is free, aligned, contiguous and, when asked for, zero;
 * everything that comes back can be had again as one large run.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "lib/random.h"
#include "memory/page.h"

#define MEMORY_SIZE (16u << 20)
#define PAGES_MAX (MEMORY_SIZE / PAGE_SIZE)

static struct page *pages[PAGES_MAX];
static unsigned char owned[PAGES_MAX];    /* by frame, from FAKE_MEMORY_START */

static void setup(void)
{
    fake_machine_init(MEMORY_SIZE);
    page_allocator_init();
}

static size_t frame_index(const struct page *page)
{
    return (page_address(page) - FAKE_MEMORY_START) / PAGE_SIZE;
}

static size_t take_all(enum page_fill fill)
{
    size_t count = 0;

    while ((pages[count] = page_allocate(fill)) != NULL)
        count++;
    return count;
}

static bool is_filled_with(const struct page *page, unsigned char byte)
{
    const unsigned char *data = page_data(page);

    return data[0] == byte && memcmp(data, data + 1, PAGE_SIZE - 1) == 0;
}

START_TEST(pages_are_counted)
{
    struct page_statistics statistics = page_statistics();
    size_t array = (PAGES_MAX * sizeof(struct page) + PAGE_SIZE - 1) / PAGE_SIZE;

    ck_assert_uint_eq(statistics.total, PAGES_MAX - array);
    ck_assert_uint_eq(statistics.free, statistics.total);

    struct page *page = page_allocate(PAGE_DIRTY);

    ck_assert_uint_eq(page_statistics().free, statistics.free - 1);
    ck_assert_uint_eq(page_references(page), 1);
    page_release(page);
    ck_assert_uint_eq(page_statistics().free, statistics.free);
}
END_TEST

/* An idle machine must not pay for its memory: neither pages nor their descriptions are touched. */
START_TEST(init_touches_little_memory)
{
    const size_t size = (size_t)1 << 30;
    static unsigned char resident[(1u << 30) / PAGE_SIZE];
    size_t touched = 0;

    fake_machine_init(size);
    page_allocator_init();
    ck_assert_int_eq(mincore(fake_machine_info.direct_map + FAKE_MEMORY_START, size, resident), 0);
    for (size_t i = 0; i < size / PAGE_SIZE; i++)
        touched += resident[i] & 1;
    ck_assert_uint_le(touched, 2 * PAGE_ORDER_MAX);
    ck_assert_ptr_nonnull(page_allocate_run(PAGE_ORDER_MAX - 1, PAGE_DIRTY));
}
END_TEST

START_TEST(every_page_is_handed_out_once)
{
    size_t total = page_statistics().total;

    ck_assert_uint_eq(take_all(PAGE_DIRTY), total);
    ck_assert_uint_eq(page_statistics().free, 0);
    for (size_t i = 0; i < total; i++) {
        ck_assert_uint_eq(owned[frame_index(pages[i])], 0);
        owned[frame_index(pages[i])] = 1;
        ck_assert_ptr_eq(page_at(page_address(pages[i]) + 17), pages[i]);
        ck_assert_uint_eq(page_physical_of(page_data(pages[i])), page_address(pages[i]));
    }
    ck_assert_ptr_null(page_allocate_run(0, PAGE_ZERO));
}
END_TEST

START_TEST(freed_pages_merge_to_large_runs)
{
    const unsigned order = 11;    /* 8 MiB of 16: there is exactly one such block */
    struct page *before = page_allocate_run(order, PAGE_DIRTY);

    ck_assert_ptr_nonnull(before);
    ck_assert_ptr_null(page_allocate_run(order, PAGE_DIRTY));
    page_release_run(before, (size_t)1 << order);

    size_t total = take_all(PAGE_DIRTY);

    for (size_t i = 0; i < total; i += 2)
        page_release(pages[i]);
    ck_assert_ptr_null(page_allocate_run(1, PAGE_DIRTY));    /* every second page is in use */
    for (size_t i = 1; i < total; i += 2)
        page_release(pages[i]);
    ck_assert_ptr_eq(page_allocate_run(order, PAGE_DIRTY), before);
}
END_TEST

START_TEST(runs_are_aligned_and_released_page_by_page)
{
    uint64_t free = page_statistics().free;

    for (unsigned order = 0; order <= 10; order++) {
        size_t count = (size_t)1 << order;
        struct page *run = page_allocate_run(order, PAGE_DIRTY);

        ck_assert_ptr_nonnull(run);
        ck_assert_uint_eq(page_address(run) % (count * PAGE_SIZE), 0);
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_eq(page_address(&run[i]), page_address(run) + i * PAGE_SIZE);
            ck_assert_uint_eq(page_references(&run[i]), 1);
            ck_assert(!list_is_linked(&run[i].node));
            page_release(&run[i]);
        }
    }
    ck_assert_uint_eq(page_statistics().free, free);
}
END_TEST

START_TEST(run_requests_beyond_memory_fail)
{
    ck_assert_ptr_null(page_allocate_run(12, PAGE_DIRTY));
    ck_assert_ptr_null(page_allocate_run(PAGE_ORDER_MAX, PAGE_DIRTY));
    ck_assert_ptr_null(page_allocate_run(PAGE_ORDER_MAX + 1, PAGE_DIRTY));
    ck_assert_ptr_null(page_allocate_run(UINT32_MAX, PAGE_DIRTY));
    ck_assert_uint_eq(page_statistics().free, page_statistics().total);
}
END_TEST

START_TEST(zero_pages_are_zero_after_use)
{
    size_t total = take_all(PAGE_ZERO);

    for (size_t i = 0; i < total; i++) {
        ck_assert(is_filled_with(pages[i], 0));
        memset(page_data(pages[i]), 0xa5, PAGE_SIZE);
        page_release(pages[i]);
    }

    struct page *run = page_allocate_run(8, PAGE_ZERO);

    for (size_t i = 0; i < 256; i++)
        ck_assert(is_filled_with(&run[i], 0));
}
END_TEST

/* Fresh memory is known to be zero, so it is not cleared (nor touched). */
START_TEST(fresh_pages_are_not_cleared)
{
    memset(fake_machine_info.direct_map + FAKE_MEMORY_START + MEMORY_SIZE / 2, 0x11,
           MEMORY_SIZE / 2);

    size_t total = take_all(PAGE_ZERO);
    size_t untouched = 0;

    for (size_t i = 0; i < total; i++)
        untouched += is_filled_with(pages[i], 0x11);
    ck_assert_uint_eq(untouched, PAGES_MAX / 2);
}
END_TEST

/* Used pages come first, so that fresh memory stays fresh. */
START_TEST(used_pages_are_reused_before_fresh_ones)
{
    struct page *page = page_allocate(PAGE_DIRTY);
    struct page *other = page_allocate(PAGE_DIRTY);

    memset(page_data(page), 0xff, PAGE_SIZE);
    page_release(page);
    ck_assert_ptr_eq(page_allocate(PAGE_DIRTY), page);
    page_release(page);
    ck_assert_ptr_eq(page_allocate(PAGE_ZERO), page);
    ck_assert(is_filled_with(page, 0));
    page_release(other);
}
END_TEST

START_TEST(memory_with_old_contents_is_cleared)
{
    fake_machine_init(MEMORY_SIZE);
    memset(fake_machine_info.direct_map + FAKE_MEMORY_START, 0xee, MEMORY_SIZE);
    fake_machine_info.memory_is_zero = false;
    page_allocator_init();

    struct page *dirty = page_allocate(PAGE_DIRTY);
    size_t total = take_all(PAGE_ZERO);

    ck_assert(is_filled_with(dirty, 0xee));
    ck_assert_uint_eq(total, page_statistics().total - 1);
    for (size_t i = 0; i < total; i++)
        ck_assert(is_filled_with(pages[i], 0));
}
END_TEST

/* Frames 0-15 (too small for the array), 64-1023, and 1030-4095 relative to the start. */
START_TEST(holes_between_ranges_are_never_handed_out)
{
    static struct machine_range ranges[3];
    const uint64_t base = FAKE_MEMORY_START;

    fake_machine_init(MEMORY_SIZE);
    ranges[0] = (struct machine_range){ base, base + 16 * PAGE_SIZE };
    ranges[1] = (struct machine_range){ base + 64 * PAGE_SIZE, base + 1024 * PAGE_SIZE };
    ranges[2] = (struct machine_range){ base + 1030 * PAGE_SIZE, base + MEMORY_SIZE };
    fake_machine_info.memory = ranges;
    fake_machine_info.memory_range_count = 3;
    page_allocator_init();

    size_t array = PAGES_MAX * sizeof(struct page) / PAGE_SIZE;
    size_t total = take_all(PAGE_DIRTY);

    ck_assert_uint_eq(total, 960 - array + (PAGES_MAX - 1030));
    for (size_t i = 0; i < total; i++) {
        size_t frame = frame_index(pages[i]);

        ck_assert((frame >= 64 + array && frame < 1024) || frame >= 1030);
        page_release(pages[i]);
    }
    /* Merging stops at the holes. */
    ck_assert_uint_eq(page_statistics().free, total);
    for (size_t count = 0; count < 8; count++) {
        struct page *run = page_allocate_run(9, PAGE_DIRTY);

        if (run)
            ck_assert(frame_index(run) >= 1030 || frame_index(run) + 512 <= 1024);
    }
}
END_TEST

START_TEST(shared_pages_outlive_the_first_release)
{
    struct page *run = page_allocate_run(3, PAGE_DIRTY);
    uint64_t free = page_statistics().free;

    page_reference(&run[2]);
    page_reference(&run[7]);
    page_release_run(run, 8);
    ck_assert_uint_eq(page_statistics().free, free + 6);
    ck_assert_uint_eq(page_references(&run[2]), 1);
    page_release(&run[2]);
    page_release(&run[7]);
    ck_assert_uint_eq(page_statistics().free, free + 8);
}
END_TEST

struct held_run {
    struct page *first;
    unsigned order;
};

static void change_at_random(uint64_t seed)
{
    static struct held_run held[512];
    uint64_t total = page_statistics().total;
    uint64_t used = 0;
    size_t count = 0;
    struct random random;

    memset(owned, 0, sizeof(owned));
    random_init(&random, seed);
    for (unsigned step = 0; step < 20000; step++) {
        if (count < 512 && random_below(&random, 2) == 0) {
            unsigned order = (unsigned)random_below(&random, 7);
            struct page *run = page_allocate_run(order, (enum page_fill)random_below(&random, 2));

            if (!run)
                continue;
            for (size_t i = 0; i < (size_t)1 << order; i++)
                ck_assert_uint_eq(owned[frame_index(run) + i]++, 0);
            held[count++] = (struct held_run){ run, order };
            used += UINT64_C(1) << order;
        } else if (count > 0) {
            size_t which = random_below(&random, count);
            struct held_run run = held[which];

            held[which] = held[--count];
            for (size_t i = 0; i < (size_t)1 << run.order; i++)
                owned[frame_index(run.first) + i] = 0;
            page_release_run(run.first, (size_t)1 << run.order);
            used -= UINT64_C(1) << run.order;
        }
        ck_assert_uint_eq(page_statistics().free, total - used);
    }
    while (count > 0) {
        count--;
        page_release_run(held[count].first, (size_t)1 << held[count].order);
    }
    ck_assert_uint_eq(page_statistics().free, total);
}

START_TEST(random_changes_match_a_model)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        change_at_random(seed);
}
END_TEST

START_TEST(releasing_twice_panics)
{
    struct page *page = page_allocate(PAGE_DIRTY);

    page_release(page);
    page_release(page);
}
END_TEST

/* ---- Reserved frames ----------------------------------------------------------------------- */

#define RESERVED_MEMORY (64u << 20)

static void setup_for_reservations(void)
{
    fake_machine_init(RESERVED_MEMORY);
    page_allocator_init();
}

START_TEST(reserved_frames_are_neither_free_nor_pages)
{
    setup_for_reservations();

    uint64_t free = page_statistics().free;
    struct page *first = page_reserve_run(9);

    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(page_address(first) % (512 * PAGE_SIZE), 0);
    ck_assert_uint_eq(page_statistics().free, free - 512);
    ck_assert_uint_eq(page_statistics().reserved, 512);
    for (unsigned i = 0; i < 512; i++)
        ck_assert_uint_eq(page_references(first + i), 0);

    page_claim(first + 7);
    ck_assert_uint_eq(page_references(first + 7), 1);
    ck_assert_uint_eq(page_statistics().reserved, 511);
    memset(page_data(first + 7), 1, PAGE_SIZE);
    page_release(first + 7);
    page_unreserve(first, 7);
    page_unreserve(first + 8, 504);
    ck_assert_uint_eq(page_statistics().reserved, 0);
    ck_assert_uint_eq(page_statistics().free, free);

    /* All that is handed out as zero is zero, that page too. */
    struct page *page;

    while ((page = page_allocate(PAGE_ZERO)) != NULL)
        ck_assert(is_filled_with(page, 0));
}
END_TEST

START_TEST(frames_given_back_unused_are_one_block_again)
{
    setup_for_reservations();

    struct page *first = page_reserve_run(9);

    page_unreserve(first, 100);
    page_unreserve(first + 100, 412);
    ck_assert_ptr_eq(page_reserve_run(9), first);
}
END_TEST

START_TEST(only_never_used_frames_are_reserved)
{
    setup_for_reservations();

    struct page *used = page_allocate_run(9, PAGE_DIRTY);

    page_release_run(used, 512);

    struct page *first = page_reserve_run(9);

    ck_assert_ptr_nonnull(first);
    ck_assert(first >= used + 512 || first + 512 <= used);
}
END_TEST

START_TEST(reservations_leave_memory_for_others)
{
    setup_for_reservations();

    uint64_t total = page_statistics().total;
    unsigned blocks = 0;

    while (page_reserve_run(9))
        blocks++;
    ck_assert_uint_ge(blocks, 8);
    ck_assert_uint_ge(page_statistics().free, total / 8);
    ck_assert_uint_ge(page_statistics().free, (16u << 20) / PAGE_SIZE);
    ck_assert_uint_eq(page_statistics().free + page_statistics().reserved, total);

    setup();    /* little memory: nothing is reserved at all */
    ck_assert_ptr_null(page_reserve_run(9));
}
END_TEST

START_TEST(claiming_a_page_in_use_panics)
{
    setup_for_reservations();
    (void)page_reserve_run(9);
    page_claim(page_allocate(PAGE_DIRTY));
}
END_TEST

START_TEST(referencing_a_free_page_panics)
{
    struct page *page = page_allocate(PAGE_DIRTY);

    page_release(page);
    page_reference(page);
}
END_TEST

START_TEST(addresses_outside_memory_panic)
{
    (void)page_at(FAKE_MEMORY_START + MEMORY_SIZE);
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/page_allocator", setup,
                     PANICS(releasing_twice_panics, referencing_a_free_page_panics,
                            addresses_outside_memory_panic, claiming_a_page_in_use_panics),
                     pages_are_counted, init_touches_little_memory, every_page_is_handed_out_once,
                     freed_pages_merge_to_large_runs, runs_are_aligned_and_released_page_by_page,
                     run_requests_beyond_memory_fail, zero_pages_are_zero_after_use,
                     fresh_pages_are_not_cleared, used_pages_are_reused_before_fresh_ones,
                     memory_with_old_contents_is_cleared,
                     holes_between_ranges_are_never_handed_out,
                     shared_pages_outlive_the_first_release, random_changes_match_a_model,
                     reserved_frames_are_neither_free_nor_pages,
                     frames_given_back_unused_are_one_block_again,
                     only_never_used_frames_are_reserved, reservations_leave_memory_for_others)
