/* mmap of files: private and shared, coherence with read and write, ends of files, permissions. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096L

static sigjmp_buf landing;
static volatile int last_signal, last_code;

static void on_fault(int number, siginfo_t *information, void *context)
{
    (void)context;
    last_signal = number;
    last_code = information->si_code;
    siglongjmp(landing, 1);
}

/* Reads a byte; a fault is printed with its signal and code. */
static void touch(const char *what, volatile char *address)
{
    if (sigsetjmp(landing, 1) == 0)
        printf("%s: %d\n", what, *address);
    else
        printf("%s: %s code %d\n", what, last_signal == SIGBUS ? "SIGBUS" : "SIGSEGV", last_code);
}

static void coherence(int fd)
{
    char *shared = MAP(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char *private = MAP(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    char *second = MAP(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE));
    char byte = 0;

    SECTION("coherence");
    shared[10] = 'S';
    CALL(pread(fd, &byte, 1, 10));
    VALUE(byte);
    VALUE(private[10]);
    CALL(pwrite(fd, "W", 1, 11));
    VALUE(shared[11]);
    VALUE(private[11]);
    private[12] = 'P';
    CALL(pread(fd, &byte, 1, 12));
    VALUE(byte);
    VALUE(shared[12]);
    CALL(pwrite(fd, "V", 1, 11));
    VALUE(private[11]);    /* the page is our own now */
    VALUE(shared[11]);
    shared[PAGE + 5] = 'T';
    VALUE(second[5]);
    CALL(msync(shared, 2 * PAGE, MS_SYNC));
    CALL(munmap(private, 2 * PAGE));
    CALL(munmap(shared, 2 * PAGE));
    VALUE(second[5]);
    CALL(munmap(second, PAGE));
}

static void ends(void)
{
    int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct stat status;
    char *map, byte = 1;

    SECTION("ends of files");
    CALL(write(fd, "0123456789", 10));
    map = MAP(mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    touch("last byte", map + 9);
    touch("behind the end", map + 10);
    touch("end of the page", map + PAGE - 1);
    touch("page behind", map + PAGE);
    map[20] = 'z';    /* goes nowhere */
    fstat(fd, &status);
    VALUE(status.st_size);
    CALL(ftruncate(fd, PAGE + 100));
    touch("grown: page behind", map + PAGE);
    CALL(ftruncate(fd, 5));
    touch("shrunk: page behind", map + PAGE);
    touch("shrunk: byte 9", map + 9);
    CALL(ftruncate(fd, 10));
    CALL(pread(fd, &byte, 1, 9));
    VALUE(byte);
    CALL(write(fd, map + 2 * PAGE, 1));    /* the kernel meets the same end */
    CALL(munmap(map, 3 * PAGE));
    close(fd);
    map = MAP(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("short", O_RDONLY), 8 * PAGE));
    touch("far behind the end", map);
}

/* Shrinking takes pages out of every mapping, whatever became of them there. */
static void truncation(void)
{
    int fd = open("truncated", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *private, *shared, *hidden, *cut, *moved;

    SECTION("truncation");
    CALL(ftruncate(fd, 6 * PAGE));
    private = MAP(mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    shared = MAP(mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    hidden = MAP(mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    cut = MAP(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 3 * PAGE));
    memset(shared, 's', (size_t)(6 * PAGE));
    memset(private, 'p', (size_t)(6 * PAGE));
    memset(hidden, 'h', (size_t)(6 * PAGE));
    cut[0] = 'c';
    CALL(mprotect(hidden + 2 * PAGE, 2 * PAGE, PROT_NONE));
    moved = MAP(mremap(shared + 3 * PAGE, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
    CALL(ftruncate(fd, 2 * PAGE + 10));
    CALL(mprotect(hidden + 2 * PAGE, 2 * PAGE, PROT_READ));
    touch("private copy in the last page", private + 2 * PAGE + 10);
    touch("private copy behind", private + 3 * PAGE);
    touch("shared, last byte", shared + 2 * PAGE + 9);
    touch("shared, behind the last byte", shared + 2 * PAGE + 10);
    touch("hidden copy in the last page", hidden + 2 * PAGE);
    touch("hidden copy behind", hidden + 3 * PAGE);
    touch("part of the file", cut);
    touch("moved", moved);
    touch("moved, last page", moved + 2 * PAGE);
    CALL(ftruncate(fd, 6 * PAGE));
    touch("grown: shared, behind the last byte", shared + 2 * PAGE + 10);
    touch("grown: private", private + 3 * PAGE);
    touch("grown: part", cut);
    touch("grown: moved", moved);
    cut[1] = 'C';
    touch("grown: moved, written elsewhere", moved + 1);
    CALL(ftruncate(fd, 0));
    touch("empty: private", private);
    touch("empty: shared", shared + 10);
    touch("empty: moved", moved + 1);
    CALL(close(open("truncated", O_WRONLY | O_TRUNC)));
    CALL(ftruncate(fd, PAGE));
    touch("a page again", shared);
    CALL(close(open("truncated", O_WRONLY | O_TRUNC)));
    touch("opened with O_TRUNC", shared);
    close(fd);
}

static void permissions(int fd)
{
    int reader = open("file", O_RDONLY), writer = open("file", O_WRONLY);
    int directory = open(".", O_RDONLY), null = open("/dev/null", O_RDWR);
    int path = open("file", O_PATH), zero = open("/dev/zero", O_RDWR);
    char *map;

    SECTION("permissions");
    MAP(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
    map = MAP(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0));
    CALL(mprotect(map, PAGE, PROT_READ | PROT_WRITE));
    MAP(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0));
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0));
    MAP(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, writer, 0));
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0));
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, path, 0));
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, null, 0));
    map = MAP(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0));
    VALUE(map[100]);
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100));
    MAP((void *)syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_SHARED, fd, -4096L));
    MAP(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_PRIVATE, fd, 0));    /* SHARED_VALIDATE */
    MAP(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0));
}

/* A mapping keeps the file alive when its name and its descriptors are gone. */
static void lifetime(void)
{
    int fd = open("gone", O_RDWR | O_CREAT, 0600);
    char *map;

    SECTION("lifetime");
    CALL(ftruncate(fd, PAGE));
    map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    strcpy(map, "still here");
    CALL(unlink("gone"));
    CALL(close(fd));
    TEXT(map);
    CALL(msync(map, PAGE, MS_ASYNC));
    CALL(munmap(map, PAGE));
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    for (int i = 0; i < 3 * PAGE; i++) {
        char byte = (char)('a' + i % 26);

        if (write(fd, &byte, 1) != 1)
            printf("cannot fill\n");
    }
    coherence(fd);
    ends();
    truncation();
    permissions(fd);
    lifetime();
    return 0;
}
