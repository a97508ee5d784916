#pragma once
/*
 * System V semaphores: arrays of counters that processes change several at a time, all or none.
 *
 * They have nothing to do with the semaphores of the teaching ABI (process/semaphore_set.h).
 *
 * All functions may sleep and hold no lock, unless they say otherwise.
 */
#include <stdbool.h>
#include <stdint.h>

#include "ipc/ipc_table.h"
#include "lib/error.h"

struct thread;

#define SEMAPHORE_ARRAY_MAX 32000u         /* semaphores in one array */
#define SEMAPHORES_OF_ARRAYS_MAX 1024000000u
#define SEMAPHORE_OPERATIONS_MAX 500u      /* in one call */
#define SEMAPHORE_VALUE_MAX 32767

/* Layout of Linux's struct sembuf. */
struct semaphore_operation {
    uint16_t index;
    int16_t change;                        /* 0: wait until it is 0 */
    int16_t flags;
};
#define SEMAPHORE_NO_WAIT 04000
#define SEMAPHORE_UNDO 010000

void semaphore_arrays_init(void);
void semaphore_arrays_end(uint64_t space);

/* The id.  -EINVAL, and as ipc_get. */
MUST_CHECK int64_t semaphore_array_get(const struct ipc_caller *caller, int32_t key, int32_t count,
                                       uint32_t flags);

/* ---- Operations ---------------------------------------------------------------------------- */

/* What is to be undone at the end of a thread, or of all that share the list. */
struct semaphore_undo_list;
/* `list` may point to NULL: it is made.  -ENOMEM. */
MUST_CHECK int semaphore_undo_share(struct semaphore_undo_list **list);
/* One more user; any context. */
void semaphore_undo_reference(struct semaphore_undo_list *list);
/* A user that never ran is gone; any context.  There are others. */
void semaphore_undo_forget(struct semaphore_undo_list *list);
/* A user leaves: with the last one all is undone. */
void semaphore_undo_leave(struct semaphore_undo_list *list, int32_t process_id);

struct semaphore_request {
    const struct ipc_caller *caller;
    struct semaphore_undo_list **undo_list;    /* of the current thread */
    const struct semaphore_operation *operations;
    unsigned count;                            /* 1 to SEMAPHORE_OPERATIONS_MAX */
    uint64_t deadline_ns;                      /* WAIT_FOREVER: none */
};
/* -EAGAIN: it would have to wait, or the deadline has passed; -EINTR, -EIDRM, -EFBIG, -ERANGE,
 * -EACCES, -EINVAL, -ENOMEM. */
MUST_CHECK int semaphore_array_operate(int32_t id, const struct semaphore_request *request);

/* ---- Control ------------------------------------------------------------------------------- */

enum semaphore_question {
    SEMAPHORE_VALUE, SEMAPHORE_PROCESS, SEMAPHORE_WAITING, SEMAPHORE_WAITING_FOR_ZERO,
};
MUST_CHECK int64_t semaphore_array_ask(int32_t id, const struct ipc_caller *caller, int32_t index,
                                       enum semaphore_question question);
/* -ERANGE. */
MUST_CHECK int semaphore_array_set(int32_t id, const struct ipc_caller *caller, int32_t index,
                                   int32_t value);
MUST_CHECK int semaphore_array_remove(int32_t id, const struct ipc_caller *caller);
MUST_CHECK int semaphore_array_change_owner(int32_t id, const struct ipc_caller *caller,
                                            uint32_t user_id, uint32_t group_id, uint32_t mode);

/* All values: the array's size with wanted_permission checked, then in or out. `values` has room
 * for `count`, which is the array's size as told before; -EINVAL: there is another one by now. */
MUST_CHECK int64_t semaphore_array_size(int32_t id, const struct ipc_caller *caller,
                                        uint32_t permission);
MUST_CHECK int semaphore_array_get_all(int32_t id, uint16_t *values, unsigned count);
MUST_CHECK int semaphore_array_set_all(int32_t id, const struct ipc_caller *caller,
                                       const uint16_t *values, unsigned count);

struct semaphore_array_status {
    struct ipc_status ipc;
    uint64_t operated_s, changed_s;            /* since 1970 */
    uint64_t count;
};
MUST_CHECK int semaphore_array_status(int32_t id, const struct ipc_caller *caller,
                                      enum ipc_lookup lookup,
                                      struct semaphore_array_status *status);

struct semaphore_arrays_usage {
    unsigned arrays;
    int32_t last_place;                        /* -1: there is none */
    uint64_t semaphores;
};
void semaphore_arrays_usage(struct semaphore_arrays_usage *usage);

/* ---- Reports ------------------------------------------------------------------------------- */

/* wait_reason.object of WAIT_SEMAPHORE_ARRAY. */
static inline uint64_t semaphore_array_object(int32_t id, unsigned index)
{
    return (uint64_t)(uint32_t)id << 16 | index;
}

/* When all stands still: the value, and the thread that took it last if nobody has given it back
 * (0: none is known).  False: there is no such semaphore. */
bool semaphore_array_peek(uint64_t object, int32_t *value, int32_t *holder);
