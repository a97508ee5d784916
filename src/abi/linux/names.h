#pragma once
/* The names of flags and other coded arguments, for traces. */
#include <stddef.h>
#include <stdint.h>

#define NAME_SETS(SET)                                                                       \
    SET(access) SET(address_family) SET(advice) SET(arch_prctl) SET(at) SET(clock)           \
    SET(clone) SET(close_range) SET(epoll) SET(fcntl) SET(futex) SET(interval_timer)         \
    SET(ipc) SET(ipc_key) SET(semctl) SET(semaphore_flags) SET(eventfd) SET(membarrier)      \
    SET(shmat) SET(shmctl) SET(messages) SET(msgctl) SET(flock) SET(kcmp)                    \
    SET(limit) SET(map) SET(mask_change) SET(memfd) SET(message) SET(mremap) SET(msync)      \
    SET(open) SET(prctl) SET(protection) SET(random) SET(rename) SET(request)                \
    SET(scheduler) SET(seek) SET(semaphore_operation) SET(signal_action) SET(signal_stack)   \
    SET(statx) SET(timer) SET(unlink) SET(usage_of) SET(wait) SET(descriptor_flags) SET(mode_type)

enum name_set {
    SET_NONE,
#define NAME_SET(name) SET_##name,
    NAME_SETS(NAME_SET)
#undef NAME_SET
    NAME_SET_COUNT
};

/* A name stands for the bits of `mask` when they have this value. */
struct named_value {
    uint64_t value, mask;
    const char *name;
};

/* The names of a set, those of several bits first; *count 0 for SET_NONE. */
const struct named_value *name_set_values(enum name_set set, size_t *count);
