/*
 * epolls: what they watch.
 *
 * An item stands in its epoll's tree, in the list of those that watch its file, and with entries on
 * the wait queues that the file's poll operation named.  It holds a reference to its epoll and none
 * to its file.
 *
 *   the file's last reference goes          the epoll is closed
 *   finds an item, goes for its epoll's
 *   mutex
 *                                           removes all items, frees them and itself
 *   uses a mutex that is gone               <- forbidden: the item is marked as ending before; then
 *                                              only the file's side removes it, and it keeps the
 *                                              epoll alive
 *
 * Invariant: with the epoll's mutex held the files of all its items exist, though perhaps without
 * a reference: a file goes after its items.
 */
#include "fs/epoll.h"

#include "fs/anonymous_file.h"
#include "fs/epoll_internal.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "lib/assert.h"
#include "memory/page.h"
#include "memory/pool.h"

#define EVENTS_ALWAYS (POLL_ERROR | POLL_HANGUP)
#define EXCLUSIVE_ALLOWED                                                                        \
    (POLL_READABLE | POLL_WRITABLE | EVENTS_ALWAYS | EPOLL_WAKE_UP | EPOLL_EDGE | EPOLL_EXCLUSIVE)
#define MEMORY_PART 25u    /* of all memory, for what one user watches */

/* An item's place on one wait queue. */
struct epoll_queue {
    struct relay_entry entry;
    struct epoll_item *item;
    struct epoll_queue *next;
};

static struct pool epoll_pool = POOL_INITIAL("epoll", struct epoll, 0);
static struct pool item_pool = POOL_INITIAL("epoll item", struct epoll_item, 0);
static struct pool queue_pool = POOL_INITIAL("epoll queue", struct epoll_queue, 0);

static struct spinlock watching_lock = SPINLOCK_INITIAL(RANK_EPOLL_FILES, "epoll files");

void epoll_watching_lock(void) ACQUIRES(&watching_lock)
{
    spin_lock(&watching_lock);
}

void epoll_watching_unlock(void) RELEASES(&watching_lock)
{
    spin_unlock(&watching_lock);
}

uint64_t epoll_watches_max(void)
{
    const uint64_t item_size = sizeof(struct epoll_item) + sizeof(struct epoll_queue);

    return page_statistics().total * PAGE_SIZE / MEMORY_PART / item_size;
}

/* ---- The file's side ----------------------------------------------------------------------- */

static void watch_file(struct epoll_item *item)
{
    struct epoll_item *first;

    epoll_watching_lock();
    first = atomic_load_explicit(&item->file->watchers, memory_order_relaxed);
    item->next = first;
    if (first)
        first->previous = item;
    atomic_store_explicit(&item->file->watchers, item, memory_order_release);
    epoll_watching_unlock();
}

/* False: the file's end will do it. */
static bool unwatch_file(struct epoll_item *item, bool file_ends)
{
    epoll_watching_lock();

    bool leaves = file_ends || !item->is_ending;

    if (leaves) {
        if (item->next)
            item->next->previous = item->previous;
        if (item->previous)
            item->previous->next = item->next;
        else
            atomic_store_explicit(&item->file->watchers, item->next, memory_order_release);
    }
    epoll_watching_unlock();
    return leaves;
}

/* ---- Queues -------------------------------------------------------------------------------- */

struct queue_table {
    struct poll_table table;
    struct epoll_item *item;
    bool failed;
};

static bool notify(struct relay_entry *entry, uint32_t events)
{
    return epoll_item_notify(CONTAINER_OF(entry, struct epoll_queue, entry)->item, events);
}

static void add_queue(struct poll_table *poll_table, struct wait_queue *wait_queue)
{
    struct queue_table *table = CONTAINER_OF(poll_table, struct queue_table, table);
    struct epoll_item *item = table->item;
    struct epoll_queue *queue = pool_allocate(&queue_pool);

    if (!queue) {
        table->failed = true;
        return;
    }
    queue->item = item;
    queue->next = item->queues;
    item->queues = queue;
    if (wait_queue->external)
        atomic_store_explicit(&item->epoll->is_external, true, memory_order_relaxed);
    relay_entry_add(&queue->entry, &item->epoll->relay, wait_queue,
                    (item->events & EPOLL_EXCLUSIVE) != 0);
}

