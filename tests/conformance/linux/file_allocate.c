/* fallocate and holes: errors and their order, sizes, what is there, mappings, SEEK_DATA. */
#include <fcntl.h>
#include <stdbool.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096
#define KEEP FALLOC_FL_KEEP_SIZE
#define PUNCH (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)

static char bytes[16 * PAGE];

static void show_status(int fd)
{
    struct stat status;

    FACT(fstat(fd, &status) == 0);
    printf("size %lld, blocks %lld\n", (long long)status.st_size, (long long)status.st_blocks);
}

/* Data and holes by turns. */
static void show_parts(int fd)
{
    off_t position = 0, end = lseek(fd, 0, SEEK_END);

    while (position < end) {
        off_t data = lseek(fd, position, SEEK_DATA);
        off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);

        if (data < 0)
            break;
        printf("data from %lld to %lld\n", (long long)data, (long long)hole);
        position = hole;
    }
    printf("end %lld\n", (long long)end);
}

static void errors(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600), reader = open("file", O_RDONLY), fds[2];
    int directory = open(".", O_RDONLY), path = open("file", O_PATH);
    int null = open("/dev/null", O_RDWR);

    SECTION("errors");
    FACT(pipe(fds) == 0);
    CALL(fallocate(-1, 99, -1, 0));
    CALL(fallocate(path, 0, 0, 1));
    CALL(fallocate(fd, 0, -1, 1));
    CALL(fallocate(fd, 0, 0, 0));
    CALL(fallocate(fd, 0, 0, -1));
    CALL(fallocate(fd, 0x4000, 0, 0));
    CALL(fallocate(fd, 0x4000, 0, 1));
    CALL(fallocate(reader, 0x4000, 0, 1));
    CALL(fallocate(reader, 0, 0, 1));
    CALL(fallocate(reader, FALLOC_FL_PUNCH_HOLE, 0, 1));
    CALL(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1));
    CALL(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
    CALL(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE));
    CALL(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE));
    CALL(fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, PAGE));
    CALL(fallocate(directory, 0, 0, 1));
    CALL(fallocate(fds[0], 0, 0, 1));
    CALL(fallocate(fds[1], 0, 0, 1));
    CALL(fallocate(fds[1], FALLOC_FL_ZERO_RANGE, 0, 1));
    CALL(fallocate(null, 0, 0, 1));
    CALL(fallocate(fd, 0, INT64_MAX, 1));
    CALL(fallocate(fd, PUNCH, INT64_MAX, INT64_MAX));
    show_status(fd);
    close(fds[0]);
    close(fds[1]);
    close(null);
    close(path);
    close(directory);
    close(reader);
    close(fd);
}

static void sizes(void)
{
    int fd = memfd_create("sizes", 0);

    SECTION("sizes");
    CALL(fallocate(fd, 0, 0, 100));
    show_status(fd);
    CALL(fallocate(fd, 0, 3 * PAGE, 1));
    show_status(fd);
    CALL(fallocate(fd, KEEP, PAGE, 1));
    show_status(fd);
    CALL(fallocate(fd, 0, 0, 3 * PAGE));
    show_status(fd);
    CALL(pread(fd, bytes, sizeof(bytes), 0));
    FACT(bytes[0] == 0 && bytes[3 * PAGE] == 0);
    close(fd);
}

static void contents_stay(void)
{
    int fd = memfd_create("contents", 0);

    SECTION("contents stay");
    CALL(pwrite(fd, "hello", 5, PAGE - 2));
    CALL(fallocate(fd, 0, 0, 4 * PAGE));
    CALL(pread(fd, bytes, 5, PAGE - 2));
    FACT(memcmp(bytes, "hello", 5) == 0);
    show_status(fd);
    close(fd);
}

static void fill(int fd)
{
    memset(bytes, 'x', sizeof(bytes));
    FACT(pwrite(fd, bytes, sizeof(bytes), 0) == (long)sizeof(bytes));
}

/* Zeroes of the file by their numbers. */
static void show_zeroes(int fd)
{
    size_t begin = 0;
    long count = pread(fd, bytes, sizeof(bytes), 0);

    for (size_t i = 0; i <= (size_t)count; i++) {
        bool is_zero = i < (size_t)count && bytes[i] == 0;

        if (is_zero && (i == 0 || bytes[i - 1] != 0))
            begin = i;
        if (!is_zero && i > 0 && bytes[i - 1] == 0)
            printf("zero from %zu to %zu\n", begin, i);
    }
}

