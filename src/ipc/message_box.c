/*
 * System V message queues.
 *
 *   receiver                               sender
 *   finds no message; is queued
 *                                          gives it the message, wakes it
 *   a signal comes: leaves with -EINTR     <- forbidden: the message would be lost.  It looks at
 *                                             what it was given with the queue locked
 *
 * Receivers are served by age; a sender that found no room looks again when it is woken, behind
 * those that have waited longer.
 */
#include "ipc/message_box.h"

#include "lib/assert.h"
#include "lib/container.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "sync/wait_queue.h"

struct message_box {
    struct ipc_object object;

    /* Protected by the object's lock. */
    struct list messages, receivers, senders;    /* by age */
    uint64_t bytes, count, bytes_max;
    uint64_t sent_s, received_s, changed_s;
    int32_t sender_id, receiver_id;
};

/* On the stack of a thread that waits. */
struct box_waiter {
    struct list node;
    struct wait_queue queue;
    const struct message_receive *receive;
    int32_t process_id;
    struct message *message;    /* what it was given */
    int status;                 /* 1: nothing yet */
};
#define STATUS_WAITS 1

static struct ipc_table boxes;
static struct pool box_pool = POOL_INITIAL("message box", struct message_box, 0);
static _Atomic uint64_t all_messages, all_bytes;    /* of all boxes */

static struct message_box *box_of(struct ipc_object *object)
{
    return CONTAINER_OF(object, struct message_box, object);
}

static struct message *message_of(struct list *node)
{
    return LIST_ENTRY(node, struct message, node);
}

void message_free(struct message *message)
{
    memory_free(message, sizeof(*message) + message->size);
}

static struct message *make_message(uint64_t size)
{
    struct message *message = memory_allocate(sizeof(*message) + size);

    if (message) {
        list_init(&message->node);
        message->size = size;
    }
    return message;
}

/* ---- What is in it ------------------------------------------------------------------------- */

static void add_message(struct message_box *box, struct message *message)
{
    list_append(&box->messages, &message->node);
    box->count++;
    box->bytes += message->size;
    atomic_fetch_add(&all_messages, 1);
    atomic_fetch_add(&all_bytes, message->size);
}

static void take_message(struct message_box *box, struct message *message)
{
    list_remove(&message->node);
    box->count--;
    box->bytes -= message->size;
    atomic_fetch_sub(&all_messages, 1);
    atomic_fetch_sub(&all_bytes, message->size);
}

static bool has_room(const struct message_box *box, uint64_t size)
{
    return box->bytes + size <= box->bytes_max && box->count + 1 <= box->bytes_max;
}

static bool suits(const struct message *message, const struct message_receive *receive)
{
    if (receive->type == 0)
        return true;
    if (receive->type < 0)    /* -type would overflow for the lowest number */
        return message->type <= -(receive->type + 1) || message->type + receive->type == 0;
    return (message->type == receive->type) == !(receive->flags & MESSAGE_EXCEPT);
}

static struct message *find_numbered(struct message_box *box, int64_t number)
{
    LIST_FOR_EACH(node, &box->messages) {
        if (number-- == 0)
            return message_of(node);
    }
    return NULL;
}

static struct message *find_message(struct message_box *box, const struct message_receive *receive)
{
    struct message *found = NULL;

    if (receive->flags & MESSAGE_COPY)
        return find_numbered(box, receive->type);
    LIST_FOR_EACH(node, &box->messages) {
        struct message *message = message_of(node);

        if (!suits(message, receive))
            continue;
        if (receive->type >= 0)
            return message;
        if (!found || message->type < found->type)
            found = message;
    }
    return found;
}

static bool is_too_long(const struct message *message, const struct message_receive *receive)
{
    return message->size > receive->size && !(receive->flags & MESSAGE_CUT);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static struct box_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct box_waiter, node);
}

static void finish(struct box_waiter *waiter, int status)
{
    list_remove(&waiter->node);
    waiter->status = status;
    (void)wait_queue_wake_all(&waiter->queue);
}

static void finish_all(struct list *waiters, int status)
{
    while (!list_is_empty(waiters))
        finish(waiter_of(waiters->next), status);
}

