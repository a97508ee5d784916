#pragma once
/*
 * For tests of futexes in a process: words of its memory, and callers, threads that each make one
 * call.  A caller runs until it sleeps or its call is over; the test's body is the thread that
 * looks.
 *
 *     struct caller *waiter = start(&(struct caller){ .call = call_lock, .word = LOCK });
 *     ck_assert(!waiter->is_over);
 *     ck_assert_int_eq(unlock(LOCK), 0);
 *     settle();
 *     ck_assert_int_eq(waiter->result, 0);
 *
 * Programs change words whenever they like, also between two looks of the kernel:
 * `before_exchange` is called before each exchange of a word by the kernel.
 */
#include <errno.h>

#include "futex/futex.h"
#include "memory/memory_object.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "memory/user_word.h"
#include "sched/priority.h"
#include "sync/pi_mutex.h"
#include "sync/wait_queue.h"
#include "unit/process/process_fixture.h"

static void (*before_exchange)(user_address word);

/* The real words, with that hook. */
enum user_word_result unobserved_user_word_exchange(struct address_space *space,
                                                    user_address word, uint32_t *value,
                                                    uint32_t wanted);
#define user_word_exchange unobserved_user_word_exchange
#include "../../../src/memory/user_word.c"
#undef user_word_exchange

enum user_word_result user_word_exchange(struct address_space *space, user_address word,
                                         uint32_t *value, uint32_t wanted)
{
    if (before_exchange)
        before_exchange(word);
    return unobserved_user_word_exchange(space, word, value, wanted);
}

#define WORD FIXTURE_DATA
#define OTHER (FIXTURE_DATA + 64)
#define LOCK (FIXTURE_DATA + 128)
#define LOCK_2 (FIXTURE_DATA + 192)
#define LOCK_3 (FIXTURE_DATA + 256)
#define NOWHERE UINT64_C(0x1000)
#define UNTOUCHED (FIXTURE_DATA + 0x8000)    /* a page that is not there yet */
#define EXPECTED 1
#define DELAY_NS UINT64_C(1000000)
#define CALLERS_MAX 16

struct caller {
    int64_t (*call)(const struct caller *caller);
    user_address word, other;
    uint32_t bits;           /* 0: any */
    uint64_t delay_ns;       /* its time is up then; 0: never */
    uint8_t priority;        /* 0: an ordinary thread */
    bool is_shared;          /* its words are not private */
    bool has_node;           /* ... say on which node of memory they are */

    /* Results. */
    struct thread *thread;
    int64_t result;
    bool is_over;
    unsigned turn;           /* how many were over before */
};

static struct caller callers[CALLERS_MAX];
static unsigned caller_count, callers_begun, callers_over;
static struct wait_queue settled;

/* ---- Words --------------------------------------------------------------------------------- */

__attribute__((unused)) static void put(user_address address, uint32_t value)
{
    ck_assert_int_eq(user_copy_out(current_space(), address, &value, sizeof(value)), 0);
}

__attribute__((unused)) static uint32_t get(user_address address)
{
    uint32_t value;

    ck_assert_int_eq(user_copy_in(current_space(), &value, address, sizeof(value)), 0);
    return value;
}

static struct futex_word private_word(user_address address)
{
    return (struct futex_word){ .space = current_space(), .address = address,
                                .is_private = true };
}

__attribute__((unused)) static struct futex_word shared_word(user_address address)
{
    return (struct futex_word){ .space = current_space(), .address = address };
}

__attribute__((unused)) static uint32_t own_id(void)
{
    return (uint32_t)current_thread()->id;
}

__attribute__((unused)) static uint32_t id_of(const struct caller *caller)
{
    return (uint32_t)caller->thread->id;
}

/* ---- Callers ------------------------------------------------------------------------------- */

/* Sleeps until nobody else can go on: the idle thread, which is the test, wakes it then. */
static void settle(void)
{
    const struct wait_reason reason = { .kind = WAIT_SLEEP, .uninterruptible = true };
    struct wait_entry entry;

    wait_entry_add(&entry, &settled);
    ck_assert_int_eq(wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER), 0);
    wait_entry_remove(&entry);
}

static void caller_entry(void *argument)
{
    struct caller *caller = &callers[callers_begun++];

    (void)argument;
    if (caller->priority)
        priority_set_own(current_thread(), CLASS_FIFO, caller->priority);
    caller->result = caller->call(caller);
    caller->turn = callers_over++;
    caller->is_over = true;
    process_exit_thread(0);
}

__attribute__((unused)) static struct caller *start(const struct caller *what)
{
    struct caller *caller = &callers[caller_count++];

    ck_assert_uint_le(caller_count, CALLERS_MAX);
    *caller = *what;
    caller->thread = fixture_thread(caller_entry);
    settle();
    return caller;
}

/* Its wait was to end when `delay_ns` had gone by. */
__attribute__((unused)) static void let_time_go_by(void)
{
    fake_machine_advance(2 * DELAY_NS);
    settle();
}

__attribute__((unused)) static void interrupt(struct caller *caller)
{
    thread_interrupt(caller->thread, THREAD_WORK_SIGNAL);
    settle();
}

