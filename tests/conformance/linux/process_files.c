/* pidfds: errors, readiness, signals, waiting, descriptors of another process, clone. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "with_epoll.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define PIDFD_NONBLOCK O_NONBLOCK
#define PATIENCE_MS 5000

static long pidfd_open(long id, unsigned flags)
{
    return syscall(SYS_pidfd_open, id, flags);
}

static long send_signal(long fd, int number, siginfo_t *information, unsigned flags)
{
    return syscall(SYS_pidfd_send_signal, fd, number, information, flags);
}

static long getfd(long fd, int target, unsigned flags)
{
    return syscall(SYS_pidfd_getfd, fd, target, flags);
}

/* A child that ends when its pipe does. */
static int pipe_of_child[2];

static pid_t start_child(void)
{
    pid_t child;

    if (pipe(pipe_of_child) != 0)
        return -1;
    child = fork();
    if (child == 0) {
        char byte;

        close(pipe_of_child[1]);
        _exit(read(pipe_of_child[0], &byte, 1) == 1 ? byte : 7);
    }
    close(pipe_of_child[0]);
    return child;
}

static void show_poll(long fd, int timeout)
{
    struct pollfd wanted = { (int)fd, POLLIN | POLLOUT | POLLPRI, 0 };
    int count = poll(&wanted, 1, timeout);

    printf("poll: %d, events %#x\n", count, (unsigned)wanted.revents & ~(unsigned)POLLHUP);
}

static void opening(void)
{
    pid_t child = start_child();
    long fd;

    SECTION("opening");
    CALL(pidfd_open(0, 0));
    CALL(pidfd_open(-1, 0));
    CALL(pidfd_open(child, 1));
    CALL(pidfd_open(-1, 1));
    CALL(pidfd_open(4194303, 0));
    fd = pidfd_open(child, 0);
    FACT(fd >= 0);
    VALUE(fcntl((int)fd, F_GETFD));
    OCTAL(fcntl((int)fd, F_GETFL));
    CALL(read((int)fd, &child, 1));
    CALL(write((int)fd, &child, 1));
    close((int)fd);
    fd = pidfd_open(child, PIDFD_NONBLOCK);
    OCTAL(fcntl((int)fd, F_GETFL));
    close(pipe_of_child[1]);
    show_poll(fd, PATIENCE_MS);
    close((int)fd);
    fd = pidfd_open(child, 0);
    FACT(fd >= 0);
    show_poll(fd, 0);
    FACT(waitpid(child, NULL, 0) == child);
    show_poll(fd, 0);
    CALL(send_signal(fd, 0, NULL, 0));
    close((int)fd);
    CALL(pidfd_open(child, 0));
}

static void readiness(void)
{
    pid_t child = start_child();
    int epoll = epoll_create1(0);
    long fd = pidfd_open(child, 0);
    struct epoll_event event;

    SECTION("readiness");
    CALL(watch(epoll, (int)fd, EPOLLIN | EPOLLET, 1));
    show_poll(fd, 0);
    show_ready(epoll);
    close(pipe_of_child[1]);
    show_ready_until(epoll, PATIENCE_MS);
    FACT(waitpid(child, NULL, 0) == child);
    FACT(epoll_wait(epoll, &event, 1, 0) <= 1);
    close((int)fd);
    close(epoll);
}

static void signals(void)
{
    pid_t child = start_child();
    long fd = pidfd_open(child, 0), own = pidfd_open(getpid(), 0);
    int event = eventfd(0, 0), status;
    siginfo_t information;
    sigset_t mask;

    SECTION("signals");
    memset(&information, 0, sizeof(information));
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    CALL(send_signal(-1, 0, NULL, 0));
    CALL(send_signal(event, 0, NULL, 0));
    CALL(send_signal(fd, 0, NULL, 0x100));
    CALL(send_signal(-1, 0, NULL, 0x100));
    CALL(send_signal(fd, 65, NULL, 0));
    CALL(send_signal(fd, -1, NULL, 0));
    CALL(send_signal(fd, 0, (void *)8, 0));
    CALL(send_signal(fd, 0, NULL, 0));
    information.si_signo = SIGUSR1;
    information.si_code = SI_QUEUE;
    information.si_pid = 99;
    information.si_value.sival_int = 1234;
    CALL(send_signal(own, SIGUSR2, &information, 0));
    CALL(send_signal(own, SIGUSR1, &information, 0));
    memset(&information, 0, sizeof(information));
    CALL(sigwaitinfo(&mask, &information));
    VALUE(information.si_code);
    VALUE(information.si_pid);
    VALUE(information.si_value.sival_int);
    CALL(send_signal(own, SIGUSR1, NULL, 0));
    FACT(sigwaitinfo(&mask, &information) == SIGUSR1);
    VALUE(information.si_code);
    FACT(information.si_pid == getpid());
    information.si_code = SI_USER;
    CALL(send_signal(fd, SIGUSR1, &information, 0));
    information.si_code = SI_TKILL;
    CALL(send_signal(fd, SIGUSR1, &information, 0));
    CALL(send_signal(fd, SIGTERM, NULL, 0));
    FACT(waitpid(child, &status, 0) == child);
    VALUE(status);
    CALL(send_signal(fd, SIGTERM, NULL, 0));
    CALL(send_signal(fd, 65, NULL, 0));
    close(pipe_of_child[1]);
    close(event);
    close((int)own);
    close((int)fd);
}

