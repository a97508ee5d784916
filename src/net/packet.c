/*
 * Messages: bytes, who sends them, files that go with them, and what they cost their sender.
 *
 * A message that goes may close the last reference to a socket that holds further messages with
 * sockets in them, and so on.  So a thread that frees messages with files keeps a list of those
 * that are left to do, and a free within a free only adds to it: the stack does not grow.
 *
 * Invariant: a socket's sent_cost is the sum of what its messages that are not freed yet cost.
 */
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "net/net_internal.h"
#include "sched/thread.h"

#define BEHIND_MAX (2048u - sizeof(struct packet))    /* bytes kept behind the structure */

/* ---- Costs --------------------------------------------------------------------------------- */

/* Linux's sizes: the structures around the bytes, and how its allocators round. */
#define COST_DESCRIPTOR 256u
#define COST_TRAILER 320u
#define COST_LINE 64u
#define HEAD_MIN 512u
#define STREAM_HEAD_MAX (PAGE_SIZE - COST_TRAILER)
#define DATAGRAM_HEAD_MAX (4 * PAGE_SIZE - COST_TRAILER)
#define DATAGRAM_PAGES_MAX 17u

/* Bytes in one piece of memory, a power of two. */
static uint64_t head_cost(size_t size)
{
    uint64_t wanted = round_up(size, COST_LINE) + COST_TRAILER;
    uint64_t piece = HEAD_MIN;

    while (piece < wanted)
        piece *= 2;
    return piece + COST_DESCRIPTOR;
}

uint64_t stream_cost(size_t size)
{
    size_t in_pages = 0;

    if (size > STREAM_HEAD_MAX)
        in_pages = round_up(size - STREAM_HEAD_MAX, PAGE_SIZE);
    return head_cost(in_pages < size ? size - in_pages : 0) + in_pages;
}

uint64_t datagram_cost(size_t size)
{
    size_t in_pages = 0;

    if (size > DATAGRAM_HEAD_MAX)
        in_pages = size - DATAGRAM_HEAD_MAX;
    if (in_pages > DATAGRAM_PAGES_MAX * PAGE_SIZE)
        in_pages = DATAGRAM_PAGES_MAX * PAGE_SIZE;
    in_pages = round_up(in_pages, PAGE_SIZE);
    return head_cost(in_pages < size ? size - in_pages : 0) + in_pages;
}

/* Waits until the sender has room and charges it. */
static int charge(struct socket *sender, const struct packet_request *request)
{
    int error = 0;

    spin_lock(&sender->lock);
    while (!error) {
        error = socket_take_error(sender);
        if (!error && (socket_shutdown_bits(sender) & SHUT_SEND))
            error = -EPIPE;
        if (error || sender->sent_cost < atomic_load(&sender->options.send_limit))
            break;
        atomic_store(&sender->wants_room, true);
        error = socket_wait(sender, &sender->writable, WAIT_SOCKET_ROOM, request->deadline_ns);
    }
    if (!error)
        sender->sent_cost += request->cost;
    spin_unlock(&sender->lock);
    return error;
}

/* As on Linux, which counts one byte more for the socket itself. */
bool socket_has_room(struct socket *socket)
{
    ASSERT(spin_is_held(&socket->lock));
    return (socket->sent_cost + 1) * 4 <= atomic_load(&socket->options.send_limit);
}

