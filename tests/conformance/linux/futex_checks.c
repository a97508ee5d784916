/* futex: what is checked and in which order; every error that arguments alone can give. */
#include <fcntl.h>

#include "with_threads.h"

#define WILD ((void *)1)
#define LOW ((void *)4096)
#define KERNEL_WORD ((void *)-4096L)
#define KERNEL_EDGE ((void *)0x7ffffffff000L)

static uint32_t word, other;
static char *nothing, *read_only, *read_only_file, *writable_file;
static struct timespec bad_ns = { 0, -1 }, bad_ns_2 = { 0, 1000000000 }, bad_s = { -1, 0 };
static struct timespec past = { 1, 0 };

static void map_pages(void)
{
    int fd;

    nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    make_file("page", "abcdefghijklmnop");
    fd = open("page", O_RDWR);
    if (ftruncate(fd, 8192) != 0)
        (void)printf("no second page\n");
    read_only_file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    writable_file = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
}

static void times_first(void)
{
    SECTION("the time is looked at before all else");
    CALL(futex(&word, FUTEX_WAIT, 1, WILD));
    CALL(futex(&word, FUTEX_WAIT, 1, &bad_ns));
    CALL(futex(&word, FUTEX_WAIT, 1, &bad_ns_2));
    CALL(futex(&word, FUTEX_WAIT, 1, &bad_s));
    CALL(futex(WILD, FUTEX_WAIT, 1, &bad_s));
    CALL(futex(WILD, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, &bad_s));
    CALL(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, &past));
    CALL(futex(&word, FUTEX_WAIT_BITSET, 1, &bad_s, NULL, 0));
    CALL(futex(&word, FUTEX_LOCK_PI, 1, WILD));
    CALL(futex(&word, FUTEX_LOCK_PI2, 1, &bad_ns));
    CALL(futex(&word, FUTEX_WAIT_REQUEUE_PI, 1, &bad_ns, &word));
    CALL(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 1, &bad_ns));
    CALL(futex(&word, 99, 1, WILD));
    CALL(futex(&word, FUTEX_WAKE, 1, WILD));
    CALL(futex(&word, FUTEX_WAKE_BITSET, 1, WILD, NULL, 1));
    CALL(futex(&word, FUTEX_TRYLOCK_PI, 1, WILD));
    CALL(futex(&word, FUTEX_UNLOCK_PI, 1, WILD));
}

