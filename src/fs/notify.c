/*
 * inotify.
 *
 * A watch stands in the list of its inode and in the tree of its queue, and holds references to the
 * inode and its filesystem.  One lock protects all watches and queues, so an event finds its way in
 * one step and nothing can vanish in between; what a removed watch held is released afterwards.
 *
 * Invariant: inode->watches is NULL unless one of them is in the list; `watching` counts them all.
 */
#include "fs/notify.h"

#include "config.h"
#include "fs/anonymous_file.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "fs/user_account.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "lib/tree.h"
#include "memory/page.h"
#include "memory/pool.h"

#define MEMORY_PART 100u          /* of all memory, for the watches of one user */
#define NAME_ALIGNMENT 16u        /* names are filled with zeroes up to whole records */
#define EVENTS_OF_SELF (NOTIFY_DELETE_SELF | NOTIFY_MOVE_SELF)
#define FLAGS_KEPT (NOTIFY_ALL_EVENTS | NOTIFY_NOT_UNLINKED | NOTIFY_ONE_SHOT)

/* As programs read it. */
struct notify_record {
    int32_t watch;
    uint32_t mask, cookie, length;    /* of the name that follows, with its zeroes */
};

struct notify_event_entry {
    struct list node;
    struct notify_record record;
    uint32_t text_length;
    char text[];                      /* not terminated */
};

struct notify_queue {
    struct user_account *account;     /* constant */
    struct wait_queue readable;

    /* Protected by the lock. */
    struct list events;
    uint64_t count, bytes;
    struct tree watches;              /* by number */
    int32_t last_id;
    bool overflowed;                  /* the event that says so is there */
};

struct notify_watch {
    /* Constant. */
    struct notify_queue *queue;
    struct inode *inode;
    int32_t id;

    /* Protected by the lock. */
    uint32_t mask;
    struct tree_node node;
    struct notify_watch *next, *previous;    /* of the inode's */
};

static struct pool queue_pool = POOL_INITIAL("notify queue", struct notify_queue, 0);
static struct pool watch_pool = POOL_INITIAL("notify watch", struct notify_watch, 0);

static struct spinlock lock = SPINLOCK_INITIAL(RANK_NOTIFY, "notify");
static _Atomic uint64_t watching;
static _Atomic uint32_t last_cookie;

static struct notify_queue *queue_of(const struct file *file)
{
    return file->contents;
}

static bool is_idle(void)
{
    return atomic_load_explicit(&watching, memory_order_relaxed) == 0;
}

static bool is_watched(struct inode *inode)
{
    return atomic_load_explicit(&inode->watches, memory_order_relaxed) != NULL;
}

/* ---- Events -------------------------------------------------------------------------------- */

static uint32_t padded(uint32_t length)
{
    return length == 0 ? 0 : (length + NAME_ALIGNMENT) / NAME_ALIGNMENT * NAME_ALIGNMENT;
}

static size_t entry_size(uint32_t text_length)
{
    return sizeof(struct notify_event_entry) + text_length;
}

static uint64_t bytes_of(const struct notify_event_entry *entry)
{
    return sizeof(entry->record) + entry->record.length;
}

/* What is said twice in a row is said once. */
static bool is_repeated(const struct notify_queue *queue, const struct notify_record *record,
                        struct component text)
{
    struct list *node = list_last(&queue->events);
    const struct notify_event_entry *last;

    if (!node)
        return false;
    last = LIST_ENTRY(node, struct notify_event_entry, node);
    return last->record.mask == record->mask && last->record.watch == record->watch &&
           last->text_length == text.length &&
           (text.length == 0 || memcmp(last->text, text.text, text.length) == 0);
}

static void append(struct notify_queue *queue, struct notify_record record, struct component text)
{
    struct notify_event_entry *entry = memory_allocate(entry_size(text.length));

    if (!entry)
        return;
    list_init(&entry->node);
    record.length = padded(text.length);
    entry->record = record;
    entry->text_length = text.length;
    if (text.length > 0)
        memcpy(entry->text, text.text, text.length);
    list_append(&queue->events, &entry->node);
    queue->count++;
    queue->bytes += bytes_of(entry);
    wait_queue_wake_for(&queue->readable, POLL_READABLE | POLL_READ_NORMAL);
}

static void add_event(struct notify_queue *queue, const struct notify_record *record,
                      struct component text)
{
    static const struct notify_record overflow = { .watch = -1, .mask = NOTIFY_OVERFLOW };
    static const struct component nothing = { NULL, 0 };

    if (is_repeated(queue, record, text))
        return;
    if (queue->count < NOTIFY_EVENTS_MAX) {
        append(queue, *record, text);
    } else if (!queue->overflowed) {
        queue->overflowed = true;
        append(queue, overflow, nothing);
    }
}

