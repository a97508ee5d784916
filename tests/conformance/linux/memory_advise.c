/* madvise, mincore, msync, mlock: what they change and what they refuse. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

static char *fresh(size_t pages)
{
    char *area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);

    madvise(area, pages * PAGE, MADV_NOHUGEPAGE);
    return area;
}

static void advice(void)
{
    char *area = fresh(4), *map;
    int fd = open("file", O_RDWR | O_CREAT, 0600);

    SECTION("madvise");
    memset(area, 'x', 4 * PAGE);
    CALL(madvise(area + PAGE, 2 * PAGE, MADV_DONTNEED));
    VALUE(area[0]);
    VALUE(area[PAGE]);
    VALUE(area[2 * PAGE + 5]);
    VALUE(area[3 * PAGE]);
    CALL(madvise(area, PAGE, MADV_WILLNEED));
    CALL(madvise(area, PAGE, MADV_NORMAL));
    CALL(madvise(area, PAGE, MADV_RANDOM));
    CALL(madvise(area, PAGE, MADV_SEQUENTIAL));
    CALL(madvise(area, PAGE, MADV_FREE));
    CALL(madvise(area, PAGE, MADV_DONTFORK));
    CALL(madvise(area, PAGE, MADV_DOFORK));
    CALL(madvise(area, PAGE, MADV_DONTDUMP));
    CALL(madvise(area, PAGE, MADV_DODUMP));
    CALL(madvise(area, PAGE, 12345));
    CALL(madvise(area + 1, PAGE, MADV_NORMAL));
    CALL(madvise(area, 0, MADV_NORMAL));
    CALL(madvise(area, 0, 12345));
    CALL(syscall(SYS_madvise, area, -1L, MADV_NORMAL));
    munmap(area + PAGE, PAGE);
    CALL(madvise(area, 4 * PAGE, MADV_DONTNEED));    /* over a hole: done, then an error */
    VALUE(area[3 * PAGE]);
    CALL(write(fd, "original", 8));
    map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    map[0] = 'X';
    CALL(madvise(map, PAGE, MADV_DONTNEED));
    TEXT(map);
    CALL(madvise(map, PAGE, MADV_FREE));
    CALL(madvise(map, PAGE, MADV_REMOVE));
}

static void residence(void)
{
    char *area = fresh(4);
    unsigned char vector[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };

    SECTION("mincore");
    area[0] = 1;
    area[2 * PAGE] = 1;
    CALL(mincore(area, 4 * PAGE, vector));
    FACT((vector[0] & 1) == 1 && (vector[2] & 1) == 1);
    FACT(vector[4] == 9);
    madvise(area, 4 * PAGE, MADV_DONTNEED);
    CALL(mincore(area, 4 * PAGE, vector));
    FACT(((vector[0] | vector[1] | vector[2] | vector[3]) & 1) == 0);
    CALL(mincore(area + 1, PAGE, vector));
    CALL(mincore(area, 0, vector));
    CALL(syscall(SYS_mincore, area, PAGE, 8L));
    CALL(mincore(area, PAGE - 1, vector));
    munmap(area + 2 * PAGE, PAGE);
    CALL(mincore(area, 4 * PAGE, vector));
    CALL(syscall(SYS_mincore, area, -1L, vector));
}

static void synchronising(void)
{
    char *area = fresh(4);

    SECTION("msync");
    CALL(msync(area, PAGE, MS_SYNC));
    CALL(msync(area, PAGE, MS_ASYNC | MS_INVALIDATE));
    CALL(msync(area, PAGE, MS_SYNC | MS_ASYNC));
    CALL(msync(area, PAGE, 0));
    CALL(msync(area, PAGE, 0x40));
    CALL(msync(area + 1, PAGE, MS_SYNC));
    CALL(msync(area, 0, MS_SYNC));
    munmap(area + PAGE, PAGE);
    CALL(msync(area, 4 * PAGE, MS_SYNC));
    CALL(msync(area + PAGE, PAGE, MS_ASYNC));
    CALL(syscall(SYS_msync, area, -1L, MS_SYNC));
}

int main(void)
{
    advice();
    residence();
    synchronising();
    return 0;
}
