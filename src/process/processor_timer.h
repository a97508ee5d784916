#pragma once
/*
 * Timers on processor time: of one thread, or of a process with all its threads.
 *
 * Nobody counts while nothing is armed.  While something is, each thread that it concerns has an
 * alarm on its own processor time (thread_set_run_alarm), and looks on its way to user mode what is
 * due and when to look again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/tree.h"

struct process;
struct thread;

enum processor_time {
    PROCESSOR_TIME_ALL,
    PROCESSOR_TIME_USER,    /* without what it spent in the kernel */
};
#define PROCESSOR_TIMES 2

/* What is armed, by time: of a process or a thread; all zero is a valid state.  Protected by the
 * process's processor_lock. */
struct processor_timers {
    struct tree trees[PROCESSOR_TIMES];
    bool ended;    /* its time does not go on */
};

struct processor_timer {
    /* Constant after initialisation; referenced.  Thread NULL: of the process. */
    struct process *process;
    struct thread *thread;
    enum processor_time kind;
    /* Called in a thread of the process, when it is due and not armed any more, with its
     * processor_lock held. */
    void (*expired)(struct processor_timer *timer);

    /* Protected by the process's processor_lock. */
    struct tree_node node;
    bool is_armed;
    uint64_t expires_ns;
};

/* How much it has used.  Thread NULL: all threads of the process that are or were. */
uint64_t processor_time(struct process *process, struct thread *thread, enum processor_time kind);

/* Takes references of its own. */
void processor_timer_init(struct processor_timer *timer, struct process *process,
                          struct thread *thread, enum processor_time kind,
                          void (*expired)(struct processor_timer *timer));
/* Not armed any more; drops the references. */
void processor_timer_destroy(struct processor_timer *timer);
/* The process's processor_lock held.  -ESRCH: what it measures has ended. */
MUST_CHECK int processor_timer_arm(struct processor_timer *timer, uint64_t expires_ns);
void processor_timer_disarm(struct processor_timer *timer);
/* Sleeps until so much has been used.  -EINTR; -ESRCH: it has ended. */
MUST_CHECK int processor_timer_sleep(struct process *process, struct thread *thread,
                                     enum processor_time kind, uint64_t expires_ns);

/* ---- For process/ and kernel/ -------------------------------------------------------------- */

void processor_timers_init(struct process *process);
/* Something was armed, or a thread was added: the threads of the process look. */
void processor_timers_look(struct process *process);
/* Whether a new thread of the process must look. */
bool processor_timers_concern(struct process *process);
/* On the way to user mode, when THREAD_WORK_PROCESSOR_TIME is set. */
void processor_timers_check(void);
/* The current thread leaves its process; `last`: and nobody is left. */
void processor_timers_leave(struct process *process, struct thread *thread, bool last);
