#pragma once
/* The scheduler: which thread runs on a CPU. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "sched/thread.h"

/* Boot: makes the calling context the first thread of this CPU, prepares the other CPUs. */
void scheduler_init(void);
/* Boot, before there are threads to schedule: how ordinary threads are scheduled, "fair", "rr" or
 * "fifo".  Makes no difference with an observer.  -EINVAL: there is no such policy. */
MUST_CHECK int scheduler_choose_policy(const char *name);
/* Called by every CPU once it is ready to run threads; becomes its idle thread. */
_Noreturn void scheduler_run_idle(void);

/* The heart: the current thread becomes `next_state` and the next ready thread, or the idle one,
 * gets the CPU.  READY: it goes to the end of the queue, and goes on if it is alone.  BLOCKED: not
 * if it was woken in the meantime.  DEAD: does not return.
 * Interrupts off; no spin lock held.  Others use the functions below. */
void schedule(enum thread_state next_state);
/* The current thread lets others run first.  May sleep. */
void scheduler_yield(void);
/* The current thread sleeps until scheduler_wake.  Returns at once if that came since it last
 * slept, so callers loop on their condition (sync/wait_queue.c is the only one).  May sleep. */
void scheduler_block(void);
/* BLOCKED -> READY; places it on a run queue and asks that CPU to look.  Returns false if it was
 * not blocked: its next scheduler_block() then returns at once.  Any context; the caller keeps the
 * thread from being freed. */
bool scheduler_wake(struct thread *thread);
/* NEW -> READY, for thread_start. */
void scheduler_start(struct thread *thread);
/* Interrupts off, called at the end of an interrupt and before user code runs: switches if the
 * current thread's slice is over or something better is ready, and it may be preempted. */
void scheduler_preempt_if_due(void);
/* Around the handling of an interrupt; leave() may switch threads. */
void scheduler_interrupt_enter(void);
void scheduler_interrupt_leave(void);
/* What is ready on this CPU has become more or less urgent, or what runs there.  Any context. */
void scheduler_look_again(unsigned index);
/* INTERRUPT_NOTIFY of this CPU: somebody put a thread on its queue. */
void scheduler_notified(void);

/* The kernel is about to run user code of the current thread, or that has come back.  Estimates
 * the split of processor time (accounting.c); costs a counter on most calls. */
void scheduler_account_user_enter(void);
void scheduler_account_user_leave(void);

/* Panics unless the current context may sleep: no spin lock held, not in an interrupt. */
void scheduler_assert_may_sleep(void);

/* The first thing after machine_context_switch on every path, also of a new thread. */
void scheduler_finish_switch(void);
