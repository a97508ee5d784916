/* mmap and munmap of anonymous memory: placement, permissions, errors, splitting. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

/* Whether the kernel can read a byte there: without a fault of our own. */
static int readable(const void *address)
{
    int fd = open("/dev/null", O_WRONLY);
    int result = (int)write(fd, address, 1);    /* /dev/null does not look ... */

    close(fd);
    fd = open("readable", O_RDWR | O_CREAT | O_TRUNC, 0600);
    result = (int)write(fd, address, 1);        /* ... a file does */
    close(fd);
    return result == 1;
}

static void errors(void)
{
    SECTION("errors");
    MAP(mmap(NULL, 0, READ_WRITE, ANONYMOUS, -1, 0));
    MAP(mmap(NULL, PAGE, READ_WRITE, MAP_ANONYMOUS, -1, 0));
    MAP(mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE, -1, 0));
    MAP(mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE, 99, 0));
    MAP((void *)syscall(SYS_mmap, NULL, PAGE, READ_WRITE, MAP_PRIVATE, 99, 1L));
    MAP((void *)syscall(SYS_mmap, NULL, PAGE, READ_WRITE, ANONYMOUS, -1, 1L));
    MAP((void *)syscall(SYS_mmap, NULL, -1L, READ_WRITE, ANONYMOUS, -1, 0L));
    MAP((void *)syscall(SYS_mmap, NULL, 1L << 47, READ_WRITE, ANONYMOUS, -1, 0L));
    MAP((void *)syscall(SYS_mmap, 1L, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0L));
    MAP((void *)syscall(SYS_mmap, 1L << 47, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0L));
    MAP((void *)syscall(SYS_mmap, -4096L, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0L));
    MAP((void *)syscall(SYS_mmap, NULL, PAGE, READ_WRITE, ANONYMOUS, 77, 0L));
    CALL(syscall(SYS_munmap, 1L, PAGE));
    CALL(syscall(SYS_munmap, 0x10000000L, 0L));
    CALL(syscall(SYS_munmap, 0x7ffffffff000L, PAGE * 2));
    CALL(syscall(SYS_munmap, -4096L, PAGE));
    CALL(syscall(SYS_munmap, PAGE, -PAGE));
}

static void placement(void)
{
    char *base = MAP(mmap(NULL, 16 * PAGE, READ_WRITE, ANONYMOUS, -1, 0));
    char *hint = base + 4 * PAGE;

    SECTION("placement");
    CALL(munmap(base + 4 * PAGE, 8 * PAGE));
    FACT(mmap(hint, PAGE, READ_WRITE, ANONYMOUS, -1, 0) == hint);
    FACT(mmap(hint, PAGE, READ_WRITE, ANONYMOUS, -1, 0) != hint);
    FACT(mmap(hint + PAGE + 5, PAGE, READ_WRITE, ANONYMOUS, -1, 0) == hint + PAGE);
    memset(hint, 7, PAGE);
    FACT(mmap(hint, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0) == hint);
    FACT(*hint == 0);
    MAP(mmap(hint, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    FACT(mmap(hint + 2 * PAGE, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
         hint + 2 * PAGE);
    MAP(mmap(hint + 1, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0));
    CALL(munmap(base, 16 * PAGE));
    CALL(munmap(base, 16 * PAGE));    /* nothing there: no error */
    MAP(mmap(NULL, 1, READ_WRITE, ANONYMOUS, -1, 0));
    MAP(mmap(NULL, PAGE + 1, READ_WRITE, ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0));
    FACT((uintptr_t)mmap(NULL, PAGE, READ_WRITE, ANONYMOUS | MAP_32BIT, -1, 0) < 1UL << 31);
}

static void splitting(void)
{
    char *base = mmap(NULL, 9 * PAGE, READ_WRITE, ANONYMOUS, -1, 0);

    SECTION("splitting");
    for (unsigned i = 0; i < 9; i++)
        base[i * PAGE] = (char)('a' + i);
    CALL(munmap(base + 3 * PAGE, 1));
    CALL(munmap(base, PAGE + 1));
    CALL(munmap(base + 8 * PAGE, PAGE * 5));
    for (unsigned i = 0; i < 9; i++) {
        int there = readable(base + i * PAGE);

        printf("page %u: %s %c\n", i, there ? "there" : "gone", there ? base[i * PAGE] : '-');
    }
    CALL(munmap(base, 9 * PAGE));
    FACT(!readable(base + 4 * PAGE));
}

static void permissions(void)
{
    int fd = open("out", O_RDWR | O_CREAT, 0600);
    char *page;

    SECTION("permissions, as the kernel sees them");
    page = mmap(NULL, PAGE, PROT_NONE, ANONYMOUS, -1, 0);
    CALL(write(fd, page, 1));
    CALL(pread(fd, page, 1, 0));
    page = mmap(NULL, PAGE, PROT_READ, ANONYMOUS, -1, 0);
    CALL(write(fd, page, 1));
    CALL(pread(fd, page, 1, 0));
    page = mmap(NULL, PAGE, PROT_WRITE, ANONYMOUS, -1, 0);
    CALL(write(fd, page, 1));
    CALL(pread(fd, page, 1, 0));
    close(fd);
}

static void large(void)
{
    size_t size = 1UL << 36;    /* address space only */
    char *area = MAP(mmap(NULL, size, READ_WRITE, ANONYMOUS | MAP_NORESERVE, -1, 0));

    SECTION("large and sparse");
    for (size_t offset = 0; offset < size; offset += size / 8)
        area[offset] = 'x';
    FACT(area[size / 8] == 'x' && area[size / 8 + 1] == 0 && area[size / 8 - 1] == 0);
    CALL(munmap(area, size));
}

int main(void)
{
    errors();
    placement();
    splitting();
    permissions();
    large();
    return 0;
}
