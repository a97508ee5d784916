#pragma once
/*
 * Sockets of the family AF_UNIX: streams, datagrams, sequenced packets.
 *
 * Calls on open files: the caller holds a reference to the file and no lock; all may sleep.  Names
 * of flags, options and errors are Linux's.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "memory/io_buffer.h"

struct socket;
struct socket_rights;

#define SOCKET_FAMILY 1         /* AF_UNIX */
#define SOCKET_RAW 3            /* a type that is understood as SOCKET_DATAGRAM */
enum socket_type { SOCKET_STREAM = 1, SOCKET_DATAGRAM = 2, SOCKET_SEQUENCED = 5 };

/* flags of messages: MSG_ */
#define MESSAGE_OUT_OF_BAND 0x1u
#define MESSAGE_PEEK 0x2u
#define MESSAGE_CONTROL_CUT 0x8u
#define MESSAGE_CUT 0x20u
#define MESSAGE_NO_WAIT 0x40u
#define MESSAGE_WAIT_ALL 0x100u
#define MESSAGE_NO_SIGNAL 0x4000u
#define MESSAGE_WAIT_FOR_ONE 0x10000u
#define MESSAGE_CLOSE_ON_EXEC 0x40000000u

/* sun_path: a path with its NUL, an abstract name (it begins with a NUL), or nothing. */
#define SOCKET_PATH_MAX 108
struct socket_name {
    uint32_t length;
    char bytes[SOCKET_PATH_MAX + 1];
};

struct socket_credentials {
    int32_t process_id;
    uint32_t user_id, group_id;
};

/* Set and read as they are, without a lock. */
struct socket_options {
    _Atomic uint32_t send_limit, receive_limit;            /* SO_SNDBUF, SO_RCVBUF */
    _Atomic uint64_t send_timeout_ns, receive_timeout_ns;  /* 0: none */
    _Atomic int32_t receive_low;                           /* SO_RCVLOWAT */
    _Atomic int32_t peek_offset;                           /* SO_PEEK_OFF; -1: off */
    _Atomic bool pass_credentials;                         /* SO_PASSCRED */
    _Atomic uint32_t flags;                                /* that are only remembered: bits */
    _Atomic int32_t priority;
    _Atomic uint64_t linger;                               /* struct linger */
};

/* ---- Making and naming --------------------------------------------------------------------- */

/* `type`: SOCK_ without flags; `flags`: OPEN_NONBLOCK or 0.  One reference to the file.
 * -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENFILE, -ENOMEM. */
struct socket_kind {
    int32_t type, protocol;
    uint32_t flags;
    uint64_t space;    /* its namespace (lib/namespace.h) */
};
MUST_CHECK int socket_open(const struct socket_kind *kind, const struct fs_context *context,
                           struct file **file);
MUST_CHECK int socket_open_pair(const struct socket_kind *kind, const struct fs_context *context,
                                struct file *files[2]);

/* The socket of an open file; NULL: it is none.  It lives as long as the file. */
struct socket *socket_of(const struct file *file);
enum socket_type socket_type(const struct socket *socket);

/* An empty name: one is chosen.  -EADDRINUSE, -EINVAL, -ENOSPC, and those of mknod. */
MUST_CHECK int socket_bind(struct socket *socket, const struct socket_name *name,
                           const struct fs_context *context);
void socket_name(struct socket *socket, struct socket_name *name);
/* -ENOTCONN. */
MUST_CHECK int socket_peer_name(struct socket *socket, struct socket_name *name);

/* ---- Connections --------------------------------------------------------------------------- */

MUST_CHECK int socket_listen(struct socket *socket, uint32_t backlog);
/* `name` NULL: a datagram socket has no peer any more (AF_UNSPEC). */
MUST_CHECK int socket_connect(struct socket *socket, const struct socket_name *name,
                              const struct fs_context *context, bool may_wait);
/* `flags` of the new open file.  -EOPNOTSUPP, -EINVAL, -EAGAIN, ... */
MUST_CHECK int socket_accept(struct file *file, const struct fs_context *context, uint32_t flags,
                             struct file **accepted);
/* how: 0 receive, 1 send, 2 both. */
MUST_CHECK int socket_shutdown(struct socket *socket, int32_t how);

/* ---- Messages ------------------------------------------------------------------------------ */

struct socket_send {
    uint32_t flags;
    const struct socket_name *to;               /* NULL: the peer */
    const struct fs_context *context;           /* for `to` */
    bool has_credentials;
    struct socket_credentials credentials;
    struct socket_rights *rights;               /* NULL when a message has taken them */
};
struct socket_receive {
    uint32_t flags;
    bool has_name;                              /* results */
    struct socket_name from;
    uint32_t result_flags;                      /* MESSAGE_CUT */
    bool has_credentials;
    struct socket_credentials credentials;
    struct socket_rights *rights;               /* the caller's, or NULL */
};
/* Bytes moved or an error; -EPIPE: see socket_raises_signal. */
int64_t socket_send(struct file *file, struct socket_send *send, struct io_buffer *buffer);
int64_t socket_receive(struct file *file, struct socket_receive *receive,
                       struct io_buffer *buffer);
/* Does writing to it without a reader raise SIGPIPE? */
bool socket_raises_signal(const struct file *file);

/* ---- Files in messages --------------------------------------------------------------------- */

#define RIGHTS_MAX 253u
/* Room for so many files, none yet; NULL: no memory. */
struct socket_rights *rights_create(unsigned capacity);
/* Takes over the reference. */
void rights_add(struct socket_rights *rights, struct file *file);
unsigned rights_count(const struct socket_rights *rights);
struct file *rights_file(const struct socket_rights *rights, unsigned index);
/* They count for the user from now on.  -ETOOMANYREFS: `limit` are in messages already. */
MUST_CHECK int rights_charge(struct socket_rights *rights, uint32_t user_id, uint64_t limit);
/* NULL is allowed. */
void rights_free(struct socket_rights *rights);

/* ---- Options ------------------------------------------------------------------------------- */

#define SOCKET_OPTION_SIZE_MAX 16u
struct socket_option {
    int32_t number;                             /* SO_ */
    uint32_t size;                              /* of the value; result of a get */
    bool is_root;
    union {
        int32_t number;
        uint64_t words[SOCKET_OPTION_SIZE_MAX / 8];
        unsigned char bytes[SOCKET_OPTION_SIZE_MAX];
    } value;
};
/* -ENOPROTOOPT, -EINVAL, -EDOM, -EPERM. */
MUST_CHECK int socket_set_option(struct socket *socket, const struct socket_option *option);
MUST_CHECK int socket_get_option(struct socket *socket, struct socket_option *option);

/* ---- For /proc/net/unix -------------------------------------------------------------------- */

struct socket_view {
    uint64_t id, inode_number;                  /* inode 0: not accepted yet */
    uint32_t references, flags, type, state;    /* as that file shows them */
    struct socket_name name;
};
/* Every socket of a namespace, oldest first, with a spin lock held. */
void socket_for_each(uint64_t space, void (*visit)(const struct socket_view *view, void *context),
                     void *context);
