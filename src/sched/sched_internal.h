#pragma once
/* Private to sched/: what its files share. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "sched/per_cpu.h"

struct pid_name;
struct pid_namespace;
struct runqueue;
struct spinlock;
struct thread;

/* ---- thread_table.c ------------------------------------------------------------------------ */

/* Gives the thread the ids that its names ask for.  -EAGAIN: there are THREADS_MAX; -EEXIST;
 * -EINVAL: another first id of a namespace than 1; -ENOMEM: its namespace has ended. */
MUST_CHECK int thread_table_add(struct thread *thread);
void thread_table_remove(struct thread *thread);
/* RANK_THREAD_TABLE; held for the two that follow, which may return NULL, and take no reference. */
struct spinlock *thread_table_lock(void);
struct thread *thread_table_find(struct pid_namespace *space, int32_t id);
/* The thread is in the namespace, or in one below it. */
struct pid_name *thread_name_in(struct thread *thread, const struct pid_namespace *space);

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
/* An idle CPU among these for a thread that last ran on `last`, that one if possible; CPUS_MAX:
 * there is none.  A hint: what it reads may change at once. */
unsigned idle_choose_cpu(unsigned last, uint64_t allowed);
/* Those that take threads: some may never have come up. */
uint64_t idle_started_cpus(void);
/* A thread was put on the CPU's queue, so nobody else should count on its being idle. */
void idle_claim(unsigned cpu);
/* Whether every CPU was idle at one instant: the last one to become so sees it. */
bool idle_is_everywhere(void);

/* ---- placement.c --------------------------------------------------------------------------- */

/* Where a thread should run that has become ready; a hint, but always a CPU where it may run. */
unsigned placement_choose(const struct thread *thread, bool is_new);
bool placement_is_allowed(const struct thread *thread, unsigned cpu);
/* A thread stays ready on its queue while another runs there.  If another CPU had better run it,
 * tells that one to look.  The queue is locked. */
void placement_offer(const struct thread *thread);
/* The thread was made ready on no queue because it may not run where it did: puts it on one where
 * it may.  Interrupts off, no spin lock held. */
void placement_send(struct thread *thread);

/* ---- balance.c ----------------------------------------------------------------------------- */

/* All: interrupts off, no spin lock held. */
/* This CPU has nothing to do: moves a thread from the longest queue to its own.  Returns whether
 * there was one. */
bool balance_take(unsigned self);
/* This CPU is about to choose its next thread: takes a real-time thread that waits elsewhere, if it
 * would run here at once.  `mine`: the priority of the thread that would go on. */
void balance_pull(unsigned self, uint8_t mine);
/* Is there one that is more urgent than what this CPU runs? */
bool balance_should_pull(unsigned self);
/* Threads wait here: gives one to the CPU with the least to do if that makes them more equal.  Does
 * nothing unless BALANCE_INTERVAL_NS have passed since it was called last. */
void balance_push(unsigned self);
/* For runqueue.c: whether real-time threads wait on the CPU's queue, which is locked. */
void balance_note_waiting(unsigned cpu, bool are_waiting);

/* ---- accounting.c -------------------------------------------------------------------------- */

/* The thread starts or stops to run now; its queue is locked. */
void accounting_start(struct thread *thread, uint64_t now_ns);
void accounting_stop(struct thread *thread, uint64_t now_ns);
/* Its state changes, its queue is locked: charges the time since the last change if times are
 * wanted (sched/watch.h). */
void accounting_change(struct thread *thread);

/* ---- scheduler.c --------------------------------------------------------------------------- */

/* A thread has come to this CPU's queue from another one: tells the CPU if it must know.  The queue
 * is not locked; interrupts off. */
void scheduler_tell(unsigned index);
/* Locks the run queue of the CPU the thread belongs to. */
struct runqueue *scheduler_lock_queue_of(const struct thread *thread);
/* Both queues of two CPUs, which may be one. */
void scheduler_lock_pair(unsigned a, unsigned b)
    ACQUIRES(&cpu_at(a)->runqueue.lock, &cpu_at(b)->runqueue.lock);
void scheduler_unlock_pair(unsigned a, unsigned b)
    RELEASES(&cpu_at(a)->runqueue.lock, &cpu_at(b)->runqueue.lock);

/* ---- report.c ------------------------------------------------------------------------------ */

/* Hangs what a panic prints about CPUs, threads and locks into the panic. */
void report_init(void);
