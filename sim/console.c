/*
 * The console: the host terminal as the guest's terminal, and stderr for the kernel's own text.
 *
 * The terminal is put into raw mode only if standard input is one and this process is in its
 * foreground; the kernel's line discipline then does the echo, the editing and the signals.  Every
 * way out gives it back as it was: exit, crash, SIGTERM, SIGTSTP.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "chooser.h"
#include "journal.h"
#include "outside.h"
#include "search/search.h"
#include "sim.h"

#define INPUT_SIZE 256
#define LINE_SIZE 1024

static int input = -1;             /* terminal we read, -1: none */
static int output = -1;            /* terminal we write without waiting, -1: none */
static int trace = STDERR_FILENO;
static struct termios saved;
static volatile sig_atomic_t is_raw;
static volatile sig_atomic_t in_background;    /* when it was to be made raw */
static bool stderr_is_terminal;

static char bytes[INPUT_SIZE];     /* read ahead */
static size_t byte_count, byte_next;
static _Atomic uint32_t host_keys; /* control keys that the host turned into signals: bit N */

/* ---- Terminal modes ------------------------------------------------------------------------ */

/* Setting modes from the background would stop the process unless SIGTTOU is blocked. */
static void set_modes(const struct termios *modes)
{
    sigset_t set, before;

    sigemptyset(&set);
    sigaddset(&set, SIGTTOU);
    sigprocmask(SIG_BLOCK, &set, &before);
    tcsetattr(input, TCSANOW, modes);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void make_raw(void)
{
    struct termios raw;

    if (input < 0 || is_raw)
        return;
    in_background = tcgetpgrp(input) != getpgrp();
    if (in_background || tcgetattr(input, &saved) != 0)
        return;
    raw = saved;
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | IGNCR | INLCR | INPCK | ISTRIP | IXON | IXOFF);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    is_raw = 1;
    set_modes(&raw);
}

bool console_is_raw(void)
{
    return is_raw;
}

void console_restore(void)
{
    if (!is_raw)
        return;
    is_raw = 0;
    set_modes(&saved);
}

void machine_suspend(void)
{
    console_restore();
    kill(getpid(), SIGSTOP);
    make_raw();
}

void console_continued(void)
{
    is_raw = 0;
    make_raw();
    interrupt_raise_outside(INTERRUPT_CONSOLE);
}

/* ---- Setting up ---------------------------------------------------------------------------- */

/* A description of our own, so that O_NONBLOCK does not change the one we share with the shell. */
static int reopen_terminal(int descriptor)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void console_init(const char *trace_file)
{
    static const int candidates[] = { STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO };

    stderr_is_terminal = isatty(STDERR_FILENO);
    if (trace_file) {
        trace = open(trace_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0666);
        if (trace < 0)
            refuse("cannot write the trace to %s: %s", trace_file, strerror(errno));
    }
    if (outside_is_replayed() && outside_is_interactive())
        output = STDOUT_FILENO;    /* what the terminal showed, wherever it is to go */
    for (size_t i = 0; i < 3 && output < 0; i++) {
        if (isatty(candidates[i]))
            output = reopen_terminal(candidates[i]);
    }
    if (isatty(STDIN_FILENO) && !outside_is_replayed()) {
        input = STDIN_FILENO;
        make_raw();
        watcher_watch(input, POLLIN, INTERRUPT_CONSOLE);
    }
}

/* ---- Output -------------------------------------------------------------------------------- */

/* A full disk, say: nobody should take what is there for all of it. */
static void tell_of_loss(int error)
{
    static bool is_told;

    if (!is_told)
        sim_note("the trace has a gap: %s", strerror(error));
    is_told = true;
}

static void write_all(int descriptor, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);

        if (written < 0 && errno != EINTR && errno != EAGAIN) {
            if (descriptor == trace && descriptor != STDERR_FILENO)
                tell_of_loss(errno);
            return;
        }
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
}

