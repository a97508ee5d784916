/* futex: when two addresses are the same word. */
#include <fcntl.h>

#include "with_threads.h"


static void *wait_shared(void *argument)
{
    return answer(futex(argument, FUTEX_WAIT, *(volatile uint32_t *)argument));
}

static void *wait_private(void *argument)
{
    return answer(futex(argument, FUTEX_WAIT | PRIVATE, *(volatile uint32_t *)argument));
}

/* Somebody waits at one address: is he woken by the other, shared and private? */
static void try_pair(const char *what, char *one, char *two)
{
    pthread_t thread = start(wait_shared, one);

    await_waiters(one, 0, 1);
    (void)printf("%s: private %ld", what, futex(two, FUTEX_WAKE | PRIVATE, 9));
    (void)printf(", shared %ld", futex(two, FUTEX_WAKE, 9));
    (void)printf(", the same address %ld", futex(one, FUTEX_WAKE, 9));
    (void)join(thread);
    thread = start(wait_private, one);
    await_waiters(one, PRIVATE, 1);
    (void)printf("; waits private: shared %ld", futex(two, FUTEX_WAKE, 9));
    (void)printf(", private %ld", futex(two, FUTEX_WAKE | PRIVATE, 9));
    (void)printf(", the same address %ld\n", futex(one, FUTEX_WAKE | PRIVATE, 9));
    (void)join(thread);
}

static char *map_file(int fd, int protection, int flags, off_t offset)
{
    char *address = mmap(NULL, 4096, protection, flags, fd, offset);

    if (address == MAP_FAILED)
        (void)printf("no mapping: %s\n", error_name(errno));
    return address;
}

static int open_file(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT, 0600);

    if (ftruncate(fd, 16384) != 0)
        (void)printf("no file\n");
    return fd;
}

static void files(void)
{
    int fd = open_file("one"), fd_again = open_file("one"), other = open_file("other");
    char *a = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *b = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *again = map_file(fd_again, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *next = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 4096);
    char *elsewhere = map_file(other, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    char *read_only = map_file(fd, PROT_READ, MAP_SHARED, 0);
    char *copy = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    char *copy_again = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    char *read_copy = map_file(fd, PROT_READ, MAP_PRIVATE, 0);

    SECTION("files");
    try_pair("itself", a, a);
    try_pair("mapped twice", a, b);
    try_pair("opened twice", a, again);
    try_pair("another word of it", a, b + 4);
    try_pair("another page of it", a, next);
    try_pair("another file", a, elsewhere);
    try_pair("one read-only", a, read_only);
    try_pair("read-only first", read_only, a);
    try_pair("a private mapping that can be written", a, copy);
    try_pair("two private mappings", copy, copy_again);
    try_pair("a private read-only mapping", a, read_copy);
    try_pair("private read-only first", read_copy, a);
    FACT(*copy == *a);
    (void)close(fd);
    (void)unlink("one");
    try_pair("closed and unlinked", a, b);
}

static void anonymous(void)
{
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *another = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *mirror = mremap(shared, 0, 8192, MREMAP_MAYMOVE);
    char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    SECTION("memory without a file");
    try_pair("shared, itself", shared, shared);
    try_pair("shared, mapped twice", shared, mirror);
    try_pair("shared, the second page", shared + 4096, mirror + 4096);
    try_pair("shared, different pages", shared, mirror + 4096);
    try_pair("two of them", shared, another);
    try_pair("private, itself", own, own);
    try_pair("private, different pages", own, own + 4096);
}

/* A waiter stays on the word where its memory was when it came. */
static void moved(void)
{
    char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *own_now, *shared_now;
    pthread_t a = start(wait_shared, own), b = start(wait_shared, shared);

    SECTION("memory that moves while somebody waits");
    await_waiters(own, 0, 1);
    await_waiters(shared, 0, 1);
    own_now = mremap(own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, own + (64 << 20));
    shared_now = mremap(shared, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, own + (65 << 20));
    FACT(own_now != MAP_FAILED && shared_now != MAP_FAILED);
    CALL(futex(own_now, FUTEX_WAKE, 1));
    CALL(futex(shared_now, FUTEX_WAKE, 1));
    (void)join(b);
    (void)mmap(own, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CALL(futex(own, FUTEX_WAKE, 1));
    (void)join(a);
}

/* The same again with something else there: private words need no memory. */
static void unmapped(void)
{
    char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread = start(wait_private, own);

    SECTION("memory that goes while somebody waits");
    await_waiters(own, PRIVATE, 1);
    (void)munmap(own, 4096);
    CALL(futex(own, FUTEX_WAKE, 1));
    CALL(futex(own, FUTEX_WAKE | PRIVATE, 1));
    show("waiter", join(thread));
}

/* Memory that was never touched. */
static void untouched(void)
{
    char *own = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct timespec soon = { 0, 1000000 };

    SECTION("memory that was never touched");
    CALL(futex(own, FUTEX_WAIT, 0, &soon));
    CALL(futex(own + 4096, FUTEX_WAIT | PRIVATE, 0, &soon));
    CALL(futex(own + 8192, FUTEX_WAKE, 1));
    CALL(futex(own + 8192, FUTEX_WAIT, 1, &soon));
}

int main(void)
{
    files();
    anonymous();
    moved();
    unmapped();
    untouched();
    return 0;
}
