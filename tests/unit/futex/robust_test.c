/* The end of a thread: its list, the locks it owns, and those who come at the wrong moment. */
#include "futex/futex.h"

#include <errno.h>

#include "memory/user_memory.h"
#include "sync/pi_mutex.h"
#include "unit/process/process_fixture.h"

#define LIST FIXTURE_DATA
#define ENTRY(n) (FIXTURE_DATA + 0x100 + (n) * UINT64_C(16))
#define WORD(n) (ENTRY(n) + 8)
#define LOCK (FIXTURE_DATA + 0x3000)
#define ENTRIES 2100u

static int results[2];
static uint32_t seen;

static void put64(user_address address, uint64_t value)
{
    ck_assert_int_eq(user_copy_out(current_space(), address, &value, sizeof(value)), 0);
}

static void put32(user_address address, uint32_t value)
{
    ck_assert_int_eq(user_copy_out(current_space(), address, &value, sizeof(value)), 0);
}

static uint32_t get32(user_address address)
{
    uint32_t value;

    ck_assert_int_eq(user_copy_in(current_space(), &value, address, sizeof(value)), 0);
    return value;
}

static uint32_t own_id(void)
{
    return (uint32_t)current_thread()->id;
}

/* A list of so many entries, all owned by the current thread. */
static void make_list(unsigned count)
{
    put64(LIST, count ? ENTRY(0) : LIST);
    put64(LIST + 8, 8);
    put64(LIST + 16, 0);
    for (unsigned i = 0; i < count; i++) {
        put64(ENTRY(i), i + 1 < count ? ENTRY(i + 1) : LIST);
        put32(WORD(i), own_id());
    }
}

