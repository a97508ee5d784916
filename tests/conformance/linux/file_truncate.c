/* truncate, ftruncate, fallocate, RLIMIT_FSIZE. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static long size_of(const char *name)
{
    struct stat status;

    return stat(name, &status) == 0 ? (long)status.st_size : -1;
}

static void sizes(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600), reader = open("file", O_RDONLY);
    char byte = 'x';

    SECTION("sizes");
    CALL(write(fd, "0123456789", 10));
    CALL(ftruncate(fd, 4));
    show_file("file");
    CALL(ftruncate(fd, 8));
    show_file("file");
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(write(fd, "AB", 2));
    show_file("file");
    CALL(truncate("file", 0));
    VALUE(size_of("file"));
    CALL(truncate("file", 1L << 30));
    VALUE(size_of("file"));
    CALL(pread(fd, &byte, 1, (1L << 30) - 1));
    VALUE(byte);
    CALL(truncate("file", 100));
    CALL(ftruncate(reader, 5));
    CALL(ftruncate(fd, -1));
    CALL(truncate("file", -1));
    CALL(truncate("file", 0x7fffffffffffffff));
    CALL(truncate("absent", 5));
    CALL(truncate(".", 5));
    CALL(truncate("file/x", 5));
    CALL(truncate("", 5));
    CALL(ftruncate(99, 5));
    CALL(ftruncate(open(".", O_RDONLY), 5));
    CALL(ftruncate(open("/dev/null", O_RDWR), 5));
    symlink("file", "link");
    CALL(truncate("link", 7));
    VALUE(size_of("file"));
}

static void limited(void)
{
    struct rlimit limit = { 1000, RLIM_INFINITY };
    int fd = open("limited", O_RDWR | O_CREAT, 0600);
    static char data[2000];

    SECTION("RLIMIT_FSIZE");
    signal(SIGXFSZ, SIG_IGN);
    CALL(setrlimit(RLIMIT_FSIZE, &limit));
    CALL(write(fd, data, 2000));
    CALL(write(fd, data, 1));
    CALL(pwrite(fd, data, 10, 995));
    CALL(ftruncate(fd, 1001));
    CALL(ftruncate(fd, 10));
    limit.rlim_cur = RLIM_INFINITY;
    CALL(setrlimit(RLIMIT_FSIZE, &limit));
    CALL(ftruncate(fd, 5000));
}

int main(void)
{
    sizes();
    limited();
    return 0;
}
