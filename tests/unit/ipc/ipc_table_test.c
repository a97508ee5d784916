/* Tables of System V objects: ids, keys, permissions, limits, removal. */
#include "ipc/ipc_table.h"

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/container.h"
#include "memory/pool.h"
#include "sched/scheduler.h"
#include "sched/thread.h"

#define LIMIT 100
#define KEY 7

struct thing {
    struct ipc_object object;
    uint64_t size;
};

static struct ipc_table table;
static struct ipc_caller owner = { .credentials = { .effective_user_id = 10,
                                                    .effective_group_id = 20 } };
static unsigned destroyed;

static struct thing *thing_of(struct ipc_object *object)
{
    return CONTAINER_OF(object, struct thing, object);
}

static int create(const struct ipc_request *request, struct ipc_object **object)
{
    struct thing *thing = memory_allocate(sizeof(*thing));

    if (!thing)
        return -ENOMEM;
    ipc_object_init(&thing->object, request);
    thing->size = request->size;
    *object = &thing->object;
    return 0;
}

static void destroy(struct ipc_object *object)
{
    destroyed++;
    memory_free(thing_of(object), sizeof(struct thing));
}

static int check(const struct ipc_request *request, struct ipc_object *object)
{
    return request->size > thing_of(object)->size ? -EINVAL : 0;
}

static int64_t get(int32_t key, uint64_t size, uint32_t flags)
{
    const struct ipc_request request = {
        .key = key, .flags = flags, .caller = &owner, .create = create, .check = check,
        .size = size,
    };

    return ipc_get(&table, &request);
}

static void drop(int32_t id)
{
    struct ipc_object *object;

    ck_assert_int_eq(ipc_find(&table, id, &object), 0);
    ipc_remove(&table, object);
    ipc_unlock(&table, object);
}

/* Mutexes need a thread.  Each test says at its end that it came there. */
static void run(void (*test)(void *argument))
{
    bool ended = false;

    fake_scheduler_init(1);
    ipc_table_init(&table, LIMIT, destroy);
    destroyed = 0;
    thread_release(fake_thread_start("test", test, &ended));
    fake_scheduler_run();
    ck_assert(ended);
    ck_assert_uint_eq(ipc_count(&table), 0);
}

static void keys(void *argument)
{
    int64_t id;

    ck_assert_int_eq(get(KEY, 1, 0600), -ENOENT);
    id = get(KEY, 5, 0600 | IPC_CREATE);
    ck_assert_int_ge(id, 0);
    ck_assert_int_eq(get(KEY, 5, 0600), id);
    ck_assert_int_eq(get(KEY, 6, 0600), -EINVAL);
    ck_assert_int_eq(get(KEY, 6, 0600 | IPC_CREATE | IPC_EXCLUSIVE), -EEXIST);
    ck_assert_int_ne(get(KEY + 1, 5, 0600 | IPC_CREATE), id);
    drop((int32_t)id);
    ck_assert_uint_eq(destroyed, 1);
    ck_assert_int_eq(get(KEY, 5, 0600), -ENOENT);
    drop((int32_t)get(KEY + 1, 0, 0));
    *(bool *)argument = true;
}

START_TEST(keys_lead_to_objects)
{
    run(keys);
}
END_TEST

static void many_keys(void *argument)
{
    int64_t ids[LIMIT];

    for (int i = 0; i < LIMIT; i++)
        ids[i] = get(1 + i * 37 % LIMIT, 0, IPC_CREATE);
    ck_assert_int_eq(get(LIMIT + 1, 0, IPC_CREATE), -ENOSPC);
    ck_assert_int_eq(get(IPC_KEY_PRIVATE, 0, 0), -ENOSPC);
    ck_assert_int_eq(ipc_last_place(&table), LIMIT - 1);
    for (int i = 0; i < LIMIT; i++)
        ck_assert_int_eq(get(1 + i * 37 % LIMIT, 0, 0), ids[i]);
    for (int i = 0; i < LIMIT; i += 2)
        drop((int32_t)ids[i]);
    for (int i = 0; i < LIMIT; i++)
        ck_assert_int_eq(get(1 + i * 37 % LIMIT, 0, 0), i % 2 ? ids[i] : -ENOENT);
    for (int i = 1; i < LIMIT; i += 2)
        drop((int32_t)ids[i]);
    ck_assert_int_eq(ipc_last_place(&table), -1);
    ck_assert_uint_eq(destroyed, LIMIT + 2);    /* two had no place */
    *(bool *)argument = true;
}

START_TEST(as_many_as_the_limit)
{
    run(many_keys);
}
END_TEST

