/*
 * epolls: what is ready.
 *
 *   a file's waker                          who asks
 *                                           takes an item from the list, polls its file: nothing
 *   makes the file ready; the item is still
 *   marked as being on the list: does nothing
 *                                           the item is forgotten although its file is ready
 *                                           <- forbidden: an item leaves the list before its file
 *                                              is polled
 *
 * Invariant: a file that has a wanted event, and has not been reported since, has its item on
 * epoll->ready, or on the list of who looks through what was there, with the mutex.
 */
#include "fs/epoll_internal.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "machine/machine.h"
#include "memory/io_buffer.h"
#include "sched/thread.h"

#define EVENTS_PRIVATE (EPOLL_EXCLUSIVE | EPOLL_WAKE_UP | EPOLL_ONE_SHOT | EPOLL_EDGE)

/* ---- The list ------------------------------------------------------------------------------ */

bool epoll_item_notify(struct epoll_item *item, uint32_t events)
{
    struct epoll *epoll = item->epoll;

    spin_lock(&epoll->lock);

    bool wanted = (item->events & ~EVENTS_PRIVATE) && (events == 0 || (events & item->events));

    if (wanted && !list_is_linked(&item->ready))
        list_append(&epoll->ready, &item->ready);
    spin_unlock(&epoll->lock);
    return wanted;
}

static void append(struct epoll_item *item)
{
    spin_lock(&item->epoll->lock);
    if (!list_is_linked(&item->ready))
        list_append(&item->epoll->ready, &item->ready);
    spin_unlock(&item->epoll->lock);
}

void epoll_item_make_ready(struct epoll_item *item)
{
    append(item);
    wait_relay_wake(&item->epoll->relay);
}

void epoll_item_unready(struct epoll_item *item)
{
    spin_lock(&item->epoll->lock);
    if (list_is_linked(&item->ready))
        list_remove(&item->ready);
    spin_unlock(&item->epoll->lock);
}

static struct epoll_item *take_first(struct epoll *epoll, struct list *list)
{
    spin_lock(&epoll->lock);

    struct list *node = list_take_first(list);

    spin_unlock(&epoll->lock);
    return node ? LIST_ENTRY(node, struct epoll_item, ready) : NULL;
}

static bool any_is_ready(struct epoll *epoll)
{
    spin_lock(&epoll->lock);

    bool ready = !list_is_empty(&epoll->ready);

    spin_unlock(&epoll->lock);
    return ready;
}

uint32_t epoll_item_poll(const struct epoll_item *item)
{
    return file_poll(item->file, NULL) & item->events;
}

/* An epoll that is watched or polled itself: readable when it would report something.  Epolls are
 * locked from the one that watches to the one that is watched. */
uint32_t epoll_file_poll(struct file *file, struct poll_table *table)
{
    struct epoll *epoll = epoll_of(file);
    struct epoll_item *item;
    uint32_t events = 0;

    poll_table_add(table, &epoll->relay.watchers);
    mutex_lock_same_rank(&epoll->mutex);
    while (!events && (item = take_first(epoll, &epoll->ready)) != NULL) {
        if (!epoll_item_poll(item))
            continue;
        events = POLL_READABLE | POLL_READ_NORMAL;
        spin_lock(&epoll->lock);
        if (list_is_linked(&item->ready))
            list_remove(&item->ready);
        list_prepend(&epoll->ready, &item->ready);
        spin_unlock(&epoll->lock);
    }
    mutex_unlock(&epoll->mutex);
    return events;
}

/* ---- Reporting ----------------------------------------------------------------------------- */

/* An event of the item was reported: when is it reported again? */
static void reported(struct epoll_item *item)
{
    if (item->events & EPOLL_ONE_SHOT) {
        spin_lock(&item->epoll->lock);
        item->events &= EVENTS_PRIVATE;
        spin_unlock(&item->epoll->lock);
    } else if (!(item->events & EPOLL_EDGE)) {
        append(item);
    }
}

/* 1: an event was written; 0: there was none; -EFAULT. */
static int report(struct epoll_item *item, struct io_buffer *buffer)
{
    struct epoll_event event = { .events = epoll_item_poll(item), .data = item->data };

    if (!event.events)
        return 0;
    if (io_buffer_put(buffer, &event, sizeof(event)) != (int64_t)sizeof(event))
        return -EFAULT;
    reported(item);
    return 1;
}

/* What is on the list now is looked at once. */
static int64_t collect(struct epoll *epoll, struct io_buffer *buffer)
{
    struct list looked_at = LIST_INITIAL(looked_at);
    struct epoll_item *item;
    int64_t done = 0;
    int result = 0;

    mutex_lock(&epoll->mutex);
    spin_lock(&epoll->lock);
    list_splice_front(&looked_at, &epoll->ready);
    spin_unlock(&epoll->lock);
    while (buffer->remaining >= sizeof(struct epoll_event) &&
           (item = take_first(epoll, &looked_at)) != NULL) {
        result = report(item, buffer);
        if (result < 0) {
            append(item);
            break;
        }
        done += result;
    }
    spin_lock(&epoll->lock);
    list_splice_front(&epoll->ready, &looked_at);
    spin_unlock(&epoll->lock);
    mutex_unlock(&epoll->mutex);
    if (any_is_ready(epoll))
        (void)wait_queue_wake_one(&epoll->relay.waiters);
    return done > 0 ? done : result;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* Until something is on the list.  0, -EINTR, -ETIMEDOUT. */
static int wait_for_ready(struct epoll *epoll, uint64_t deadline_ns)
{
    const struct wait_reason reason = {
        .kind = WAIT_POLL, .object = 1, .external = atomic_load(&epoll->is_external),
    };
    struct wait_entry entry;
    int error = 0;

    wait_entry_add_single(&entry, &epoll->relay.waiters);
    atomic_fetch_add_explicit(&epoll->relay.sleepers, 1, memory_order_relaxed);
    if (!any_is_ready(epoll))
        error = wait_entries_wait(&entry, 1, &reason, deadline_ns);
    atomic_fetch_sub_explicit(&epoll->relay.sleepers, 1, memory_order_relaxed);
    wait_entry_remove(&entry);
    return error;
}

/* Whoever was woken and leaves looks once more: what it was woken for must not stay while another
 * thread sleeps. */
int64_t epoll_wait(struct file *file, struct io_buffer *buffer, uint64_t deadline_ns)
{
    int error = deadline_ns > machine_time_ns() ? 0 : -ETIMEDOUT;

    if (!file_is_epoll(file))
        return -EINVAL;
    for (;;) {
        int64_t done = any_is_ready(epoll_of(file)) ? collect(epoll_of(file), buffer) : 0;

        if (done)
            return done;
        if (error)
            return error == -ETIMEDOUT ? 0 : error;
        error = wait_for_ready(epoll_of(file), deadline_ns);
    }
}
