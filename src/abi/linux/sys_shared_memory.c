/* System calls on System V shared memory.  Checks come in Linux's order. */
#include "abi/linux/ipc_arguments.h"
#include "abi/linux/syscalls.h"
#include "ipc/shared_segment.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define ATTACH_READ_ONLY 010000u
#define ATTACH_ROUND 020000u
#define ATTACH_REPLACE 040000u
#define ATTACH_EXECUTE 0100000u

#define GET_HUGE 04000u    /* there are no huge pages to be had */

/* Commands of shmctl beside those in ipc_arguments.h. */
enum command {
    COMMAND_LOCK = 11, COMMAND_UNLOCK, COMMAND_STATUS_OF_PLACE, COMMAND_USAGE,
    COMMAND_STATUS_OF_ANY,
};

struct linux_shmid {
    struct linux_ipc_permissions permissions;
    uint64_t size, attached_s, detached_s, changed_s;
    int32_t creator_id, last_id;
    uint64_t attached, reserved[2];
};
LINUX_LAYOUT(struct linux_shmid, 112);

struct linux_shminfo {
    uint64_t size_maximum, size_minimum, segments, of_process, pages, reserved[4];
};
LINUX_LAYOUT(struct linux_shminfo, 72);

struct linux_shm_usage {
    int32_t segments;
    uint64_t pages, resident, swapped, swap_attempts, swap_successes;
};
LINUX_LAYOUT(struct linux_shm_usage, 48);

int64_t sys_shmget(int32_t key, uint64_t size, uint32_t flags)
{
    struct ipc_caller caller;

    if (flags & GET_HUGE)
        return -ENOMEM;
    ipc_caller_get(&caller);
    return shared_segment_get(&caller, key, size, flags);
}

int64_t sys_shmat(int32_t id, user_address address, uint32_t flags)
{
    struct shared_attach attach = {
        .space = current_space(),
        .address = address,
        .writable = !(flags & ATTACH_READ_ONLY),
        .executable = (flags & ATTACH_EXECUTE) != 0,
        .replaces = (flags & ATTACH_REPLACE) != 0,
    };
    struct ipc_caller caller;

    if (id < 0)
        return -EINVAL;
    if (address % PAGE_SIZE != 0) {
        if (!(flags & ATTACH_ROUND))
            return -EINVAL;
        attach.address -= address % PAGE_SIZE;
    }
    if (attach.address == 0 && attach.replaces)
        return -EINVAL;
    ipc_caller_get(&caller);
    return shared_segment_attach(id, &caller, &attach);
}

int64_t sys_shmdt(user_address address)
{
    return address % PAGE_SIZE != 0 ? -EINVAL : shared_segment_detach(current_space(), address);
}

/* ---- Control ------------------------------------------------------------------------------- */

static int64_t limits(int32_t command, user_address target)
{
    const struct linux_shminfo maxima = {
        .size_maximum = SHARED_SIZE_MAX,
        .size_minimum = 1,
        .segments = SHARED_SEGMENTS_MAX,
        .of_process = SHARED_SEGMENTS_MAX,
        .pages = SHARED_SIZE_MAX,
    };
    struct linux_shm_usage now = { 0 };
    struct shared_segments_usage usage;
    int error;

    shared_segments_usage(&usage);
    now.segments = (int32_t)usage.segments;
    now.pages = usage.pages;
    if (command == IPC_COMMAND_LIMITS)
        error = user_copy_out(current_space(), target, &maxima, sizeof(maxima));
    else
        error = user_copy_out(current_space(), target, &now, sizeof(now));
    if (error)
        return error;
    return usage.last_place < 0 ? 0 : usage.last_place;
}

static int64_t status(int32_t id, int32_t command, const struct ipc_caller *caller,
                      user_address target)
{
    struct shared_segment_status found;
    int error = shared_segment_status(id, caller, ipc_lookup_of(command, COMMAND_STATUS_OF_PLACE),
                                      &found);

    if (error)
        return error;

    const struct linux_shmid answer = {
        .permissions = ipc_permissions_of(&found.ipc),
        .size = found.size,
        .attached_s = found.attached_s,
        .detached_s = found.detached_s,
        .changed_s = found.changed_s,
        .creator_id = pid_seen(found.creator_id),
        .last_id = pid_seen(found.last_id),
        .attached = found.attached,
    };

    if (user_copy_out(current_space(), target, &answer, sizeof(answer)) != 0)
        return -EFAULT;
    return command == IPC_COMMAND_STATUS ? 0 : found.ipc.id;
}

static int64_t change_owner(int32_t id, const struct ipc_caller *caller, user_address source)
{
    struct linux_shmid wanted;

    if (user_copy_in(current_space(), &wanted, source, sizeof(wanted)) != 0)
        return -EFAULT;
    return shared_segment_change_owner(id, caller, wanted.permissions.user_id,
                                       wanted.permissions.group_id, wanted.permissions.mode);
}

int64_t sys_shmctl(int32_t id, int32_t command, user_address argument)
{
    struct ipc_caller caller;

    if (command < 0 || id < 0)
        return -EINVAL;
    ipc_caller_get(&caller);
    switch (command) {
    case COMMAND_LOCK:
    case COMMAND_UNLOCK:
        return shared_segment_set_locked(id, &caller, command == COMMAND_LOCK);
    case IPC_COMMAND_LIMITS:
    case COMMAND_USAGE:
        return limits(command, argument);
    case IPC_COMMAND_STATUS:
    case COMMAND_STATUS_OF_PLACE:
    case COMMAND_STATUS_OF_ANY:
        return status(id, command, &caller, argument);
    case IPC_COMMAND_SET:
        return change_owner(id, &caller, argument);
    case IPC_COMMAND_REMOVE:
        return shared_segment_remove(id, &caller);
    }
    return -EINVAL;
}
