/* What the calls on System V objects have in common: who makes them. */
#include "abi/linux/ipc_arguments.h"

#include "process/process.h"

void ipc_caller_get(struct ipc_caller *caller)
{
    struct process *process = current_process();

    *caller = (struct ipc_caller){
        .credentials = current_credentials(),
        .process_id = process->id,
        .may_all = current_can(CAPABILITY_IPC_OWNER),
        .is_admin = current_can(CAPABILITY_ADMINISTRATION),
        .may_exceed = current_can(CAPABILITY_RESOURCES),
    };
}

struct linux_ipc_permissions ipc_permissions_of(const struct ipc_status *status)
{
    return (struct linux_ipc_permissions){
        .key = status->key,
        .user_id = status->user_id,
        .group_id = status->group_id,
        .creator_user_id = status->creator_user_id,
        .creator_group_id = status->creator_group_id,
        .mode = status->mode,
        .sequence = (uint16_t)(status->id >> IPC_PLACE_BITS),
    };
}

enum ipc_lookup ipc_lookup_of(int32_t command, int32_t of_place)
{
    if (command == IPC_COMMAND_STATUS)
        return IPC_BY_ID;
    return command == of_place ? IPC_BY_PLACE : IPC_BY_PLACE_UNCHECKED;
}
