#pragma once
/*
 * Explaining runs that do not go on: who waits for what, who holds it, and where in their source.
 *
 * - Nothing can ever run again: a report, then MACHINE_HALT_DEADLOCK.
 * - Some threads wait for each other in a circle while others still run: a report, the run goes on.
 * - The time limit is over: a table of the threads, then MACHINE_HALT_TIME_LIMIT.
 * - Nothing has run for as long as the option `hang-after` says (nanoseconds): a report, and the
 *   run goes on.
 * - Somebody at the terminal types the character for SIGQUIT: a report before the signal is sent.
 * - With the option `stats`: a table of threads and semaphores at the end.
 */

/* At boot, when the subsystems are there and before the first process. */
void diagnose_init(void);
/* INTERRUPT_TIME_LIMIT: reports and halts. */
_Noreturn void diagnose_time_limit(void);
/* INTERRUPT_NOTIFY: stands still while another CPU makes a report. */
void diagnose_notified(void);
