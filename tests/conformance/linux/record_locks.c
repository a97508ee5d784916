/* Record locks of one process: what struct flock means, errors, and what it may not take. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static struct flock range(short type, short whence, off_t start, off_t length)
{
    return (struct flock){
        .l_type = type, .l_whence = whence, .l_start = start, .l_len = length, .l_pid = 77,
    };
}

static void try(int fd, int command, short whence, off_t start, off_t length)
{
    for (short type = -1; type <= 3; type++) {
        struct flock lock = range(type, whence, start, length);
        int result = fcntl(fd, command, &lock);

        printf("type %d from %d at %lld, length %lld: %s; then %d %lld %lld %d\n", type, whence,
               (long long)start, (long long)length, result == 0 ? "done" : error_name(errno),
               lock.l_type, (long long)lock.l_start, (long long)lock.l_len, lock.l_pid);
    }
}

static void ranges(int fd, int command)
{
    printf("-- command %d\n", command);
    try(fd, command, SEEK_SET, 0, 0);
    try(fd, command, SEEK_SET, 10, 20);
    try(fd, command, SEEK_SET, 10, -5);
    try(fd, command, SEEK_SET, 10, -11);
    try(fd, command, SEEK_SET, -1, 1);
    try(fd, command, SEEK_CUR, -3, 1);
    try(fd, command, SEEK_CUR, -4, 1);
    try(fd, command, SEEK_END, -5, 0);
    try(fd, command, SEEK_END, -100, 0);
    try(fd, command, 3, 0, 0);
    try(fd, command, SEEK_SET, 0x7fffffffffffffff, 1);
    try(fd, command, SEEK_SET, 0x7fffffffffffffff, 2);
    try(fd, command, SEEK_END, 0x7fffffffffffffff, 1);
}

/* Who closes a descriptor that only stands for a path loses no lock. */
static void paths(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int path = open("file", O_PATH), other;
    pid_t child;

    SECTION("O_PATH");
    CALL(fcntl(fd, F_SETLK, &lock));
    CALL(fcntl(path, F_SETLK, &lock));
    (void)close(path);
    child = fork();
    if (child == 0) {
        CALL(fcntl(fd, F_SETLK, &lock));
        exit(0);
    }
    (void)waitpid(child, NULL, 0);
    other = open("file", O_RDONLY);
    (void)close(other);
    child = fork();
    if (child == 0) {
        CALL(fcntl(fd, F_SETLK, &lock));
        exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

int main(void)
{
    int both, reader, writer;

    make_file("file", "contents");
    both = open("file", O_RDWR);
    reader = open("file", O_RDONLY);
    writer = open("file", O_WRONLY);
    CALL(lseek(both, 3, SEEK_SET));
    ranges(both, F_GETLK);
    ranges(both, F_SETLK);
    ranges(both, F_SETLKW);
    SECTION("access mode");
    try(reader, F_SETLK, SEEK_SET, 0, 1);
    try(writer, F_SETLK, SEEK_SET, 0, 1);
    SECTION("errors");
    CALL(syscall(SYS_fcntl, both, F_SETLK, 8L));
    CALL(syscall(SYS_fcntl, both, F_GETLK, 8L));
    CALL(syscall(SYS_fcntl, 99L, F_SETLK, 8L));
    paths(both);
    return 0;
}
