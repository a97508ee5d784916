/* epoll: level, edge, one-shot and exclusive; changes of what is wanted; many files; in a row. */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "with_epoll.h"

static void drain(int fd)
{
    char bytes[65536];

    VALUE(read(fd, bytes, sizeof(bytes)));
}

static void level(void)
{
    int fd = epoll_create1(0), fds[2];

    SECTION("level");
    FACT(pipe2(fds, O_NONBLOCK) == 0);
    watch(fd, fds[0], EPOLLIN, 1);
    watch(fd, fds[1], EPOLLOUT, 2);
    show_ready(fd);
    CALL(write(fds[1], "abc", 3));
    show_ready(fd);
    show_ready(fd);
    drain(fds[0]);
    show_ready(fd);
    close(fds[1]);
    show_ready(fd);
    show_ready(fd);
    close(fds[0]);
    show_ready(fd);
    close(fd);
}

static void edge(void)
{
    int fd = epoll_create1(0), fds[2];
    static char bytes[65536];

    SECTION("edge");
    FACT(pipe2(fds, O_NONBLOCK) == 0);
    watch(fd, fds[0], EPOLLIN | EPOLLET, 1);
    watch(fd, fds[1], EPOLLOUT | EPOLLET, 2);
    show_ready(fd);
    show_ready(fd);
    CALL(write(fds[1], "abc", 3));
    show_ready(fd);
    show_ready(fd);
    CALL(write(fds[1], "d", 1));
    show_ready(fd);
    CALL(read(fds[0], bytes, 1));
    show_ready(fd);
    drain(fds[0]);
    show_ready(fd);
    CALL(write(fds[1], bytes, sizeof(bytes)));
    show_ready(fd);
    CALL(write(fds[1], bytes, 1));
    CALL(read(fds[0], bytes, 4096));
    show_ready(fd);
    CALL(read(fds[0], bytes, 4096));
    show_ready(fd);
    drain(fds[0]);
    show_ready(fd);
    close(fds[1]);
    show_ready(fd);
    show_ready(fd);
    close(fds[0]);
    close(fd);
}

/* Only what the wake-up was for makes an edge. */
static void edge_of_counter(void)
{
    int fd = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
    eventfd_t value;

    SECTION("edge of a counter");
    watch(fd, event, EPOLLIN | EPOLLET, 1);
    show_ready(fd);
    CALL(eventfd_write(event, 3));
    show_ready(fd);
    CALL(eventfd_read(event, &value));
    show_ready(fd);
    CALL(eventfd_write(event, 1));
    show_ready(fd);
    CALL(watch_again(fd, event, EPOLLIN | EPOLLET, 2));
    show_ready(fd);
    show_ready(fd);
    CALL(watch_again(fd, event, EPOLLIN | EPOLLOUT | EPOLLET, 3));
    show_ready(fd);
    CALL(eventfd_read(event, &value));
    show_ready(fd);
    show_ready(fd);
    CALL(eventfd_write(event, 0));
    show_ready(fd);
    close(event);
    close(fd);
}

static void one_shot(void)
{
    int fd = epoll_create1(0), event = eventfd(1, EFD_NONBLOCK);

    SECTION("one shot");
    watch(fd, event, EPOLLIN | EPOLLONESHOT, 1);
    show_ready(fd);
    show_ready(fd);
    CALL(eventfd_write(event, 1));
    show_ready(fd);
    CALL(watch(fd, event, EPOLLIN, 1));
    CALL(watch_again(fd, event, EPOLLIN | EPOLLONESHOT, 2));
    show_ready(fd);
    show_ready(fd);
    CALL(watch_again(fd, event, EPOLLOUT, 3));
    show_ready(fd);
    show_ready(fd);
    CALL(watch_again(fd, event, 0, 4));
    show_ready(fd);
    close(event);
    close(fd);
}

/* Errors and hang-ups are reported although nobody asks. */
static void unasked(void)
{
    int fd = epoll_create1(0), fds[2];

    SECTION("unasked");
    FACT(pipe(fds) == 0);
    watch(fd, fds[0], 0, 1);
    watch(fd, fds[1], EPOLLET, 2);
    CALL(write(fds[1], "x", 1));
    show_ready(fd);
    close(fds[0]);
    show_ready(fd);
    show_ready(fd);
    close(fds[1]);
    FACT(pipe(fds) == 0);
    watch(fd, fds[0], 0, 3);
    close(fds[1]);
    show_ready(fd);
    close(fds[0]);
    close(fd);
}

