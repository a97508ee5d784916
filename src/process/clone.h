#pragma once
/*
 * New threads of a process, made as Linux's clone makes them: the thread goes on where its maker
 * is, with a copy of its registers, on a stack of its own.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "machine/machine.h"

struct thread;

/* Linux's flags. */
#define CLONE_MEMORY UINT64_C(0x100)                /* CLONE_VM */
#define CLONE_PLACES UINT64_C(0x200)                /* CLONE_FS */
#define CLONE_FILES UINT64_C(0x400)
#define CLONE_ACTIONS UINT64_C(0x800)               /* CLONE_SIGHAND */
#define CLONE_PROCESS_FD UINT64_C(0x1000)           /* CLONE_PIDFD */
#define CLONE_SUSPEND UINT64_C(0x4000)              /* CLONE_VFORK */
#define CLONE_SIBLING UINT64_C(0x8000)              /* CLONE_PARENT */
#define CLONE_THREAD UINT64_C(0x10000)
#define CLONE_NEW_MOUNTS UINT64_C(0x20000)          /* CLONE_NEWNS */
#define CLONE_UNDO UINT64_C(0x40000)                /* CLONE_SYSVSEM */
#define CLONE_THREAD_AREA UINT64_C(0x80000)         /* CLONE_SETTLS */
#define CLONE_SET_PARENT_ID UINT64_C(0x100000)      /* CLONE_PARENT_SETTID */
#define CLONE_CLEAR_CHILD_ID UINT64_C(0x200000)     /* CLONE_CHILD_CLEARTID */
#define CLONE_DETACHED UINT64_C(0x400000)
#define CLONE_SET_CHILD_ID UINT64_C(0x1000000)      /* CLONE_CHILD_SETTID */
#define CLONE_NEW_CONTROL_GROUP UINT64_C(0x2000000) /* CLONE_NEWCGROUP */
#define CLONE_NEW_NAMES UINT64_C(0x4000000)         /* CLONE_NEWUTS */
#define CLONE_NEW_IPC UINT64_C(0x8000000)
#define CLONE_NEW_USERS UINT64_C(0x10000000)
#define CLONE_NEW_PROCESSES UINT64_C(0x20000000)
#define CLONE_NEW_NETWORK UINT64_C(0x40000000)
#define CLONE_DEFAULT_ACTIONS UINT64_C(0x100000000) /* CLONE_CLEAR_SIGHAND, of clone3 only */
#define CLONE_INTO_CONTROL_GROUP UINT64_C(0x200000000)
#define CLONE_EXIT_SIGNAL UINT64_C(0xff)            /* in clone's flags */
#define CLONE_NEW_TIME UINT64_C(0x80)               /* one of those bits, of clone3 only */

#define THREAD_AREA_END UINT64_C(0x7ffffffff000)    /* Linux's TASK_SIZE_MAX */

struct clone_request {
    uint64_t flags;
    const int32_t *ids;                  /* only root may choose: in its own PID namespace, ... */
    unsigned id_count;                   /* ... and in those above */
    uint64_t exit_signal;                /* of a process, to its parent; 0: none */
    user_address stack;                  /* 0: the maker's */
    uint64_t thread_area;                /* fs_base with CLONE_THREAD_AREA */
    user_address parent_id, child_id;    /* where the flags want the new id */
    user_address process_fd;             /* ... or a descriptor */
};

/* The id of the new thread, which runs already, as the current one sees it.  -EINVAL: flags or ids
 * that do not go together; -EPERM: the thread area, or more than the user may ask for; -EAGAIN: a
 * limit; -EEXIST: an id is taken; -ENOMEM, also in a PID namespace that has ended; -ENOSPC: one too
 * deep. */
MUST_CHECK int64_t process_clone(const struct clone_request *request);

/* From here on the current thread has what the flags say alone.  -EINVAL, -ENOMEM. */
MUST_CHECK int thread_unshare(uint64_t flags);

/* It has nothing to undo of System V semaphores any more; what nobody else has is undone. */
void thread_leave_undo(void);

/* A thread that was not started yet gets a copy of the current thread's registers, in a call that
 * returns `result` to it. */
void thread_copy_registers(struct thread *thread, uint64_t result);
/* ... and all else that it has from the current thread, or that the request wants for it. */
void thread_inherit(struct thread *thread, const struct clone_request *request);
