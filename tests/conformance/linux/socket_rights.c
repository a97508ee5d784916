/* Files and credentials that go with messages: how they arrive, what has no room, who may say what
 * of himself, and circles of sockets that nobody can reach any more. */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "with_sockets.h"

#define CONTROL_SIZE 2048

static _Alignas(8) char control[CONTROL_SIZE];
static char bytes[65536];

/* ---- Sending ------------------------------------------------------------------------------- */

static long send_control(int fd, const char *text, size_t length)
{
    struct iovec piece = { (void *)(uintptr_t)text, strlen(text) };
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = length,
    };

    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static size_t put_rights(const int *fds, unsigned count)
{
    struct cmsghdr *header = (struct cmsghdr *)control;

    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    return CMSG_SPACE(count * sizeof(int));
}

static long send_files(int fd, const char *text, const int *fds, unsigned count)
{
    return send_control(fd, text, put_rights(fds, count));
}

static long send_file(int fd, const char *text, int file)
{
    return send_files(fd, text, &file, 1);
}

static long send_credentials(int fd, pid_t pid, uid_t uid, gid_t gid)
{
    struct cmsghdr *header = (struct cmsghdr *)control;
    struct ucred who = { pid, uid, gid };

    header->cmsg_len = CMSG_LEN(sizeof(who));
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    memcpy(CMSG_DATA(header), &who, sizeof(who));
    return send_control(fd, "who", CMSG_SPACE(sizeof(who)));
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static int received[300];

static void show_control(const struct msghdr *message)
{
    int count = 0;

    for (const struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message,
                              (struct cmsghdr *)(uintptr_t)header)) {
        size_t size = header->cmsg_len - CMSG_LEN(0);

        (void)printf("  control of type %d, %zu bytes\n", header->cmsg_type, size);
        if (header->cmsg_type == SCM_RIGHTS && size < sizeof(received)) {
            memcpy(received + count, CMSG_DATA(header), size);
            count += (int)(size / sizeof(int));
        } else if (size == sizeof(struct ucred)) {
            struct ucred who;

            memcpy(&who, CMSG_DATA(header), sizeof(who));
            (void)printf("  from %s, user %d, group %d\n",
                         who.pid == 0 ? "nobody" : who.pid == getpid() ? "itself" : "another",
                         (int)who.uid, (int)who.gid);
        }
    }
    received[count] = -1;
}

static long receive(int fd, size_t size, size_t control_size, int flags)
{
    struct iovec piece = { bytes, size };
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control_size ? control : NULL,
        .msg_controllen = control_size,
    };
    long result = recvmsg(fd, &message, flags | MSG_DONTWAIT);

    if (result < 0) {
        (void)printf("received: %s\n", error_name(errno));
        return result;
    }
    (void)printf("received %ld \"%.*s\", flags %#x, %zu bytes of control\n", result, (int)result,
                 bytes, (unsigned)message.msg_flags, (size_t)message.msg_controllen);
    show_control(&message);
    return result;
}

