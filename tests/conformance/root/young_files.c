/*
 * Files a to d, which were made just before: mapped, cut, grown and written anew while they are
 * mapped.  A host's file that is so young cannot be told from one that changes again.
 */
#include "../linux/check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 4

static sigjmp_buf back;

static void jump_back(int number)
{
    siglongjmp(back, number);
}

/* What the page shows: a letter, or the signal. */
static void show(const char *what, const volatile char *page)
{
    int number = sigsetjmp(back, 1);

    if (number)
        (void)printf("%s: signal %s\n", what, number == SIGBUS ? "BUS" : "other");
    else
        (void)printf("%s: %d\n", what, *page);
}

static void fill(int fd, char letter, size_t size)
{
    static char bytes[PAGE * PAGES];

    memset(bytes, letter, sizeof(bytes));
    VALUE(pwrite(fd, bytes, size, 0));
}

static char *map(const char *name, int *fd, int protection, int flags)
{
    *fd = open(name, O_RDWR);
    return mmap(NULL, PAGE * PAGES, protection, flags, *fd, 0);
}

static void cut_to_nothing(int flags)
{
    int fd;
    char *memory = map("a", &fd, PROT_READ, flags);

    show("first page", memory);
    CALL(ftruncate(fd, 0));
    show("first page after the cut", memory);
    show("last page after the cut", memory + (PAGES - 1) * PAGE);
    fill(fd, 'n', 2 * PAGE);
    show("first page written anew", memory);
    show("second page written anew", memory + PAGE);
    show("third page", memory + 2 * PAGE);
    CALL(ftruncate(fd, PAGE * PAGES));
    show("third page, grown", memory + 2 * PAGE);
    fill(fd, 'a', PAGE * PAGES);
    (void)munmap(memory, PAGE * PAGES);
    (void)close(fd);
}

static void grow(void)
{
    int fd;
    char *memory = map("b", &fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    char byte = 0;

    CALL(ftruncate(fd, PAGE + 10));
    show("in the last page", memory + PAGE + 9);
    show("behind the end", memory + PAGE + 10);
    memory[PAGE + 9] = 'w';
    memory[PAGE + 20] = 'x';
    CALL(ftruncate(fd, 2 * PAGE));
    show("behind the old end", memory + PAGE + 20);
    CALL(pread(fd, &byte, 1, PAGE + 9));
    VALUE(byte);
    fill(fd, 'g', 2 * PAGE);
    show("written with the call", memory + PAGE);
    memory[0] = 'm';
    CALL(pread(fd, &byte, 1, 0));
    VALUE(byte);
    (void)munmap(memory, PAGE * PAGES);
    (void)close(fd);
}

static void open_anew(void)
{
    int fd, second;
    char *memory = map("c", &fd, PROT_READ, MAP_SHARED);

    show("before", memory);
    second = open("c", O_WRONLY | O_TRUNC);
    show("after O_TRUNC", memory);
    fill(second, 't', PAGE);
    show("written by the other", memory);
    show("its second page", memory + PAGE);
    (void)close(second);
    (void)munmap(memory, PAGE * PAGES);
    (void)close(fd);
}

static void privately(void)
{
    int fd;
    char *memory = map("d", &fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    struct stat status;

    memory[0] = 'p';
    fill(fd, 'q', PAGE * PAGES);
    show("own copy", memory);
    show("page of the file", memory + PAGE);
    CALL(unlink("d"));
    CALL(fstat(fd, &status));
    VALUE(status.st_nlink);
    show("page of the file that is gone", memory + 2 * PAGE);
    CALL(rename("c", "d"));
    (void)close(open("c", O_CREAT | O_WRONLY, 0600));
    CALL(stat("c", &status));
    VALUE(status.st_size);
    CALL(stat("d", &status));
    VALUE(status.st_size);
    (void)munmap(memory, PAGE * PAGES);
    (void)close(fd);
}

int main(void)
{
    const struct sigaction action = { .sa_handler = jump_back, .sa_flags = SA_NODEFER };

    (void)sigaction(SIGBUS, &action, NULL);
    (void)sigaction(SIGSEGV, &action, NULL);
    SECTION("cut, shared");
    cut_to_nothing(MAP_SHARED);
    SECTION("cut, private");
    cut_to_nothing(MAP_PRIVATE);
    SECTION("grow");
    grow();
    SECTION("open anew");
    open_anew();
    SECTION("privately");
    privately();
    return 0;
}
