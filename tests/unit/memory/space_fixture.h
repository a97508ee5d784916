#pragma once
/*
 * For tests of address spaces: a machine, one space, short ways to map and touch, and the check
 * that nothing leaks.  A test calls fixture_end() when it is done.
 */
#include <check.h>
#include <stdint.h>
#include <sys/mman.h>

#include "harness/fake_machine.h"
#include "memory/address_space.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "memory/user_memory.h"

#define FIXTURE_MEMORY (64u << 20)
#define READ_WRITE (PROTECTION_READ | PROTECTION_WRITE)
#define BASE UINT64_C(0x10000000)    /* where most tests map: 2 MiB aligned */
#define PAGES(count) ((uint64_t)(count) * PAGE_SIZE)

static struct address_space *space;
static uint64_t free_at_start;

/* Takes the shared zero pages once, so that they do not look like a leak later. */
static inline void fixture_warm_up(void)
{
    struct map_request request = { .length = PAGE_SIZE, .protection = PROTECTION_READ };
    user_address address;

    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(address_space_map(space, &request, &address), 0);
    ck_assert_int_eq(address_space_fault(space, address, 0), FAULT_RESOLVED);
    address_space_release(space);
    pool_release_spares();
}

static inline void fixture_begin_with(size_t memory)
{
    fake_machine_init(memory);
    page_allocator_init();
    fixture_warm_up();
    free_at_start = page_statistics().free;
    ck_assert_int_eq(address_space_create(&space), 0);
    address_space_activate(space);
    fake_machine.cpus[0].flushes = 0;
}

static inline void fixture_begin(void)
{
    fixture_begin_with(FIXTURE_MEMORY);
}

/* The host knows which of its pages were touched. */
static inline bool fixture_find_touched(physical_address *start, physical_address *end)
{
    static unsigned char resident[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = (*end - *start) / PAGE_SIZE;
    size_t first = 0, last;

    ck_assert_int_eq(mincore(fake_machine_info.direct_map + *start, PAGES(count), resident), 0);
    while (first < count && !(resident[first] & 1))
        first++;
    for (last = first; last < count && (resident[last] & 1);)
        last++;
    *end = *start + PAGES(last);
    *start += PAGES(first);
    return first < last;
}

/* With a machine that tells what was touched, so that memory is reserved. */
static inline void fixture_begin_reserving(void)
{
    fixture_begin();
    madvise(fake_machine_info.direct_map + FAKE_MEMORY_START, FIXTURE_MEMORY, MADV_NOHUGEPAGE);
    fake_machine_info.memory_find_touched = fixture_find_touched;
}

static inline void fixture_add_objects(const struct pool *pool, void *context)
{
    *(size_t *)context += pool->in_use;
}

static inline void fixture_end(void)
{
    size_t objects = 0;

    address_space_release(space);
    pool_for_each(fixture_add_objects, &objects);
    ck_assert_uint_eq(objects, 0);
    pool_release_spares();
    ck_assert_uint_eq(page_statistics().free, free_at_start);
}

/* Maps private anonymous memory; fails the test if that fails. */
static inline user_address map_private(user_address address, uint64_t pages, uint32_t protection)
{
    const struct map_request request = {
        .address = address,
        .length = PAGES(pages),
        .protection = protection,
        .flags = address ? MAP_AT_ADDRESS : 0,
    };
    user_address place;

    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    return place;
}

static inline enum fault_result touch(user_address address)
{
    return address_space_fault(space, address, 0);
}

static inline enum fault_result touch_write(user_address address)
{
    return address_space_fault(space, address, ACCESS_WRITE);
}

static inline void write_byte(user_address address, uint8_t value)
{
    ck_assert_int_eq(user_copy_out(space, address, &value, 1), 0);
}

static inline uint8_t read_byte(user_address address)
{
    uint8_t value;

    ck_assert_int_eq(user_copy_in(space, &value, address, 1), 0);
    return value;
}

static inline uint64_t entry_at(user_address address)
{
    page_entry *entry = page_table_find(address_space_root(space), address);

    return entry ? entry_load(entry) : 0;
}

static inline uint64_t resident_pages(void)
{
    struct address_space_statistics statistics;

    address_space_statistics(space, &statistics);
    return statistics.resident_pages;
}

static inline unsigned region_count(void)
{
    return space->regions.count;
}
