/* timerfd: errors and their order, expiries, reading with and without waiting, poll, sharing. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "check.h"
#include "passing.h"

#define WILD ((void *)1)

static int set(int fd, int flags, long first_ns, long interval_ns)
{
    struct itimerspec setting = {
        .it_interval = { interval_ns / 1000000000, interval_ns % 1000000000 },
        .it_value = { first_ns / 1000000000, first_ns % 1000000000 },
    };

    return timerfd_settime(fd, flags, &setting, NULL);
}

static void errors(void)
{
    struct itimerspec bad = { { 0, -1 }, { 0, 0 } }, good = { { 0, 0 }, { 100, 0 } };
    char text[64] = "", target[64] = "";
    uint64_t count;
    int fd, other;

    SECTION("errors");
    for (int clock = -2; clock < 13; clock++) {
        printf("clock %d: ", clock);
        fd = timerfd_create(clock, 0);
        CALL(fd < 0 ? -1 : 0);
        if (fd >= 0)
            close(fd);
    }
    CALL(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 1));
    CALL(syscall(SYS_timerfd_create, 99, 1));
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    VALUE(fcntl(fd, F_GETFD));
    OCTAL(fcntl(fd, F_GETFL));
    (void)snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
    CALL(readlink(text, target, sizeof(target) - 1));
    TEXT(target);
    CALL(timerfd_settime(fd, 0, WILD, NULL));
    CALL(timerfd_settime(fd, 4, &good, NULL));
    CALL(timerfd_settime(fd, 4, WILD, NULL));
    CALL(timerfd_settime(fd, 0, &bad, NULL));
    CALL(timerfd_settime(-1, 0, &bad, NULL));
    CALL(timerfd_settime(-1, 0, &good, NULL));
    other = open("/dev/null", O_RDWR);
    CALL(timerfd_settime(other, 0, &good, NULL));
    CALL(timerfd_gettime(other, &good));
    CALL(timerfd_settime(fd, 0, &good, WILD));
    CALL(timerfd_gettime(fd, WILD));
    CALL(timerfd_gettime(-1, &good));
    CALL(read(fd, &count, 4));
    CALL(read(fd, &count, 8));
    CALL(write(fd, &count, 8));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pread(fd, &count, 8, 0));
    close(other);
    close(fd);
}

static void expiries(int clock)
{
    struct itimerspec old = { { 9, 9 }, { 9, 9 } }, setting = { { 0, 0 }, { 0, 0 } };
    uint64_t count = 0;
    long long before = now_of(CLOCK_MONOTONIC);
    int fd = timerfd_create(clock, 0);
    struct pollfd poll_set = { .fd = fd, .events = POLLIN | POLLRDNORM };

    printf("-- clock %d\n", clock);
    CALL(poll(&poll_set, 1, 0));
    CALL(set(fd, 0, 2 * MS, 0));
    CALL(read(fd, &count, sizeof(count)));
    VALUE(count);
    FACT(now_of(CLOCK_MONOTONIC) - before >= 2 * MS);
    CALL(timerfd_gettime(fd, &old));
    VALUE(old.it_value.tv_nsec + old.it_value.tv_sec);

    before = now_of(clock);
    CALL(set(fd, TFD_TIMER_ABSTIME, (long)(before + 2 * MS), 0));
    CALL(poll(&poll_set, 1, -1));
    VALUE(poll_set.revents);
    FACT(now_of(clock) - before >= 2 * MS);
    CALL(read(fd, &count, sizeof(count)));

    CALL(set(fd, 0, MS, MS));
    pass(10 * MS);
    CALL(read(fd, &count, sizeof(count)));
    FACT(count >= 9);
    CALL(timerfd_gettime(fd, &old));
    VALUE(old.it_interval.tv_nsec);
    FACT(old.it_value.tv_nsec <= MS);
    pass(3 * MS);
    CALL(timerfd_settime(fd, 0, &setting, &old));    /* what nobody has read is gone */
    VALUE(old.it_interval.tv_nsec);
    CALL(poll(&poll_set, 1, 0));
    CALL(timerfd_gettime(fd, &old));
    VALUE(old.it_interval.tv_nsec + old.it_value.tv_nsec + old.it_value.tv_sec);
    CALL(set(fd, TFD_TIMER_ABSTIME, 1, 0));    /* long ago */
    CALL(read(fd, &count, sizeof(count)));
    VALUE(count);
    CALL(set(fd, 0, MS, 0));
    pass(2 * MS);
    CALL(syscall(SYS_read, fd, WILD, 8));
    close(fd);
}

static void *read_late(void *argument)
{
    uint64_t count = 0;

    CALL(read(*(int *)argument, &count, sizeof(count)));
    VALUE(count);
    return NULL;
}

static void sharing(void)
{
    uint64_t count = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, 0), copy = dup(fd), status = 0;
    pthread_t thread;
    pid_t child;

    SECTION("sharing");
    CALL(set(fd, 0, 5 * MS, 0));
    pthread_create(&thread, NULL, read_late, &copy);
    pthread_join(thread, NULL);
    child = fork();
    if (child == 0) {
        (void)set(fd, 0, MS, 0);
        _exit(5);
    }
    waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
    CALL(read(copy, &count, sizeof(count)));    /* the child's setting */
    VALUE(count);
    CALL(fcntl(fd, F_SETFL, O_NONBLOCK));
    CALL(read(copy, &count, sizeof(count)));
    CALL(close(fd));
    CALL(set(copy, 0, MS, 0));
    pass(2 * MS);
    CALL(read(copy, &count, sizeof(count)));
    CALL(close(copy));
}

int main(void)
{
    errors();
    expiries(CLOCK_REALTIME);
    expiries(CLOCK_MONOTONIC);
    expiries(CLOCK_BOOTTIME);
    sharing();
    return 0;
}
