/* process_vm_readv, process_vm_writev and process_madvise: copies, edges, and who may. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "with_users.h"

#define PAGE 4096UL
#define IN(address, length) &(struct iovec){ (void *)(address), (length) }, 1

static char *shared;    /* the same in parent and child: for what they agree on */
static char *area;      /* eight private pages at one address */

static long get(pid_t id, const struct iovec *own, size_t own_count, const struct iovec *other,
                size_t count)
{
    return syscall(SYS_process_vm_readv, id, own, own_count, other, count, 0);
}

static long put(pid_t id, const struct iovec *own, size_t own_count, const struct iovec *other,
                size_t count)
{
    return syscall(SYS_process_vm_writev, id, own, own_count, other, count, 0);
}

static void wait_for(char state)
{
    while (__atomic_load_n(shared, __ATOMIC_ACQUIRE) != state)
        usleep(100);
}

static void go_to(char state)
{
    __atomic_store_n(shared, state, __ATOMIC_RELEASE);
}

/* Its third page cannot be read, the fourth not be written, the sixth is not there. */
static pid_t make_child(void)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    (void)memset(area, 'c', 8 * PAGE);
    (void)mprotect(area + 2 * PAGE, PAGE, PROT_NONE);
    (void)mprotect(area + 3 * PAGE, PAGE, PROT_READ);
    (void)munmap(area + 5 * PAGE, PAGE);
    go_to('1');
    wait_for('2');
    (void)printf("child: %c%c %c%c %c\n", area[0], area[1], area[PAGE - 1], area[PAGE],
                 area[4 * PAGE]);
    exit(0);
}

static void copies(pid_t child)
{
    static char own[8 * 4096];
    const struct iovec scattered[] = { { own, 1 }, { own + 8, 0 }, { own + 16, 2 * PAGE } };
    const struct iovec pieces[] = { { area + 4 * PAGE, 10 }, { (void *)8, 0 }, { area, 5 } };

    SECTION("copies");
    CALL(get(child, IN(own, 16), IN(area, 16)));
    VALUE(own[0]);
    VALUE(area[0]);
    CALL(get(child, scattered, 3, pieces, 3));
    VALUE(own[16 + 13]);
    VALUE(own[16 + 14]);
    CALL(get(child, IN(own, 8), IN(area, 16)));
    CALL(get(child, IN(own, 16), IN(area, 8)));
    CALL(get(child, IN(own, 4 * PAGE), IN(area + 100, 4 * PAGE)));    /* up to the third page */
    CALL(get(child, IN(own, PAGE), IN(area + 2 * PAGE, PAGE)));
    CALL(get(child, IN(own, PAGE), IN(area + 3 * PAGE, PAGE)));
    CALL(get(child, IN(own, 4 * PAGE), IN(area + 4 * PAGE, 4 * PAGE)));
    CALL(get(child, IN(own, 4 * PAGE), IN(area + 5 * PAGE, 4 * PAGE)));
    CALL(put(child, IN("pp", 2), IN(area, 2)));
    CALL(put(child, IN("pp", 2), IN(area + PAGE - 1, 2)));
    CALL(put(child, IN(own, 2 * PAGE), IN(area + 3 * PAGE, 2 * PAGE)));
    CALL(put(child, IN("qqq", 3), IN(area + 4 * PAGE, 3)));
    CALL(put(child, IN("q", 1), IN(copies, 1)));    /* its program */
}

static void edges(pid_t child)
{
    static char own[16];
    static struct iovec many[1025];

    SECTION("edges");
    CALL(syscall(SYS_process_vm_readv, child, NULL, 0, NULL, 0, 1));
    CALL(get(child, NULL, 0, NULL, 0));
    CALL(get(0x7ffffff, NULL, 0, NULL, 0));
    CALL(get(0x7ffffff, IN(own, 1), NULL, 0));
    CALL(get(0x7ffffff, IN(own, 0), IN(area, 1)));
    CALL(get(0x7ffffff, IN(own, 1), IN(area, 0)));
    CALL(get(0x7ffffff, IN(own, 1), IN(area, 1)));
    CALL(get(0, IN(own, 1), IN(area, 1)));
    CALL(get(-1, IN(own, 1), IN(area, 1)));
    CALL(get(child, many, 1024, many, 1024));
    CALL(get(child, many, 1025, many, 1));
    CALL(get(child, IN(own, 1), many, 1025));
    CALL(get(child, many, 1UL << 32, many, 1));
    CALL(get(child, (void *)8, 1, IN(area, 1)));
    CALL(get(child, IN(own, 1), (void *)8, 1));
    CALL(get(child, IN(own, -1L), IN(area, 1)));
    CALL(get(child, IN(own, 1), IN(area, -1L)));
    CALL(get(child, IN(-1L, 1), IN(area, 1)));
    CALL(get(child, IN(own, 1), IN(-1L, 1)));
    CALL(get(child, IN(own, 16), IN(-8L, 16)));
    CALL(get(child, IN((char *)8, 1), IN(area, 1)));
    CALL(put(child, IN((char *)8, 1), IN(area, 1)));
    CALL(get(getpid(), IN(own, 3), IN("own", 3)));
    TEXT(own);
}

