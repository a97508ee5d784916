/* Socket calls on what is no socket, and for families that nobody has. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static void calls_on(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    struct msghdr message = { .msg_name = NULL };
    int value = 0;
    char byte = 'x';

    CALL(getsockname(fd, (struct sockaddr *)&address, &length));
    CALL(getpeername(fd, (struct sockaddr *)&address, &length));
    CALL(bind(fd, (struct sockaddr *)&address, 16));
    CALL(connect(fd, (struct sockaddr *)&address, 16));
    CALL(listen(fd, 1));
    CALL(accept(fd, NULL, NULL));
    CALL(shutdown(fd, SHUT_RDWR));
    CALL(send(fd, &byte, 1, 0));
    CALL(recv(fd, &byte, 1, 0));
    CALL(sendmsg(fd, &message, 0));
    CALL(recvmsg(fd, &message, 0));
    length = sizeof(value);
    CALL(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
    CALL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)));
    CALL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1));
}

int main(void)
{
    int pair[2], null = open("/dev/null", O_RDWR);

    SECTION("no descriptor");
    calls_on(-1);
    SECTION("a device");
    calls_on(null);
    SECTION("a path");
    calls_on(open("/", O_PATH));
    SECTION("no family");
    CALL(socket(45, SOCK_STREAM, 0));
    CALL(socket(-1, SOCK_STREAM, 0));
    CALL(socket(1000, 15, 0));
    CALL(socket(AF_UNIX, 15, 0));
    CALL(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
    CALL(socketpair(1000, SOCK_STREAM, 0, pair));
    return 0;
}
