/* Copies of address spaces: what both share, what the first write separates, what is left out. */
#include "harness/test.h"
#include "unit/memory/space_fixture.h"

static struct address_space *original, *copy;
static struct address_space_use in_use;

static void begin(void)
{
    fixture_begin();
    original = space;
}

/* The fixture's helpers work on it from here on. */
static void use(struct address_space *other)
{
    space = other;
}

static void make_copy(void)
{
    ck_assert_int_eq(address_space_copy(original, &in_use, &copy), 0);
}

static void end(void)
{
    address_space_release(copy);
    use(original);
    fixture_end();
}

START_TEST(pages_are_shared_until_one_side_writes)
{
    user_address place = map_private(BASE, 4, PROTECTION_READ | PROTECTION_WRITE);
    uint64_t before;

    write_byte(place, 1);
    write_byte(place + PAGES(1), 2);
    make_copy();
    before = entry_at(place);
    ck_assert(!(before & ENTRY_WRITE));
    use(copy);
    ck_assert_uint_eq(entry_at(place), before);
    ck_assert_uint_eq(read_byte(place), 1);
    write_byte(place, 7);
    ck_assert_uint_ne(entry_at(place) & ENTRY_ADDRESS, before & ENTRY_ADDRESS);
    ck_assert_uint_eq(read_byte(place + PAGES(1)), 2);
    use(original);
    ck_assert_uint_eq(read_byte(place), 1);
    write_byte(place, 9);    /* its own alone by now: no copy */
    ck_assert_uint_eq(entry_at(place) & ENTRY_ADDRESS, before & ENTRY_ADDRESS);
    use(copy);
    ck_assert_uint_eq(read_byte(place), 7);
    end();
}
END_TEST

START_TEST(write_permission_is_flushed_once)
{
    user_address place = map_private(BASE, 16, PROTECTION_READ | PROTECTION_WRITE);

    write_byte(place, 1);
    fake_machine.cpus[0].flushes = 0;
    make_copy();
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    address_space_release(copy);
    make_copy();    /* nothing was written since: nothing to take away */
    ck_assert_uint_eq(fake_machine.cpus[0].flushes, 1);
    end();
}
END_TEST

START_TEST(memory_without_access_is_inherited)
{
    user_address place = map_private(BASE, 2, PROTECTION_READ | PROTECTION_WRITE);

    write_byte(place, 5);
    ck_assert_int_eq(address_space_protect(space, place, PAGES(2), 0), 0);
    make_copy();
    use(copy);
    ck_assert_int_eq(touch(place), FAULT_NOT_PERMITTED);
    ck_assert_int_eq(address_space_protect(space, place, PAGES(2), PROTECTION_READ), 0);
    ck_assert_uint_eq(read_byte(place), 5);
    end();
}
END_TEST

START_TEST(advice_and_locks_are_heeded)
{
    const uint32_t both = PROTECTION_READ | PROTECTION_WRITE;
    user_address absent = map_private(BASE, 1, both);
    user_address wiped = map_private(BASE + PAGES(4), 1, both);
    struct address_space_statistics statistics;

    write_byte(absent, 1);
    write_byte(wiped, 2);
    ck_assert_int_eq(address_space_advise(space, absent, PAGES(1), 10), 0);
    ck_assert_int_eq(address_space_advise(space, wiped, PAGES(1), 18), 0);
    ck_assert_int_eq(address_space_set_locked(space, wiped, PAGES(1), LOCK_NOW), 0);
    make_copy();
    use(copy);
    ck_assert_int_eq(touch(absent), FAULT_NOT_MAPPED);
    ck_assert_uint_eq(read_byte(wiped), 0);
    address_space_statistics(copy, &statistics);
    ck_assert_uint_eq(statistics.locked_pages, 0);
    ck_assert_uint_eq(statistics.total_pages, 1);
    end();
}
END_TEST

START_TEST(shared_memory_stays_shared)
{
    struct map_request request = {
        .address = BASE,
        .length = PAGES(2),
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
    };
    user_address place;

    ck_assert_int_eq(memory_object_create_anonymous(PAGES(2), &request.object), 0);
    ck_assert_int_eq(address_space_map(space, &request, &place), 0);
    memory_object_release(request.object);
    write_byte(place, 1);
    make_copy();
    use(copy);
    ck_assert_uint_eq(read_byte(place), 1);
    write_byte(place, 2);
    use(original);
    ck_assert_uint_eq(read_byte(place), 2);
    end();
}
END_TEST

