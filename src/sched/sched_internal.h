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
/* A thread was put on the CPU's queue, so nobody else should count on its being idle. */
void idle_claim(unsigned cpu);

/* ---- accounting.c -------------------------------------------------------------------------- */

/* The thread starts or stops to run now; its queue is locked. */
void accounting_start(struct thread *thread, uint64_t now_ns);
void accounting_stop(struct thread *thread, uint64_t now_ns);

/* ---- scheduler.c --------------------------------------------------------------------------- */

/* Locks the run queue of the CPU the thread belongs to. */
struct runqueue *scheduler_lock_queue_of(const struct thread *thread);

/* ---- report.c ------------------------------------------------------------------------------ */

/* Hangs what a panic prints about CPUs, threads and locks into the panic. */
void report_init(void);
