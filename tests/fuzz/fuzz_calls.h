#pragma once
/* Parts of the fuzzing guest: values (fuzz_values.c) and what keeps it alive (fuzz_guard.c). */
#include "abi/linux/descriptors.h"
#include "guest.h"

/* ---- Random numbers: the same seed gives the same calls ------------------------------------ */

uint64_t random_next(void);
void random_start(uint64_t seed);
/* From 0 to limit - 1. */
static inline uint64_t random_below(uint64_t limit)
{
    return random_next() % limit;
}
static inline bool random_once_in(uint64_t times)
{
    return random_below(times) == 0;
}

/* ---- Values -------------------------------------------------------------------------------- */

/* An argument of this kind: often one that makes sense, sometimes nonsense. */
uint64_t value_of(uint8_t kind);
/* Fills the memory that pointers lead to with bytes that mean something to some call. */
void values_fill_memory(void);
/* An address in the writable area, close to its ends more often than not. */
uint64_t value_pointer(void);

/* ---- Staying alive ------------------------------------------------------------------------- */

/* Maps memory, installs handlers, starts the timer that interrupts calls that block. */
bool guard_start(void);
/* Whether this call may be made at all. */
bool guard_allows(const struct syscall_descriptor *call);
/* Bends arguments that would end the program or stop it for good. */
void guard_bend(const struct syscall_descriptor *call, uint64_t arguments[6]);
/* Brings back files to work on. */
void guard_refresh(void);
/* Undoes what the call did to signals and timers. */
void guard_repair(const struct syscall_descriptor *call);

extern struct memory_areas fuzz_areas;
