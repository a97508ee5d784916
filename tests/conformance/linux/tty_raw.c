/* Reads and writes of terminals that wait: VMIN and VTIME, signals in the middle, both ends. */
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "with_terminal.h"

#define TENTH_NS 100000000ll

static long long now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void set_raw(int minimum, int tenths)
{
    struct termios settings;

    tcgetattr(slave, &settings);
    settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    settings.c_cc[VMIN] = (cc_t)minimum;
    settings.c_cc[VTIME] = (cc_t)tenths;
    tcsetattr(slave, TCSANOW, &settings);
}

static void set_waiting(int descriptor, bool waits)
{
    fcntl(descriptor, F_SETFL, waits ? O_RDWR : O_RDWR | O_NONBLOCK);
}

static void begin_raw(const char *name, int minimum, int tenths)
{
    SECTION(name);
    begin_pair();
    set_raw(minimum, tenths);
    set_waiting(slave, true);
}

/* Somebody else types these, with pauses in between. */
static pid_t typist(const char *const *texts)
{
    fflush(stdout);

    pid_t child = fork();

    if (child != 0)
        return child;
    for (; *texts; texts++) {
        usleep(20000);
        if (write(master, *texts, strlen(*texts)) < 0)
            _exit(1);
    }
    _exit(0);
}

static void done(pid_t child)
{
    int status = -1;

    waitpid(child, &status, 0);
    if (status != 0)
        printf("status %#x\n", status);
}

static void type_by_another(const char *first, const char *second, size_t size)
{
    const char *const texts[] = { first, second, NULL };
    pid_t child = typist(texts);

    reads(size);
    done(child);
}

static void without_time(void)
{
    begin_raw("MIN > 0, TIME = 0", 3, 0);
    type_by_another("a", "bc", 100);
    type_by_another("a", "b", 2);
    type("abcdef");
    reads(2);
    reads(100);
    set_waiting(slave, false);
    type("xy");
    polls("terminal", slave);
    type("z");
    polls("terminal", slave);
    reads(100);
    reads(100);
    type("xy");
    reads(100);
}

static void both(void)
{
    long long began;

    begin_raw("MIN > 0, TIME > 0", 3, 1);
    type("ab");
    polls("terminal", slave);
    began = now_ns();
    reads(100);
    FACT(now_ns() - began >= TENTH_NS);
    type("abc");
    reads(100);
    type_by_another("", "q", 1);    /* the clock begins with the first byte */
}

static void time_only(void)
{
    long long began;

    begin_raw("MIN = 0, TIME > 0", 0, 1);
    began = now_ns();
    reads(100);
    FACT(now_ns() - began >= TENTH_NS);
    type("ab");
    reads(1);
    reads(100);
    polls("terminal", slave);
}

static void neither(void)
{
    begin_raw("MIN = 0, TIME = 0", 0, 0);
    reads(100);
    polls("terminal", slave);
    type("ab");
    reads(100);
    reads(100);
    set_waiting(slave, false);
    reads(100);
}

static volatile sig_atomic_t rings;

static void ring(int number)
{
    (void)number;
    rings++;
}

static pid_t ring_in_sleep(int flags)
{
    const struct sigaction action = { .sa_handler = ring, .sa_flags = flags };

    rings = 0;
    sigaction(SIGALRM, &action, NULL);
    fflush(stdout);
    return signal_in_sleep(SIGALRM);
}

/* Types when that child has ended, which is not waited for before. */
static pid_t type_after(pid_t other, const char *text)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    while (state_of(other) != 'Z')
        usleep(1000);
    _exit(write(master, text, strlen(text)) < 0);
}

static void signals(void)
{
    begin_raw("signals", 5, 0);
    ring_in_sleep(0);
    reads(100);
    type("ab");
    ring_in_sleep(0);
    reads(100);
    VALUE(rings);
    set_raw(1, 0);
    pid_t sender = ring_in_sleep(SA_RESTART), child = type_after(sender, "late\n");
    reads(100);
    VALUE(rings);
    done(child);
    done(sender);
    SECTION("signals to a reader of the master");
    set_waiting(master, true);
    ring_in_sleep(0);
    char byte;
    CALL(read(master, &byte, 1));
}

/* Writes more than there is room for, while the other end takes it. */
static void long_transfer(int from, int to, const char *name)
{
    static char block[65536];
    size_t sum = 0, count = 0;

    SECTION(name);
    fflush(stdout);

    pid_t child = fork();

    if (child == 0) {
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = (char)(' ' + i % 90);
        _exit(write(from, block, sizeof(block)) == (ssize_t)sizeof(block) ? 0 : 1);
    }
    while (count < sizeof(block)) {
        unsigned char bytes[1000];
        ssize_t got = read(to, bytes, sizeof(bytes));

        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            sum += (unsigned)bytes[i] * (count + (size_t)i + 1);
        count += (size_t)got;
    }
    done(child);
    VALUE(count);
    VALUE(sum);
}

static void interrupted_write(void)
{
    static char block[200000];

    SECTION("a write that a signal interrupts");
    ring_in_sleep(0);
    ssize_t written = write(slave, block, sizeof(block));
    FACT(written > 4096 && written < (ssize_t)sizeof(block));
    VALUE(rings);
}

static void wake_by_closing(void)
{
    SECTION("the terminal is left while the master is read");
    begin_pair();
    set_waiting(master, true);
    fflush(stdout);

    pid_t child = fork();

    if (child == 0) {
        usleep(20000);
        _exit(0);
    }
    close(slave);
    slave = -1;

    char bytes[10];

    show_bytes("read of the master", bytes, read(master, bytes, sizeof(bytes)));
    done(child);
    slave = open_slave(master, O_RDWR | O_NOCTTY);

    SECTION("a mode that wakes a reader");
    begin_pair();
    type("no line yet");
    set_waiting(slave, true);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        usleep(20000);
        set_raw(1, 0);
        _exit(0);
    }
    reads(100);
    done(child);
}

int main(void)
{
    without_time();
    both();
    time_only();
    neither();
    signals();
    begin_raw("raw", 1, 0);
    change_oflag(0, OPOST);
    set_waiting(master, true);
    long_transfer(master, slave, "much typed");
    long_transfer(slave, master, "much written");
    interrupted_write();
    wake_by_closing();
    return 0;
}