static uint64_t frame_at(user_address address)
{
    return (entry_at(address) & ENTRY_ADDRESS) / PAGE_SIZE;
}

static bool is_writable(user_address address)
{
    return (entry_at(address) & ENTRY_WRITE) != 0;
}

/* 512 pages, all there, the page's number in each. */
static user_address map_numbered(void)
{
    user_address place = map_private(BASE, 512, READ_WRITE);

    for (unsigned i = 0; i < 512; i++)
        write_byte(place + PAGES(i), (uint8_t)i);
    return place;
}

static unsigned count_writable(user_address place)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 512; i++)
        count += is_writable(place + PAGES(i));
    return count;
}

/* A walk through shared memory copies more and more at a time, into contiguous frames. */
START_TEST(copies_grow_along_a_walk)
{
    static const unsigned after[] = { 8, 16, 32, 64, 128, 192, 256 };
    user_address place = map_numbered();

    make_copy();
    use(copy);
    for (unsigned i = 0, at = 0; i < 7; at = after[i++]) {
        write_byte(place + PAGES(at), 200);
        ck_assert_uint_eq(count_writable(place), after[i]);
        ck_assert_uint_eq(frame_at(place + PAGES(after[i] - 1)) - frame_at(place + PAGES(at)),
                          after[i] - 1 - at);
    }
    ck_assert_uint_eq(read_byte(place + PAGES(64)), 200);
    ck_assert_uint_eq(read_byte(place + PAGES(65)), 65);
    ck_assert_uint_eq(resident_pages(), 512);
    use(original);
    ck_assert_uint_eq(read_byte(place + PAGES(64)), 64);
    ck_assert_uint_eq(count_writable(place), 0);
    end();
}
END_TEST

/* Writes on their own end at one page each; after the next fork they begin anew, but for those that
 * were learnt. */
START_TEST(scattered_writes_copy_little)
{
    user_address place = map_numbered();

    make_copy();
    write_byte(place + PAGES(100), 1);
    ck_assert_uint_eq(count_writable(place), 8);
    write_byte(place + PAGES(200), 1);
    ck_assert_uint_eq(count_writable(place), 12);
    write_byte(place + PAGES(300), 1);
    write_byte(place + PAGES(400), 1);
    write_byte(place + PAGES(420), 1);
    ck_assert_uint_eq(count_writable(place), 16);
    address_space_release(copy);
    make_copy();
    ck_assert_uint_eq(count_writable(place), 48);
    write_byte(place + PAGES(33), 1);
    ck_assert_uint_eq(count_writable(place), 56);
    end();
}
END_TEST

/* What one child wrote, the next one has copies of, and the parent may go on writing. */
START_TEST(later_copies_have_what_was_written)
{
    user_address place = map_numbered();

    make_copy();
    use(copy);
    write_byte(place + PAGES(100), 200);
    address_space_release(copy);
    use(original);
    ck_assert_uint_eq(count_writable(place), 0);
    make_copy();
    for (unsigned i = 0; i < 2; i++) {
        use(i == 0 ? original : copy);
        ck_assert_uint_eq(count_writable(place), 16);
        ck_assert(is_writable(place + PAGES(92)) && is_writable(place + PAGES(107)));
        for (unsigned page = 0; page < 512; page++)
            ck_assert_uint_eq(read_byte(place + PAGES(page)), (uint8_t)page);
    }
    ck_assert_uint_eq(frame_at(place + PAGES(107)) - frame_at(place + PAGES(92)), 15);
    write_byte(place + PAGES(100), 201);
    use(original);
    ck_assert_uint_eq(read_byte(place + PAGES(100)), 100);
    end();
}
END_TEST

/* Nobody can tell whether what is copied in advance is needed. */
START_TEST(what_was_learnt_is_forgotten_now_and_then)
{
    user_address place = map_numbered();
    unsigned forks = 0;

    make_copy();
    write_byte(place, 1);
    do {
        address_space_release(copy);
        make_copy();
        forks++;
    } while (count_writable(place) != 0 && forks < 100);
    ck_assert_uint_gt(forks, 10);
    ck_assert_uint_lt(forks, 100);
    end();
}
END_TEST

