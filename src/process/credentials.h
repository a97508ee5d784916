#pragma once
/* Users, groups and capabilities of processes. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

/* Bits by Linux's capability numbers. */
struct capabilities {
    uint64_t effective, permitted, inheritable;
};

#define ID_UNCHANGED UINT32_MAX

struct ids {
    uint32_t real, effective, saved;
};
enum id_kind { ID_USER, ID_GROUP };
enum id_change {
    CHANGE_ONE_ID,       /* setuid: `effective` */
    CHANGE_TWO_IDS,      /* setreuid: `real` and `effective` */
    CHANGE_THREE_IDS,    /* setresuid */
};

void credentials_init(struct credentials *who, uint32_t user_id, uint32_t group_id);
void capabilities_init(struct capabilities *capabilities, uint32_t user_id);

struct process;
/* A copy of a process's; of the current process's; and putting a changed copy back there. */
struct credentials process_credentials(struct process *process);
struct credentials current_credentials(void);
void credentials_set(const struct credentials *who);

bool credentials_may_change(const struct credentials *who);
/* Changes the copy as the call would; the id for file accesses follows the effective one.
 * -EPERM, -EINVAL; then nothing has changed. */
MUST_CHECK int credentials_change(struct credentials *who, enum id_kind kind,
                                  enum id_change change, const struct ids *wanted);
