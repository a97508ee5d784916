/*
 * The names of queues.  A queue is what an inode contains, with a reference for its name and one
 * for each open file; the last one frees it.
 *
 * Names are looked up, made and taken away with the table's lock, so of several who create
 * exclusively one wins.
 */
#include <stdatomic.h>

#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "ipc/ipc_table.h"
#include "ipc/named_queue.h"
#include "ipc/named_queue_internal.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "sync/mutex.h"

#define MESSAGE_OVERHEAD 96u    /* bytes that a message counts besides its own, as on Linux */
#define FILE_SIZE 80u           /* what stat says, as on Linux */
#define KEPT_FLAGS (OPEN_ACCESS_MODE | OPEN_NONBLOCK)

static struct pool queue_pool = POOL_INITIAL("named queue", struct named_queue, 0);

static struct {
    struct mutex lock;      /* RANK_NAMED_QUEUES */

    /* Protected by `lock`. */
    struct list named;      /* queues that have a name */
    struct list nameless;   /* still open */
    unsigned count;         /* of both */
} table;

void named_queues_init(void)
{
    mutex_init(&table.lock, RANK_NAMED_QUEUES, "named queues");
    list_init(&table.named);
    list_init(&table.nameless);
}

static struct named_queue *queue_at(struct list *node)
{
    return LIST_ENTRY(node, struct named_queue, node);
}

/* ---- Inodes -------------------------------------------------------------------------------- */

static int set_attributes(struct inode *inode, const struct attribute_request *request)
{
    if (request->changes & CHANGE_MODE)
        inode->mode = (inode->mode & MODE_TYPE) | request->mode;
    if (request->changes & CHANGE_USER)
        inode->user_id = request->user_id;
    if (request->changes & CHANGE_GROUP)
        inode->group_id = request->group_id;
    return 0;
}

static void destroy(struct inode *inode)
{
    struct named_queue *queue = inode->contents;

    mutex_lock(&table.lock);
    list_remove(&queue->node);
    table.count--;
    mutex_unlock(&table.lock);
    named_queue_empty(queue);
    pool_free(&queue_pool, queue);
}

static const struct inode_operations queue_inode_operations = {
    .set_attributes = set_attributes,
    .destroy = destroy,
};

struct named_queue *named_queue_of(struct file *file)
{
    return file->operations == &named_queue_operations ? file->inode->contents : NULL;
}

/* ---- Names --------------------------------------------------------------------------------- */

/* As Linux looks a name up in one directory. */
static int check_name(const char *name)
{
    if (text_length(name) > NAME_MAX)
        return -ENAMETOOLONG;
    if (text_find(name, '/') || text_equal(name, ".") || text_equal(name, ".."))
        return -EACCES;
    return 0;
}

/* In the current namespace. */
static struct named_queue *find(const char *name)
{
    uint64_t space = ipc_space();

    LIST_FOR_EACH(node, &table.named) {
        if (queue_at(node)->space == space && text_equal(queue_at(node)->name + 1, name))
            return queue_at(node);
    }
    return NULL;
}

/* ---- Settings ------------------------------------------------------------------------------ */

static _Atomic int32_t settings[NAMED_QUEUE_SETTINGS] = {
    [QUEUE_COUNT_MOST] = NAMED_QUEUES_MAX,
    [QUEUE_MESSAGES_MOST] = NAMED_QUEUE_MESSAGES,
    [QUEUE_MESSAGES_USUAL] = NAMED_QUEUE_MESSAGES,
    [QUEUE_SIZE_MOST] = NAMED_QUEUE_SIZE,
    [QUEUE_SIZE_USUAL] = NAMED_QUEUE_SIZE,
};

int32_t named_queue_setting(enum named_queue_setting which)
{
    return atomic_load_explicit(&settings[which], memory_order_relaxed);
}