/* Places where no copy may be made. */
START_TEST(what_is_learnt_can_be_gone)
{
    user_address place = map_numbered();

    in_use = (struct address_space_use){ .stack = place + PAGES(500) + 2000,
                                         .thread_area = place + PAGES(300) };
    make_copy();
    use(copy);
    write_byte(place + PAGES(100), 1);
    address_space_release(copy);
    use(original);
    ck_assert_int_eq(address_space_unmap(space, place + PAGES(96), PAGES(10)), 0);
    ck_assert_int_eq(address_space_protect(space, place + PAGES(300), PAGES(1),
                                           PROTECTION_READ), 0);
    ck_assert_int_eq(address_space_advise(space, place + PAGES(496), PAGES(8), 10), 0);
    make_copy();
    use(copy);
    ck_assert_uint_eq(count_writable(place), 0);
    ck_assert_int_eq(touch(place + PAGES(500)), FAULT_NOT_MAPPED);
    ck_assert_int_eq(touch_write(place + PAGES(300)), FAULT_NOT_PERMITTED);
    in_use = (struct address_space_use){ 0 };
    end();
}
END_TEST

/* What the other side has left is taken as it is, as far as it goes beside what was written. */
START_TEST(pages_of_one_side_are_taken_over)
{
    user_address place = map_numbered();
    uint64_t frames[512], faults;

    for (unsigned i = 0; i < 512; i++)
        frames[i] = frame_at(place + PAGES(i));
    make_copy();
    address_space_release(copy);
    faults = space->minor_faults;
    write_byte(place, 1);
    ck_assert_uint_eq(count_writable(place), 1);
    for (unsigned i = 0; i < 512; i++) {
        write_byte(place + PAGES(i), 1);
        ck_assert_uint_eq(frame_at(place + PAGES(i)), frames[i]);
    }
    ck_assert_uint_eq(count_writable(place), 512);
    ck_assert_uint_lt(space->minor_faults - faults, 20);
    make_copy();
    end();
}
END_TEST

/* Both sides would write there at once: neither has to fault. */
START_TEST(pages_in_use_are_copied_at_once)
{
    user_address place = map_numbered();

    in_use = (struct address_space_use){ .stack = place + PAGES(9) - 8,
                                         .thread_area = place + PAGES(20) };
    make_copy();
    ck_assert_uint_eq(count_writable(place), 3);    /* the stack lies on two pages */
    use(copy);
    ck_assert_uint_eq(count_writable(place), 3);
    for (unsigned i = 0; i < 512; i++)
        ck_assert_uint_eq(read_byte(place + PAGES(i)), (uint8_t)i);
    write_byte(place + PAGES(8), 77);
    write_byte(place + PAGES(20), 78);
    use(original);
    ck_assert(is_writable(place + PAGES(8)) && is_writable(place + PAGES(9)));
    ck_assert_uint_eq(read_byte(place + PAGES(8)), 8);
    ck_assert_uint_eq(read_byte(place + PAGES(20)), 20);
    in_use = (struct address_space_use){ 0 };
    end();
}
END_TEST

/* However far it came: nothing is left, and the original goes on. */
START_TEST(lack_of_memory_leaves_nothing_behind)
{
    user_address place = map_private(BASE, 1, PROTECTION_READ | PROTECTION_WRITE);
    struct page *taken[FIXTURE_MEMORY / PAGE_SIZE];
    size_t count = 0;
    int error = -ENOMEM;

    write_byte(place, 3);
    while ((taken[count] = page_allocate(PAGE_DIRTY)))
        count++;
    while (error && count > 0) {
        error = address_space_copy(original, &in_use, &copy);
        page_release(taken[--count]);
    }
    ck_assert_int_eq(error, 0);
    while (count > 0)
        page_release(taken[--count]);
    write_byte(place, 4);
    ck_assert_uint_eq(read_byte(place), 4);
    end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/fork", begin, PANICS(NULL), pages_are_shared_until_one_side_writes,
                     write_permission_is_flushed_once, memory_without_access_is_inherited,
                     advice_and_locks_are_heeded, shared_memory_stays_shared,
                     copies_grow_along_a_walk, scattered_writes_copy_little,
                     pages_of_one_side_are_taken_over, pages_in_use_are_copied_at_once,
                     later_copies_have_what_was_written,
                     what_was_learnt_is_forgotten_now_and_then, what_is_learnt_can_be_gone,
                     lack_of_memory_leaves_nothing_behind)
