/* Addresses of sockets as programs give and get them. */
#include "abi/linux/socket_arguments.h"

#include "abi/linux/structures.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define FAMILY_SIZE ((int32_t)sizeof(uint16_t))

LINUX_LAYOUT(struct linux_socket_address, 128);
LINUX_LAYOUT(struct linux_message_header, 56);

int socket_get(int32_t fd, struct file **file)
{
    int error = fd_get(fd, file);

    if (error)
        return error;
    if (socket_of(*file))
        return 0;
    file_release(*file);
    return -ENOTSOCK;
}

int socket_address_get(user_address source, int32_t length, struct linux_socket_address *address)
{
    memset(address, 0, sizeof(*address));
    if (length < 0 || (size_t)length > sizeof(*address))
        return -EINVAL;
    if (length == 0)
        return 0;
    return user_copy_in(current_space(), address, source, (size_t)length);
}

int socket_address_name(const struct linux_socket_address *address, int32_t length,
                        struct socket_name *name)
{
    uint32_t size = (uint32_t)(length - FAMILY_SIZE);

    if (length <= FAMILY_SIZE || size > SOCKET_PATH_MAX || address->family != SOCKET_FAMILY)
        return -EINVAL;
    memset(name, 0, sizeof(*name));
    memcpy(name->bytes, address->bytes, size);
    if (address->bytes[0] != '\0')
        size = (uint32_t)text_length(name->bytes) + 1;
    name->length = size;
    return 0;
}

int socket_address_put(const struct socket_name *name, uint32_t length, user_address target,
                       user_address length_address)
{
    struct linux_socket_address address = { .family = SOCKET_FAMILY };
    int32_t room;
    int error = user_copy_in(current_space(), &room, length_address, sizeof(room));

    if (error)
        return error;
    if (room < 0)
        return -EINVAL;
    memcpy(address.bytes, name->bytes, name->length);
    if ((uint32_t)room > length)
        room = (int32_t)length;
    if (room > 0)
        error = user_copy_out(current_space(), target, &address, (size_t)room);
    if (!error)
        error = user_copy_out(current_space(), length_address, &length, sizeof(length));
    return error;
}
