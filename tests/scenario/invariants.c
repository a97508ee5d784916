/* Threads, run queues and priorities: see invariants.h. */
#include "invariants.h"

#include "lib/assert.h"
#include "lib/list.h"
#include "lib/tree.h"
#include "sched/per_cpu.h"
#include "sched/sched_internal.h"
#include "sched/scheduler.h"
#include "sched/thread.h"
#include "sync/pi_mutex.h"

static void must(bool holds, const struct thread *thread, const char *what)
{
    if (!holds)
        panic("invariant: thread %d (%s, %s) %s", thread->id, thread->name,
              thread_state_name(thread->state), what);
}

/* ---- Run queues ---------------------------------------------------------------------------- */

static void check_state(const struct thread *thread)
{
    unsigned cpu = atomic_load(&thread->cpu);
    bool is_queued = list_is_linked(&thread->run_node);

    must(cpu < machine_info()->cpu_count, thread, "is on no CPU");
    switch (thread->state) {
    case THREAD_READY:
        must(is_queued || cpu_at(cpu)->moving == thread, thread, "is on no run queue");
        break;
    case THREAD_RUNNING:
        must(cpu_at(cpu)->current == thread, thread, "is not what its CPU runs");
        must(!is_queued, thread, "runs, and is on a run queue");
        break;
    case THREAD_NEW:
    case THREAD_BLOCKED:
    case THREAD_DEAD:
        must(!is_queued, thread, "is on a run queue");
        break;
    }
}

/* An observed run has all of them on one list. */
static void check_cpu(unsigned index)
{
    const struct per_cpu *cpu = cpu_at(index);
    unsigned count = 0;

    LIST_FOR_EACH(node, &cpu->runqueue.ready) {
        const struct thread *thread = LIST_ENTRY(node, struct thread, run_node);

        must(thread->state == THREAD_READY, thread, "is on a run queue");
        must(atomic_load(&thread->cpu) == index, thread, "is on the queue of another CPU");
        count++;
    }
    if (runqueue_ready_count(&cpu->runqueue) != count)
        panic("invariant: CPU %u counts %u ready threads, and has %u", index,
              runqueue_ready_count(&cpu->runqueue), count);
    must(cpu->current->state == THREAD_RUNNING, cpu->current, "is what a CPU runs");
}

/* ---- Priorities ---------------------------------------------------------------------------- */

static uint8_t higher(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

/* The waiters of a mutex fit it, in their order.  The highest priority among them. */
static uint8_t check_waiters(const struct thread *owner, const struct pi_mutex *mutex)
{
    uint8_t highest = 0, last = PRIORITY_MAX;

    for (struct tree_node *node = tree_first(&mutex->waiters); node; node = tree_next(node)) {
        const struct pi_waiter *waiter = TREE_ENTRY(node, struct pi_waiter, node);

        must(waiter->mutex == mutex, owner, "has a waiter of another lock");
        must(waiter->thread->priority.waits == waiter, waiter->thread, "waits for two locks");
        must(waiter->priority == waiter->thread->priority.effective, waiter->thread,
             "waits with another priority than its own");
        must(waiter->priority <= last, waiter->thread, "waits in the wrong place");
        last = waiter->priority;
        highest = higher(highest, waiter->priority);
    }
    return highest;
}

static void check_priority(const struct thread *thread)
{
    uint8_t highest = thread->priority.own;

    for (struct tree_node *node = tree_first(&thread->priority.lent); node;
         node = tree_next(node)) {
        const struct pi_mutex *mutex = TREE_ENTRY(node, struct pi_mutex, owner_node);

        must(mutex->owner == thread, thread, "is lent to by a lock that it does not own");
        must(mutex->waiters.root != NULL, thread, "is lent to by nobody");
        must(mutex->lends == check_waiters(thread, mutex), thread, "is lent a wrong priority");
        highest = higher(highest, mutex->lends);
    }
    must(thread->priority.effective == highest, thread, "has a wrong effective priority");
}

/* Who waits for a lock waits for a thread that does not wait for it. */
static void check_chain(const struct thread *thread)
{
    const struct thread *next = thread;

    for (unsigned depth = 0; next && depth <= PI_CHAIN_MAX + 1; depth++) {
        next = next->priority.waits ? next->priority.waits->mutex->owner : NULL;
        must(next != thread, thread, "waits for itself");
    }
}

/* ---- All of it ----------------------------------------------------------------------------- */

static struct spinlock check_lock = SPINLOCK_INITIAL(RANK_PROCESS_TABLE, "invariants");

/* Protected by it: the threads there are, with references. */
static struct thread *threads[THREADS_MAX];
static unsigned thread_total;

static void collect(struct thread *thread, void *context)
{
    (void)context;
    if (refcount_take_unless_zero(&thread->references))
        threads[thread_total++] = thread;
}

static void lock_queues(void)
{
    spin_lock(&cpu_at(0)->runqueue.lock);
    for (unsigned cpu = 1; cpu < machine_info()->cpu_count; cpu++)
        spin_lock_same_rank(&cpu_at(cpu)->runqueue.lock);
}

static void unlock_queues(void)
{
    for (unsigned cpu = machine_info()->cpu_count; cpu > 0; cpu--)
        spin_unlock(&cpu_at(cpu - 1)->runqueue.lock);
}

static void check_threads(void)
{
    for (unsigned i = 0; i < thread_total; i++) {
        check_state(threads[i]);
        check_priority(threads[i]);
        check_chain(threads[i]);
    }
    for (unsigned cpu = 0; cpu < machine_info()->cpu_count; cpu++)
        check_cpu(cpu);
}

void invariants_check(void)
{
    scheduler_assert_may_sleep();
    spin_lock(&check_lock);
    thread_total = 0;
    thread_for_each(collect, NULL);
    invariants_lock_priorities();
    lock_queues();
    check_threads();
    unlock_queues();
    invariants_unlock_priorities();
    while (thread_total > 0)
        thread_release(threads[--thread_total]);
    spin_unlock(&check_lock);
    invariants_check_futexes();
}
