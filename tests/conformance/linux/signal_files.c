/* Signals that tell of input and room: who owns a file, which signal, what it says. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "with_terminal.h"

#define CHOSEN (SIGRTMIN + 2)

/* Prints the signals that are pending, oldest first, and takes them. */
static void show_signals(const char *label)
{
    struct timespec none = { 0, 0 };
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, CHOSEN);
    printf("%s:", label);
    while (sigtimedwait(&set, &info, &none) > 0) {
        if (info.si_signo == SIGIO && info.si_code == SI_KERNEL)
            printf(" SIGIO");
        else
            printf(" %s code %d band %#lx fd %d", info.si_signo == CHOSEN    ? "chosen"
                                                  : info.si_signo == SIGUSR1 ? "SIGUSR1"
                                                  : info.si_signo == SIGIO   ? "SIGIO"
                                                                             : "SIGCHLD",
                   info.si_code, info.si_band, info.si_fd);
    }
    printf("\n");
}

/* Without the C library, which takes the negative of a small number for an error. */
static long owner_of(int fd)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_fcntl), "D"(fd), "S"(F_GETOWN), "d"(0)
                     : "rcx", "r11", "memory");
    return result;
}

static void settings(void)
{
    struct f_owner_ex owner = { 7, getpid() };
    int ends[2], on = 1, file = open("file", O_CREAT | O_RDWR, 0600);

    SECTION("settings");
    pipe(ends);
    FACT(owner_of(ends[0]) == 0);
    CALL(fcntl(ends[0], F_SETOWN, 0x7ffffffe));
    CALL(fcntl(ends[0], F_SETOWN, -0x7ffffffe));
    CALL(fcntl(ends[0], F_SETOWN, (int)0x80000000));
    CALL(fcntl(ends[0], F_SETOWN, getpid()));
    FACT(owner_of(ends[0]) == getpid());
    FACT(owner_of(ends[1]) == 0);
    CALL(fcntl(ends[0], F_SETOWN, -getpgrp()));
    FACT(owner_of(ends[0]) == -getpgrp());
    CALL(fcntl(ends[0], F_GETOWN_EX, &owner));
    FACT(owner.type == F_OWNER_PGRP && owner.pid == getpgrp());
    owner = (struct f_owner_ex){ 7, getpid() };
    CALL(fcntl(ends[0], F_SETOWN_EX, &owner));
    owner.type = F_OWNER_TID;
    CALL(fcntl(ends[0], F_SETOWN_EX, &owner));
    FACT(owner_of(ends[0]) == getpid());
    CALL(fcntl(ends[0], F_GETOWN_EX, &owner));
    FACT(owner.type == F_OWNER_TID);
    owner.pid = -1;
    CALL(fcntl(ends[0], F_SETOWN_EX, &owner));
    CALL(fcntl(ends[0], F_SETOWN_EX, NULL));
    CALL(fcntl(ends[0], F_GETOWN_EX, NULL));
    CALL(fcntl(ends[0], F_SETOWN, 0));
    FACT(owner_of(ends[0]) == 0);
    CALL(fcntl(ends[0], F_GETSIG));
    CALL(fcntl(ends[0], F_SETSIG, 65));
    CALL(fcntl(ends[0], F_SETSIG, -1));
    CALL(fcntl(ends[0], F_SETSIG, 64));
    CALL(fcntl(ends[0], F_GETSIG));
    CALL(fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK));
    OCTAL(fcntl(ends[0], F_GETFL));
    CALL(fcntl(ends[0], F_SETFL, 0));
    OCTAL(fcntl(ends[0], F_GETFL));
    CALL(ioctl(ends[0], FIOASYNC, &on));
    OCTAL(fcntl(ends[0], F_GETFL));
    CALL(ioctl(ends[0], FIOASYNC, NULL));
    CALL(ioctl(ends[0], FIOSETOWN, &on));
    CALL(fcntl(file, F_SETFL, O_ASYNC));
    OCTAL(fcntl(file, F_GETFL) & O_ASYNC);
    CALL(ioctl(file, FIOASYNC, &on));
    CALL(fcntl(file, F_SETOWN, getpid()));
    FACT(owner_of(file) == getpid());
    CALL(fcntl(-1, F_SETOWN, getpid()));
    close(ends[0]);
    close(ends[1]);
    close(file);
}

static void pipes(void)
{
    char bytes[100] = "";
    int ends[2];

    SECTION("pipes");
    pipe2(ends, O_NONBLOCK);
    fcntl(ends[0], F_SETOWN, getpid());
    fcntl(ends[1], F_SETOWN, getpid());
    CALL(fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK));
    show_signals("before");
    CALL(write(ends[1], bytes, 10));
    CALL(write(ends[1], bytes, 10));
    show_signals("two writes");
    CALL(fcntl(ends[0], F_SETSIG, CHOSEN));
    CALL(write(ends[1], bytes, 10));
    CALL(write(ends[1], bytes, 10));
    show_signals("two writes, chosen");
    CALL(fcntl(ends[1], F_SETSIG, CHOSEN));
    CALL(fcntl(ends[1], F_SETFL, O_ASYNC | O_NONBLOCK));
    CALL(read(ends[0], bytes, 5));
    show_signals("a read");
    CALL(fcntl(ends[0], F_SETSIG, SIGUSR1));
    CALL(write(ends[1], bytes, 10));
    show_signals("another signal");
    CALL(fcntl(ends[0], F_SETSIG, SIGCHLD));
    CALL(write(ends[1], bytes, 10));
    show_signals("one with codes of its own");
    CALL(fcntl(ends[0], F_SETSIG, SIGIO));
    CALL(write(ends[1], bytes, 10));
    show_signals("SIGIO that says more");
    CALL(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    CALL(write(ends[1], bytes, 10));
    show_signals("off again");
    CALL(fcntl(ends[0], F_SETFL, O_NONBLOCK | O_ASYNC));
    CALL(close(ends[1]));
    show_signals("the writer goes");
    close(ends[0]);
}

