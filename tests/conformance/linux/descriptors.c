/* dup, dup2, dup3, fcntl, close_range, limits of descriptors; sharing of positions and flags. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static void duplicates(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

    SECTION("duplicates");
    CALL(dup(fd));
    CALL(write(3, "abc", 3));
    CALL(lseek(4, 0, SEEK_CUR));
    CALL(dup2(fd, 10));
    CALL(dup2(fd, fd));
    CALL(dup2(99, 99));
    CALL(dup2(99, 5));
    CALL(dup2(fd, -1));
    CALL(dup2(fd, 1 << 20));
    CALL(dup2(fd, 1 << 30));
    CALL(dup3(fd, 11, O_CLOEXEC));
    CALL(fcntl(11, F_GETFD));
    CALL(dup3(fd, fd, 0));
    CALL(dup3(fd, 12, O_NONBLOCK));
    CALL(dup3(99, 12, 0));
    CALL(dup(99));
    CALL(dup2(4, 10));    /* closes what was there */
    CALL(close(4));
    CALL(lseek(10, 0, SEEK_CUR));
    CALL(close(10));
    CALL(close(11));
}

static void control(void)
{
    SECTION("fcntl");
    CALL(fcntl(3, F_DUPFD, 20));
    CALL(fcntl(3, F_DUPFD, 20));
    CALL(fcntl(3, F_DUPFD_CLOEXEC, 20));
    CALL(fcntl(22, F_GETFD));
    CALL(fcntl(20, F_GETFD));
    CALL(fcntl(20, F_SETFD, FD_CLOEXEC));
    CALL(fcntl(20, F_GETFD));
    CALL(fcntl(3, F_GETFD));
    CALL(fcntl(20, F_SETFD, 0xfe));
    CALL(fcntl(20, F_GETFD));
    CALL(fcntl(3, F_DUPFD, -1));
    CALL(fcntl(3, F_DUPFD, 1 << 30));
    CALL(fcntl(99, F_DUPFD, 0));
    CALL(fcntl(99, F_GETFD));
    CALL(fcntl(3, 9999));
    OCTAL(fcntl(3, F_GETFL));
    CALL(fcntl(3, F_SETFL, O_APPEND | O_NONBLOCK));
    OCTAL(fcntl(3, F_GETFL));
    OCTAL(fcntl(20, F_GETFL));    /* shared with the duplicate */
    CALL(fcntl(3, F_SETFL, O_RDONLY | O_TRUNC | O_CREAT));
    OCTAL(fcntl(3, F_GETFL));
    for (int fd = 20; fd < 23; fd++)
        CALL(close(fd));
}

static void ranges(void)
{
    SECTION("close_range");
    for (int fd = 20; fd < 26; fd++)
        dup2(3, fd);
    CALL(syscall(SYS_close_range, 21, 23, 0));
    for (int fd = 20; fd < 26; fd++)
        CALL(fcntl(fd, F_GETFD));
    CALL(syscall(SYS_close_range, 24, ~0u, 4));
    CALL(fcntl(24, F_GETFD));
    CALL(syscall(SYS_close_range, 30, 20, 0));
    CALL(syscall(SYS_close_range, 20, 30, 0x80));
    CALL(syscall(SYS_close_range, 20, ~0u, 0));
    CALL(fcntl(25, F_GETFD));
}

static void limits(void)
{
    struct rlimit limit, old;
    int last = -1, fd;

    SECTION("limits");
    getrlimit(RLIMIT_NOFILE, &old);
    limit = old;
    limit.rlim_cur = 50;
    CALL(setrlimit(RLIMIT_NOFILE, &limit));
    while ((fd = dup(3)) >= 0)
        last = fd;
    VALUE(last);
    CALL(dup(3));
    CALL(open("file", O_RDONLY));
    CALL(dup2(3, 49));
    CALL(dup2(3, 50));
    CALL(fcntl(3, F_DUPFD, 49));
    CALL(fcntl(3, F_DUPFD, 50));
    limit.rlim_cur = 10;
    CALL(setrlimit(RLIMIT_NOFILE, &limit));    /* open ones above stay */
    CALL(fcntl(49, F_GETFD));
    CALL(dup(3));
    for (fd = 4; fd < 50; fd++)
        close(fd);
    CALL(dup(3));
    limit.rlim_cur = old.rlim_max + 1;
    CALL(setrlimit(RLIMIT_NOFILE, &limit));
    CALL(setrlimit(RLIMIT_NOFILE, &old));
}

static void locks(void)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20 };

    SECTION("locks");
    CALL(fcntl(3, F_SETLK, &lock));
    CALL(fcntl(3, F_GETLK, &lock));    /* our own lock does not hinder us */
    VALUE(lock.l_type);
    lock.l_type = 77;
    CALL(fcntl(3, F_SETLK, &lock));
    lock.l_type = F_UNLCK;
    CALL(fcntl(3, F_SETLK, &lock));
}

int main(void)
{
    duplicates();
    control();
    ranges();
    limits();
    locks();
    return 0;
}