int named_queue_set(enum named_queue_setting which, int64_t value)
{
    static const struct {
        int32_t lowest, highest;
    } ranges[NAMED_QUEUE_SETTINGS] = {
        [QUEUE_COUNT_MOST] = { INT32_MIN, INT32_MAX },
        [QUEUE_MESSAGES_MOST] = { 1, NAMED_QUEUE_MESSAGES_MAX },
        [QUEUE_MESSAGES_USUAL] = { 1, NAMED_QUEUE_MESSAGES_MAX },
        [QUEUE_SIZE_MOST] = { NAMED_QUEUE_SIZE_MIN, NAMED_QUEUE_SIZE_MAX },
        [QUEUE_SIZE_USUAL] = { NAMED_QUEUE_SIZE_MIN, NAMED_QUEUE_SIZE_MAX },
    };

    if (value < ranges[which].lowest || value > ranges[which].highest)
        return -EINVAL;
    atomic_store_explicit(&settings[which], (int32_t)value, memory_order_relaxed);
    return 0;
}

/* What a queue gets that does not say. */
static struct named_queue_limits usual_limits(void)
{
    int32_t messages = named_queue_setting(QUEUE_MESSAGES_USUAL);
    int32_t messages_most = named_queue_setting(QUEUE_MESSAGES_MOST);
    int32_t size = named_queue_setting(QUEUE_SIZE_USUAL);
    int32_t size_most = named_queue_setting(QUEUE_SIZE_MOST);

    return (struct named_queue_limits){
        .messages = messages < messages_most ? messages : messages_most,
        .size = size < size_most ? size : size_most,
    };
}

/* ---- Creation ------------------------------------------------------------------------------ */

static int check_limits(const struct named_queue_limits *limits, bool may_exceed)
{
    int64_t messages_max = may_exceed ? NAMED_QUEUE_MESSAGES_MAX
                                      : named_queue_setting(QUEUE_MESSAGES_MOST);
    int64_t size_max = may_exceed ? NAMED_QUEUE_SIZE_MAX : named_queue_setting(QUEUE_SIZE_MOST);

    if (limits->messages <= 0 || limits->messages > messages_max)
        return -EINVAL;
    return limits->size <= 0 || limits->size > size_max ? -EINVAL : 0;
}

static uint64_t bytes_of(const struct list *queues, uint32_t user_id)
{
    uint64_t bytes = 0;

    LIST_FOR_EACH(node, queues)
        bytes += queue_at(node)->user_id == user_id ? queue_at(node)->bytes : 0;
    return bytes;
}

static void init_queue(struct named_queue *queue, const struct named_queue_request *request,
                       const struct named_queue_limits *limits)
{
    spin_init(&queue->lock, RANK_NAMED_QUEUE, "named queue");
    list_init(&queue->node);
    wait_queue_init(&queue->readable);
    wait_queue_init(&queue->writable);
    tree_init(&queue->messages, NULL);
    queue->limits = *limits;
    queue->bytes = (uint64_t)limits->messages * ((uint64_t)limits->size + MESSAGE_OVERHEAD);
    queue->user_id = request->credentials->user_id;
    queue->space = ipc_space();
    queue->name[0] = '/';
    (void)text_copy(queue->name + 1, request->name, sizeof(queue->name) - 1);
}

static int create_inode(const struct named_queue_request *request, struct named_queue *queue)
{
    static const struct inode_kind kind = { &queue_inode_operations, &named_queue_operations };
    const struct inode_request node = {
        .mode = MODE_REGULAR | (request->mode & 07777u),
        .user_id = request->credentials->file_user_id,
        .group_id = request->credentials->file_group_id,
    };
    int error = inode_create(filesystem_anonymous(), &kind, &node, &queue->inode);

    if (error)
        return error;
    queue->inode->contents = queue;
    queue->inode->size = FILE_SIZE;
    return 0;
}

