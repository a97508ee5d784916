/* mlock, mlock2, munlock, mlockall, munlockall, MAP_LOCKED: what they accept and refuse. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL

int main(void)
{
    char *area = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CALL(mlock(area, 2 * PAGE));
    CALL(mlock(area + 5, 1));
    CALL(mlock(area, 0));
    CALL(munlock(area, PAGE));
    CALL(munlock(area, 8 * PAGE));
    CALL(munlock(area, 8 * PAGE));
    CALL(syscall(SYS_mlock2, area, PAGE, 0));
    CALL(syscall(SYS_mlock2, area, PAGE, 1));
    CALL(syscall(SYS_mlock2, area, PAGE, 2));
    munmap(area + 4 * PAGE, PAGE);
    CALL(mlock(area, 8 * PAGE));
    CALL(munlock(area, 8 * PAGE));
    CALL(munlock(area, 2 * PAGE));
    CALL(syscall(SYS_mlock, area, -1L));
    CALL(syscall(SYS_mlock, -4096L, PAGE));
    CALL(mlockall(0));
    CALL(mlockall(0x80));
    CALL(mlockall(MCL_ONFAULT));
    CALL(munlockall());
    CALL(mlockall(MCL_FUTURE | MCL_ONFAULT));
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CALL(munlockall());
    MAP(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
    return 0;
}