static void close_received(void)
{
    int count = 0;

    while (received[count] >= 0)
        (void)close(received[count++]);
    (void)printf("%d files\n", count);
    received[0] = -1;
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void show_arrival(int type)
{
    int pair[2], file, fds[3];

    SECTION("files arrive");
    VALUE(type);
    make_file("shared", "contents");
    file = open("shared", O_RDONLY);
    make_pair(pair, type);
    fds[0] = fds[1] = file;
    fds[2] = pair[0];
    CALL(send_files(pair[0], "three", fds, 3));
    CALL(send_file(pair[0], "one", file));
    CALL(send(pair[0], "plain", 5, 0));
    (void)receive(pair[1], 100, 0, MSG_PEEK);
    (void)receive(pair[1], 100, CONTROL_SIZE, MSG_PEEK);
    close_received();
    (void)receive(pair[1], 2, CONTROL_SIZE, 0);
    VALUE(read(received[1], bytes, 3));
    VALUE(lseek(file, 0, SEEK_CUR));
    CALL(fcntl(received[0], F_GETFD));
    close_received();
    (void)receive(pair[1], 100, CONTROL_SIZE, MSG_CMSG_CLOEXEC);
    if (received[0] >= 0)
        CALL(fcntl(received[0], F_GETFD));
    close_received();
    (void)receive(pair[1], 100, CONTROL_SIZE, MSG_CMSG_CLOEXEC);
    close_received();
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    close_pair(pair);
    (void)close(file);
}

static void show_room(void)
{
    int pair[2], fds[4];
    struct rlimit limit = { 0, 0 }, before;

    SECTION("no room for all");
    make_pair(pair, SOCK_DGRAM);
    for (int i = 0; i < 4; i++)
        fds[i] = pair[0];
    for (size_t size = 0; size <= CMSG_SPACE(4 * sizeof(int)); size += 4) {
        CALL(send_files(pair[0], "four", fds, 4));
        (void)receive(pair[1], 100, size, 0);
        close_received();
    }
    CALL(send_files(pair[0], "read", fds, 4));
    CALL(read(pair[1], bytes, 100));
    (void)getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = (rlim_t)dup(0) + 2;
    (void)close((int)limit.rlim_cur - 2);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    CALL(send_files(pair[0], "limit", fds, 4));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    close_received();
    (void)setrlimit(RLIMIT_NOFILE, &before);
    close_pair(pair);
}

static void show_bad_controls(void)
{
    struct cmsghdr *header = (struct cmsghdr *)control;
    static int many[254];
    int pair[2], bad = 1000, path = open(".", O_PATH);

    SECTION("controls that are wrong");
    make_pair(pair, SOCK_DGRAM);
    CALL(send_file(pair[0], "bad", bad));
    CALL(send_file(pair[0], "bad", -1));
    CALL(send_file(pair[0], "path", path));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    close_received();
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = pair[0];
    CALL(send_files(pair[0], "many", many, 254));
    CALL(send_files(pair[0], "many", many, 253));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    close_received();
    CALL(send_files(pair[0], "none", many, 0));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    (void)put_rights(many, 1);
    header->cmsg_type = 77;
    CALL(send_control(pair[0], "type", CMSG_SPACE(sizeof(int))));
    header->cmsg_level = 6;
    CALL(send_control(pair[0], "level", CMSG_SPACE(sizeof(int))));
    (void)put_rights(many, 1);
    header->cmsg_len = 15;
    CALL(send_control(pair[0], "short", CMSG_SPACE(sizeof(int))));
    (void)put_rights(many, 1);
    header->cmsg_len = 100;
    CALL(send_control(pair[0], "long", CMSG_SPACE(sizeof(int))));
    (void)put_rights(many, 1);
    CALL(send_control(pair[0], "cut", 10));
    CALL(send_control(pair[0], "cut", 19));
    header->cmsg_type = SCM_CREDENTIALS;
    CALL(send_control(pair[0], "creds", CMSG_SPACE(sizeof(int))));
    CALL(send_control(pair[0], "huge", 1 << 20));
    (void)close(path);
    close_pair(pair);
}

static void show_batches(void)
{
    struct iovec pieces[4] = {
        { (void *)(uintptr_t)"aa", 2 }, { (void *)(uintptr_t)"bbb", 3 },
        { (void *)(uintptr_t)"", 0 }, { (void *)8, 4 },
    };
    struct mmsghdr batch[4];
    struct timespec time = { 0, 1000000 };
    char text[4][8];
    int pair[2];

    SECTION("batches");
    memset(batch, 0, sizeof(batch));
    for (int i = 0; i < 4; i++) {
        batch[i].msg_hdr.msg_iov = &pieces[i];
        batch[i].msg_hdr.msg_iovlen = 1;
    }
    make_pair(pair, SOCK_DGRAM);
    CALL(sendmmsg(pair[0], batch, 4, 0));
    VALUE(batch[1].msg_len);
    CALL(sendmmsg(pair[0], batch + 3, 1, 0));
    CALL(sendmmsg(pair[0], batch, 0, 0));
    CALL(sendmmsg(-1, batch, 1, 0));
    for (int i = 0; i < 4; i++)
        pieces[i] = (struct iovec){ text[i], 8 };
    CALL(recvmmsg(pair[1], batch, 4, MSG_WAITFORONE, NULL));
    VALUE(batch[0].msg_len);
    VALUE(batch[1].msg_len);
    CALL(recvmmsg(pair[1], batch, 4, MSG_DONTWAIT, NULL));
    time.tv_nsec = -1;
    CALL(recvmmsg(pair[1], batch, 4, MSG_DONTWAIT, &time));
    CALL(send(pair[0], "x", 1, 0));
    CALL(send(pair[0], "y", 1, 0));
    time.tv_nsec = 0;
    time.tv_sec = 0;
    CALL(recvmmsg(pair[1], batch, 2, MSG_DONTWAIT, &time));
    close_pair(pair);
}

static void show_headers(void)
{
    struct iovec piece = { bytes, 4 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1025 };
    struct sockaddr_un address;
    int pair[2];

    SECTION("headers that are wrong");
    make_pair(pair, SOCK_DGRAM);
    CALL(sendmsg(pair[0], &message, 0));
    CALL(recvmsg(pair[0], &message, MSG_DONTWAIT));
    message.msg_iovlen = 1;
    piece.iov_len = (size_t)-1;
    CALL(sendmsg(pair[0], &message, 0));
    piece.iov_len = 4;
    message.msg_name = &address;
    message.msg_namelen = (socklen_t)-1;
    CALL(sendmsg(pair[0], &message, 0));
    CALL(recvmsg(pair[0], &message, MSG_DONTWAIT));
    message.msg_namelen = 1;
    address.sun_family = AF_UNIX;
    CALL(sendmsg(pair[0], &message, 0));
    message.msg_namelen = 1000;
    CALL(sendmsg(pair[0], &message, 0) < 0);
    message.msg_name = (void *)8;
    message.msg_namelen = 10;
    CALL(sendmsg(pair[0], &message, 0));
    message.msg_name = NULL;
    message.msg_control = (void *)8;
    message.msg_controllen = 20;
    CALL(sendmsg(pair[0], &message, 0));
    message.msg_control = NULL;
    message.msg_controllen = 0;
    CALL(sendmsg(pair[0], &message, 0));
    message.msg_name = &address;
    message.msg_namelen = sizeof(address);
    CALL(recvmsg(pair[1], &message, 0));
    VALUE(message.msg_namelen);
    close_pair(pair);
}

static void show_senders(int type)
{
    int pair[2], on = 1;

    SECTION("who sends");
    VALUE(type);
    make_pair(pair, type);
    CALL(send(pair[0], "before", 6, 0));
    CALL(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    CALL(send(pair[0], "a", 1, 0));
    CALL(send(pair[0], "b", 1, 0));
    CALL(send_credentials(pair[0], getpid(), getuid(), getgid()));
    CALL(send_file(pair[0], "file", 0));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    (void)receive(pair[1], 100, 12, 0);
    (void)receive(pair[1], 100, 20, 0);
    (void)receive(pair[1], 100, 0, 0);
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    close_received();
    close_pair(pair);
}

static void show_pretence(void)
{
    int pair[2], on = 1, status;
    pid_t child;

    SECTION("credentials of others");
    make_pair(pair, SOCK_DGRAM);
    CALL(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    CALL(send_credentials(pair[0], 4000000, 0, 0));
    CALL(send_credentials(pair[0], getpid(), (uid_t)-1, 0));
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        CALL(send_credentials(pair[0], getppid(), 5, 6));
        (void)setgid(1000);
        (void)setuid(1000);
        CALL(send_credentials(pair[0], getpid(), 1000, 1000));
        CALL(send_credentials(pair[0], getpid(), 0, 1000));
        CALL(send_credentials(pair[0], getpid(), 1000, 0));
        CALL(send_credentials(pair[0], getppid(), 1000, 1000));
        CALL(send(pair[0], "child", 5, 0));
        (void)fflush(stdout);
        _exit(0);
    }
    (void)waitpid(child, &status, 0);
    for (int i = 0; i < 3; i++)
        (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    close_pair(pair);
}

/* How many may a user have on their way? */
static void show_many(void)
{
    struct rlimit limit = { 20, 20 };
    int pair[2], status, fds[10];
    pid_t child;

    SECTION("too many on their way");
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        make_pair(pair, SOCK_STREAM);
        for (int i = 0; i < 10; i++)
            fds[i] = 0;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)setuid(12345);
        CALL(send_files(pair[0], "x", fds, 10));
        CALL(send_files(pair[0], "x", fds, 10));
        CALL(send_files(pair[0], "x", fds, 10));
        CALL(send_files(pair[0], "x", fds, 10));
        (void)receive(pair[1], 100, CONTROL_SIZE, 0);
        close_received();
        CALL(send_files(pair[0], "x", fds, 1));
        CALL(send_files(pair[0], "x", fds, 1));
        (void)fflush(stdout);
        _exit(0);
    }
    (void)waitpid(child, &status, 0);
}

/* ---- Circles ------------------------------------------------------------------------------- */

/* The end of a pipe that went along: it is at its end when the others are closed.  Linux looks for
 * circles when it has time, and when a socket is closed. */
static int marker[2];

static void new_marker(void)
{
    if (pipe(marker) != 0)
        (void)printf("no pipe\n");
    (void)fcntl(marker[0], F_SETFL, O_NONBLOCK);
}

static void show_marker(void)
{
    long result = -1;

    (void)close(marker[1]);
    for (int i = 0; i < 2000 && result < 0; i++) {
        int other = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)close(other);
        result = read(marker[0], bytes, 1);
        if (result < 0)
            (void)usleep(1000);
    }
    (void)printf("the others are %s\n", result == 0 ? "closed" : "open");
    (void)close(marker[0]);
}

