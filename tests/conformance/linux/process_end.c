/* The ways to end, the newest relatives of old calls, and handlers of the C library at exit. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void first(void)
{
    printf("first handler, run last\n");
    fflush(stdout);
    syscall(SYS_exit, 0x1234);    /* of the only thread: ends the process with its low byte */
}

static void second(void)
{
    printf("second handler, run first\n");
}

static void relatives(void)
{
    struct iovec out = { "vector", 6 };
    struct stat status;
    char text[8] = "";
    struct iovec in = { text, 6 };
    int fd = open("file", O_RDWR | O_CREAT, 0600);

    CALL(syscall(SYS_pwritev2, fd, &out, 1, 2L, 0L, 0));
    CALL(syscall(SYS_preadv2, fd, &in, 1, 2L, 0L, 0));
    TEXT(text);
    CALL(syscall(SYS_pwritev2, fd, &out, 1, -1L, 0L, 0));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(syscall(SYS_preadv2, fd, &in, 1, -1L, 0L, 0));
    CALL(syscall(SYS_pwritev2, fd, &out, 1, 0L, 0L, 0x8000));
    CALL(syscall(SYS_pwritev2, fd, &out, 1, -2L, 0L, 0));
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0640, 0));
    CALL(stat("file", &status));
    OCTAL(status.st_mode);
    CALL(syscall(SYS_fchmodat2, fd, "", 0600, AT_EMPTY_PATH));
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0600, 0x8000));
    symlink("file", "link");
    CALL(syscall(SYS_fchmodat2, AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW));
    CALL(renameat(AT_FDCWD, "file", AT_FDCWD, "renamed"));
    CALL(renameat(fd, "file", AT_FDCWD, "renamed"));
    CALL(renameat(99, "/absent", 98, "/tmp"));
}

int main(void)
{
    relatives();
    atexit(first);
    atexit(second);
    return 77;
}
