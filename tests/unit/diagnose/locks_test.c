/* Locks of programs, recognized by the memory around the word that a thread waits on. */
#include <string.h>

#include "diagnose/diagnose_internal.h"
#include "futex/futex.h"
#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/address_space.h"
#include "memory/page.h"
#include "memory/user_memory.h"

#define DATA UINT64_C(0x10000000)
#define WORD (DATA + 256)
#define LIST (DATA + 1024)
#define ENTRY(index) (DATA + 2048 + 64 * (user_address)(index))
#define WAITER 0    /* indices of views */
#define HOLDER 1
#define STRANGER 2  /* of another process */

static struct address_space *space;
static struct view views[3];
static struct picture picture;

static void put(user_address address, const void *bytes, size_t size)
{
    ck_assert_int_eq(user_copy_out(space, address, bytes, size), 0);
}

static void put32(user_address address, uint32_t value)
{
    put(address, &value, sizeof(value));
}

static void put64(user_address address, uint64_t value)
{
    put(address, &value, sizeof(value));
}

static void begin(void)
{
    const struct map_request request = {
        .address = DATA,
        .length = 2 * PAGE_SIZE,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS,
    };
    user_address address;

    fake_machine_init(16 << 20);
    page_allocator_init();
    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(address_space_map(space, &request, &address), 0);
    put32(DATA, 0);
    for (int i = 0; i < 3; i++) {
        views[i] = (struct view){
            .id = 10 + i,
            .process_id = i == STRANGER ? 12 : 10,
            .state = THREAD_BLOCKED,
            .root = address_space_root(space),
            .owner = NOBODY,
        };
    }
    views[WAITER].kind = WAIT_FUTEX;
    views[WAITER].object = WORD;
    picture = (struct picture){ .views = views, .count = 3 };
}

static enum lock_kind look(void)
{
    locks_look(&picture, &views[WAITER]);
    return views[WAITER].lock;
}

START_TEST(a_word_alone_says_nothing)
{
    begin();
    put32(WORD, 1);
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    ck_assert_int_eq(views[WAITER].owner_id, 0);
    views[WAITER].object = DATA + PAGE_SIZE;    /* not there */
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    views[WAITER].kind = WAIT_SLEEP;
    views[WAITER].owner_id = 11;
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
}
END_TEST

START_TEST(what_the_kernel_knows_is_certain)
{
    begin();
    views[WAITER].owner_id = 11;
    ck_assert_int_eq(look(), LOCK_INHERITING);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
    ck_assert(!lock_is_guess(&views[WAITER]));
}
END_TEST

/* ---- glibc --------------------------------------------------------------------------------- */

static void put_glibc(uint32_t lock, uint32_t owner, uint32_t users, uint32_t kind)
{
    const uint32_t mutex[] = { lock, 0, owner, users, kind };

    views[WAITER].lock = LOCK_UNKNOWN;
    views[WAITER].owner_id = 0;
    put(WORD, mutex, sizeof(mutex));
}

START_TEST(a_mutex_of_glibc_names_its_owner)
{
    begin();
    put_glibc(2, 11, 1, 0);
    ck_assert_int_eq(look(), LOCK_GLIBC);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
    ck_assert(lock_is_guess(&views[WAITER]));
    put_glibc(2, 11, 0, 0);        /* nobody uses it */
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    put_glibc(3, 11, 1, 0);        /* no state of one */
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    put_glibc(2, 11, 1, 0x1000);   /* no kind of one */
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    put_glibc(2, 99, 1, 0);        /* no such thread */
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
}
END_TEST

START_TEST(only_a_shared_mutex_is_held_by_another_process)
{
    begin();
    put_glibc(2, 12, 1, 0);
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    put_glibc(2, 12, 1, 0x80);
    ck_assert_int_eq(look(), LOCK_GLIBC);
    ck_assert_int_eq(views[WAITER].owner_id, 12);
}
END_TEST

/* ---- musl ---------------------------------------------------------------------------------- */

static void put_musl(uint32_t type, uint32_t lock, uint32_t waiters)
{
    const uint32_t mutex[] = { type, lock, waiters };

    views[WAITER].lock = LOCK_UNKNOWN;
    views[WAITER].owner_id = 0;
    put(WORD - 4, mutex, sizeof(mutex));
}

START_TEST(a_mutex_of_musl_names_its_owner_unless_it_is_normal)
{
    begin();
    put_musl(1, 11 | FUTEX_WAITERS, 1);
    ck_assert_int_eq(look(), LOCK_MUSL);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
    put_musl(1, 11 | FUTEX_WAITERS, 0);
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    put_musl(0, 16 | FUTEX_WAITERS, 1);
    ck_assert_int_eq(look(), LOCK_MUSL_NAMELESS);
    ck_assert_int_eq(views[WAITER].owner_id, 0);
    ck_assert(lock_is_guess(&views[WAITER]));
    put_musl(0, 17, 1);
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
}
END_TEST

