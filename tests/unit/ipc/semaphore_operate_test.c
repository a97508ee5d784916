/* System V semaphores: all or none, who is served when, time-outs, removal, undoing. */
#include "ipc/semaphore_array.h"

#include <string.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/pool.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "sync/wait_queue.h"

#define WAITERS 8

static const struct ipc_caller caller = { .process_id = 5 };
static int32_t id;

/* A thread that makes these operations. */
static struct waiter {
    struct semaphore_operation operations[3];
    unsigned count;
    uint64_t deadline_ns;
    struct semaphore_undo_list *undo;
    int result;
    unsigned order;      /* when it was done, from 1; 0: it waits */
} waiters[WAITERS];
static unsigned begun, done;

static int operate(struct waiter *waiter)
{
    const struct semaphore_request request = {
        .caller = &caller,
        .undo_list = &waiter->undo,
        .operations = waiter->operations,
        .count = waiter->count,
        .deadline_ns = waiter->deadline_ns,
    };

    return semaphore_array_operate(id, &request);
}

static void wait_in_thread(void *argument)
{
    struct waiter *waiter = argument;

    waiter->result = operate(waiter);
    waiter->order = ++done;
}

static struct waiter *begin(struct semaphore_operation first, struct semaphore_operation second,
                            unsigned count)
{
    struct waiter *waiter = &waiters[begun++];

    *waiter = (struct waiter){
        .operations = { first, second }, .count = count, .deadline_ns = WAIT_FOREVER,
    };
    thread_release(fake_thread_start("waiter", wait_in_thread, waiter));
    scheduler_yield();
    return waiter;
}

static struct waiter *begin_one(uint16_t index, int16_t change)
{
    const struct semaphore_operation none = { 0 };

    return begin((struct semaphore_operation){ index, change, 0 }, none, 1);
}

static int change(uint16_t index, int16_t by, int16_t flags)
{
    struct waiter now = {
        .operations = { { index, by, (int16_t)(flags | SEMAPHORE_NO_WAIT) } },
        .count = 1,
        .deadline_ns = WAIT_FOREVER,
    };
    int result = operate(&now);

    semaphore_undo_leave(now.undo, 5);
    scheduler_yield();
    return result;
}

static int64_t ask(int32_t index, enum semaphore_question question)
{
    return semaphore_array_ask(id, &caller, index, question);
}

static void check_values(int64_t first, int64_t second, int64_t third)
{
    ck_assert_int_eq(ask(0, SEMAPHORE_VALUE), first);
    ck_assert_int_eq(ask(1, SEMAPHORE_VALUE), second);
    ck_assert_int_eq(ask(2, SEMAPHORE_VALUE), third);
}

static void count_in_use(const struct pool *pool, void *count)
{
    if (strncmp(pool->name, "semaphore", 9) == 0)
        *(size_t *)count += pool->in_use;
}

static int32_t process_id(void)
{
    return 5;
}

/* Waiting needs a thread.  Each test says at its end that it came there. */
static void run(void (*test)(void *argument))
{
    bool ended = false;
    size_t in_use = 0;

    fake_scheduler_init(1);
    ipc_init(process_id);
    begun = done = 0;
    thread_release(fake_thread_start("test", test, &ended));
    fake_scheduler_run();
    ck_assert(ended);
    pool_for_each(count_in_use, &in_use);
    ck_assert_uint_eq(in_use, 0);
}

static void make_set(void)
{
    id = (int32_t)semaphore_array_get(&caller, IPC_KEY_PRIVATE, 3, 0600);
}

static void remove_set(void)
{
    ck_assert_int_eq(semaphore_array_remove(id, &caller), 0);
    scheduler_yield();
}

static void all_or_none(void *argument)
{
    struct waiter many = {
        .operations = { { 0, 5, 0 }, { 1, 2, 0 }, { 2, -1, SEMAPHORE_NO_WAIT } },
        .count = 3,
        .deadline_ns = WAIT_FOREVER,
    };

    make_set();
    ck_assert_int_eq(operate(&many), -EAGAIN);
    check_values(0, 0, 0);
    ck_assert_int_eq(change(2, 1, 0), 0);
    ck_assert_int_eq(operate(&many), 0);
    check_values(5, 2, 0);
    ck_assert_int_eq(change(0, SEMAPHORE_VALUE_MAX, 0), -ERANGE);
    ck_assert_int_eq(change(3, 1, 0), -EFBIG);
    ck_assert_int_eq(change(0, 0, 0), -EAGAIN);
    check_values(5, 2, 0);
    remove_set();
    *(bool *)argument = true;
}

START_TEST(all_operations_or_none)
{
    run(all_or_none);
}
END_TEST

