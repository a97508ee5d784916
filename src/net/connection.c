/*
 * Connections of streams and sequenced packets: listening, connecting, accepting, shutting down,
 * closing.
 *
 * Who connects makes the other end itself and puts it into the queue of who listens; from then on
 * it may send.
 *
 *   connects, takes both locks               closes who listens
 *   sees that it listens
 *                                            takes all connections away
 *   adds a connection                        <- forbidden: `is_closed` is set with the lock held
 *                                               under which connections are added, and the
 *                                               connections are taken afterwards
 */
#include "fs/file.h"
#include "net/net_internal.h"

#define CONNECTIONS_MAX 4096u    /* net.core.somaxconn */

int socket_listen(struct socket *socket, uint32_t backlog)
{
    int error = 0;

    if (!socket_is_connected_kind(socket))
        return -EOPNOTSUPP;
    if (!atomic_load(&socket->bound))
        return -EINVAL;
    spin_lock(&socket->lock);
    if (socket_state(socket) == SOCKET_CONNECTED) {
        error = -EINVAL;
    } else {
        socket->backlog = backlog < CONNECTIONS_MAX ? backlog : CONNECTIONS_MAX;
        socket->peer_credentials = socket_effective_credentials();
        atomic_store(&socket->state, SOCKET_LISTENING);
    }
    spin_unlock(&socket->lock);
    if (!error)
        socket_wake_all(socket);
    return error;
}

/* ---- Connecting ---------------------------------------------------------------------------- */

/* Both are locked, or nobody else knows them. */
static void join(struct socket *a, struct socket *b)
{
    ASSERT(!atomic_load(&a->peer));
    ASSERT(!atomic_load(&b->peer));
    socket_reference(a);
    socket_reference(b);
    atomic_store(&a->peer, b);
    atomic_store(&b->peer, a);
    atomic_store(&a->state, SOCKET_CONNECTED);
    atomic_store(&b->state, SOCKET_CONNECTED);
}

static bool accepts(struct socket *listener)
{
    return !listener->is_closed && socket_state(listener) == SOCKET_LISTENING &&
           !(socket_shutdown_bits(listener) & SHUT_RECEIVE);
}

/* Both are locked.  -ECONNREFUSED, -EAGAIN: no room now, -EISCONN, -EINVAL. */
static int add_connection(struct socket *socket, struct socket *listener, struct socket *other_end)
{
    if (!accepts(listener))
        return -ECONNREFUSED;
    if (listener->connection_count > listener->backlog)
        return -EAGAIN;
    if (socket_state(socket) != SOCKET_UNCONNECTED)
        return socket_state(socket) == SOCKET_CONNECTED ? -EISCONN : -EINVAL;
    join(socket, other_end);
    socket_share_name(other_end, listener);
    socket->peer_credentials = listener->peer_credentials;
    other_end->peer_credentials = socket_effective_credentials();
    atomic_store(&other_end->options.pass_credentials,
                 atomic_load(&listener->options.pass_credentials));
    socket_reference(other_end);
    list_append(&listener->connections, &other_end->connection_node);
    listener->connection_count++;
    return 0;
}

/* 0: try again. */
static int wait_to_connect(struct socket *listener, uint64_t deadline_ns)
{
    int error = 0;

    spin_lock(&listener->lock);
    if (accepts(listener) && listener->connection_count > listener->backlog)
        error = socket_wait(listener, &listener->room, WAIT_SOCKET_ROOM, deadline_ns);
    spin_unlock(&listener->lock);
    return error;
}

static int attempt_connection(struct socket *socket, struct socket *listener,
                              struct socket *other_end)
{
    int error;

    socket_lock_pair(socket, listener);
    error = add_connection(socket, listener, other_end);
    socket_unlock_pair(socket, listener);
    if (error)
        return error;
    wait_queue_wake_one(&listener->readable);
    async_tell(&listener->async, ASYNC_INPUT);
    socket_wake_all(socket);
    return 0;
}

static int connect_stream(struct socket *socket, const struct socket_name *name,
                          const struct fs_context *context, uint64_t deadline_ns)
{
    struct socket *other_end;
    bool waits = true;
    int error = socket_create(socket->type, socket->space, &other_end);

    if (error)
        return error;
    while (waits) {
        struct socket *listener;

        waits = false;
        error = socket_find(socket, name, context, &listener);
        if (error)
            break;
        error = attempt_connection(socket, listener, other_end);
        if (error == -EAGAIN) {
            error = wait_to_connect(listener, deadline_ns);
            waits = !error;
        }
        socket_release(listener);
    }
    if (error)
        socket_close(other_end, true);
    socket_release(other_end);
    return error;
}

int socket_connect(struct socket *socket, const struct socket_name *name,
                   const struct fs_context *context, bool may_wait)
{
    int error;

    if (!socket_is_connected_kind(socket))
        return datagram_connect(socket, name, context);
    if (!name)
        return -EINVAL;
    error = socket_bind_for_credentials(socket);
    if (error)
        return error;
    return connect_stream(socket, name, context, socket_send_deadline(socket, may_wait));
}

/* ---- Accepting ----------------------------------------------------------------------------- */

