#pragma once
/*
 * How processes ended: exit codes by process id, kept for ever, and waiting for the end of any
 * process.  Ids below PROCESS_ID_LIMIT only, each of which one process of a run has at most.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "machine/observer.h"

/* The process has ended: whoever waits for it goes on. */
void ending_record(int32_t id, int64_t code);
/* Waits until the process has ended, for ever if no such process will ever be; the code is there at
 * once, any number of times, when it has.  -EINTR.  May sleep. */
MUST_CHECK int ending_wait(int32_t id, const struct operation *operation, int64_t *code);
