/*
 * The memory calls against Linux itself: the same random sequence of calls, with odd arguments,
 * is made natively and on an address space of ours, at the same addresses.  After each call the
 * results and every page of the window (readable, writable, contents) must be the same.
 *
 * Only calls whose effects stay in the window are made: lengths either end in it or cannot be
 * valid.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness/test.h"
#include "lib/checked.h"
#include "lib/random.h"
#include "unit/memory/space_fixture.h"

#define WINDOW UINT64_C(0x200000000000)
#define WINDOW_PAGES 24u
#define STEPS 3000u

static struct random generator;
static char what[200];    /* the call, for messages */

static uint64_t below(uint64_t limit)
{
    return random_below(&generator, limit);
}

static uint64_t pick(const uint64_t *values, size_t count)
{
    return values[below(count)];
}
#define PICK(...) \
    pick((const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

static int64_t native(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    long result = syscall(number, a, b, c, d, e, 0);

    return result == -1 ? -errno : result;
}

/* ---- Arguments ----------------------------------------------------------------------------- */

struct range {
    uint64_t address, length;
};

/* Mostly whole pages of the window; sometimes odd. */
static struct range some_range(void)
{
    uint64_t first = below(WINDOW_PAGES);
    uint64_t count = 1 + below(WINDOW_PAGES - first < 8 ? WINDOW_PAGES - first : 8);
    struct range range = { WINDOW + PAGES(first), PAGES(count) };

    if (below(16) == 0)
        range.address += PICK(1, 8, 4095);
    if (below(16) == 0)
        range.length = PICK(0, 1, UINT64_MAX, UINT64_MAX - 4095, UINT64_MAX - 8191);
    if (below(16) == 0)
        range.length -= PICK(1, 100, 4095);
    return range;
}

static uint64_t some_protection(void)
{
    return PICK(PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* ---- Calls --------------------------------------------------------------------------------- */

static void expect_same(int64_t theirs, int64_t ours)
{
    if (getenv("SHOW")) fprintf(stderr, "%s = %ld\n", what, (long)theirs);
    ck_assert_msg(theirs == ours, "%s: Linux %ld, ours %ld", what, (long)theirs, (long)ours);
}

static int64_t our_map(const struct range *range, uint64_t protection, uint64_t flags)
{
    struct map_request request = {
        .address = range->address,
        .length = range->length,
        .protection = (uint32_t)protection,
        .flags = MAP_AT_ADDRESS,
    };
    user_address place;

    if (flags & MAP_FIXED_NOREPLACE)
        request.flags |= MAP_NOT_REPLACE;
    if (flags & MAP_NORESERVE)
        request.flags |= MAP_NO_ACCOUNT;
    if (flags & MAP_SHARED) {
        request.flags |= MAP_SHARED_PAGES;
        request.object_error = memory_object_create_anonymous(range->length, &request.object);
    }

    int error = address_space_map(space, &request, &place);

    if (request.object)
        memory_object_release(request.object);
    return error ? error : (int64_t)place;
}

static void call_mmap(void)
{
    struct range range = some_range();
    uint64_t protection = some_protection();
    uint64_t flags = PICK(MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED) |
                     PICK(MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE) |
                     PICK(0, MAP_NORESERVE) | MAP_ANONYMOUS;

    snprintf(what, sizeof(what), "mmap(%lx, %lx, %lx, %lx)", range.address, range.length,
             protection, flags);
    expect_same(native(SYS_mmap, range.address, range.length, protection, flags, UINT64_MAX),
                our_map(&range, protection, flags));
}

static void call_munmap(void)
{
    struct range range = some_range();

    snprintf(what, sizeof(what), "munmap(%lx, %lx)", range.address, range.length);
    expect_same(native(SYS_munmap, range.address, range.length, 0, 0, 0),
                address_space_unmap(space, range.address, range.length));
}

static void call_mprotect(void)
{
    struct range range = some_range();
    uint64_t protection = some_protection();

    snprintf(what, sizeof(what), "mprotect(%lx, %lx, %lx)", range.address, range.length,
             protection);
    expect_same(native(SYS_mprotect, range.address, range.length, protection, 0, 0),
                address_space_protect(space, range.address, range.length, (uint32_t)protection));
}

static bool is_old_linux(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;

    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    return major < 6 || (major == 6 && minor < 17);
}

/* Whether the old range lies in one region depends on which neighbours Linux could merge, and
 * that on what it knows of their pages; we merge all that are alike.  Not so where one page is
 * concerned, and where several regions may move (all but old versions). */
static bool depends_on_merging(uint64_t old_length, uint64_t new_length)
{
    uint64_t concerned = old_length < new_length ? old_length : new_length;

    return concerned > PAGE_SIZE && (old_length != new_length || is_old_linux());
}

/* Without MAYMOVE, or to a named place, so that it stays in the window. */
static void call_mremap(void)
{
    struct range old = some_range();
    struct range new = some_range();
    uint64_t flags = PICK(0, MREMAP_FIXED | MREMAP_MAYMOVE, MREMAP_FIXED | MREMAP_MAYMOVE,
                          MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP, MREMAP_FIXED, 8);
    struct remap_request request = {
        .old_address = old.address,
        .old_length = old.length,
        .new_length = new.length,
        .flags = (uint32_t)flags,
        .new_address = new.address,
    };
    user_address place = 0;

    if (depends_on_merging(round_up(old.length, PAGE_SIZE), round_up(new.length, PAGE_SIZE)))
        return;
    snprintf(what, sizeof(what), "mremap(%lx, %lx, %lx, %lx, %lx)", old.address, old.length,
             new.length, flags, new.address);

    int64_t theirs = native(SYS_mremap, old.address, old.length, new.length, flags, new.address);
    int error = address_space_remap(space, &request, &place);

    expect_same(theirs, error ? error : (int64_t)place);
}

static void call_madvise(void)
{
    struct range range = some_range();
    int advice = (int)PICK(MADV_NORMAL, MADV_DONTNEED, MADV_DONTNEED, MADV_DONTFORK, MADV_DOFORK,
                           MADV_WILLNEED, 5, 7, 9999, UINT64_MAX, MADV_WIPEONFORK, MADV_KEEPONFORK,
                           MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_COLD, MADV_REMOVE);

    snprintf(what, sizeof(what), "madvise(%lx, %lx, %d)", range.address, range.length, advice);
    expect_same(native(SYS_madvise, range.address, range.length, (uint64_t)advice, 0, 0),
                address_space_advise(space, range.address, range.length, advice));
}

static void call_msync(void)
{
    struct range range = some_range();
    int flags = (int)PICK(0, MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_SYNC | MS_ASYNC, 8,
                          MS_SYNC | MS_INVALIDATE);

    snprintf(what, sizeof(what), "msync(%lx, %lx, %d)", range.address, range.length, flags);
    expect_same(native(SYS_msync, range.address, range.length, (uint64_t)flags, 0, 0),
                address_space_sync(space, range.address, range.length, flags));
}

static void call_mlock(void)
{
    struct range range = some_range();
    bool lock = below(2);

    if (range.length > PAGES(WINDOW_PAGES))
        return;    /* decided by the system call, not by the space */
    snprintf(what, sizeof(what), "%s(%lx, %lx)", lock ? "mlock" : "munlock", range.address,
             range.length);
    expect_same(native(lock ? SYS_mlock : SYS_munlock, range.address, range.length, 0, 0, 0),
                address_space_set_locked(space, range.address, range.length,
                                         lock ? LOCK_NOW : LOCK_NONE));
}

static void call_mincore(void)
{
    struct range range = some_range();
    uint8_t resident[WINDOW_PAGES + 8];

    if (range.length > PAGES(WINDOW_PAGES) || range.address % PAGE_SIZE)
        return;    /* decided by the system call */
    snprintf(what, sizeof(what), "mincore(%lx, %lx)", range.address, range.length);
    expect_same(native(SYS_mincore, range.address, range.length, (uint64_t)(uintptr_t)resident, 0,
                       0),
                address_space_resident(space, range.address, range.length, resident));
}

/* ---- State --------------------------------------------------------------------------------- */

static int native_read(uint64_t address, uint8_t *value)
{
    struct iovec local = { value, 1 };
    struct iovec remote = { (void *)(uintptr_t)address, 1 };

    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 ? 0 : -errno;
}

static int native_write(uint64_t address, uint8_t value)
{
    struct iovec local = { &value, 1 };
    struct iovec remote = { (void *)(uintptr_t)address, 1 };

    return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == 1 ? 0 : -errno;
}

static void call_write(void)
{
    uint64_t address = WINDOW + below(PAGES(WINDOW_PAGES));
    uint8_t value = (uint8_t)below(256);

    snprintf(what, sizeof(what), "write(%lx)", address);
    expect_same(native_write(address, value), user_copy_out(space, address, &value, 1));
}

static void compare_page(uint64_t page)
{
    uint64_t address = WINDOW + PAGES(page);
    uint8_t theirs[PAGE_SIZE], ours[PAGE_SIZE];
    struct iovec local = { theirs, PAGE_SIZE };
    struct iovec remote = { (void *)(uintptr_t)address, PAGE_SIZE };
    bool readable = process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == PAGE_SIZE;

    ck_assert_msg(readable == (user_copy_in(space, ours, address, PAGE_SIZE) == 0),
                  "%s: page %lu is %sreadable on Linux", what, page, readable ? "" : "not ");
    if (readable)
        ck_assert_msg(memcmp(theirs, ours, PAGE_SIZE) == 0, "%s: page %lu differs", what, page);
}

static void compare_byte(uint64_t page)
{
    uint64_t address = WINDOW + PAGES(page) + below(PAGE_SIZE);
    uint8_t theirs = 0, ours = 0;
    int error = native_read(address, &theirs);

    ck_assert_msg(error == user_copy_in(space, &ours, address, 1), "%s: page %lu: Linux %d", what,
                  page, error);
    ck_assert_msg(theirs == ours, "%s: page %lu: Linux %u, ours %u", what, page, theirs, ours);
}

static void run(uint64_t seed)
{
    static void (*const calls[])(void) = {
        call_mmap,   call_mmap,  call_munmap, call_mprotect, call_mprotect, call_mremap,
        call_mremap, call_write, call_write,  call_write,    call_madvise,  call_msync,
        call_mlock,  call_mincore,
    };

    random_init(&generator, seed);
    for (unsigned step = 0; step < STEPS; step++) {
        calls[below(sizeof(calls) / sizeof(calls[0]))]();
        compare_byte(below(WINDOW_PAGES));
        if (step % 100 == 0)
            for (uint64_t page = 0; page < WINDOW_PAGES; page++)
                compare_page(page);
    }
    munmap((void *)(uintptr_t)WINDOW, PAGES(WINDOW_PAGES + 16));
    ck_assert_int_eq(address_space_unmap(space, WINDOW, PAGES(WINDOW_PAGES + 16)), 0);
}

START_TEST(random_calls_do_what_linux_does)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        run(seed);
    fixture_end();
}
END_TEST

TEST_MAIN_WITH_SETUP("memory/linux", fixture_begin_reserving, PANICS(NULL),
                     random_calls_do_what_linux_does)
