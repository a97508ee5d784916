/* ioprio_set and ioprio_get: values, inheritance, threads, groups, users; and FIOQSIZE. */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "with_threads.h"
#include "with_users.h"

#define VALUE_OF(class, level) ((class) << 13 | (level))
#define FIOQSIZE_REQUEST 0x5460

enum { THREAD = 1, GROUP = 2, USER = 3 };

static long set(int which, int who, int value)
{
    return syscall(SYS_ioprio_set, which, who, value);
}

static long get(int which, int who)
{
    return syscall(SYS_ioprio_get, which, who);
}

static void values(void)
{
    static const int some[] = {
        VALUE_OF(1, 0), VALUE_OF(1, 7), VALUE_OF(2, 3), VALUE_OF(3, 0), VALUE_OF(3, 5),
        VALUE_OF(0, 0), VALUE_OF(0, 1), VALUE_OF(4, 0), VALUE_OF(7, 0), -1,
        VALUE_OF(2, 0) | 1 << 17,
    };

    (void)setpgid(0, 0);
    CALL(get(THREAD, 0));
    CALL(get(GROUP, 0));
    for (size_t i = 0; i < COUNT(some); i++) {
        VALUE(some[i]);
        CALL(set(THREAD, 0, some[i]));
        CALL(get(THREAD, 0));
        CALL(get(GROUP, 0));
    }
    CALL(set(0, 0, VALUE_OF(2, 0)));
    CALL(set(4, 0, VALUE_OF(2, 0)));
    CALL(set(4, 0, VALUE_OF(4, 0)));
    CALL(get(0, 0));
    CALL(get(4, 0));
    CALL(set(THREAD, 0x7ffffff, VALUE_OF(2, 0)));
    CALL(set(THREAD, -1, VALUE_OF(2, 0)));
    CALL(get(THREAD, 0x7ffffff));
    CALL(get(THREAD, -1));
    CALL(get(GROUP, 0x7ffffff));
    CALL(set(GROUP, -1, VALUE_OF(2, 0)));
    CALL(get(USER, 77777));
    CALL(set(USER, 77777, VALUE_OF(2, 0)));
    CALL(get(USER, -1));
}

static void from_nice(void)
{
    const struct sched_param none = { 0 }, some = { .sched_priority = 1 };

    (void)setpgid(0, 0);
    CALL(set(THREAD, 0, 0));
    for (int nice = -20; nice < 20; nice += 7) {
        (void)setpriority(PRIO_PROCESS, 0, nice);
        CALL(get(GROUP, 0));
    }
    (void)setpriority(PRIO_PROCESS, 0, 0);
    (void)sched_setscheduler(0, SCHED_IDLE, &none);
    CALL(get(GROUP, 0));
    (void)sched_setscheduler(0, SCHED_FIFO, &some);
    CALL(get(GROUP, 0));
    CALL(get(THREAD, 0));
}

static void *in_thread(void *argument)
{
    (void)argument;
    CALL(get(THREAD, 0));
    CALL(set(THREAD, 0, VALUE_OF(2, 1)));
    CALL(get(THREAD, 0));
    CALL(get(GROUP, 0));
    CALL(get(THREAD, getpid()));
    return NULL;
}

static void inheritance(void)
{
    pthread_t thread;
    pid_t child;

    (void)setpgid(0, 0);
    CALL(set(THREAD, 0, VALUE_OF(2, 6)));
    (void)pthread_create(&thread, NULL, in_thread, NULL);
    (void)pthread_join(thread, NULL);
    CALL(get(THREAD, 0));
    child = fork();
    if (child == 0) {
        CALL(get(THREAD, 0));
        exit(0);
    }
    (void)waitpid(child, NULL, 0);
    child = fork();
    if (child == 0) {
        pause();
        exit(0);
    }
    CALL(set(THREAD, child, VALUE_OF(2, 2)));
    CALL(get(THREAD, child));
    CALL(get(GROUP, getpid()));
    CALL(set(GROUP, 0, VALUE_OF(3, 0)));
    CALL(get(THREAD, child));
    CALL(get(THREAD, 0));
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

static void as_user(void)
{
    be_user(ONE);
    CALL(set(THREAD, 0, VALUE_OF(1, 0)));
    CALL(set(THREAD, 0, VALUE_OF(2, 0)));
    CALL(set(THREAD, target, VALUE_OF(2, 5)));
    CALL(get(THREAD, target));
    CALL(get(USER, TWO));
    CALL(get(USER, 0));
    CALL(get(USER, ONE));
    CALL(set(USER, TWO, VALUE_OF(2, 5)));
    CALL(set(USER, ONE, VALUE_OF(2, 5)));
    CALL(get(THREAD, 0));
    CALL(set(USER, ONE, VALUE_OF(1, 5)));
}

static void occupied(void)
{
    char block[8192] = { 'x' };
    int fd = open("file", O_RDWR | O_CREAT, 0600), fds[2];
    int64_t bytes = -1;

    SECTION("FIOQSIZE");
    CALL(write(fd, block, sizeof(block)));
    CALL(ioctl(fd, FIOQSIZE_REQUEST, &bytes));
    VALUE(bytes);
    CALL(ftruncate(fd, 1 << 20));
    CALL(ioctl(fd, FIOQSIZE_REQUEST, &bytes));
    VALUE(bytes);
    CALL(ftruncate(fd, 100));
    CALL(ioctl(fd, FIOQSIZE_REQUEST, &bytes));
    VALUE(bytes);
    CALL(ioctl(fd, FIOQSIZE_REQUEST, (void *)8));
    (void)close(fd);
    fd = open(".", O_RDONLY);
    CALL(ioctl(fd, FIOQSIZE_REQUEST, &bytes));
    (void)close(fd);
    fd = open("/dev/null", O_RDONLY);
    CALL(ioctl(fd, FIOQSIZE_REQUEST, &bytes));
    if (pipe(fds) == 0)
        CALL(ioctl(fds[0], FIOQSIZE_REQUEST, &bytes));
}

int main(void)
{
    (void)setpriority(PRIO_PROCESS, 0, 0);
    apart("values", values);
    apart("from nice values", from_nice);
    apart("inheritance", inheritance);
    make_target(TWO, 1);
    apart("as a user", as_user);
    end_target();
    occupied();
    return 0;
}
