/*
 * Sockets as open files: their inode, and what read, write, poll, ioctl and close do.
 */
#include "fs/anonymous_file.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/poll.h"
#include "lib/format.h"
#include "memory/user_memory.h"
#include "net/net_internal.h"
#include "process/process.h"

#define SOCKET_MODE (MODE_SOCKET | 0777u)

static const struct file_operations socket_operations;

struct socket *socket_of(const struct file *file)
{
    return file->operations == &socket_operations ? file->contents : NULL;
}

/* The same, of a file that is known to be one. */
static struct socket *socket_in(const struct file *file)
{
    ASSERT(file->operations == &socket_operations);
    return file->contents;
}

enum socket_type socket_type(const struct socket *socket)
{
    return socket->type;
}

bool socket_raises_signal(const struct file *file)
{
    const struct socket *socket = socket_of(file);

    return !socket || socket->type == SOCKET_STREAM;
}

/* ---- Opening ------------------------------------------------------------------------------- */

static const struct inode_operations socket_inode_operations = {
    .set_attributes = inode_set_fields,
};

static void describe(const struct inode *inode, char *text)
{
    (void)format(text, SOCKET_DESCRIPTION_SIZE, "socket:[%llu]",
                 (unsigned long long)inode->number);
}

int socket_shell_create(const struct fs_context *context, struct socket_shell *shell)
{
    const struct inode_kind kind = { &socket_inode_operations, &socket_operations };
    const struct inode_request request = {
        .mode = SOCKET_MODE,
        .user_id = context->credentials.file_user_id,
        .group_id = context->credentials.file_group_id,
    };
    char text[SOCKET_DESCRIPTION_SIZE];
    int error = file_reserve(&shell->file);

    if (error)
        return error;
    error = inode_create(filesystem_anonymous(), &kind, &request, &shell->inode);
    if (error) {
        file_unreserve(shell->file);
        return error;
    }
    describe(shell->inode, text);
    error = anonymous_path_create(&context->root, text, shell->inode, &shell->path);
    if (error) {
        inode_release(shell->inode);
        file_unreserve(shell->file);
        return error;
    }
    shell->user_id = context->credentials.file_user_id;
    return 0;
}

struct file *socket_shell_open(struct socket_shell *shell, struct socket *socket, uint32_t flags)
{
    const struct file_request request = {
        .operations = &socket_operations,
        .inode = shell->inode,
        .path = shell->path,
        .flags = OPEN_READ_WRITE | flags,
        .is_stream = true,
        .description = socket->description,
        .opener_user_id = shell->user_id,
        .contents = socket,
    };

    describe(shell->inode, socket->description);
    atomic_store(&socket->inode_number, shell->inode->number);
    file_init(shell->file, &request);
    atomic_store(&socket->file, shell->file);
    inode_release(shell->inode);
    name_release(shell->path.name);
    return shell->file;
}

void socket_shell_destroy(struct socket_shell *shell)
{
    file_unreserve(shell->file);
    inode_release(shell->inode);
    name_release(shell->path.name);
}

/* SOCK_RAW is another word for datagrams here. */
static int type_of(const struct socket_kind *kind, enum socket_type *type)
{
    if (kind->protocol != 0 && kind->protocol != SOCKET_FAMILY)
        return -EPROTONOSUPPORT;
    switch (kind->type) {
    case SOCKET_STREAM:
    case SOCKET_DATAGRAM:
    case SOCKET_SEQUENCED:
        *type = (enum socket_type)kind->type;
        return 0;
    case SOCKET_RAW:
        *type = SOCKET_DATAGRAM;
        return 0;
    }
    return -ESOCKTNOSUPPORT;
}

/* A socket that is not open yet; and the end of one that will never be. */
static int create(const struct socket_kind *kind, const struct fs_context *context,
                  struct socket **socket, struct socket_shell *shell)
{
    enum socket_type type;
    int error = type_of(kind, &type);

    if (!error)
        error = socket_create(type, kind->space, socket);
    if (error)
        return error;
    error = socket_shell_create(context, shell);
    if (error) {
        socket_close(*socket, false);
        socket_release(*socket);
    }
    return error;
}

int socket_open(const struct socket_kind *kind, const struct fs_context *context,
                struct file **file)
{
    struct socket_shell shell;
    struct socket *socket;
    int error = create(kind, context, &socket, &shell);

    if (!error)
        *file = socket_shell_open(&shell, socket, kind->flags);
    return error;
}

int socket_open_pair(const struct socket_kind *kind, const struct fs_context *context,
                     struct file *files[2])
{
    int error = socket_open(kind, context, &files[0]);

    if (error)
        return error;
    error = socket_open(kind, context, &files[1]);
    if (error)
        file_release(files[0]);
    else
        socket_pair(socket_of(files[0]), socket_of(files[1]));
    return error;
}

/* ---- Messages ------------------------------------------------------------------------------ */

