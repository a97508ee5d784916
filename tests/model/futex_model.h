#pragma once
/*
 * For models of futexes: words of real user memory, and threads of programs played by kernel
 * threads, which change the words through the direct map.
 */
#include <stdio.h>

#include "futex/futex.h"
#include "harness/model.h"
#include "harness/model_locks.h"
#include "harness/test.h"
#include "memory/page.h"
#include "memory/page_table.h"
#include "memory/user_memory.h"
#include "sched/scheduler.h"
#include "sync/wait_queue.h"

#define DATA UINT64_C(0x10000000)
#define WORD_A DATA
#define WORD_B (DATA + 64)
#define LOCK (DATA + 128)
#define NOT_RUN 1000    /* no result yet */

static struct address_space *space;
static _Atomic uint32_t *memory;    /* the page at DATA */
static uint64_t some_process;       /* threads that belong to one may own locks */

static int results[3];
static int64_t woken, moved;
static struct thread *members[3];
static unsigned inside, inside_max;
static struct spinlock point;

static _Atomic uint32_t *word_at(user_address address)
{
    return &memory[(address - DATA) / sizeof(uint32_t)];
}

static void make_space(void)
{
    const struct map_request request = {
        .address = DATA,
        .length = PAGE_SIZE,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS,
    };
    user_address address, start, end;
    uint32_t zero = 0;

    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(address_space_map(space, &request, &address), 0);
    ck_assert_int_eq(user_copy_out(space, DATA, &zero, sizeof(zero)), 0);

    uint64_t entry = page_table_lookup(address_space_root(space), DATA, 0, &start, &end);

    memory = (_Atomic uint32_t *)(void *)(machine_info()->direct_map + (entry & ENTRY_ADDRESS));
}

static void begin(void)
{
    if (!space)
        make_space();
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(uint32_t); i++)
        atomic_store(&memory[i], 0);
    futex_init();
    spin_init(&point, RANK_CONSOLE, "point");
    for (unsigned i = 0; i < 3; i++)
        results[i] = NOT_RUN;
    woken = moved = 0;
    inside = inside_max = 0;
}

/* A thread of a program. */
static void play(unsigned cpu, unsigned member, void (*entry)(void *argument))
{
    static const char *const names[] = { "first", "second", "third" };

    members[member] = model_thread(cpu, names[member], entry, (void *)(uintptr_t)member);
    members[member]->process = (struct process *)&some_process;
}

__attribute__((unused)) static void explore(const struct model *model)
{
    struct model_result result = model_explore(model);

    printf("%llu runs of at most %u choices\n", (unsigned long long)result.runs,
           result.choices_max);
    ck_assert_msg(!result.failure, "%s in run %llu, choices %s", result.failure,
                  (unsigned long long)result.runs, result.choices);
    ck_assert_uint_gt(result.runs, 20);
}

__attribute__((unused)) static void explore_broken(const struct model *model, const char *failure)
{
    struct model_result result = model_explore(model);

    ck_assert_msg(result.failure, "not found in %llu runs", (unsigned long long)result.runs);
    ck_assert_str_eq(result.failure, failure);
}

static struct futex_word private_word(user_address address)
{
    return (struct futex_word){ .space = space, .address = address, .is_private = true };
}

__attribute__((unused)) static void interrupt_first(void *member)
{
    (void)member;
    thread_interrupt(members[0], THREAD_WORK_SIGNAL);
    thread_release(members[0]);
}

/* ---- Locks that hand on priority ----------------------------------------------------------- */

__attribute__((unused)) static uint32_t own_id(void)
{
    return (uint32_t)current_thread()->id;
}

/* As a C library does it: without the kernel if nobody is in the way. */
__attribute__((unused)) static int lock_until(uint64_t deadline_ns)
{
    const struct futex_word word = private_word(LOCK);
    const struct futex_deadline deadline = { deadline_ns, false };
    uint32_t nobody = 0;

    if (atomic_compare_exchange_strong(word_at(LOCK), &nobody, own_id()))
        return 0;
    return futex_lock(&word, &deadline);
}

__attribute__((unused)) static int unlock(void)
{
    const struct futex_word word = private_word(LOCK);
    uint32_t mine = own_id();

    if (atomic_compare_exchange_strong(word_at(LOCK), &mine, 0))
        return 0;
    return futex_unlock(&word);
}

__attribute__((unused)) static void stay_inside(void)
{
    inside++;
    if (inside > inside_max)
        inside_max = inside;
    spin_lock(&point);
    spin_unlock(&point);
    inside--;
}

/* It should have the lock, and gives it back. */
__attribute__((unused)) static void use_lock(uintptr_t member)
{
    if ((atomic_load(word_at(LOCK)) & FUTEX_OWNER) != own_id())
        results[member] = -EIO;
    stay_inside();
    if (unlock() != 0)
        results[member] = -EIO;
}

__attribute__((unused)) static const char *check_exclusion(void)
{
    if (inside_max != 1)
        return "two threads had the lock at once";
    return (atomic_load(word_at(LOCK)) & FUTEX_OWNER) == 0 ? NULL : "the lock was left locked";
}
