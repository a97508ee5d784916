/*
 * Calls that make, name and connect sockets, and their options.  There is one family, AF_UNIX; for
 * the others it is as on a Linux that has none of them.
 */
#include "abi/linux/socket_arguments.h"
#include "abi/linux/syscalls.h"
#include "fs/file_table.h"
#include "fs/path.h"
#include "memory/user_memory.h"
#include "process/namespaces.h"
#include "process/process.h"

#define TYPE_MASK 0xf
#define TYPES 11
#define TYPE_FLAGS (OPEN_CLOSE_ON_EXEC | OPEN_NONBLOCK)
#define FAMILIES 46
#define FAMILY_NONE 0        /* AF_UNSPEC */
#define LEVEL_SOCKET 1       /* SOL_SOCKET */

/* ---- Making -------------------------------------------------------------------------------- */

static int check_flags(int32_t type)
{
    return ((uint32_t)type & ~TYPE_FLAGS & ~(uint32_t)TYPE_MASK) != 0 ? -EINVAL : 0;
}

static int check_family(int32_t family, int32_t type)
{
    if (family >= 0 && family < FAMILIES && (type & TYPE_MASK) >= TYPES)
        return -EINVAL;
    return family == SOCKET_FAMILY ? 0 : -EAFNOSUPPORT;
}

static struct socket_kind kind_of(int32_t type, int32_t protocol)
{
    return (struct socket_kind){
        .type = type & TYPE_MASK, .protocol = protocol, .flags = (uint32_t)type & OPEN_NONBLOCK,
        .space = current_namespace(NAMESPACE_NETWORK)->number,
    };
}

int64_t sys_socket(int32_t family, int32_t type, int32_t protocol)
{
    const struct socket_kind kind = kind_of(type, protocol);
    struct fs_context context;
    struct file *file;
    int error = check_flags(type);

    if (!error)
        error = check_family(family, type);
    if (error)
        return error;
    fs_context_of_process(&context);
    error = socket_open(&kind, &context, &file);
    fs_context_release(&context);
    return error ? error : fd_install(file, (uint32_t)type & OPEN_CLOSE_ON_EXEC);
}

/* Two free numbers, which the program knows.  -EMFILE, -ENOMEM, -EFAULT. */
static int reserve_pair(int32_t fds[2], user_address numbers)
{
    struct file_table *files = current_files();
    int error = fds[0] = file_table_reserve(files, 0, open_files_limit());

    if (error < 0)
        return error;
    error = fds[1] = file_table_reserve(files, 0, open_files_limit());
    if (error >= 0) {
        error = user_copy_out(current_space(), numbers, fds, 2 * sizeof(fds[0]));
        if (!error)
            return 0;
        file_table_unreserve(files, fds[1]);
    }
    file_table_unreserve(files, fds[0]);
    return error;
}

static int open_pair(int32_t family, int32_t type, int32_t protocol, struct file *ends[2])
{
    const struct socket_kind kind = kind_of(type, protocol);
    struct fs_context context;
    int error = check_family(family, type);

    if (error)
        return error;
    fs_context_of_process(&context);
    error = socket_open_pair(&kind, &context, ends);
    fs_context_release(&context);
    return error;
}

int64_t sys_socketpair(int32_t family, int32_t type, int32_t protocol, user_address numbers)
{
    struct file_table *files = current_files();
    struct file *ends[2];
    int32_t fds[2];
    int error = check_flags(type);

    if (!error)
        error = reserve_pair(fds, numbers);
    if (error)
        return error;
    error = open_pair(family, type, protocol, ends);
    for (int i = 0; i < 2; i++) {
        if (error)
            file_table_unreserve(files, fds[i]);
        else
            file_table_install(files, fds[i], ends[i], (uint32_t)type & OPEN_CLOSE_ON_EXEC);
    }
    return error;
}

/* ---- Names --------------------------------------------------------------------------------- */

/* An address without a name: one is to be chosen. */
static int get_name_to_bind(const struct linux_socket_address *address, int32_t length,
                            struct socket_name *name)
{
    if (length == (int32_t)sizeof(address->family) && address->family == SOCKET_FAMILY) {
        name->length = 0;
        return 0;
    }
    return socket_address_name(address, length, name);
}

int64_t sys_bind(int32_t fd, user_address source, int32_t length)
{
    struct linux_socket_address address;
    struct fs_context context;
    struct socket_name name;
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    error = socket_address_get(source, length, &address);
    if (!error)
        error = get_name_to_bind(&address, length, &name);
    if (!error) {
        fs_context_of_process(&context);
        error = socket_bind(socket_of(file), &name, &context);
        fs_context_release(&context);
    }
    file_release(file);
    return error;
}

static int64_t put_name(int32_t fd, bool of_peer, user_address target, user_address length)
{
    struct socket_name name;
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    if (of_peer)
        error = socket_peer_name(socket_of(file), &name);
    else
        socket_name(socket_of(file), &name);
    if (!error)
        error = socket_address_put(&name, socket_address_length(&name), target, length);
    file_release(file);
    return error;
}

int64_t sys_getsockname(int32_t fd, user_address address, user_address length)
{
    return put_name(fd, false, address, length);
}

