/* System calls on System V semaphores.  Checks come in Linux's order. */
#include "abi/linux/ipc_arguments.h"
#include "abi/linux/syscalls.h"
#include "ipc/semaphore_array.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sync/wait_queue.h"
#include "time/clock.h"

/* Commands of semctl beside those in ipc_arguments.h. */
enum command {
    COMMAND_PROCESS = 11, COMMAND_VALUE, COMMAND_ALL, COMMAND_WAITING, COMMAND_WAITING_FOR_ZERO,
    COMMAND_SET_VALUE, COMMAND_SET_ALL, COMMAND_STATUS_OF_PLACE, COMMAND_USAGE,
    COMMAND_STATUS_OF_ANY,
};

struct linux_semid {
    struct linux_ipc_permissions permissions;
    uint64_t operated_s, reserved1, changed_s, reserved2, count, reserved3, reserved4;
};
LINUX_LAYOUT(struct linux_semid, 104);

struct linux_seminfo {
    int32_t map, arrays, semaphores, undos, in_array, operations, undo_entries, undo_size, value,
        exit_value;
};
LINUX_LAYOUT(struct linux_seminfo, 40);
#define UNDO_SIZE 20    /* what Linux says when it is not asked for the usage */

int64_t sys_semget(int32_t key, int32_t count, uint32_t flags)
{
    struct ipc_caller caller;

    ipc_caller_get(&caller);
    return semaphore_array_get(&caller, key, count, flags);
}

/* ---- Operations ---------------------------------------------------------------------------- */

static int64_t operate_on(int32_t id, const struct semaphore_operation *operations, uint32_t count,
                          uint64_t deadline_ns)
{
    struct ipc_caller caller;
    const struct semaphore_request request = {
        .caller = &caller,
        .undo_list = &user_thread_of(current_thread())->semaphore_undo,
        .operations = operations,
        .count = count,
        .deadline_ns = deadline_ns,
    };

    if (id < 0)
        return -EINVAL;
    ipc_caller_get(&caller);
    return semaphore_array_operate(id, &request);
}

