/* fork, vfork, clone and clone3: new threads and processes; unshare. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/checked.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/clone.h"
#include "process/process.h"

#define ARGUMENTS_SIZE_FIRST 64     /* of struct clone_args when it was new */
#define ARGUMENTS_SIZE_GROUP 88     /* with `control_group` */
#define SET_IDS_MAX 32
#define DESCRIPTOR_MAX INT32_MAX

/* Linux's struct clone_args. */
struct linux_clone_arguments {
    uint64_t flags, process_fd, child_id, parent_id, exit_signal;
    uint64_t stack, stack_size, thread_area;
    uint64_t set_ids, set_id_count, control_group;
};
LINUX_LAYOUT(struct linux_clone_arguments, ARGUMENTS_SIZE_GROUP);

#define CLONE3_FLAGS (UINT32_MAX | CLONE_DEFAULT_ACTIONS | CLONE_INTO_CONTROL_GROUP)
#define CLONE3_REFUSED (CLONE_DETACHED | (CLONE_EXIT_SIGNAL & ~CLONE_NEW_TIME))

int64_t sys_clone(uint64_t flags, user_address stack, user_address parent_id,
                  user_address child_id, user_address thread_area)
{
    const struct clone_request request = {
        .flags = (uint32_t)flags & ~CLONE_EXIT_SIGNAL,
        .exit_signal = flags & CLONE_EXIT_SIGNAL,
        .stack = stack,
        .thread_area = thread_area,
        .parent_id = parent_id,
        .process_fd = parent_id,    /* one argument for both */
        .child_id = child_id,
    };

    return process_clone(&request);
}

int64_t sys_fork(void)
{
    const struct clone_request request = { .exit_signal = SIGNAL_CHLD };

    return process_clone(&request);
}

int64_t sys_vfork(void)
{
    const struct clone_request request = {
        .flags = CLONE_MEMORY | CLONE_SUSPEND, .exit_signal = SIGNAL_CHLD,
    };

    return process_clone(&request);
}

/* All bytes that the kernel does not know must be zero. */
static int check_rest(user_address start, uint64_t size)
{
    uint8_t byte;

    for (uint64_t i = 0; i < size; i++) {
        if (user_copy_in(current_space(), &byte, start + i, 1) != 0)
            return -EFAULT;
        if (byte != 0)
            return -E2BIG;
    }
    return 0;
}

static int read_arguments(user_address address, uint64_t size,
                          struct linux_clone_arguments *arguments)
{
    uint64_t known = size < sizeof(*arguments) ? size : sizeof(*arguments);
    int error;

    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < ARGUMENTS_SIZE_FIRST)
        return -EINVAL;
    *arguments = (struct linux_clone_arguments){ 0 };
    error = check_rest(address + known, size - known);
    return error ? error : user_copy_in(current_space(), arguments, address, known);
}

static int check_stack(const struct linux_clone_arguments *arguments)
{
    if (arguments->stack == 0)
        return arguments->stack_size > 0 ? -EINVAL : 0;
    if (arguments->stack_size == 0 ||
        !user_range_is_possible(arguments->stack, arguments->stack_size))
        return -EINVAL;
    return 0;
}

/* From the new thread's own PID namespace upwards. */
static int read_ids(const struct linux_clone_arguments *arguments, int32_t ids[SET_IDS_MAX])
{
    uint64_t size = arguments->set_id_count * sizeof(ids[0]);

    return size == 0 ? 0 : user_copy_in(current_space(), ids, arguments->set_ids, size);
}

/* In Linux's order. */
static int check_arguments(const struct linux_clone_arguments *arguments, uint64_t size)
{
    if (arguments->set_id_count > SET_IDS_MAX)
        return -EINVAL;
    if ((arguments->set_ids == 0) != (arguments->set_id_count == 0))
        return -EINVAL;
    if ((arguments->exit_signal & ~CLONE_EXIT_SIGNAL) || arguments->exit_signal > SIGNAL_MAX)
        return -EINVAL;
    if ((arguments->flags & CLONE_INTO_CONTROL_GROUP) &&
        (arguments->control_group > DESCRIPTOR_MAX || size < ARGUMENTS_SIZE_GROUP))
        return -EINVAL;
    return 0;
}

static int check_flags(const struct linux_clone_arguments *arguments)
{
    uint64_t flags = arguments->flags;

    if (flags & ~CLONE3_FLAGS)
        return -EINVAL;
    if (flags & CLONE3_REFUSED)
        return -EINVAL;
    if ((flags & CLONE_ACTIONS) && (flags & CLONE_DEFAULT_ACTIONS))
        return -EINVAL;
    if ((flags & (CLONE_THREAD | CLONE_SIBLING)) && arguments->exit_signal)
        return -EINVAL;
    return check_stack(arguments);
}

int64_t sys_clone3(user_address address, uint64_t size)
{
    struct linux_clone_arguments arguments;
    int32_t ids[SET_IDS_MAX];
    int error = read_arguments(address, size, &arguments);

    if (!error)
        error = check_arguments(&arguments, size);
    if (!error)
        error = read_ids(&arguments, ids);
    if (!error)
        error = check_flags(&arguments);
    if (error)
        return error;

    const struct clone_request request = {
        .flags = arguments.flags,
        .ids = ids,
        .id_count = (unsigned)arguments.set_id_count,
        .exit_signal = arguments.exit_signal,
        .stack = arguments.stack ? arguments.stack + arguments.stack_size : 0,
        .thread_area = arguments.thread_area,
        .parent_id = arguments.parent_id,
        .child_id = arguments.child_id,
        .process_fd = arguments.process_fd,
    };

    return process_clone(&request);
}

int64_t sys_unshare(uint64_t flags)
{
    return thread_unshare(flags);
}
