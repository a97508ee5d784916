/* Pipes within one process: sizes, what is atomic, ends that go, readiness, errors and their
 * order. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static char bytes[1 << 20];

static void show_poll(int fd)
{
    struct pollfd request = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM };

    (void)poll(&request, 1, 0);
    (void)printf("poll: %#x\n", (unsigned)request.revents);
}

static int bytes_in(int fd)
{
    int count = -1;

    (void)ioctl(fd, FIONREAD, &count);
    return count;
}

static void make(int fds[2], int flags)
{
    if (pipe2(fds, flags) != 0)
        (void)printf("no pipe: %s\n", error_name(errno));
}

static void close_both(const int fds[2])
{
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void show_creation(void)
{
    int fds[2];
    struct stat status;

    SECTION("creation");
    CALL(syscall(SYS_pipe2, fds, O_EXCL << 8));
    CALL(syscall(SYS_pipe2, fds, -1));
    CALL(syscall(SYS_pipe, (void *)8));
    CALL(pipe(fds));
    VALUE(fds[0]);
    VALUE(fds[1]);
    CALL(fcntl(fds[0], F_GETFL));
    CALL(fcntl(fds[1], F_GETFL));
    CALL(fcntl(fds[0], F_GETFD));
    CALL(fstat(fds[0], &status));
    OCTAL(status.st_mode);
    VALUE(status.st_size);
    VALUE(status.st_nlink);
    VALUE(status.st_blksize);
    CALL(lseek(fds[0], 0, SEEK_CUR));
    CALL(pread(fds[0], bytes, 1, 0));
    CALL(fsync(fds[0]));
    CALL(ftruncate(fds[1], 0));
    CALL(read(fds[1], bytes, 1));
    CALL(write(fds[0], bytes, 1));
    CALL(ioctl(fds[0], TCGETS, bytes));
    close_both(fds);
    make(fds, O_CLOEXEC | O_NONBLOCK);
    CALL(fcntl(fds[0], F_GETFL));
    CALL(fcntl(fds[1], F_GETFL));
    CALL(fcntl(fds[0], F_GETFD));
    CALL(fcntl(fds[1], F_GETFD));
    close_both(fds);
}

static void show_filling(int size)
{
    int fds[2];
    long total = 0, result;

    make(fds, O_NONBLOCK);
    while ((result = write(fds[1], bytes, (size_t)size)) > 0)
        total += result;
    (void)printf("writes of %d bytes: %ld in it, then %s\n", size, total, error_name(errno));
    VALUE(bytes_in(fds[0]));
    show_poll(fds[1]);
    CALL(read(fds[0], bytes, 1));
    show_poll(fds[1]);
    CALL(write(fds[1], bytes, (size_t)size));
    CALL(read(fds[0], bytes, 5000));
    CALL(write(fds[1], bytes, (size_t)size));
    CALL(read(fds[0], bytes, sizeof(bytes)));
    CALL(read(fds[0], bytes, sizeof(bytes)));
    show_poll(fds[0]);
    close_both(fds);
}

static void show_sizes(void)
{
    int fds[2];

    SECTION("sizes");
    make(fds, O_NONBLOCK);
    CALL(fcntl(fds[0], F_GETPIPE_SZ));
    CALL(fcntl(fds[0], F_SETPIPE_SZ, 0));
    CALL(fcntl(fds[0], F_GETPIPE_SZ));
    CALL(write(fds[1], bytes, 10000));
    CALL(fcntl(fds[1], F_SETPIPE_SZ, 12289));
    CALL(write(fds[1], bytes, 10000));
    CALL(fcntl(fds[1], F_SETPIPE_SZ, 4096));
    CALL(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20));
    CALL(fcntl(fds[1], F_SETPIPE_SZ, -1));
    CALL(read(fds[0], bytes, sizeof(bytes)));
    CALL(fcntl(0, F_GETPIPE_SZ) > 0 ? 0 : 0);
    close_both(fds);
    CALL(fcntl(open(".", O_RDONLY), F_GETPIPE_SZ));
}

static void show_ends(void)
{
    int fds[2];
    struct sigaction before;

    SECTION("ends that go");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGPIPE, NULL, &before);
    make(fds, 0);
    CALL(write(fds[1], "abc", 3));
    (void)close(fds[1]);
    show_poll(fds[0]);
    CALL(read(fds[0], bytes, 2));
    CALL(read(fds[0], bytes, 2));
    CALL(read(fds[0], bytes, 2));
    show_poll(fds[0]);
    (void)close(fds[0]);
    make(fds, 0);
    (void)close(fds[0]);
    show_poll(fds[1]);
    CALL(write(fds[1], "abc", 3));
    CALL(write(fds[1], "abc", 0));
    (void)close(fds[1]);
}

static volatile int caught;

static void catch(int number)
{
    caught = number;
}

static void show_signal(void)
{
    int fds[2];

    SECTION("SIGPIPE");
    (void)signal(SIGPIPE, catch);
    make(fds, 0);
    (void)close(fds[0]);
    CALL(write(fds[1], "abc", 3));
    VALUE(caught);
    (void)close(fds[1]);
}

static void show_faults(void)
{
    struct iovec pieces[2] = { { bytes, 3 }, { (void *)8, 5 } };
    int fds[2];

    SECTION("bad memory");
    make(fds, O_NONBLOCK);
    CALL(write(fds[1], (void *)8, 5));
    CALL(writev(fds[1], pieces, 2));
    VALUE(bytes_in(fds[0]));
    CALL(write(fds[1], "abcdef", 6));
    CALL(read(fds[0], (void *)8, 5));
    CALL(readv(fds[0], pieces, 2));
    VALUE(bytes_in(fds[0]));
    close_both(fds);
}

static void show_packets(void)
{
    int fds[2];

    SECTION("packets");
    make(fds, O_NONBLOCK | O_DIRECT);
    CALL(write(fds[1], "first", 5));
    CALL(write(fds[1], "second", 6));
    CALL(write(fds[1], bytes, 5000));
    CALL(read(fds[0], bytes, 3));
    CALL(read(fds[0], bytes, 100));
    CALL(read(fds[0], bytes, 8000));
    CALL(read(fds[0], bytes, 8000));
    CALL(read(fds[0], bytes, 8000));
    close_both(fds);
}

static void show_fifo(void)
{
    int reader, writer, both;

    SECTION("FIFOs");
    CALL(mkfifo("fifo", 0600));
    CALL(open("fifo", O_WRONLY | O_NONBLOCK));
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    FACT(reader >= 0);
    show_poll(reader);
    CALL(read(reader, bytes, 1));
    writer = open("fifo", O_WRONLY);
    FACT(writer >= 0);
    CALL(write(writer, "hello", 5));
    show_poll(reader);
    CALL(read(reader, bytes, 100));
    CALL(read(reader, bytes, 100));
    (void)close(writer);
    show_poll(reader);
    CALL(read(reader, bytes, 100));
    (void)close(reader);
    both = open("fifo", O_RDWR);
    CALL(write(both, "kept", 4));
    show_poll(both);
    CALL(lseek(both, 0, SEEK_SET));
    (void)close(both);
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    CALL(read(reader, bytes, 100));
    (void)close(reader);
    CALL(unlink("fifo"));
}

int main(void)
{
    static const int sizes[] = { 1, 100, 3000, 4096, 4097, 10000, 65536, 100000 };

    show_creation();
    SECTION("filling");
    for (size_t i = 0; i < COUNT(sizes); i++)
        show_filling(sizes[i]);
    show_sizes();
    show_ends();
    show_signal();
    show_faults();
    show_packets();
    show_fifo();
    return 0;
}