/* A sender that had no room goes on when three quarters of its limit are free. */
static void give_back(struct socket *sender, uint64_t cost)
{
    bool wakes;

    spin_lock(&sender->lock);
    ASSERT(sender->sent_cost >= cost);
    sender->sent_cost -= cost;
    wakes = socket_has_room(sender);
    spin_unlock(&sender->lock);
    if (!wakes)
        return;
    wait_queue_wake_all(&sender->writable);
    if (atomic_load(&sender->wants_room) && atomic_exchange(&sender->wants_room, false))
        async_tell(&sender->async, ASYNC_OUTPUT);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void free_pages(struct packet *message)
{
    struct list *node;

    while ((node = list_take_first(&message->pages)))
        page_release(LIST_ENTRY(node, struct page, node));
}

static void free_memory(struct packet *message)
{
    free_pages(message);
    memory_free(message, message->allocation);
}

static struct packet *allocate(size_t size)
{
    size_t behind = size <= BEHIND_MAX ? size : 0;
    struct packet *message = memory_allocate(sizeof(*message) + behind);
    size_t pages = behind < size ? (size + PAGE_SIZE - 1) / PAGE_SIZE : 0;

    if (!message)
        return NULL;
    message->size = size;
    message->allocation = sizeof(*message) + behind;
    list_init(&message->node);
    list_init(&message->pages);
    for (size_t i = 0; i < pages; i++) {
        struct page *page = page_allocate(PAGE_DIRTY);

        if (!page) {
            free_memory(message);
            return NULL;
        }
        list_append(&message->pages, &page->node);
    }
    return message;
}

int packet_create(struct socket *sender, const struct packet_request *request,
                   struct packet **message)
{
    int error = charge(sender, request);

    if (error)
        return error;
    *message = allocate(request->size);
    if (!*message) {
        give_back(sender, request->cost);
        return -ENOBUFS;
    }
    (*message)->cost = request->cost;
    (*message)->sender = sender;
    socket_reference(sender);
    return 0;
}

static void free_now(struct packet *message)
{
    if (message->rights)
        rights_free(message->rights);
    give_back(message->sender, message->cost);
    socket_release(message->sender);
    free_memory(message);
}

/* What a thread that frees messages with files has left to do. */
struct disposal {
    struct list node;
    struct thread *thread;
    struct list messages;    /* its own */
};

static struct {
    struct spinlock lock;    /* RANK_SOCKET_NAMES */

    /* Protected by `lock`. */
    struct list disposals;   /* initialised when first used */
} under_way = { .lock = SPINLOCK_INITIAL(RANK_SOCKET_NAMES, "message disposals") };

/* The thread's, or NULL after the given one has been added. */
static struct disposal *find_or_add(struct disposal *added)
{
    struct disposal *found = NULL;

    spin_lock(&under_way.lock);
    if (!under_way.disposals.next)
        list_init(&under_way.disposals);
    LIST_FOR_EACH(node, &under_way.disposals) {
        struct disposal *disposal = LIST_ENTRY(node, struct disposal, node);

        if (disposal->thread == added->thread)
            found = disposal;
    }
    if (!found)
        list_append(&under_way.disposals, &added->node);
    spin_unlock(&under_way.lock);
    return found;
}

static void free_with_rights(struct packet *message)
{
    struct disposal own = { .thread = current_thread() };
    struct disposal *outer;
    struct list *node;

    if (message->rights->is_flying)
        flight_end(message->rights);
    list_init(&own.node);
    list_init(&own.messages);
    outer = find_or_add(&own);
    if (outer) {
        list_append(&outer->messages, &message->node);
        return;
    }
    free_now(message);
    while ((node = list_take_first(&own.messages)))
        free_now(LIST_ENTRY(node, struct packet, node));
    spin_lock(&under_way.lock);
    list_remove(&own.node);
    spin_unlock(&under_way.lock);
}

void packet_free(struct packet *message)
{
    ASSERT(!list_is_linked(&message->node));
    if (message->rights)
        free_with_rights(message);
    else
        free_now(message);
}

void packet_free_list(struct list *messages)
{
    struct list *node;

    while ((node = list_take_first(messages)))
        packet_free(LIST_ENTRY(node, struct packet, node));
}

/* ---- Bytes --------------------------------------------------------------------------------- */

int packet_fill(struct packet *message, struct io_buffer *buffer)
{
    size_t left = message->size;

    if (list_is_empty(&message->pages))
        return io_buffer_get(buffer, message->bytes, left) == (int64_t)left ? 0 : -EFAULT;
    LIST_FOR_EACH(node, &message->pages) {
        size_t piece = left < PAGE_SIZE ? left : PAGE_SIZE;
        char *bytes = page_data(LIST_ENTRY(node, struct page, node));

        if (io_buffer_get(buffer, bytes, piece) != (int64_t)piece)
            return -EFAULT;
        left -= piece;
    }
    return 0;
}

int packet_copy_out(const struct packet *message, size_t offset, struct io_buffer *buffer,
                     size_t size)
{
    ASSERT(range_within(offset, size, 0, message->size));
    if (list_is_empty(&message->pages))
        return io_buffer_put(buffer, message->bytes + offset, size) == (int64_t)size ? 0
                                                                                     : -EFAULT;
    LIST_FOR_EACH(node, &message->pages) {
        const char *bytes = page_data(LIST_ENTRY(node, struct page, node));
        size_t piece;

        if (offset >= PAGE_SIZE) {
            offset -= PAGE_SIZE;
            continue;
        }
        piece = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
        if (piece > 0 && io_buffer_put(buffer, bytes + offset, piece) != (int64_t)piece)
            return -EFAULT;
        size -= piece;
        offset = 0;
    }
    return 0;
}

/* ---- Queues -------------------------------------------------------------------------------- */

void packet_put(struct socket *receiver, struct packet *message)
{
    ASSERT(spin_is_held(&receiver->lock));
    ASSERT(!receiver->is_closed);
    list_append(&receiver->messages, &message->node);
    receiver->message_count++;
    receiver->bytes += message->size;
}

void packet_take(struct socket *receiver, struct packet *message)
{
    ASSERT(spin_is_held(&receiver->lock));
    ASSERT(receiver->message_count > 0);
    ASSERT(receiver->bytes >= packet_left(message));
    list_remove(&message->node);
    receiver->message_count--;
    receiver->bytes -= packet_left(message);
}

/* ---- What comes with the bytes ------------------------------------------------------------- */

void packet_sign(struct packet *message, const struct socket_send *send,
                  struct socket *receiver)
{
    if (send->has_credentials) {
        message->has_credentials = true;
        message->credentials = send->credentials;
    } else if (atomic_load(&message->sender->options.pass_credentials) ||
               atomic_load(&receiver->options.pass_credentials)) {
        message->has_credentials = true;
        message->credentials = socket_own_credentials();
    }
}

void packet_give_rights(struct packet *message, struct socket_send *send,
                         struct socket *receiver)
{
    if (!send->rights)
        return;
    message->rights = send->rights;
    send->rights = NULL;
    flight_begin(message->rights, receiver);
}

void packet_describe(const struct packet *message, struct socket_receive *receive)
{
    static const struct socket_credentials nobody = CREDENTIALS_NOBODY;

    receive->has_name = true;
    socket_copy_name(message->sender, &receive->from);
    receive->credentials = message->has_credentials ? message->credentials : nobody;
}
