/*
 * Sending to named queues and receiving from them.
 *
 *   receiver                                 sender
 *   the queue is empty
 *                                            puts a message in; wakes: nobody waits
 *   waits for ever                           <- forbidden: who waits is on the queue of waiters
 *                                               before it gives the lock back that its look was
 *                                               made under
 *
 * A message wakes one receiver, and what a receiver takes out wakes one sender.  One whose wait
 * ends for another reason at that moment looks once more before it says so: no wake-up is lost.
 */
#include "ipc/named_queue.h"

#include "fs/file.h"
#include "fs/poll.h"
#include "ipc/ipc_table.h"
#include "ipc/named_queue_internal.h"
#include "memory/pool.h"
#include "time/clock.h"

int named_message_create(size_t size, struct named_message **message)
{
    *message = memory_allocate(sizeof(**message) + size);
    if (!*message)
        return -ENOMEM;
    (*message)->size = size;
    return 0;
}

void named_message_free(struct named_message *message)
{
    memory_free(message, sizeof(*message) + message->size);
}

static struct named_message *message_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct named_message, node);
}

/* Behind all of its priority. */
static void insert(struct tree *messages, struct named_message *message)
{
    struct tree_node **link = &messages->root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = message->priority > message_of(parent)->priority ? &parent->left : &parent->right;
    }
    tree_insert(messages, &message->node, parent, link);
}

void named_queue_empty(struct named_queue *queue)
{
    struct tree_node *node;

    while ((node = tree_first(&queue->messages))) {
        tree_remove(&queue->messages, node);
        named_message_free(message_of(node));
    }
    if (queue->notice)
        queue->notice->release(queue->notice);
}

struct named_queue_limits named_queue_limits(const struct named_queue *queue)
{
    return queue->limits;
}

int64_t named_queue_count(struct named_queue *queue)
{
    spin_lock(&queue->lock);

    int64_t count = queue->count;

    spin_unlock(&queue->lock);
    return count;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* The lock is held, and given back for the wait.  0: look again. */
static int wait_until_real(struct named_queue *queue, struct wait_queue *waiters, uint64_t until_ns)
    REQUIRES(&queue->lock)
{
    const struct wait_reason reason = { .kind = WAIT_MESSAGES };
    struct wait_entry entries[2];

    wait_entry_add(&entries[0], waiters);
    wait_entry_add(&entries[1], clock_changes());
    spin_unlock(&queue->lock);

    uint64_t now_ns = clock_real_ns();
    int error = -ETIMEDOUT;

    if (now_ns < until_ns)
        error = wait_entries_wait(entries, 2, &reason,
                                  clock_add_saturated(clock_monotonic_ns(), until_ns - now_ns));
    if (error == -ETIMEDOUT && clock_real_ns() < until_ns)
        error = 0;    /* the clock was set back meanwhile */
    wait_entry_remove(&entries[1]);
    wait_entry_remove(&entries[0]);
    spin_lock(&queue->lock);
    return error;
}

static int wait_on(struct named_queue *queue, struct wait_queue *waiters,
                   const struct named_queue_wait *wait) REQUIRES(&queue->lock)
{
    const struct wait_reason reason = { .kind = WAIT_MESSAGES };

    if (!wait->may_wait)
        return -EAGAIN;
    if (wait->until_ns != WAIT_FOREVER)
        return wait_until_real(queue, waiters, wait->until_ns);
    return wait_queue_wait(waiters, &queue->lock, &reason, WAIT_FOREVER);
}

int named_queue_send(struct named_queue *queue, struct named_message *message,
                     const struct named_queue_wait *wait)
{
    struct named_queue_notice *notice = NULL;
    int error = 0;

    spin_lock(&queue->lock);
    while (!error && queue->count >= queue->limits.messages)
        error = wait_on(queue, &queue->writable, wait);
    if (queue->count < queue->limits.messages) {
        error = 0;
        insert(&queue->messages, message);
        if (queue->count++ == 0 && queue->receivers == 0) {
            notice = queue->notice;
            queue->notice = NULL;
        }
        wait_queue_wake_one(&queue->readable);
    }
    spin_unlock(&queue->lock);
    if (notice) {
        notice->arrived(notice);
        notice->release(notice);
    }
    return error;
}

int named_queue_receive(struct named_queue *queue, const struct named_queue_wait *wait,
                        struct named_message **message)
{
    int error = 0;

    spin_lock(&queue->lock);
    queue->receivers++;
    while (!error && queue->count == 0)
        error = wait_on(queue, &queue->readable, wait);
    queue->receivers--;
    if (queue->count > 0) {
        error = 0;
        *message = message_of(tree_first(&queue->messages));
        tree_remove(&queue->messages, &(*message)->node);
        queue->count--;
        wait_queue_wake_one(&queue->writable);
    }
    spin_unlock(&queue->lock);
    return error;
}

/* ---- Being told ---------------------------------------------------------------------------- */

int named_queue_notify(struct named_queue *queue, struct named_queue_notice *notice)
{
    struct named_queue_notice *stale = NULL;
    int error = 0;

    spin_lock(&queue->lock);
    if (queue->notice && queue->notice->is_stale(queue->notice)) {
        stale = queue->notice;
        queue->notice = NULL;
    }
    if (queue->notice)
        error = -EBUSY;
    else
        queue->notice = notice;
    spin_unlock(&queue->lock);
    if (stale)
        stale->release(stale);
    return error;
}

void named_queue_forget(struct named_queue *queue, int32_t owner_id)
{
    struct named_queue_notice *notice = NULL;

    spin_lock(&queue->lock);
    if (queue->notice && queue->notice->owner_id == owner_id) {
        notice = queue->notice;
        queue->notice = NULL;
    }
    spin_unlock(&queue->lock);
    if (notice)
        notice->release(notice);
}

/* ---- As a file ----------------------------------------------------------------------------- */

static uint32_t queue_poll(struct file *file, struct poll_table *table)
{
    struct named_queue *queue = named_queue_of(file);
    uint32_t events = 0;

    poll_table_add(table, &queue->readable);
    poll_table_add(table, &queue->writable);
    spin_lock(&queue->lock);
    if (queue->count > 0)
        events |= POLL_READABLE | POLL_READ_NORMAL;
    if (queue->count < queue->limits.messages)
        events |= POLL_WRITABLE | POLL_WRITE_NORMAL;
    spin_unlock(&queue->lock);
    return events;
}

/* Who has closed it, does not want to be told any more. */
static void queue_descriptor_closed(struct file *file)
{
    named_queue_forget(named_queue_of(file), ipc_process_id());
}

const struct file_operations named_queue_operations = {
    .descriptor_closed = queue_descriptor_closed,
    .poll = queue_poll,
};
