/*
 * Datagrams and sequenced packets: whole messages.
 *
 *   sender                                   receiver
 *   its peer has too many messages
 *                                            takes one; wakes: nobody waits
 *   waits for ever                           <- forbidden: who waits for room has the receiver
 *                                               locked from its look until it is on the queue,
 *                                               or on the receiver's list of those that poll
 *
 * Invariant: a socket is on the list `blocked_senders` of its peer only, and leaves it when it has
 * another one.
 */
#include "net/net_internal.h"

#define DATAGRAM_RESERVE 32u    /* a message is that much smaller than the sender's limit */

/* ---- Peers --------------------------------------------------------------------------------- */

void datagram_wake_blocked(struct socket *receiver)
{
    struct list *node;

    ASSERT(spin_is_held(&receiver->lock));
    while ((node = list_take_first(&receiver->blocked_senders)))
        wait_queue_wake_all(&LIST_ENTRY(node, struct socket, blocked_node)->writable);
}

static bool is_full(const struct socket *receiver)
{
    return receiver->message_count > receiver->backlog;
}

/* The receiver does not mind how many messages its own peer has sent. */
static bool has_room_for(struct socket *receiver, const struct socket *sender)
    REQUIRES(&receiver->lock)
{
    ASSERT(spin_is_held(&receiver->lock));
    return receiver == sender || atomic_load(&receiver->peer) == sender || !is_full(receiver);
}

/* Its `writable` is woken when there is room, if the receiver still is its peer. */
static void note_blocked(struct socket *receiver, struct socket *sender) REQUIRES(&receiver->lock)
{
    ASSERT(spin_is_held(&receiver->lock));
    if (atomic_load(&sender->peer) == receiver && !list_is_linked(&sender->blocked_node))
        list_append(&receiver->blocked_senders, &sender->blocked_node);
}

bool datagram_peer_has_room(struct socket *socket)
{
    struct socket *peer = socket_get_peer(socket);
    bool has_room = true;

    if (!peer)
        return true;
    spin_lock(&peer->lock);
    if (!peer->is_closed && !has_room_for(peer, socket)) {
        note_blocked(peer, socket);
        has_room = false;
    }
    spin_unlock(&peer->lock);
    socket_release(peer);
    return has_room;
}

/* What came from the former peer is lost, and that one is told. */
static void forget_messages(struct socket *socket, struct socket *peer)
{
    struct list lost = LIST_INITIAL(lost);
    struct list *node;
    bool tells;

    mutex_lock(&socket->read_lock);    /* nobody peeks at them */
    socket_lock_pair(socket, peer);
    while ((node = list_first(&socket->messages))) {
        packet_take(socket, LIST_ENTRY(node, struct packet, node));
        list_append(&lost, node);
    }
    tells = !list_is_empty(&lost) && !peer->is_closed && atomic_load(&peer->peer) == socket;
    if (tells)
        atomic_store(&peer->error, ECONNRESET);
    socket_unlock_pair(socket, peer);
    mutex_unlock(&socket->read_lock);
    if (!list_is_empty(&lost))
        wait_queue_wake_all(&socket->room);
    if (tells)
        socket_wake_all(peer);
    packet_free_list(&lost);
}

/* It had this peer, and has it no more: drops the reference. */
static void disconnect(struct socket *socket, struct socket *peer)
{
    spin_lock(&peer->lock);
    if (list_is_linked(&socket->blocked_node))
        list_remove(&socket->blocked_node);
    spin_unlock(&peer->lock);
    wait_queue_wake_all(&socket->writable);
    if (!socket_is_connected_kind(socket)) {
        forget_messages(socket, peer);
        spin_lock(&peer->lock);
        if (!atomic_load(&peer->peer))
            atomic_store(&peer->state, SOCKET_UNCONNECTED);
        spin_unlock(&peer->lock);
    }
    socket_release(peer);
}

/* Nobody but its own peer may send to a socket that has one. */
static bool may_send_to(struct socket *receiver, const struct socket *sender)
{
    const struct socket *peer = atomic_load(&receiver->peer);

    return !peer || peer == sender;
}

/* Exchanges the peer for another one, whose reference it takes over, or for none.  -EPERM;
 * -EAGAIN: that one is closed. */
static int change_peer(struct socket *socket, struct socket *peer, struct socket **before)
{
    int error = 0;

    socket_lock_pair(socket, peer ? peer : socket);
    if (peer && peer->is_closed)
        error = -EAGAIN;
    else if (peer && !may_send_to(peer, socket))
        error = -EPERM;
    if (!error) {
        *before = atomic_exchange(&socket->peer, peer);
        atomic_store(&socket->state, peer ? SOCKET_CONNECTED : SOCKET_UNCONNECTED);
        if (peer)
            atomic_store(&peer->state, SOCKET_CONNECTED);
    }
    socket_unlock_pair(socket, peer ? peer : socket);
    return error;
}