static void operation_next(void)
{
    SECTION("then the operation's own arguments");
    CALL(futex(WILD, FUTEX_WAIT_BITSET, 1, &past, NULL, 0));
    CALL(futex(WILD, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    CALL(futex(WILD, FUTEX_REQUEUE, -1, 0, WILD));
    CALL(futex(WILD, FUTEX_CMP_REQUEUE, 0, -1, WILD, 1));
    CALL(futex(WILD, FUTEX_CMP_REQUEUE_PI, 1, 0, WILD, 1));
    CALL(futex(LOW, FUTEX_CMP_REQUEUE_PI, 2, 0, WILD, 1));
    CALL(futex(LOW, FUTEX_CMP_REQUEUE_PI, 1, -1, WILD, 1));
    CALL(futex(LOW, FUTEX_WAIT_REQUEUE_PI, 1, NULL, LOW, 1));
    CALL(futex(&word, FUTEX_CMP_REQUEUE_PI, 0, 0, &other));
    CALL(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, 0, &word));
}

static void addresses(int flags)
{
    char *bytes = (char *)&word;

    SECTION(flags ? "addresses, private" : "addresses, shared");
    CALL(futex(bytes + 1, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(bytes + 2, FUTEX_WAKE | flags, 1));
    CALL(futex(bytes + 3, FUTEX_LOCK_PI | flags, 1));
    CALL(futex(bytes + 1, FUTEX_TRYLOCK_PI | flags, 1));
    CALL(futex(bytes + 1, FUTEX_REQUEUE | flags, 1, 1, &word));
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, 1, bytes + 1));
    CALL(futex(&word, FUTEX_WAKE_OP | flags, 1, 1, bytes + 2));
    CALL(futex(bytes + 2, FUTEX_WAKE_OP | flags, 1, 1, &word));
    CALL(futex(NULL, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(LOW, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(KERNEL_WORD, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(nothing, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(NULL, FUTEX_WAKE | flags, 1));
    CALL(futex(LOW, FUTEX_WAKE | flags, 1));
    CALL(futex(KERNEL_WORD, FUTEX_WAKE | flags, 1));
    CALL(futex(KERNEL_EDGE, FUTEX_WAKE | flags, 1));
    CALL(futex(nothing, FUTEX_WAKE | flags, 1));
    CALL(futex(read_only, FUTEX_WAKE | flags, 1));
    CALL(futex(read_only, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(read_only, FUTEX_WAIT | flags, 1, &past));
    CALL(futex(read_only, FUTEX_LOCK_PI | flags, 0, &past));
    CALL(futex(read_only, FUTEX_TRYLOCK_PI | flags, 0));
    CALL(futex(read_only, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_REQUEUE | flags, 1, 1, NULL));
    CALL(futex(&word, FUTEX_CMP_REQUEUE | flags, 1, 1, nothing));
    CALL(futex(nothing, FUTEX_CMP_REQUEUE | flags, 1, 1, &word));
    CALL(futex(nothing, FUTEX_REQUEUE | flags, 1, 1, &word));
    CALL(futex(nothing, FUTEX_WAKE_OP | flags, 1, 1, &other));
    CALL(futex(&word, FUTEX_WAKE_OP | flags, 1, 1, nothing));
    CALL(futex(&word, FUTEX_WAKE_OP | flags, 1, 1, read_only));
    CALL(futex(nothing, FUTEX_LOCK_PI | flags, 0));
    CALL(futex(nothing, FUTEX_UNLOCK_PI | flags, 0));
    CALL(futex(&word, FUTEX_WAIT_REQUEUE_PI | flags, 0, &past, nothing));
    CALL(futex(nothing, FUTEX_WAIT_REQUEUE_PI | flags, 0, &past, &word));
    CALL(futex(&word, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, nothing));
    CALL(futex(&word, FUTEX_CMP_REQUEUE_PI | flags, 1, 0, read_only));
}

static void files(int flags)
{
    SECTION(flags ? "pages of a file, private" : "pages of a file, shared");
    CALL(futex(read_only_file, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(read_only_file, FUTEX_WAKE | flags, 1));
    CALL(futex(read_only_file, FUTEX_LOCK_PI | flags, 0, &past));
    CALL(futex(&word, FUTEX_WAKE_OP | flags, 1, 1, read_only_file));
    CALL(futex(writable_file + 4096, FUTEX_WAIT | flags, 1, &past));
    CALL(futex(writable_file + 4096, FUTEX_WAKE | flags, 1));
    CALL(futex(writable_file + 8192, FUTEX_WAIT | flags, 0, &past));
    CALL(futex(writable_file + 8192, FUTEX_WAKE | flags, 1));
}

static void unlocking(void)
{
    uint32_t two[2] = { 0, 0 };
    char *bytes = (char *)two;
    uint32_t mine = (uint32_t)own_id();

    SECTION("UNLOCK_PI looks at the owner before the address");
    CALL(futex(bytes + 1, FUTEX_UNLOCK_PI, 0));
    memcpy(bytes + 1, &mine, sizeof(mine));
    CALL(futex(bytes + 1, FUTEX_UNLOCK_PI, 0));
    CALL(futex(two, FUTEX_UNLOCK_PI, 0));
    two[0] = 0;
    CALL(futex(two, FUTEX_UNLOCK_PI, 0));
    two[0] = mine | FUTEX_WAITERS;
    CALL(futex(two, FUTEX_UNLOCK_PI, 0));
    VALUE(two[0]);

    char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *last = pages + 4093;

    SECTION("UNLOCK_PI of a word that ends on a page that is not there");
    (void)munmap(pages + 4096, 4096);
    CALL(futex(last, FUTEX_UNLOCK_PI, 0));
    CALL(futex(last, FUTEX_UNLOCK_PI | PRIVATE, 0));
}

static void value_last(void)
{
    SECTION("a wrong value wins against a time that is over");
    CALL(futex(&word, FUTEX_WAIT, 1, &past));
    CALL(futex(&word, FUTEX_WAIT_BITSET, 1, &past, NULL, 1));
    CALL(futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, 1));
    CALL(futex(&word, FUTEX_WAIT_REQUEUE_PI, 1, &past, &other));
    CALL(futex(&word, FUTEX_WAIT_REQUEUE_PI, 1, &past, &word));
}

int main(void)
{
    map_pages();
    times_first();
    operation_next();
    addresses(PRIVATE);
    addresses(0);
    files(PRIVATE);
    files(0);
    unlocking();
    value_last();
    return 0;
}
