#pragma once
/* For the programs about sockets. */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

#define OPENED_MAX 64

static int opened[OPENED_MAX], opened_count;

/* A socket that close_all closes. */
__attribute__((unused)) static int make(int type)
{
    int fd = socket(AF_UNIX, type, 0);

    if (fd < 0)
        (void)printf("no socket: %s\n", error_name(errno));
    if (opened_count < OPENED_MAX)
        opened[opened_count++] = fd;
    return fd;
}

__attribute__((unused)) static void close_all(void)
{
    while (opened_count > 0)
        (void)close(opened[--opened_count]);
}

__attribute__((unused)) static void make_pair(int pair[2], int type)
{
    if (socketpair(AF_UNIX, type, 0, pair) != 0)
        (void)printf("no pair: %s\n", error_name(errno));
}

__attribute__((unused)) static void close_pair(const int pair[2])
{
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* ---- Addresses ----------------------------------------------------------------------------- */

__attribute__((unused)) static socklen_t path_address(const char *path,
                                                      struct sockaddr_un *address)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    (void)snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
    return (socklen_t)sizeof(*address);
}

/* Names of several runs at the same time must not meet: they end in who is at it. */
__attribute__((unused)) static socklen_t abstract_address(const char *name,
                                                          struct sockaddr_un *address)
{
    int length;

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "%s-%08x", name,
                      (unsigned)getsid(0) * 65536u + (unsigned)getpgid(0));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

__attribute__((unused)) static int bind_path(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t length = path_address(path, &address);

    return bind(fd, (struct sockaddr *)&address, length);
}

__attribute__((unused)) static int connect_path(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t length = path_address(path, &address);

    return connect(fd, (struct sockaddr *)&address, length);
}

__attribute__((unused)) static int bind_abstract(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t length = abstract_address(name, &address);

    return bind(fd, (struct sockaddr *)&address, length);
}

__attribute__((unused)) static int connect_abstract(int fd, const char *name)
{
    struct sockaddr_un address;
    socklen_t length = abstract_address(name, &address);

    return connect(fd, (struct sockaddr *)&address, length);
}

__attribute__((unused)) static long send_to(int fd, const char *name, const char *text)
{
    struct sockaddr_un address;
    socklen_t length = abstract_address(name, &address);

    return sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
}

/* ---- What there is ------------------------------------------------------------------------- */

/* Without what differs from run to run. */
__attribute__((unused)) static void show_address(const char *what, int result,
                                                 const struct sockaddr_un *address,
                                                 socklen_t length)
{
    const char *name = address->sun_path;

    if (result != 0) {
        (void)printf("%s: %s\n", what, error_name(errno));
        return;
    }
    (void)printf("%s: %u bytes", what, (unsigned)length);
    if (length > offsetof(struct sockaddr_un, sun_path) + 9 && name[0] == '\0')
        (void)printf(", @%.*s\n", (int)(length - 3 - 9), name + 1);
    else if (length > offsetof(struct sockaddr_un, sun_path))
        (void)printf(", %.*s\n", (int)(length - 2), name[0] ? name : "@");
    else
        (void)printf("\n");
}

__attribute__((unused)) static void show_name(int fd)
{
    struct sockaddr_un address;
    socklen_t length = sizeof(address);

    int result = getsockname(fd, (struct sockaddr *)&address, &length);

    show_address("name", result, &address, length);
}

__attribute__((unused)) static void show_peer(int fd)
{
    struct sockaddr_un address;
    socklen_t length = sizeof(address);

    int result = getpeername(fd, (struct sockaddr *)&address, &length);

    show_address("peer", result, &address, length);
}

/* Receives a datagram, and from whom. */
__attribute__((unused)) static void show_sender(int fd)
{
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    char text[200] = "";
    long result = recvfrom(fd, text, sizeof(text) - 1, MSG_DONTWAIT, (struct sockaddr *)&address,
                           &length);

    (void)printf("received %ld \"%s\"\n", result, text);
    show_address("from", result < 0, &address, length);
}

__attribute__((unused)) static void show_poll(int fd)
{
    struct pollfd request = { .fd = fd, .events = 0x23ff & ~(POLLERR | POLLHUP | POLLNVAL) };

    (void)poll(&request, 1, 0);
    (void)printf("poll: %#x\n", (unsigned)(unsigned short)request.revents);
}

__attribute__((unused)) static int bytes_in(int fd)
{
    int count = -1;

    return ioctl(fd, FIONREAD, &count) == 0 ? count : -1;
}

__attribute__((unused)) static void show_option(int fd, int option)
{
    int value = -12345;
    socklen_t length = sizeof(value);
    int result = getsockopt(fd, SOL_SOCKET, option, &value, &length);

    if (result != 0)
        (void)printf("option %d: %s\n", option, error_name(errno));
    else
        (void)printf("option %d: %d\n", option, value);
}

__attribute__((unused)) static void show_error(int fd)
{
    int value = -1;
    socklen_t length = sizeof(value);

    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length);
    (void)printf("error: %s\n", value ? error_name(value) : "none");
}

__attribute__((unused)) static int set_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}
