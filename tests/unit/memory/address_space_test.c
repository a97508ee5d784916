/*
 * memory/address_space: life, activation, reports, counts, and a whole random life against an
 * array of pages, with memory running out now and then.
 */
#include "memory/address_space.h"

#include <string.h>

#include "harness/test.h"
#include "lib/random.h"
#include "sched/per_cpu.h"
#include "sched/thread.h"
#include "unit/memory/space_fixture.h"

START_TEST(creation_without_memory_fails_cleanly)
{
    static struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    struct address_space *other;
    size_t count = 0;

    while ((taken[count] = page_allocate(PAGE_DIRTY)) != NULL)
        count++;
    ck_assert_int_eq(address_space_create(&other), -ENOMEM);
    page_release(taken[--count]);
    ck_assert_int_eq(address_space_create(&other), 0);
    address_space_release(other);
    while (count > 0)
        page_release(taken[--count]);
    fixture_end();
}
END_TEST

START_TEST(spaces_are_activated_when_they_change)
{
    struct address_space *other;
    unsigned activations = fake_machine.cpus[0].activations;

    ck_assert_int_eq(address_space_create(&other), 0);
    address_space_activate(space);
    ck_assert_uint_eq(fake_machine.cpus[0].activations, activations);    /* it is already */
    address_space_activate(other);
    ck_assert_uint_eq(fake_machine.cpus[0].active_root, address_space_root(other));
    ck_assert_uint_eq(current_thread()->user_address_space, address_space_root(other));
    address_space_activate(NULL);
    ck_assert_uint_eq(fake_machine.cpus[0].active_root, 0);
    ck_assert_uint_eq(current_thread()->user_address_space, 0);
    address_space_release(other);
    fixture_end();
}
END_TEST

START_TEST(destroyed_spaces_are_active_nowhere)
{
    ck_assert_uint_eq(fake_machine.cpus[0].active_root, address_space_root(space));
    map_private(BASE, 1, READ_WRITE);
    write_byte(BASE, 1);
    address_space_reference(space);
    address_space_release(space);
    ck_assert_uint_eq(fake_machine.cpus[0].active_root, address_space_root(space));
    fixture_end();
    ck_assert_uint_eq(fake_machine.cpus[0].active_root, 0);
    ck_assert_uint_eq(this_cpu()->active_root, 0);
}
END_TEST

START_TEST(room_is_left_for_the_stack)
{
    struct address_space_statistics statistics;
    user_address top = address_space_stack_top(space);

    ck_assert_uint_eq(top, UINT64_C(0x7ffffffff000));
    ck_assert_uint_ge(top - address_space_map_top(space), UINT64_C(128) << 20);
    ck_assert_uint_eq(map_private(0, 1, READ_WRITE), address_space_map_top(space) - PAGES(1));
    address_space_statistics(space, &statistics);
    ck_assert_uint_eq(statistics.total_pages, 1);
    fixture_end();
}
END_TEST

/* ---- Reports ------------------------------------------------------------------------------- */

static struct region_report reports[8];
static unsigned report_count;

static void keep_report(const struct region_report *report, void *context)
{
    ck_assert_ptr_eq(context, reports);
    ck_assert(!mutex_is_held(&space->lock));
    reports[report_count++] = *report;
}

