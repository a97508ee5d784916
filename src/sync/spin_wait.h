#pragma once
/*
 * Threads that go round in user code (TRAP_SPIN of the machine): they sleep until another thread
 * may have changed their memory.  Without an observer none of this is used or costs anything.
 */
#include <stdint.h>

#include "machine/machine.h"
#include "sched/choice.h"

/* For the two functions below: with an observer. */
void spin_wait_note_progress(void);
uint64_t spin_wait_note_trap(const struct trap *trap);

/* User code of this thread has come back; before anything else, interrupts off.  Returns how often
 * memory may have changed so far. */
static inline uint64_t spin_wait_trapped(const struct trap *trap)
{
    return choice_is_observed() ? spin_wait_note_trap(trap) : 0;
}

/* The kernel has done something for the current thread that may have changed memory of others.  Any
 * context in which a thread may be woken; RANK_CONSOLE and below may be held. */
static inline void spin_wait_progress(void)
{
    if (choice_is_observed())
        spin_wait_note_progress();
}

/* Sleeps until memory may have changed since that count, or a signal comes.  May sleep. */
void spin_wait(uint64_t seen, uint64_t instruction);
