/* kcmp: what threads, children and duplicates share, order, permissions, order of checks. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { OF_FILE, OF_SPACE, OF_FILES, OF_PLACES, OF_ACTIONS, OF_IO, OF_UNDO };

static int compare(pid_t first, pid_t second, int type, unsigned long a, unsigned long b)
{
    return (int)syscall(SYS_kcmp, first, second, type, a, b);
}

static void show(const char *name, pid_t first, pid_t second)
{
    printf("%s:", name);
    for (int type = OF_SPACE; type <= OF_UNDO; type++) {
        int result = compare(first, second, type, 0, 0);

        printf(" %s", result < 0 ? error_name(errno) : result == 0 ? "same" : "other");
    }
    printf("\n");
}

static void *in_thread(void *argument)
{
    pid_t *id = argument;

    show("thread", getpid(), (pid_t)syscall(SYS_gettid));
    *id = (pid_t)syscall(SYS_gettid);
    return NULL;
}

static void files(void)
{
    int first = open("/dev/null", O_RDONLY), second = open("/dev/null", O_RDONLY);
    int copy = dup(first), forth, back;
    pid_t self = getpid(), child;

    SECTION("files");
    CALL(compare(self, self, OF_FILE, (unsigned)first, (unsigned)copy));
    forth = compare(self, self, OF_FILE, (unsigned)first, (unsigned)second);
    back = compare(self, self, OF_FILE, (unsigned)second, (unsigned)first);
    FACT((forth == 1 && back == 2) || (forth == 2 && back == 1));
    CALL(compare(self, self, OF_FILE, (unsigned)first, 99));
    CALL(compare(self, self, OF_FILE, -1UL, (unsigned)first));
    child = fork();
    if (child == 0) {
        CALL(compare(getppid(), getpid(), OF_FILE, (unsigned)first, (unsigned)first));
        _exit(0);
    }
    waitpid(child, NULL, 0);
    close(first);
    close(second);
    close(copy);
}

static void permissions(void)
{
    pid_t child = fork();

    if (child == 0) {
        pause();
        _exit(0);
    }
    SECTION("permissions");
    if (fork() == 0) {
        if (geteuid() == 0 && (setgid(99) != 0 || setuid(99) != 0))
            _exit(1);
        CALL(compare(getpid(), child, OF_SPACE, 0, 0));
        CALL(compare(getpid(), child, 99, 0, 0));
        CALL(compare(getpid(), getpid(), OF_SPACE, 0, 0));
        _exit(0);
    }
    wait(NULL);
    kill(child, SIGKILL);
    wait(NULL);
}

int main(void)
{
    struct sembuf nothing = { 0, 0, SEM_UNDO };
    pthread_t thread;
    pid_t id = 0, child;
    int set;

    SECTION("errors");
    CALL(compare(getpid(), 0, OF_SPACE, 0, 0));
    CALL(compare(-1, getpid(), OF_SPACE, 0, 0));
    CALL(compare(0x3ffffe, getpid(), 99, 0, 0));
    CALL(compare(getpid(), getpid(), 8, 0, 0));
    CALL(compare(getpid(), getpid(), -1, 0, 0));
    SECTION("sharing");
    show("self", getpid(), getpid());
    pthread_create(&thread, NULL, in_thread, &id);
    pthread_join(thread, NULL);
    set = semget(IPC_PRIVATE, 1, 0600);
    semop(set, &nothing, 1);
    child = fork();
    if (child == 0) {
        show("child", getppid(), getpid());
        _exit(0);
    }
    waitpid(child, NULL, 0);
    semctl(set, 0, IPC_RMID);
    files();
    permissions();
    return 0;
}
