/* System calls on System V message queues.  Checks come in Linux's order. */
#include "abi/linux/ipc_arguments.h"
#include "abi/linux/syscalls.h"
#include "ipc/message_box.h"
#include "memory/user_memory.h"
#include "process/process.h"

/* Commands of msgctl beside those in ipc_arguments.h. */
enum command {
    COMMAND_STATUS_OF_PLACE = 11, COMMAND_USAGE, COMMAND_STATUS_OF_ANY,
};

struct linux_msqid {
    struct linux_ipc_permissions permissions;
    uint64_t sent_s, received_s, changed_s, bytes, messages, bytes_max;
    int32_t sender_id, receiver_id;
    uint64_t reserved[2];
};
LINUX_LAYOUT(struct linux_msqid, 120);

struct linux_msginfo {
    int32_t pool, map, size, bytes, boxes, segment_size, headers;
    uint16_t segments;
};
LINUX_LAYOUT(struct linux_msginfo, 32);
/* What Linux says about a memory that it has not used for long. */
#define SEGMENT_SIZE 16
#define SEGMENTS 0xffffu

int64_t sys_msgget(int32_t key, uint32_t flags)
{
    struct ipc_caller caller;

    ipc_caller_get(&caller);
    return message_box_get(&caller, key, flags);
}

int64_t sys_msgsnd(int32_t id, user_address message, uint64_t size, uint32_t flags)
{
    struct message_send send = {
        .space = current_space(),
        .text = message + sizeof(send.type),
        .size = size,
        .flags = flags,
    };
    struct ipc_caller caller;

    if (user_copy_in(current_space(), &send.type, message, sizeof(send.type)) != 0)
        return -EFAULT;
    ipc_caller_get(&caller);
    return message_box_send(id, &caller, &send);
}

static int64_t put_message(const struct message *message, user_address target, uint64_t room)
{
    uint64_t size = message->size < room ? message->size : room;

    if (user_copy_out(current_space(), target, &message->type, sizeof(message->type)) != 0 ||
        user_copy_out(current_space(), target + sizeof(message->type), message->text, size) != 0)
        return -EFAULT;
    return (int64_t)size;
}

int64_t sys_msgrcv(int32_t id, user_address target, uint64_t size, int64_t type, uint32_t flags)
{
    const struct message_receive receive = { .size = size, .type = type, .flags = flags };
    struct ipc_caller caller;
    struct message *message;
    int64_t result;

    if (id < 0 || (int64_t)size < 0)
        return -EINVAL;
    if ((flags & MESSAGE_COPY) && ((flags & MESSAGE_EXCEPT) || !(flags & MESSAGE_NO_WAIT)))
        return -EINVAL;
    ipc_caller_get(&caller);
    result = message_box_receive(id, &caller, &receive, &message);
    if (result)
        return result;
    result = put_message(message, target, size);
    message_free(message);
    return result;
}

/* ---- Control ------------------------------------------------------------------------------- */

static int64_t limits(int32_t command, user_address target)
{
    struct message_boxes_usage usage;
    struct linux_msginfo information = {
        .pool = (int32_t)(IPC_OBJECTS_MAX * (MESSAGE_BOX_BYTES / 1024)),
        .map = MESSAGE_BOX_BYTES,
        .size = MESSAGE_SIZE_MAX,
        .bytes = MESSAGE_BOX_BYTES,
        .boxes = IPC_OBJECTS_MAX,
        .segment_size = SEGMENT_SIZE,
        .headers = MESSAGE_BOX_BYTES,
        .segments = SEGMENTS,
    };

    message_boxes_usage(&usage);
    if (command == COMMAND_USAGE) {
        information.pool = (int32_t)usage.boxes;
        information.map = (int32_t)usage.messages;
        information.headers = (int32_t)usage.bytes;
    }
    if (user_copy_out(current_space(), target, &information, sizeof(information)) != 0)
        return -EFAULT;
    return usage.last_place < 0 ? 0 : usage.last_place;
}

static int64_t status(int32_t id, int32_t command, const struct ipc_caller *caller,
                      user_address target)
{
    struct message_box_status found;
    int error = message_box_status(id, caller, ipc_lookup_of(command, COMMAND_STATUS_OF_PLACE),
                                   &found);

    if (error)
        return error;

    const struct linux_msqid answer = {
        .permissions = ipc_permissions_of(&found.ipc),
        .sent_s = found.sent_s,
        .received_s = found.received_s,
        .changed_s = found.changed_s,
        .bytes = found.bytes,
        .messages = found.messages,
        .bytes_max = found.bytes_max,
        .sender_id = found.sender_id,
        .receiver_id = found.receiver_id,
    };

    if (user_copy_out(current_space(), target, &answer, sizeof(answer)) != 0)
        return -EFAULT;
    return command == IPC_COMMAND_STATUS ? 0 : found.ipc.id;
}

static int64_t change(int32_t id, const struct ipc_caller *caller, user_address source)
{
    struct linux_msqid wanted;

    if (user_copy_in(current_space(), &wanted, source, sizeof(wanted)) != 0)
        return -EFAULT;

    const struct message_box_change request = {
        .user_id = wanted.permissions.user_id,
        .group_id = wanted.permissions.group_id,
        .mode = wanted.permissions.mode,
        .bytes_max = wanted.bytes_max,
    };

    return message_box_change(id, caller, &request);
}

int64_t sys_msgctl(int32_t id, int32_t command, user_address argument)
{
    struct ipc_caller caller;

    if (id < 0 || command < 0)
        return -EINVAL;
    ipc_caller_get(&caller);
    switch (command) {
    case IPC_COMMAND_REMOVE:
        return message_box_remove(id, &caller);
    case IPC_COMMAND_SET:
        return change(id, &caller, argument);
    case IPC_COMMAND_STATUS:
    case COMMAND_STATUS_OF_PLACE:
    case COMMAND_STATUS_OF_ANY:
        return status(id, command, &caller, argument);
    case IPC_COMMAND_LIMITS:
    case COMMAND_USAGE:
        return limits(command, argument);
    }
    return -EINVAL;
}
