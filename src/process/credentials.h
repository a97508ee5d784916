#pragma once
/* Users, groups and capabilities of threads. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"

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

/* User 0 has all capabilities, others have none. */
void credentials_init(struct credentials *who, uint32_t user_id, uint32_t group_id);

struct process;
struct thread;
/* A copy of a thread's (NULL: the first one's, also when it has ended); of the current thread's;
 * and putting a changed copy back there. */
struct credentials process_credentials(struct process *process, struct thread *thread);
struct credentials current_credentials(void);
void credentials_set(const struct credentials *who);
bool current_can(enum capability capability);

/* May the current thread look into the process (its memory, its files)?  Linux's rules of ptrace:
 * the same user and group, nothing hidden, no more capabilities; or the capability. */
bool process_may_inspect(struct process *process, struct thread *thread, bool by_file_ids);

/* Changes the copy as the call would, with the id for file accesses and the capabilities that
 * follow.  -EPERM, -EINVAL; then nothing has changed. */
MUST_CHECK int credentials_change(struct credentials *who, enum id_kind kind,
                                  enum id_change change, const struct ids *wanted);
/* setfsuid, setfsgid.  Returns whether anything has changed. */
bool credentials_change_file_id(struct credentials *who, enum id_kind kind, uint32_t id);
/* capset: nothing can be gained, only given up; the first three sets.  -EPERM. */
MUST_CHECK int capabilities_change(struct credentials *who, const struct capabilities *wanted);
/* What becomes of them when this file is executed: set-user-id, set-group-id.  Returns whether the
 * program can do more than who started it (AT_SECURE). */
bool credentials_execute(struct credentials *who, const struct file *file);
