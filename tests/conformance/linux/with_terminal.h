#pragma once
/*
 * Both ends of a pseudo terminal in one program: what is typed at one end, what comes out at the
 * other, without a clock.
 *
 * Linux moves bytes between the ends in its own time, but looking for input where there is none
 * waits until all that was written has arrived; and a change of settings waits until a line being
 * taken in is done.  So programs read all that they can before they type again.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

static int master, slave;

__attribute__((unused)) static void show_bytes(const char *label, const char *bytes, ssize_t count)
{
    printf("%s", label);
    if (count < 0)
        printf(" -1 %s\n", error_name(errno));
    if (count < 0)
        return;
    printf(" %zd \"", count);
    for (ssize_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte < ' ' || byte >= 127 || byte == '"' || byte == '\\')
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
    printf("\"\n");
}

__attribute__((unused)) static int open_master(void)
{
    int descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    int unlocked = 0;

    if (descriptor < 0 || ioctl(descriptor, TIOCSPTLCK, &unlocked) != 0) {
        printf("no pseudo terminal: %s\n", error_name(errno));
        exit(1);
    }
    return descriptor;
}

__attribute__((unused)) static void slave_path(int descriptor, char *path, size_t size)
{
    int number = -1;

    if (ioctl(descriptor, TIOCGPTN, &number) != 0)
        printf("no number: %s\n", error_name(errno));
    snprintf(path, size, "/dev/pts/%d", number);
}

__attribute__((unused)) static int open_slave(int descriptor, int flags)
{
    char path[32];

    slave_path(descriptor, path, sizeof(path));
    return open(path, flags);
}

/* New ends without waiting, in the state of a new terminal but for IUTF8. */
__attribute__((unused)) static void begin_pair(void)
{
    struct termios settings;

    if (master > 0) {
        close(slave);
        close(master);
    }
    master = open_master();
    slave = open_slave(master, O_RDWR | O_NOCTTY | O_NONBLOCK);
    tcgetattr(slave, &settings);
    settings.c_iflag &= ~(tcflag_t)IUTF8;
    tcsetattr(slave, TCSANOW, &settings);
}

/* All that was typed has been taken in. */
__attribute__((unused)) static void settle(void)
{
    struct pollfd look = { .fd = slave, .events = POLLIN };
    struct termios settings;

    poll(&look, 1, 0);
    tcgetattr(slave, &settings);
    tcsetattr(slave, TCSANOW, &settings);
}

__attribute__((unused)) static void type_bytes(const char *bytes, size_t count)
{
    ssize_t written = write(master, bytes, count);

    if (written != (ssize_t)count)
        printf("typed %zd of %zu\n", written, count);
    settle();
}

__attribute__((unused)) static void type(const char *text)
{
    show_bytes("type  ", text, (ssize_t)strlen(text));
    type_bytes(text, strlen(text));
}

/* What has come out at the master. */
__attribute__((unused)) static void seen(void)
{
    char bytes[16384];
    size_t count = 0;
    ssize_t got;

    while (count < sizeof(bytes) && (got = read(master, bytes + count, sizeof(bytes) - count)) > 0)
        count += (size_t)got;
    if (count == 0 && got < 0 && errno != EAGAIN)
        show_bytes("seen  ", bytes, got);
    else
        show_bytes("seen  ", bytes, (ssize_t)count);
}

/* What one read of the terminal gives. */
__attribute__((unused)) static void reads(size_t size)
{
    char bytes[16384];

    show_bytes("read  ", bytes, read(slave, bytes, size));
}

/* The same until nothing is left. */
__attribute__((unused)) static void reads_all(void)
{
    char bytes[16384];
    ssize_t count;

    do {
        count = read(slave, bytes, sizeof(bytes));
        if (count >= 0)
            show_bytes("read  ", bytes, count);
    } while (count >= 0);
}

__attribute__((unused)) static void change(tcflag_t *flags, struct termios *settings, tcflag_t set,
                                           tcflag_t clear)
{
    *flags = (*flags | set) & ~clear;
    tcsetattr(slave, TCSANOW, settings);
}

#define CHANGE(field)                                                                  \
    __attribute__((unused)) static void change_##field(tcflag_t set, tcflag_t clear)    \
    {                                                                                  \
        struct termios settings;                                                       \
                                                                                       \
        tcgetattr(slave, &settings);                                                   \
        change(&settings.c_##field, &settings, set, clear);                            \
    }
CHANGE(iflag)
CHANGE(oflag)
CHANGE(lflag)
#undef CHANGE

__attribute__((unused)) static void set_character(int which, char byte)
{
    struct termios settings;

    tcgetattr(slave, &settings);
    settings.c_cc[which] = (cc_t)byte;
    tcsetattr(slave, TCSANOW, &settings);
}

/* Which events a poll without waiting gives. */
__attribute__((unused)) static void polls(const char *label, int descriptor)
{
    struct pollfd look = { .fd = descriptor,
                           .events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM };
    int count = poll(&look, 1, 0);

    printf("poll of the %s = %d:%s%s%s%s%s%s%s\n", label, count,
           look.revents & POLLIN ? " IN" : "", look.revents & POLLRDNORM ? " RDNORM" : "",
           look.revents & POLLPRI ? " PRI" : "", look.revents & POLLOUT ? " OUT" : "",
           look.revents & POLLWRNORM ? " WRNORM" : "", look.revents & POLLERR ? " ERR" : "",
           look.revents & POLLHUP ? " HUP" : "");
}

__attribute__((unused)) static void readable(void)
{
    int count = -1;
    long result = ioctl(slave, FIONREAD, &count);

    printf("FIONREAD %ld: %d\n", result, count);
}
