/*
 * Random operations on a dozen of sockets: what each gives, and what can be seen of the sockets
 * from time to time.  Arguments are other seeds.
 */
#include <signal.h>

#include "with_sockets.h"

#define SLOTS 12
#define NAMES 4
#define OPERATIONS 6000

static _Alignas(8) char control[512];
static char bytes[300000];
static int slots[SLOTS];
static uint64_t state;
static int null_file;

static unsigned below(unsigned limit)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % limit;
}

static const char *name_of(unsigned number)
{
    static const char *const names[NAMES] = { "eft-r0", "eft-r1", "eft-r2", "eft-r3" };

    return names[number];
}

static unsigned chosen;    /* the slot that the operation is about */

static int any(void)
{
    chosen = below(SLOTS);
    return slots[chosen];
}

static int random_type(void)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

    return types[below(3)] | SOCK_NONBLOCK;
}

static size_t random_size(void)
{
    static const unsigned limits[] = { 4, 100, 1000, 5000, 40000, 250000 };

    return below(limits[below(COUNT(limits))]);
}

static void say(const char *what, long result)
{
    if (result < 0)
        (void)printf("%u %s: %s\n", chosen, what, error_name(errno));
    else
        (void)printf("%u %s: %ld\n", chosen, what, result);
}

/* ---- Operations ---------------------------------------------------------------------------- */

static void take_slot(unsigned slot, int fd)
{
    (void)close(slots[slot]);
    slots[slot] = fd;
}

static void new_pair(void)
{
    unsigned slot = below(SLOTS);
    int fds[2];

    if (socketpair(AF_UNIX, random_type(), 0, fds) != 0)
        return;
    take_slot(slot, fds[0]);
    take_slot((slot + 1) % SLOTS, fds[1]);
    say("pair", slot);
}

static void new_socket(void)
{
    unsigned slot = below(SLOTS);

    take_slot(slot, socket(AF_UNIX, random_type(), 0));
    say("socket", slot);
}

static void send_bytes(void)
{
    say("send", send(any(), bytes, random_size(), MSG_NOSIGNAL));
}

static void send_to_name(void)
{
    struct sockaddr_un address;
    socklen_t length = abstract_address(name_of(below(NAMES)), &address);

    say("sendto", sendto(any(), bytes, random_size(), MSG_NOSIGNAL, (struct sockaddr *)&address,
                         length));
}

static void receive_bytes(void)
{
    static const int flags[] = { 0, 0, 0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC, MSG_WAITALL };
    size_t size = random_size();
    long result = recv(any(), bytes, size, flags[below(COUNT(flags))]);
    unsigned sum = 0;

    for (long i = 0; i < result && i < (long)size; i++)
        sum = sum * 31 + (unsigned char)bytes[i];
    say("recv", result);
    if (result > 0)
        (void)printf("  sum %#x\n", sum);
    for (size_t i = 0; i < 100; i++)    /* what is sent later differs */
        bytes[below(sizeof(bytes))] = (char)below(256);
}

static void send_file(void)
{
    struct cmsghdr *header = (struct cmsghdr *)control;
    struct iovec piece = { bytes, random_size() };
    unsigned count = below(4);
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = CMSG_SPACE(count * sizeof(int)),
    };

    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    for (unsigned i = 0; i < count; i++)
        memcpy(CMSG_DATA(header) + i * sizeof(int), &null_file, sizeof(null_file));
    say("send files", sendmsg(any(), &message, MSG_NOSIGNAL));
}

static void show_control(const struct cmsghdr *header)
{
    size_t size = header->cmsg_len - CMSG_LEN(0);

    (void)printf("  type %d, %zu bytes\n", header->cmsg_type, size);
    for (size_t i = 0; header->cmsg_type == SCM_RIGHTS && i + sizeof(int) <= size;
         i += sizeof(int)) {
        int fd;

        memcpy(&fd, CMSG_DATA(header) + i, sizeof(fd));
        (void)close(fd);
    }
    if (header->cmsg_type == SCM_CREDENTIALS && size == sizeof(struct ucred)) {
        struct ucred who;

        memcpy(&who, CMSG_DATA(header), sizeof(who));
        (void)printf("  %s %d\n", who.pid == getpid() ? "own" : "nobody", (int)who.uid);
    }
}

