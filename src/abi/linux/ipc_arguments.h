#pragma once
/* What the calls on System V objects have in common. */
#include <stdint.h>

#include "abi/linux/structures.h"
#include "ipc/ipc_table.h"

/* The commands that all kinds have. */
#define IPC_COMMAND_REMOVE 0    /* IPC_RMID */
#define IPC_COMMAND_SET 1       /* IPC_SET */
#define IPC_COMMAND_STATUS 2    /* IPC_STAT */
#define IPC_COMMAND_LIMITS 3    /* IPC_INFO */

/* struct ipc64_perm */
struct linux_ipc_permissions {
    int32_t key;
    uint32_t user_id, group_id, creator_user_id, creator_group_id, mode;
    uint16_t sequence, padding;
    uint32_t padding2;
    uint64_t reserved[2];
};
LINUX_LAYOUT(struct linux_ipc_permissions, 48);

void ipc_caller_get(struct ipc_caller *caller);
/* What a command that asks for a status means, `of_place` being the one for places. */
enum ipc_lookup ipc_lookup_of(int32_t command, int32_t of_place);
struct linux_ipc_permissions ipc_permissions_of(const struct ipc_status *status);
