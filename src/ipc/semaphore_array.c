/*
 * Arrays of System V semaphores: making, asking, setting, removing.
 */
#include "ipc/semaphore_array.h"

#include "ipc/semaphore_internal.h"
#include "lib/assert.h"
#include "memory/pool.h"

static struct ipc_table arrays;

static struct pool array_pool = POOL_INITIAL("semaphore array", struct semaphore_array, 0);
static _Atomic uint64_t semaphores;    /* of all arrays that were not removed */

/* ---- Life ---------------------------------------------------------------------------------- */

static void destroy(struct ipc_object *object)
{
    struct semaphore_array *array = array_of(object);

    ASSERT(list_is_empty(&array->undos));
    ASSERT(list_is_empty(&array->changing));
    ASSERT(list_is_empty(&array->looking));
    if (!object->removed)    /* there was no place for it in the table */
        atomic_fetch_sub(&semaphores, array->count);
    memory_free(array->cells, array->count * sizeof(*array->cells));
    pool_free(&array_pool, array);
}

static int create(const struct ipc_request *request, struct ipc_object **object)
{
    unsigned count = (unsigned)request->size;
    struct semaphore_array *array;

    if (count == 0)
        return -EINVAL;
    if (atomic_load(&semaphores) + count > SEMAPHORES_OF_ARRAYS_MAX)
        return -ENOSPC;
    array = pool_allocate(&array_pool);
    if (!array)
        return -ENOMEM;
    array->cells = memory_allocate(count * sizeof(*array->cells));
    if (!array->cells) {
        pool_free(&array_pool, array);
        return -ENOMEM;
    }
    ipc_object_init(&array->object, request);
    array->count = count;
    list_init(&array->changing);
    list_init(&array->looking);
    list_init(&array->undos);
    array->changed_s = ipc_now_s();
    atomic_fetch_add(&semaphores, count);
    *object = &array->object;
    return 0;
}

static int check(const struct ipc_request *request, struct ipc_object *object)
{
    return request->size > array_of(object)->count ? -EINVAL : 0;
}

int64_t semaphore_array_get(const struct ipc_caller *caller, int32_t key, int32_t count,
                            uint32_t flags)
{
    const struct ipc_request request = {
        .key = key,
        .flags = flags,
        .caller = caller,
        .create = create,
        .check = check,
        .size = (uint64_t)count,
    };

    if (count < 0 || count > (int32_t)SEMAPHORE_ARRAY_MAX)
        return -EINVAL;

    return ipc_get(&arrays, &request);
}

int semaphore_array_find(int32_t id, struct semaphore_array **array) LOCKS_UNCHECKED
{
    struct ipc_object *object;
    int error = ipc_find(&arrays, id, &object);

    if (!error)
        *array = array_of(object);
    return error;
}

void semaphore_array_put(struct semaphore_array *array)
{
    ipc_unlock(&arrays, &array->object);
}

void semaphore_array_release(struct semaphore_array *array)
{
    ipc_release(&arrays, &array->object);
}

static void remove_array(struct ipc_object *object) REQUIRES(&object->lock)
{
    struct semaphore_array *array = array_of(object);

    semaphore_undo_drop(array);
    ipc_remove(&arrays, object);
    atomic_fetch_sub(&semaphores, array->count);
    semaphore_array_fail_all(array, -EIDRM);
}

void semaphore_arrays_init(void)
{
    ipc_table_init(&arrays, IPC_OBJECTS_MAX, destroy);
}

void semaphore_arrays_end(uint64_t space)
{
    ipc_table_clear(&arrays, space, remove_array);
}

/* ---- Control ------------------------------------------------------------------------------- */

int64_t semaphore_array_ask(int32_t id, const struct ipc_caller *caller, int32_t index,
                            enum semaphore_question question)
{
    struct semaphore_array *array;
    int64_t result = semaphore_array_find(id, &array);

    if (result)
        return result;
    result = ipc_check_permission(&array->object, caller, IPC_READ);
    if (!result && (index < 0 || (unsigned)index >= array->count))
        result = -EINVAL;
    if (!result) {
        switch (question) {
        case SEMAPHORE_VALUE:
            result = array->cells[index].value;
            break;
        case SEMAPHORE_PROCESS:
            result = array->cells[index].process_id;
            break;
        case SEMAPHORE_WAITING:
            result = semaphore_array_waiting(array, (unsigned)index, false);
            break;
        case SEMAPHORE_WAITING_FOR_ZERO:
            result = semaphore_array_waiting(array, (unsigned)index, true);
            break;
        }
    }
    semaphore_array_put(array);
    return result;
}