static void leave_queues(struct epoll_item *item)
{
    while (item->queues) {
        struct epoll_queue *queue = item->queues;

        item->queues = queue->next;
        relay_entry_remove(&queue->entry);
        pool_free(&queue_pool, queue);
    }
}

/* ---- Items --------------------------------------------------------------------------------- */

static int compare(const struct epoll_item *item, const struct file *file, int32_t fd)
{
    if (item->fd != fd)
        return item->fd < fd ? -1 : 1;
    return item->file == file ? 0 : (uintptr_t)item->file < (uintptr_t)file ? -1 : 1;
}

/* Where an item is or would be: *link points to it or to NULL. */
static struct tree_node **find_link(struct epoll *epoll, const struct file *file, int32_t fd,
                                    struct tree_node **parent)
{
    struct tree_node **link = &epoll->items.root;

    *parent = NULL;
    while (*link) {
        int order = compare(TREE_ENTRY(*link, struct epoll_item, node), file, fd);

        if (order == 0)
            break;
        *parent = *link;
        link = order < 0 ? &(*link)->right : &(*link)->left;
    }
    return link;
}

static struct epoll_item *item_create(struct epoll *epoll, const struct epoll_request *request)
{
    struct epoll_item *item = pool_allocate(&item_pool);

    if (!item)
        return NULL;
    item->epoll = epoll;
    item->file = request->target;
    item->fd = request->fd;
    item->data = request->event.data;
    item->events = request->event.events | EVENTS_ALWAYS;
    list_init(&item->ready);
    list_init(&item->nested);
    return item;
}

/* The mutex is held.  Its reference to the epoll is the caller's now; false: it stays with the
 * item, which the file's end removes. */
static bool item_remove(struct epoll_item *item, bool file_ends)
{
    struct epoll *epoll = item->epoll;

    leave_queues(item);
    if (!unwatch_file(item, file_ends))
        return false;
    tree_remove(&epoll->items, &item->node);
    if (list_is_linked(&item->nested))
        list_remove(&item->nested);
    epoll_item_unready(item);
    user_account_give_back(epoll->account, USER_EPOLL_WATCHES);
    pool_free(&item_pool, item);
    return true;
}

/* The same for an epoll that has other references. */
static void item_remove_while_open(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;

    if (item_remove(item, false))
        wait_relay_release(&epoll->relay);
}

void epoll_forget(struct file *file)
{
    while (atomic_load_explicit(&file->watchers, memory_order_acquire)) {
        struct epoll_item *item;

        epoll_watching_lock();
        item = atomic_load_explicit(&file->watchers, memory_order_relaxed);
        if (item)
            item->is_ending = true;
        epoll_watching_unlock();
        if (!item)
            break;

        struct epoll *epoll = item->epoll;

        mutex_lock(&epoll->mutex);
        (void)item_remove(item, true);
        mutex_unlock(&epoll->mutex);
        wait_relay_release(&epoll->relay);
    }
}

/* ---- Changes ------------------------------------------------------------------------------- */

static int add(struct epoll *epoll, const struct epoll_request *request, bool is_nesting)
{
    struct queue_table table = { .table = { add_queue } };
    struct tree_node *parent;
    struct tree_node **link = find_link(epoll, request->target, request->fd, &parent);
    struct epoll_item *item;

    if (*link)
        return -EEXIST;
    if (!user_account_charge(epoll->account, USER_EPOLL_WATCHES, epoll_watches_max()))
        return -ENOSPC;
    item = item_create(epoll, request);
    if (!item) {
        user_account_give_back(epoll->account, USER_EPOLL_WATCHES);
        return -ENOMEM;
    }
    refcount_take(&epoll->relay.references);
    tree_insert(&epoll->items, &item->node, parent, link);
    if (file_is_epoll(item->file)) {
        list_append(&epoll->nested, &item->nested);
        atomic_store_explicit(&epoll->is_external, true, memory_order_relaxed);
    }
    watch_file(item);
    if (is_nesting && !epoll_nest_fits(item->file)) {
        item_remove_while_open(item);
        return -EINVAL;
    }
    table.item = item;

    uint32_t events = file_poll(item->file, &table.table) & item->events;

    if (table.failed)
        item_remove_while_open(item);
    else if (events)
        epoll_item_make_ready(item);
    return table.failed ? -ENOMEM : 0;
}

