#pragma once
/* PID namespaces of programs: which one a new thread belongs to, and the memory of its ids there
 * (sched/pid_namespace.h). */
#include <stdint.h>

#include "lib/error.h"

struct clone_request;
struct pid_name;
struct pid_namespace;
struct process;
struct thread;
struct thread_request;

/* In Linux's order: whether the flags and ids of a clone go with the namespaces of the current
 * thread, with CAP_SYS_ADMIN for what needs it.  -EINVAL, -EPERM. */
MUST_CHECK int pid_names_check(const struct clone_request *request);

/* The namespace of what the current thread makes by this request (NULL: by no clone), as a thread
 * of `process`, and its names there.  Those of the request are given back by pid_names_release if
 * there will be no thread.  -EINVAL, -ENOMEM, -ENOSPC: too many levels. */
MUST_CHECK int pid_names_prepare(struct thread_request *thread, const struct process *process,
                                 const struct clone_request *request);
void pid_names_release(struct pid_namespace *space, struct pid_name *names);

/* unshare(CLONE_NEWPID): processes that the current thread makes from here on are in a namespace
 * below its own.  -EINVAL: they already are; -EPERM, -ENOMEM, -ENOSPC. */
MUST_CHECK int pid_names_unshare(void);
/* The same with a namespace that is there: that of the current thread or one below.  Takes over the
 * reference. */
void children_space_set(struct pid_namespace *space);
/* That of a thread, NULL: of the first one; with a reference.  NULL if it has left, or the
 * namespace has no process yet. */
struct pid_namespace *children_space_of(struct process *process, struct thread *thread);
void pid_namespace_release(struct pid_namespace *space);
