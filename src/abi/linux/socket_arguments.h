#pragma once
/* What programs pass to calls on sockets: descriptors, addresses, control messages. */
#include <stdint.h>

#include "abi/linux/file_arguments.h"
#include "lib/error.h"
#include "machine/machine.h"
#include "net/socket.h"

#define ADDRESS_BYTES_MAX 126

/* struct sockaddr_storage. */
struct linux_socket_address {
    uint16_t family;
    char bytes[ADDRESS_BYTES_MAX];
};

/* struct msghdr. */
struct linux_message_header {
    uint64_t name;
    int32_t name_length, padding;
    uint64_t segments, segment_count;
    uint64_t control, control_length;
    uint32_t flags, padding2;
};

/* The open file of a socket, with a reference.  -EBADF, -ENOTSOCK. */
MUST_CHECK int socket_get(int32_t fd, struct file **file);

/* An address as it is.  -EINVAL: no such length; -EFAULT. */
MUST_CHECK int socket_address_get(user_address source, int32_t length,
                                  struct linux_socket_address *address);
/* The name in it.  -EINVAL. */
MUST_CHECK int socket_address_name(const struct linux_socket_address *address, int32_t length,
                                   struct socket_name *name);
/* Writes as much of an address as there is room for, and how long it is: of this many bytes.
 * -EFAULT, -EINVAL. */
MUST_CHECK int socket_address_put(const struct socket_name *name, uint32_t length,
                                  user_address target, user_address length_address);
/* How long a name's address is. */
static inline uint32_t socket_address_length(const struct socket_name *name)
{
    return (uint32_t)sizeof(uint16_t) + name->length;
}

/* ---- Control messages (socket_control.c) --------------------------------------------------- */

/* What a message is to be sent with.  -EINVAL, -ENOBUFS, -EFAULT, -EBADF, -EPERM, -ESRCH,
 * -ETOOMANYREFS, -ENOMEM; what there is in `send` is to be freed in any case. */
MUST_CHECK int socket_control_get(const struct linux_message_header *header,
                                  struct socket_send *send);
/* Writes what came with a message, opens the files in it, and sets the header's control_length
 * to what was written; MESSAGE_CONTROL_CUT is set if something had no room.  The rights are used
 * up. */
void socket_control_put(struct linux_message_header *header, struct socket_receive *receive);
