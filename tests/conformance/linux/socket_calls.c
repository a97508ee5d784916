/* AF_UNIX sockets within one thread: names, connections, messages, ends, readiness, errors and
 * their order. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "with_sockets.h"

static char bytes[1 << 20];

/* ---- Making -------------------------------------------------------------------------------- */

static void show_making(void)
{
    int pair[2], null = open("/dev/null", O_RDWR);
    struct stat status;
    char text[64] = "";

    SECTION("making");
    CALL(socket(AF_UNIX, SOCK_STREAM, 1) > 0);
    CALL(socket(AF_UNIX, SOCK_STREAM, 2));
    CALL(socket(AF_UNIX, SOCK_RAW, 0) > 0);
    CALL(socket(AF_UNIX, SOCK_RDM, 0));
    CALL(socket(AF_UNIX, 0, 0));
    CALL(socket(AF_UNIX, 11, 0));
    CALL(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
    CALL(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8));
    CALL(socketpair(AF_UNIX, SOCK_STREAM, 3, pair));
    CALL(socketpair(AF_UNIX, 7, 0, pair));
    CALL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
    CALL(fcntl(pair[0], F_GETFD));
    CALL(fcntl(pair[1], F_GETFL));
    CALL(fstat(pair[0], &status));
    OCTAL(status.st_mode);
    VALUE(status.st_size);
    VALUE(status.st_nlink);
    VALUE(status.st_blksize);
    VALUE(status.st_uid);
    CALL(fchmod(pair[0], 0600));
    CALL(fstat(pair[0], &status));
    OCTAL(status.st_mode);
    CALL(lseek(pair[0], 0, SEEK_SET));
    CALL(pread(pair[0], bytes, 1, 0));
    CALL(fsync(pair[0]));
    CALL(ftruncate(pair[0], 0));
    (void)snprintf(text, sizeof(text), "/proc/self/fd/%d", pair[0]);
    CALL(open(text, O_RDWR));
    CALL(stat(text, &status));
    OCTAL(status.st_mode);
    CALL(readlink(text, bytes, 8));
    TEXT(bytes);
    CALL(close(pair[0]));
    CALL(close(pair[1]));
    CALL(close(null));
}

/* ---- Names --------------------------------------------------------------------------------- */

static void show_path_names(void)
{
    int a = make(SOCK_STREAM), b = make(SOCK_DGRAM), c = make(SOCK_STREAM);
    struct sockaddr_un address;
    struct stat status;

    SECTION("names that are files");
    show_name(a);
    CALL(bind(a, (struct sockaddr *)8, 20));
    CALL(bind(a, NULL, 0));
    CALL(bind(a, (struct sockaddr *)&address, -1));
    CALL(bind(a, (struct sockaddr *)&address, 200));
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_INET;
    CALL(bind(a, (struct sockaddr *)&address, 20));
    address.sun_family = AF_UNIX;
    CALL(bind(a, (struct sockaddr *)&address, 111));
    CALL(bind_path(a, "no/where"));
    CALL(bind_path(a, "first"));
    show_name(a);
    CALL(lstat("first", &status));
    OCTAL(status.st_mode);
    VALUE(status.st_size);
    CALL(open("first", O_RDWR));
    CALL(bind_path(a, "first"));
    CALL(bind_path(a, "second"));
    CALL(lstat("second", &status));
    CALL(bind_path(b, "first"));
    CALL(bind_path(b, "."));
    CALL(bind_path(b, "second/"));
    CALL(symlink("third", "link"));
    CALL(bind_path(b, "link"));
    CALL(connect_path(c, "first"));
    CALL(connect_path(b, "first"));
    CALL(connect_path(c, "none"));
    make_file("plain", "x");
    CALL(connect_path(c, "plain"));
    CALL(connect_path(c, "."));
    CALL(listen(a, 5));
    CALL(symlink("first", "to_first"));
    CALL(connect_path(c, "to_first"));
    show_name(c);
    show_peer(c);
    CALL(rename("first", "renamed"));
    CALL(close(a));
    a = make(SOCK_STREAM);
    CALL(connect_path(a, "renamed"));
    CALL(unlink("renamed"));
    CALL(connect_path(a, "renamed"));
    CALL(bind_path(a, "renamed"));
    show_name(a);
    close_all();
}

