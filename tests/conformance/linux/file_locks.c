/* flock and locks of open files (F_OFD_SETLK): who excludes whom, what is shared by duplicates and
 * children, what closing gives back, waiting. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int lock_range(int fd, int command, short type, off_t start, off_t length)
{
    struct flock lock = { .l_type = type, .l_start = start, .l_len = length };

    return fcntl(fd, command, &lock);
}

static void ask(int fd, int command, off_t start, off_t length)
{
    struct flock lock = { .l_type = F_WRLCK, .l_start = start, .l_len = length };
    int result = fcntl(fd, command, &lock);

    printf("asked: %d, type %d at %lld, %lld bytes, %s\n", result, lock.l_type,
           (long long)lock.l_start, (long long)lock.l_len,
           lock.l_pid == -1 ? "an open file" : lock.l_pid == getpid() ? "this one"
                                           : lock.l_pid == 0          ? "nobody" : "another");
}

static void errors(int fd)
{
    int reader = open("file", O_RDONLY), path = open("file", O_PATH), ends[2];
    struct flock lock = { .l_type = F_RDLCK, .l_pid = 5 };

    SECTION("errors");
    CALL(flock(-1, LOCK_SH));
    CALL(flock(fd, 0));
    CALL(flock(fd, LOCK_NB));
    CALL(flock(fd, LOCK_SH | LOCK_EX));
    CALL(flock(fd, 16));
    CALL(flock(-1, 16));
    CALL(flock(path, LOCK_SH));
    CALL(flock(reader, LOCK_EX));
    CALL(flock(reader, LOCK_UN));
    CALL(flock(reader, LOCK_UN | LOCK_NB));
    CALL(fcntl(fd, F_OFD_SETLK, &lock));
    CALL(fcntl(fd, F_OFD_GETLK, &lock));
    CALL(lock_range(reader, F_OFD_SETLK, F_WRLCK, 0, 0));
    if (pipe(ends) == 0) {
        CALL(flock(ends[0], LOCK_EX | LOCK_NB));
        close(ends[0]);
        close(ends[1]);
    }
    close(reader);
    close(path);
}

static void whole_files(int first)
{
    int second = open("file", O_RDONLY), copy = dup(first);

    SECTION("whole files");
    CALL(flock(first, LOCK_SH | LOCK_NB));
    CALL(flock(second, LOCK_SH | LOCK_NB));
    CALL(flock(first, LOCK_EX | LOCK_NB));
    CALL(flock(second, LOCK_EX | LOCK_NB));    /* the first one's is gone */
    CALL(flock(first, LOCK_SH | LOCK_NB));
    CALL(flock(second, LOCK_EX | LOCK_NB));
    CALL(lock_range(first, F_SETLK, F_WRLCK, 0, 0));    /* another world */
    CALL(lock_range(first, F_SETLK, F_UNLCK, 0, 0));
    CALL(flock(second, LOCK_UN));
    CALL(flock(first, LOCK_EX | LOCK_NB));
    CALL(flock(copy, LOCK_EX | LOCK_NB));
    close(first);
    CALL(flock(second, LOCK_SH | LOCK_NB));
    close(copy);
    CALL(flock(second, LOCK_SH | LOCK_NB));
    close(second);
}

static void ranges_of_files(void)
{
    int first = open("file", O_RDWR), second = open("file", O_RDWR), copy = dup(first);

    SECTION("ranges of open files");
    CALL(lock_range(first, F_OFD_SETLK, F_WRLCK, 10, 10));
    ask(second, F_OFD_GETLK, 0, 0);
    ask(first, F_OFD_GETLK, 0, 0);
    ask(first, F_GETLK, 0, 0);
    CALL(lock_range(second, F_OFD_SETLK, F_RDLCK, 0, 10));
    CALL(lock_range(second, F_OFD_SETLK, F_RDLCK, 5, 10));
    CALL(lock_range(first, F_SETLK, F_RDLCK, 15, 1));
    CALL(lock_range(copy, F_OFD_SETLK, F_UNLCK, 12, 2));
    ask(second, F_OFD_GETLK, 0, 0);
    ask(second, F_OFD_GETLK, 14, 0);
    CALL(lock_range(first, F_SETLK, F_WRLCK, 100, 0));
    ask(second, F_OFD_GETLK, 50, 0);
    CALL(lock_range(first, F_OFD_SETLK, F_WRLCK, 100, 0));
    CALL(lock_range(first, F_OFD_SETLK, F_WRLCK, 50, 0x7fffffffffffffff - 50));
    CALL(flock(first, LOCK_EX | LOCK_NB));
    close(first);
    ask(second, F_OFD_GETLK, 14, 0);
    close(copy);
    ask(second, F_OFD_GETLK, 0, 0);
    CALL(flock(second, LOCK_EX | LOCK_NB));
    close(second);
}

static void note(int number)
{
    (void)number;
}

/* A child of fork has the same open file; one that opens it anew waits. */
static void families(void)
{
    int fd = open("file", O_RDWR), ends[2];
    struct sigaction action = { .sa_handler = note };
    char byte;
    pid_t child;

    SECTION("families");
    if (pipe(ends) != 0)
        return;
    CALL(flock(fd, LOCK_EX));
    child = fork();
    if (child == 0) {
        int other = open("file", O_RDWR);

        CALL(flock(fd, LOCK_EX | LOCK_NB));
        CALL(flock(other, LOCK_SH | LOCK_NB));
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
        close(fd);
        CALL(flock(other, LOCK_SH));
        sigaction(SIGALRM, &action, NULL);
        _exit(0);
    }
    FACT(read(ends[0], &byte, 1) == 1);
    usleep(20000);
    printf("gives it back\n");
    flock(fd, LOCK_UN);
    waitpid(child, NULL, 0);

    CALL(flock(fd, LOCK_EX));
    child = fork();
    if (child == 0) {
        int other = open("file", O_RDWR);

        close(fd);
        sigaction(SIGALRM, &action, NULL);
        alarm(1);
        CALL(flock(other, LOCK_EX));
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CALL(lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 5));
    child = fork();
    if (child == 0) {
        int other = open("file", O_RDWR);

        close(fd);
        CALL(lock_range(other, F_OFD_SETLK, F_RDLCK, 0, 5));
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
        CALL(lock_range(other, F_OFD_SETLKW, F_RDLCK, 0, 5));
        _exit(0);
    }
    FACT(read(ends[0], &byte, 1) == 1);
    usleep(20000);
    printf("closes it\n");
    close(fd);
    waitpid(child, NULL, 0);
}

int main(void)
{
    int fd;

    make_file("file", "contents");
    fd = open("file", O_RDWR);
    errors(fd);
    whole_files(fd);
    ranges_of_files();
    families();
    return 0;
}
