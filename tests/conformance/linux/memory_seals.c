/* Seals of files in memory: which there are, what they forbid, mappings before and after. */
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif

#define SIZE 8192

static int sealable(unsigned seals)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING);

    FACT(ftruncate(fd, SIZE) == 0);
    if (seals)
        FACT(fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void which(void)
{
    int fd = memfd_create("plain", 0), file = open("file", O_RDWR | O_CREAT, 0600), fds[2];
    int null = open("/dev/null", O_RDWR);
    char path[64];
    int reader;

    SECTION("which");
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CALL(fcntl(fd, F_ADD_SEALS, 0));
    CALL(fcntl(file, F_GET_SEALS));
    CALL(fcntl(file, F_ADD_SEALS, F_SEAL_GROW));
    CALL(fcntl(null, F_GET_SEALS));
    CALL(fcntl(null, F_ADD_SEALS, F_SEAL_GROW));
    FACT(pipe(fds) == 0);
    CALL(fcntl(fds[0], F_GET_SEALS));
    CALL(fcntl(fds[0], F_ADD_SEALS, F_SEAL_GROW));
    CALL(fcntl(fds[1], F_ADD_SEALS, F_SEAL_GROW));
    CALL(fcntl(-1, F_ADD_SEALS, 0));
    close(fd);
    fd = memfd_create("sealable", MFD_ALLOW_SEALING);
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fcntl(fd, F_ADD_SEALS, 0x40));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
    CALL(fcntl(fd, F_GET_SEALS));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    reader = open(path, O_RDONLY);
    FACT(reader >= 0);
    CALL(fcntl(reader, F_GET_SEALS));
    CALL(fcntl(reader, F_ADD_SEALS, F_SEAL_WRITE));
    CALL(fcntl(reader, F_ADD_SEALS, 0x40));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CALL(fcntl(fd, F_ADD_SEALS, 0x40));
    CALL(fcntl(fd, F_GET_SEALS));
    close(fd);
    close(reader);
    close(file);
    close(null);
    close(fds[0]);
    close(fds[1]);
}

static void try_changes(unsigned seals)
{
    static char bytes[SIZE];
    int fd = sealable(seals);
    void *place;

    printf("-- with seals %#x\n", seals);
    CALL(write(fd, "x", 1));
    CALL(write(fd, "x", 0));
    CALL(pwrite(fd, "x", 1, SIZE - 1));
    CALL(pwrite(fd, "x", 1, SIZE));
    CALL(pwrite(fd, bytes, 4096, SIZE - 100));
    CALL(pwrite(fd, bytes, 4096, 3 * SIZE));
    CALL(ftruncate(fd, SIZE / 2));
    CALL(ftruncate(fd, SIZE / 2));
    CALL(ftruncate(fd, SIZE));
    CALL(ftruncate(fd, 2 * SIZE));
    CALL(fallocate(fd, 0, 0, SIZE));
    CALL(fallocate(fd, 0, 0, 4 * SIZE));
    CALL(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8 * SIZE));
    CALL(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, SIZE));
    CALL(read(fd, bytes, 1));
    place = MAP(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (place != MAP_FAILED)
        munmap(place, 4096);
    place = MAP(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    munmap(place, 4096);
    place = MAP(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
    if (place != MAP_FAILED) {
        CALL(mprotect(place, 4096, PROT_READ | PROT_WRITE));
        munmap(place, 4096);
    }
    CALL(fchmod(fd, 0600));
    CALL(fcntl(fd, F_GET_SEALS));
    close(fd);
}

/* Beyond the end as far as whole pages go. */
static void cut_writes(void)
{
    static char bytes[3 * SIZE];
    int fd = sealable(F_SEAL_GROW);

    SECTION("cut writes");
    FACT(ftruncate(fd, 6000) == 0);
    CALL(pwrite(fd, bytes, sizeof(bytes), 4096));
    CALL(pwrite(fd, bytes, 1904, 4096));
    CALL(pwrite(fd, bytes, 1905, 4096));
    close(fd);
}

static void mapped(void)
{
    int fd = sealable(0);
    char *writable = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *other;

    SECTION("mapped");
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    writable[0] = 'a';
    CALL(write(fd, "x", 1));
    MAP(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    mprotect(writable, SIZE, PROT_READ);
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(writable, SIZE);
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    CALL(fcntl(fd, F_GET_SEALS));
    close(fd);
    fd = sealable(0);
    other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    other[0] = 'p';
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(other, SIZE);
    close(fd);
}

static void execution(void)
{
    int fd = memfd_create("program", MFD_ALLOW_SEALING);
    struct stat status;

    SECTION("execution");
    FACT(fstat(fd, &status) == 0);
    OCTAL(status.st_mode);
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fchmod(fd, 0600));
    CALL(fchmod(fd, 0711));
    CALL(fchmod(fd, 0555));
    close(fd);
    fd = memfd_create("data", MFD_NOEXEC_SEAL);
    FACT(fstat(fd, &status) == 0);
    OCTAL(status.st_mode);
    CALL(fcntl(fd, F_GET_SEALS));
    CALL(fchmod(fd, 0700));
    CALL(fchmod(fd, 0400));
    CALL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    CALL(fcntl(fd, F_GET_SEALS));
    close(fd);
}

int main(void)
{
    static const unsigned seals[] = {
        0, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE,
        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL,
    };

    which();
    for (size_t i = 0; i < COUNT(seals); i++)
        try_changes(seals[i]);
    cut_writes();
    mapped();
    execution();
    return 0;
}
