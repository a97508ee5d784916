/* poll, ppoll, select, pselect6 on files, the standard input (a pipe with two lines, then its end),
 * closed descriptors; timeouts and interruption by signals. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile int alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

static long long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void show(const struct pollfd *fds, int count)
{
    for (int i = 0; i < count; i++)
        printf("  fd %d events %#x revents %#x\n", fds[i].fd, fds[i].events, fds[i].revents);
}

static void polling(void)
{
    struct pollfd fds[6] = {
        { .fd = 3, .events = POLLIN | POLLOUT }, { .fd = -5, .events = POLLIN },
        { .fd = 99, .events = POLLIN },          { .fd = 4, .events = POLLIN | POLLPRI },
        { .fd = 5, .events = POLLIN | POLLOUT }, { .fd = 1, .events = POLLOUT },
    };
    long long start;

    SECTION("poll");
    open("file", O_RDWR | O_CREAT, 0600);
    open(".", O_RDONLY);
    open("/dev/null", O_RDWR);
    CALL(poll(fds, 6, 0));
    show(fds, 6);
    CALL(poll(fds, 1, -1));
    fds[1].revents = 77;
    start = now_ms();
    CALL(poll(fds + 1, 1, 50));    /* negative descriptors never become ready */
    FACT(now_ms() - start >= 50);
    VALUE(fds[1].revents);
    CALL(poll(NULL, 0, 10));
    CALL(syscall(SYS_poll, 8L, 1, 0));
    CALL(syscall(SYS_poll, fds, 1000000, 0));
    fds[0].events = 0;
    CALL(poll(fds, 1, 0));
    fds[0].events = POLLRDNORM | POLLWRNORM;
    CALL(poll(fds, 1, 0));
    show(fds, 1);
}

static void input(void)
{
    struct pollfd fd = { .fd = 0, .events = POLLIN };
    char text[100] = "";

    SECTION("standard input");
    while (CALL(poll(&fd, 1, 5000)) == 1 && (fd.revents & POLLIN)) {
        ssize_t count = read(0, text, sizeof(text) - 1);

        text[count > 0 ? count : 0] = '\0';
        printf("read %zd: %s\n", count, text);
        if (count <= 0)
            break;
        poll(&fd, 1, 200);    /* wait until the writer has gone, too */
    }
    show(&fd, 1);
    CALL(read(0, text, 10));
    CALL(lseek(0, 0, SEEK_CUR));
    CALL(pread(0, text, 1, 0));
}

static void selecting(void)
{
    fd_set readable, writable, exceptional;
    struct timeval timeout = { 0, 30000 }, bad = { 0, -1 };
    long long start = now_ms();

    SECTION("select");
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_ZERO(&exceptional);
    FD_SET(3, &readable);
    FD_SET(3, &writable);
    FD_SET(3, &exceptional);
    FD_SET(5, &writable);
    CALL(select(6, &readable, &writable, &exceptional, NULL));
    FACT(FD_ISSET(3, &readable) && FD_ISSET(3, &writable) && FD_ISSET(5, &writable));
    VALUE(FD_ISSET(3, &exceptional));
    FD_ZERO(&readable);
    CALL(select(0, NULL, NULL, NULL, &timeout));
    FACT(now_ms() - start >= 30);
    VALUE(timeout.tv_usec);    /* what remains */
    CALL(select(6, &readable, NULL, NULL, &bad));
    CALL(select(-1, NULL, NULL, NULL, &timeout));
    CALL(syscall(SYS_select, 6, 8L, NULL, NULL, &timeout));
    CALL(syscall(SYS_select, 6, NULL, NULL, NULL, 8L));
    FD_ZERO(&readable);
    FD_SET(3, &readable);
    CALL(select(3, &readable, NULL, NULL, &timeout));    /* beyond count: not looked at */
}

static void interrupted(void)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct timespec second = { 10, 0 }, bad = { 0, 1000000000 };
    struct timeval timeout = { 10, 0 };
    sigset_t blocked, none;

    SECTION("interrupted");
    sigaction(SIGALRM, &action, NULL);
    signal_in_sleep(SIGALRM);
    CALL(poll(NULL, 0, 10000));    /* never restarted */
    signal_in_sleep(SIGALRM);
    CALL(select(0, NULL, NULL, NULL, &timeout));
    signal_in_sleep(SIGALRM);
    CALL(ppoll(NULL, 0, &second, NULL));
    VALUE(alarms);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGALRM);
    VALUE(alarms);
    CALL(ppoll(NULL, 0, &second, &none));    /* lets it in */
    VALUE(alarms);
    raise(SIGALRM);
    CALL(pselect(0, NULL, NULL, NULL, &second, &none));
    VALUE(alarms);
    CALL(ppoll(NULL, 0, &bad, NULL));
    CALL(pselect(0, NULL, NULL, NULL, &bad, NULL));
    second.tv_sec = 0;
    CALL(ppoll(NULL, 0, &second, &none));
    CALL(syscall(SYS_ppoll, NULL, 0, 8L, NULL, 8L));
    CALL(syscall(SYS_ppoll, NULL, 0, &second, 8L, 8L));
    CALL(syscall(SYS_ppoll, NULL, 0, &second, &none, 4L));
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

int main(void)
{
    polling();
    input();
    selecting();
    interrupted();
    return 0;
}
