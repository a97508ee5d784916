/* System calls that wait for children. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "abi/linux/usage.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "process/process_file.h"
#include "process/relatives.h"

#define WAIT_KINDS (WAIT_OWN_THREAD | WAIT_ALL_KINDS | WAIT_CLONES)
#define WAIT4_FLAGS (WAIT_NOT | WAIT_STOPPED | WAIT_CONTINUED | WAIT_KINDS)
#define WAITID_FLAGS (WAIT4_FLAGS | WAIT_ENDED | WAIT_LEAVE)

#define WHICH_ANY 0    /* P_ALL, ... */
#define WHICH_PROCESS 1
#define WHICH_GROUP 2
#define WHICH_FILE 3    /* P_PIDFD */

/* What wait4's first argument means.  -ESRCH. */
static int request_of(int32_t id, struct wait_request *wait)
{
    if (id == INT32_MIN)
        return -ESRCH;
    if (id == -1) {
        wait->which = WAIT_FOR_ANY;
    } else if (id > 0) {
        wait->which = WAIT_FOR_PROCESS;
        wait->id = id;
    } else {
        wait->which = WAIT_FOR_GROUP;
        wait->id = id == 0 ? current_process()->group_id : -id;
    }
    return 0;
}

int64_t sys_wait4(int32_t id, user_address status, uint32_t options, user_address usage)
{
    struct wait_request wait = { .flags = options | WAIT_ENDED };
    struct wait_result result;
    int64_t found;
    int error = 0;

    if (options & ~WAIT4_FLAGS)
        return -EINVAL;
    error = request_of(id, &wait);
    if (error)
        return error;
    found = process_wait(&wait, &result);
    if (found <= 0)
        return found;
    if (usage)
        error = put_usage(usage, &result.usage);
    if (!error && status)
        error = user_copy_out(current_space(), status, &result.status, sizeof(result.status));
    return error ? error : found;
}

/* A pidfd that does not block waits for nothing.  The reference becomes the caller's. */
static int request_of_file(int32_t fd, struct wait_request *wait, struct file **file)
{
    int error = fd < 0 ? -EINVAL : fd_get(fd, file);

    if (error) {
        *file = NULL;
        return error;
    }
    wait->which = WAIT_FOR_VERY_PROCESS;
    wait->process = process_of_file(*file);
    if (file_flags(*file) & OPEN_NONBLOCK)
        wait->flags |= WAIT_NOT;
    return wait->process ? 0 : -EBADF;
}

/* waitid's first two; a file is to be released.  -EINVAL, -EBADF. */
static int request_of_which(int32_t which, int32_t id, struct wait_request *wait,
                            struct file **file)
{
    wait->id = id;
    switch (which) {
    case WHICH_ANY:
        wait->which = WAIT_FOR_ANY;
        return 0;
    case WHICH_PROCESS:
        wait->which = WAIT_FOR_PROCESS;
        wait->id = pid_named(id);
        return id <= 0 ? -EINVAL : 0;
    case WHICH_GROUP:
        wait->which = WAIT_FOR_GROUP;
        wait->id = id == 0 ? current_process()->group_id : pid_named(id);
        return id < 0 ? -EINVAL : 0;
    case WHICH_FILE:
        return request_of_file(id, wait, file);
    }
    return -EINVAL;
}

/* The fields of a siginfo that waitid writes: the first ones, all zero if there is no news. */
struct wait_information {
    int32_t number, error, code, reserved;
    int32_t process_id;
    uint32_t user_id;
    int32_t status;
};

static int put_information(user_address address, const struct wait_result *result)
{
    struct wait_information information = { .number = 0 };

    if (result->id) {
        information.number = SIGNAL_CHLD;
        exit_status_describe(result->status, &information.code, &information.status);
        information.process_id = result->id;
        information.user_id = result->user_id;
    }
    return user_copy_out(current_space(), address, &information, sizeof(information));
}

int64_t sys_waitid(int32_t which, int32_t id, user_address information, uint32_t options,
                   user_address usage)
{
    struct wait_request wait = { .flags = options };
    struct wait_result result = { .id = 0 };
    struct file *file = NULL;
    int64_t found;
    int error;

    if (options & ~WAITID_FLAGS)
        return -EINVAL;
    if (!(options & (WAIT_ENDED | WAIT_STOPPED | WAIT_CONTINUED)))
        return -EINVAL;
    error = request_of_which(which, id, &wait, &file);
    found = error ? error : process_wait(&wait, &result);
    if (found == 0 && (wait.flags & ~options & WAIT_NOT))
        found = -EAGAIN;
    if (file)
        file_release(file);
    if (found > 0 && usage)
        error = put_usage(usage, &result.usage);
    if (!error && found >= 0 && information)
        error = put_information(information, &result);
    return found < 0 ? found : error;
}
