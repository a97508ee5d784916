/* read, write, pread, pwrite, readv, writev, lseek, holes, O_APPEND: positions, counts, errors. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static char buffer[10000];

static void positions(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

    SECTION("positions");
    CALL(write(fd, "0123456789", 10));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(read(fd, buffer, 10));
    CALL(lseek(fd, -3, SEEK_END));
    CALL(read(fd, buffer, 10));
    CALL(read(fd, buffer, 10));
    CALL(lseek(fd, 2, SEEK_SET));
    CALL(lseek(fd, -3, SEEK_CUR));
    CALL(lseek(fd, 1, SEEK_CUR));
    CALL(lseek(fd, -1, SEEK_SET));
    CALL(lseek(fd, 0, 99));
    CALL(lseek(fd, 0, -1));
    CALL(lseek(fd, 0x7fffffffffffffff, SEEK_SET));
    CALL(lseek(fd, 1, SEEK_CUR));
    CALL(write(fd, "x", 1));
    CALL(lseek(fd, 100, SEEK_SET));
    CALL(read(fd, buffer, 1));
    CALL(pread(fd, buffer, 4, 4));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pwrite(fd, "AB", 2, 20));
    show_file("file");
    CALL(pread(fd, buffer, 4, -1));
    CALL(pwrite(fd, "x", 1, -1));
    CALL(pread(fd, buffer, 4, 0x7fffffffffffffff));
    CALL(pwrite(fd, "x", 1, 0x7fffffffffffffff));
    CALL(pwrite(fd, "xy", 2, 0x7ffffffffffffffe));
    CALL(read(fd, buffer, 0));
    CALL(write(fd, buffer, 0));
    CALL(syscall(SYS_read, fd, NULL, 0L));
    CALL(syscall(SYS_read, fd, 8L, 0L));
    CALL(syscall(SYS_read, 99, 8L, 0L));
    CALL(close(fd));
}

static void holes(void)
{
    int fd = open("holes", O_RDWR | O_CREAT | O_TRUNC, 0600);
    int zeroes = 1;

    SECTION("holes");
    CALL(pwrite(fd, "head", 4, 0));
    CALL(pwrite(fd, "tail", 4, 100000));
    CALL(lseek(fd, 0, SEEK_END));
    CALL(pread(fd, buffer, sizeof(buffer), 5000));
    for (size_t i = 0; i < sizeof(buffer); i++)
        zeroes &= buffer[i] == 0;
    VALUE(zeroes);
    CALL(lseek(fd, 0, SEEK_DATA));
    CALL(lseek(fd, 0, SEEK_HOLE));
    CALL(lseek(fd, 4096, SEEK_DATA));
    CALL(lseek(fd, 99999, SEEK_HOLE));
    CALL(lseek(fd, 100004, SEEK_DATA));
    CALL(lseek(fd, 100004, SEEK_HOLE));
    CALL(lseek(fd, -1, SEEK_DATA));
    CALL(close(fd));
}

static void appending(void)
{
    int fd = open("append", O_RDWR | O_CREAT | O_APPEND, 0600);

    SECTION("O_APPEND");
    CALL(write(fd, "one", 3));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(write(fd, "two", 3));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(pwrite(fd, "three", 5, 0));    /* appends too, on Linux */
    CALL(lseek(fd, 0, SEEK_CUR));
    show_file("append");
    CALL(fcntl(fd, F_SETFL, 0));
    CALL(pwrite(fd, "ONE", 3, 0));
    show_file("append");
    CALL(close(fd));
}

static void vectors(void)
{
    int fd = open("vectors", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char a[4] = "", b[8] = "", c[4] = "";
    struct iovec out[] = { { "one ", 4 }, { NULL, 0 }, { "two ", 4 }, { "three", 5 } };
    struct iovec in[] = { { a, 3 }, { b, 7 }, { c, 3 } };
    struct iovec wild[] = { { a, 3 }, { (void *)8, 5 } };
    struct iovec huge[] = { { a, 3 }, { b, (size_t)-1 } };
    static struct iovec many[1025];

    SECTION("vectors");
    CALL(writev(fd, out, 4));
    show_file("vectors");
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(readv(fd, in, 3));
    TEXT(a);
    TEXT(b);
    TEXT(c);
    CALL(preadv(fd, in, 2, 4));
    TEXT(b);
    CALL(pwritev(fd, out, 4, 3));
    show_file("vectors");
    CALL(preadv(fd, in, 2, -1));
    CALL(syscall(SYS_readv, fd, in, 0L));
    CALL(syscall(SYS_readv, fd, in, -1L));
    CALL(syscall(SYS_readv, fd, in, 1025L));
    CALL(syscall(SYS_writev, fd, many, 1025L));
    CALL(syscall(SYS_writev, fd, many, 1024L));
    CALL(syscall(SYS_readv, fd, NULL, 1L));
    CALL(syscall(SYS_readv, 99, NULL, 1L));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(readv(fd, wild, 2));    /* what fits before the bad part counts */
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(writev(fd, wild, 2));
    CALL(readv(fd, wild + 1, 1));
    CALL(readv(fd, huge, 2));
    CALL(close(fd));
}

static void wrong_kinds(void)
{
    int directory = open(".", O_RDONLY), reader, writer, null = open("/dev/null", O_RDWR);

    make_file("plain", "text");
    reader = open("plain", O_RDONLY);
    writer = open("plain", O_WRONLY);
    SECTION("wrong kinds");
    CALL(read(directory, buffer, 10));
    CALL(write(directory, buffer, 10));
    CALL(pread(directory, buffer, 10, 0));
    CALL(write(reader, buffer, 1));
    CALL(read(writer, buffer, 1));
    CALL(read(reader, (void *)8, 1));
    CALL(write(writer, (void *)8, 1));
    CALL(syscall(SYS_read, reader, buffer, -1L));
    CALL(lseek(reader, 0, SEEK_SET));
    CALL(syscall(SYS_read, reader, buffer, 1L << 62));
    CALL(syscall(SYS_write, writer, -4096L, 1L << 40));
    CALL(read(null, buffer, 10));
    CALL(write(null, buffer, 10));
    CALL(pread(null, buffer, 10, 5));
    CALL(lseek(null, 5, SEEK_SET));
    CALL(syscall(SYS_write, null, 8L, 10L));    /* never looked at */
    CALL(syscall(SYS_write, null, buffer, -1L));
}

static void large(void)
{
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0600);
    size_t size = 3000000;
    char *data = malloc(size), *back = malloc(size);

    SECTION("large");
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + (i >> 9));
    CALL(pwrite(fd, data, size, 12345));
    CALL(pread(fd, back, size, 12345));
    FACT(memcmp(data, back, size) == 0);
    CALL(pread(fd, back, size, 12346));
    FACT(memcmp(data + 1, back, size - 1) == 0);
    CALL(pwrite(fd, data, 5000, 4095));
    CALL(pread(fd, back, 5002, 4094));
    FACT(back[0] == 0 && memcmp(data, back + 1, 5000) == 0);
    CALL(close(fd));
}

int main(void)
{
    positions();
    holes();
    appending();
    vectors();
    wrong_kinds();
    large();
    return 0;
}