/* The next connection, with its reference. */
static int take_connection(struct socket *listener, uint64_t deadline_ns, struct socket **taken)
{
    int error = 0;

    while (!error) {
        spin_lock(&listener->lock);
        if (socket_state(listener) != SOCKET_LISTENING)
            error = -EINVAL;
        else if (list_is_empty(&listener->connections))
            error = socket_wait_for_input(listener, deadline_ns);
        spin_unlock(&listener->lock);
        if (error)
            break;
        *taken = flight_accept(listener);
        if (*taken)
            return 0;
    }
    return error == 1 ? -EINVAL : error;
}

int socket_accept(struct file *file, const struct fs_context *context, uint32_t flags,
                  struct file **accepted)
{
    struct socket *listener = socket_of(file);
    bool may_wait = !(file_flags(file) & OPEN_NONBLOCK);
    struct socket_shell shell;
    struct socket *socket;
    int error;

    if (!socket_is_connected_kind(listener))
        return -EOPNOTSUPP;
    error = socket_shell_create(context, &shell);
    if (error)
        return error;
    error = take_connection(listener, socket_receive_deadline(listener, may_wait), &socket);
    if (error) {
        socket_shell_destroy(&shell);
        return error;
    }
    wait_queue_wake_one(&listener->room);
    *accepted = socket_shell_open(&shell, socket, flags);
    return 0;
}

/* ---- Pairs --------------------------------------------------------------------------------- */

void socket_pair(struct socket *a, struct socket *b)
{
    join(a, b);
    a->peer_credentials = b->peer_credentials = socket_effective_credentials();
}

/* ---- Shutting down ------------------------------------------------------------------------- */

static void shut(struct socket *socket, uint32_t bits)
{
    spin_lock(&socket->lock);
    atomic_fetch_or(&socket->shutdown, bits);
    spin_unlock(&socket->lock);
    socket_wake_all(socket);
}

static void shut_by_peer(struct socket *socket, uint32_t bits)
{
    shut(socket, bits);
    if (bits == SHUT_BOTH)
        async_tell(&socket->async, ASYNC_HANGUP);
    else if (bits == SHUT_RECEIVE)
        async_tell(&socket->async, ASYNC_INPUT);
}

int socket_shutdown(struct socket *socket, int32_t how)
{
    static const uint32_t bits[] = { SHUT_RECEIVE, SHUT_SEND, SHUT_BOTH };
    static const uint32_t bits_of_peer[] = { SHUT_SEND, SHUT_RECEIVE, SHUT_BOTH };
    struct socket *peer;

    if (how < 0 || how > 2)
        return -EINVAL;
    shut(socket, bits[how]);
    peer = socket_get_peer(socket);
    if (!peer)
        return 0;
    if (socket_is_connected_kind(socket))
        shut_by_peer(peer, bits_of_peer[how]);
    socket_release(peer);
    return 0;
}

/* ---- Closing ------------------------------------------------------------------------------- */

/* The other end learns it; that something was not read, is an error. */
static void leave_peer(struct socket *socket, struct socket *peer, bool was_unread)
{
    if (socket_is_connected_kind(socket)) {
        spin_lock(&peer->lock);
        atomic_fetch_or(&peer->shutdown, SHUT_BOTH);
        if (was_unread)
            atomic_store(&peer->error, ECONNRESET);
        spin_unlock(&peer->lock);
        socket_wake_all(peer);
        async_tell(&peer->async, ASYNC_HANGUP);
    }
    spin_lock(&peer->lock);
    if (list_is_linked(&socket->blocked_node))
        list_remove(&socket->blocked_node);
    spin_unlock(&peer->lock);
    socket_release(peer);
}

/* What a socket held when it was closed. */
struct remains {
    struct list messages, connections;
    struct socket *peer;
};

static void move_all(struct list *from, struct list *to)
{
    struct list *node;

    list_init(to);
    while ((node = list_take_first(from)))
        list_append(to, node);
}

static void mark_closed(struct socket *socket, struct remains *remains)
{
    spin_lock(&socket->lock);
    ASSERT(!socket->is_closed);
    socket->is_closed = true;
    atomic_store(&socket->shutdown, SHUT_BOTH);
    atomic_store(&socket->state, SOCKET_UNCONNECTED);
    remains->peer = atomic_exchange(&socket->peer, NULL);
    move_all(&socket->messages, &remains->messages);
    move_all(&socket->connections, &remains->connections);
    socket->message_count = socket->connection_count = 0;
    socket->bytes = 0;
    datagram_wake_blocked(socket);
    spin_unlock(&socket->lock);
}

/* An empty packet in front does not count, as on Linux. */
static bool holds_unread(struct list *messages)
{
    struct list *first = list_first(messages);

    return first && (LIST_ENTRY(first, struct packet, node)->size > 0 ||
                     first->next != messages);
}

void socket_close(struct socket *socket, bool was_waiting)
{
    struct remains remains;
    struct list *node;

    atomic_store(&socket->file, NULL);
    mark_closed(socket, &remains);
    socket_list_remove(socket);
    socket_unbind(socket);
    socket_wake_all(socket);
    if (remains.peer)
        leave_peer(socket, remains.peer, was_waiting || holds_unread(&remains.messages));
    while ((node = list_take_first(&remains.connections))) {
        struct socket *waiting = LIST_ENTRY(node, struct socket, connection_node);

        socket_close(waiting, true);
        socket_release(waiting);
    }
    packet_free_list(&remains.messages);
}
