/* Flags of pipes and of single transfers: which end has which, what no end can be opened with. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static int ends[2];

static void make(int flags)
{
    if (pipe2(ends, flags) != 0)
        printf("no pipe: %s\n", error_name(errno));
}

static void drop(void)
{
    close(ends[0]);
    close(ends[1]);
}

static void flags_of_ends(void)
{
    static const int flags[] = { 0, O_NONBLOCK, O_DIRECT, O_DIRECT | O_NONBLOCK | O_CLOEXEC };

    SECTION("flags of both ends");
    for (size_t i = 0; i < COUNT(flags); i++) {
        make(flags[i]);
        OCTAL(fcntl(ends[0], F_GETFL));
        OCTAL(fcntl(ends[1], F_GETFL));
        drop();
    }
    CALL(pipe2(ends, O_APPEND));
    CALL(pipe2(ends, O_EXCL | O_APPEND));
}

static void neither_end(void)
{
    SECTION("a FIFO that is opened for nothing");
    CALL(mkfifo("fifo", 0666));
    CALL(open("fifo", O_ACCMODE));
    CALL(open("fifo", O_ACCMODE | O_NONBLOCK));
    CALL(unlink("fifo"));
}

static void no_second_name(void)
{
    char path[32];

    SECTION("a name for a pipe");
    make(0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    CALL(linkat(AT_FDCWD, path, AT_FDCWD, "name", AT_SYMLINK_FOLLOW));
    CALL(access("name", F_OK));
    drop();
}

static void transfer(int input, int output)
{
    char bytes[10] = "some bytes";
    struct iovec all = { bytes, sizeof(bytes) };

    CALL(preadv2(input, &all, 1, -1, RWF_NOWAIT));
    CALL(pwritev2(output, &all, 1, -1, RWF_NOWAIT));
    CALL(pwritev2(output, &all, 1, -1, RWF_APPEND));
    CALL(preadv2(input, &all, 1, -1, RWF_NOWAIT | RWF_HIPRI));
    CALL(preadv2(input, &all, 1, -1, RWF_NOWAIT));
    CALL(preadv2(input, &all, 1, -1, RWF_NOWAIT));
    CALL(preadv2(input, &all, 1, 0, RWF_NOWAIT));
    CALL(preadv2(input, &all, 1, -1, 0x4000));
}

static void single_transfers(void)
{
    static char much[65536];
    struct iovec all = { much, sizeof(much) };
    int pair[2];

    SECTION("flags of single transfers");
    make(0);
    transfer(ends[0], ends[1]);
    CALL(pwritev2(ends[1], &all, 1, -1, RWF_NOWAIT));
    CALL(pwritev2(ends[1], &all, 1, -1, RWF_NOWAIT));
    drop();
    CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    transfer(pair[0], pair[1]);
    close(pair[0]);
    close(pair[1]);
}

static void appending(void)
{
    char bytes[3] = "end";
    struct iovec all = { bytes, sizeof(bytes) };
    int file;

    SECTION("one write at the end");
    make_file("file", "0123456789");
    file = open("file", O_RDWR);
    CALL(pwritev2(file, &all, 1, 2, RWF_APPEND));
    CALL(lseek(file, 0, SEEK_CUR));
    CALL(pwritev2(file, &all, 1, -1, RWF_APPEND));
    CALL(lseek(file, 0, SEEK_CUR));
    CALL(preadv2(file, &all, 1, 1, RWF_APPEND));
    CALL(pwritev2(file, &all, 1, 0, 0));
    close(file);
    show_file("file");
}

int main(void)
{
    flags_of_ends();
    neither_end();
    no_second_name();
    single_transfers();
    appending();
    return 0;
}
