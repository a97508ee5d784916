#pragma once
/*
 * Timers of a program (timer_create): any number, on any clock, each with a signal of its own.
 * A fork does not copy them, exec deletes them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "process/processor_timer.h"
#include "signal/signal.h"
#include "time/clock.h"

struct process;
struct thread;

struct posix_timer_request {
    /* Processor time if there is a process, else this clock.  Both borrowed. */
    struct process *process;
    struct thread *thread;
    enum processor_time kind;
    enum clock_base base;

    bool is_silent;                   /* SIGEV_NONE: it only counts */
    int number;                       /* the signal */
    struct thread *target;            /* gets it; NULL: the process; borrowed */
    bool has_value;                   /* else the id is what comes with the signal */
    uint64_t value;
};

struct posix_timer_setting {
    uint64_t expires_ns;    /* 0: disarmed; when read, or relative: from now on */
    uint64_t interval_ns;
};

/* Of the current process; *id names it.  -EAGAIN: the user's signals are used up; -ENOMEM. */
MUST_CHECK int posix_timer_create(const struct posix_timer_request *request, int32_t *id);
/* All of these: -EINVAL if the process has no such timer. */
MUST_CHECK int posix_timer_delete(int32_t id);
/* -ESRCH: what it measures has ended. */
MUST_CHECK int posix_timer_set(int32_t id, const struct posix_timer_setting *wanted,
                               bool is_absolute, struct posix_timer_setting *before);
MUST_CHECK int posix_timer_get(int32_t id, struct posix_timer_setting *setting);
/* Expiries that the last signal stands for besides its own. */
MUST_CHECK int posix_timer_overrun(int32_t id);

/* Exec, or the end. */
void posix_timers_delete_all(struct process *process);
