/*
 * The window of the hosted machine (soft_tlb.c), without user code: what it shows is compared with
 * the tables, page by page, and the host calls that change it are counted.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../sim/window.h"
#include "harness/test.h"
#include "kernel_side.h"

#define PAGE UINT64_C(4096)
#define PAGES 64u
#define BASE UINT64_C(0x4b0000)
#define FRAMES 160u
#define ROOTS 3u
#define READ (UINT64_C(5) | UINT64_C(1) << 63)
#define WRITE (READ | 2)
#define NOTHING 0u

static uint64_t entries[ROOTS][PAGES];
static struct {
    unsigned maps, unmaps, protects, pages;    /* pages: that were mapped */
} calls;

/* ---- The host's calls, counted ------------------------------------------------------------- */

static bool is_window(const void *address)
{
    return (uintptr_t)address < GUEST_END;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    if (address && is_window(address)) {
        calls.maps++;
        calls.pages += (unsigned)(length / PAGE);
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}

int munmap(void *address, size_t length)
{
    calls.unmaps += is_window(address);
    return (int)syscall(SYS_munmap, address, length);
}

int mprotect(void *address, size_t length, int protection)
{
    calls.protects += is_window(address);
    return (int)syscall(SYS_mprotect, address, length, protection);
}

/* ---- The kernel's side of the seam --------------------------------------------------------- */

static physical_address root_of(unsigned space)
{
    return (space + 1) * PAGE;
}

static uint64_t *entry_at(unsigned space, user_address address)
{
    return address >= BASE && address < BASE + PAGES * PAGE
               ? &entries[space][(address - BASE) / PAGE] : NULL;
}

/* Whether the next page goes on where this one ends. */
static bool goes_on(unsigned space, user_address page)
{
    const uint64_t *entry = entry_at(space, page), *next = entry_at(space, page + PAGE);

    return entry && next && *entry != 0 && *next == *entry + PAGE;
}

uint64_t page_table_lookup(physical_address root, user_address address, uint64_t window,
                           user_address *start, user_address *end)
{
    unsigned space = (unsigned)(root / PAGE - 1);
    user_address page = address & ~(PAGE - 1);
    const uint64_t *entry = root ? entry_at(space, page) : NULL;

    if (!entry || *entry == 0)
        return 0;
    *start = page;
    *end = page + PAGE;
    while (page - *start < window && goes_on(space, *start - PAGE))
        *start -= PAGE;
    while (*end - page <= window && goes_on(space, *end - PAGE))
        *end += PAGE;
    return *entry;
}

void kernel_interrupt(enum machine_interrupt which)
{
    (void)which;
}

/* ---- Helpers ------------------------------------------------------------------------------- */

static void start_machine(void)
{
    struct options options = { .cpus = 1, .memory_size = 1 << 20, .kernel = no_strings,
                               .arguments = no_strings, .environment = no_strings };

    info_init_ranges();
    ck_assert(window_claim());
    info_init(&options);
    memory_init(options.memory_size);
    cpu_init(1);
    for (unsigned frame = 0; frame < FRAMES; frame++)
        memset(machine_info()->direct_map + frame * PAGE, (int)frame, PAGE);
    memset(&calls, 0, sizeof(calls));
}

/* `first`, `count`: pages; `frame`: the first one's. */
static void set(unsigned space, unsigned first, unsigned count, unsigned frame, uint64_t bits)
{
    for (unsigned i = 0; i < count; i++)
        entries[space][first + i] = bits ? bits + (frame + i) * PAGE : 0;
}

static void enter(unsigned space)
{
    machine_address_space_activate(root_of(space));
    soft_tlb_enter(root_of(space), NULL);
}

/* As user code does it. */
static void use(unsigned page, uint32_t access)
{
    user_address address = BASE + page * PAGE;

    ck_assert(window_allows(address, access) || soft_tlb_fill(address, access));
    ck_assert(window_allows(address, access));
}

static bool is_mapped(uint64_t address)
{
    return msync((void *)(uintptr_t)address, PAGE, MS_ASYNC) == 0;
}

/* Nothing but what the tables allow is there. */
static void check_window(unsigned space)
{
    for (unsigned i = 0; i < PAGES; i++) {
        user_address address = BASE + i * PAGE;
        uint64_t entry = entries[space][i];

        if (!is_mapped(address)) {
            ck_assert(!window_allows(address, 0));
            continue;
        }
        ck_assert_uint_ne(entry, 0);
        ck_assert_uint_eq(*(const unsigned char *)(uintptr_t)address, (entry & ~READ) / PAGE);
        ck_assert(!window_allows(address, ACCESS_WRITE) || entry & 2);
    }
}

/* ---- Turns --------------------------------------------------------------------------------- */

/* A child that has copied two pages which its parent goes on reading, and its stack; and some that
 * it does not need, and one is gone. */
static void become_parent_and_child(void)
{
    set(0, 0, 15, 20, READ);
    set(1, 0, 15, 20, READ);
    set(1, 4, 2, 50, WRITE);
    set(1, 6, 1, 0, NOTHING);
    set(1, 7, 7, 60, WRITE);
    set(0, 40, 1, 70, WRITE);
    set(1, 40, 1, 80, WRITE);
}

static void turn(unsigned space)
{
    enter(space);
    use(1, 0);
    use(5, space == 1 ? ACCESS_WRITE : 0);
    use(40, ACCESS_WRITE);
    check_window(space);
}

START_TEST(a_turn_maps_only_what_differs)
{
    become_parent_and_child();
    for (unsigned i = 0; i < 4; i++) {
        turn(0);
        turn(1);
    }
    memset(&calls, 0, sizeof(calls));
    turn(0);
    ck_assert_uint_eq(calls.maps, 2);
    ck_assert_uint_eq(calls.pages, 3);
    turn(1);
    ck_assert_uint_eq(calls.maps, 4);
    ck_assert_uint_eq(calls.pages, 6);
    ck_assert_uint_eq(calls.unmaps + calls.protects, 0);
}
END_TEST

START_TEST(the_same_space_again_costs_nothing)
{
    become_parent_and_child();
    turn(0);
    memset(&calls, 0, sizeof(calls));
    turn(0);
    ck_assert_uint_eq(calls.maps + calls.unmaps + calls.protects, 0);
}
END_TEST

/* Both write to what both see, which is mapped for one of them only for reading. */
START_TEST(less_is_allowed_without_a_mapping)
{
    set(0, 0, 8, 20, WRITE);
    set(1, 0, 8, 20, READ);
    enter(0);
    use(3, ACCESS_WRITE);
    set(0, 20, 1, 40, READ);
    set(1, 20, 1, 40, READ);
    use(20, 0);
    memset(&calls, 0, sizeof(calls));
    enter(1);
    check_window(1);
    use(3, 0);
    ck_assert_uint_eq(calls.protects, 1);
    ck_assert_uint_eq(calls.maps + calls.unmaps, 0);
}
END_TEST

/* Pages here and there, of one space alone, between those of both. */
START_TEST(what_one_space_lacks_goes_together)
{
    set(0, 0, 1, 20, READ);
    set(1, 0, 1, 20, READ);
    set(0, 63, 1, 21, READ);
    set(1, 63, 1, 21, READ);
    for (unsigned page = 10; page < 50; page += 10)
        set(0, page, 1, 30 + page, WRITE);
    enter(0);
    for (unsigned page = 10; page < 50; page += 10)
        use(page, ACCESS_WRITE);
    use(0, 0);
    use(63, 0);
    memset(&calls, 0, sizeof(calls));
    enter(1);
    check_window(1);
    ck_assert_uint_eq(calls.unmaps, 1);
    ck_assert_uint_eq(calls.maps, 0);

    set(1, 25, 1, 90, READ);    /* what stays between them */
    set(0, 25, 1, 90, READ);
    enter(0);
    for (unsigned page = 10; page < 50; page += 10)
        use(page, ACCESS_WRITE);
    use(25, 0);
    memset(&calls, 0, sizeof(calls));
    enter(1);
    check_window(1);
    ck_assert_uint_eq(calls.unmaps, 2);
    ck_assert(window_allows(BASE + 25 * PAGE, 0));
}
END_TEST

/* A fault that the kernel has handled by a copy of some pages: one mapping does all. */
START_TEST(a_copy_is_mapped_over_the_original)
{
    struct trap trap = { .kind = TRAP_PAGE_FAULT, .address = BASE + 5 * PAGE,
                         .access = ACCESS_WRITE };

    set(0, 0, 15, 20, READ);
    enter(0);
    use(5, 0);
    set(0, 4, 4, 60, WRITE);
    machine_tlb_flush(BASE + 4 * PAGE, BASE + 8 * PAGE);
    memset(&calls, 0, sizeof(calls));
    soft_tlb_enter(root_of(0), &trap);
    check_window(0);
    ck_assert(window_allows(BASE + 7 * PAGE, ACCESS_WRITE));
    ck_assert_uint_eq(calls.maps, 1);
    ck_assert_uint_eq(calls.unmaps + calls.protects, 0);
}
END_TEST

/* By two calls before user code runs again: first a part of what goes, then all of it. */
START_TEST(what_is_flushed_twice_goes_as_a_whole)
{
    set(0, 0, 15, 20, READ);
    enter(0);
    use(5, 0);
    set(0, 0, 15, 0, NOTHING);
    machine_tlb_flush(BASE + 4 * PAGE, BASE + 6 * PAGE);
    machine_tlb_flush(BASE, BASE + 15 * PAGE);
    enter(0);
    check_window(0);
    ck_assert(!is_mapped(BASE + 10 * PAGE));
}
END_TEST

/* ---- Anything ------------------------------------------------------------------------------ */

static uint32_t random_number(uint32_t below)
{
    static uint32_t state = 12345;

    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static void change_table(unsigned space)
{
    static const uint64_t kinds[] = { NOTHING, READ, WRITE };
    unsigned count = 1 + random_number(10), first = random_number(PAGES - count);
    bool is_used = cpu_current()->root == root_of(space);

    set(space, first, count, 1 + random_number(FRAMES - count - 1), kinds[random_number(3)]);
    if (is_used)
        machine_tlb_flush(BASE + first * PAGE, BASE + (first + count) * PAGE);
}

START_TEST(the_window_never_shows_what_the_tables_do_not)
{
    unsigned space = 0;

    enter(space);
    for (unsigned step = 0; step < 20000; step++) {
        while (random_number(8) == 0)
            change_table(random_number(ROOTS));
        if (random_number(4) == 0)
            space = random_number(ROOTS);
        enter(space);

        unsigned page = random_number(PAGES);
        uint32_t access = random_number(2) ? ACCESS_WRITE : 0;
        uint64_t entry = entries[space][page];

        if (entry != 0 && (entry & 2 || access == 0))
            use(page, access);
        else
            ck_assert(!soft_tlb_fill(BASE + page * PAGE, access));
        if (step % 16 == 0)
            check_window(space);
    }
}
END_TEST

/* ---- The window itself --------------------------------------------------------------------- */

START_TEST(the_end_of_the_window_keeps_its_page_tables)
{
    ck_assert(is_mapped(GUEST_TOP));
    ck_assert(is_mapped(GUEST_END - PAGE));
    ck_assert(!is_mapped(GUEST_TOP - PAGE));
    window_unmap(0, GUEST_END);
    ck_assert(is_mapped(GUEST_TOP));
}
END_TEST

START_TEST(a_window_with_something_in_it_is_not_claimed)
{
    void *place = (void *)(uintptr_t)BASE;

    munmap((void *)(uintptr_t)GUEST_TOP, GUEST_END - GUEST_TOP);
    ck_assert(mmap(place, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
              place);
    ck_assert(!window_claim());
    munmap(place, PAGE);
    ck_assert(window_claim());
    ck_assert(!is_mapped(BASE));
}
END_TEST

static const TTest *const panics[] = { NULL };
TEST_MAIN_WITH_SETUP("sim/soft_tlb", start_machine, panics,
          a_turn_maps_only_what_differs, the_same_space_again_costs_nothing,
          less_is_allowed_without_a_mapping, what_one_space_lacks_goes_together,
          a_copy_is_mapped_over_the_original, what_is_flushed_twice_goes_as_a_whole,
          the_window_never_shows_what_the_tables_do_not,
          the_end_of_the_window_keeps_its_page_tables,
          a_window_with_something_in_it_is_not_claimed)