static void walks(void)
{
    futex_init();
    make_list(3);
    put32(WORD(1), own_id() + 1);
    put32(WORD(2), own_id() | FUTEX_WAITERS);
    futex_thread_leave(current_space(), LIST);
    ck_assert_uint_eq(get32(WORD(0)), FUTEX_OWNER_DIED);
    ck_assert_uint_eq(get32(WORD(1)), own_id() + 1);
    ck_assert_uint_eq(get32(WORD(2)), FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

START_TEST(words_of_the_list_say_that_their_owner_died)
{
    fixture_run(walks);
    ck_assert(fixture_halted);
}
END_TEST

static void walks_far(void)
{
    futex_init();
    make_list(ENTRIES);
    futex_thread_leave(current_space(), LIST);
    ck_assert_uint_eq(get32(WORD(2047)), FUTEX_OWNER_DIED);
    ck_assert_uint_eq(get32(WORD(2048)), own_id());
}

START_TEST(the_walk_has_an_end)
{
    fixture_run(walks_far);
    ck_assert(fixture_halted);
}
END_TEST

static void walks_nonsense(void)
{
    futex_init();
    futex_thread_leave(current_space(), 0x1000);
    futex_thread_leave(current_space(), (user_address)-8);
    make_list(2);
    put64(ENTRY(0), 0x1000);    /* the next entry is nowhere; the pending one is not reached */
    put64(LIST + 16, ENTRY(1));
    futex_thread_leave(current_space(), LIST);
    ck_assert_uint_eq(get32(WORD(0)), FUTEX_OWNER_DIED);
    ck_assert_uint_eq(get32(WORD(1)), own_id());
    make_list(1);
    put64(LIST + 8, (uint64_t)-1);    /* words at odd addresses */
    futex_thread_leave(current_space(), LIST);
    ck_assert_uint_eq(get32(WORD(0)), own_id());
    make_list(2);
    put64(LIST + 16, ENTRY(0));    /* pending, and on the list: once */
    futex_thread_leave(current_space(), LIST);
    ck_assert_uint_eq(get32(WORD(0)), FUTEX_OWNER_DIED);
    ck_assert_uint_eq(get32(WORD(1)), FUTEX_OWNER_DIED);
}

START_TEST(nonsense_ends_the_walk)
{
    fixture_run(walks_nonsense);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- The pending one, and what cannot be changed ------------------------------------------- */

static int64_t wait_results[2];

static void wait_for_word(void *argument)
{
    static unsigned started;
    unsigned index = started++;
    const struct futex_wait wait = {
        .word = { current_space(), WORD(index), false },
        .expected = get32(WORD(index)),
        .bits = FUTEX_ANY,
        .deadline = { UINT64_MAX, false },
    };

    (void)argument;
    wait_results[index] = futex_wait(&wait);
    process_exit_thread(0);
}

static void start_waiters(void)
{
    futex_init();
    make_list(2);
    wait_results[0] = wait_results[1] = -1;
}

static void leaves_pending(void)
{
    start_waiters();
    put64(LIST, LIST);                   /* nothing on the list */
    put64(LIST + 16, ENTRY(0));
    put32(WORD(0), FUTEX_WAITERS);       /* unlocked, and then it died before it woke anybody */
    thread_release(fixture_thread(wait_for_word));
    scheduler_yield();
    futex_thread_leave(current_space(), LIST);
    scheduler_yield();
    ck_assert_int_eq(wait_results[0], 0);
    ck_assert_uint_eq(get32(WORD(0)), FUTEX_WAITERS);
    /* The same of a lock that hands on priority: the kernel knows its waiters. */
    put64(LIST + 16, ENTRY(1) | 1);
    put32(WORD(1), FUTEX_WAITERS);
    thread_release(fixture_thread(wait_for_word));
    scheduler_yield();
    futex_thread_leave(current_space(), LIST);
    scheduler_yield();
    ck_assert_int_eq(wait_results[1], -1);
    put32(WORD(1), own_id() | FUTEX_WAITERS);
    futex_thread_leave(current_space(), LIST);
    scheduler_yield();
    ck_assert_int_eq(wait_results[1], -1);
    ck_assert_uint_eq(get32(WORD(1)), FUTEX_WAITERS | FUTEX_OWNER_DIED);
    put64(LIST + 16, ENTRY(1));
    put32(WORD(1), own_id() | FUTEX_WAITERS);
    futex_thread_leave(current_space(), LIST);
    scheduler_yield();
    ck_assert_int_eq(wait_results[1], 0);
}

START_TEST(the_pending_entry_comes_last)
{
    fixture_run(leaves_pending);
    ck_assert(fixture_halted);
}
END_TEST

static void cannot_write(void)
{
    futex_init();
    make_list(2);
    /* The words are in the page behind; that of the second entry cannot be written. */
    put64(LIST + 8, 0x1000);
    put64(ENTRY(1), LIST);
    put64(ENTRY(0), 0x1000 + ENTRY(1));
    put64(0x1000 + ENTRY(1), ENTRY(1));
    put32(0x1000 + ENTRY(0), own_id());
    put32(0x2000 + ENTRY(1), own_id());
    put32(0x1000 + ENTRY(1), own_id());
    ck_assert_int_eq(address_space_protect(current_space(), FIXTURE_DATA + 0x2000, 4096,
                                           PROTECTION_READ), 0);
    futex_thread_leave(current_space(), LIST);
    ck_assert_uint_eq(get32(0x1000 + ENTRY(0)), FUTEX_OWNER_DIED);
    ck_assert_uint_eq(get32(0x2000 + ENTRY(1)), own_id());
    ck_assert_uint_eq(get32(0x1000 + ENTRY(1)), own_id());    /* not reached */
}

START_TEST(a_word_that_cannot_be_written_ends_the_walk)
{
    fixture_run(cannot_write);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Locks --------------------------------------------------------------------------------- */

static const struct futex_deadline never = { UINT64_MAX, false };

static struct futex_word lock_word(void)
{
    return (struct futex_word){ .space = current_space(), .address = LOCK, .is_private = true };
}

static void lock_after(void *argument)
{
    const struct futex_word word = lock_word();

    (void)argument;
    results[0] = futex_lock(&word, &never);
    seen = get32(LOCK);
    results[1] = futex_unlock(&word);
    process_exit_thread(0);
}

static void owner_dies(void)
{
    const struct futex_word word = lock_word();

    futex_init();
    put32(LOCK, 0);
    ck_assert_int_eq(futex_lock(&word, &never), 0);
    ck_assert_int_eq(futex_lock(&word, &never), -EDEADLK);
    ck_assert_uint_eq(get32(LOCK), own_id());

    struct thread *waiter = fixture_thread(lock_after);
    uint32_t id = (uint32_t)waiter->id;

    scheduler_yield();
    ck_assert_uint_eq(get32(LOCK), own_id() | FUTEX_WAITERS);
    ck_assert_int_eq(pi_thread_waits_for(waiter), current_thread()->id);
    futex_thread_leave(current_space(), 0);
    /* In transit: the waiter has it and has not run yet. */
    ck_assert_int_eq(pi_thread_waits_for(waiter), 0);
    ck_assert_uint_eq(get32(LOCK), own_id() | FUTEX_WAITERS);
    scheduler_yield();
    ck_assert_int_eq(results[0], 0);
    ck_assert_uint_eq(seen, id | FUTEX_WAITERS | FUTEX_OWNER_DIED);
    ck_assert_int_eq(results[1], 0);
    ck_assert_uint_eq(get32(LOCK), 0);
    thread_release(waiter);
}

START_TEST(a_lock_goes_on_without_its_owner)
{
    fixture_run(owner_dies);
    ck_assert(fixture_halted);
}
END_TEST

static void lock_nobodys(void)
{
    const struct futex_word word = lock_word();

    futex_init();
    put32(LOCK, 0x3ffffff0);
    ck_assert_int_eq(futex_lock(&word, &never), -ESRCH);
    ck_assert_uint_eq(get32(LOCK), 0xbffffff0);
    put32(LOCK, FUTEX_OWNER_DIED);
    ck_assert_int_eq(futex_try_lock(&word), 0);
    ck_assert_uint_eq(get32(LOCK), own_id() | FUTEX_OWNER_DIED);
    ck_assert_int_eq(futex_unlock(&word), 0);
    ck_assert_int_eq(futex_unlock(&word), -EPERM);
    /* The word says that we have it: who has left owns nothing any more. */
    futex_thread_leave(current_space(), 0);
    put32(LOCK, own_id());
    thread_release(fixture_thread(lock_after));
    scheduler_yield();
    ck_assert_int_eq(results[0], -ESRCH);
}

START_TEST(owners_that_are_not_there)
{
    fixture_run(lock_nobodys);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("futex/robust", words_of_the_list_say_that_their_owner_died, the_walk_has_an_end,
          nonsense_ends_the_walk, the_pending_entry_comes_last,
          a_word_that_cannot_be_written_ends_the_walk, a_lock_goes_on_without_its_owner,
          owners_that_are_not_there)
