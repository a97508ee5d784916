/*
 * Streams: bytes in pieces, as they were sent.  A read takes what is there from as many pieces as
 * it likes, except that it ends behind a piece that carried files, and before one of another
 * sender, if it says who that is.
 */
#include "net/net_internal.h"

#define STREAM_RESERVE 64u    /* a piece leaves half of the sender's limit and a little more */

/* ---- Sending ------------------------------------------------------------------------------- */

static size_t piece_size(struct socket *socket, uint64_t left)
{
    size_t size = atomic_load(&socket->options.send_limit) / 2 - STREAM_RESERVE;

    if (size > STREAM_PIECE_MAX)
        size = STREAM_PIECE_MAX;
    return left < size ? (size_t)left : size;
}

/* -EPIPE: nobody will read it. */
static int deliver(struct socket *peer, struct packet *message)
{
    bool is_over;

    spin_lock(&peer->lock);
    is_over = peer->is_closed || (socket_shutdown_bits(peer) & SHUT_RECEIVE);
    if (!is_over)
        packet_put(peer, message);
    spin_unlock(&peer->lock);
    if (is_over)
        return -EPIPE;
    wait_queue_wake_all(&peer->readable);
    async_tell(&peer->async, ASYNC_INPUT);
    return 0;
}

static int send_piece(struct socket *socket, struct socket *peer, struct socket_send *send,
                      struct io_buffer *buffer, uint64_t deadline_ns)
{
    size_t size = piece_size(socket, buffer->remaining);
    const struct packet_request request = { size, stream_cost(size), deadline_ns };
    struct packet *message;
    int error = packet_create(socket, &request, &message);

    if (error)
        return error;
    error = packet_fill(message, buffer);
    if (!error) {
        packet_give_rights(message, send, peer);
        packet_sign(message, send, peer);
        error = deliver(peer, message);
    }
    if (error)
        packet_free(message);
    return error;
}