static void by_age(void *argument)
{
    struct waiter *much, *little, *zero;

    make_set();
    much = begin_one(0, -3);
    little = begin_one(0, -1);
    begin_one(0, -1);
    ck_assert_int_eq(ask(0, SEMAPHORE_WAITING), 3);
    ck_assert_int_eq(change(0, 2, 0), 0);
    ck_assert_uint_eq(much->order, 0);
    ck_assert_uint_eq(little->order, 1);
    check_values(0, 0, 0);
    ck_assert_int_eq(change(0, 3, 0), 0);
    ck_assert_uint_eq(much->order, 3);

    ck_assert_int_eq(change(1, 1, 0), 0);
    zero = begin_one(1, 0);
    ck_assert_int_eq(ask(1, SEMAPHORE_WAITING_FOR_ZERO), 1);
    ck_assert_int_eq(change(1, -1, 0), 0);
    ck_assert_uint_eq(zero->order, 4);
    remove_set();
    *(bool *)argument = true;
}

START_TEST(waiters_are_served_by_age)
{
    run(by_age);
}
END_TEST

/* Each sets the next older one free. */
static void chain(void *argument)
{
    const struct semaphore_operation take[3] = { { 0, -1, 0 }, { 1, -1, 0 }, { 2, -1, 0 } };
    const struct semaphore_operation give[3] = { { 0, 1, 0 }, { 1, 1, 0 }, { 2, 1, 0 } };
    struct waiter *first, *second, *third;

    make_set();
    first = begin(take[0], give[0], 1);
    second = begin(take[1], give[0], 2);
    third = begin(take[2], give[1], 2);
    ck_assert_int_eq(change(2, 1, 0), 0);
    ck_assert_uint_eq(first->order + second->order + third->order, 1 + 2 + 3);
    check_values(0, 0, 0);
    remove_set();
    *(bool *)argument = true;
}

START_TEST(one_sets_another_free)
{
    run(chain);
}
END_TEST

static void ends_of_waits(void *argument)
{
    struct waiter late = {
        .operations = { { 0, -1, 0 } }, .count = 1, .deadline_ns = 0,
    };
    struct waiter *removed, *looks;

    make_set();
    ck_assert_int_eq(operate(&late), -EAGAIN);
    ck_assert_int_eq(ask(0, SEMAPHORE_WAITING), 0);
    ck_assert_int_eq(change(1, 1, 0), 0);
    removed = begin_one(0, -1);
    looks = begin_one(1, 0);
    remove_set();
    ck_assert_int_eq(removed->result, -EIDRM);
    ck_assert_int_eq(looks->result, -EIDRM);
    ck_assert_int_eq(change(0, 1, 0), -EINVAL);
    *(bool *)argument = true;
}

START_TEST(waits_end_by_time_and_removal)
{
    run(ends_of_waits);
}
END_TEST

static void undoing(void *argument)
{
    struct waiter user = {
        .operations = { { 0, 3, SEMAPHORE_UNDO }, { 1, -1, SEMAPHORE_UNDO } },
        .count = 2,
        .deadline_ns = WAIT_FOREVER,
    };
    struct waiter *waits;

    make_set();
    ck_assert_int_eq(change(1, 1, 0), 0);
    ck_assert_int_eq(operate(&user), 0);
    check_values(3, 0, 0);
    semaphore_undo_reference(user.undo);
    waits = begin_one(1, -1);
    semaphore_undo_leave(user.undo, 5);
    scheduler_yield();
    ck_assert_uint_eq(waits->order, 0);    /* another one still uses the list */
    ck_assert_int_eq(change(0, -1, 0), 0);
    semaphore_undo_leave(user.undo, 5);
    scheduler_yield();
    ck_assert_uint_eq(waits->order, 1);
    check_values(0, 0, 0);                 /* not below zero */

    user.undo = NULL;
    user.count = 1;
    ck_assert_int_eq(operate(&user), 0);
    ck_assert_int_eq(semaphore_array_set(id, &caller, 0, 9), 0);
    semaphore_undo_leave(user.undo, 5);
    check_values(9, 0, 0);                 /* forgotten */

    user.undo = NULL;
    ck_assert_int_eq(operate(&user), 0);
    remove_set();
    semaphore_undo_leave(user.undo, 5);    /* what it was about is gone */
    *(bool *)argument = true;
}

START_TEST(the_last_user_undoes)
{
    run(undoing);
}
END_TEST

static void holders(void *argument)
{
    int32_t value, holder;

    make_set();
    ck_assert_int_eq(change(1, 1, 0), 0);
    ck_assert(semaphore_array_peek(semaphore_array_object(id, 1), &value, &holder));
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(holder, 0);
    ck_assert_int_eq(change(1, -1, 0), 0);
    ck_assert(semaphore_array_peek(semaphore_array_object(id, 1), &value, &holder));
    ck_assert_int_eq(value, 0);
    ck_assert_int_eq(holder, current_thread()->id);
    ck_assert(!semaphore_array_peek(semaphore_array_object(id, 3), &value, &holder));
    ck_assert(!semaphore_array_peek(semaphore_array_object(id + 1, 0), &value, &holder));
    remove_set();
    *(bool *)argument = true;
}

START_TEST(who_took_it_is_known)
{
    run(holders);
}
END_TEST

TEST_MAIN("ipc/semaphore_operate", all_operations_or_none, waiters_are_served_by_age,
          one_sets_another_free, waits_end_by_time_and_removal, the_last_user_undoes,
          who_took_it_is_known)
