/*
 * Pages with a `syscall` that is executed often, and what happens to such pages: they are written
 * anew, shared, moved, unmapped, changed through another mapping or through their file.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define OFTEN 40
#define PAGE 4096UL
#define PLACE 256    /* of a function in its page */

typedef long function(void);

/* mov $number, %eax; syscall; ret, among one-byte nops.  Numbers above 10000 are only returned. */
static void write_code(char *page, unsigned place, uint32_t number)
{
    static const unsigned char call[] = { 0x0f, 0x05, 0xc3 };

    page[place] = (char)0xb8;
    memcpy(page + place + 1, &number, sizeof(number));
    memcpy(page + place + 5, call + (number > 10000 ? 2 : 0), number > 10000 ? 1 : sizeof(call));
}

static void fill(char *page, uint32_t number)
{
    memset(page, 0x90, PAGE);
    write_code(page, PLACE, number);
}

/* How often the function there gives this. */
static int count(const char *page, long expected)
{
    function *code = (function *)(uintptr_t)(page + PLACE);
    int right = 0;

    for (int i = 0; i < OFTEN; i++)
        right += code() == expected;
    return right;
}

static char *new_page(int flags, int descriptor)
{
    return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, descriptor, 0);
}

static void written_anew(void)
{
    char *page = new_page(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    int right = 0;

    for (int round = 0; round < 20; round++) {
        (void)mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        fill(page, round % 2 ? SYS_getpid : SYS_getppid);
        if (round % 5 == 4)
            write_code(page, PLACE, 12345);
        (void)mprotect(page, PAGE, PROT_READ | PROT_EXEC);
        right += count(page, round % 5 == 4 ? 12345 : round % 2 ? getpid() : getppid());
    }
    VALUE(right);
    (void)mprotect(page, PAGE, PROT_READ);
    VALUE((unsigned char)page[PLACE]);
    (void)mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    VALUE(count(page, 12345));
    write_code(page, PLACE, SYS_getpid);
    VALUE(count(page, getpid()));
    write_code(page, PLACE, SYS_getppid);
    VALUE(count(page, getppid()));
    (void)munmap(page, PAGE);
}

static void mapped_twice(void)
{
    int file = memfd_create("code", 0);
    char *writable, *code;
    int right = 0;

    (void)ftruncate(file, PAGE);
    writable = new_page(MAP_SHARED, file);
    code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    fill(writable, SYS_getpid);
    VALUE(count(code, getpid()));
    for (uint32_t i = 0; i < 20; i++) {
        write_code(writable, PLACE, 20000 + i);
        right += count(code, 20000 + (long)i);
        write_code(writable, PLACE, SYS_getppid);
        right += count(code, getppid());
    }
    VALUE(right);
    (void)munmap(writable, PAGE);
    VALUE(count(code, getppid()));

    char *second = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);

    VALUE(count(second, getppid()) + count(code, getppid()));
    writable = new_page(MAP_SHARED, file);
    write_code(writable, PLACE, 33333);
    VALUE(count(second, 33333) + count(code, 33333));
    (void)munmap(second, PAGE);
    (void)munmap(writable, PAGE);
    (void)munmap(code, PAGE);
    (void)close(file);
}

static void through_the_file(void)
{
    static char bytes[PAGE];
    int file = open("code", O_RDWR | O_CREAT, 0700), right = 0;
    char *code;

    fill(bytes, SYS_getpid);
    VALUE(write(file, bytes, PAGE));
    code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    VALUE(count(code, getpid()));
    for (uint32_t i = 0; i < 20; i++) {
        write_code(bytes, PLACE, i % 2 ? 20000 + i : SYS_getppid);
        VALUE(pwrite(file, bytes + PLACE, 16, PLACE));
        right += count(code, i % 2 ? 20000 + (long)i : getppid());
    }
    VALUE(right);
    VALUE(pread(file, bytes, PAGE, 0));
    VALUE((unsigned char)bytes[PLACE]);
    (void)munmap(code, PAGE);
    VALUE(unlink("code"));
    (void)close(file);
}

static int status_of(pid_t child)
{
    int status = -1;

    (void)waitpid(child, &status, 0);
    return status;
}

/* A child of the page's owner changes what it has of the page. */
static void in_a_child(int flags)
{
    char *page = new_page(flags | MAP_ANONYMOUS, -1);
    pid_t child;

    fill(page, SYS_getpid);
    (void)mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    VALUE(count(page, getpid()));
    child = fork();
    if (child == 0) {
        int right = count(page, getpid());

        (void)mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        write_code(page, PLACE, 44444);
        (void)mprotect(page, PAGE, PROT_READ | PROT_EXEC);
        _exit(right + count(page, 44444));
    }
    VALUE(status_of(child));
    VALUE(count(page, flags == MAP_SHARED ? 44444 : getpid()));
    (void)munmap(page, PAGE);
}

