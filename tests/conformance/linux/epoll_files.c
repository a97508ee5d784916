/* epoll: creation, errors and their order, which files can be watched, removal when files go. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "with_epoll.h"

/* The compiler knows what epoll_wait must not be given. */
static long epoll_wait_raw(int fd, void *events, int count, int timeout)
{
    return syscall(SYS_epoll_wait, fd, events, count, timeout);
}

static void creation(void)
{
    char path[64], target[64] = "", byte = 0;
    int fd;

    SECTION("creation");
    CALL(epoll_create(0));
    CALL(epoll_create(-1));
    CALL(epoll_create1(1));
    CALL(epoll_create1(O_NONBLOCK));
    fd = epoll_create1(EPOLL_CLOEXEC);
    VALUE(fcntl(fd, F_GETFD));
    OCTAL(fcntl(fd, F_GETFL));
    close(fd);
    fd = epoll_create(1);
    VALUE(fcntl(fd, F_GETFD));
    OCTAL(fcntl(fd, F_GETFL));
    CALL(read(fd, &byte, 1));
    CALL(write(fd, &byte, 1));
    CALL(lseek(fd, 10, SEEK_SET));
    CALL(ftruncate(fd, 0));
    MAP(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    FACT(readlink(path, target, sizeof(target) - 1) > 0);
    TEXT(target);
    close(fd);
}

static void control_errors(void)
{
    int fd = epoll_create1(0), event = eventfd(0, 0), plain = open("plain", O_RDWR | O_CREAT, 0600);
    struct epoll_event in = { .events = EPOLLIN };

    SECTION("errors of epoll_ctl");
    CALL(epoll_ctl(-1, EPOLL_CTL_ADD, event, &in));
    CALL(epoll_ctl(-1, EPOLL_CTL_ADD, event, (void *)8));
    CALL(epoll_ctl(-1, EPOLL_CTL_DEL, event, (void *)8));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, -1, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, (void *)8));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, NULL));
    CALL(epoll_ctl(fd, 99, event, (void *)8));
    CALL(epoll_ctl(fd, 99, event, &in));
    CALL(epoll_ctl(fd, 0, event, &in));
    CALL(epoll_ctl(fd, -1, event, &in));
    CALL(epoll_ctl(event, EPOLL_CTL_ADD, fd, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, fd, &in));
    CALL(epoll_ctl(event, EPOLL_CTL_ADD, event, &in));
    CALL(epoll_ctl(event, EPOLL_CTL_ADD, plain, &in));
    CALL(epoll_ctl(plain, EPOLL_CTL_ADD, event, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, plain, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, plain, NULL));
    CALL(epoll_ctl(fd, 99, plain, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, event, NULL));
    CALL(epoll_ctl(fd, EPOLL_CTL_MOD, event, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_MOD, event, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, event, (void *)8));
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, event, NULL));
    in.events = EPOLLIN | EPOLLWAKEUP;
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &in));
    close(plain);
    close(event);
    close(fd);
}

static void exclusive_errors(void)
{
    int fd = epoll_create1(0), other = epoll_create1(0), event = eventfd(0, 0);
    struct epoll_event exclusive = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    struct epoll_event wrong = { .events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT };
    struct epoll_event normal = { .events = EPOLLRDNORM | EPOLLEXCLUSIVE };
    struct epoll_event edge = { .events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLET };
    struct epoll_event in = { .events = EPOLLIN };

    SECTION("errors of EPOLLEXCLUSIVE");
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, other, &exclusive));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &wrong));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &normal));
    CALL(epoll_ctl(fd, EPOLL_CTL_MOD, event, &exclusive));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &exclusive));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &exclusive));
    CALL(epoll_ctl(fd, EPOLL_CTL_MOD, event, &in));
    CALL(epoll_ctl(fd, EPOLL_CTL_MOD, event, &exclusive));
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, event, NULL));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &edge));
    CALL(epoll_ctl(fd, 77, event, &exclusive));
    close(event);
    close(other);
    close(fd);
}

