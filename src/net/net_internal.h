#pragma once
/*
 * What the files of sockets share with each other only.
 *
 * A socket is referenced by its open file, by its peer, by messages that it has sent and that
 * nobody has read yet, and, before it is accepted, by the queue of the socket that listens.  It is
 * closed with its open file; what is left then is a shell that others may still hold.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/async.h"
#include "fs/vfs.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "net/socket.h"
#include "sync/mutex.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"

#define SOCKET_DESCRIPTION_SIZE 40

enum socket_state { SOCKET_UNCONNECTED, SOCKET_LISTENING, SOCKET_CONNECTED };

/* Directions that are shut down. */
#define SHUT_RECEIVE 1u
#define SHUT_SEND 2u
#define SHUT_BOTH (SHUT_RECEIVE | SHUT_SEND)

/* A name that a socket is bound to; shared by those that it accepts. */
struct bound_name {
    struct refcount references;
    struct socket_name name;    /* constant */
};

struct socket {
    /* Constant after creation. */
    uint64_t id;                          /* orders the locks of two sockets */
    enum socket_type type;
    uint64_t space;                       /* its namespace: of abstract names, and of the list */

    struct refcount references;
    struct mutex bind_lock;               /* RANK_SOCKET_BIND: who gives it a name */
    struct mutex read_lock;               /* RANK_SOCKET_READ: one reader at a time */
    struct spinlock lock;                 /* RANK_SOCKET */

    /* Written with `lock` held; may be read without. */
    _Atomic enum socket_state state;
    _Atomic uint32_t shutdown;            /* SHUT_ bits */
    struct socket *_Atomic peer;          /* with a reference.  Of streams and sequenced ones: for
                                           * good once it is set, until the socket is closed */
    struct bound_name *_Atomic bound;     /* with a reference; set once */

    /* Protected by `lock`. */
    bool is_closed;
    struct list messages;                 /* received: struct packet */
    unsigned message_count;
    uint64_t bytes;                       /* in them */
    uint32_t backlog;                     /* how many messages or connections may wait, less one */
    struct list connections;              /* listening: sockets to accept */
    unsigned connection_count;
    uint64_t sent_cost;                   /* of messages that it has sent, and are not read */
    struct socket_credentials peer_credentials;
    struct list blocked_senders;          /* sockets that poll for room here */
    struct path bound_path;               /* of the file that is its name; or both NULL */

    struct list connection_node;          /* protected by the lock of who listens */
    struct list blocked_node;             /* protected by the lock of its peer */
    struct list name_node;                /* both protected by RANK_SOCKET_NAMES */
    struct list all_node;

    struct wait_queue readable;           /* a message, a connection, or there will be none */
    struct wait_queue writable;           /* may send more, or never again */
    struct wait_queue room;               /* others may send to it, or connect */

    struct async_files async;
    _Atomic bool wants_room;              /* a sender found none: who owns it hears of the next */
    _Atomic int error;                    /* to be reported once */
    struct socket_options options;

    struct file *_Atomic file;            /* open; NULL: not accepted yet, or closed */

    /* Protected by the lock of flights (flight.c). */
    unsigned flights;                     /* how often its file is in messages */
    struct list flight_node;              /* linked: `flights` is not 0 */
    struct list carried;                  /* sockets in its messages: struct flight */
    unsigned carried_by_flying;           /* scratch of a collection, as the next two */
    bool is_reachable;
    struct list work_node;

    _Atomic uint64_t inode_number;        /* 0: not accepted yet */
    char description[SOCKET_DESCRIPTION_SIZE];
};

static inline bool socket_is_connected_kind(const struct socket *socket)
{
    return socket->type != SOCKET_DATAGRAM;
}

static inline enum socket_state socket_state(struct socket *socket)
{
    return atomic_load_explicit(&socket->state, memory_order_acquire);
}

static inline uint32_t socket_shutdown_bits(struct socket *socket)
{
    return atomic_load_explicit(&socket->shutdown, memory_order_acquire);
}

/* ---- socket.c ------------------------------------------------------------------------------ */

/* One reference.  -ENOMEM. */
MUST_CHECK int socket_create(enum socket_type type, uint64_t space, struct socket **socket);
void socket_reference(struct socket *socket);
void socket_release(struct socket *socket);

