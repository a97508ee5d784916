/* How much fits into AF_UNIX sockets, and their options. */
#include <signal.h>
#include <sys/time.h>

#include "with_sockets.h"

static char bytes[1 << 20];

/* ---- Limits -------------------------------------------------------------------------------- */

static void fill(int type, int size)
{
    int pair[2], sent = -1;
    long total = 0, count = 0, result;

    make_pair(pair, type | SOCK_NONBLOCK);
    while ((result = write(pair[0], bytes, (size_t)size)) > 0) {
        total += result;
        count++;
    }
    (void)ioctl(pair[0], TIOCOUTQ, &sent);
    (void)printf("type %d, %d bytes: %ld sent in %ld, cost %d, then %s\n", type, size, total,
                 count, sent, error_name(errno));
    VALUE(bytes_in(pair[1]));
    show_poll(pair[0]);
    show_poll(pair[1]);
    for (int i = 0; i < 4; i++) {
        CALL(read(pair[1], bytes, 70000));
        show_poll(pair[0]);
    }
    close_pair(pair);
}

static void show_limits(void)
{
    static const int sizes[] = { 1, 100, 193, 1000, 4096, 5000, 36544, 70000, 100000, 212960 };
    int pair[2], value = 0;

    SECTION("limits");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        fill(SOCK_STREAM, sizes[i]);
        fill(SOCK_DGRAM, sizes[i]);
    }
    fill(SOCK_SEQPACKET, 3000);
    make_pair(pair, SOCK_DGRAM | SOCK_NONBLOCK);
    CALL(send(pair[0], bytes, 212961, 0));
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
    show_option(pair[0], SO_SNDBUF);
    CALL(send(pair[0], bytes, 4608, 0));
    CALL(send(pair[0], bytes, 4576, 0));
    CALL(send(pair[0], bytes, 1, 0));
    show_poll(pair[0]);
    value = 100000;
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
    show_poll(pair[0]);
    CALL(send(pair[0], bytes, 1, 0));
    close_pair(pair);
    make_pair(pair, SOCK_STREAM | SOCK_NONBLOCK);
    value = 1;
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
    CALL(send(pair[0], bytes, sizeof(bytes), 0));
    CALL(send(pair[0], bytes, sizeof(bytes), 0));
    CALL(recv(pair[1], bytes, sizeof(bytes), 0));
    close_pair(pair);
}

/* ---- Options ------------------------------------------------------------------------------- */

static void show_options(void)
{
    static const int flags[] = {
        SO_DEBUG, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE, SO_BROADCAST, SO_SNDBUF,
        SO_RCVBUF, SO_KEEPALIVE, SO_OOBINLINE, SO_PRIORITY, SO_REUSEPORT, SO_PASSCRED, SO_RCVLOWAT,
        SO_SNDLOWAT, SO_TIMESTAMP, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN, SO_PEEK_OFF,
    };
    struct timeval time = { 3, 500000 };
    struct linger linger = { 1, 7 };
    struct ucred peer = { -5, 0, 0 };
    socklen_t length = sizeof(time);
    int a = make(SOCK_STREAM), value = 1, pair[2];

    SECTION("options");
    for (size_t i = 0; i < COUNT(flags); i++) {
        (void)printf("option %d\n", flags[i]);
        show_option(a, flags[i]);
        CALL(setsockopt(a, SOL_SOCKET, flags[i], &value, sizeof(value)));
        show_option(a, flags[i]);
    }
    CALL(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    time.tv_usec = 1000000;
    CALL(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    CALL(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &time, 8));
    CALL(getsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &time, &length));
    VALUE(time.tv_sec);
    VALUE(time.tv_usec);
    CALL(getsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &time, &length));
    VALUE(time.tv_sec);
    CALL(setsockopt(a, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
    CALL(setsockopt(a, SOL_SOCKET, SO_LINGER, &linger, 4));
    CALL(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &value, 3));
    CALL(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, (void *)8, 4));
    CALL(setsockopt(a, SOL_SOCKET, 999, &value, 4));
    CALL(setsockopt(a, 6, 1, &value, 4));
    length = 2;
    value = -1;
    CALL(getsockopt(a, SOL_SOCKET, SO_TYPE, &value, &length));
    VALUE(length);
    VALUE(value);
    length = (socklen_t)-1;
    CALL(getsockopt(a, SOL_SOCKET, SO_TYPE, &value, &length));
    length = 4;
    CALL(getsockopt(a, SOL_SOCKET, 999, &value, &length));
    CALL(getsockopt(a, 6, 1, &value, &length));
    CALL(getsockopt(a, SOL_SOCKET, SO_TYPE, (void *)8, &length));
    CALL(getsockopt(a, SOL_SOCKET, SO_TYPE, &value, (void *)8));
    length = sizeof(peer);
    CALL(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &peer, &length));
    VALUE(peer.pid);
    VALUE((int)peer.uid);
    make_pair(pair, SOCK_DGRAM);
    CALL(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &length));
    FACT(peer.pid == getpid());
    FACT(peer.uid == getuid());
    close_pair(pair);
    close_all();
}

static void show_waiting_options(void)
{
    struct timeval time = { 0, 20000 };
    int pair[2], value = 4, full = 0;

    SECTION("time limits and low-water mark");
    make_pair(pair, SOCK_STREAM);
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
    CALL(recv(pair[0], bytes, 1, 0));
    CALL(send(pair[1], "abc", 3, 0));
    CALL(recv(pair[0], bytes, 10, MSG_WAITALL));
    CALL(send(pair[1], "abc", 3, 0));
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value)));
    CALL(recv(pair[0], bytes, 10, MSG_PEEK));
    CALL(recv(pair[0], bytes, 2, 0));
    CALL(send(pair[0], bytes, sizeof(bytes), 0));
    full = (int)send(pair[0], bytes, 1, 0);
    VALUE(full);
    close_pair(pair);
    make_pair(pair, SOCK_DGRAM);
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    CALL(recv(pair[0], bytes, 1, 0));
    close_pair(pair);
}

static void show_peek_offset(void)
{
    int pair[2], value = 2;

    SECTION("peeking on");
    make_pair(pair, SOCK_STREAM | SOCK_NONBLOCK);
    CALL(setsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &value, sizeof(value)));
    CALL(send(pair[0], "abcdefgh", 8, 0));
    CALL(recv(pair[1], bytes, 3, MSG_PEEK));
    (void)printf("%.3s\n", bytes);
    CALL(recv(pair[1], bytes, 1, MSG_PEEK));
    (void)printf("%.1s\n", bytes);
    show_option(pair[1], SO_PEEK_OFF);
    CALL(recv(pair[1], bytes, 4, 0));
    show_option(pair[1], SO_PEEK_OFF);
    CALL(recv(pair[1], bytes, 4, MSG_PEEK));
    CALL(recv(pair[1], bytes, 4, MSG_PEEK));
    close_pair(pair);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    show_limits();
    show_options();
    show_waiting_options();
    show_peek_offset();
    return 0;
}
