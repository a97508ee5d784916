#pragma once
/*
 * The world outside, in runs that repeat: what may differ from run to run comes in here, at points
 * of the run that have a number, so that it can be recorded and played again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options;

/* Answers of the world; the letters stand in recordings. */
enum outside_question {
    OUTSIDE_KEY = 'K',       /* next byte of the terminal, -1: none */
    OUTSIDE_SIZE = 'S',      /* rows << 16 | columns */
    OUTSIDE_WRITE = 'W',     /* result of a write to a stream */
};

/* Before kernel_start; after the command line is known. */
void outside_init(const struct options *options);
/* Standard input is a terminal, now or in the recording: the guest has a terminal. */
bool outside_is_interactive(void);
/* The world is the recording: nothing is asked of the host. */
bool outside_is_replayed(void);
/* Slices end when the host's alarm rings, in the run or in the recording. */
bool outside_preempts_in_real_time(void);

/* A point of the run, before user code goes on: lets interrupts in that have waited. */
void outside_point(void);
/* No CPU has anything to do before the deadline (UINT64_MAX: for ever).  Moves the clock. */
void outside_idle(uint64_t deadline_ns);

/* `live` is what the world answers, ignored in a replay. */
int64_t outside_answer(enum outside_question question, int64_t live);
/* The same for bytes that were read: `live` of them are in the buffer, or it is an error.  In a
 * replay the buffer is filled. */
int64_t outside_bytes(unsigned channel, void *buffer, size_t size, int64_t live);

/* A slice ended after so many blocks of this stretch of user code. */
void outside_slice_ended(uint64_t blocks);
/* In a replay: after how many blocks this stretch ends; -1: not because of the alarm. */
int64_t outside_slice(void);

/* What the host says about a file: digests of what is read go into a recording. */
void outside_file_opened(int descriptor);
