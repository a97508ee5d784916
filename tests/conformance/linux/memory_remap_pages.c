/* remap_file_pages: which mappings it takes, what they show afterwards. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define PAGES 8UL

static long remap(const void *address, size_t size, int protection, size_t page, int flags)
{
    return syscall(SYS_remap_file_pages, address, size, protection, page, flags);
}

static void show(const char *area)
{
    for (size_t i = 0; i < PAGES; i++)
        (void)putchar(area[i * PAGE]);
    (void)putchar('\n');
}

/* Page i begins with the letter i. */
static char *map_letters(int fd, int flags, int protection)
{
    char page[PAGE] = { 0 };

    for (size_t i = 0; fd >= 0 && i < PAGES; i++) {
        page[0] = (char)('a' + (int)i);
        if (pwrite(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE)
            (void)printf("cannot write: %s\n", error_name(errno));
    }
    return mmap(NULL, PAGES * PAGE, protection, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
}

static void what_is_shown(int fd)
{
    char *area = map_letters(fd, MAP_SHARED, PROT_READ | PROT_WRITE);

    SECTION("what is shown");
    show(area);
    CALL(remap(area, PAGE, 0, 7, 0));
    show(area);
    CALL(remap(area + 2 * PAGE, 2 * PAGE, 0, 0, MAP_NONBLOCK));
    show(area);
    area[2 * PAGE] = 'X';
    show(area);
    CALL(remap(area + 5 * PAGE + 7, 2 * PAGE + 9, 0, 3, 0));    /* rounded down */
    show(area);
    CALL(remap(area, 8 * PAGE, 0, 0, 0));    /* over pieces that differ in what they show only */
    show(area);
    CALL(remap(area, PAGE, 0, 100, MAP_NONBLOCK));    /* beyond the end */
    CALL(remap(area, 8 * PAGE, 0, 0, 0));
    area[0] = 'Y';
    (void)munmap(area, PAGES * PAGE);
}

static void refusals(int fd)
{
    char *area = map_letters(fd, MAP_SHARED, PROT_READ | PROT_WRITE);
    char *private = map_letters(fd, MAP_PRIVATE, PROT_READ | PROT_WRITE);
    int readable = open("file", O_RDONLY);
    char *read_only = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, readable, 0);

    SECTION("refusals");
    CALL(remap(area, PAGE, PROT_READ, 0, 0));
    CALL(remap(area, 0, 0, 0, 0));
    CALL(remap(area, PAGE - 1, 0, 0, 0));
    CALL(remap(area, -PAGE, 0, 0, 0));
    CALL(remap(area, PAGE, 0, -1UL, 0));
    CALL(remap(area, PAGE, 0, -2UL, 0));
    CALL(remap(area, PAGE, 0, 1UL << 60, 0));
    CALL(remap(area, PAGE, 0, (1UL << 51) - 1, MAP_NONBLOCK));
    CALL(remap(area, PAGE, 0, (1UL << 51) - 2, MAP_NONBLOCK));
    CALL(remap(area, PAGE, 0, 0, -1));
    CALL(remap(private, PAGE, 0, 1, 0));
    CALL(remap(read_only, PAGE, 0, 1, 0));
    CALL(remap((void *)8, PAGE, 0, 1, 0));
    (void)mprotect(area + 4 * PAGE, PAGE, PROT_READ);
    CALL(remap(area, PAGES * PAGE, 0, 0, 0));
    CALL(remap(area + 4 * PAGE, PAGE, 0, 0, 0));
    VALUE(area[4 * PAGE]);
    (void)munmap(area + 6 * PAGE, PAGE);
    CALL(remap(area + 5 * PAGE, 3 * PAGE, 0, 0, 0));
    CALL(remap(area + 7 * PAGE, 2 * PAGE, 0, 0, 0));
    (void)munmap(area, PAGES * PAGE);
    (void)munmap(private, PAGES * PAGE);
}

static void anonymous(void)
{
    char *area = map_letters(-1, MAP_SHARED, PROT_READ | PROT_WRITE);

    SECTION("anonymous");
    for (size_t i = 0; i < PAGES; i++)
        area[i * PAGE] = (char)('a' + (int)i);
    CALL(remap(area, 2 * PAGE, 0, 6, 0));
    CALL(remap(area + 6 * PAGE, 2 * PAGE, 0, 0, 0));
    show(area);
    CALL(mlock(area, PAGES * PAGE));
    CALL(remap(area, PAGES * PAGE, 0, 0, 0));
    show(area);
    CALL(munlock(area, PAGES * PAGE));
}

int main(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600);

    what_is_shown(fd);
    refusals(fd);
    anonymous();
    return 0;
}
