#pragma once
/*
 * Namespaces: what threads see of mounts, names of the machine, System V objects and message
 * queues, and local sockets.  A thread has one of each kind, together: a set that does not change,
 * shared with the threads it makes until one of them leaves a namespace (unshare, setns, clone).
 *
 * PID namespaces are another matter: process/pid_names.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/namespace.h"

struct places;
struct process;
struct thread;

enum namespace_kind {
    NAMESPACE_MOUNTS,
    NAMESPACE_NAMES,
    NAMESPACE_IPC,
    NAMESPACE_NETWORK,
    NAMESPACES,
};

struct namespaces {
    /* Constant after creation; a reference to each. */
    struct namespace *of[NAMESPACES];

    struct refcount references;
};

/* Boot. */
void namespaces_init(void);

/* Flags of clone that stand for the kinds above. */
#define CLONE_NAMESPACES \
    (CLONE_NEW_MOUNTS | CLONE_NEW_NAMES | CLONE_NEW_IPC | CLONE_NEW_NETWORK)
uint64_t namespace_flag(enum namespace_kind kind);

/* The machine's own, for the first process; a reference for the caller. */
struct namespaces *namespaces_first(void);
void namespaces_reference(struct namespaces *namespaces);
/* May sleep: what was mounted goes. */
void namespaces_release(struct namespaces *namespaces);

/* Of the current thread, which keeps it; the machine's own if that is of no process. */
struct namespaces *current_namespaces(void);
struct namespace *current_namespace(enum namespace_kind kind);
/* Of a thread, NULL: of the process's first one; 0 when that has left.  Any context: whoever looks
 * with a reference may be the last to have one, and may sleep then. */
uint64_t process_namespace_number(struct process *process, struct thread *thread,
                                  enum namespace_kind kind);

/* One reference.  New namespaces for the kinds that the flags ask for, else those of `source`; for
 * mounts, `places` are moved to the same places of the new one.  -ENOMEM. */
MUST_CHECK int namespaces_copy(struct namespaces *source, uint64_t flags, struct places *places,
                               struct namespaces **copy);
/* One reference: as `source`, but with those of the others that are not NULL, to which it takes
 * references.  -ENOMEM. */
MUST_CHECK int namespaces_with(struct namespaces *source,
                               struct namespace *const others[NAMESPACES],
                               struct namespaces **result);

void namespace_reference(struct namespace *namespace);
void namespace_release(enum namespace_kind kind, struct namespace *namespace);