static int change(struct epoll_item *item, const struct epoll_event *event)
{
    struct epoll *epoll = item->epoll;

    if (item->events & EPOLL_EXCLUSIVE)
        return -EINVAL;
    spin_lock(&epoll->lock);
    item->events = event->events | EVENTS_ALWAYS;
    spin_unlock(&epoll->lock);
    item->data = event->data;
    if (epoll_item_poll(item))
        epoll_item_make_ready(item);
    return 0;
}

static int control(struct epoll *epoll, const struct epoll_request *request, bool is_nesting)
{
    struct tree_node *parent;
    struct tree_node *node = *find_link(epoll, request->target, request->fd, &parent);
    struct epoll_item *item = node ? TREE_ENTRY(node, struct epoll_item, node) : NULL;

    if (request->operation == EPOLL_ADD)
        return add(epoll, request, is_nesting);
    if (request->operation != EPOLL_REMOVE && request->operation != EPOLL_CHANGE)
        return -EINVAL;
    if (!item)
        return -ENOENT;
    if (request->operation == EPOLL_CHANGE)
        return change(item, &request->event);
    item_remove_while_open(item);
    return 0;
}

static bool is_wrong_exclusive(const struct epoll_request *request)
{
    if (request->operation == EPOLL_REMOVE || !(request->event.events & EPOLL_EXCLUSIVE))
        return false;
    if (request->operation == EPOLL_CHANGE)
        return true;
    return request->operation == EPOLL_ADD &&
           (file_is_epoll(request->target) || (request->event.events & ~EXCLUSIVE_ALLOWED));
}

int epoll_control(struct file *file, const struct epoll_request *request)
{
    bool nests = false;
    int error = 0;

    if (!request->target->operations->poll)
        return -EPERM;
    if (file == request->target || !file_is_epoll(file) || is_wrong_exclusive(request))
        return -EINVAL;
    if (request->operation == EPOLL_ADD)
        nests = file_is_epoll(request->target) || atomic_load(&file->watchers);
    if (nests)
        error = epoll_nest_begin(epoll_of(file), request->target);
    if (!error) {
        mutex_lock(&epoll_of(file)->mutex);
        error = control(epoll_of(file), request, nests);
        mutex_unlock(&epoll_of(file)->mutex);
    }
    if (nests)
        epoll_nest_end();
    return error;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void destroy(struct wait_relay *relay)
{
    struct epoll *epoll = CONTAINER_OF(relay, struct epoll, relay);

    ASSERT(list_is_empty(&epoll->ready));
    user_account_release(epoll->account);
    pool_free(&epoll_pool, epoll);
}

static void release(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    struct tree_node *following;

    mutex_lock(&epoll->mutex);
    for (struct tree_node *node = tree_first(&epoll->items); node; node = following) {
        following = tree_next(node);
        item_remove_while_open(TREE_ENTRY(node, struct epoll_item, node));
    }
    mutex_unlock(&epoll->mutex);
    wait_relay_release(&epoll->relay);
}

const struct file_operations epoll_operations = {
    .poll = epoll_file_poll,
    .seek = anonymous_file_seek,
    .release = release,
};

int epoll_create(uint32_t user_id, struct file **file)
{
    struct epoll *epoll = pool_allocate(&epoll_pool);
    int error = -ENOMEM;

    if (!epoll)
        return -ENOMEM;
    epoll->account = user_account_open(user_id);
    if (epoll->account)
        error = anonymous_file_create(&epoll_operations, "anon_inode:[eventpoll]", 0, epoll, file);
    if (error) {
        if (epoll->account)
            user_account_release(epoll->account);
        pool_free(&epoll_pool, epoll);
        return error;
    }
    wait_relay_init(&epoll->relay);
    epoll->relay.notify = notify;
    epoll->relay.destroy = destroy;
    epoll->file = *file;
    mutex_init(&epoll->mutex, RANK_EPOLL, "epoll");
    spin_init(&epoll->lock, RANK_EPOLL_READY, "epoll ready");
    tree_init(&epoll->items, NULL);
    list_init(&epoll->nested);
    list_init(&epoll->ready);
    return 0;
}