static void show_long_names(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int a = make(SOCK_STREAM), b = make(SOCK_STREAM);
    struct sockaddr_storage got;
    socklen_t length = sizeof(got);

    SECTION("long names");
    memset(address.sun_path, 'n', sizeof(address.sun_path));
    CALL(bind(a, (struct sockaddr *)&address, sizeof(address)));
    CALL(getsockname(a, (struct sockaddr *)&got, &length));
    VALUE(length);
    CALL(listen(a, 1));
    CALL(connect(b, (struct sockaddr *)&address, sizeof(address)));
    length = 5;
    CALL(getsockname(a, (struct sockaddr *)&got, &length));
    VALUE(length);
    length = (socklen_t)-1;
    CALL(getsockname(a, (struct sockaddr *)&got, &length));
    length = 0;
    CALL(getsockname(a, NULL, &length));
    length = 50;
    CALL(getsockname(a, (struct sockaddr *)8, &length));
    CALL(getsockname(a, (struct sockaddr *)&got, (socklen_t *)8));
    close_all();
}

static void show_abstract_names(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int a = make(SOCK_STREAM), b = make(SOCK_STREAM), c = make(SOCK_DGRAM);
    socklen_t length = sizeof(address);

    SECTION("abstract names");
    CALL(bind_abstract(a, "eft-name"));
    show_name(a);
    CALL(bind_abstract(a, "eft-other"));
    CALL(bind_abstract(b, "eft-name"));
    CALL(bind_abstract(c, "eft-name"));
    CALL(connect_abstract(b, "eft-name"));
    CALL(listen(a, 1));
    CALL(connect_abstract(b, "eft-nam"));
    CALL(connect_abstract(b, "eft-name"));
    show_peer(b);
    CALL(close(a));
    a = make(SOCK_STREAM);
    CALL(bind_abstract(a, "eft-name"));
    SECTION("names that are chosen");
    a = make(SOCK_STREAM);
    CALL(bind(a, (struct sockaddr *)&address, 2));
    CALL(bind(a, (struct sockaddr *)&address, 2));
    CALL(getsockname(a, (struct sockaddr *)&address, &length));
    VALUE(length);
    VALUE(address.sun_path[0]);
    CALL(bind(a, (struct sockaddr *)&address, 20));
    close_all();
}

/* ---- Connections --------------------------------------------------------------------------- */

static void show_listening(int type)
{
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    int a = make(type), clients[5], ends[3];

    SECTION(type == SOCK_STREAM ? "listening: stream" : "listening: sequenced");
    CALL(listen(a, 1));
    CALL(accept(a, NULL, NULL));
    CALL(bind_abstract(a, "eft-listen"));
    CALL(accept4(a, NULL, NULL, 1));
    show_poll(a);
    CALL(listen(a, 1));
    show_poll(a);
    show_option(a, SO_ACCEPTCONN);
    CALL(set_nonblocking(a));
    CALL(accept(a, NULL, NULL));
    CALL(recv(a, bytes, 1, MSG_DONTWAIT));
    CALL(send(a, bytes, 1, MSG_NOSIGNAL));
    for (int i = 0; i < 5; i++) {
        clients[i] = make(type | SOCK_NONBLOCK);
        CALL(connect_abstract(clients[i], "eft-listen"));
    }
    CALL(connect_abstract(clients[0], "eft-listen"));
    CALL(connect_abstract(a, "eft-listen"));
    show_poll(a);
    show_poll(clients[0]);
    show_poll(clients[3]);
    CALL(send(clients[0], "early", 5, 0));
    CALL(send(clients[1], "early too", 9, 0));
    CALL(close(clients[1]));
    CALL(bytes_in(a));
    CALL((ends[0] = accept4(a, (struct sockaddr *)&address, &length, SOCK_CLOEXEC)) > 0);
    VALUE(length);
    CALL(fcntl(ends[0], F_GETFD));
    CALL(fcntl(ends[0], F_GETFL));
    show_name(ends[0]);
    show_peer(ends[0]);
    CALL(recv(ends[0], bytes, 100, 0));
    CALL(accept(a, (struct sockaddr *)8, &length));
    CALL(connect_abstract(clients[3], "eft-listen"));
    CALL((ends[1] = accept(a, NULL, NULL)) > 0);
    CALL(recv(ends[1], bytes, 100, MSG_DONTWAIT));
    CALL(recv(ends[1], bytes, 100, MSG_DONTWAIT));
    CALL(connect_abstract(clients[4], "eft-listen"));
    CALL(shutdown(a, SHUT_RD));
    CALL(connect_abstract(clients[2], "eft-listen"));
    show_poll(a);
    CALL((ends[2] = accept(a, NULL, NULL)) > 0);
    CALL(accept(a, NULL, NULL));
    CALL(close(a));
    show_poll(clients[4]);
    CALL(recv(clients[4], bytes, 1, 0));
    CALL(recv(clients[4], bytes, 1, 0));
    CALL(listen(clients[4], 1));
    show_error(clients[0]);
    close_all();
}