START_TEST(two_who_wait_for_nameless_ones_hold_each_others)
{
    begin();
    put_musl(0, 16 | FUTEX_WAITERS, 1);
    look();
    locks_guess(&picture, &views[WAITER]);
    ck_assert_int_eq(views[WAITER].owner_id, 0);    /* nobody else waits */
    views[HOLDER].lock = LOCK_MUSL_NAMELESS;
    views[HOLDER].object = WORD + 64;
    views[STRANGER] = views[HOLDER];
    views[STRANGER].process_id = 12;                /* of another process: does not matter */
    locks_guess(&picture, &views[WAITER]);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
    views[WAITER].owner_id = 0;
    views[STRANGER].process_id = 10;                /* two that could be it */
    locks_guess(&picture, &views[WAITER]);
    ck_assert_int_eq(views[WAITER].owner_id, 0);
    views[STRANGER].object = WORD;                  /* waits for the same one */
    locks_guess(&picture, &views[WAITER]);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
}
END_TEST

/* ---- Robust lists, ends of threads --------------------------------------------------------- */

START_TEST(the_list_says_what_a_thread_takes)
{
    begin();
    put32(WORD, 11 | FUTEX_WAITERS);
    put64(LIST, LIST);
    put64(LIST + 8, 32);
    put64(LIST + 16, WORD - 32);
    views[WAITER].robust_list = LIST;
    ck_assert_int_eq(look(), LOCK_ROBUST);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
    ck_assert(!lock_is_guess(&views[WAITER]));
    views[WAITER].owner_id = 0;
    views[WAITER].lock = LOCK_UNKNOWN;
    put64(LIST + 16, WORD);    /* another one */
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
}
END_TEST

/* So many entries with their words behind them; the last one leads to `end`. */
static void make_list(unsigned count, uint64_t end)
{
    put64(LIST, count ? ENTRY(0) : LIST);
    put64(LIST + 8, 8);
    put64(LIST + 16, 0);
    for (unsigned i = 0; i < count; i++) {
        put64(ENTRY(i), i + 1 < count ? ENTRY(i + 1) : end);
        put32(ENTRY(i) + 8, i == 1 ? 12 : 10);
    }
    views[WAITER].robust_list = LIST;
    look();
}

START_TEST(the_list_says_what_a_thread_holds)
{
    begin();
    make_list(0, LIST);
    ck_assert_uint_eq(views[WAITER].robust_count, 0);
    make_list(ROBUST_SHOWN + 3, LIST);
    ck_assert_uint_eq(views[WAITER].robust_count, ROBUST_SHOWN + 2);    /* one is another's */
    ck_assert_uint_eq(views[WAITER].robust_held[0], ENTRY(0) + 8);
    ck_assert_uint_eq(views[WAITER].robust_held[1], ENTRY(2) + 8);
    make_list(3, DATA + 16 * PAGE_SIZE);    /* it leads nowhere */
    ck_assert_uint_eq(views[WAITER].robust_count, 2);
    make_list(1, ENTRY(0));                 /* in a circle: as far as the kernel would walk */
    ck_assert_uint_eq(views[WAITER].robust_count, 2048);
    views[WAITER].robust_list = DATA + 16 * PAGE_SIZE;
    look();
    ck_assert_uint_eq(views[WAITER].robust_count, 0);
}
END_TEST

START_TEST(a_join_waits_for_a_thread)
{
    begin();
    put32(WORD, 11);
    ck_assert_int_eq(look(), LOCK_UNKNOWN);
    views[HOLDER].end_word = WORD;
    ck_assert_int_eq(look(), LOCK_THREAD);
    ck_assert_int_eq(views[WAITER].owner_id, 11);
    ck_assert(!lock_is_guess(&views[WAITER]));
}
END_TEST

START_TEST(kinds_have_texts)
{
    ck_assert_ptr_null(lock_kind_text(LOCK_UNKNOWN));
    ck_assert_str_eq(lock_kind_text(LOCK_MUSL), lock_kind_text(LOCK_MUSL_NAMELESS));
    ck_assert_str_eq(lock_kind_text(LOCK_GLIBC), "a mutex of glibc");
    ck_assert_str_eq(lock_kind_text(LOCK_THREAD), "the end of a thread");
    ck_assert_str_eq(lock_kind_text(LOCK_ROBUST), "a robust lock");
    ck_assert_str_eq(lock_kind_text(LOCK_INHERITING), "a lock with priority inheritance");
}
END_TEST

TEST_MAIN("diagnose/locks", a_word_alone_says_nothing, what_the_kernel_knows_is_certain,
          a_mutex_of_glibc_names_its_owner, only_a_shared_mutex_is_held_by_another_process,
          a_mutex_of_musl_names_its_owner_unless_it_is_normal,
          two_who_wait_for_nameless_ones_hold_each_others, the_list_says_what_a_thread_takes,
          the_list_says_what_a_thread_holds, a_join_waits_for_a_thread, kinds_have_texts)
