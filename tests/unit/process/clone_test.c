/* New threads of a process: what they get, what is refused, and that nothing is left of them. */
#include "process/clone.h"

#include <errno.h>

#include "futex/futex.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "sched/priority.h"
#include "unit/process/process_fixture.h"

#define ORDINARY (CLONE_MEMORY | CLONE_PLACES | CLONE_FILES | CLONE_ACTIONS | CLONE_THREAD)
#define PARENT_WORD FIXTURE_DATA
#define CHILD_WORD (FIXTURE_DATA + 64)
#define ROUNDS 3000

static struct thread *maker;
static unsigned ran;
static struct user_registers seen;
static uint8_t seen_priority;

static uint32_t get32(user_address address)
{
    uint32_t value;

    ck_assert_int_eq(user_copy_in(current_space(), &value, address, sizeof(value)), 0);
    return value;
}

/* A clone runs the maker's entry, and so the same body: it ends here. */
static void be_clone(void)
{
    if (maker == NULL || current_thread() == maker) {
        maker = current_thread();
        return;
    }
    ran++;
    seen = current_thread()->registers;
    seen_priority = priority_effective(current_thread());
    process_exit_thread(0);
}

static int64_t clone_with(uint64_t flags)
{
    const struct clone_request request = {
        .flags = flags,
        .stack = 0x5000,
        .thread_area = 0x6000,
        .parent_id = PARENT_WORD,
        .child_id = CHILD_WORD,
    };

    return process_clone(&request);
}

static void makes_one(void)
{
    int64_t id;

    be_clone();
    futex_init();
    maker->registers.rbx = 77;
    maker->registers.rax = 56;
    priority_set_own(maker, CLASS_FIFO, 9);
    id = clone_with(ORDINARY | CLONE_THREAD_AREA | CLONE_SET_PARENT_ID | CLONE_SET_CHILD_ID |
                    CLONE_CLEAR_CHILD_ID);
    ck_assert_int_gt(id, maker->id);
    ck_assert_uint_eq(current_process()->live_threads, 2);
    ck_assert_uint_eq(get32(PARENT_WORD), (uint32_t)id);
    ck_assert_uint_eq(get32(CHILD_WORD), (uint32_t)id);
    while (!ran)
        scheduler_yield();
    ck_assert_uint_eq(seen.rbx, 77);
    ck_assert_uint_eq(seen.rax, 0);
    ck_assert_uint_eq(seen.rsp, 0x5000);
    ck_assert_uint_eq(seen.fs_base, 0x6000);
    ck_assert_ptr_ne(seen.vector, maker->registers.vector);
    ck_assert_uint_eq(seen_priority, 9);
    ck_assert_uint_eq(get32(CHILD_WORD), 0);
    ck_assert_uint_eq(current_process()->live_threads, 1);
}

START_TEST(a_thread_begins_like_its_maker)
{
    fixture_run(makes_one);
    ck_assert(fixture_halted);
}
END_TEST

static void is_refused(void)
{
    struct process *process;

    be_clone();
    futex_init();
    process = current_process();
    ck_assert_int_eq(clone_with(CLONE_THREAD), -EINVAL);
    ck_assert_int_eq(clone_with(CLONE_THREAD | CLONE_ACTIONS), -EINVAL);
    ck_assert_int_eq(clone_with(ORDINARY | CLONE_PROCESS_FD), -EINVAL);
    ck_assert_int_eq(clone_with(ORDINARY | CLONE_INTO_CONTROL_GROUP), -EBADF);
    ck_assert_int_eq(clone_with(ORDINARY | CLONE_NEW_USERS), -EINVAL);
    credentials_init(&process->credentials, 1000, 1000);
    user_thread_of(current_thread())->credentials = process->credentials;
    process->limits.of[LIMIT_PROCESSES].soft = 1;
    ck_assert_int_eq(clone_with(ORDINARY), -EAGAIN);
    process->limits.of[LIMIT_PROCESSES].soft = LIMIT_INFINITY;
    process->exiting = true;
    ck_assert_int_eq(clone_with(ORDINARY), -CALL_RESTART_ALWAYS);
    ck_assert_uint_eq(process->live_threads, 1);
    process->exiting = false;
}

START_TEST(what_cannot_be_is_refused)
{
    fixture_run(is_refused);
    ck_assert(fixture_halted);
}
END_TEST

static size_t objects;

static void count_objects(const struct pool *pool, void *context)
{
    (void)context;
    objects += pool->in_use;
}

static size_t objects_in_use(void)
{
    objects = 0;
    pool_for_each(count_objects, NULL);
    return objects;
}

static void makes_many(void)
{
    size_t objects_before = 0;
    uint64_t pages_before = 0;

    be_clone();
    futex_init();
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (clone_with(ORDINARY | CLONE_CLEAR_CHILD_ID) < 0)
            ck_abort_msg("no thread in round %u", i);
        while (ran <= i || current_process()->live_threads > 1)
            scheduler_yield();
        if (i == ROUNDS / 2) {
            objects_before = objects_in_use();
            pages_before = page_statistics().free;
        }
    }
    ck_assert_uint_eq(objects_in_use(), objects_before);
    ck_assert_uint_eq(page_statistics().free, pages_before);
}

START_TEST(nothing_is_left_of_threads)
{
    fixture_run(makes_many);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("process/clone", a_thread_begins_like_its_maker, what_cannot_be_is_refused,
          nothing_is_left_of_threads)