/* A time from now on; none is for ever. */
static int deadline_of(const struct linux_timespec *timeout, uint64_t *deadline_ns)
{
    uint64_t ns;

    *deadline_ns = WAIT_FOREVER;
    if (!timeout)
        return 0;
    if (timeout->seconds < 0 || timeout->nanoseconds < 0 ||
        timeout->nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    if (!__builtin_mul_overflow((uint64_t)timeout->seconds, NS_PER_SECOND, &ns) &&
        !__builtin_add_overflow(ns, (uint64_t)timeout->nanoseconds + clock_monotonic_ns(), &ns))
        *deadline_ns = ns;
    return 0;
}

#define OPERATIONS_ON_STACK 8u

static int64_t operate(int32_t id, user_address operations, uint32_t count,
                       const struct linux_timespec *timeout)
{
    struct semaphore_operation few[OPERATIONS_ON_STACK], *all = few;
    size_t size = count * sizeof(*all);
    uint64_t deadline_ns;
    int64_t result;

    if (count > SEMAPHORE_OPERATIONS_MAX)
        return -E2BIG;
    if (count < 1)
        return -EINVAL;
    if (count > OPERATIONS_ON_STACK)
        all = memory_allocate(size);
    if (!all)
        return -ENOMEM;
    result = user_copy_in(current_space(), all, operations, size);
    if (!result && id < 0)
        result = -EINVAL;
    if (!result)
        result = deadline_of(timeout, &deadline_ns);
    if (!result)
        result = operate_on(id, all, count, deadline_ns);
    if (all != few)
        memory_free(all, size);
    return result;
}

int64_t sys_semop(int32_t id, user_address operations, uint32_t count)
{
    return operate(id, operations, count, NULL);
}

int64_t sys_semtimedop(int32_t id, user_address operations, uint32_t count, user_address timeout)
{
    struct linux_timespec time;

    if (!timeout)
        return operate(id, operations, count, NULL);
    if (user_copy_in(current_space(), &time, timeout, sizeof(time)) != 0)
        return -EFAULT;
    return operate(id, operations, count, &time);
}

/* ---- Control ------------------------------------------------------------------------------- */

static int64_t limits(int32_t command, user_address target)
{
    struct semaphore_arrays_usage usage;
    struct linux_seminfo information = {
        .map = (int32_t)SEMAPHORES_OF_ARRAYS_MAX,
        .arrays = (int32_t)IPC_OBJECTS_MAX,
        .semaphores = (int32_t)SEMAPHORES_OF_ARRAYS_MAX,
        .undos = (int32_t)SEMAPHORES_OF_ARRAYS_MAX,
        .in_array = (int32_t)SEMAPHORE_ARRAY_MAX,
        .operations = (int32_t)SEMAPHORE_OPERATIONS_MAX,
        .undo_entries = (int32_t)SEMAPHORE_OPERATIONS_MAX,
        .undo_size = UNDO_SIZE,
        .value = SEMAPHORE_VALUE_MAX,
        .exit_value = SEMAPHORE_VALUE_MAX,
    };

    semaphore_arrays_usage(&usage);
    if (command == COMMAND_USAGE) {
        information.undo_size = (int32_t)usage.arrays;
        information.exit_value = (int32_t)usage.semaphores;
    }
    if (user_copy_out(current_space(), target, &information, sizeof(information)) != 0)
        return -EFAULT;
    return usage.last_place < 0 ? 0 : usage.last_place;
}

static int64_t status(int32_t id, int32_t command, const struct ipc_caller *caller,
                      user_address target)
{
    struct semaphore_array_status found;
    int error = semaphore_array_status(id, caller, ipc_lookup_of(command, COMMAND_STATUS_OF_PLACE),
                                       &found);

    if (error)
        return error;

    const struct linux_semid answer = {
        .permissions = ipc_permissions_of(&found.ipc),
        .operated_s = found.operated_s,
        .changed_s = found.changed_s,
        .count = found.count,
    };

    if (user_copy_out(current_space(), target, &answer, sizeof(answer)) != 0)
        return -EFAULT;
    return command == IPC_COMMAND_STATUS ? 0 : found.ipc.id;
}

static int64_t change_owner(int32_t id, const struct ipc_caller *caller, user_address source)
{
    struct linux_semid wanted;

    if (user_copy_in(current_space(), &wanted, source, sizeof(wanted)) != 0)
        return -EFAULT;
    return semaphore_array_change_owner(id, caller, wanted.permissions.user_id,
                                        wanted.permissions.group_id, wanted.permissions.mode);
}

static int64_t get_all(int32_t id, const struct ipc_caller *caller, user_address target)
{
    int64_t count = semaphore_array_size(id, caller, IPC_READ);

    if (count < 0)
        return count;

    size_t size = (size_t)count * sizeof(uint16_t);
    uint16_t *values = memory_allocate(size);
    int64_t result;

    if (!values)
        return -ENOMEM;
    result = semaphore_array_get_all(id, values, (unsigned)count);
    if (!result)
        result = user_copy_out(current_space(), target, values, size);
    memory_free(values, size);
    return result;
}

static int64_t set_all(int32_t id, const struct ipc_caller *caller, user_address source)
{
    int64_t count = semaphore_array_size(id, caller, IPC_WRITE);

    if (count < 0)
        return count;

    size_t size = (size_t)count * sizeof(uint16_t);
    uint16_t *values = memory_allocate(size);
    int64_t result;

    if (!values)
        return -ENOMEM;
    result = user_copy_in(current_space(), values, source, size);
    if (!result)
        result = semaphore_array_set_all(id, caller, values, (unsigned)count);
    memory_free(values, size);
    return result;
}

int64_t sys_semctl(int32_t id, int32_t index, int32_t command, uint64_t argument)
{
    struct ipc_caller caller;

    if (id < 0)
        return -EINVAL;
    ipc_caller_get(&caller);
    switch (command) {
    case IPC_COMMAND_LIMITS:
    case COMMAND_USAGE:
        return limits(command, argument);
    case IPC_COMMAND_STATUS:
    case COMMAND_STATUS_OF_PLACE:
    case COMMAND_STATUS_OF_ANY:
        return status(id, command, &caller, argument);
    case COMMAND_ALL:
        return get_all(id, &caller, argument);
    case COMMAND_SET_ALL:
        return set_all(id, &caller, argument);
    case COMMAND_VALUE:
        return semaphore_array_ask(id, &caller, index, SEMAPHORE_VALUE);
    case COMMAND_PROCESS:
        return semaphore_array_ask(id, &caller, index, SEMAPHORE_PROCESS);
    case COMMAND_WAITING:
        return semaphore_array_ask(id, &caller, index, SEMAPHORE_WAITING);
    case COMMAND_WAITING_FOR_ZERO:
        return semaphore_array_ask(id, &caller, index, SEMAPHORE_WAITING_FOR_ZERO);
    case COMMAND_SET_VALUE:
        return semaphore_array_set(id, &caller, index, (int32_t)argument);
    case IPC_COMMAND_SET:
        return change_owner(id, &caller, argument);
    case IPC_COMMAND_REMOVE:
        return semaphore_array_remove(id, &caller);
    }
    return -EINVAL;
}
