#pragma once
/* direct_call.c: `syscall` instructions that come to the kernel by a jump. */
#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"

struct code_copy;

/* From now on.  When the copies of code are ready. */
void direct_calls_init(void);
/* A `syscall` there came by a signal: the next one may be faster. */
void direct_call_missed(user_address call);
/* The window is empty, of copies, too: programs that end soon make few calls by each place. */
void direct_calls_cool(void);
/* The copy will be shown at this page. */
void direct_calls_move(const struct code_copy *copy, user_address page_address);

enum direct_call_place {
    DIRECT_CALL_NONE,
    DIRECT_CALL_INSIDE,    /* at an instruction before the call: goes on at *way */
    DIRECT_CALL_CALL,      /* at the call itself */
};
/* Async-signal-safe: what user code executes at this address, which is no instruction any more. */
enum direct_call_place direct_call_at(user_address address, user_address *way);
/* The page of the way on which this address lies is shown without it.  Returns whether nothing of
 * the way was executed yet. */
bool direct_call_unmake(user_address address);
/* Async-signal-safe: the address that the program knows for one on a way to the kernel; any other
 * is itself. */
user_address direct_call_origin(user_address address);