START_TEST(regions_are_reported_in_order)
{
    struct map_request request = {
        .address = BASE + PAGES(30),
        .length = PAGES(8),
        .protection = PROTECTION_READ,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
        .object_offset = PAGES(3),
        .label = "[label]",
    };
    user_address place;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(100), &request.object), 0);
    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    memory_object_release(request.object);
    map_private(BASE + PAGES(10), 4, READ_WRITE);
    map_private(BASE, 2, PROTECTION_EXECUTE);
    write_byte(BASE + PAGES(11), 1);
    address_space_report(space, keep_report, reports);
    ck_assert_uint_eq(report_count, 3);
    ck_assert_uint_eq(reports[0].start, BASE);
    ck_assert_uint_eq(reports[0].protection, PROTECTION_EXECUTE);
    ck_assert_uint_eq(reports[0].resident_pages, 0);
    ck_assert_uint_eq(reports[1].end, BASE + PAGES(14));
    ck_assert_uint_eq(reports[1].resident_pages, 4);
    ck_assert(!reports[1].shared);
    ck_assert(reports[2].shared);
    ck_assert_uint_eq(reports[2].offset, PAGES(3));
    ck_assert_str_eq(reports[2].label, "[label]");
    fixture_end();
}
END_TEST

START_TEST(pages_are_counted_by_kind)
{
    struct address_space_statistics statistics;

    map_private(BASE, 3, READ_WRITE);
    map_private(BASE + PAGES(10), 5, PROTECTION_READ | PROTECTION_EXECUTE);
    map_private(BASE + PAGES(20), 7, PROTECTION_READ);
    address_space_statistics(space, &statistics);
    ck_assert_uint_eq(statistics.total_pages, 15);
    ck_assert_uint_eq(statistics.data_pages, 3);
    ck_assert_uint_eq(statistics.text_pages, 5);
    ck_assert_uint_eq(statistics.stack_pages, 0);
    ck_assert_int_eq(address_space_protect(space, BASE + PAGES(10), PAGES(2), READ_WRITE), 0);
    ck_assert_int_eq(address_space_unmap(space, BASE + PAGES(20), PAGES(4)), 0);
    write_byte(BASE, 1);
    ck_assert_int_eq(address_space_advise(space, BASE, PAGES(1), 4), 0);
    address_space_statistics(space, &statistics);
    ck_assert_uint_eq(statistics.total_pages, 11);
    ck_assert_uint_eq(statistics.peak_total_pages, 15);
    ck_assert_uint_eq(statistics.data_pages, 5);
    ck_assert_uint_eq(statistics.text_pages, 3);
    ck_assert_uint_eq(statistics.resident_pages, 2);
    ck_assert_uint_eq(statistics.peak_resident_pages, 3);
    ck_assert_uint_eq(statistics.minor_faults, 1);
    fixture_end();
}
END_TEST

/* ---- A random life ------------------------------------------------------------------------- */

#define MODEL_PAGES 1500u    /* several tables */

struct model_page {
    bool mapped;
    uint8_t protection;
    uint8_t value;           /* of its first byte */
};

static struct model_page model[MODEL_PAGES];
static struct random generator;

static uint64_t below(uint64_t limit)
{
    return random_below(&generator, limit);
}

static user_address model_address(uint64_t page)
{
    return BASE + PAGES(page);
}

static void map_some(uint64_t first, uint64_t count)
{
    const struct map_request request = {
        .address = model_address(first),
        .length = PAGES(count),
        .protection = (uint32_t)below(8),
        .flags = MAP_AT_ADDRESS,
    };
    user_address place;

    if (address_space_map(space, &request, &place) != 0)
        return;
    for (uint64_t i = first; i < first + count; i++)
        model[i] = (struct model_page){ .mapped = true, .protection = (uint8_t)request.protection };
}

static void unmap_some(uint64_t first, uint64_t count)
{
    if (address_space_unmap(space, model_address(first), PAGES(count)) != 0)
        return;
    for (uint64_t i = first; i < first + count; i++)
        model[i].mapped = false;
}

static void protect_some(uint64_t first, uint64_t count)
{
    uint8_t protection = (uint8_t)below(8);
    int error = address_space_protect(space, model_address(first), PAGES(count), protection);

    for (uint64_t i = first; i < first + count; i++) {
        if (!model[i].mapped) {
            ck_assert_int_eq(error, -ENOMEM);
            return;
        }
        model[i].protection = protection;
    }
    ck_assert_int_eq(error, 0);
}