static void show_misuse(int type)
{
    int a = make(type);

    SECTION(type == SOCK_STREAM ? "not connected: stream"
                                : type == SOCK_DGRAM ? "not connected: datagrams"
                                                     : "not connected: sequenced");
    show_poll(a);
    CALL(recv(a, bytes, 1, MSG_DONTWAIT));
    CALL(send(a, bytes, 1, MSG_NOSIGNAL));
    CALL(send(a, bytes, 0, MSG_NOSIGNAL));
    CALL(write(a, bytes, 1));
    CALL(read(a, bytes, 0));
    CALL(send_to(a, "eft-nobody", "x"));
    CALL(listen(a, 1));
    CALL(shutdown(a, 3));
    CALL(shutdown(a, -1));
    CALL(recv(a, bytes, 1, MSG_OOB | MSG_DONTWAIT) == -1);
    CALL(shutdown(a, SHUT_WR));
    show_poll(a);
    CALL(shutdown(a, SHUT_RD));
    show_poll(a);
    CALL(recv(a, bytes, 1, MSG_DONTWAIT));
    show_peer(a);
    close_all();
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void show_ends(int type)
{
    int pair[2];

    SECTION(type == SOCK_STREAM ? "ends: stream"
                                : type == SOCK_DGRAM ? "ends: datagrams" : "ends: sequenced");
    for (int how = 0; how < 3; how++) {
        make_pair(pair, type | SOCK_NONBLOCK);
        VALUE(how);
        CALL(send(pair[0], "before", 6, 0));
        CALL(send(pair[1], "before", 6, 0));
        CALL(shutdown(pair[0], how));
        show_poll(pair[0]);
        show_poll(pair[1]);
        CALL(send(pair[0], "x", 1, MSG_NOSIGNAL));
        CALL(send(pair[1], "x", 1, MSG_NOSIGNAL));
        CALL(recv(pair[0], bytes, 100, 0));
        CALL(recv(pair[0], bytes, 100, 0));
        CALL(recv(pair[1], bytes, 100, 0));
        CALL(recv(pair[1], bytes, 100, 0));
        show_poll(pair[0]);
        show_poll(pair[1]);
        close_pair(pair);
    }
    for (int unread = 0; unread < 2; unread++) {
        make_pair(pair, type | SOCK_NONBLOCK);
        VALUE(unread);
        CALL(send(pair[1], "left", 4, 0));
        if (unread)
            CALL(send(pair[0], "unread", 6, 0));
        CALL(close(pair[1]));
        show_poll(pair[0]);
        CALL(send(pair[0], "x", 1, MSG_NOSIGNAL));
        CALL(recv(pair[0], bytes, 2, 0));
        CALL(recv(pair[0], bytes, 100, 0));
        CALL(recv(pair[0], bytes, 100, 0));
        CALL(send(pair[0], "x", 1, MSG_NOSIGNAL));
        show_error(pair[0]);
        show_poll(pair[0]);
        show_peer(pair[0]);
        CALL(close(pair[0]));
    }
}

static volatile int pipe_signals;

static void count_signal(int number)
{
    (void)number;
    pipe_signals++;
}

static void show_signals(int type)
{
    int pair[2];

    pipe_signals = 0;
    SECTION("SIGPIPE");
    VALUE(type);
    (void)signal(SIGPIPE, count_signal);
    make_pair(pair, type);
    CALL(close(pair[1]));
    CALL(send(pair[0], "x", 1, MSG_NOSIGNAL));
    VALUE(pipe_signals);
    CALL(send(pair[0], "x", 1, 0));
    VALUE(pipe_signals);
    CALL(write(pair[0], "x", 1));
    VALUE(pipe_signals);
    CALL(close(pair[0]));
    make_pair(pair, type);
    CALL(shutdown(pair[0], SHUT_WR));
    CALL(write(pair[0], "x", 1));
    CALL(write(pair[0], "", 0));
    VALUE(pipe_signals);
    close_pair(pair);
}

/* ---- Messages ------------------------------------------------------------------------------ */

static void show_boundaries(int type)
{
    int pair[2];
    struct iovec pieces[3] = { { bytes, 2 }, { bytes + 100, 0 }, { bytes + 200, 5 } };

    SECTION("boundaries");
    VALUE(type);
    make_pair(pair, type | SOCK_NONBLOCK);
    CALL(send(pair[0], "hello", 5, 0));
    CALL(send(pair[0], "world!", 6, MSG_EOR));
    CALL(write(pair[0], "", 0));
    CALL(writev(pair[0], pieces, 3));
    CALL(bytes_in(pair[1]));
    CALL(recv(pair[1], bytes, 0, 0));
    CALL(recv(pair[1], bytes, 3, MSG_PEEK));
    CALL(recv(pair[1], bytes, 3, MSG_PEEK | MSG_TRUNC));
    CALL(recv(pair[1], bytes, 100, MSG_PEEK));
    CALL(recv(pair[1], bytes, 3, 0));
    CALL(recv(pair[1], bytes, 3, MSG_TRUNC));
    CALL(recv(pair[1], bytes, 100, 0));
    CALL(readv(pair[1], pieces, 3));
    CALL(recv(pair[1], bytes, 100, 0));
    CALL(read(pair[1], bytes, 0));
    CALL(send(pair[0], "more", 4, 0));
    CALL(recv(pair[1], (void *)8, 4, 0));
    CALL(recv(pair[1], bytes, 100, 0));
    CALL(send(pair[0], (void *)8, 4, 0));
    CALL(send(pair[0], (void *)-1, 4, 0));
    CALL(recv(pair[1], bytes, 100, 0));
    CALL(send(pair[0], "out", 3, MSG_OOB) >= -1);
    close_pair(pair);
}

static void show_datagrams(void)
{
    int a = make(SOCK_DGRAM | SOCK_NONBLOCK), b = make(SOCK_DGRAM | SOCK_NONBLOCK);
    int c = make(SOCK_DGRAM | SOCK_NONBLOCK);
    struct sockaddr_un address = { .sun_family = AF_UNSPEC };
    int count = 0;

    SECTION("datagrams to names");
    CALL(bind_abstract(a, "eft-a"));
    CALL(send_to(b, "eft-a", "one"));
    show_sender(a);
    CALL(bind_abstract(b, "eft-b"));
    CALL(send_to(b, "eft-a", "two"));
    show_sender(a);
    CALL(connect_abstract(b, "eft-a"));
    show_peer(b);
    CALL(send(b, "three", 5, 0));
    CALL(send_to(b, "eft-b", "to itself"));
    show_sender(b);
    show_sender(a);
    CALL(connect_abstract(a, "eft-b"));
    CALL(send_to(c, "eft-a", "stranger"));
    CALL(connect_abstract(c, "eft-a"));
    CALL(send(a, "lost", 4, 0));
    CALL(connect(b, (struct sockaddr *)&address, 1));
    CALL(connect(b, (struct sockaddr *)&address, 2));
    show_error(a);
    show_error(a);
    CALL(send(b, "x", 1, 0));
    CALL(recv(b, bytes, 10, 0));
    CALL(connect(a, (struct sockaddr *)&address, sizeof(address)));
    SECTION("so many datagrams wait");
    CALL(connect_abstract(c, "eft-a"));
    while (send(c, "x", 1, 0) == 1)
        count++;
    VALUE(count);
    show_poll(c);
    CALL(send_to(b, "eft-a", "x"));
    show_poll(b);
    CALL(recv(a, bytes, 1, 0));
    show_poll(c);
    CALL(send(c, "x", 1, 0));
    CALL(close(a));
    show_poll(c);
    CALL(send(c, "x", 1, 0));
    CALL(send(c, "x", 1, 0));
    CALL(send_to(c, "eft-a", "x"));
    close_all();
}

/* ---- Others -------------------------------------------------------------------------------- */

static void show_sendfile(void)
{
    int pair[2], file;

    SECTION("sendfile");
    make_file("data", "0123456789");
    file = open("data", O_RDONLY);
    make_pair(pair, SOCK_STREAM);
    CALL(sendfile(pair[0], file, NULL, 100));
    CALL(recv(pair[1], bytes, 100, 0));
    (void)printf("%.10s\n", bytes);
    CALL(close(pair[1]));
    CALL(lseek(file, 0, SEEK_SET));
    CALL(sendfile(pair[0], file, NULL, 100));
    CALL(ioctl(pair[0], FIONBIO, &(int){ 1 }));
    CALL(fcntl(pair[0], F_GETFL));
    CALL(ioctl(pair[0], TCGETS, bytes));
    (void)close(pair[0]);
    (void)close(file);
}

int main(void)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

    (void)umask(022);
    show_making();
    show_path_names();
    show_long_names();
    show_abstract_names();
    show_listening(SOCK_STREAM);
    show_listening(SOCK_SEQPACKET);
    for (size_t i = 0; i < COUNT(types); i++) {
        (void)signal(SIGPIPE, SIG_IGN);
        show_misuse(types[i]);
        show_ends(types[i]);
        show_signals(types[i]);
        show_boundaries(types[i]);
    }
    show_datagrams();
    show_sendfile();
    return 0;
}
