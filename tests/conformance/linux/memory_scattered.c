/*
 * Single pages far from each other: what is there is what was touched, however much a kernel has
 * set aside for the rest.
 */
#include <stdbool.h>
#include <sys/mman.h>

#include "check.h"

#define PAGE 4096UL
#define BLOCK (512 * PAGE)    /* what one page table of the last level covers */
#define BLOCKS 32UL

static char *area;

/* Touches far apart, so that those after them are known to be scattered. */
static void begin(void)
{
    area = mmap(NULL, BLOCKS * BLOCK, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    area += -(uintptr_t)area % BLOCK;
    madvise(area, (BLOCKS - 1) * BLOCK, MADV_NOHUGEPAGE);
    for (unsigned i = 0; i < 10; i++)
        area[i * BLOCK + BLOCK / 2] = 1;
}

static unsigned resident(const char *start)
{
    static unsigned char vector[512];
    unsigned count = 0;

    mincore((void *)(uintptr_t)start, BLOCK, vector);
    for (unsigned i = 0; i < 512; i++)
        count += vector[i] & 1;
    return count;
}

static bool is_zero(const char *start, size_t size)
{
    return start[0] == 0 && memcmp(start, start + 1, size - 1) == 0;
}

static void touched(void)
{
    char *block = area + 12 * BLOCK;

    SECTION("touched");
    for (unsigned i = 0; i < 512; i += 64)
        block[i * PAGE + i] = (char)(i / 64 + 1);
    VALUE(resident(block));
    VALUE(resident(area + 14 * BLOCK));
    for (unsigned i = 0; i < 512; i += 64)
        VALUE(block[i * PAGE + i]);
    FACT(is_zero(block + PAGE, 62 * PAGE));
}

static void dropped(void)
{
    char *block = area + 16 * BLOCK;

    SECTION("dropped");
    block[0] = block[100 * PAGE] = block[511 * PAGE] = 1;
    CALL(madvise(block, 200 * PAGE, MADV_DONTNEED));
    VALUE(resident(block));
    VALUE(block[100 * PAGE]);
    VALUE(block[511 * PAGE]);
    CALL(munmap(block + 300 * PAGE, 212 * PAGE));
    VALUE(mmap(block + 300 * PAGE, 212 * PAGE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == block + 300 * PAGE);
    VALUE(block[511 * PAGE]);
}

static void moved(void)
{
    char *block = area + 18 * BLOCK, *place = area + 20 * BLOCK + 7 * PAGE;

    SECTION("moved and protected");
    block[3 * PAGE] = 3;
    block[500 * PAGE] = 5;
    CALL(mprotect(block, BLOCK, PROT_NONE));
    VALUE(resident(block));
    FACT(mremap(block, BLOCK, BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    CALL(mprotect(place, BLOCK, PROT_READ | PROT_WRITE));
    VALUE(resident(place));
    VALUE(place[3 * PAGE]);
    VALUE(place[500 * PAGE]);
    place[4 * PAGE] = 4;
    VALUE(resident(place));
    FACT(is_zero(place + 5 * PAGE, 400 * PAGE));
}

static void locked(void)
{
    char *block = area + 24 * BLOCK;

    SECTION("locked");
    block[3 * PAGE] = 3;
    CALL(mlock(block + 10 * PAGE, 5 * PAGE));
    VALUE(resident(block));
}

/* The second number of statm. */
static long resident_size(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long size = -1, pages = -1;

    if (!file || fscanf(file, "%ld %ld", &size, &pages) != 2)
        printf("no statm\n");
    if (file)
        fclose(file);
    return pages;
}

/* Linux counts roughly: each CPU adds what it has counted now and then. */
static void counted(void)
{
    char *block = area + 26 * BLOCK;
    long before = resident_size(), grown;

    SECTION("counted");
    for (unsigned i = 0; i < 2048; i += 4)
        block[i * PAGE] = 1;
    grown = resident_size() - before;
    FACT(grown >= 512 - 150 && grown <= 512 + 150);
    CALL(munmap(block, 4 * BLOCK));
    grown = resident_size() - before;
    FACT(grown >= -150 && grown <= 150);
}

int main(void)
{
    begin();
    touched();
    dropped();
    moved();
    locked();
    counted();
    return 0;
}