static void drop_some(uint64_t first, uint64_t count)
{
    (void)!address_space_advise(space, model_address(first), PAGES(count), 4);
    for (uint64_t i = first; i < first + count; i++)
        model[i].value = 0;
}

static void write_some(uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        uint8_t value = (uint8_t)below(256);
        bool writable = model[i].mapped && (model[i].protection & PROTECTION_WRITE);
        bool written = user_copy_out(space, model_address(i), &value, 1) == 0;

        ck_assert(!written || writable);
        ck_assert(written || !writable || page_statistics().free == 0);
        if (written)
            model[i].value = value;
    }
}

static void read_some(uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        uint8_t value;
        bool readable = model[i].mapped && model[i].protection != 0;

        if (user_copy_in(space, &value, model_address(i), 1) == 0) {
            ck_assert(readable);
            ck_assert_uint_eq(value, model[i].value);
        } else {
            ck_assert(!readable || page_statistics().free == 0);
        }
    }
}

static void move_some(uint64_t first, uint64_t count)
{
    uint64_t to = below(MODEL_PAGES - count);
    const struct remap_request request = {
        .old_address = model_address(first),
        .old_length = PAGES(count),
        .new_length = PAGES(count),
        .flags = 3,
        .new_address = model_address(to),
    };
    struct model_page moved[64];
    user_address place;

    for (uint64_t i = 0; i < count; i++)
        if (!model[first + i].mapped)
            return;
    if (address_space_remap(space, &request, &place) != 0)
        return;    /* overlap: nothing changed */
    memcpy(moved, &model[first], count * sizeof(moved[0]));
    memset(&model[first], 0, count * sizeof(moved[0]));
    memcpy(&model[to], moved, count * sizeof(moved[0]));
}

static void check_counts(void)
{
    struct address_space_statistics statistics;
    uint64_t total = 0, resident = 0;

    for (uint64_t i = 0; i < MODEL_PAGES; i++) {
        uint64_t entry = entry_at(model_address(i));

        total += model[i].mapped;
        resident += entry != 0 && !(entry & ENTRY_ZERO);
        ck_assert(entry == 0 || model[i].mapped);
    }
    address_space_statistics(space, &statistics);
    ck_assert_uint_eq(statistics.total_pages, total);
    ck_assert_uint_eq(statistics.resident_pages, resident);
}

static void live(uint64_t seed, unsigned steps)
{
    static void (*const actions[])(uint64_t first, uint64_t count) = {
        map_some,   map_some,   unmap_some, protect_some, drop_some,
        write_some, write_some, read_some,  read_some,    move_some,
    };

    memset(model, 0, sizeof(model));
    random_init(&generator, seed);
    for (unsigned step = 0; step < steps; step++) {
        uint64_t count = 1 + below(60);

        actions[below(sizeof(actions) / sizeof(actions[0]))](below(MODEL_PAGES - count), count);
        if (step % 64 == 0)
            check_counts();
    }
    check_counts();
}

START_TEST(random_life_matches_an_array)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        live(seed, 6000);
        ck_assert_int_eq(address_space_unmap(space, BASE, PAGES(MODEL_PAGES)), 0);
    }
    fixture_end();
}
END_TEST

/* A machine on which page faults often find nothing. */
START_TEST(random_life_with_little_memory_matches_an_array)
{
    static struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = 0;

    while (page_statistics().free > 900)
        taken[count++] = page_allocate(PAGE_DIRTY);
    live(99, 6000);
    while (count > 0)
        page_release(taken[--count]);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/address_space", fixture_begin, PANICS(NULL),
                     creation_without_memory_fails_cleanly, spaces_are_activated_when_they_change,
                     destroyed_spaces_are_active_nowhere, room_is_left_for_the_stack,
                     regions_are_reported_in_order, pages_are_counted_by_kind,
                     random_life_matches_an_array,
                     random_life_with_little_memory_matches_an_array)
