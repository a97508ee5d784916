#pragma once
/* setns: the current thread leaves namespaces of its own for those of others. */
#include "lib/error.h"
#include "process/namespaces.h"

struct pid_namespace;
struct process;

/* Where to, with references; NULL: it stays. */
struct namespace_target {
    struct namespace *of[NAMESPACES];
    struct pid_namespace *processes;    /* that of the processes that it makes */
};

/* Those of a process, of the kinds that flags of clone stand for.  -ESRCH: it has ended. */
MUST_CHECK int namespace_target_of(struct process *process, uint64_t flags,
                                   struct namespace_target *target);
void namespace_target_release(struct namespace_target *target);

/* All of them or none.  -EPERM; -EINVAL: it shares its working directory, or may not make processes
 * there; -ENOMEM. */
MUST_CHECK int namespace_enter(const struct namespace_target *target);
