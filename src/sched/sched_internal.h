#pragma once
/* Private to sched/: what its files share. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct runqueue;
struct thread;

/* ---- thread_table.c ------------------------------------------------------------------------ */

/* Gives the thread an id.  -EAGAIN when THREADS_MAX threads exist. */
MUST_CHECK int thread_table_add(struct thread *thread);
void thread_table_remove(struct thread *thread);

/* ---- thread_memory.c ----------------------------------------------------------------------- */

/* Zeroed; NULL without memory. */
struct thread *thread_memory_allocate(void);
void thread_memory_free(struct thread *thread);
/* Sets thread->stack and registers.vector.  -ENOMEM. */
MUST_CHECK int thread_stack_allocate(struct thread *thread);
void thread_stack_free(struct thread *thread);

/* ---- idle.c -------------------------------------------------------------------------------- */

/* Makes the per-CPU structure of a CPU ready, with its idle thread. */
void idle_init(unsigned index);
/* Where a thread that last ran on `last` should run now: there if that CPU is idle, else on an idle
 * CPU if there is one.  A hint: what it reads may change at once. */
unsigned idle_choose_cpu(unsigned last);
bool idle_is_idle(unsigned cpu);
/* Whether the CPU takes threads: those that never came up do not. */
bool idle_has_started(unsigned cpu);
/* A thread was put on the CPU's queue, so nobody else should count on its being idle. */
void idle_claim(unsigned cpu);
/* Whether every CPU was idle at one instant: the last one to become so sees it. */
bool idle_is_everywhere(void);

/* ---- balance.c ----------------------------------------------------------------------------- */

/* Where a new thread should start that was made on `last`: an idle CPU, or the one with the fewest
 * ready threads. */
unsigned balance_choose_cpu(unsigned last);
/* This CPU has nothing to do: moves a thread from the longest queue to its own.  Interrupts off, no
 * spin lock held.  Returns whether there was one. */
bool balance_take(unsigned self);

/* ---- accounting.c -------------------------------------------------------------------------- */

/* The thread starts or stops to run now; its queue is locked. */
void accounting_start(struct thread *thread, uint64_t now_ns);
void accounting_stop(struct thread *thread, uint64_t now_ns);
/* Its state changes, its queue is locked: charges the time since the last change if times are
 * wanted (sched/watch.h). */
void accounting_change(struct thread *thread);

/* ---- scheduler.c --------------------------------------------------------------------------- */

/* Locks the run queue of the CPU the thread belongs to. */
struct runqueue *scheduler_lock_queue_of(const struct thread *thread);
/* Both queues of two CPUs, which may be one. */
void scheduler_lock_pair(unsigned a, unsigned b);
void scheduler_unlock_pair(unsigned a, unsigned b);

/* ---- report.c ------------------------------------------------------------------------------ */

/* Hangs what a panic prints about CPUs, threads and locks into the panic. */
void report_init(void);