static void waiting(void)
{
    pid_t child = start_child();
    long fd = pidfd_open(child, 0), slow = pidfd_open(child, PIDFD_NONBLOCK);
    long own = pidfd_open(getpid(), 0);
    siginfo_t information;

    SECTION("waiting");
    memset(&information, 0, sizeof(information));
    CALL(waitid(P_PIDFD, (id_t)-1, &information, WEXITED));
    CALL(waitid(P_PIDFD, 1000, &information, WEXITED));
    CALL(waitid(P_PIDFD, 0, &information, 0));
    CALL(waitid(P_PIDFD, (id_t)pipe_of_child[1], &information, WEXITED));
    CALL(waitid(P_PIDFD, (id_t)own, &information, WEXITED));
    CALL(waitid(P_PIDFD, (id_t)fd, &information, WEXITED | WNOHANG));
    VALUE(information.si_pid);
    CALL(waitid(P_PIDFD, (id_t)slow, &information, WEXITED));
    CALL(waitid(P_PIDFD, (id_t)slow, &information, WEXITED | WNOHANG));
    FACT(write(pipe_of_child[1], "\003", 1) == 1);
    CALL(waitid(P_PIDFD, (id_t)fd, &information, WEXITED | WNOWAIT));
    FACT(information.si_pid == child);
    CALL(waitid(P_PIDFD, (id_t)slow, &information, WEXITED));
    VALUE(information.si_code);
    VALUE(information.si_status);
    CALL(waitid(P_PIDFD, (id_t)fd, &information, WEXITED));
    CALL(waitid(P_PIDFD, (id_t)slow, &information, WEXITED));
    close(pipe_of_child[1]);
    close((int)own);
    close((int)slow);
    close((int)fd);
}

/* The child's end of the pipe, also after it has closed ours. */
static void descriptors(void)
{
    pid_t child = start_child();
    long fd = pidfd_open(child, 0), taken;
    char bytes[4] = "";

    SECTION("descriptors");
    CALL(lseek((int)fd, 0, SEEK_SET));
    CALL(getfd(-1, 0, 1));
    CALL(getfd(-1, 0, 0));
    CALL(getfd(0, 0, 0));
    CALL(getfd(fd, 0, 1));
    CALL(getfd(fd, -1, 0));
    CALL(getfd(fd, 999, 0));
    taken = getfd(fd, pipe_of_child[0], 0);
    FACT(taken >= 0);
    VALUE(fcntl((int)taken, F_GETFD));
    FACT(write(pipe_of_child[1], "abc", 3) == 3);
    FACT(waitpid(child, NULL, 0) == child);
    CALL(read((int)taken, bytes, 3));
    CALL(getfd(fd, 0, 0));
    close((int)taken);
    close(pipe_of_child[1]);
    close((int)fd);
}

static void from_clone(void)
{
    int fd = -1, status;
    long child;

    SECTION("clone");
    child = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);
    if (child == 0)
        _exit(fcntl(fd, F_GETFD) == -1 ? 5 : 6);
    FACT(fd >= 0);
    VALUE(fcntl(fd, F_GETFD));
    OCTAL(fcntl(fd, F_GETFL));
    show_poll(fd, PATIENCE_MS);
    FACT(waitpid((pid_t)child, &status, 0) == child);
    VALUE(WEXITSTATUS(status));
    close(fd);
    CALL(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, NULL, &fd, NULL, NULL));
    CALL(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, NULL, &fd, NULL, NULL));
    CALL(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, 8, NULL, NULL));
}

static void information(void)
{
    char path[64], line[200];
    long fd = pidfd_open(getpid(), 0);
    FILE *file;

    SECTION("information");
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%ld", fd);
    file = fopen(path, "r");
    FACT(file != NULL);
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "Pid:", 4) == 0)
            FACT(atoi(line + 4) == getpid());
    }
    if (file)
        fclose(file);
    close((int)fd);
}

int main(void)
{
    opening();
    readiness();
    signals();
    waiting();
    descriptors();
    from_clone();
    information();
    return 0;
}
