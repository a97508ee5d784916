/*
 * Threads that go round in user code.
 *
 * The machine says of such a thread that it will do the same for ever if nobody else does
 * anything.  So it is of no use to run it before somebody did: it waits until another thread's
 * user code has run and trapped, or the kernel has done something for one.  If there is nobody
 * who could, it is a hang, and reported like any other wait without end.
 *
 *   spinner                              other thread
 *   user code reads 0, goes round
 *                                        user code writes 1; traps: nobody waits
 *   waits for ever                       <- forbidden: `changes` is read when user code has come
 *                                           back, before anything else runs on this CPU, and every
 *                                           trap adds to it
 *
 * A timer on its processor time is what a spinner itself brings about: it sleeps until that is due,
 * and counts as having run meanwhile.
 *
 * A spinner that did something else since it was entered counts as progress like any other.  One
 * that was in its circle all the time adds nothing; so two that wait for each other sleep both.
 */
#include "sync/spin_wait.h"

#include <stdatomic.h>

#include "sched/thread.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

static _Atomic uint64_t changes;
static _Atomic unsigned spinners;   /* added before `changes` is read, read after it was added to */

static struct spinlock lock = SPINLOCK_INITIAL(RANK_CONSOLE, "spinning threads");
static struct wait_queue waiters = {
    .lock = SPINLOCK_INITIAL(RANK_WAIT_QUEUE, "spinning threads' queue"),
    .waiters = LIST_INITIAL(waiters.waiters),
};

void spin_wait_note_progress(void)
{
    atomic_fetch_add(&changes, 1);
    if (atomic_load(&spinners) == 0)
        return;
    /* Whoever has looked at `changes` and not yet gone to sleep holds the lock. */
    spin_lock(&lock);
    wait_queue_wake_all(&waiters);
    spin_unlock(&lock);
}

uint64_t spin_wait_note_trap(const struct trap *trap)
{
    if (trap->kind != TRAP_INTERRUPT && (trap->kind != TRAP_SPIN || trap->spin_began))
        spin_wait_note_progress();
    return atomic_load(&changes);
}

void spin_wait(uint64_t seen, uint64_t instruction)
{
    const struct wait_reason reason = { .kind = WAIT_SPIN, .object = instruction };
    uint64_t left_ns = thread_run_alarm_left();
    uint64_t start_ns = machine_time_ns();
    uint64_t deadline_ns = left_ns == UINT64_MAX ? WAIT_FOREVER : start_ns + left_ns;

    atomic_fetch_add(&spinners, 1);
    spin_lock(&lock);
    while (atomic_load(&changes) == seen) {
        if (wait_queue_wait(&waiters, &lock, &reason, deadline_ns))
            break;    /* a signal, or the time */
    }
    spin_unlock(&lock);
    atomic_fetch_sub(&spinners, 1);
    if (deadline_ns != WAIT_FOREVER)
        thread_charge_user(machine_time_ns() - start_ns);
}
