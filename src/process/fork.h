#pragma once
/* Copies of a process: fork, vfork, and clone without CLONE_THREAD. */
#include <stdint.h>

#include "lib/error.h"

struct clone_request;
struct process;

/* The id of the child, which runs already; its flags were checked as far as they are about threads
 * too.  -EAGAIN, -ENOMEM, -ENOSYS; -EPERM: the thread area. */
MUST_CHECK int64_t process_fork(const struct clone_request *request);

/* The process does not use the space that it had from its parent any more: vfork goes on there. */
void process_return_space(struct process *process);
