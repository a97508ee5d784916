#pragma once
/* What the calls about scheduling share: sys_sched.c, sys_sched_class.c and sys_sched_nice.c. */
#include <stdbool.h>
#include <stdint.h>

struct thread;

#define POLICY_DEADLINE 6

/* A thread of a process, with a reference; id 0: the caller.  NULL: there is none. */
struct thread *scheduling_find(int32_t id);
/* Has the caller the capability for which no rules hold? */
bool scheduling_may_always(void);
/* Is the caller's effective user one of the thread's two? */
bool scheduling_is_same_owner(struct thread *thread);
/* May the thread get this nice value, as far as RLIMIT_NICE of its process goes? */
bool scheduling_nice_is_in_limit(struct thread *thread, int nice);
