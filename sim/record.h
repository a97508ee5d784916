#pragma once
/*
 * Recordings: a file of what came from outside, and of every event, in the order in which the run
 * met them.  docs/simulation.md has the format.  Without --record and --replay the functions that
 * write do nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/observer.h"

struct options;

/* --replay: reads and checks the file, and sets the options of the recorded run; refuses what is
 * not a whole recording, and files that have changed since. */
void record_open_replay(struct options *options);
/* --record: after all options are known. */
void record_create(const struct options *options);
bool record_is_recording(void);
bool record_is_replay(void);

/* ---- Writing -------------------------------------------------------------------------------- */

void record_tag(char tag);
void record_number(uint64_t number);
void record_signed(int64_t number);
void record_bytes(const void *bytes, size_t size);
/* The digest of this regular file belongs to the recording. */
void record_file(int descriptor);

/* ---- Reading; every mistake ends the replay with a line and EXIT_DIVERGED -------------------- */

/* Takes the next entry if it has this tag and is for this point of the run. */
bool record_next_is(char tag, uint64_t point);
/* Takes the tag; anything else is a divergence.  Always true. */
bool record_expect_tag(char tag);
uint64_t record_take_number(void);
int64_t record_take_signed(void);
void record_take_bytes(void *bytes, size_t size);
_Noreturn void record_damaged(void);

/* ---- Both ----------------------------------------------------------------------------------- */

/* Writes the event, or compares it with the recorded one. */
void record_event(const struct observer_event *event);
/* The run ends: completes the file, or looks whether the recording ends too.  Returns the exit
 * status to use. */
int record_finish(int status);