static void show_circles(void)
{
    int pair[2], other[2], fds[2], listener, client;

    SECTION("circles");
    make_pair(pair, SOCK_STREAM);
    new_marker();
    fds[0] = marker[1];
    fds[1] = pair[1];
    CALL(send_files(pair[0], "itself", fds, 2));
    close_pair(pair);
    show_marker();

    make_pair(pair, SOCK_DGRAM);
    make_pair(other, SOCK_STREAM);
    new_marker();
    fds[0] = marker[1];
    fds[1] = other[1];
    CALL(send_files(pair[0], "other", fds, 2));
    CALL(send_file(other[0], "back", pair[1]));
    close_pair(pair);
    close_pair(other);
    show_marker();

    make_pair(pair, SOCK_STREAM);
    new_marker();
    fds[0] = marker[1];
    fds[1] = pair[0];
    CALL(send_files(pair[0], "both", fds, 2));
    CALL(send_file(pair[1], "both", pair[1]));
    close_pair(pair);
    show_marker();

    SECTION("one that waits to be accepted");
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind_abstract(listener, "eft-circle"));
    CALL(listen(listener, 5));
    CALL(connect_abstract(client, "eft-circle"));
    new_marker();
    fds[0] = marker[1];
    fds[1] = listener;
    CALL(send_files(client, "listener", fds, 2));
    CALL(close(client));
    CALL(close(listener));
    show_marker();

    SECTION("one that somebody holds");
    make_pair(pair, SOCK_STREAM);
    fds[0] = pair[0];
    fds[1] = pair[1];
    CALL(send_files(pair[0], "held", fds, 2));
    CALL(close(pair[0]));
    (void)close(socket(AF_UNIX, SOCK_STREAM, 0));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    CALL(write(received[0], "alive", 5));
    (void)receive(pair[1], 100, CONTROL_SIZE, 0);
    CALL(close(pair[1]));
    (void)receive(3, 0, 0, 0);
}

/* Each holds the next one in its message: closing the first closes all. */
static void show_chain(void)
{
    int before[2], next[2];

    SECTION("a long chain");
    new_marker();
    make_pair(before, SOCK_STREAM);
    CALL(send_file(before[0], "x", marker[1]));
    (void)close(before[0]);
    for (int i = 0; i < 500; i++) {
        make_pair(next, SOCK_STREAM);
        if (send_file(next[0], "x", before[1]) != 1)
            (void)printf("not sent\n");
        (void)close(before[1]);
        (void)close(next[0]);
        before[1] = next[1];
    }
    (void)close(before[1]);
    show_marker();
}

int main(void)
{
    received[0] = -1;
    show_arrival(SOCK_STREAM);
    show_arrival(SOCK_DGRAM);
    show_arrival(SOCK_SEQPACKET);
    show_room();
    show_bad_controls();
    show_batches();
    show_headers();
    show_senders(SOCK_STREAM);
    show_senders(SOCK_DGRAM);
    show_pretence();
    show_many();
    show_circles();
    show_chain();
    return 0;
}
