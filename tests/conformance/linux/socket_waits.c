/* Waiting on sockets, in several threads and processes: what ends a wait, and with what. */
#include <sys/time.h>
#include <sys/wait.h>

#include "with_sockets.h"
#include "with_threads.h"

#define MANY 4

static char bytes[1 << 20];
static int pair[2];

/* ---- One call in a thread ------------------------------------------------------------------ */

struct call {
    int fd;
    int flags;
    size_t size;
};

static void *receive_in_thread(void *argument)
{
    static char buffers[MANY][1 << 16];
    static int next;
    const struct call *call = argument;
    char *buffer = buffers[__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST) % MANY];

    return answer(recv(call->fd, buffer, call->size, call->flags));
}

static void *send_in_thread(void *argument)
{
    const struct call *call = argument;

    return answer(send(call->fd, bytes, call->size, call->flags | MSG_NOSIGNAL));
}

static void *accept_in_thread(void *argument)
{
    long result = accept(*(int *)argument, NULL, NULL);

    if (result >= 0) {
        (void)close((int)result);
        result = 1;
    }
    return answer(result);
}

static void *connect_in_thread(void *argument)
{
    return answer(connect_abstract(*(int *)argument, "eft-wait"));
}

static void *poll_in_thread(void *argument)
{
    const struct call *call = argument;
    struct pollfd request = { .fd = call->fd, .events = (short)call->flags };
    int result = poll(&request, 1, 5000);

    return answer(result == 1 ? (unsigned short)request.revents : -1);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void show_reading(int type)
{
    struct call call = { .size = 100 };
    pthread_t thread;

    SECTION("reading waits");
    VALUE(type);
    make_pair(pair, type);
    call.fd = pair[0];
    thread = start(receive_in_thread, &call);
    await_others_asleep();
    CALL(send(pair[1], "hello", 5, 0));
    show("after a message", join(thread));
    thread = start(receive_in_thread, &call);
    await_others_asleep();
    CALL(shutdown(pair[1], SHUT_WR));
    if (type == SOCK_DGRAM)
        CALL(send(pair[0], "unused", 6, 0));
    if (type == SOCK_DGRAM)
        CALL(shutdown(pair[0], SHUT_RD));
    show("after the end", join(thread));
    close_pair(pair);
    make_pair(pair, type);
    call.fd = pair[0];
    thread = start(receive_in_thread, &call);
    await_others_asleep();
    if (type != SOCK_DGRAM)
        CALL(send(pair[0], "unread", 6, 0));
    CALL(close(pair[1]));
    if (type == SOCK_DGRAM)
        CALL(shutdown(pair[0], SHUT_RD));
    show("after it was closed", join(thread));
    CALL(close(pair[0]));
}

static void show_pieces(void)
{
    struct call call = { .size = 10, .flags = MSG_WAITALL };
    pthread_t thread;

    SECTION("all of it");
    make_pair(pair, SOCK_STREAM);
    call.fd = pair[0];
    thread = start(receive_in_thread, &call);
    for (int i = 0; i < 5; i++) {
        sleep_ms(2);
        (void)send(pair[1], "ab", 2, 0);
    }
    show("in pieces", join(thread));
    thread = start(receive_in_thread, &call);
    await_others_asleep();
    (void)send(pair[1], "abc", 3, 0);
    (void)close(pair[1]);
    show("and the end", join(thread));
    (void)close(pair[0]);
}

static void show_several_readers(void)
{
    struct call call = { .size = 100 };
    pthread_t threads[MANY];
    long sum = 0;

    SECTION("several readers");
    make_pair(pair, SOCK_DGRAM);
    call.fd = pair[0];
    for (int i = 0; i < MANY; i++)
        threads[i] = start(receive_in_thread, &call);
    await_others_asleep();
    for (int i = 0; i < MANY; i++)
        (void)send(pair[1], "message", (size_t)i + 1, 0);
    for (int i = 0; i < MANY; i++)
        sum += join(threads[i]);
    show("each has one message, together", sum);
    close_pair(pair);
}

/* ---- Writing ------------------------------------------------------------------------------- */

static void show_writing(int type)
{
    struct call call = { .size = 40000 };
    pthread_t thread;
    long result;

    SECTION("writing waits");
    VALUE(type);
    make_pair(pair, type);
    while ((result = send(pair[0], bytes, 40000, MSG_DONTWAIT)) == 40000)
        continue;
    call.fd = pair[0];
    thread = start(send_in_thread, &call);
    await_others_asleep();
    while (recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    show("after it was read", join(thread));
    while (send(pair[0], bytes, 40000, MSG_DONTWAIT) > 0)
        continue;
    thread = start(send_in_thread, &call);
    await_others_asleep();
    CALL(close(pair[1]));
    show("after it was closed", join(thread));
    (void)close(pair[0]);
}

/* A large amount through a small buffer. */
static void show_flow(void)
{
    struct call call = { .size = sizeof(bytes) };
    int value = 5000;
    pthread_t thread;
    long total = 0, result;
    unsigned wrong = 0;

    SECTION("flow");
    make_pair(pair, SOCK_STREAM);
    CALL(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 256);
    call.fd = pair[0];
    thread = start(send_in_thread, &call);
    while (total < (long)sizeof(bytes)) {
        static char buffer[3000];

        result = recv(pair[1], buffer, sizeof(buffer), 0);
        for (long i = 0; i < result; i++)
            wrong += buffer[i] != (char)((size_t)(total + i) * 7 + (size_t)(total + i) / 256);
        total += result;
    }
    show("sent", join(thread));
    show("received", total);
    show("wrong bytes", wrong);
    close_pair(pair);
}

static void show_room_for_datagrams(void)
{
    int receiver = make(SOCK_DGRAM), sender = make(SOCK_DGRAM);
    struct call call = { .fd = sender, .size = 1 };
    pthread_t thread;

    SECTION("room for datagrams");
    CALL(bind_abstract(receiver, "eft-room"));
    CALL(connect_abstract(sender, "eft-room"));
    while (send(sender, "x", 1, MSG_DONTWAIT) == 1)
        continue;
    thread = start(send_in_thread, &call);
    await_others_asleep();
    CALL(recv(receiver, bytes, 1, 0));
    show("after one was read", join(thread));
    call.flags = POLLOUT;
    thread = start(poll_in_thread, &call);
    await_others_asleep();
    CALL(recv(receiver, bytes, 1, 0));
    (void)printf("poll: %#lx\n", join(thread));
    call.flags = 0;
    CALL(send(sender, "x", 1, MSG_DONTWAIT));
    CALL(send(sender, "x", 1, MSG_DONTWAIT));
    thread = start(send_in_thread, &call);
    await_others_asleep();
    CALL(close(receiver));
    show("after it was closed", join(thread));
    close_all();
}

/* ---- Connections --------------------------------------------------------------------------- */

static void show_connections(void)
{
    int listener = make(SOCK_STREAM), clients[4];
    pthread_t thread, other;

    SECTION("connections wait");
    CALL(bind_abstract(listener, "eft-wait"));
    CALL(listen(listener, 0));
    for (int i = 0; i < 4; i++)
        clients[i] = make(SOCK_STREAM);
    thread = start(accept_in_thread, &listener);
    other = start(accept_in_thread, &listener);
    await_others_asleep();
    CALL(connect_abstract(clients[0], "eft-wait"));
    CALL(connect_abstract(clients[1], "eft-wait"));
    show("accepted", join(thread));
    show("accepted", join(other));
    CALL(connect_abstract(clients[2], "eft-wait"));
    thread = start(connect_in_thread, &clients[3]);
    await_others_asleep();
    (void)accept_in_thread(&listener);
    show("connected", join(thread));
    (void)close(clients[0]);
    clients[0] = make(SOCK_STREAM);
    thread = start(connect_in_thread, &clients[0]);
    await_others_asleep();
    (void)close(listener);
    show("refused", join(thread));
    listener = make(SOCK_STREAM);
    CALL(bind_abstract(listener, "eft-wait"));
    CALL(listen(listener, 1));
    thread = start(accept_in_thread, &listener);
    await_others_asleep();
    CALL(shutdown(listener, SHUT_RD));
    show("accept after shutdown", join(thread));
    close_all();
}

static void show_polls(void)
{
    struct call call = { .flags = POLLIN | POLLRDHUP };
    pthread_t thread;

    SECTION("polls");
    make_pair(pair, SOCK_STREAM);
    call.fd = pair[0];
    thread = start(poll_in_thread, &call);
    await_others_asleep();
    (void)send(pair[1], "x", 1, 0);
    (void)printf("a message: %#lx\n", join(thread));
    call.flags = POLLRDHUP;
    thread = start(poll_in_thread, &call);
    await_others_asleep();
    (void)shutdown(pair[1], SHUT_WR);
    (void)printf("shut down: %#lx\n", join(thread));
    call.flags = 0;
    thread = start(poll_in_thread, &call);
    await_others_asleep();
    (void)close(pair[1]);
    (void)printf("closed: %#lx\n", join(thread));
    (void)close(pair[0]);
    make_pair(pair, SOCK_STREAM);
    while (send(pair[0], bytes, 4096, MSG_DONTWAIT) > 0)
        continue;
    call.fd = pair[0];
    call.flags = POLLOUT;
    thread = start(poll_in_thread, &call);
    await_others_asleep();
    while (recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    (void)printf("room: %#lx\n", join(thread));
    close_pair(pair);
}

/* ---- Signals ------------------------------------------------------------------------------- */

static volatile int handled;

static void handle_signal(int number)
{
    (void)number;
    handled++;
}

static void interrupt(int flags, pthread_t thread)
{
    struct sigaction action = { .sa_handler = handle_signal, .sa_flags = flags };

    handled = 0;
    (void)sigaction(SIGUSR1, &action, NULL);
    await_others_asleep();
    (void)pthread_kill(thread, SIGUSR1);
    while (!handled)
        sleep_ms(1);
}

static void show_signals(bool through_read)
{
    struct timeval time = { 60, 0 };
    struct call call = { .size = 10 };
    pthread_t thread;

    SECTION("signals");
    VALUE(through_read);
    make_pair(pair, through_read ? SOCK_DGRAM : SOCK_STREAM);
    call.fd = pair[0];
    thread = start(receive_in_thread, &call);
    interrupt(0, thread);
    show("without SA_RESTART", join(thread));
    thread = start(receive_in_thread, &call);
    interrupt(SA_RESTART, thread);
    await_others_asleep();
    (void)send(pair[1], "x", 1, 0);
    show("with SA_RESTART", join(thread));
    call.flags = MSG_WAITALL;
    if (!through_read) {
        (void)send(pair[1], "abc", 3, 0);
        thread = start(receive_in_thread, &call);
        interrupt(SA_RESTART, thread);
        show("after some bytes", join(thread));
    }
    (void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    thread = start(receive_in_thread, &call);
    interrupt(SA_RESTART, thread);
    show("with a time limit", join(thread));
    close_pair(pair);
}

static void *read_in_thread(void *argument)
{
    char byte;

    return answer(read(*(int *)argument, &byte, 1));
}

static void show_read_signal(void)
{
    struct timeval time = { 60, 0 };
    pthread_t thread;

    SECTION("signals and read");
    make_pair(pair, SOCK_STREAM);
    (void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    thread = start(read_in_thread, &pair[0]);
    interrupt(SA_RESTART, thread);
    show("with a time limit", join(thread));
    close_pair(pair);
}

/* ---- Processes ----------------------------------------------------------------------------- */

static void serve(int listener)
{
    char text[32];

    for (int i = 0; i < 3; i++) {
        struct ucred peer;
        socklen_t length = sizeof(peer);
        int fd = accept(listener, NULL, NULL);
        long size = recv(fd, text, sizeof(text), 0);

        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
        if (peer.pid == getppid() && size > 0)
            (void)send(fd, text, (size_t)size, 0);
        (void)close(fd);
    }
    _exit(7);
}

static void show_processes(void)
{
    int listener = make(SOCK_STREAM), status = 0;
    pid_t child;

    SECTION("processes");
    CALL(bind_path(listener, "server"));
    CALL(listen(listener, 5));
    (void)fflush(stdout);
    child = fork();
    if (child == 0)
        serve(listener);
    (void)close(listener);
    for (int i = 0; i < 3; i++) {
        struct ucred peer;
        socklen_t length = sizeof(peer);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char text[32] = "";

        CALL(connect_path(fd, "server"));
        CALL(send(fd, "echo", 4, 0));
        CALL(recv(fd, text, sizeof(text), 0));
        TEXT(text);
        CALL(recv(fd, text, sizeof(text), 0));
        CALL(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length));
        FACT(peer.pid == getpid());
        CALL(close(fd));
    }
    (void)waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
    CALL(connect_path(make(SOCK_STREAM), "server"));
    close_all();
    make_pair(pair, SOCK_SEQPACKET);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)close(pair[0]);
        for (int i = 0; i < 100; i++)
            (void)send(pair[1], bytes, (size_t)i + 1, 0);
        _exit(0);
    }
    (void)close(pair[1]);
    for (long result = 1, next = 1; result > 0; next++) {
        result = recv(pair[0], bytes, sizeof(bytes), 0);
        if (result != next)
            (void)printf("message %ld: %ld\n", next, result);
    }
    (void)waitpid(child, &status, 0);
    (void)close(pair[0]);
}

/* ---- Many at once -------------------------------------------------------------------------- */

#define ROUNDS 300

static void *exchange(void *argument)
{
    int fd = *(int *)argument;
    char text[64];
    long sum = 0;

    for (int i = 0; i < ROUNDS; i++) {
        if (send(fd, text, 1 + (size_t)i % 60, MSG_NOSIGNAL) < 0)
            break;
        sum += recv(fd, text, 1 + (size_t)i % 60, MSG_WAITALL);
    }
    return answer(sum);
}

static void *disturb(void *argument)
{
    volatile int *stop = argument;

    while (!*stop) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0) {
            (void)send(fds[0], "x", 1, 0);
            close_pair(fds);
        }
        sched_yield();
    }
    return NULL;
}

static void show_exchange(int type)
{
    int pairs[3][2];
    pthread_t threads[6], other;
    volatile int stop = 0;
    long sum = 0;

    SECTION("exchange");
    VALUE(type);
    other = start(disturb, (void *)(uintptr_t)&stop);
    for (int i = 0; i < 3; i++) {
        make_pair(pairs[i], type);
        threads[2 * i] = start(exchange, &pairs[i][0]);
        threads[2 * i + 1] = start(exchange, &pairs[i][1]);
    }
    for (int i = 0; i < 6; i++)
        sum += join(threads[i]);
    stop = 1;
    (void)join(other);
    show("bytes", sum);
    for (int i = 0; i < 3; i++)
        close_pair(pairs[i]);
}

int main(void)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

    for (size_t i = 0; i < COUNT(types); i++) {
        show_reading(types[i]);
        show_writing(types[i]);
        show_exchange(types[i]);
    }
    show_pieces();
    show_several_readers();
    show_flow();
    show_room_for_datagrams();
    show_connections();
    show_polls();
    show_signals(false);
    show_signals(true);
    show_read_signal();
    show_processes();
    return 0;
}