int datagram_connect(struct socket *socket, const struct socket_name *name,
                     const struct fs_context *context)
{
    struct socket *peer = NULL, *before = NULL;
    int error;

    if (name) {
        error = socket_bind_for_credentials(socket);
        if (!error)
            error = socket_find(socket, name, context, &peer);
        if (error)
            return error;
    }
    error = change_peer(socket, peer, &before);
    if (error) {
        socket_release(peer);
        return error == -EAGAIN ? -ECONNREFUSED : error;
    }
    if (before == peer && before)
        socket_release(before);
    else if (before)
        disconnect(socket, before);
    return 0;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* A message on its way. */
struct sending {
    struct socket *socket;
    struct socket *receiver;    /* with a reference */
    struct socket_send *send;
    struct packet *message;
    uint64_t deadline_ns;
};

/* Waits until there is room, or notes that there was none.  The receiver is locked. */
static int wait_for_room(const struct sending *sending) REQUIRES(&sending->receiver->lock)
{
    struct socket *receiver = sending->receiver;

    ASSERT(spin_is_held(&receiver->lock));
    if (sending->deadline_ns > 0)
        return socket_wait(receiver, &receiver->room, WAIT_SOCKET_ROOM, sending->deadline_ns);
    note_blocked(receiver, sending->socket);
    return -EAGAIN;
}

/* -EPERM, -EPIPE, -EAGAIN, -EINTR; -ECONNREFUSED: the receiver is closed. */
static int deliver_locked(const struct sending *sending) REQUIRES(&sending->receiver->lock)
{
    struct socket *receiver = sending->receiver;

    ASSERT(spin_is_held(&receiver->lock));
    for (;;) {
        int error;

        if (receiver->is_closed)
            return -ECONNREFUSED;
        if (!may_send_to(receiver, sending->socket))
            return -EPERM;
        if (socket_shutdown_bits(receiver) & SHUT_RECEIVE)
            return -EPIPE;
        if (has_room_for(receiver, sending->socket)) {
            packet_put(receiver, sending->message);
            return 0;
        }
        error = wait_for_room(sending);
        if (error)
            return error;
    }
}

static int deliver(const struct sending *sending)
{
    struct socket *receiver = sending->receiver;
    int error;

    packet_give_rights(sending->message, sending->send, receiver);
    packet_sign(sending->message, sending->send, receiver);
    spin_lock(&sending->receiver->lock);
    error = deliver_locked(sending);
    spin_unlock(&sending->receiver->lock);
    if (error)
        return error;
    wait_queue_wake_one(&receiver->readable);
    async_tell(&receiver->async, ASYNC_INPUT);
    return 0;
}

/* Who is connected to a socket that was closed learns it by sending, and has no peer any more. */
static int lose_peer(struct socket *socket, struct socket *closed)
{
    bool was_peer;

    if (socket_is_connected_kind(socket))
        return -EPIPE;
    spin_lock(&socket->lock);
    was_peer = atomic_load(&socket->peer) == closed;
    if (was_peer) {
        atomic_store(&socket->peer, NULL);
        atomic_store(&socket->state, SOCKET_UNCONNECTED);
    }
    spin_unlock(&socket->lock);
    if (was_peer)
        disconnect(socket, closed);
    return -ECONNREFUSED;
}

static int find_receiver(struct sending *sending)
{
    struct socket_send *send = sending->send;

    if (send->to)
        return socket_find(sending->socket, send->to, send->context, &sending->receiver);
    sending->receiver = socket_get_peer(sending->socket);
    return sending->receiver ? 0 : -ENOTCONN;
}

/* The message goes in any case; while its files are noted as carried by the receiver, that one
 * stays. */
static int deliver_to(struct sending *sending)
{
    int error = deliver(sending);

    if (error)
        packet_free(sending->message);
    if (error == -ECONNREFUSED)
        error = lose_peer(sending->socket, sending->receiver);
    socket_release(sending->receiver);
    return error;
}

/* As on Linux the receiver is looked for when the message is ready. */
static int fill_and_deliver(struct sending *sending, struct io_buffer *buffer)
{
    int error = packet_fill(sending->message, buffer);

    if (!error)
        error = find_receiver(sending);
    if (!error)
        return deliver_to(sending);
    packet_free(sending->message);
    return error;
}

int64_t datagram_send(struct socket *socket, struct socket_send *send, struct io_buffer *buffer)
{
    struct sending sending = {
        .socket = socket,
        .send = send,
        .deadline_ns = socket_send_deadline(socket, !(send->flags & MESSAGE_NO_WAIT)),
    };
    const struct packet_request request = {
        buffer->remaining, datagram_cost(buffer->remaining), sending.deadline_ns,
    };
    int error = 0;

    if (socket->type == SOCKET_SEQUENCED) {
        error = socket_take_error(socket);
        if (!error && socket_state(socket) != SOCKET_CONNECTED)
            error = -ENOTCONN;
        send->to = NULL;
    }
    if (!error && (send->flags & MESSAGE_OUT_OF_BAND))
        error = -EOPNOTSUPP;
    if (!error)
        error = socket_bind_for_credentials(socket);
    if (!error && request.size > atomic_load(&socket->options.send_limit) - DATAGRAM_RESERVE)
        error = -EMSGSIZE;
    if (!error)
        error = packet_create(socket, &request, &sending.message);
    if (!error)
        error = fill_and_deliver(&sending, buffer);
    return error ? error : (int64_t)request.size;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* The first message, or for a peek at an offset the first that is not skipped; *offset: where it
 * begins.  Empty ones are skipped when they have been seen.  Locked. */
static struct packet *first_message(struct socket *socket, bool is_peek, size_t *offset)
{
    int32_t peek_offset = atomic_load(&socket->options.peek_offset);
    bool skips = is_peek && peek_offset >= 0;
    uint64_t skip = skips ? (uint64_t)peek_offset : 0;

    LIST_FOR_EACH(node, &socket->messages) {
        struct packet *message = LIST_ENTRY(node, struct packet, node);

        if (!skips || skip < message->size || (skip == 0 && !message->is_seen)) {
            *offset = (size_t)skip;
            return message;
        }
        skip -= message->size;
    }
    return NULL;
}

/* What is to be read, taken off the queue unless it is only a peek; or NULL and perhaps an
 * error. */
static struct packet *look(struct socket *socket, bool is_peek, size_t *offset, int *error)
{
    struct packet *message = NULL;

    spin_lock(&socket->lock);
    *error = socket_take_error(socket);
    if (!*error)
        message = first_message(socket, is_peek, offset);
    if (message && !is_peek) {
        packet_take(socket, message);
        if (!is_full(socket)) {
            datagram_wake_blocked(socket);
            wait_queue_wake_one(&socket->room);
        }
    }
    spin_unlock(&socket->lock);
    return message;
}

/* Waits for a message; returns with read_lock held if there is one. */
static struct packet *await_message(struct socket *socket, const struct socket_receive *receive,
                                     size_t *offset, int *error)
    TRIES_TO_ACQUIRE(true, &socket->read_lock) LOCKS_UNCHECKED
{
    uint64_t deadline_ns = socket_receive_deadline(socket, !(receive->flags & MESSAGE_NO_WAIT));
    bool is_peek = (receive->flags & MESSAGE_PEEK) != 0;

    for (;;) {
        struct packet *message;

        mutex_lock(&socket->read_lock);
        message = look(socket, is_peek, offset, error);
        if (message)
            return message;
        mutex_unlock(&socket->read_lock);
        if (*error)
            return NULL;
        spin_lock(&socket->lock);
        if (!first_message(socket, is_peek, offset))
            *error = socket_wait_for_input(socket, deadline_ns);
        spin_unlock(&socket->lock);
        if (*error)
            return NULL;
    }
}

static int64_t read_message(struct packet *message, size_t offset, bool is_peek,
                            struct socket_receive *receive, struct io_buffer *buffer)
{
    size_t left = message->size - offset;
    size_t size = left < buffer->remaining ? left : (size_t)buffer->remaining;
    int error;

    packet_describe(message, receive);
    if (size < left)
        receive->result_flags |= MESSAGE_CUT;
    error = packet_copy_out(message, offset, buffer, size);
    if (error)
        return error;
    if (message->rights && is_peek) {
        error = rights_duplicate(message->rights, &receive->rights);
        if (error)
            return error;
    } else if (message->rights) {
        if (message->rights->is_flying)
            flight_end(message->rights);
        receive->rights = message->rights;
        message->rights = NULL;
    }
    return (int64_t)(receive->flags & MESSAGE_CUT ? left : size);
}

int64_t datagram_receive(struct socket *socket, struct socket_receive *receive,
                         struct io_buffer *buffer)
{
    bool is_peek = (receive->flags & MESSAGE_PEEK) != 0;
    struct packet *message;
    size_t offset = 0;
    uint64_t room = buffer->remaining;
    int64_t result;
    int error;

    if (socket->type == SOCKET_SEQUENCED && socket_state(socket) != SOCKET_CONNECTED)
        return -ENOTCONN;
    if (receive->flags & MESSAGE_OUT_OF_BAND)
        return -EOPNOTSUPP;
    message = await_message(socket, receive, &offset, &error);
    if (!message) {
        if (error == -EAGAIN && socket->type == SOCKET_SEQUENCED &&
            (socket_shutdown_bits(socket) & SHUT_RECEIVE))
            return 0;
        return error == 1 ? 0 : error;
    }
    receive->has_credentials = atomic_load(&socket->options.pass_credentials);
    result = read_message(message, offset, is_peek, receive, buffer);
    message->is_seen = is_peek && message->size == 0;
    socket_move_peek_offset(socket, is_peek,
                            is_peek ? room - buffer->remaining : message->size);
    mutex_unlock(&socket->read_lock);
    if (is_peek)
        wait_queue_wake_one(&socket->readable);    /* it is still there */
    else
        packet_free(message);
    return result;
}
