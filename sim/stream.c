/*
 * The standard streams of runs that repeat.
 *
 * Whatever they are on the host, the guest finds pipes with fixed attributes, so that a run does
 * not depend on where its output goes.  A read waits, and the whole machine with it, and gives what
 * is there up to the end of a line: what the guest gets depends on the bytes alone and not on when
 * they arrived.  A write waits until all is taken, outside the guest's time.
 *
 * If standard input is a terminal, the guest has the terminal, as in a run in real time.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "chooser.h"
#include "device/channel.h"
#include "journal.h"
#include "outside.h"
#include "search/search.h"
#include "sim.h"

#define CHANNELS 3u
#define INPUT_SIZE 65536u
#define STREAM_MODE 0010600u    /* S_IFIFO, readable and writable by its owner */
#define STREAM_DEVICE 12u

static char input[INPUT_SIZE];
static size_t input_count, input_next;
static bool input_ended;

static enum channel_kind stream_kind(unsigned number)
{
    if (outside_is_replayed())
        return outside_is_interactive() ? CHANNEL_TERMINAL : CHANNEL_STREAM;

    enum channel_kind host = channel_operations.kind(number);

    if (host == CHANNEL_TERMINAL && outside_is_interactive())
        return host;
    return host == CHANNEL_ABSENT ? host : CHANNEL_STREAM;
}

/* ---- Input ---------------------------------------------------------------------------------- */

static void wait_for(int descriptor, short events)
{
    struct pollfd polled = { .fd = descriptor, .events = events };

    (void)poll(&polled, 1, -1);
}

/* More bytes behind those that are in the buffer; false at the end and after an error. */
static bool refill(void)
{
    ssize_t count;

    if (input_ended)
        return false;
    if (input_next > 0) {
        memmove(input, input + input_next, input_count - input_next);
        input_count -= input_next;
        input_next = 0;
    }
    do {
        count = read(STDIN_FILENO, input + input_count, sizeof(input) - input_count);
        if (count < 0 && errno == EAGAIN)
            wait_for(STDIN_FILENO, POLLIN);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    input_ended = count <= 0;
    input_count += input_ended ? 0 : (size_t)count;
    return !input_ended;
}

/* The bytes up to the end of the first line, at most `size`, all of them at the end of input. */
static size_t take_line(char *buffer, size_t size)
{
    size_t length = 0;

    if (size > sizeof(input))
        size = sizeof(input);
    for (;;) {
        const char *line = input + input_next;
        size_t there = input_count - input_next;

        if (length < there)
            length += 1;
        else if (!refill())
            break;
        else
            continue;
        if (length == size || line[length - 1] == '\n')
            break;
    }
    memcpy(buffer, input + input_next, length);
    input_next += length;
    return length;
}

static int64_t stream_read(unsigned number, void *buffer, size_t size)
{
    int64_t live = 0;

    if (number != STDIN_FILENO)
        return -EBADF;
    if (size == 0)
        return 0;
    search_note_input();
    if (!outside_is_replayed())
        live = (int64_t)take_line(buffer, size);
    return outside_bytes(number, buffer, size, live);
}

/* ---- Output --------------------------------------------------------------------------------- */

static int64_t write_all(int descriptor, const char *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t written = write(descriptor, bytes + done, size - done);

        if (written < 0 && errno == EAGAIN)
            wait_for(descriptor, POLLOUT);
        else if (written < 0 && errno != EINTR)
            return done > 0 ? (int64_t)done : -errno;
        if (written > 0)
            done += (size_t)written;
    }
    return (int64_t)done;
}

static int64_t stream_write(unsigned number, const void *buffer, size_t size)
{
    if (number == STDIN_FILENO)
        return -EBADF;
    if (search_is_active) {
        search_write_channel(number, buffer, size);
        journal_output(number, buffer, size);
        return (int64_t)size;
    }

    int64_t result = outside_answer(OUTSIDE_WRITE, write_all((int)number, buffer, size));

    if (result > 0)
        journal_output(number, buffer, (size_t)result);
    return result;
}

/* ---- The rest ------------------------------------------------------------------------------- */

static int64_t stream_seek(unsigned number, int64_t offset, int whence)
{
    (void)number;
    (void)offset;
    (void)whence;
    return -ESPIPE;
}

static int stream_status(unsigned number, struct channel_status *result)
{
    int64_t boot = (int64_t)machine_info()->boot_wall_time_ns;

    *result = (struct channel_status){
        .mode = STREAM_MODE,
        .flags = number == STDIN_FILENO ? 0 : 1,    /* O_RDONLY, O_WRONLY */
        .inode = number + 1,
        .device = STREAM_DEVICE,
        .access_ns = boot,
        .modify_ns = boot,
        .change_ns = boot,
    };
    return 0;
}

/* Reading and writing wait on the host, so they never have to be waited for in the guest. */
static uint32_t stream_ready(unsigned number, uint32_t wanted)
{
    (void)wanted;
    return number == STDIN_FILENO ? CHANNEL_READABLE : CHANNEL_WRITABLE;
}

static const struct channel_operations stream_operations = {
    .count = CHANNELS,
    .kind = stream_kind,
    .read = stream_read,
    .write = stream_write,
    .seek = stream_seek,
    .status = stream_status,
    .ready = stream_ready,
};

void stream_init(void)
{
    info_edit()->channels = &stream_operations;
}