static void ids(void *argument)
{
    struct ipc_object *object;
    int32_t first = (int32_t)get(IPC_KEY_PRIVATE, 0, 0600), last = first;

    drop(first);
    ck_assert_int_eq(ipc_find(&table, first, &object), -EINVAL);
    ck_assert_int_eq(ipc_find(&table, -1, &object), -EINVAL);
    ck_assert_int_eq(ipc_find(&table, INT32_MAX, &object), -EINVAL);
    for (int i = 0; i < 1000; i++) {
        int32_t id = (int32_t)get(IPC_KEY_PRIVATE, 0, 0600);

        ck_assert_int_gt(id, last);    /* places go round, the number above them grows */
        last = id;
        drop(id);
    }
    *(bool *)argument = true;
}

START_TEST(ids_are_not_used_again_soon)
{
    run(ids);
}
END_TEST

static int permission(const struct ipc_object *object, uint32_t user_id, uint32_t group_id,
                      uint32_t wanted)
{
    const struct ipc_caller caller = {
        .credentials = { .effective_user_id = user_id, .effective_group_id = group_id },
    };

    return ipc_check_permission(object, &caller, wanted);
}

static void permissions(void *argument)
{
    int32_t id = (int32_t)get(IPC_KEY_PRIVATE, 0, 0640);
    struct ipc_caller other = { .credentials = { .effective_user_id = 11 } };
    struct ipc_object *object;

    ck_assert_int_eq(ipc_find(&table, id, &object), 0);
    ck_assert_int_eq(permission(object, 10, 0, IPC_READ | IPC_WRITE), 0);
    ck_assert_int_eq(permission(object, 10, 0, IPC_EXECUTE), -EACCES);
    ck_assert_int_eq(permission(object, 11, 20, IPC_READ), 0);
    ck_assert_int_eq(permission(object, 11, 20, IPC_WRITE), -EACCES);
    ck_assert_int_eq(permission(object, 11, 21, IPC_READ), -EACCES);
    ck_assert_int_eq(permission(object, 11, 21, 0), 0);
    ck_assert_int_eq(ipc_check_owner(object, &other), -EPERM);
    ck_assert_int_eq(ipc_change_owner(object, UINT32_MAX, 1, 0), -EINVAL);
    ck_assert_int_eq(ipc_change_owner(object, 11, 21, 01604), 0);
    ck_assert_uint_eq(object->mode, 0604);
    ck_assert_int_eq(ipc_check_owner(object, &other), 0);
    ck_assert_int_eq(permission(object, 10, 0, IPC_READ | IPC_WRITE), 0);    /* its creator */
    ck_assert_int_eq(permission(object, 12, 21, IPC_READ), -EACCES);
    ck_assert_int_eq(permission(object, 12, 22, IPC_READ), 0);
    other = (struct ipc_caller){ .may_all = true, .is_admin = true };
    ck_assert_int_eq(ipc_check_permission(object, &other, IPC_WRITE), 0);
    ck_assert_int_eq(ipc_check_owner(object, &other), 0);
    ipc_unlock(&table, object);
    drop(id);
    *(bool *)argument = true;
}

START_TEST(permissions_are_those_of_linux)
{
    run(permissions);
}
END_TEST

static int32_t shared_id;
static int found_later;

static void find_it(void *argument)
{
    struct ipc_object *object;

    (void)argument;
    found_later = ipc_find(&table, shared_id, &object);
}

static void removal(void *argument)
{
    struct ipc_object *object;

    shared_id = (int32_t)get(KEY, 0, 0600 | IPC_CREATE);
    ck_assert_int_eq(ipc_find(&table, shared_id, &object), 0);
    thread_release(fake_thread_start("later", find_it, NULL));
    scheduler_yield();    /* it has a reference, and waits for the lock */
    ipc_remove(&table, object);
    ipc_unlock(&table, object);
    scheduler_yield();
    ck_assert_int_eq(found_later, -EIDRM);
    ck_assert_uint_eq(destroyed, 1);

    shared_id = (int32_t)get(KEY, 0, 0600 | IPC_CREATE);
    ck_assert_int_eq(ipc_find(&table, shared_id, &object), 0);
    ipc_forget_key(&table, object);
    ipc_unlock(&table, object);
    ck_assert_int_eq(get(KEY, 0, 0), -ENOENT);
    ck_assert_ptr_nonnull(ipc_peek(&table, shared_id));
    ck_assert_ptr_null(ipc_peek(&table, shared_id + 1));
    drop(shared_id);
    *(bool *)argument = true;
}

START_TEST(who_finds_it_too_late_is_told)
{
    run(removal);
}
END_TEST

TEST_MAIN("ipc/ipc_table", keys_lead_to_objects, as_many_as_the_limit, ids_are_not_used_again_soon,
          permissions_are_those_of_linux, who_finds_it_too_late_is_told)