static void receive_message(void)
{
    struct sockaddr_un address;
    struct iovec pieces[2] = { { bytes, random_size() }, { bytes + 280000, below(10) } };
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = pieces, .msg_iovlen = 2,
        .msg_control = control, .msg_controllen = below(4) ? sizeof(control) : below(60),
    };
    long result = recvmsg(any(), &message, below(3) ? 0 : MSG_PEEK);

    say("recvmsg", result);
    if (result < 0)
        return;
    (void)printf("  name %u, flags %#x, control %zu\n", (unsigned)message.msg_namelen,
                 (unsigned)message.msg_flags, (size_t)message.msg_controllen);
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header))
        show_control(header);
}

static void shut_down(void)
{
    if (below(3) == 0)
        say("shutdown", shutdown(any(), (int)below(3)));
}

static void bind_to_name(void)
{
    say("bind", bind_abstract(any(), name_of(below(NAMES))));
}

static void listen_for(void)
{
    say("listen", listen(any(), (int)below(3)));
}

static void connect_to_name(void)
{
    say("connect", connect_abstract(any(), name_of(below(NAMES))));
}

static void disconnect(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNSPEC };

    say("disconnect", connect(any(), (struct sockaddr *)&address, sizeof(address)));
}

static void accept_one(void)
{
    unsigned slot = below(SLOTS);
    int fd = accept4(any(), NULL, NULL, SOCK_NONBLOCK);

    if (fd >= 0)
        take_slot(slot, fd);
    say("accept", fd >= 0 ? (long)slot : -1);
}

static void set_options(void)
{
    static const int options[] = { SO_SNDBUF, SO_PASSCRED, SO_PEEK_OFF, SO_RCVLOWAT };
    int option = options[below(COUNT(options))], fd = any();
    int value = option == SO_SNDBUF ? (int)below(200000)
                                    : option == SO_PEEK_OFF ? (int)below(30) - 10 : (int)below(2);
    int type = 0, bound;
    struct sockaddr_un address;
    socklen_t length = sizeof(type), size = sizeof(address);

    /* The names that Linux chooses are random: a socket that would get one must have one. */
    (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
    bound = getsockname(fd, (struct sockaddr *)&address, &size) == 0 && size > 2;
    if (option == SO_PASSCRED && !bound)
        return;
    say("option", setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)));
}

static void look(void)
{
    int fd = any(), sent = -1;

    (void)printf("%u ", chosen);
    show_poll(fd);
    (void)printf("  waiting %d", bytes_in(fd));
    (void)ioctl(fd, TIOCOUTQ, &sent);
    (void)printf(", sent %d\n", sent);
    if (below(4) == 0)
        show_error(fd);
    if (below(4) == 0)
        show_peer(fd);
}

static void (*const operations[])(void) = {
    new_pair, new_socket, send_bytes, send_bytes, send_bytes, send_bytes, send_to_name,
    send_to_name, receive_bytes, receive_bytes, receive_bytes, receive_bytes, send_file,
    receive_message, receive_message, shut_down, bind_to_name, listen_for, connect_to_name,
    connect_to_name, disconnect, accept_one, accept_one, set_options, look, look, look,
};

static void run(uint64_t seed)
{
    (void)printf("seed %llu\n", (unsigned long long)seed);
    state = seed;
    for (int i = 0; i < SLOTS; i++)
        slots[i] = socket(AF_UNIX, random_type(), 0);
    for (int i = 0; i < OPERATIONS; i++)
        operations[below(COUNT(operations))]();
    for (int i = 0; i < SLOTS; i++) {
        show_poll(slots[i]);
        (void)close(slots[i]);
    }
}

int main(int count, char **arguments)
{
    static char *seeds[] = { "1", "73", "20240607", NULL };

    (void)signal(SIGPIPE, SIG_IGN);
    null_file = open("/dev/null", O_RDWR);
    for (char **seed = count > 1 ? arguments + 1 : seeds; *seed; seed++)
        run(strtoull(*seed, NULL, 0));
    return 0;
}
