#pragma once
/*
 * Searching the schedules of a program (--search), and following one of them (--schedule): what the
 * rest of the sim has to know.  All of it does nothing in other runs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

struct options;

/* The options, as search_options.h has them for getopt. */
enum search_option {
    SEARCH_OPTION_SEARCH,
    SEARCH_OPTION_STRATEGY,
    SEARCH_OPTION_JOBS,
    SEARCH_OPTION_SHARD,
    SEARCH_OPTION_EXPECT_OUTPUT,
    SEARCH_OPTION_EXPECT_STATUS,
    SEARCH_OPTION_MAX_STEPS,
    SEARCH_OPTION_KEEP_GOING,
    SEARCH_OPTION_CHECK,
    SEARCH_OPTION_SCHEDULE,
};
void search_option(enum search_option option, const char *value);

/* A search or a schedule: the run is an observed one. */
bool search_is_asked_for(void);
/* Every option as it was given, in order, for the command that repeats a failure; `value` may be
 * NULL. */
void search_note_option(const char *name, const char *value);
/* When the command line is known: makes the run an observed one, checks what does not go together,
 * and starts the other jobs.  Before anything is opened. */
void search_prepare(struct options *options);
/* In place of kernel_start, when all is set up: the whole search if there is one to do; does not
 * return then.  A schedule is made ready. */
void search_start(void);

/* May this process say why there is nothing to run?  Of several jobs, which all find out, one. */
bool search_may_refuse(void);

/* ---- Called by the machine during runs ------------------------------------------------------ */

extern bool search_is_active;    /* this process searches: nothing goes to the outside */

/* User code is about to run. */
void search_before_user(void);
/* The kernel halts.  Returns in ordinary runs. */
void search_halt(enum machine_halt why, int status);
/* The guest or the kernel writes: a channel's number, or a stream below. */
void search_write_channel(unsigned number, const void *bytes, size_t size);
void search_write_stream(enum machine_stream stream, const char *text, size_t length);
/* The guest reads standard input. */
void search_note_input(void);
/* Signal handler, the host's alarm rings: is the time over? */
void search_tick(void);
/* Signal handler, user code was interrupted by the host's alarm: a run that takes too long is
 * given up here. */
void search_alarm(void);
/* A CPU spins in the kernel: the same. */
void search_relax(void);
/* Signal handler, SIGINT: true if the search will stop by itself. */
bool search_interrupt(void);
