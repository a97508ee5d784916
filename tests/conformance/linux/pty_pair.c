/* Pseudo terminals: their numbers and nodes, locks, both ends, what is left when one closes. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "with_terminal.h"

static void nodes(void)
{
    struct stat status;
    char path[32], again[32];
    int number, locked;

    SECTION("a new pair");
    int end = CALL(open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0 ? 3 : -1;
    CALL(ioctl(end, TIOCGPTN, &number));
    FACT(number >= 0);
    CALL(ioctl(end, TIOCGPTLCK, &locked));
    VALUE(locked);
    slave_path(end, path, sizeof(path));
    CALL(open(path, O_RDWR | O_NOCTTY));
    CALL(ioctl(end, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    locked = 0;
    CALL(ioctl(end, TIOCSPTLCK, &locked));
    CALL(ioctl(end, TIOCGPTLCK, &locked));
    VALUE(locked);
    CALL(stat(path, &status));
    FACT(S_ISCHR(status.st_mode));
    OCTAL(status.st_mode & 07777);
    FACT(status.st_uid == geteuid());
    FACT((int)(minor(status.st_rdev) + (major(status.st_rdev) - 136) * 256) == number);
    CALL(fstat(end, &status));
    VALUE(major(status.st_rdev));
    VALUE(minor(status.st_rdev));
    CALL(chmod(path, 0620));
    CALL(stat(path, &status));
    OCTAL(status.st_mode & 07777);
    int near = (int)CALL(open(path, O_RDWR | O_NOCTTY));
    CALL(isatty(near));
    CALL(isatty(end));
    FACT(ttyname_r(near, again, sizeof(again)) == 0 && strcmp(path, again) == 0);
    int peer = (int)CALL(ioctl(end, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    FACT(fcntl(peer, F_GETFD) == FD_CLOEXEC);
    FACT((fcntl(peer, F_GETFL) & O_ACCMODE) == O_RDWR);
    FACT(ttyname_r(peer, again, sizeof(again)) == 0 && strcmp(path, again) == 0);
    unsigned device = 0;
    CALL(ioctl(near, TIOCGDEV, &device));
    FACT(stat(path, &status) == 0 && device == status.st_rdev);
    CALL(ioctl(end, TIOCGDEV, &device));
    FACT(device == status.st_rdev);
    CALL(lseek(near, 0, SEEK_SET));
    CALL(lseek(end, 0, SEEK_SET));
    CALL(pread(near, again, 1, 0));
    CALL(ioctl(near, TIOCGPTN, &number));
    CALL(ioctl(near, TIOCSPTLCK, &locked));
    CALL(ioctl(near, TIOCPKT, &locked));
    CALL(close(peer));
    CALL(close(near));
    CALL(close(end));
    CALL(stat(path, &status));
    CALL(open(path, O_RDWR));
}

static void bad_arguments(void)
{
    int number;

    SECTION("bad arguments");
    begin_pair();
    CALL(ioctl(master, TIOCGPTN, NULL));
    CALL(ioctl(master, TIOCSPTLCK, NULL));
    CALL(ioctl(master, TIOCPKT, NULL));
    CALL(ioctl(master, TIOCSIG, SIGTERM));
    CALL(ioctl(master, 0x5499, &number));
    CALL(ioctl(slave, 0x5499, &number));
    CALL(ioctl(master, TIOCGWINSZ, NULL));
    CALL(ioctl(slave, TIOCSWINSZ, NULL));
    CALL(ioctl(slave, TCGETS, NULL));
    CALL(ioctl(slave, TCSETS, NULL));
    CALL(ioctl(slave, FIONREAD, NULL));
    CALL(ioctl(master, FIONREAD, NULL));
    CALL(ioctl(slave, TIOCGETD, &number));
    VALUE(number);
    number = 0;
    CALL(ioctl(slave, TIOCSETD, &number));
    CALL(ioctl(slave, TIOCMGET, &number));
    CALL(ioctl(slave, TIOCGEXCL, &number));
    VALUE(number);
    CALL(ioctl(slave, TIOCEXCL));
    CALL(ioctl(slave, TIOCGEXCL, &number));
    VALUE(number);
    CALL(ioctl(slave, TIOCNXCL));
    CALL(mkdir("/dev/pts/directory", 0755));
    CALL(open("/dev/pts/file", O_CREAT | O_RDWR, 0644));
    CALL(open("/dev/pts/00", O_RDWR | O_NOCTTY));
    CALL(open("/dev/pts/4096000", O_RDWR | O_NOCTTY));
    CALL(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_DIRECTORY));
    struct statfs filesystem;
    CALL(statfs("/dev/pts", &filesystem));
    FACT(filesystem.f_type == 0x1cd1);
}

static void shared_state(void)
{
    struct winsize size = { .ws_row = 12, .ws_col = 34, .ws_xpixel = 5, .ws_ypixel = 6 };
    struct termios settings;

    SECTION("what both ends show");
    begin_pair();
    CALL(ioctl(master, TIOCSWINSZ, &size));
    memset(&size, 0, sizeof(size));
    CALL(ioctl(slave, TIOCGWINSZ, &size));
    VALUE(size.ws_row);
    VALUE(size.ws_col);
    VALUE(size.ws_xpixel);
    VALUE(size.ws_ypixel);
    CALL(tcgetattr(master, &settings));
    settings.c_lflag &= ~(tcflag_t)ECHO;
    CALL(tcsetattr(master, TCSANOW, &settings));
    CALL(tcgetattr(slave, &settings));
    FACT(settings.c_lflag & ECHO);
    type("not echoed\n");
    seen();
    reads(100);
    polls("master", master);
    polls("terminal", slave);
    type("line\n");
    polls("terminal", slave);
    CALL(write(slave, "out", 3));
    polls("master", master);
    seen();
    CALL(tcflush(slave, TCIFLUSH));
    polls("terminal", slave);
    CALL(tcsendbreak(slave, 0));
    CALL(tcdrain(master));
    CALL(write(master, "x", 0));
    CALL(read(master, &size, 0));
}

static void one_end_closes(void)
{
    char path[32];
    int number;

    SECTION("the terminal is left");
    begin_pair();
    slave_path(master, path, sizeof(path));
    CALL(write(slave, "last words", 10));
    close(slave);
    polls("master", master);
    char bytes[100];
    show_bytes("read of the master", bytes, read(master, bytes, sizeof(bytes)));
    show_bytes("read of the master", bytes, read(master, bytes, sizeof(bytes)));
    polls("master", master);
    CALL(write(master, "early\n", 6));
    slave = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    settle();
    polls("master", master);
    reads(100);
    seen();
    seen();

    SECTION("the master is closed");
    CALL(write(master, "typed\n", 6));
    settle();
    close(master);
    master = 0;
    polls("terminal", slave);
    reads(100);
    CALL(write(slave, "x", 1));
    CALL(ioctl(slave, FIONREAD, &number));
    CALL(ioctl(slave, TIOCGPGRP, &number));
    CALL(ioctl(slave, TIOCSPGRP, &number));
    struct termios settings;
    CALL(tcgetattr(slave, &settings));
    CALL(open(path, O_RDWR | O_NOCTTY));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
    CALL(open(path, O_RDWR | O_NOCTTY));
    close(slave);
}

static void many(void)
{
    int ends[64];
    size_t distinct = 0;
    int numbers[64];

    SECTION("many");
    for (size_t i = 0; i < COUNT(ends); i++) {
        ends[i] = open("/dev/ptmx", O_RDWR | O_NOCTTY);
        ioctl(ends[i], TIOCGPTN, &numbers[i]);
        distinct++;
        for (size_t j = 0; j < i; j++) {
            if (numbers[j] == numbers[i])
                distinct--;
        }
    }
    VALUE(distinct);
    for (size_t i = 0; i < COUNT(ends); i++)
        close(ends[i]);
    int end = open("/dev/ptmx", O_RDWR | O_NOCTTY), number;
    ioctl(end, TIOCGPTN, &number);
    FACT(number == numbers[0]);
}

int main(void)
{
    nodes();
    bad_arguments();
    shared_state();
    one_end_closes();
    many();
    return 0;
}