/* Both, in the order of ids; they may be the same one. */
void socket_lock_pair(struct socket *a, struct socket *b) ACQUIRES(&a->lock, &b->lock);
void socket_unlock_pair(struct socket *a, struct socket *b) RELEASES(&a->lock, &b->lock);

/* The peer with a reference, or NULL. */
struct socket *socket_get_peer(struct socket *socket);
/* The error that is to be reported, which is forgotten; 0 or negative. */
int socket_take_error(struct socket *socket);
/* Everybody who waits for it or polls it looks again. */
void socket_wake_all(struct socket *socket);

/* Until when a call may wait: 0: not at all. */
uint64_t socket_receive_deadline(struct socket *socket, bool may_wait);
uint64_t socket_send_deadline(struct socket *socket, bool may_wait);
/* The socket is locked, and given back for the wait.  -EAGAIN: too late; -EINTR or, with a
 * deadline, -CALL_NO_RESTART. */
MUST_CHECK int socket_wait(struct socket *socket, struct wait_queue *queue, enum wait_kind kind,
                           uint64_t deadline_ns) REQUIRES(&socket->lock);
int socket_wait_result(int error, uint64_t deadline_ns);

/* Waits until there is something to read, or says why there never will: 1: the end.  Locked. */
MUST_CHECK int socket_wait_for_input(struct socket *socket, uint64_t deadline_ns)
    REQUIRES(&socket->lock);

/* Of the current process: as a message shows them, and as those of a peer. */
struct socket_credentials socket_own_credentials(void);
struct socket_credentials socket_effective_credentials(void);
/* After a read of so many bytes; read_lock is held. */
void socket_move_peek_offset(struct socket *socket, bool is_peek, uint64_t bytes)
    REQUIRES(&socket->read_lock);
/* For messages sent before anybody asked for their senders. */
#define CREDENTIALS_NOBODY { .process_id = 0, .user_id = 65534, .group_id = 65534 }

/* ---- file.c -------------------------------------------------------------------------------- */

/* Everything that an open socket needs, before the socket is known. */
struct socket_shell {
    struct file *file;
    struct inode *inode;
    struct path path;
    uint32_t user_id;
};
/* -ENFILE, -ENOMEM. */
MUST_CHECK int socket_shell_create(const struct fs_context *context, struct socket_shell *shell);
/* The open file, with one reference, which takes over the one to the socket. */
struct file *socket_shell_open(struct socket_shell *shell, struct socket *socket, uint32_t flags);
void socket_shell_destroy(struct socket_shell *shell);

/* ---- name.c -------------------------------------------------------------------------------- */

/* If it says who sends, it needs a name: one is chosen.  -ENOMEM, -ENOSPC. */
MUST_CHECK int socket_bind_for_credentials(struct socket *socket);
/* Who of the same type is bound to the name, with a reference.  -ECONNREFUSED, -EPROTOTYPE, and
 * those of walks. */
MUST_CHECK int socket_find(const struct socket *from, const struct socket_name *name,
                           const struct fs_context *context, struct socket **socket);
void socket_unbind(struct socket *socket);
/* The accepted one has the name of who listens. */
void socket_share_name(struct socket *socket, struct socket *listener);
void socket_copy_name(struct socket *socket, struct socket_name *name);
void socket_list_add(struct socket *socket);
void socket_list_remove(struct socket *socket);
void bound_name_release(struct bound_name *bound);

/* ---- packet.c ----------------------------------------------------------------------------- */

/* Bytes on their way.  Small ones lie behind the structure, larger ones in pages. */
struct packet {
    struct list node;                     /* of the receiver's queue; protected by its lock */
    struct socket *sender;                /* with a reference */
    struct socket_rights *rights;         /* or NULL; owned */
    bool has_credentials;
    bool is_seen;                         /* empty, and peeked at; protected by read_lock */
    struct socket_credentials credentials;
    uint64_t cost;                        /* charged to the sender */
    size_t size;
    size_t consumed;                      /* of streams: read already */
    size_t allocation;                    /* bytes of this structure and what follows */
    struct list pages;
    char bytes[];
};

static inline size_t packet_left(const struct packet *message)
{
    return message->size - message->consumed;
}

