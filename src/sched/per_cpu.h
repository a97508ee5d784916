#pragma once
/* Everything that each CPU has for itself, in one structure. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "machine/machine.h"
#include "sched/runqueue.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

struct per_cpu {
    /* Written by this CPU only, interrupts off. */
    struct thread *current;
    struct thread *idle;
    struct thread *previous;         /* whom the last switch left; see finish_switch */
    struct thread *moving;           /* may not run here any more: finish_switch sends it away */
    struct spinlock *held;           /* spin locks of this CPU, newest first */
    unsigned interrupts_off_depth;   /* nesting of spin locks */
    bool interrupts_were_on;         /* before the outermost of them */
    uint64_t to_notify;              /* bits of CPUs; not 0 only while a spin lock is held */
    bool reschedule;                 /* look for another thread as soon as that is allowed */
    bool yields;                     /* schedule() is called to let others go first */
    unsigned interrupt_depth;
    uint64_t active_root;            /* what machine_address_space_activate was last told */

    /* When to look next whether other CPUs have less to do.  Written by this CPU only; others read
     * it. */
    _Atomic uint64_t balance_at_ns;

    struct runqueue runqueue;        /* protected by its own lock */
};

/* Of the calling CPU; interrupts off, or the answer may be stale. */
struct per_cpu *this_cpu(void);
struct per_cpu *cpu_at(unsigned index);
