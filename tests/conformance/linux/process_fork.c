/* fork, vfork and clone without threads: what a child has from its parent and what not. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int global = 1;

static void child_ends(void)
{
    (void)fflush(stdout);
    _exit(0);
}

static void wait_for(pid_t child)
{
    int status = -1;

    if (waitpid(child, &status, 0) != child)
        (void)printf("wait: %s\n", error_name(errno));
    (void)printf("status %#x\n", (unsigned)status);
}

static void show_memory(void)
{
    int on_stack = 1;
    int *heap = malloc(sizeof(*heap));
    char *large = malloc(4 << 20);
    pid_t child;

    SECTION("memory is copied");
    *heap = 1;
    memset(large, 'a', 4 << 20);
    child = fork();
    if (child == 0) {
        FACT(global == 1 && on_stack == 1 && *heap == 1);
        FACT(large[0] == 'a' && large[(4 << 20) - 1] == 'a');
        global = on_stack = *heap = 2;
        memset(large, 'b', 4 << 20);
        FACT(large[12345] == 'b');
        child_ends();
    }
    wait_for(child);
    FACT(global == 1 && on_stack == 1 && *heap == 1);
    FACT(large[0] == 'a' && large[12345] == 'a' && large[(4 << 20) - 1] == 'a');
    global = 3;
    child = fork();
    if (child == 0) {
        FACT(global == 3);
        child_ends();
    }
    large[7] = 'c';
    wait_for(child);
    FACT(large[7] == 'c' && large[8] == 'a');
    free(heap);
    free(large);
}

static void show_mappings(void)
{
    size_t size = 64 << 10;
    char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *wiped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *absent = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *hidden = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file;
    char *of_file, *of_file_shared;
    unsigned char resident;
    pid_t child;

    SECTION("mappings");
    make_file("mapped", "contents of the file");
    file = open("mapped", O_RDWR);
    of_file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    of_file_shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CALL(madvise(wiped, size, MADV_WIPEONFORK));
    CALL(madvise(absent, size, MADV_DONTFORK));
    strcpy(shared, "shared");
    strcpy(wiped, "wiped");
    strcpy(absent, "absent");
    strcpy(hidden, "hidden");
    CALL(mprotect(hidden, size, PROT_NONE));
    of_file[0] = 'P';
    child = fork();
    if (child == 0) {
        TEXT(shared);
        FACT(wiped[0] == 0);
        CALL(mincore(absent, size, &resident));
        CALL(mprotect(hidden, size, PROT_READ | PROT_WRITE));
        TEXT(hidden);
        strcpy(hidden, "changed");
        strcpy(shared + 100, "from the child");
        strcpy(wiped, "by the child");
        TEXT(of_file);
        of_file[1] = 'C';
        of_file_shared[2] = 'S';
        child_ends();
    }
    wait_for(child);
    TEXT(shared + 100);
    TEXT(wiped);
    TEXT(absent);
    CALL(mprotect(hidden, size, PROT_READ));
    TEXT(hidden);
    TEXT(of_file);
    TEXT(of_file_shared);
    CALL(munmap(shared, size));
    (void)close(file);
}

static void show_files(void)
{
    char byte;
    int fd, other;
    pid_t child;

    SECTION("files");
    make_file("letters", "abcdefgh");
    fd = open("letters", O_RDONLY);
    other = open("letters", O_RDONLY | O_CLOEXEC);
    child = fork();
    if (child == 0) {
        CALL(read(fd, &byte, 1));
        CALL(fcntl(other, F_GETFD));
        CALL(close(other));
        CALL(chdir("/"));
        CALL(umask(077));
        child_ends();
    }
    wait_for(child);
    CALL(read(fd, &byte, 1));
    FACT(byte == 'b');
    CALL(close(other));
    CALL(close(fd));
    FACT(access("letters", F_OK) == 0);
    CALL(umask(022));
}

static void caught(int number)
{
    (void)number;
}

static void show_state(void)
{
    const pid_t parent = getpid();
    struct sigaction action;
    sigset_t set;
    pid_t child;

    SECTION("signals and numbers");
    (void)signal(SIGUSR1, caught);
    (void)signal(SIGUSR2, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)raise(SIGUSR1);
    (void)alarm(100);
    CALL(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    child = fork();
    if (child == 0) {
        int death_signal = -1;
        struct rusage usage;

        FACT(getppid() == parent && getpid() != parent);
        FACT(getpid() == syscall(SYS_gettid));
        FACT(getpgrp() == getpgid(parent) && getsid(0) == getsid(parent));
        (void)sigaction(SIGUSR1, NULL, &action);
        FACT(action.sa_handler == caught);
        (void)sigaction(SIGUSR2, NULL, &action);
        FACT(action.sa_handler == SIG_IGN);
        (void)sigprocmask(SIG_BLOCK, NULL, &set);
        FACT(sigismember(&set, SIGUSR1) == 1);
        (void)sigpending(&set);
        FACT(sigismember(&set, SIGUSR1) == 0);
        FACT(alarm(0) == 0);
        (void)prctl(PR_GET_PDEATHSIG, &death_signal);
        VALUE(death_signal);
        (void)getrusage(RUSAGE_CHILDREN, &usage);
        FACT(usage.ru_utime.tv_sec == 0 && usage.ru_minflt == 0);
        child_ends();
    }
    wait_for(child);
    FACT(alarm(0) > 90);
    (void)sigpending(&set);
    FACT(sigismember(&set, SIGUSR1) == 1);
    (void)signal(SIGUSR1, SIG_IGN);
}

static void show_registers(void)
{
    double value = 1.5;
    long a = 11, b = 22;
    pid_t child;

    SECTION("registers");
    __asm__ volatile("movsd %0, %%xmm6" : : "m"(value) : "xmm6");
    __asm__ volatile("movq %2, %%r12\n movq %3, %%r13\n movl $57, %%eax\n syscall\n"
                     "movq %%r12, %1\n"
                     : "=a"(child), "=r"(b)
                     : "r"(a), "r"(b)
                     : "rcx", "r11", "r12", "r13", "memory", "xmm6");
    if (child == 0) {
        FACT(b == 11);
        FACT(value * 2 == 3);
        child_ends();
    }
    wait_for(child);
}

static void show_vfork(void)
{
    volatile int shared = 1;
    pid_t child;

    SECTION("vfork");
    child = vfork();
    if (child == 0) {
        shared = 2;
        _exit(3);
    }
    VALUE(shared);
    wait_for(child);
}

static void show_clone(void)
{
    pid_t parent_word = 0, child_word = 7;
    pid_t child;

    SECTION("clone");
    child = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0,
                           &parent_word, &child_word, 0);
    if (child == 0) {
        FACT(child_word == getpid() && parent_word == getpid());
        child_ends();
    }
    wait_for(child);
    FACT(parent_word == child);
    VALUE(child_word);
    child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        (void)dup2(1, 77);
        child_ends();
    }
    wait_for(child);
    CALL(close(77));
    child = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (child == 0)
        _exit(5);
    CALL(waitpid(child, NULL, 0));
    CALL(waitpid(child, NULL, __WCLONE) == child);
    CALL(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
    CALL(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
}

/* Each level forks two: all of them end, and everybody is waited for. */
static int grow_tree(int levels)
{
    int count = 1;

    if (levels == 0)
        return 1;
    for (int i = 0; i < 2; i++) {
        int status;
        pid_t child = fork();

        if (child == 0)
            _exit(grow_tree(levels - 1));
        (void)waitpid(child, &status, 0);
        count += WEXITSTATUS(status);
    }
    return count;
}

int main(void)
{
    show_memory();
    show_mappings();
    show_files();
    show_state();
    show_registers();
    show_vfork();
    show_clone();
    SECTION("a tree");
    VALUE(grow_tree(5));
    return 0;
}
