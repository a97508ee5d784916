/*
 * Socket calls of a kernel that knows no family of protocols, as Linux with none configured: there
 * is no socket, so a descriptor is bad or not of one.  Programs ask that of their standard input.
 */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file.h"

#define SOCKET_TYPE_MASK 0xf
#define SOCKET_TYPES 11
#define SOCKET_FLAGS (OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK)
#define FAMILIES 46

static int64_t no_socket(int32_t fd)
{
    struct file *file;
    int error = fd_get(fd, &file);

    if (error)
        return error;
    file_release(file);
    return -ENOTSOCK;
}

static int64_t check_kind(int32_t family, int32_t type)
{
    if (((uint32_t)type & ~SOCKET_FLAGS) >> 4 != 0)
        return -EINVAL;
    if (family >= 0 && family < FAMILIES && (type & SOCKET_TYPE_MASK) >= SOCKET_TYPES)
        return -EINVAL;
    return -EAFNOSUPPORT;
}

int64_t sys_socket(int32_t family, int32_t type, int32_t protocol)
{
    (void)protocol;
    return check_kind(family, type);
}

int64_t sys_socketpair(int32_t family, int32_t type, int32_t protocol, user_address fds)
{
    (void)protocol;
    (void)fds;
    return check_kind(family, type);
}

int64_t sys_connect(int32_t fd, user_address address, int32_t length)
{
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_accept(int32_t fd, user_address address, user_address length)
{
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_bind(int32_t fd, user_address address, int32_t length)
{
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_listen(int32_t fd, int32_t backlog)
{
    (void)backlog;
    return no_socket(fd);
}

int64_t sys_shutdown(int32_t fd, int32_t how)
{
    (void)how;
    return no_socket(fd);
}

int64_t sys_getsockname(int32_t fd, user_address address, user_address length)
{
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_getpeername(int32_t fd, user_address address, user_address length)
{
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_sendto(int32_t fd, user_address buffer, uint64_t count, uint32_t flags,
                   user_address address, int32_t length)
{
    (void)buffer;
    (void)count;
    (void)flags;
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_recvfrom(int32_t fd, user_address buffer, uint64_t count, uint32_t flags,
                     user_address address, user_address length)
{
    (void)buffer;
    (void)count;
    (void)flags;
    (void)address;
    (void)length;
    return no_socket(fd);
}

int64_t sys_sendmsg(int32_t fd, user_address message, uint32_t flags)
{
    (void)message;
    (void)flags;
    return no_socket(fd);
}

int64_t sys_recvmsg(int32_t fd, user_address message, uint32_t flags)
{
    (void)message;
    (void)flags;
    return no_socket(fd);
}

int64_t sys_sendmmsg(int32_t fd, user_address messages, uint32_t count, uint32_t flags)
{
    (void)messages;
    (void)count;
    (void)flags;
    return no_socket(fd);
}

int64_t sys_recvmmsg(int32_t fd, user_address messages, uint32_t count, uint32_t flags,
                     user_address timeout)
{
    (void)messages;
    (void)count;
    (void)flags;
    (void)timeout;
    return no_socket(fd);
}

int64_t sys_getsockopt(int32_t fd, int32_t level, int32_t option, user_address value,
                       user_address length)
{
    (void)level;
    (void)option;
    (void)value;
    (void)length;
    return no_socket(fd);
}

int64_t sys_accept4(int32_t fd, user_address address, user_address length, uint32_t flags)
{
    (void)address;
    (void)length;

    int64_t error = no_socket(fd);

    return error == -ENOTSOCK && (flags & ~SOCKET_FLAGS) ? -EINVAL : error;
}

int64_t sys_setsockopt(int32_t fd, int32_t level, int32_t option, user_address value,
                       int32_t length)
{
    (void)level;
    (void)option;
    (void)value;
    (void)length;
    return no_socket(fd);
}
