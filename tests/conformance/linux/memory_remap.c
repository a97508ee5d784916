/* mremap: growing, shrinking, moving, and its errors. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *fresh(size_t pages)
{
    char *area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);

    for (size_t i = 0; i < pages; i++)
        area[i * PAGE] = (char)('a' + i);
    return area;
}

static int mapped(const char *address)
{
    unsigned char vector;

    return mincore((void *)(uintptr_t)address, PAGE, &vector) == 0;
}

static void growing(void)
{
    char *area = fresh(8), *moved;

    SECTION("growing and shrinking");
    munmap(area + 4 * PAGE, 4 * PAGE);
    FACT(mremap(area, 4 * PAGE, 6 * PAGE, 0) == area);
    VALUE(area[3 * PAGE]);
    VALUE(area[5 * PAGE]);
    FACT(mremap(area, 6 * PAGE, 2 * PAGE, 0) == area);
    FACT(mapped(area + PAGE) && !mapped(area + 2 * PAGE));
    FACT(mmap(area + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
         area + 2 * PAGE);
    MAP(mremap(area, 2 * PAGE, 4 * PAGE, 0));    /* in the way */
    moved = MAP(mremap(area, 2 * PAGE, 100 * PAGE, MREMAP_MAYMOVE));
    FACT(moved != area && !mapped(area));
    VALUE(moved[PAGE]);
    VALUE(moved[99 * PAGE]);
    FACT(mremap(moved, 100 * PAGE, 100 * PAGE, MREMAP_MAYMOVE) == moved);
}

static void fixed(void)
{
    char *area = fresh(4), *target = fresh(8), *result;

    SECTION("fixed");
    result = MAP(mremap(area, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE));
    FACT(result == target + PAGE);
    VALUE(target[0]);
    VALUE(target[PAGE]);
    VALUE(target[4 * PAGE]);
    VALUE(target[5 * PAGE]);
    FACT(!mapped(area));
    MAP(mremap(target, PAGE, PAGE, MREMAP_FIXED, area));
    MAP(mremap(target, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + 1));
    MAP(mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE));
    MAP(mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));    /* two */
    target = fresh(2);
    result = MAP(mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    FACT(mapped(target) && result != target);
    VALUE(result[PAGE]);
    VALUE(target[PAGE]);
}

/* Pages that moved next to others are a region of their own; untouched memory joins them. */
static void joining(int touched)
{
    char *target = fresh(4);
    char *area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(area + 2 * PAGE, 2 * PAGE, PROT_NONE);    /* keeps it apart from the target */
    SECTION(touched ? "touched memory moves" : "untouched memory moves");
    if (touched)
        area[0] = 'm';
    FACT(mremap(area, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE) ==
         target + PAGE);
    MAP(mremap(target, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE));
    area = MAP(mremap(target + PAGE, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE));
    FACT(area != MAP_FAILED && area[0] == 'm');
    /* Back to where it was first: one region again. */
    area = fresh(4);
    target = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mremap(area + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    mremap(target, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + PAGE);
    MAP(mremap(area, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE));
}

static void shared(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    char *area, *twin;

    SECTION("shared");
    ftruncate(fd, 8 * (long)PAGE);
    area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (long)PAGE);
    twin = MAP(mremap(area, 0, 2 * PAGE, MREMAP_MAYMOVE));    /* a second view */
    twin[PAGE] = 't';
    VALUE(area[PAGE]);
    area = MAP(mremap(area, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
    area[3 * PAGE] = 'e';
    CALL(pread(fd, twin, 1, 4 * (long)PAGE));
    VALUE(twin[0]);
    MAP(mremap(fresh(1), 0, PAGE, MREMAP_MAYMOVE));    /* private: not possible */
}

static void errors(void)
{
    char *area = fresh(4);

    SECTION("errors");
    MAP(mremap(area + 1, PAGE, PAGE, MREMAP_MAYMOVE));
    MAP(mremap(area, PAGE, 0, MREMAP_MAYMOVE));
    MAP(mremap(area, 4 * PAGE, 4 * PAGE, 0x80));
    MAP(mremap(area, 5 * PAGE, 9 * PAGE, MREMAP_MAYMOVE));    /* old range has a hole */
    munmap(area, 4 * PAGE);
    MAP(mremap(area, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    MAP((void *)syscall(SYS_mremap, fresh(1), PAGE, 1L << 47, MREMAP_MAYMOVE));
    MAP((void *)syscall(SYS_mremap, -4096L, PAGE, PAGE, MREMAP_MAYMOVE));
    area = fresh(4);
    CALL(mprotect(area + PAGE, PAGE, PROT_READ));    /* two regions now */
    MAP(mremap(area, 3 * PAGE, 6 * PAGE, MREMAP_MAYMOVE));
}

int main(void)
{
    growing();
    fixed();
    joining(1);
    joining(0);
    shared();
    errors();
    return 0;
}
