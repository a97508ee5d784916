/*
 * Spin locks.
 *
 * Invariants, for every CPU: `held` lists the locks it holds, newest first, with ranks that never
 * rise from one to the next; `interrupts_off_depth` is their number; interrupts are off while it
 * is above 0.  So a CPU never waits for a lock with interrupts on, and an interrupt never meets a
 * lock that its own CPU holds.
 */
#include "sync/spinlock.h"

#include <stddef.h>

#include "lib/assert.h"
#include "machine/machine.h"
#include "sched/per_cpu.h"

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name)
{
    ASSERT(rank >= RANK_FIRST_SPIN);
    *lock = (struct spinlock)SPINLOCK_INITIAL(rank, name);
}

static void wait_until_taken(struct spinlock *lock, unsigned owner)
{
    unsigned nobody = 0;

    while (!atomic_compare_exchange_weak_explicit(&lock->owner, &nobody, owner,
                                                  memory_order_acquire, memory_order_relaxed)) {
        /* Reads only, so that the cache line stays shared until the owner writes it. */
        while (atomic_load_explicit(&lock->owner, memory_order_relaxed) != 0)
            machine_cpu_relax();
        nobody = 0;
    }
}

static bool rank_may_follow(enum lock_rank held, enum lock_rank wanted, bool may_equal)
{
    return held < wanted || (held == wanted && may_equal);
}

static void take(struct spinlock *lock, bool may_equal)
{
    bool were_on = machine_interrupts_disable();
    unsigned index = machine_cpu_index();
    struct per_cpu *cpu = cpu_at(index);

    ASSERT(lock->rank >= RANK_FIRST_SPIN);    /* else never initialised */
    ASSERT(!spin_is_held(lock));
    ASSERT_IMPLIES(cpu->held, !were_on);
    if (cpu->held && !rank_may_follow(cpu->held->rank, lock->rank, may_equal))
        panic("lock order: %s (rank %d) wanted with %s (rank %d) held", lock->name,
              (int)lock->rank, cpu->held->name, (int)cpu->held->rank);

    if (cpu->interrupts_off_depth++ == 0)
        cpu->interrupts_were_on = were_on;
    wait_until_taken(lock, index + 1);
    ASSERT(!lock->below);    /* on no list */
    lock->below = cpu->held;
    cpu->held = lock;
}

void spin_lock(struct spinlock *lock) LOCKS_UNCHECKED
{
    take(lock, false);
}

void spin_lock_same_rank(struct spinlock *lock) LOCKS_UNCHECKED
{
    take(lock, true);
}

/* Nearly always the newest; hand-over-hand walks give back an older one first. */
static void remove_from_held(struct per_cpu *cpu, struct spinlock *lock)
{
    struct spinlock **link = &cpu->held;

    while (*link != lock)
        link = &(*link)->below;
    *link = lock->below;
    lock->below = NULL;
}

void spin_notify(unsigned index)
{
    bool were_on = machine_interrupts_disable();
    struct per_cpu *cpu = this_cpu();

    ASSERT(index < CPUS_MAX);
    if (cpu->held)
        cpu->to_notify |= UINT64_C(1) << index;
    else
        machine_cpu_notify(index);
    machine_interrupts_restore(were_on);
}

static void notify_all(struct per_cpu *cpu)
{
    for (; cpu->to_notify; cpu->to_notify &= cpu->to_notify - 1)
        machine_cpu_notify((unsigned)__builtin_ctzll(cpu->to_notify));
}

void spin_unlock(struct spinlock *lock) LOCKS_UNCHECKED
{
    if (!spin_is_held(lock))
        panic("%s is given back by a CPU that does not hold it", lock->name);

    struct per_cpu *cpu = this_cpu();

    ASSERT(!machine_interrupts_enabled());
    ASSERT(cpu->interrupts_off_depth > 0);
    remove_from_held(cpu, lock);
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
    if (--cpu->interrupts_off_depth > 0)
        return;
    ASSERT(!cpu->held);
    if (cpu->to_notify)
        notify_all(cpu);
    machine_interrupts_restore(cpu->interrupts_were_on);
}

bool spin_is_held(const struct spinlock *lock)
{
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == machine_cpu_index() + 1;
}
