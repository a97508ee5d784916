/* /dev: null, zero, full, random, urandom; kinds, reads, writes, mappings. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "check.h"

static char buffer[100000];

static void device(const char *name)
{
    struct stat status;
    int fd = open(name, O_RDWR);

    SECTION(name);
    FACT(fd >= 0);
    if (fstat(fd, &status) == 0)
        printf("mode %#o, device %u,%u\n", status.st_mode, major(status.st_rdev),
               minor(status.st_rdev));
    memset(buffer, 'x', sizeof(buffer));
    CALL(read(fd, buffer, sizeof(buffer)));
    VALUE(buffer[0] == 0 && buffer[99999] == 0);
    CALL(write(fd, buffer, sizeof(buffer)));
    CALL(write(fd, buffer, 0));
    CALL(read(fd, (void *)8, 10));
    CALL(write(fd, (void *)8, 10));
    CALL(pread(fd, buffer, 10, 1000));
    CALL(lseek(fd, 100, SEEK_SET));
    CALL(lseek(fd, 0, SEEK_CUR));
    CALL(ioctl(fd, 0x5413, buffer));
    CALL(isatty(fd));
    close(fd);
}

static void random_bytes(void)
{
    unsigned char a[64], b[64];
    unsigned long ones = 0;

    SECTION("getrandom");
    CALL(getrandom(a, 64, 0));
    CALL(getrandom(b, 64, GRND_NONBLOCK));
    FACT(memcmp(a, b, 64) != 0);
    CALL(getrandom(a, 0, 0));
    CALL(getrandom(a, 10, 0x80));
    CALL(getrandom(a, 10, GRND_RANDOM | 4));
    CALL(syscall(SYS_getrandom, 8L, 10L, 0));
    CALL(getrandom(buffer, sizeof(buffer), 0));
    for (size_t i = 0; i < sizeof(buffer); i++)
        ones += (unsigned long)__builtin_popcount((unsigned char)buffer[i]);
    FACT(ones > sizeof(buffer) * 39 / 10 && ones < sizeof(buffer) * 41 / 10);
}

int main(void)
{
    device("/dev/null");
    device("/dev/zero");
    device("/dev/full");
    SECTION("/dev/urandom");
    CALL(read(open("/dev/urandom", O_RDONLY), buffer, 1000));
    CALL(read(open("/dev/random", O_RDONLY), buffer, 10));
    random_bytes();
    return 0;
}
