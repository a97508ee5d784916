/*
 * Processes without end: `processes KIND COUNT` makes and ends them in many ways, or takes all that
 * there is, counts what must come out, and prints one line.  Status 1: something else came out.
 *
 * With PROCESSES_WAIT in the environment it stops after a few rounds and at the end, says so and
 * waits for a line: whoever started it looks then at what is held.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAF_STATUS 7
#define WARM_ROUNDS 20
#define PAGE 4096
#define LARGE ((size_t)48 << 20)
#define BOMB_DEPTH 3
#define GOOD_HOGS 3

static unsigned long wrong;
static char self[4096];

static void expect(bool holds, const char *what)
{
    if (!holds && wrong++ < 5)
        printf("not so: %s (errno %d)\n", what, errno);
}

static int status_of(pid_t child)
{
    int status = -1;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static void run_leaf(void)
{
    (void)execl(self, "leaf", "leaf", (char *)NULL);
    _exit(1);
}

static void round_exec(void)
{
    pid_t child = fork();

    if (child == 0)
        run_leaf();
    expect(WEXITSTATUS(status_of(child)) == LEAF_STATUS, "the program ran");
}

static void round_vfork(void)
{
    pid_t child = vfork();

    if (child == 0)
        run_leaf();
    expect(WEXITSTATUS(status_of(child)) == LEAF_STATUS, "the program ran");
}

/* Pages written on both sides of a fork, pipes with both ends, a signal that kills. */
static void round_mixed(void)
{
    static char own[8 * PAGE];
    char *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    char byte = 'x';
    pid_t child, killed;

    expect(shared != MAP_FAILED && pipe2(ends, O_CLOEXEC) == 0, "a mapping and a pipe");
    memset(own, 1, sizeof(own));
    child = fork();
    if (child == 0) {
        memset(own, 2, sizeof(own));
        shared[PAGE] = own[5 * PAGE];
        (void)!write(ends[1], &byte, 1);
        run_leaf();
    }
    killed = fork();
    if (killed == 0)
        for (;;)
            (void)pause();
    (void)close(ends[1]);
    expect(read(ends[0], &byte, 1) == 1 && shared[PAGE] == 2 && own[5 * PAGE] == 1, "copies");
    (void)kill(killed, SIGKILL);
    expect(WTERMSIG(status_of(killed)) == SIGKILL, "killed");
    expect(WEXITSTATUS(status_of(child)) == LEAF_STATUS, "the program ran");
    expect(read(ends[0], &byte, 1) == 0, "the pipe's end");
    (void)close(ends[0]);
    (void)munmap(shared, 4 * PAGE);
}

/* A grandchild whose parent goes comes to us. */
static void round_orphans(void)
{
    int ended = 0;
    pid_t child = fork();

    if (child == 0) {
        if (fork() == 0)
            _exit(1);
        _exit(2);
    }
    while (wait(NULL) > 0)
        ended++;
    expect(ended == 2, "two children to wait for");
}

static void *sleeping(void *unused)
{
    for (;;)
        (void)pause();
    return unused;
}

static void *executing(void *unused)
{
    run_leaf();
    return unused;
}

/* Programs begun by the first and by another thread of a process that has several. */
static void round_threads(void)
{
    for (int by_other = 0; by_other < 2; by_other++) {
        pid_t child = fork();

        if (child == 0) {
            pthread_t thread;

            for (int i = 0; i < 4; i++)
                (void)pthread_create(&thread, NULL, sleeping, NULL);
            if (by_other)
                (void)pthread_create(&thread, NULL, executing, NULL);
            else
                run_leaf();
            (void)sleeping(NULL);
        }
        expect(WEXITSTATUS(status_of(child)) == LEAF_STATUS, "the program ran");
    }
}

/* What the kernel refuses must leave nothing. */
static void round_refused(void)
{
    static char *endless[2000];
    pid_t child;

    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]) - 1; i++)
        endless[i] = "an argument of some length, many times, is more than a small stack may hold";
    child = fork();
    if (child == 0) {
        errno = 0;
        expect(execl("/dev/null", "x", (char *)NULL) < 0 && errno == EACCES, "no program");
        expect(execl("/nowhere", "x", (char *)NULL) < 0 && errno == ENOENT, "no file");
        expect(execv(self, (char **)8) < 0 && errno == EFAULT, "bad arguments");
        endless[10] = (char *)8;
        expect(execv(self, endless) < 0 && errno == EFAULT, "a bad argument");
        _exit(wrong == 0 ? LEAF_STATUS : 1);
    }
    expect(WEXITSTATUS(status_of(child)) == LEAF_STATUS, "refused");
}

/* The first process of a PID namespace leaves others behind. */
static void fill_namespaces(void)
{
    pid_t left = fork();

    if (left == 0) {
        expect(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0, "one below");
        if (fork() == 0)
            expect(mount("proc", "/proc", "proc", 0, NULL) == 0, "its processes");
        for (;;)
            pause();
    }
    expect(mount("proc", "/proc", "proc", 0, NULL) == 0, "processes");
    expect(mount("some", "/tmp", "tmpfs", 0, NULL) == 0, "a filesystem");
    expect(mkdir("/tmp/deep", 0700) == 0, "a directory");
    expect(mount("/tmp", "/tmp/deep", NULL, MS_BIND, NULL) == 0, "a bind");
    expect(shmget(1, LARGE, IPC_CREAT | 0600) >= 0, "memory");
    expect(semget(1, 10, IPC_CREAT | 0600) >= 0, "semaphores");
    expect(mq_open("/left", O_CREAT | O_RDWR, 0600, NULL) >= 0, "a queue");
    _exit(LEAF_STATUS);
}