int64_t stream_send(struct socket *socket, struct socket_send *send, struct io_buffer *buffer)
{
    uint64_t deadline_ns = socket_send_deadline(socket, !(send->flags & MESSAGE_NO_WAIT));
    struct socket *peer = atomic_load(&socket->peer);
    uint64_t before = buffer->remaining, sent = 0;
    int error = 0;

    if (send->flags & MESSAGE_OUT_OF_BAND)
        return -EOPNOTSUPP;
    if (send->to)
        return socket_state(socket) == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (!peer)
        return -ENOTCONN;
    if (socket_shutdown_bits(socket) & SHUT_SEND)
        return -EPIPE;
    while (buffer->remaining > 0 && !error) {
        error = send_piece(socket, peer, send, buffer, deadline_ns);
        if (!error)
            sent = before - buffer->remaining;
    }
    return sent > 0 ? (int64_t)sent : error;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* A read on its way; read_lock is held, except while it waits. */
struct reading {
    struct socket *socket;
    struct socket_receive *receive;
    struct io_buffer *buffer;
    bool is_peek, has_sender;
    uint64_t skipped;         /* a peek: bytes before those that come next */
    uint64_t copied, target;
    uint64_t deadline_ns;
    bool is_over;             /* no further piece belongs to this read */
};

/* The first piece with something new, and where that begins; NULL: none.  Locked. */
static struct packet *next_piece(const struct reading *reading, size_t *offset)
    REQUIRES(&reading->socket->lock)
{
    uint64_t skip = reading->skipped;

    LIST_FOR_EACH(node, &reading->socket->messages) {
        struct packet *message = LIST_ENTRY(node, struct packet, node);

        if (skip < packet_left(message)) {
            *offset = message->consumed + (size_t)skip;
            return message;
        }
        skip -= packet_left(message);
    }
    return NULL;
}

/* The socket is locked, and given back.  0: look again. */
static int wait_for_piece(const struct reading *reading) RELEASES(&reading->socket->lock)
    LOCKS_UNCHECKED
{
    struct socket *socket = reading->socket;
    const struct wait_reason reason = {
        .kind = WAIT_SOCKET_INPUT, .object = socket->inode_number,
    };
    struct wait_entry entry;
    int error;

    wait_entry_add(&entry, &socket->readable);
    spin_unlock(&socket->lock);
    mutex_unlock(&socket->read_lock);
    error = wait_entries_wait(&entry, 1, &reason, reading->deadline_ns);
    wait_entry_remove(&entry);
    mutex_lock(&socket->read_lock);
    return socket_wait_result(error, reading->deadline_ns);
}

/* There is nothing to read.  0: look again; 1: the read is over; or an error.  Gives the lock
 * back. */
static int handle_absence(const struct reading *reading) RELEASES(&reading->socket->lock)
    LOCKS_UNCHECKED
{
    struct socket *socket = reading->socket;
    int error = 0;

    if (reading->copied < reading->target) {
        error = socket_take_error(socket);
        if (!error && !(socket_shutdown_bits(socket) & SHUT_RECEIVE)) {
            if (reading->deadline_ns > 0)
                return wait_for_piece(reading);
            error = -EAGAIN;
        }
    }
    spin_unlock(&socket->lock);
    return error ? error : 1;
}

static bool same_sender(const struct packet *message, const struct socket_receive *receive)
{
    static const struct socket_credentials nobody = CREDENTIALS_NOBODY;
    const struct socket_credentials *a =
        message->has_credentials ? &message->credentials : &nobody;
    const struct socket_credentials *b = &receive->credentials;

    return a->process_id == b->process_id && a->user_id == b->user_id &&
           a->group_id == b->group_id;
}

/* A peek goes on to the next piece whatever it has room for, as on Linux: to files that may be
 * with it.  -ENOMEM. */
static int peek_further(struct reading *reading, const struct packet *message, size_t left)
{
    reading->skipped += left;
    if (!message->rights)
        return 0;
    reading->is_over = true;
    return rights_duplicate(message->rights, &reading->receive->rights);
}

static void consume(struct reading *reading, struct packet *message, size_t size)
{
    struct socket *socket = reading->socket;

    if (message->rights) {
        if (message->rights->is_flying)
            flight_end(message->rights);
        reading->receive->rights = message->rights;
        message->rights = NULL;
        reading->is_over = true;
    }
    spin_lock(&socket->lock);
    message->consumed += size;
    socket->bytes -= size;
    if (packet_left(message) > 0)
        reading->is_over = true;
    else
        packet_take(socket, message);
    spin_unlock(&socket->lock);
    if (packet_left(message) == 0)
        packet_free(message);
}

/* Nobody else takes the message away meanwhile: who could has read_lock, or the socket. */
static int read_piece(struct reading *reading, struct packet *message, size_t offset)
{
    size_t left = message->size - offset;
    size_t size = left < reading->buffer->remaining ? left : (size_t)reading->buffer->remaining;
    int error;

    if (reading->has_sender && atomic_load(&reading->socket->options.pass_credentials) &&
        !same_sender(message, reading->receive)) {
        reading->is_over = true;
        return 0;
    }
    if (!reading->has_sender)
        packet_describe(message, reading->receive);
    reading->has_sender = true;
    error = packet_copy_out(message, offset, reading->buffer, size);
    if (error)
        return error;
    reading->copied += size;
    if (reading->is_peek)
        return peek_further(reading, message, left);
    consume(reading, message, size);
    return 0;
}

static int read_locked(struct reading *reading)
{
    int error = 0;

    while (!error && !reading->is_over) {
        size_t offset;
        struct packet *message;

        spin_lock(&reading->socket->lock);
        message = next_piece(reading, &offset);
        if (message) {
            spin_unlock(&reading->socket->lock);
            error = read_piece(reading, message, offset);
            if (reading->buffer->remaining == 0 && !reading->is_peek)
                break;
        } else if (reading->is_peek && reading->has_sender) {
            spin_unlock(&reading->socket->lock);
            break;
        } else {
            error = handle_absence(reading);
        }
    }
    return error == 1 ? 0 : error;
}

static uint64_t target_of(struct socket *socket, const struct socket_receive *receive,
                          uint64_t size)
{
    uint64_t low = (uint64_t)atomic_load(&socket->options.receive_low);
    uint64_t target = receive->flags & MESSAGE_WAIT_ALL || low > size ? size : low;

    return target ? target : 1;
}

int64_t stream_receive(struct socket *socket, struct socket_receive *receive,
                       struct io_buffer *buffer)
{
    int32_t peek_offset = atomic_load(&socket->options.peek_offset);
    struct reading reading = {
        .socket = socket,
        .receive = receive,
        .buffer = buffer,
        .is_peek = (receive->flags & MESSAGE_PEEK) != 0,
        .target = target_of(socket, receive, buffer->remaining),
        .deadline_ns = socket_receive_deadline(socket, !(receive->flags & MESSAGE_NO_WAIT)),
    };
    int error;

    if (socket_state(socket) != SOCKET_CONNECTED)
        return -EINVAL;
    if (receive->flags & MESSAGE_OUT_OF_BAND)
        return -EOPNOTSUPP;
    if (reading.is_peek && peek_offset > 0)
        reading.skipped = (uint64_t)peek_offset;
    receive->credentials = (struct socket_credentials){ 0 };    /* of the end, as on Linux */
    receive->has_credentials = atomic_load(&socket->options.pass_credentials);
    mutex_lock(&socket->read_lock);
    error = read_locked(&reading);
    if (peek_offset >= 0)
        socket_move_peek_offset(socket, reading.is_peek, reading.copied);
    mutex_unlock(&socket->read_lock);
    return reading.copied > 0 ? (int64_t)reading.copied : error;
}