static void punch(int fd, off_t offset, off_t length)
{
    printf("punch %lld, %lld\n", (long long)offset, (long long)length);
    CALL(fallocate(fd, PUNCH, offset, length));
    show_zeroes(fd);
    show_parts(fd);
    show_status(fd);
}

static void punches(void)
{
    int fd = memfd_create("punched", 0);

    SECTION("punches");
    fill(fd);
    punch(fd, 10, 5);
    punch(fd, PAGE, PAGE);
    punch(fd, 3 * PAGE - 10, 20);
    punch(fd, 5 * PAGE - 1, 2 * PAGE + 2);
    punch(fd, 15 * PAGE + 100, 100 * PAGE);
    punch(fd, 200 * PAGE, PAGE);
    punch(fd, 0, 0x7fffffffffffffff);
    close(fd);
}

static void mapped(void)
{
    int fd = memfd_create("mapped", 0);
    char *shared, *own;

    SECTION("mapped");
    fill(fd);
    shared = mmap(NULL, sizeof(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    own = mmap(NULL, sizeof(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    FACT(shared[PAGE] == 'x' && own[PAGE] == 'x');
    own[PAGE] = 'p';
    shared[PAGE + 1] = 's';
    CALL(fallocate(fd, PUNCH, PAGE, 2 * PAGE));
    VALUE(shared[PAGE]);
    VALUE(shared[PAGE + 1]);
    VALUE(shared[3 * PAGE]);
    VALUE(own[PAGE]);
    shared[PAGE] = 'n';
    CALL(pread(fd, bytes, 1, PAGE));
    VALUE(bytes[0]);
    show_parts(fd);
    munmap(shared, sizeof(bytes));
    munmap(own, sizeof(bytes));
    close(fd);
}

static void limits(void)
{
    struct rlimit limit = { 3 * PAGE, RLIM_INFINITY };
    int fd = memfd_create("limited", 0);
    sigset_t mask;

    SECTION("limits");
    sigemptyset(&mask);
    sigaddset(&mask, SIGXFSZ);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    FACT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CALL(fallocate(fd, 0, 0, 3 * PAGE));
    CALL(fallocate(fd, 0, 0, 3 * PAGE + 1));
    sigpending(&mask);
    VALUE(sigismember(&mask, SIGXFSZ));
    show_status(fd);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    close(fd);
}

/* Far away, but of few pages. */
static void sparse(void)
{
    int fd = memfd_create("sparse", 0);

    SECTION("sparse");
    CALL(ftruncate(fd, INT64_MAX));
    CALL(lseek(fd, 0, SEEK_DATA));
    CALL(lseek(fd, 5, SEEK_HOLE));
    CALL(pwrite(fd, "x", 1, INT64_MAX - 1));
    CALL(pwrite(fd, "xy", 2, INT64_MAX - 1));
    CALL(lseek(fd, INT64_MAX, SEEK_SET));
    CALL(write(fd, "z", 1));
    CALL(lseek(fd, 1, SEEK_CUR));
    CALL(ftruncate(fd, (off_t)1 << 40));
    CALL(pwrite(fd, "x", 1, (off_t)1 << 39));
    CALL(lseek(fd, 0, SEEK_DATA));
    CALL(lseek(fd, (off_t)1 << 39, SEEK_HOLE));
    CALL(lseek(fd, ((off_t)1 << 39) + PAGE, SEEK_DATA));
    CALL(lseek(fd, (off_t)1 << 40, SEEK_DATA));
    CALL(lseek(fd, (off_t)1 << 40, SEEK_HOLE));
    CALL(lseek(fd, -1, SEEK_DATA));
    CALL(lseek(fd, 0, 5));
    show_status(fd);
    CALL(posix_fallocate(fd, 0, PAGE));
    show_status(fd);
    close(fd);
}

int main(void)
{
    errors();
    sizes();
    contents_stay();
    punches();
    mapped();
    limits();
    sparse();
    return 0;
}