static void own_pages(void)
{
    char *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *barred = pages + 2 * PAGE;
    char byte = 0;

    SECTION("own pages");
    (void)memset(pages, 'o', 4 * PAGE);
    (void)munmap(pages + PAGE, PAGE);
    CALL(get(getpid(), IN(pages, 3 * PAGE), IN(area, 3 * PAGE)));    /* half of it fits */
    CALL(put(getpid(), IN(pages, 3 * PAGE), IN(area, 3 * PAGE)));
    (void)mprotect(barred, PAGE, PROT_WRITE);
    CALL(get(getpid(), IN(&byte, 1), IN(barred, 1)));
    CALL(put(getpid(), IN("x", 1), IN(barred, 1)));
    (void)mprotect(barred, PAGE, PROT_EXEC);
    CALL(get(getpid(), IN(&byte, 1), IN(barred, 1)));
}

static void ended(void)
{
    siginfo_t information;
    pid_t child;

    SECTION("ended");
    child = fork();
    if (child == 0)
        exit(0);
    (void)waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT);
    CALL(get(child, IN(&information, 1), IN(area, 1)));
    (void)waitpid(child, NULL, 0);
    CALL(get(child, IN(&information, 1), IN(area, 1)));
}

/* ---- process_madvise ----------------------------------------------------------------------- */

static long advise(int fd, const struct iovec *segments, size_t count, int advice)
{
    return syscall(SYS_process_madvise, fd, segments, count, advice, 0);
}

static void advice(pid_t child)
{
    int other = (int)syscall(SYS_pidfd_open, child, 0);
    int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int file = open("/", O_RDONLY);
    const struct iovec parts[] = { { area, PAGE }, { area, 0 }, { area + 4 * PAGE, PAGE },
                                   { area + 5 * PAGE, PAGE } };

    SECTION("advice");
    CALL(advise(other, parts, 3, MADV_COLD));
    CALL(advise(other, parts, 3, MADV_PAGEOUT));
    CALL(advise(other, parts, 3, MADV_WILLNEED));
    CALL(advise(other, parts, 4, MADV_COLD));
    CALL(advise(other, parts + 3, 1, MADV_COLD));
    CALL(advise(other, IN(area + 1, PAGE), MADV_COLD));
    CALL(advise(other, parts, 1, MADV_DONTNEED));
    CALL(advise(other, parts, 1, MADV_NORMAL));
    CALL(advise(other, parts, 1, 12345));
    CALL(advise(other, NULL, 0, MADV_COLD));
    CALL(advise(other, (void *)8, 1, MADV_COLD));
    CALL(advise(other, parts, 1025, MADV_COLD));
    CALL(syscall(SYS_process_madvise, other, parts, 1, MADV_COLD, 1));
    CALL(advise(file, parts, 1, MADV_COLD));
    CALL(advise(-1, parts, 1, MADV_COLD));
    CALL(advise(-1, (void *)8, 1, MADV_COLD));
    (void)memset(area, 'o', PAGE);
    CALL(advise(own, parts, 1, MADV_COLD));
    CALL(advise(own, parts, 1, MADV_DONTNEED));
    VALUE(area[0]);
    CALL(advise(own, parts, 1, 12345));
    (void)close(own);
    (void)close(other);
    (void)close(file);
}

static void as_other_user(void)
{
    char byte = 0;
    int fd = (int)syscall(SYS_pidfd_open, target, 0);

    be_user(TWO);
    CALL(get(target, IN(&byte, 1), IN(area, 1)));
    CALL(put(target, IN(&byte, 1), IN(area, 1)));
    CALL(advise(fd, IN(area, PAGE), MADV_COLD));
    CALL(advise(fd, IN(area, PAGE), MADV_DONTNEED));
    CALL(advise(fd, IN(area, PAGE), 12345));
}

static void as_same_user(void)
{
    char byte = 0;
    int fd = (int)syscall(SYS_pidfd_open, target, 0);

    be_user(ONE);
    CALL(get(target, IN(&byte, 1), IN(area, 1)));
    CALL(advise(fd, IN(area, PAGE), MADV_COLD));
    CALL(advise(fd, IN(area, PAGE), MADV_DONTNEED));
}

int main(void)
{
    pid_t child;

    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    area = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    child = make_child();
    wait_for('1');
    copies(child);
    edges(child);
    advice(child);
    go_to('2');
    (void)waitpid(child, NULL, 0);
    own_pages();
    ended();
    make_target(ONE, 1);
    apart("another user", as_other_user);
    apart("the same user", as_same_user);
    end_target();
    make_target(ONE, 0);
    apart("not to be looked at", as_same_user);
    end_target();
    return 0;
}