static void set_value(struct semaphore_array *array, unsigned index, int32_t value,
                      const struct ipc_caller *caller)
{
    array->cells[index] = (struct semaphore_cell){
        .value = value, .process_id = caller->process_id,
    };
}

int semaphore_array_set(int32_t id, const struct ipc_caller *caller, int32_t index, int32_t value)
{
    struct semaphore_array *array;
    int error;

    if (value < 0 || value > SEMAPHORE_VALUE_MAX)
        return -ERANGE;
    error = semaphore_array_find(id, &array);
    if (error)
        return error;
    if (index < 0 || (unsigned)index >= array->count)
        error = -EINVAL;
    if (!error)
        error = ipc_check_permission(&array->object, caller, IPC_WRITE);
    if (!error) {
        set_value(array, (unsigned)index, value, caller);
        semaphore_undo_clear(array, (unsigned)index);
        array->changed_s = ipc_now_s();
        semaphore_array_serve(array);
    }
    semaphore_array_put(array);
    return error;
}

int64_t semaphore_array_size(int32_t id, const struct ipc_caller *caller, uint32_t permission)
{
    struct semaphore_array *array;
    int64_t result = semaphore_array_find(id, &array);

    if (result)
        return result;
    result = ipc_check_permission(&array->object, caller, permission);
    if (!result)
        result = array->count;
    semaphore_array_put(array);
    return result;
}

int semaphore_array_get_all(int32_t id, uint16_t *values, unsigned count)
{
    struct semaphore_array *array;
    int error = semaphore_array_find(id, &array);

    if (error)
        return error;
    if (array->count != count)
        error = -EINVAL;
    for (unsigned i = 0; i < count && !error; i++)
        values[i] = (uint16_t)array->cells[i].value;
    semaphore_array_put(array);
    return error;
}

int semaphore_array_set_all(int32_t id, const struct ipc_caller *caller, const uint16_t *values,
                            unsigned count)
{
    struct semaphore_array *array;
    int error;

    for (unsigned i = 0; i < count; i++) {
        if (values[i] > SEMAPHORE_VALUE_MAX)
            return -ERANGE;
    }
    error = semaphore_array_find(id, &array);
    if (error)
        return error;
    if (array->count != count)
        error = -EINVAL;
    for (unsigned i = 0; i < count && !error; i++)
        set_value(array, i, values[i], caller);
    if (!error) {
        semaphore_undo_clear_all(array);
        array->changed_s = ipc_now_s();
        semaphore_array_serve(array);
    }
    semaphore_array_put(array);
    return error;
}

int semaphore_array_remove(int32_t id, const struct ipc_caller *caller)
{
    struct semaphore_array *array;
    int error = semaphore_array_find(id, &array);

    if (error)
        return error;
    error = ipc_check_owner(&array->object, caller);
    if (!error)
        remove_array(&array->object);
    semaphore_array_put(array);
    return error;
}

int semaphore_array_change_owner(int32_t id, const struct ipc_caller *caller, uint32_t user_id,
                                 uint32_t group_id, uint32_t mode)
{
    struct semaphore_array *array;
    int error = semaphore_array_find(id, &array);

    if (error)
        return error;
    error = ipc_check_owner(&array->object, caller);
    if (!error)
        error = ipc_change_owner(&array->object, user_id, group_id, mode);
    if (!error)
        array->changed_s = ipc_now_s();
    semaphore_array_put(array);
    return error;
}

int semaphore_array_status(int32_t id, const struct ipc_caller *caller, enum ipc_lookup lookup,
                           struct semaphore_array_status *status)
{
    struct ipc_object *object;
    int error = ipc_find_for_status(&arrays, id, lookup, caller, &object);

    if (error)
        return error;

    const struct semaphore_array *array = array_of(object);

    *status = (struct semaphore_array_status){
        .operated_s = array->operated_s,
        .changed_s = array->changed_s,
        .count = array->count,
    };
    ipc_status_get(object, &status->ipc);
    ipc_unlock(&arrays, object);
    return 0;
}

void semaphore_arrays_usage(struct semaphore_arrays_usage *usage)
{
    usage->arrays = ipc_count(&arrays);
    usage->last_place = ipc_last_place(&arrays);
    usage->semaphores = atomic_load(&semaphores);
}

bool semaphore_array_peek(uint64_t object, int32_t *value, int32_t *holder)
{
    struct ipc_object *found = ipc_peek(&arrays, (int32_t)(object >> 16));
    unsigned index = object & 0xffff;
    const struct semaphore_array *array = found ? array_of(found) : NULL;

    if (!array || index >= array->count)
        return false;
    *value = array->cells[index].value;
    *holder = array->cells[index].holder;
    return true;
}
