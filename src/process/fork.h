#pragma once
/* Copies of a process, for clone.c and exec: see fork.c. */
#include <stdint.h>

#include "lib/error.h"

struct clone_request;
struct thread;

/* A new process as clone makes it without CLONE_THREAD; returns its id.  -EAGAIN, -ENOMEM, -EPERM,
 * -EEXIST; -CALL_RESTART_ALWAYS: a signal came first. */
MUST_CHECK int64_t process_fork(const struct clone_request *request);

/* CLONE_VFORK.  The new thread, not started, borrows the space of the current one. */
void space_lend(struct thread *thread);
/* Waits until it has given it back, by exec or by its end.  Only the end of the current thread
 * comes sooner. */
void space_await_return(struct thread *thread);
/* The current thread needs its maker's space no more, if that waits. */
void space_return(void);