/* The first one, out of the queue; NULL: none. */
static struct notify_event_entry *take_event(struct notify_queue *queue)
{
    struct list *node = list_take_first(&queue->events);
    struct notify_event_entry *entry;

    if (!node)
        return NULL;
    entry = LIST_ENTRY(node, struct notify_event_entry, node);
    queue->count--;
    queue->bytes -= bytes_of(entry);
    if (entry->record.mask == NOTIFY_OVERFLOW)
        queue->overflowed = false;
    return entry;
}

static void free_event(struct notify_event_entry *entry)
{
    memory_free(entry, entry_size(entry->text_length));
}

/* ---- Watches ------------------------------------------------------------------------------- */

/* Out of inode and queue; the program is told.  What is left goes to `gone`. */
static void remove_watch(struct notify_watch *watch, struct notify_watch **gone)
{
    const struct notify_record ignored = { .watch = watch->id, .mask = NOTIFY_IGNORED };
    static const struct component nothing = { NULL, 0 };

    if (watch->next)
        watch->next->previous = watch->previous;
    if (watch->previous)
        watch->previous->next = watch->next;
    else
        atomic_store(&watch->inode->watches, watch->next);
    tree_remove(&watch->queue->watches, &watch->node);
    add_event(watch->queue, &ignored, nothing);
    user_account_give_back(watch->queue->account, USER_NOTIFY_WATCHES);
    atomic_fetch_sub(&watching, 1);
    watch->next = *gone;
    *gone = watch;
}

/* Without the lock. */
static void release_watches(struct notify_watch *gone)
{
    while (gone) {
        struct notify_watch *watch = gone;
        struct filesystem *filesystem = watch->inode->filesystem;

        gone = watch->next;
        inode_release(watch->inode);
        filesystem_release(filesystem);
        pool_free(&watch_pool, watch);
    }
}

struct happening {
    uint32_t events, cookie;
    struct component text;        /* what it happened to in the directory; length 0: to itself */
    bool is_unlinked;             /* that has no name any more */
};

/* Tells all who watch the inode; the lock is held. */
static void tell(struct inode *inode, const struct happening *happening,
                 struct notify_watch **gone)
{
    struct notify_watch *next;

    for (struct notify_watch *watch = atomic_load(&inode->watches); watch; watch = next) {
        struct notify_record record = {
            .watch = watch->id, .mask = happening->events, .cookie = happening->cookie,
        };

        next = watch->next;
        if (!(watch->mask & happening->events & NOTIFY_ALL_EVENTS))
            continue;
        if (happening->is_unlinked && (watch->mask & NOTIFY_NOT_UNLINKED))
            continue;
        if (record.mask & EVENTS_OF_SELF)
            record.mask &= ~(uint32_t)NOTIFY_DIRECTORY;
        add_event(watch->queue, &record, happening->text);
        if (watch->mask & NOTIFY_ONE_SHOT)
            remove_watch(watch, gone);
    }
}

static void happens(struct inode *inode, const struct happening *happening)
{
    struct notify_watch *gone = NULL;

    if (!is_watched(inode))
        return;
    spin_lock(&lock);
    tell(inode, happening, &gone);
    spin_unlock(&lock);
    release_watches(gone);
}

static uint32_t directory_bit(const struct inode *inode)
{
    return inode_is_directory(inode) ? NOTIFY_DIRECTORY : 0;
}

void notify_inode(struct inode *inode, uint32_t events)
{
    const struct happening happening = { .events = events | directory_bit(inode) };

    if (!is_idle())
        happens(inode, &happening);
}

void notify_entry(struct inode *directory, struct component component, uint32_t events,
                  uint32_t cookie)
{
    const struct happening happening = {
        .events = events, .cookie = cookie, .text = component,
    };

    if (!is_idle())
        happens(directory, &happening);
}

/* The directory that the name is in, if that is watched. */
static void tell_parent(struct name *name, struct happening happening)
{
    char text[NAME_MAX + 2];
    struct name *parent = name_parent(name);
    struct name_text_request request = { .text = text, .end = sizeof(text), .stop = parent };

    if (parent != name && parent->inode && is_watched(parent->inode)) {
        int64_t start = name_prepend_text(name, &request);

        if (start >= 0) {
            happening.text = (struct component){
                text + start + 1, (uint32_t)(sizeof(text) - (size_t)start - 1),
            };
            happens(parent->inode, &happening);
        }
    }
    name_release(parent);
}

void notify_name(struct name *name, struct inode *inode, uint32_t events)
{
    struct happening happening = { .events = events | directory_bit(inode) };

    if (is_idle())
        return;
    if (name) {
        happening.is_unlinked = name_is_removed(name);
        tell_parent(name, happening);
    }
    happens(inode, &happening);
}