static void moved(void)
{
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *goal = pages + 2 * PAGE;

    fill(pages, SYS_getpid);
    fill(pages + PAGE, SYS_getppid);
    (void)mprotect(pages, 2 * PAGE, PROT_READ | PROT_EXEC);
    VALUE(count(pages, getpid()));
    VALUE(count(pages + PAGE, getppid()));
    FACT(mremap(pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, goal) == goal);
    VALUE(count(goal, getpid()));
    FACT(mremap(pages + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, goal) == goal);
    VALUE(count(goal, getppid()));
    FACT(mmap(goal, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
              0) == goal);
    fill(goal, 55555);
    (void)mprotect(goal, PAGE, PROT_READ | PROT_EXEC);
    VALUE(count(goal, 55555));
    (void)munmap(goal, PAGE);
}

/* The same place as seen by the kernel: by a copy, and by a write that it must not make. */
static void by_the_kernel(void)
{
    char *page = new_page(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    unsigned char byte = 0;
    int ends[2];

    fill(page, SYS_getpid);
    (void)mprotect(page, PAGE, PROT_READ | PROT_EXEC);
    VALUE(count(page, getpid()));
    CALL(pipe(ends));
    VALUE(write(ends[1], page + PLACE, 1));
    VALUE(read(ends[0], &byte, 1));
    VALUE(byte);
    VALUE(write(ends[1], "x", 1));
    CALL(read(ends[0], page + PLACE, 1));
    CALL(read(open("/dev/zero", O_RDONLY), page + PLACE, 4));
    VALUE(count(page, getpid()));
    (void)mprotect(page, PAGE, PROT_READ);
    VALUE((unsigned char)page[PLACE]);
    (void)munmap(page, PAGE);
}

/* Pairs that lie across the end of a page, at its begin, and side by side. */
static void at_the_border(void)
{
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int right = 0;

    for (unsigned place = PAGE - 12; place < PAGE + 4; place++) {
        (void)mprotect(pages, 2 * PAGE, PROT_READ | PROT_WRITE);
        fill(pages, SYS_getppid);
        fill(pages + PAGE, SYS_getppid);
        write_code(pages, place, SYS_getpid);
        (void)mprotect(pages, 2 * PAGE, PROT_READ | PROT_EXEC);
        right += count(pages + place - PLACE, getpid());
    }
    VALUE(right);
    (void)mprotect(pages, 2 * PAGE, PROT_READ | PROT_WRITE);
    fill(pages, SYS_getppid);
    write_code(pages, PLACE + 7, SYS_getpid);
    (void)mprotect(pages, 2 * PAGE, PROT_READ | PROT_EXEC);
    VALUE(count(pages, getpid()));
    VALUE(count(pages + 7, getpid()));
    (void)munmap(pages, 2 * PAGE);
}

/* More places and pages than anybody would keep in mind. */
static void very_many(void)
{
    enum { PAGES = 100, PLACES = 8 };
    char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
    long right = 0;

    for (unsigned page = 0; page < PAGES; page++) {
        fill(pages + page * PAGE, SYS_getpid);
        for (unsigned place = 1; place < PLACES; place++)
            write_code(pages + page * PAGE, PLACE + place * 100,
                       place % 2 ? SYS_getppid : SYS_getpid);
    }
    (void)mprotect(pages, PAGES * PAGE, PROT_READ | PROT_EXEC);
    for (int round = 0; round < 2; round++) {
        for (unsigned page = 0; page < PAGES; page++) {
            for (unsigned place = 0; place < PLACES; place++)
                right += count(pages + page * PAGE + place * 100,
                               place % 2 ? getppid() : getpid());
        }
    }
    VALUE(right);
    (void)munmap(pages, PAGES * PAGE);
}

int main(void)
{
    SECTION("written anew");
    written_anew();
    SECTION("mapped twice");
    mapped_twice();
    SECTION("written through the file");
    through_the_file();
    SECTION("shared with a child");
    in_a_child(MAP_SHARED);
    SECTION("copied by a child");
    in_a_child(MAP_PRIVATE);
    SECTION("moved");
    moved();
    SECTION("seen by the kernel");
    by_the_kernel();
    SECTION("at the border of pages");
    at_the_border();
    SECTION("very many");
    very_many();
    return 0;
}