/* With room for few, all have their turn. */
static void turns(void)
{
    enum { FILES = 5 };
    int fd = epoll_create1(0), files[FILES];
    struct epoll_event events[2];
    unsigned seen[FILES] = { 0 };

    SECTION("turns");
    for (int i = 0; i < FILES; i++) {
        files[i] = eventfd(1, 0);
        watch(fd, files[i], EPOLLIN, (uint64_t)i);
    }
    for (int round = 0; round < FILES; round++) {
        int count = epoll_wait(fd, events, 2, 0);

        printf("%d:", count);
        for (int i = 0; i < count; i++) {
            printf(" %llu", (unsigned long long)events[i].data.u64);
            seen[events[i].data.u64]++;
        }
        printf("\n");
    }
    for (int i = 0; i < FILES; i++)
        FACT(seen[i] == 2);
    for (int i = 0; i < FILES; i++)
        close(files[i]);
    close(fd);
}

/* Each epoll watches the one made before it, until there are too many. */
static void row(void)
{
    enum { EPOLLS = 8 };
    int epolls[EPOLLS], refused = 0;

    SECTION("a row");
    for (int i = 0; i < EPOLLS; i++) {
        epolls[i] = epoll_create1(0);
        if (i > 0 && i < 4)
            CALL(watch(epolls[i], epolls[i - 1], EPOLLIN, (uint64_t)i));
        else if (i > 0 && watch(epolls[i], epolls[i - 1], EPOLLIN, 1) != 0)
            refused += errno == ELOOP;
    }
    FACT(refused > 0);
    CALL(watch(epolls[0], epolls[3], EPOLLIN, 9));
    CALL(watch(epolls[0], epolls[1], EPOLLIN, 9));
    for (int i = 0; i < EPOLLS; i++)
        close(epolls[i]);
}

static void nested(void)
{
    int outer = epoll_create1(0), inner = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);
    struct pollfd wanted = { outer, POLLIN | POLLOUT, 0 };
    eventfd_t value;

    SECTION("nested");
    CALL(watch(outer, inner, EPOLLIN | EPOLLOUT, 1));
    CALL(watch(inner, event, EPOLLIN, 2));
    show_ready(outer);
    VALUE(poll(&wanted, 1, 0));
    CALL(eventfd_write(event, 1));
    show_ready(outer);
    show_ready(outer);
    VALUE(poll(&wanted, 1, 0));
    VALUE(wanted.revents);
    show_ready(inner);
    CALL(eventfd_read(event, &value));
    show_ready(outer);
    CALL(watch(inner, outer, EPOLLIN, 3));
    CALL(watch(inner, inner, EPOLLIN, 3));
    CALL(watch_again(outer, inner, EPOLLIN | EPOLLET, 4));
    show_ready(outer);
    CALL(eventfd_write(event, 1));
    show_ready(outer);
    show_ready(outer);
    show_ready(inner);
    CALL(eventfd_write(event, 1));
    show_ready(outer);
    show_ready(outer);
    close(inner);
    show_ready(outer);
    close(event);
    close(outer);
}

/* Two epolls, one file. */
static void several(void)
{
    int first = epoll_create1(0), second = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);

    SECTION("several");
    CALL(watch(first, event, EPOLLIN | EPOLLET, 1));
    CALL(watch(second, event, EPOLLIN | EPOLLET, 2));
    CALL(eventfd_write(event, 1));
    show_ready(first);
    show_ready(second);
    close(first);
    CALL(eventfd_write(event, 1));
    show_ready(second);
    close(event);
    show_ready(second);
    close(second);
}

/* Of those that watch exclusively and do not wait, all see it. */
static void exclusive(void)
{
    int first = epoll_create1(0), second = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);

    SECTION("exclusive");
    CALL(watch(first, event, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 1));
    CALL(watch(second, event, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 2));
    CALL(eventfd_write(event, 1));
    show_ready(first);
    show_ready(second);
    show_ready(first);
    close(first);
    close(second);
    close(event);
}

int main(void)
{
    level();
    edge();
    edge_of_counter();
    one_shot();
    unasked();
    turns();
    row();
    nested();
    several();
    exclusive();
    return 0;
}