struct packet_request {
    size_t size;
    uint64_t cost;
    uint64_t deadline_ns;                 /* how long to wait until the sender may send more */
};
/* What a piece of a stream, or a message, costs its sender: as Linux counts memory, so that as much
 * fits into a socket as there. */
uint64_t stream_cost(size_t size);
uint64_t datagram_cost(size_t size);
#define STREAM_PIECE_MAX 36544u

/* Is so little of what it has sent unread that it polls as writable?  Locked. */
bool socket_has_room(struct socket *socket) REQUIRES(&socket->lock);
/* -EAGAIN, -EINTR, -EPIPE, the sender's error, -ENOBUFS. */
MUST_CHECK int packet_create(struct socket *sender, const struct packet_request *request,
                              struct packet **message);
/* The rights go too.  No lock is held. */
void packet_free(struct packet *message);
/* All of a list. */
void packet_free_list(struct list *messages);
/* -EFAULT. */
MUST_CHECK int packet_fill(struct packet *message, struct io_buffer *buffer);
MUST_CHECK int packet_copy_out(const struct packet *message, size_t offset,
                                struct io_buffer *buffer, size_t size);
/* Puts the message to the receiver's others, and takes it off again.  Locked. */
void packet_put(struct socket *receiver, struct packet *message) REQUIRES(&receiver->lock);
void packet_take(struct socket *receiver, struct packet *message) REQUIRES(&receiver->lock);
/* Who sends it, if one of the two wants it to be known. */
void packet_sign(struct packet *message, const struct socket_send *send,
                  struct socket *receiver);
/* What the sender has given with it: the message owns the rights from now on, and they fly. */
void packet_give_rights(struct packet *message, struct socket_send *send,
                         struct socket *receiver);
/* What the receiver is told of the sender. */
void packet_describe(const struct packet *message, struct socket_receive *receive);

/* ---- stream.c, datagram.c ------------------------------------------------------------------ */

int64_t stream_send(struct socket *socket, struct socket_send *send, struct io_buffer *buffer);
int64_t stream_receive(struct socket *socket, struct socket_receive *receive,
                       struct io_buffer *buffer);
int64_t datagram_send(struct socket *socket, struct socket_send *send, struct io_buffer *buffer);
int64_t datagram_receive(struct socket *socket, struct socket_receive *receive,
                         struct io_buffer *buffer);
MUST_CHECK int datagram_connect(struct socket *socket, const struct socket_name *name,
                                const struct fs_context *context);
/* May it send to its peer now?  If not, its `writable` will be woken. */
bool datagram_peer_has_room(struct socket *socket);
/* Those that poll for room look again.  Locked. */
void datagram_wake_blocked(struct socket *receiver) REQUIRES(&receiver->lock);

/* ---- connection.c -------------------------------------------------------------------------- */

/* Connects two that nobody else knows yet. */
void socket_pair(struct socket *a, struct socket *b);
/* The open file is gone, or who listened is (`was_waiting`: it was never accepted). */
void socket_close(struct socket *socket, bool was_waiting);

/* ---- rights.c, flight.c -------------------------------------------------------------------- */

/* A file in a message.  `node` is protected by the lock of flights. */
struct flight {
    struct list node;                     /* among those that a socket carries; unlinked: none */
    struct file *file;                    /* with a reference */
    struct socket *socket;                /* whose file it is; NULL: a file of another kind */
};

struct socket_rights {
    unsigned count, capacity;
    bool is_flying;
    struct user_account *account;       /* whom they are charged to; NULL: not yet */
    struct flight flights[];
};

/* The files begin or end to be in a message to the receiver. */
void flight_begin(struct socket_rights *rights, struct socket *receiver);
void flight_end(struct socket_rights *rights);
/* Takes the oldest connection that waits to be accepted, with its reference; NULL: none. */
struct socket *flight_accept(struct socket *listener);
/* Closes sockets that only messages to one another hold. `closing`: a file whose descriptor is
 * being closed now, whose reference does not count; or NULL. */
void flight_collect(const struct file *closing);
/* The same with a second reference to the files.  -ENOMEM. */
MUST_CHECK int rights_duplicate(const struct socket_rights *rights, struct socket_rights **copy);