static struct futex_word word_of(const struct caller *caller, user_address address)
{
    return (struct futex_word){ .space = current_space(), .address = address,
                                .is_private = !caller->is_shared,
                                .has_node = caller->has_node };
}

static struct futex_deadline deadline_of(const struct caller *caller)
{
    return (struct futex_deadline){
        caller->delay_ns ? machine_time_ns() + caller->delay_ns : WAIT_FOREVER, false
    };
}

static struct futex_wait wait_of(const struct caller *caller)
{
    return (struct futex_wait){
        .word = word_of(caller, caller->word),
        .expected = EXPECTED,
        .bits = caller->bits ? caller->bits : FUTEX_ANY,
        .deadline = deadline_of(caller),
    };
}

/* ---- Calls --------------------------------------------------------------------------------- */

__attribute__((unused)) static int64_t call_wait(const struct caller *caller)
{
    const struct futex_wait wait = wait_of(caller);

    return futex_wait(&wait);
}

/* `other` is the lock. */
__attribute__((unused)) static int64_t call_wait_for_lock(const struct caller *caller)
{
    const struct futex_word target = word_of(caller, caller->other);
    const struct futex_wait wait = wait_of(caller);

    return futex_wait_for_lock(&wait, &target);
}

__attribute__((unused)) static int64_t call_lock(const struct caller *caller)
{
    const struct futex_word word = word_of(caller, caller->word);
    const struct futex_deadline deadline = deadline_of(caller);

    return futex_lock(&word, &deadline);
}

__attribute__((unused)) static int64_t call_lock_and_unlock(const struct caller *caller)
{
    const struct futex_word word = word_of(caller, caller->word);
    int64_t error = call_lock(caller);

    return error ? error : futex_unlock(&word);
}

/* First `other`, which is free, then `word`. */
__attribute__((unused)) static int64_t call_lock_both(const struct caller *caller)
{
    const struct futex_word first = word_of(caller, caller->other);
    const struct futex_deadline never = { WAIT_FOREVER, false };
    int64_t error = futex_lock(&first, &never);

    return error ? error : call_lock(caller);
}

/* Has `word` until `other` is woken. */
__attribute__((unused)) static int64_t call_hold(const struct caller *caller)
{
    const struct futex_wait wait = { .word = word_of(caller, caller->other),
                                     .expected = EXPECTED,
                                     .bits = FUTEX_ANY,
                                     .deadline = { WAIT_FOREVER, false } };
    const struct futex_word word = word_of(caller, caller->word);
    int64_t error = call_lock(caller);

    if (!error)
        error = futex_wait(&wait);
    return error ? error : futex_unlock(&word);
}

__attribute__((unused)) static int lock(user_address address)
{
    const struct futex_word word = private_word(address);
    const struct futex_deadline never = { WAIT_FOREVER, false };

    return futex_lock(&word, &never);
}

__attribute__((unused)) static int try_lock(user_address address)
{
    const struct futex_word word = private_word(address);

    return futex_try_lock(&word);
}

__attribute__((unused)) static int unlock(user_address address)
{
    const struct futex_word word = private_word(address);

    return futex_unlock(&word);
}

__attribute__((unused)) static int64_t wake(user_address address, int32_t count)
{
    const struct futex_word word = private_word(address);

    return futex_wake(&word, FUTEX_ANY, count, true);
}

/* ---- Memory -------------------------------------------------------------------------------- */

__attribute__((unused)) static void protect(user_address page, uint32_t protection)
{
    ck_assert_int_eq(address_space_protect(current_space(), page, PAGE_SIZE, protection), 0);
}

/* Shared memory, here and in every other place where it is mapped. */
__attribute__((unused)) static void map_object(user_address at, struct memory_object *object,
                                               uint32_t protection)
{
    const struct map_request request = {
        .address = at,
        .length = PAGE_SIZE,
        .protection = protection,
        .flags = MAP_AT_ADDRESS | MAP_SHARED_PAGES,
        .object = object,
    };
    user_address address;

    ck_assert_int_eq(address_space_map(current_space(), &request, &address), 0);
}

static struct page *taken_pages;    /* each holds the pointer to the one before */

__attribute__((unused)) static void take_all_memory(void)
{
    struct page *page;

    while ((page = page_allocate(PAGE_DIRTY))) {
        *(struct page **)page_data(page) = taken_pages;
        taken_pages = page;
    }
}

__attribute__((unused)) static void give_memory_back(void)
{
    while (taken_pages) {
        struct page *page = taken_pages;

        taken_pages = *(struct page **)page_data(page);
        page_release(page);
    }
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void (*futex_body)(void);

static void futex_begin(void)
{
    futex_init();
    put(WORD, EXPECTED);
    put(OTHER, EXPECTED);
    futex_body();
}

static void futex_run(void (*body)(void))
{
    futex_body = body;
    wait_queue_init(&settled);
    fixture_run(futex_begin);
    while (!fixture_halted && wait_queue_wake_all(&settled) > 0)
        fake_scheduler_run();
    ck_assert(fixture_halted);
}

/* A test whose body runs in a thread of the process. */
#define FUTEX_TEST(name)              \
    static void body_of_##name(void); \
    START_TEST(name)                  \
    {                                 \
        futex_run(body_of_##name);    \
    }                                 \
    END_TEST                          \
    static void body_of_##name(void)