void notify_file(struct file *file, uint32_t events)
{
    if (!is_idle() && !(file_flags(file) & OPEN_PATH))
        notify_name(file->path.name, file->inode, events);
}

static struct component component_of(const char *text)
{
    return (struct component){ text, (uint32_t)text_length(text) };
}

void notify_rename(const struct rename_operation *rename)
{
    uint32_t cookie, bit;

    if (is_idle())
        return;
    cookie = 1 + atomic_fetch_add(&last_cookie, 1);
    bit = directory_bit(rename->inode);
    notify_entry(rename->old_directory, component_of(rename->old_name), NOTIFY_MOVED_FROM | bit,
                 cookie);
    notify_entry(rename->new_directory, component_of(rename->new_name), NOTIFY_MOVED_TO | bit,
                 cookie);
    if (rename->target && !(rename->flags & RENAME_SWAP))
        notify_inode(rename->target, NOTIFY_ATTRIBUTES);
    notify_inode(rename->inode, NOTIFY_MOVE_SELF);
}

void notify_gone(struct inode *inode)
{
    const struct happening happening = { .events = NOTIFY_DELETE_SELF };
    struct notify_watch *gone = NULL, *watch;

    if (is_idle() || !is_watched(inode))
        return;
    spin_lock(&lock);
    tell(inode, &happening, &gone);
    while ((watch = atomic_load(&inode->watches)) != NULL)
        remove_watch(watch, &gone);
    spin_unlock(&lock);
    release_watches(gone);
}

/* ---- The file ------------------------------------------------------------------------------ */

static struct notify_watch *watch_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct notify_watch, node);
}

/* The first event if it fits, out of the queue.  -EAGAIN, -EINTR, -EINVAL: there is no room. */
static int next_event(struct file *file, const struct io_buffer *buffer, bool waits,
                      struct notify_event_entry **entry)
{
    const struct wait_reason reason = { .kind = WAIT_EVENT };
    struct notify_queue *queue = queue_of(file);
    int error = 0;

    spin_lock(&lock);
    while (list_is_empty(&queue->events) && !error)
        error = waits ? wait_queue_wait(&queue->readable, &lock, &reason, WAIT_FOREVER) : -EAGAIN;
    if (!error) {
        struct list *node = list_first(&queue->events);

        if (bytes_of(LIST_ENTRY(node, struct notify_event_entry, node)) > buffer->remaining)
            error = -EINVAL;
    }
    *entry = error ? NULL : take_event(queue);
    spin_unlock(&lock);
    return error;
}

static int put_event(struct io_buffer *buffer, const struct notify_event_entry *entry)
{
    size_t zeroes = entry->record.length - entry->text_length;

    if (io_buffer_put(buffer, &entry->record, sizeof(entry->record)) !=
            (int64_t)sizeof(entry->record) ||
        io_buffer_put(buffer, entry->text, entry->text_length) != (int64_t)entry->text_length ||
        io_buffer_put_zero(buffer, zeroes) != (int64_t)zeroes)
        return -EFAULT;
    return 0;
}

static int64_t notify_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    bool waits = !(file_flags(file) & OPEN_NONBLOCK) && !buffer->may_not_wait;
    uint64_t before = buffer->remaining;
    int error = 0;

    (void)position;
    while (!error) {
        struct notify_event_entry *entry;

        error = next_event(file, buffer, waits && buffer->remaining == before, &entry);
        if (error)
            break;
        error = put_event(buffer, entry);
        free_event(entry);
    }
    if (error == -EFAULT || buffer->remaining == before)
        return error;
    return (int64_t)(before - buffer->remaining);
}

static uint32_t notify_poll(struct file *file, struct poll_table *table)
{
    struct notify_queue *queue = queue_of(file);
    bool is_empty;

    poll_table_add(table, &queue->readable);
    spin_lock(&lock);
    is_empty = list_is_empty(&queue->events);
    spin_unlock(&lock);
    return is_empty ? 0 : POLL_READABLE | POLL_READ_NORMAL;
}

static void notify_release(struct file *file)
{
    struct notify_queue *queue = queue_of(file);
    struct notify_watch *gone = NULL;
    struct notify_event_entry *entry;
    struct tree_node *node;

    spin_lock(&lock);
    while ((node = tree_first(&queue->watches)) != NULL)
        remove_watch(watch_of(node), &gone);
    while ((entry = take_event(queue)) != NULL)
        free_event(entry);
    spin_unlock(&lock);
    release_watches(gone);
    user_account_give_back(queue->account, USER_NOTIFY_QUEUES);
    user_account_release(queue->account);
    pool_free(&queue_pool, queue);
}

static const struct file_operations notify_operations = {
    .read = notify_read,
    .poll = notify_poll,
    .seek = anonymous_file_seek,
    .release = notify_release,
};