/* The box is locked, and is again afterwards.  What it was told, or -EINTR. */
static int wait_in(struct message_box *box, struct list *waiters, struct box_waiter *waiter)
    REQUIRES(&box->object.lock)
{
    const struct wait_reason reason = { .kind = WAIT_MESSAGES, .object = (uint64_t)box->object.id };
    int error = 0;

    list_init(&waiter->node);
    wait_queue_init(&waiter->queue);
    waiter->status = STATUS_WAITS;
    list_append(waiters, &waiter->node);
    while (waiter->status == STATUS_WAITS && !error) {
        struct wait_entry entry;

        wait_entry_add(&entry, &waiter->queue);
        mutex_unlock(&box->object.lock);
        error = wait_entries_wait(&entry, 1, &reason, WAIT_FOREVER);
        wait_entry_remove(&entry);
        mutex_lock(&box->object.lock);
    }
    if (waiter->status != STATUS_WAITS)
        return waiter->status;
    list_remove(&waiter->node);
    return error;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* To a receiver that waits for such a one; true: it has it. */
static bool give_to_receiver(struct message_box *box, struct message *message)
{
    struct list *next;

    for (struct list *node = box->receivers.next; node != &box->receivers; node = next) {
        struct box_waiter *waiter = waiter_of(node);

        next = node->next;
        if (!suits(message, waiter->receive))
            continue;
        if (is_too_long(message, waiter->receive)) {
            finish(waiter, -E2BIG);
            continue;
        }
        waiter->message = message;
        box->receiver_id = waiter->process_id;
        box->received_s = ipc_now_s();
        finish(waiter, 0);
        return true;
    }
    return false;
}

static int send_locked(struct message_box *box, const struct ipc_caller *caller,
                       struct message *message, uint32_t flags) REQUIRES(&box->object.lock)
{
    for (;;) {
        struct box_waiter waiter = { .status = STATUS_WAITS };
        int error = ipc_check_permission(&box->object, caller, IPC_WRITE);

        if (error)
            return error;
        if (has_room(box, message->size))
            break;
        if (flags & MESSAGE_NO_WAIT)
            return -EAGAIN;
        error = wait_in(box, &box->senders, &waiter);
        if (error)
            return error;
    }
    box->sender_id = caller->process_id;
    box->sent_s = ipc_now_s();
    if (!give_to_receiver(box, message))
        add_message(box, message);
    return 0;
}

static int find(int32_t id, struct message_box **box) TRIES_TO_ACQUIRE(0, &(*box)->object.lock)
    LOCKS_UNCHECKED
{
    struct ipc_object *object;
    int error = ipc_find(&boxes, id, &object);

    if (!error)
        *box = box_of(object);
    return error;
}

static void put(struct message_box *box) RELEASES(&box->object.lock)
{
    ipc_unlock(&boxes, &box->object);
}

int message_box_send(int32_t id, const struct ipc_caller *caller, const struct message_send *send)
    LOCKS_UNCHECKED
{
    struct message *message;
    struct message_box *box;
    int error;

    if (send->size > MESSAGE_SIZE_MAX || id < 0 || send->type < 1)
        return -EINVAL;
    message = make_message(send->size);
    if (!message)
        return -ENOMEM;
    message->type = send->type;
    error = user_copy_in(send->space, message->text, send->text, send->size);
    if (!error)
        error = find(id, &box);
    if (!error) {
        error = send_locked(box, caller, message, send->flags);
        put(box);
    }
    if (error)
        message_free(message);
    return error;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static int copy_message(const struct message *message, struct message **copy)
{
    *copy = make_message(message->size);
    if (!*copy)
        return -ENOMEM;
    (*copy)->type = message->type;
    memcpy((*copy)->text, message->text, message->size);
    return 0;
}

static int receive_locked(struct message_box *box, const struct ipc_caller *caller,
                          const struct message_receive *receive, struct message **message)
    REQUIRES(&box->object.lock)
{
    struct box_waiter waiter = { .receive = receive, .process_id = caller->process_id };
    struct message *found;
    int error = ipc_check_permission(&box->object, caller, IPC_READ);

    if (error)
        return error;
    found = find_message(box, receive);
    if (!found && (receive->flags & MESSAGE_NO_WAIT))
        return -ENOMSG;
    if (!found) {
        error = wait_in(box, &box->receivers, &waiter);
        *message = waiter.message;
        return error;
    }
    if (is_too_long(found, receive))
        return -E2BIG;
    if (receive->flags & MESSAGE_COPY)
        return copy_message(found, message);
    take_message(box, found);
    box->receiver_id = caller->process_id;
    box->received_s = ipc_now_s();
    finish_all(&box->senders, 0);    /* they look themselves whether they have room now */
    *message = found;
    return 0;
}

int message_box_receive(int32_t id, const struct ipc_caller *caller,
                        const struct message_receive *receive, struct message **message)
{
    struct message_box *box;
    int error;

    do {
        error = find(id, &box);
        if (error)
            return error;
        error = receive_locked(box, caller, receive, message);
        put(box);
    } while (error == -EAGAIN);    /* the queue was changed: look at the permissions anew */
    return error;
}

/* ---- Life and control ---------------------------------------------------------------------- */

static void destroy(struct ipc_object *object)
{
    struct message_box *box = box_of(object);

    ASSERT(list_is_empty(&box->messages));
    ASSERT(list_is_empty(&box->receivers));
    ASSERT(list_is_empty(&box->senders));
    pool_free(&box_pool, box);
}

static int create(const struct ipc_request *request, struct ipc_object **object)
{
    struct message_box *box = pool_allocate(&box_pool);

    if (!box)
        return -ENOMEM;
    ipc_object_init(&box->object, request);
    list_init(&box->messages);
    list_init(&box->receivers);
    list_init(&box->senders);
    box->bytes_max = MESSAGE_BOX_BYTES;
    box->changed_s = ipc_now_s();
    *object = &box->object;
    return 0;
}

int64_t message_box_get(const struct ipc_caller *caller, int32_t key, uint32_t flags)
{
    const struct ipc_request request = {
        .key = key, .flags = flags, .caller = caller, .create = create,
    };

    return ipc_get(&boxes, &request);
}

static void remove_box(struct ipc_object *object) REQUIRES(&object->lock)
{
    struct message_box *box = box_of(object);

    ipc_remove(&boxes, object);
    finish_all(&box->receivers, -EIDRM);
    finish_all(&box->senders, -EIDRM);
    while (!list_is_empty(&box->messages)) {
        struct message *message = message_of(box->messages.next);

        take_message(box, message);
        message_free(message);
    }
}

void message_boxes_init(void)
{
    ipc_table_init(&boxes, IPC_OBJECTS_MAX, destroy);
}

void message_boxes_end(uint64_t space)
{
    ipc_table_clear(&boxes, space, remove_box);
}

int message_box_remove(int32_t id, const struct ipc_caller *caller)
{
    struct message_box *box;
    int error = find(id, &box);

    if (error)
        return error;
    error = ipc_check_owner(&box->object, caller);
    if (!error)
        remove_box(&box->object);
    put(box);
    return error;
}

static int change_locked(struct message_box *box, const struct ipc_caller *caller,
                         const struct message_box_change *change)
{
    int error = ipc_check_owner(&box->object, caller);

    if (!error && change->bytes_max > MESSAGE_BOX_BYTES && !caller->may_exceed)
        error = -EPERM;
    if (!error)
        error = ipc_change_owner(&box->object, change->user_id, change->group_id, change->mode);
    if (error)
        return error;
    box->bytes_max = change->bytes_max;
    box->changed_s = ipc_now_s();
    finish_all(&box->receivers, -EAGAIN);
    finish_all(&box->senders, 0);
    return 0;
}

int message_box_change(int32_t id, const struct ipc_caller *caller,
                       const struct message_box_change *change)
{
    struct message_box *box;
    int error = find(id, &box);

    if (error)
        return error;
    error = change_locked(box, caller, change);
    put(box);
    return error;
}

int message_box_status(int32_t id, const struct ipc_caller *caller, enum ipc_lookup lookup,
                       struct message_box_status *status)
{
    struct ipc_object *object;
    int error = ipc_find_for_status(&boxes, id, lookup, caller, &object);

    if (error)
        return error;

    const struct message_box *box = box_of(object);

    *status = (struct message_box_status){
        .sent_s = box->sent_s,
        .received_s = box->received_s,
        .changed_s = box->changed_s,
        .bytes = box->bytes,
        .messages = box->count,
        .bytes_max = box->bytes_max,
        .sender_id = box->sender_id,
        .receiver_id = box->receiver_id,
    };
    ipc_status_get(object, &status->ipc);
    ipc_unlock(&boxes, object);
    return 0;
}

void message_boxes_usage(struct message_boxes_usage *usage)
{
    usage->boxes = ipc_count(&boxes);
    usage->last_place = ipc_last_place(&boxes);
    usage->messages = atomic_load(&all_messages);
    usage->bytes = atomic_load(&all_bytes);
}
