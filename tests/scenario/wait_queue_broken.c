/*
 * The kernel's wait queues with one mistake, for the test that a search finds it: a waiter gives
 * the lock of its condition back before its entry is on the queue.
 *
 *   waiter                                  waker
 *   sees that there is nothing; unlocks
 *                                           makes the condition true; wakes: the queue is empty
 *   adds its entry, sleeps for ever
 *
 * All else is the real file.  Linked into build/sim-broken only.
 */
#define wait_queue_wait wait_queue_wait_as_it_should_be
#include "../../src/sync/wait_queue.c"
#undef wait_queue_wait

int wait_queue_wait(struct wait_queue *queue, struct spinlock *lock,
                    const struct wait_reason *reason, uint64_t deadline_ns);

int wait_queue_wait(struct wait_queue *queue, struct spinlock *lock,
                    const struct wait_reason *reason, uint64_t deadline_ns)
{
    struct wait_entry entry;
    int error;

    entry_init(&entry, queue, false);
    spin_unlock(lock);
    spin_lock(&queue->lock);
    list_append(&queue->waiters, &entry.node);
    spin_unlock(&queue->lock);
    error = wait_entries_wait(&entry, 1, reason, deadline_ns);
    wait_entry_remove(&entry);
    if (entry_is_woken(&entry))
        error = 0;
    spin_lock(lock);
    return error;
}