/* Namespaces with something in each, whose last reference is a file now and then. */
static void round_namespaces(void)
{
    int flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
    pid_t child = fork();
    int own, mounts;

    if (child == 0) {
        own = open("/proc/self/ns/mnt", O_RDONLY);
        expect(unshare(flags) == 0, "unshare");
        mounts = open("/proc/self/ns/mnt", O_RDONLY);
        expect(setns(own, CLONE_NEWNS) == 0 && setns(mounts, 0) == 0, "there and back");
        expect(unshare(CLONE_NEWPID) == 0, "processes apart");
        child = fork();
        if (child == 0)
            fill_namespaces();
        _exit(wrong == 0 ? WEXITSTATUS(status_of(child)) : 1);
    }
    expect(WEXITSTATUS(status_of(child)) == LEAF_STATUS, "namespaces");
}

static void show(const char *word)
{
    char line[16];

    if (!getenv("PROCESSES_WAIT"))
        return;
    printf("%s\n", word);
    (void)fflush(stdout);
    if (!fgets(line, sizeof(line), stdin))
        exit(1);
}

static void rounds(void (*body)(void), unsigned long count)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (unsigned long i = 0; i < count; i++) {
        if (i == WARM_ROUNDS)
            show("warm");
        body();
    }
    show("end");
}

static void bomb(int depth)
{
    for (;;) {
        pid_t child = fork();

        if (child < 0)
            break;
        if (child == 0 && depth < BOMB_DEPTH) {
            depth++;
            continue;
        }
        if (child == 0)
            break;
    }
    for (;;)
        (void)pause();
}

/* Children that make children until there can be no more; then all are killed. */
static void run_bomb(unsigned long count)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (unsigned long i = 0; i < count; i++) {
        unsigned long ended = 0;
        pid_t leader = fork(), child;

        if (leader == 0) {
            (void)setpgid(0, 0);
            bomb(0);
        }
        (void)setpgid(leader, leader);
        while ((child = fork()) >= 0) {
            if (child == 0)
                _exit(0);
            expect(status_of(child) == 0, "a child ended");
        }
        expect(errno == EAGAIN || errno == ENOMEM, "fork fails with EAGAIN or ENOMEM");
        while (kill(-leader, SIGKILL) == 0)
            while (waitpid(-1, NULL, WNOHANG) > 0)
                ended++;
        while (wait(NULL) > 0)
            ended++;
        expect(ended > 500, "many processes");
        round_exec();
    }
}

static void eat(void)
{
    for (;;) {
        char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                          0);

        if (more == MAP_FAILED)
            _exit(LEAF_STATUS);
        memset(more, 5, 1 << 20);
    }
}

/* Several children take memory until there is none; what is small lives on. */
static void run_hog(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        pid_t hogs[GOOD_HOGS];

        for (int hog = 0; hog < GOOD_HOGS; hog++) {
            hogs[hog] = fork();
            if (hogs[hog] == 0)
                eat();
        }
        for (int hog = 0; hog < GOOD_HOGS; hog++) {
            int status = status_of(hogs[hog]);

            expect(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                       : WEXITSTATUS(status) == LEAF_STATUS, "how a hog ends");
        }
        round_exec();
    }
}

/* The same by a file of memory, by pages that are copied on write, and by stacks. */
static void run_files(unsigned long count)
{
    static char block[1 << 20];

    for (unsigned long i = 0; i < count; i++) {
        int fd = open("/tmp/large", O_RDWR | O_CREAT | O_TRUNC, 0600);
        ssize_t written;

        memset(block, 3, sizeof(block));
        while ((written = write(fd, block, sizeof(block))) > 0)
            continue;
        expect(written < 0 && (errno == ENOSPC || errno == ENOMEM), "a full filesystem");
        (void)close(fd);
        (void)unlink("/tmp/large");
        round_exec();
    }
}

static void *write_all(void *from)
{
    for (;;)
        for (size_t at = 0; at < LARGE; at += PAGE / 2)
            *(volatile char *)((char *)from + at) = (char)at;
    return from;
}

/* A small process gets on beside threads that write so much that changing between the two address
 * spaces takes longer than a turn. */
static void run_beside(unsigned long count)
{
    pid_t writer = fork();

    if (writer == 0) {
        for (int i = 0; i < 4; i++) {
            pthread_t thread;
            char *area = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                              0);

            (void)pthread_create(&thread, NULL, write_all, area);
        }
        (void)sleeping(NULL);
    }
    (void)usleep(300000);
    for (unsigned long i = 0; i < 5 * count; i++) {
        (void)usleep(1000);
        round_exec();
    }
    (void)kill(writer, SIGKILL);
    expect(WTERMSIG(status_of(writer)) == SIGKILL, "killed");
}

static const struct {
    const char *name;
    void (*body)(void);
    void (*whole)(unsigned long count);
} kinds[] = {
    { "exec", round_exec, NULL }, { "vfork", round_vfork, NULL }, { "mixed", round_mixed, NULL },
    { "orphans", round_orphans, NULL }, { "exec_threads", round_threads, NULL },
    { "refused", round_refused, NULL }, { "bomb", NULL, run_bomb }, { "hog", NULL, run_hog },
    { "files", NULL, run_files }, { "namespaces", round_namespaces, NULL },
    { "beside", NULL, run_beside },
};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "leaf"))
        return LEAF_STATUS;
    expect(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "a name");
    for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;
        if (kinds[i].body)
            rounds(kinds[i].body, strtoul(argv[2], NULL, 10));
        else
            kinds[i].whole(strtoul(argv[2], NULL, 10));
        printf("%s: %s\n", kinds[i].name, wrong == 0 ? "ok" : "wrong");
        return wrong != 0;
    }
    return 2;
}