static void wait_errors(void)
{
    int fd = epoll_create1(0), event = eventfd(1, 0);
    struct epoll_event in = { .events = EPOLLIN, .data.u64 = 7 }, got[4];
    struct timespec wrong = { 0, 1000000000 }, negative = { -1, 0 }, none = { 0, 0 };
    sigset_t mask;

    SECTION("errors of waiting");
    sigemptyset(&mask);
    CALL(epoll_wait_raw(-1, got, 1, 0));
    CALL(epoll_wait_raw(event, got, 1, 0));
    CALL(epoll_wait_raw(event, got, 0, 0));
    CALL(epoll_wait_raw(fd, got, 0, 0));
    CALL(epoll_wait_raw(fd, got, -1, 0));
    CALL(epoll_wait_raw(fd, got, 0x7fffffff / 12 + 1, 0));
    CALL(epoll_wait_raw(fd, (void *)0xffff800000000000, 1, 0));
    CALL(epoll_wait_raw(fd, (void *)8, 1, 0));
    CALL(epoll_wait_raw(fd, got, 4, 0));
    epoll_ctl(fd, EPOLL_CTL_ADD, event, &in);
    CALL(epoll_wait_raw(fd, (void *)8, 1, 0));
    CALL(epoll_wait_raw(fd, NULL, 1, 0));
    show_ready(fd);
    CALL(syscall(SYS_epoll_pwait, fd, got, 1, 0, &mask, 4));
    CALL(syscall(SYS_epoll_pwait, -1, got, 1, 0, &mask, 4));
    CALL(syscall(SYS_epoll_pwait, -1, got, 1, 0, 8, 8));
    CALL(syscall(SYS_epoll_pwait, fd, got, 1, 0, NULL, 4));
    CALL(syscall(SYS_epoll_pwait, fd, got, 1, 0, &mask, 8));
    CALL(syscall(SYS_epoll_pwait2, -1, got, 1, &wrong, 8, 4));
    CALL(syscall(SYS_epoll_pwait2, fd, got, 1, &negative, NULL, 8));
    CALL(syscall(SYS_epoll_pwait2, fd, got, 1, 8, NULL, 8));
    CALL(syscall(SYS_epoll_pwait2, fd, got, 1, &none, 8, 4));
    CALL(syscall(SYS_epoll_pwait2, fd, got, 1, &none, &mask, 8));
    CALL(syscall(SYS_epoll_pwait2, fd, got, 1, NULL, &mask, 8));
    close(event);
    CALL(syscall(SYS_epoll_pwait2, fd, got, 1, &none, NULL, 0));
    close(fd);
}

/* The second of two events lies where nothing can be written: it is reported later. */
static void half_written(void)
{
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct epoll_event *events = (void *)(memory + 4096 - sizeof(struct epoll_event));
    struct epoll_event first = { .events = EPOLLIN | EPOLLET, .data.u64 = 1 };
    struct epoll_event second = { .events = EPOLLIN | EPOLLET, .data.u64 = 2 };
    int fd = epoll_create1(0), one = eventfd(1, 0), two = eventfd(1, 0);

    SECTION("events that cannot be written");
    munmap(memory + 4096, 4096);
    epoll_ctl(fd, EPOLL_CTL_ADD, one, &first);
    epoll_ctl(fd, EPOLL_CTL_ADD, two, &second);
    CALL(epoll_wait_raw(fd, events, 2, 0));
    VALUE(events[0].data.u64);
    CALL(epoll_wait_raw(fd, events + 1, 1, 0));
    show_ready(fd);
    show_ready(fd);
    close(one);
    close(two);
    close(fd);
    munmap(memory, 4096);
}