int64_t socket_send(struct file *file, struct socket_send *send, struct io_buffer *buffer)
{
    struct socket *socket = socket_in(file);

    if ((file_flags(file) & OPEN_NONBLOCK) || buffer->may_not_wait)
        send->flags |= MESSAGE_NO_WAIT;
    if (socket->type == SOCKET_STREAM)
        return stream_send(socket, send, buffer);
    return datagram_send(socket, send, buffer);
}

int64_t socket_receive(struct file *file, struct socket_receive *receive,
                       struct io_buffer *buffer)
{
    struct socket *socket = socket_in(file);

    if ((file_flags(file) & OPEN_NONBLOCK) || buffer->may_not_wait)
        receive->flags |= MESSAGE_NO_WAIT;
    if (socket->type == SOCKET_STREAM)
        return stream_receive(socket, receive, buffer);
    return datagram_receive(socket, receive, buffer);
}

static int64_t socket_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct socket_receive receive = { .flags = 0 };
    int64_t result;

    (void)position;
    if (buffer->remaining == 0)
        return 0;
    result = socket_receive(file, &receive, buffer);
    rights_free(receive.rights);    /* a read has no place for them */
    return result;
}

static int64_t socket_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct socket_send send = { .flags = 0 };

    (void)position;
    return socket_send(file, &send, buffer);
}

/* ---- Readiness ----------------------------------------------------------------------------- */

static uint32_t writable_events(struct socket *socket)
{
    bool is_writable;

    spin_lock(&socket->lock);
    is_writable = socket_has_room(socket) && socket_state(socket) != SOCKET_LISTENING;
    if (!is_writable)
        atomic_store(&socket->wants_room, true);
    spin_unlock(&socket->lock);
    if (is_writable && socket->type != SOCKET_STREAM)
        is_writable = datagram_peer_has_room(socket);
    return is_writable ? POLL_WRITABLE | POLL_WRITE_NORMAL | POLL_WRITE_BAND : 0;
}

static uint32_t socket_poll(struct file *file, struct poll_table *table)
{
    struct socket *socket = socket_in(file);
    uint32_t shutdown, events = 0;

    poll_table_add(table, &socket->readable);
    poll_table_add(table, &socket->writable);
    shutdown = socket_shutdown_bits(socket);
    if (atomic_load(&socket->error) != 0)
        events |= POLL_ERROR;
    if (shutdown == SHUT_BOTH)
        events |= POLL_HANGUP;
    if (shutdown & SHUT_RECEIVE)
        events |= POLL_READ_HANGUP | POLL_READABLE | POLL_READ_NORMAL;
    spin_lock(&socket->lock);
    if (!list_is_empty(&socket->messages) || !list_is_empty(&socket->connections))
        events |= POLL_READABLE | POLL_READ_NORMAL;
    spin_unlock(&socket->lock);
    if (socket_is_connected_kind(socket) && socket_state(socket) == SOCKET_UNCONNECTED)
        events |= POLL_HANGUP;
    return events | writable_events(socket);
}

/* ---- ioctl --------------------------------------------------------------------------------- */

#define IOCTL_BYTES_WAITING 0x541bu    /* SIOCINQ, FIONREAD */
#define IOCTL_BYTES_SENT 0x5411u       /* SIOCOUTQ */

static int64_t bytes_waiting(struct socket *socket)
{
    struct list *first;
    int64_t bytes;

    if (socket_state(socket) == SOCKET_LISTENING)
        return -EINVAL;
    spin_lock(&socket->lock);
    first = list_first(&socket->messages);
    if (socket_is_connected_kind(socket))
        bytes = (int64_t)socket->bytes;
    else
        bytes = first ? (int64_t)LIST_ENTRY(first, struct packet, node)->size : 0;
    spin_unlock(&socket->lock);
    return bytes;
}

static int64_t bytes_sent(struct socket *socket)
{
    spin_lock(&socket->lock);

    int64_t bytes = (int64_t)socket->sent_cost;

    spin_unlock(&socket->lock);
    return bytes;
}

static int64_t socket_control(struct file *file, uint32_t request, uint64_t argument)
{
    struct socket *socket = socket_in(file);
    int64_t bytes;
    int32_t count;

    if (request != IOCTL_BYTES_WAITING && request != IOCTL_BYTES_SENT)
        return -ENOTTY;
    bytes = request == IOCTL_BYTES_WAITING ? bytes_waiting(socket) : bytes_sent(socket);
    if (bytes < 0)
        return bytes;
    count = (int32_t)bytes;
    return user_copy_out(current_space(), argument, &count, sizeof(count));
}

static struct async_files *socket_async(struct file *file, bool begins)
{
    (void)begins;
    return &socket_in(file)->async;
}

/* ---- Closing ------------------------------------------------------------------------------- */

/* If it was the last one, messages between sockets like this one may be all that is left of
 * them. */
static void socket_descriptor_closed(struct file *file)
{
    flight_collect(file);
}

static void socket_file_release(struct file *file)
{
    struct socket *socket = socket_in(file);

    socket_close(socket, false);
    socket_release(socket);
    flight_collect(NULL);
}

static const struct file_operations socket_operations = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .control = socket_control,
    .async = socket_async,
    .descriptor_closed = socket_descriptor_closed,
    .release = socket_file_release,
};