/* The reference to its inode is the name's. */
static int create(const struct named_queue_request *request, struct named_queue **result)
{
    const struct named_queue_limits limits = request->limits ? *request->limits : usual_limits();
    bool may_exceed = credentials_can(request->credentials, CAPABILITY_RESOURCES);
    uint32_t user_id = request->credentials->user_id;
    struct named_queue *queue;
    int error = check_limits(&limits, may_exceed);

    if (table.count >= (uint32_t)named_queue_setting(QUEUE_COUNT_MOST) && !may_exceed)
        return -ENOSPC;
    if (error)
        return error;
    queue = pool_allocate(&queue_pool);
    if (!queue)
        return -ENOMEM;
    init_queue(queue, request, &limits);
    if (bytes_of(&table.named, user_id) + bytes_of(&table.nameless, user_id) + queue->bytes >
        request->bytes_max)
        error = -EMFILE;
    if (!error)
        error = create_inode(request, queue);
    if (error) {
        pool_free(&queue_pool, queue);
        return error;
    }
    list_append(&table.named, &queue->node);
    table.count++;
    *result = queue;
    return 0;
}

/* ---- Opening ------------------------------------------------------------------------------- */

static int check_access(const struct named_queue *queue, const struct named_queue_request *request)
{
    static const uint32_t wanted[] = {
        PERMISSION_READ, PERMISSION_WRITE, PERMISSION_READ | PERMISSION_WRITE,
    };
    uint32_t mode = request->flags & OPEN_ACCESS_MODE;

    if ((request->flags & OPEN_CREATE) && (request->flags & OPEN_EXCLUSIVE))
        return -EEXIST;
    if (mode >= 3)
        return -EINVAL;
    return inode_permission(queue->inode, request->credentials, wanted[mode]);
}

/* The name, and the inode with a reference for the caller. */
static int find_or_create(const struct named_queue_request *request, struct named_queue **queue)
{
    int error = 0;

    *queue = find(request->name);
    if (*queue)
        error = check_access(*queue, request);
    else if (request->flags & OPEN_CREATE)
        error = create(request, queue);
    else
        error = -ENOENT;
    if (!error)
        inode_reference((*queue)->inode);
    return error;
}

int named_queue_open(const struct named_queue_request *request, struct file **file)
{
    struct named_queue *queue;
    int error = check_name(request->name);

    if (error)
        return error;
    mutex_lock(&table.lock);
    error = find_or_create(request, &queue);
    mutex_unlock(&table.lock);
    if (error)
        return error;

    const struct file_request open = {
        .operations = &named_queue_operations,
        .inode = queue->inode,
        .flags = request->flags & KEPT_FLAGS,
        .is_stream = true,
        .description = queue->name,
    };

    error = file_create(&open, file);
    inode_release(open.inode);
    return error;
}

/* The table's lock is held.  The name's reference becomes the caller's. */
static struct inode *take_name(struct named_queue *queue)
{
    list_remove(&queue->node);
    list_append(&table.nameless, &queue->node);
    queue->inode->links = 0;
    return queue->inode;
}

int named_queue_unlink(const char *name, const struct credentials *credentials)
{
    struct inode *inode = NULL;
    struct named_queue *queue;
    int error = check_name(name);

    if (error)
        return error;
    mutex_lock(&table.lock);
    queue = find(name);
    if (!queue)
        error = -ENOENT;
    else if (!credentials_own(credentials, queue->inode))
        error = -EPERM;    /* the directory's sticky bit */
    else
        inode = take_name(queue);
    mutex_unlock(&table.lock);
    if (inode)
        inode_release(inode);
    return error;
}

/* The first of a namespace, or of all. */
static struct named_queue *first_of(uint64_t space)
{
    LIST_FOR_EACH(node, &table.named) {
        if (space == 0 || queue_at(node)->space == space)
            return queue_at(node);
    }
    return NULL;
}

void named_queues_end(uint64_t space)
{
    struct named_queue *queue;

    do {
        mutex_lock(&table.lock);
        queue = first_of(space);

        struct inode *inode = queue ? take_name(queue) : NULL;

        mutex_unlock(&table.lock);
        if (inode)
            inode_release(inode);
    } while (queue);
}
