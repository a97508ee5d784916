#pragma once
/* Private to the files that run user code: user_run.c, user_observed.c, spin.c. */
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "machine/machine.h"

/* Blocks that no program gets through soon; small enough that a guest which counts for itself
 * cannot move the clock by years. */
#define BUDGET_ENDLESS ((int64_t)1 << 40)
#define VECTOR_DEBUG 1

/* Runs user code until a signal of the host stops it, faults that the port could resolve included.
 * TRAP_INTERRUPT: one that user code did not cause. */
struct trap user_run_once(struct user_registers *registers);
/* Same, interrupts and prepared state being the caller's affair (user_observed.c). */
struct trap user_run_observed(struct user_registers *registers);

/* In the signal handler, user code being interrupted: does it go on? */
bool user_observed_goes_on(int number);

/* The time-stamp counter and the like, at this address; 0: no such instruction, else its length. */
unsigned user_tsc_instruction(const unsigned char *code);
void user_observed_init(void);
/* The kernel's own code (the C library's) wanted the time-stamp counter, which is closed. */
bool user_observed_tsc_for_host(ucontext_t *context);

enum spin_result {
    SPIN_FOUND,      /* it goes round; the registers are those of the canonical point */
    SPIN_NOT,        /* not found: it may go on */
    SPIN_TRAPPED,    /* user code trapped meanwhile */
};
/* Steps through user code, at most `limit` steps, until registers and memory come back. */
enum spin_result spin_check(struct user_registers *registers, uint64_t limit, struct trap *trap,
                            uint64_t *length);
bool spin_is_stepping(void);