static void fifo(void)
{
    char bytes[10] = "";

    SECTION("a FIFO, both ends in one");
    mkfifo("fifo", 0600);
    int both = open("fifo", O_RDWR | O_NONBLOCK);

    fcntl(both, F_SETOWN, getpid());
    fcntl(both, F_SETSIG, CHOSEN);
    CALL(fcntl(both, F_SETFL, O_ASYNC));
    CALL(write(both, bytes, 10));
    show_signals("written");
    CALL(read(both, bytes, 10));
    show_signals("read");
    int other = dup(both);
    CALL(close(both));
    CALL(write(other, bytes, 1));
    show_signals("by another descriptor");
    close(other);
}

static void several_ends(void)
{
    SECTION("ends that go");
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    int writers[2] = { open("fifo", O_WRONLY), open("fifo", O_WRONLY) };

    fcntl(reader, F_SETOWN, getpid());
    fcntl(reader, F_SETSIG, CHOSEN);
    CALL(fcntl(reader, F_SETFL, O_ASYNC));
    CALL(close(writers[0]));
    show_signals("one of two");
    CALL(close(writers[1]));
    show_signals("the other");
    close(reader);
}

static void own(int fd)
{
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_SETSIG, CHOSEN);
    CALL(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
}

static void sockets(int type)
{
    char bytes[1000] = "";
    int pair[2];

    socketpair(AF_UNIX, type, 0, pair);
    own(pair[0]);
    CALL(send(pair[1], bytes, 10, 0));
    show_signals("sent");
    while (send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    show_signals("full");
    while (recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    show_signals("emptied");
    CALL(shutdown(pair[1], SHUT_WR));
    show_signals("the other end sends no more");
    CALL(close(pair[1]));
    show_signals("it is closed");
    close(pair[0]);
}

static void listening(void)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "name" };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    int id = getpid();

    SECTION("a socket that listens");
    bind(listener, (struct sockaddr *)&name, sizeof(name));
    listen(listener, 3);
    CALL(ioctl(listener, FIOSETOWN, &id));
    CALL(ioctl(listener, FIOGETOWN, &id));
    FACT(id == getpid());
    own(listener);
    CALL(connect(client, (struct sockaddr *)&name, sizeof(name)));
    show_signals("connected");
    int accepted = (int)CALL(accept(listener, NULL, NULL)) >= 0;
    FACT(accepted);
    show_signals("accepted");
    close(client);
    show_signals("closed");
    close(listener);
}

static void terminal(void)
{
    SECTION("a terminal");
    begin_pair();
    CALL(fcntl(slave, F_SETFL, O_ASYNC | O_NONBLOCK));
    FACT(owner_of(slave) == getpid());
    CALL(fcntl(slave, F_SETSIG, CHOSEN));
    type("part of");
    show_signals("half a line");
    type(" a line\n");
    show_signals("a line");
    reads(3);
    show_signals("a read that leaves some");
    reads_all();
    CALL(fcntl(slave, F_SETFL, O_NONBLOCK));
    type("more\n");
    show_signals("off");
}

/* Whose signals are not for everybody. */
static void permissions(void)
{
    int ends[2], told[2], status;
    char byte = 0;
    pid_t child;

    SECTION("other processes");
    pipe(ends);
    pipe(told);
    child = fork();
    if (child == 0) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGIO);
        (void)!write(told[1], &byte, 1);
        _exit(sigwaitinfo(&set, NULL) == SIGIO ? 7 : 8);
    }
    (void)!read(told[0], &byte, 1);
    CALL(fcntl(ends[0], F_SETOWN, child));
    FACT(owner_of(ends[0]) == child);
    CALL(fcntl(ends[0], F_SETFL, O_ASYNC));
    CALL(write(ends[1], &byte, 1));
    waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
    CALL(fcntl(ends[0], F_SETOWN, child));
    FACT(owner_of(ends[0]) == child);
    waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
    VALUE(owner_of(ends[0]));
    CALL(write(ends[1], &byte, 1));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    settings();
    pipes();
    fifo();
    several_ends();
    SECTION("streams");
    sockets(SOCK_STREAM);
    SECTION("datagrams");
    sockets(SOCK_DGRAM);
    SECTION("sequenced packets");
    sockets(SOCK_SEQPACKET);
    listening();
    terminal();
    permissions();
    return 0;
}