bool file_is_notify(const struct file *file)
{
    return file->operations == &notify_operations;
}

int64_t notify_bytes(struct file *file)
{
    int64_t bytes;

    if (!file_is_notify(file))
        return -EBADF;
    spin_lock(&lock);
    bytes = (int64_t)queue_of(file)->bytes;
    spin_unlock(&lock);
    return bytes;
}

/* With its charge.  NULL: *error says why. */
static struct notify_queue *queue_create(uint32_t user_id, int *error)
{
    struct notify_queue *queue = pool_allocate(&queue_pool);

    *error = -ENOMEM;
    if (!queue)
        return NULL;
    queue->account = user_account_open(user_id);
    if (queue->account) {
        if (user_account_charge(queue->account, USER_NOTIFY_QUEUES, NOTIFY_QUEUES_MAX)) {
            wait_queue_init(&queue->readable);
            list_init(&queue->events);
            tree_init(&queue->watches, NULL);
            return queue;
        }
        user_account_release(queue->account);
        *error = -EMFILE;
    }
    pool_free(&queue_pool, queue);
    return NULL;
}

int notify_create(uint32_t user_id, uint32_t flags, struct file **file)
{
    int error;
    struct notify_queue *queue = queue_create(user_id, &error);

    if (!queue)
        return error;
    error = anonymous_file_create(&notify_operations, "anon_inode:inotify", flags, queue, file);
    if (!error) {
        atomic_store(&(*file)->flags, OPEN_READ | (flags & OPEN_NONBLOCK));
    } else {
        user_account_give_back(queue->account, USER_NOTIFY_QUEUES);
        user_account_release(queue->account);
        pool_free(&queue_pool, queue);
    }
    return error;
}

/* ---- Watching ------------------------------------------------------------------------------ */

uint64_t notify_watches_max(void)
{
    return page_statistics().total * PAGE_SIZE / MEMORY_PART /
           (sizeof(struct notify_watch) + sizeof(struct inode));
}

static struct notify_watch *find_watch(const struct notify_queue *queue, struct inode *inode)
{
    struct notify_watch *watch = atomic_load(&inode->watches);

    while (watch && watch->queue != queue)
        watch = watch->next;
    return watch;
}

static int change_watch(struct notify_watch *watch, uint32_t mask)
{
    uint32_t before = mask & NOTIFY_MASK_ADD ? watch->mask : 0;

    if (mask & NOTIFY_MASK_CREATE)
        return -EEXIST;
    watch->mask = before | (mask & FLAGS_KEPT);
    return watch->id;
}

/* Numbers grow, so the place is always the last one. */
static void insert_watch(struct notify_watch *watch)
{
    struct tree *tree = &watch->queue->watches;
    struct tree_node *parent = tree_last(tree);

    tree_insert(tree, &watch->node, parent, parent ? &parent->right : &tree->root);
    watch->next = atomic_load(&watch->inode->watches);
    if (watch->next)
        watch->next->previous = watch;
    atomic_store(&watch->inode->watches, watch);
    atomic_fetch_add(&watching, 1);
}

int notify_watch(struct file *file, struct inode *inode, uint32_t mask)
{
    struct notify_queue *queue = queue_of(file);
    struct notify_watch *watch = pool_allocate(&watch_pool), *found;
    bool may = user_account_charge(queue->account, USER_NOTIFY_WATCHES, notify_watches_max());
    int result = watch ? may ? 0 : -ENOSPC : -ENOMEM;

    spin_lock(&lock);
    found = find_watch(queue, inode);
    if (found) {
        result = change_watch(found, mask);
    } else if (!result && queue->last_id == INT32_MAX) {
        result = -ENOSPC;
    } else if (!result) {
        *watch = (struct notify_watch){
            .queue = queue, .inode = inode, .id = ++queue->last_id, .mask = mask & FLAGS_KEPT,
        };
        inode_reference(inode);
        filesystem_reference(inode->filesystem);
        insert_watch(watch);
        result = watch->id;
    }
    spin_unlock(&lock);
    if (found || result < 0) {
        pool_free(&watch_pool, watch);
        if (may)
            user_account_give_back(queue->account, USER_NOTIFY_WATCHES);
    }
    return result;
}

int notify_unwatch(struct file *file, int32_t id)
{
    struct notify_watch *gone = NULL;
    struct tree_node *node;

    spin_lock(&lock);
    node = queue_of(file)->watches.root;
    while (node && watch_of(node)->id != id)
        node = id < watch_of(node)->id ? node->left : node->right;
    if (node)
        remove_watch(watch_of(node), &gone);
    spin_unlock(&lock);
    release_watches(gone);
    return node ? 0 : -EINVAL;
}