int64_t sys_getpeername(int32_t fd, user_address address, user_address length)
{
    return put_name(fd, true, address, length);
}

/* ---- Connections --------------------------------------------------------------------------- */

int64_t sys_listen(int32_t fd, int32_t backlog)
{
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    error = socket_listen(socket_of(file), (uint32_t)backlog);
    file_release(file);
    return error;
}

static int connect_to(struct file *file, const struct linux_socket_address *address,
                      int32_t length)
{
    bool dissolves = socket_type(socket_of(file)) == SOCKET_DATAGRAM &&
                     address->family == FAMILY_NONE &&
                     length >= (int32_t)sizeof(address->family);
    struct fs_context context;
    struct socket_name name;
    int error = dissolves ? 0 : socket_address_name(address, length, &name);

    if (error)
        return error;
    fs_context_of_process(&context);
    error = socket_connect(socket_of(file), dissolves ? NULL : &name, &context,
                           !(file_flags(file) & OPEN_NONBLOCK));
    fs_context_release(&context);
    return error;
}

int64_t sys_connect(int32_t fd, user_address source, int32_t length)
{
    struct linux_socket_address address;
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    error = socket_address_get(source, length, &address);
    if (!error)
        error = connect_to(file, &address, length);
    file_release(file);
    return error;
}

/* Takes the connection over. */
static int64_t install_accepted(struct file *file, user_address address, user_address length,
                                uint32_t flags)
{
    struct socket_name name;
    int error = 0;

    if (address) {
        error = socket_peer_name(socket_of(file), &name) == 0
                    ? socket_address_put(&name, socket_address_length(&name), address, length)
                    : -ECONNABORTED;
    }
    if (!error)
        return fd_install(file, flags & OPEN_CLOSE_ON_EXEC);
    file_release(file);
    return error;
}

/* A connection that could get no number would be lost. */
static int check_number_is_free(void)
{
    int fd = file_table_reserve(current_files(), 0, open_files_limit());

    if (fd < 0)
        return fd;
    file_table_unreserve(current_files(), fd);
    return 0;
}

int64_t sys_accept4(int32_t fd, user_address address, user_address length, uint32_t flags)
{
    struct fs_context context;
    struct file *file, *accepted;
    int error = socket_get(fd, &file);

    if (error)
        return error == -ENOTSOCK && (flags & ~TYPE_FLAGS) ? -EINVAL : error;
    if (flags & ~TYPE_FLAGS)
        error = -EINVAL;
    else
        error = check_number_is_free();
    if (!error) {
        fs_context_of_process(&context);
        error = socket_accept(file, &context, flags & OPEN_NONBLOCK, &accepted);
        fs_context_release(&context);
    }
    file_release(file);
    return error ? error : install_accepted(accepted, address, length, flags);
}

int64_t sys_accept(int32_t fd, user_address address, user_address length)
{
    return sys_accept4(fd, address, length, 0);
}

int64_t sys_shutdown(int32_t fd, int32_t how)
{
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    error = socket_shutdown(socket_of(file), how);
    file_release(file);
    return error;
}

/* ---- Options ------------------------------------------------------------------------------- */

static int set_option(struct socket *socket, struct socket_option *option, user_address value,
                      int32_t length)
{
    const struct credentials who = current_credentials();
    int error = 0;

    if (length < (int32_t)sizeof(option->value.number))
        return -EINVAL;
    option->size = (uint32_t)length;
    if (option->size > sizeof(option->value))
        option->size = sizeof(option->value);
    option->is_root = credentials_can(&who, CAPABILITY_ADMINISTRATION);
    error = user_copy_in(current_space(), option->value.bytes, value, option->size);
    return error ? error : socket_set_option(socket, option);
}

int64_t sys_setsockopt(int32_t fd, int32_t level, int32_t number, user_address value,
                       int32_t length)
{
    struct socket_option option = { .number = number };
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    if (length < 0)
        error = -EINVAL;
    else if (level != LEVEL_SOCKET)
        error = -EOPNOTSUPP;
    else
        error = set_option(socket_of(file), &option, value, length);
    file_release(file);
    return error;
}

static int get_option(struct socket *socket, struct socket_option *option, user_address value,
                      user_address length)
{
    int32_t room;
    int error = user_copy_in(current_space(), &room, length, sizeof(room));

    if (!error && room < 0)
        error = -EINVAL;
    if (!error)
        error = socket_get_option(socket, option);
    if (error)
        return error;
    if ((uint32_t)room > option->size)
        room = (int32_t)option->size;
    error = user_copy_out(current_space(), value, option->value.bytes, (uint32_t)room);
    return error ? error : user_copy_out(current_space(), length, &room, sizeof(room));
}

int64_t sys_getsockopt(int32_t fd, int32_t level, int32_t number, user_address value,
                       user_address length)
{
    struct socket_option option = { .number = number };
    struct file *file;
    int error = socket_get(fd, &file);

    if (error)
        return error;
    error = level == LEVEL_SOCKET ? get_option(socket_of(file), &option, value, length)
                                  : -EOPNOTSUPP;
    file_release(file);
    return error;
}