static void try_file(const char *name, int target)
{
    int fd = epoll_create1(0);
    struct epoll_event all = { .events = EPOLLIN | EPOLLOUT | EPOLLPRI, .data.u64 = 1 };
    int result = epoll_ctl(fd, EPOLL_CTL_ADD, target, &all);

    printf("%s: %s\n", name, result == 0 ? "can be watched" : error_name(errno));
    if (result == 0)
        show_ready(fd);
    close(fd);
    close(target);
}

static void kinds(void)
{
    struct itimerspec soon = { .it_value = { 0, 1 } };
    sigset_t mask;
    int fds[2], timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct pollfd expired = { .fd = timer, .events = POLLIN };

    SECTION("kinds of files");
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    try_file("regular", open("regular", O_RDWR | O_CREAT, 0600));
    try_file("directory", open(".", O_RDONLY));
    try_file("path", open("regular", O_PATH));
    try_file("memory", memfd_create("memory", 0));
    try_file("/dev/null", open("/dev/null", O_RDWR));
    try_file("/dev/zero", open("/dev/zero", O_RDWR));
    try_file("/dev/full", open("/dev/full", O_RDWR));
    try_file("eventfd", eventfd(1, 0));
    try_file("idle timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
    timerfd_settime(timer, 0, &soon, NULL);
    FACT(poll(&expired, 1, 5000) == 1);
    try_file("timerfd", timer);
    try_file("idle signalfd", signalfd(-1, &mask, 0));
    kill(getpid(), SIGUSR1);
    try_file("signalfd", signalfd(-1, &mask, 0));
    try_file("epoll", epoll_create1(0));
    FACT(pipe(fds) == 0);
    try_file("reading end", dup(fds[0]));
    try_file("writing end", dup(fds[1]));
    close(fds[1]);
    try_file("reading end without a writer", fds[0]);
    FACT(pipe(fds) == 0);
    close(fds[0]);
    try_file("writing end without a reader", fds[1]);
    FACT(mkfifo("fifo", 0600) == 0);
    try_file("fifo", open("fifo", O_RDWR));
    try_file("queue", mq_open("/epoll_files", O_RDWR | O_CREAT, 0600, NULL));
    mq_unlink("/epoll_files");
    try_file("/proc/self/status", open("/proc/self/status", O_RDONLY));
}

/* The file is gone with its last descriptor only. */
static void removal(void)
{
    int fd = epoll_create1(0), event = eventfd(1, 0), copy = dup(event);
    struct epoll_event first = { .events = EPOLLIN, .data.u64 = 1 };
    struct epoll_event second = { .events = EPOLLIN, .data.u64 = 2 };
    int status;

    SECTION("removal");
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &first));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, copy, &second));
    show_ready(fd);
    close(event);
    show_ready(fd);
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, event, NULL));
    FACT(dup2(copy, event) == event);
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &first));
    CALL(epoll_ctl(fd, EPOLL_CTL_DEL, copy, NULL));
    show_ready(fd);
    if (fork() == 0) {
        close(event);
        close(copy);
        show_ready(fd);
        _exit(0);
    }
    wait(&status);
    close(event);
    close(copy);
    show_ready(fd);
    event = eventfd(0, 0);
    CALL(epoll_ctl(fd, EPOLL_CTL_MOD, event, &first));
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &first));
    close(event);
    close(fd);
}

/* A child's epoll is its parent's: what one of them does the other sees. */
static void shared_with_child(void)
{
    int fd = epoll_create1(0), event = eventfd(0, 0), status;
    struct epoll_event in = { .events = EPOLLIN, .data.u64 = 5 };

    SECTION("shared with a child");
    if (fork() == 0) {
        CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &in));
        _exit(0);
    }
    wait(&status);
    CALL(epoll_ctl(fd, EPOLL_CTL_ADD, event, &in));
    eventfd_write(event, 1);
    show_ready(fd);
    close(event);
    close(fd);
}

int main(void)
{
    creation();
    control_errors();
    exclusive_errors();
    wait_errors();
    half_written();
    kinds();
    removal();
    shared_with_child();
    return 0;
}
