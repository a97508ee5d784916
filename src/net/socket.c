/*
 * Sockets as objects: creation, references, the order of locks, and the ways to wait for one.
 *
 *   reader, writer                           peer
 *   nothing to read, no room
 *                                            sends, reads, closes; wakes: nobody waits
 *   waits for ever                           <- forbidden: what is waited for changes with the
 *                                               socket locked, and who waits is on the queue before
 *                                               it gives that lock back
 *
 * Invariant: a socket that is not closed is on the list of all; its messages and connections are
 * given back when it is closed, so the last reference finds none.
 */
#include "config.h"
#include "memory/pool.h"
#include "net/net_internal.h"
#include "process/abi.h"
#include "process/process.h"
#include "time/clock.h"

#define BUFFER_DEFAULT 212992u    /* net.core.wmem_default and rmem_default */
#define DATAGRAMS_DEFAULT 10u     /* net.unix.max_dgram_qlen */

static struct pool socket_pool = POOL_INITIAL("socket", struct socket, SOCKETS_MAX);
static _Atomic uint64_t last_id;

static void init_options(struct socket_options *options)
{
    atomic_init(&options->send_limit, BUFFER_DEFAULT);
    atomic_init(&options->receive_limit, BUFFER_DEFAULT);
    atomic_init(&options->receive_low, 1);
    atomic_init(&options->peek_offset, -1);
}

int socket_create(enum socket_type type, uint64_t space, struct socket **created)
{
    struct socket *socket = pool_allocate(&socket_pool);

    if (!socket)
        return -ENOMEM;
    socket->id = atomic_fetch_add(&last_id, 1) + 1;
    socket->type = type;
    socket->space = space;
    socket->backlog = DATAGRAMS_DEFAULT;
    refcount_init(&socket->references, 1);
    mutex_init(&socket->bind_lock, RANK_SOCKET_BIND, "socket name");
    mutex_init(&socket->read_lock, RANK_SOCKET_READ, "socket read");
    spin_init(&socket->lock, RANK_SOCKET, "socket");
    wait_queue_init(&socket->readable);
    wait_queue_init(&socket->writable);
    wait_queue_init(&socket->room);
    async_files_init(&socket->async);
    list_init(&socket->messages);
    list_init(&socket->connections);
    list_init(&socket->blocked_senders);
    list_init(&socket->connection_node);
    list_init(&socket->blocked_node);
    list_init(&socket->name_node);
    list_init(&socket->all_node);
    list_init(&socket->flight_node);
    list_init(&socket->carried);
    list_init(&socket->work_node);
    init_options(&socket->options);
    socket_list_add(socket);
    *created = socket;
    return 0;
}

void socket_reference(struct socket *socket)
{
    refcount_take(&socket->references);
}

void socket_release(struct socket *socket)
{
    struct bound_name *bound;

    if (!refcount_drop(&socket->references))
        return;
    ASSERT(socket->is_closed);
    ASSERT(list_is_empty(&socket->messages));
    ASSERT(list_is_empty(&socket->connections));
    ASSERT(socket->flights == 0);
    ASSERT(list_is_empty(&socket->carried));
    ASSERT(socket->sent_cost == 0);
    ASSERT(!atomic_load(&socket->peer));
    bound = atomic_load(&socket->bound);
    if (bound)
        bound_name_release(bound);
    pool_free(&socket_pool, socket);
}

/* ---- Two of them --------------------------------------------------------------------------- */

void socket_lock_pair(struct socket *a, struct socket *b) LOCKS_UNCHECKED
{
    struct socket *first = a->id < b->id ? a : b;
    struct socket *second = a->id < b->id ? b : a;

    spin_lock(&first->lock);
    if (second != first)
        spin_lock_same_rank(&second->lock);
}

void socket_unlock_pair(struct socket *a, struct socket *b) LOCKS_UNCHECKED
{
    struct socket *first = a->id < b->id ? a : b;
    struct socket *second = a->id < b->id ? b : a;

    if (second != first)
        spin_unlock(&second->lock);
    spin_unlock(&first->lock);
}

struct socket *socket_get_peer(struct socket *socket)
{
    spin_lock(&socket->lock);

    struct socket *peer = atomic_load(&socket->peer);

    if (peer)
        socket_reference(peer);
    spin_unlock(&socket->lock);
    return peer;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

int socket_take_error(struct socket *socket)
{
    if (atomic_load_explicit(&socket->error, memory_order_relaxed) == 0)
        return 0;
    return -atomic_exchange(&socket->error, 0);
}

void socket_wake_all(struct socket *socket)
{
    wait_queue_wake_all(&socket->readable);
    wait_queue_wake_all(&socket->writable);
    wait_queue_wake_all(&socket->room);
}

static uint64_t deadline_of(uint64_t timeout_ns, bool may_wait)
{
    if (!may_wait)
        return 0;
    return timeout_ns ? clock_add_saturated(clock_monotonic_ns(), timeout_ns) : WAIT_FOREVER;
}

uint64_t socket_receive_deadline(struct socket *socket, bool may_wait)
{
    return deadline_of(atomic_load(&socket->options.receive_timeout_ns), may_wait);
}

uint64_t socket_send_deadline(struct socket *socket, bool may_wait)
{
    return deadline_of(atomic_load(&socket->options.send_timeout_ns), may_wait);
}

int socket_wait_result(int error, uint64_t deadline_ns)
{
    if (error == -ETIMEDOUT)
        return -EAGAIN;
    return error == -EINTR && deadline_ns != WAIT_FOREVER ? -CALL_NO_RESTART : error;
}

int socket_wait(struct socket *socket, struct wait_queue *queue, enum wait_kind kind,
                uint64_t deadline_ns)
{
    const struct wait_reason reason = { .kind = kind, .object = socket->inode_number };

    ASSERT(spin_is_held(&socket->lock));
    if (deadline_ns == 0)
        return -EAGAIN;
    return socket_wait_result(wait_queue_wait(queue, &socket->lock, &reason, deadline_ns),
                              deadline_ns);
}

int socket_wait_for_input(struct socket *socket, uint64_t deadline_ns)
{
    enum wait_kind kind =
        socket_state(socket) == SOCKET_LISTENING ? WAIT_CONNECTION : WAIT_SOCKET_INPUT;

    if (deadline_ns == 0)
        return -EAGAIN;
    if (socket_shutdown_bits(socket) & SHUT_RECEIVE)
        return 1;
    if (socket_is_connected_kind(socket) && socket_state(socket) == SOCKET_UNCONNECTED)
        return -ENOTCONN;
    return socket_wait(socket, &socket->readable, kind, deadline_ns);
}

struct socket_credentials socket_own_credentials(void)
{
    const struct credentials who = current_credentials();

    return (struct socket_credentials){
        .process_id = process_id_of_current(), .user_id = who.user_id, .group_id = who.group_id,
    };
}

struct socket_credentials socket_effective_credentials(void)
{
    const struct credentials who = current_credentials();

    return (struct socket_credentials){
        .process_id = process_id_of_current(),
        .user_id = who.effective_user_id,
        .group_id = who.effective_group_id,
    };
}
