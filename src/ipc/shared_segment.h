#pragma once
/*
 * System V shared memory.  A segment that was removed lives on, without a key, until nobody has it
 * attached any more.
 *
 * All functions may sleep and hold no lock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "ipc/ipc_table.h"
#include "lib/error.h"
#include "memory/address_space.h"

#define SHARED_SEGMENTS_MAX 4096u
#define SHARED_SIZE_MAX (UINT64_MAX - (UINT64_C(1) << 24))

/* In the mode that programs see. */
#define SHARED_IS_REMOVED 01000u
#define SHARED_IS_LOCKED 02000u

void shared_segments_init(void);
void shared_segments_end(uint64_t space);

/* The id.  -EINVAL, -ENOMEM, and as ipc_get. */
MUST_CHECK int64_t shared_segment_get(const struct ipc_caller *caller, int32_t key, uint64_t size,
                                      uint32_t flags);

struct shared_attach {
    struct address_space *space;
    user_address address;        /* 0: anywhere */
    bool writable, executable;
    bool replaces;               /* what is mapped there */
};
/* The address. */
MUST_CHECK int64_t shared_segment_attach(int32_t id, const struct ipc_caller *caller,
                                         const struct shared_attach *attach);
/* -EINVAL: none begins there. */
MUST_CHECK int shared_segment_detach(struct address_space *space, user_address address);

MUST_CHECK int shared_segment_remove(int32_t id, const struct ipc_caller *caller);
MUST_CHECK int shared_segment_change_owner(int32_t id, const struct ipc_caller *caller,
                                           uint32_t user_id, uint32_t group_id, uint32_t mode);
/* All memory is kept anyway: only told.  -EPERM. */
MUST_CHECK int shared_segment_set_locked(int32_t id, const struct ipc_caller *caller, bool locked);

struct shared_segment_status {
    struct ipc_status ipc;
    uint64_t size, attached;
    uint64_t attached_s, detached_s, changed_s;
    int32_t creator_id, last_id;
};
MUST_CHECK int shared_segment_status(int32_t id, const struct ipc_caller *caller,
                                     enum ipc_lookup lookup, struct shared_segment_status *status);

struct shared_segments_usage {
    unsigned segments;
    int32_t last_place;
    uint64_t pages;
};
void shared_segments_usage(struct shared_segments_usage *usage);
