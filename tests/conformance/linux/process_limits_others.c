/* Limits of other processes, and those that end what takes too much. */
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "with_users.h"

static void show(int resource)
{
    struct rlimit limit = { 1, 1 };

    CALL(prlimit(target, resource, NULL, &limit));
    printf("%lld %lld\n", (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

static void change(const char *who, uid_t user)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        printf("-- %s\n", who);
        be_user(user);
        show(RLIMIT_NOFILE);
        CALL(prlimit(target, RLIMIT_NOFILE, &(struct rlimit){ 100, 200 }, NULL));
        show(RLIMIT_NOFILE);
        CALL(prlimit(target, RLIMIT_NOFILE, &(struct rlimit){ 201, 200 }, NULL));
        CALL(prlimit(target, RLIMIT_STACK, &(struct rlimit){ 1 << 20, 1 << 20 }, NULL));
        CALL(prlimit(target, RLIMIT_STACK, &(struct rlimit){ 1 << 20, 2 << 20 }, NULL));
        CALL(prlimit(target, 99, &(struct rlimit){ 1, 2 }, NULL));
        CALL(prlimit(target, RLIMIT_NOFILE, (struct rlimit *)8, NULL));
        CALL(prlimit(target, RLIMIT_NOFILE, NULL, (struct rlimit *)8));
        exit(0);
    }
    waitpid(child, &status, 0);
}

static void limit(int resource, rlim_t soft, rlim_t hard)
{
    if (setrlimit(resource, &(struct rlimit){ soft, hard }) != 0)
        printf("setrlimit: %s\n", error_name(errno));
}

static void others(void)
{
    limit(RLIMIT_NOFILE, 150, 300);    /* whatever it was */
    make_target(ONE, 1);
    change("the same user", ONE);
    change("another user", TWO);
    end_target();
    SECTION("gone");
    show(RLIMIT_NOFILE);
    CALL(prlimit(-5, RLIMIT_NOFILE, NULL, NULL));
    CALL(prlimit(0, RLIMIT_NOFILE, NULL, NULL));
    target = fork();
    if (target == 0)
        exit(0);
    waitid(P_PID, (id_t)target, NULL, WEXITED | WNOWAIT);
    CALL(prlimit(target, RLIMIT_NOFILE, NULL, NULL));
    waitpid(target, NULL, 0);
}

/* ---- Those that are enforced --------------------------------------------------------------- */

static volatile sig_atomic_t caught;

static void note(int number)
{
    caught = number;
}

static void real_time(void)
{
    struct rlimit now;

    signal(SIGXCPU, note);
    limit(RLIMIT_RTTIME, 50000, 250000);
    CALL(sched_setscheduler(0, SCHED_RR, &(struct sched_param){ 1 }));
    while (!caught)
        continue;
    VALUE(caught);
    CALL(getrlimit(RLIMIT_RTTIME, &now));
    VALUE(now.rlim_cur);
    for (;;)
        continue;
}

/* Sleeps in between begin anew. */
static void real_time_with_sleeps(void)
{
    struct timespec start, now;

    limit(RLIMIT_RTTIME, 250000, 250000);
    CALL(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }));
    for (int i = 0; i < 30; i++) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
        do
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 10000000);
        usleep(1000);
    }
}

static void file_size(void)
{
    int fd = open("large", O_CREAT | O_RDWR, 0600);

    limit(RLIMIT_FSIZE, 1000, 2000);
    signal(SIGXFSZ, note);
    CALL(pwrite(fd, "0123456789", 10, 995));
    VALUE(caught);
    CALL(pwrite(fd, "0123456789", 10, 1000));
    VALUE(caught);
    caught = 0;
    CALL(ftruncate(fd, 1000));
    CALL(ftruncate(fd, 1001));
    VALUE(caught);
    signal(SIGXFSZ, SIG_IGN);
    CALL(pwrite(fd, "0123456789", 10, 5000));
    signal(SIGXFSZ, SIG_DFL);
    CALL(pwrite(fd, "0123456789", 10, 5000));
}

static void processes(void)
{
    const uid_t nobody_else = 1000000 + (uid_t)getpid();
    pid_t child;

    syscall(SYS_setresuid, nobody_else, nobody_else, nobody_else);
    limit(RLIMIT_NPROC, 2, 2);
    child = fork();
    if (child == 0) {
        CALL(fork());
        exit(0);
    }
    waitpid(child, NULL, 0);
    FACT(child > 0);
}

static void memory(void)
{
    limit(RLIMIT_AS, 64 << 20, 64 << 20);
    CALL(mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    limit(RLIMIT_DATA, 8 << 20, 8 << 20);
    CALL(mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
         MAP_FAILED);
    CALL(sbrk(16 << 20) == (void *)-1);
    CALL(mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static void locked_memory(void)
{
    char *pages = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    limit(RLIMIT_MEMLOCK, 8192, 8192);
    syscall(SYS_setresuid, ONE, ONE, ONE);
    CALL(mlock(pages, 8192));
    CALL(mlock(pages + 16384, 4096));
    CALL(munlock(pages, 4096));
    CALL(mlock(pages + 16384, 4096));
    CALL(mlockall(MCL_FUTURE));
    limit(RLIMIT_MEMLOCK, 0, 0);
    CALL(munlockall());
    CALL(mlock(pages, 4096));
}

static void descriptors(void)
{
    limit(RLIMIT_NOFILE, 5, 10);
    CALL(dup2(0, 4));
    CALL(dup2(0, 5));
    CALL(fcntl(0, F_DUPFD, 5));
    CALL(fcntl(0, F_DUPFD, 4));
    close(3);
    close(4);
    CALL(open(".", O_RDONLY));
    CALL(open(".", O_RDONLY));
    CALL(open(".", O_RDONLY));
    CALL(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 10 }));
    CALL(open(".", O_RDONLY));
    CALL(fcntl(4, F_GETFD));
}

static void signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    limit(RLIMIT_SIGPENDING, 2, 2);
    syscall(SYS_setresuid, TWO, TWO, TWO);
    CALL(sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }));
    CALL(sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }));
    CALL(sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }));
}

static void stack(void)
{
    struct rlimit small = { 256 << 10, 256 << 10 };
    volatile char *here = (volatile char *)&small;

    CALL(setrlimit(RLIMIT_STACK, &small));
    for (size_t i = 0; i < (64 << 10); i += 4096)
        here[-(ptrdiff_t)i] = 1;
    printf("far enough\n");
    for (size_t i = 0; i < (1 << 20); i += 4096)
        here[-(ptrdiff_t)i] = 1;
    printf("too far\n");
}

static void core(void)
{
    limit(RLIMIT_CORE, 0, 0);
    abort();
}

int main(void)
{
    others();
    apart("real time", real_time);
    apart("real time with sleeps", real_time_with_sleeps);
    apart("file size", file_size);
    apart("processes", processes);
    apart("memory", memory);
    apart("locked memory", locked_memory);
    apart("descriptors", descriptors);
    apart("pending signals", signals);
    apart("stack", stack);
    apart("core", core);
    return 0;
}
