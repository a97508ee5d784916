/* eventfd (eventfd2): creation, reads and writes, overflow, readiness, waiting. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static long put(int fd, uint64_t value)
{
    return write(fd, &value, sizeof(value));
}

static void take(int fd)
{
    uint64_t value = 0;
    long result = CALL(read(fd, &value, sizeof(value)));

    if (result > 0)
        printf("took %#llx\n", (unsigned long long)value);
}

static void show_events(int fd)
{
    struct pollfd wanted = { fd, POLLIN | POLLOUT | POLLPRI, 0 };
    int count = poll(&wanted, 1, 0);

    printf("poll %d: %#x\n", count, (unsigned)wanted.revents);
}

static void creation(void)
{
    char path[64], target[64] = "";
    int fd;

    SECTION("creation");
    CALL(eventfd(0, 2));
    CALL(eventfd(0, EFD_CLOEXEC | 0x10));
    fd = eventfd(3, EFD_CLOEXEC);
    FACT(fd >= 0);
    VALUE(fcntl(fd, F_GETFD));
    OCTAL(fcntl(fd, F_GETFL));
    take(fd);
    CALL(lseek(fd, 5, SEEK_SET));
    CALL(fcntl(fd, F_SETFL, O_NONBLOCK));
    take(fd);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    FACT(readlink(path, target, sizeof(target) - 1) > 0);
    TEXT(target);
    close(fd);
    fd = eventfd(0xffffffff, EFD_NONBLOCK);
    OCTAL(fcntl(fd, F_GETFL));
    take(fd);
    close(fd);
}

static void transfer(void)
{
    int fd = eventfd(0, EFD_NONBLOCK);
    uint64_t values[3] = { 1, 2, 3 };
    struct iovec two[] = { { &values[0], 8 }, { &values[1], 8 } };
    struct iovec half[] = { { &values[0], 4 }, { &values[1], 4 } };
    struct iovec wrong[] = { { &values[0], 8 }, { &values[1], 4 } };

    SECTION("transfer");
    CALL(read(fd, values, 7));
    CALL(read(fd, values, 8));
    CALL(write(fd, values, 7));
    CALL(write(fd, values, 0));
    CALL(write(fd, values, 9));
    CALL(write(fd, (void *)8, 8));
    CALL(put(fd, 0));
    show_events(fd);
    take(fd);
    CALL(put(fd, 5));
    CALL(put(fd, 6));
    show_events(fd);
    CALL(read(fd, values, 16));
    VALUE(values[0]);
    CALL(put(fd, 5));
    CALL(read(fd, (void *)8, 8));
    take(fd);
    values[0] = 1;
    CALL(writev(fd, two, 2));
    take(fd);
    CALL(writev(fd, half, 2));
    CALL(writev(fd, wrong, 2));
    take(fd);
    CALL(pwrite(fd, values, 8, 0));
    CALL(pread(fd, values, 8, 0));
    close(fd);
}

static void overflow(void)
{
    int fd = eventfd(0, EFD_NONBLOCK);

    SECTION("overflow");
    CALL(put(fd, UINT64_MAX));
    CALL(put(fd, UINT64_MAX - 1));
    show_events(fd);
    CALL(put(fd, 1));
    CALL(put(fd, 0));
    take(fd);
    show_events(fd);
    CALL(put(fd, UINT64_MAX - 2));
    show_events(fd);
    CALL(put(fd, 2));
    CALL(put(fd, 1));
    take(fd);
    close(fd);
}

static void one_at_a_time(void)
{
    int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);

    SECTION("one at a time");
    take(fd);
    take(fd);
    take(fd);
    CALL(put(fd, 3));
    take(fd);
    show_events(fd);
    close(fd);
}

static void *put_later(void *argument)
{
    const struct timespec moment = { 0, 5000000 };

    nanosleep(&moment, NULL);
    put(*(int *)argument, 7);
    return NULL;
}

static void *take_later(void *argument)
{
    const struct timespec moment = { 0, 5000000 };
    uint64_t value;

    nanosleep(&moment, NULL);
    return (void *)(uintptr_t)read(*(int *)argument, &value, sizeof(value));
}

static void note(int number)
{
    (void)number;
}

static void waiting(void)
{
    int fd = eventfd(0, 0);
    struct pollfd wanted = { fd, POLLIN, 0 };
    struct sigaction action = { .sa_handler = note };
    pthread_t thread;
    pid_t child;

    SECTION("waiting");
    pthread_create(&thread, NULL, put_later, &fd);
    take(fd);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, put_later, &fd);
    CALL(poll(&wanted, 1, -1));
    pthread_join(thread, NULL);
    take(fd);
    CALL(put(fd, UINT64_MAX - 1));
    pthread_create(&thread, NULL, take_later, &fd);
    CALL(put(fd, 9));
    pthread_join(thread, NULL);
    take(fd);
    child = fork();
    if (child == 0)
        _exit(put(fd, 4) == 8 ? 0 : 1);
    take(fd);
    waitpid(child, NULL, 0);
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    take(fd);
    close(fd);
}

int main(void)
{
    creation();
    transfer();
    overflow();
    one_at_a_time();
    waiting();
    return 0;
}