/* A raw terminal does not return the carriage by itself. */
static void write_log(int descriptor, const char *text, size_t length)
{
    char line[LINE_SIZE];
    size_t used = 0;

    if (!is_raw || !stderr_is_terminal || descriptor != STDERR_FILENO) {
        write_all(descriptor, text, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (used + 2 > sizeof(line)) {
            write_all(descriptor, line, used);
            used = 0;
        }
        if (text[i] == '\n')
            line[used++] = '\r';
        line[used++] = text[i];
    }
    write_all(descriptor, line, used);
}

static void write_waiting(const char *text, size_t length)
{
    struct pollfd room = { .fd = output, .events = POLLOUT };

    while (length > 0) {
        ssize_t written = write(output, text, length);

        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (written < 0)
            (void)poll(&room, 1, -1);
        else
            length -= (size_t)written;
        text += written > 0 ? written : 0;
    }
}

static size_t write_terminal(const char *text, size_t length)
{
    ssize_t written;

    journal_output(MACHINE_STREAM_TERMINAL, text, length);

    if (output < 0)
        return length;
    do
        written = write(output, text, length);
    while (written < 0 && errno == EINTR);
    if (written < 0 && errno != EAGAIN)
        return length;    /* hung up: nobody reads it */
    if (chooser_is_active()) {    /* how fast it takes text has no influence */
        size_t done = written < 0 ? 0 : (size_t)written;

        write_waiting(text + done, length - done);
        return length;
    }
    if (written < 0)
        written = 0;
    if ((size_t)written < length)
        watcher_watch(output, POLLOUT, INTERRUPT_CONSOLE);
    return (size_t)written;
}

size_t machine_console_write(enum machine_stream stream, const char *text, size_t length)
{
    if (search_is_active) {
        search_write_stream(stream, text, length);
        return length;
    }
    switch (stream) {
    case MACHINE_STREAM_LOG:
        write_log(STDERR_FILENO, text, length);
        return length;
    case MACHINE_STREAM_TRACE:
        write_log(trace, text, length);
        return length;
    case MACHINE_STREAM_REPORT:
        reports_write(text, length);
        return length;
    case MACHINE_STREAM_GRAPH:
        reports_write_graph(text, length);
        return length;
    case MACHINE_STREAM_TERMINAL:
        return write_terminal(text, length);
    }
    __builtin_unreachable();
}

/* ---- Input --------------------------------------------------------------------------------- */

void console_host_key(char byte)
{
    atomic_fetch_or(&host_keys, 1u << (unsigned)byte);
    interrupt_raise_outside(INTERRUPT_CONSOLE);
}

static int take_host_key(void)
{
    uint32_t keys = atomic_load(&host_keys);

    if (!keys)
        return -1;

    int key = __builtin_ctz(keys);

    atomic_fetch_and(&host_keys, ~(1u << key));
    return key;
}

/* Reads what is there; asks for an interrupt when nothing is. */
static bool refill(void)
{
    struct pollfd ready = { .fd = input, .events = POLLIN };

    byte_next = byte_count = 0;
    if (input < 0)
        return false;
    if (poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) {
        if (in_background)
            make_raw();    /* a shell that brings a running job to the foreground does not say so */

        ssize_t count = read(input, bytes, sizeof(bytes));

        if (count > 0)
            byte_count = (size_t)count;
        else if (count == 0 || errno != EINTR)
            input = -1;    /* hung up */
    } else if (ready.revents & (POLLHUP | POLLERR | POLLNVAL)) {
        input = -1;
    } else {
        watcher_watch(input, POLLIN, INTERRUPT_CONSOLE);
    }
    return byte_count > 0;
}

static int read_key(void)
{
    int key = take_host_key();

    if (key >= 0)
        return key;
    if (byte_next == byte_count && !refill())
        return -1;
    return (unsigned char)bytes[byte_next++];
}

int machine_console_read(void)
{
    if (!chooser_is_active())
        return read_key();
    return (int)outside_answer(OUTSIDE_KEY, outside_is_replayed() ? -1 : read_key());
}

void machine_console_size(uint16_t *rows, uint16_t *columns)
{
    struct winsize size = { 0 };
    bool may_differ = chooser_is_active() && !outside_is_interactive();

    if (output >= 0 && !may_differ)
        ioctl(output, TIOCGWINSZ, &size);
    *rows = size.ws_row;
    *columns = size.ws_col;
    if (!chooser_is_active())
        return;

    int64_t answer = outside_answer(OUTSIDE_SIZE, (int64_t)size.ws_row << 16 | size.ws_col);

    *rows = (uint16_t)(answer >> 16);
    *columns = (uint16_t)answer;
}
