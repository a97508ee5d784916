/*
 * The standard streams of the host process as channels 0, 1 and 2.
 *
 * Nothing here waits.  A pipe is opened a second time with O_NONBLOCK, because the flag on the
 * description that we share with other processes is not ours to change; where that is refused,
 * poll() is asked first and writes are kept to PIPE_BUF bytes, which then do not block.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/channel.h"
#include "code_copy.h"
#include "sim.h"

#define CHANNELS 3

struct channel {
    enum channel_kind kind;
    int descriptor;         /* the one operations use: may be a second opening of the first */
    bool is_socket, is_pipe;
    bool may_block;         /* no description of our own: ask poll() first */
};

static struct channel channels[CHANNELS];

static int64_t error_or(ssize_t result)
{
    return result < 0 ? -errno : result;
}

static void open_pipe(struct channel *channel, unsigned number)
{
    char path[64];
    int mode = fcntl((int)number, F_GETFL) & O_ACCMODE;

    snprintf(path, sizeof(path), "/proc/self/fd/%u", number);

    int own = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (own >= 0)
        channel->descriptor = own;
    else
        channel->may_block = true;
}

/* A closed number is occupied, so that nothing the sim opens later looks like the guest's. */
static void occupy(int number)
{
    int placeholder = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (placeholder != number)
        refuse("standard descriptor %d is closed and cannot be replaced", number);
}

void channel_init(void)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        struct channel *channel = &channels[i];
        struct stat status;

        *channel = (struct channel){ .kind = CHANNEL_ABSENT, .descriptor = (int)i };
        if (fstat((int)i, &status) != 0) {
            occupy((int)i);
            continue;
        }
        if (isatty((int)i)) {
            channel->kind = CHANNEL_TERMINAL;
        } else if (S_ISREG(status.st_mode)) {
            channel->kind = CHANNEL_FILE;
        } else {
            channel->kind = CHANNEL_STREAM;
            channel->is_socket = S_ISSOCK(status.st_mode);
            channel->is_pipe = S_ISFIFO(status.st_mode);
        }
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        if (channels[i].is_pipe)
            open_pipe(&channels[i], i);
    }
    info_edit()->channels = &channel_operations;
}

static enum channel_kind channel_kind(unsigned number)
{
    return channels[number].kind;
}

static bool is_ready(const struct channel *channel, short events)
{
    struct pollfd polled = { .fd = channel->descriptor, .events = events };

    return poll(&polled, 1, 0) > 0;
}

/* -EAGAIN is a promise that an interrupt follows. */
static int64_t promise(const struct channel *channel, int64_t result, short events)
{
    if (result == -EAGAIN)
        watcher_watch(channel->descriptor, events, INTERRUPT_CHANNEL);
    return result;
}

static int64_t attempt_read(const struct channel *channel, void *buffer, size_t size)
{
    code_copy_host_writes(buffer, size);
    if (channel->is_socket)
        return error_or(recv(channel->descriptor, buffer, size, MSG_DONTWAIT));
    if (channel->kind == CHANNEL_STREAM && channel->may_block && !is_ready(channel, POLLIN))
        return -EAGAIN;
    return error_or(read(channel->descriptor, buffer, size));
}

static int64_t channel_read(unsigned number, void *buffer, size_t size)
{
    int64_t result;

    do
        result = attempt_read(&channels[number], buffer, size);
    while (result == -EINTR);
    return promise(&channels[number], result, POLLIN);
}

static int64_t attempt_write(const struct channel *channel, const void *buffer, size_t size)
{
    if (channel->is_socket)
        return error_or(send(channel->descriptor, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (channel->kind == CHANNEL_STREAM && channel->may_block) {
        if (!is_ready(channel, POLLOUT))
            return -EAGAIN;
        size = size < PIPE_BUF ? size : PIPE_BUF;
    }
    return error_or(write(channel->descriptor, buffer, size));
}

static int64_t channel_write(unsigned number, const void *buffer, size_t size)
{
    int64_t result;

    do
        result = attempt_write(&channels[number], buffer, size);
    while (result == -EINTR);
    return promise(&channels[number], result, POLLOUT);
}

static int64_t channel_seek(unsigned number, int64_t offset, int whence)
{
    return error_or(lseek(channels[number].descriptor, offset, whence));
}

static int64_t time_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int channel_status(unsigned number, struct channel_status *result)
{
    struct stat status;

    if (fstat(channels[number].descriptor, &status) != 0)
        return -errno;
    *result = (struct channel_status){
        .mode = status.st_mode,
        .flags = (uint32_t)fcntl((int)number, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK),
        .size = (uint64_t)status.st_size,
        .blocks = (uint64_t)status.st_blocks,
        .inode = status.st_ino,
        .device = status.st_dev,
        .device_id = status.st_rdev,
        .access_ns = time_ns(status.st_atim),
        .modify_ns = time_ns(status.st_mtim),
        .change_ns = time_ns(status.st_ctim),
    };
    return 0;
}

static uint32_t channel_ready(unsigned number, uint32_t wanted)
{
    const struct channel *channel = &channels[number];
    struct pollfd polled = { .fd = channel->descriptor, .events = POLLIN | POLLOUT };
    uint32_t ready = 0;

    poll(&polled, 1, 0);
    ready |= polled.revents & POLLIN ? CHANNEL_READABLE : 0;
    ready |= polled.revents & POLLOUT ? CHANNEL_WRITABLE : 0;
    ready |= polled.revents & POLLHUP ? CHANNEL_HANGUP : 0;
    ready |= polled.revents & POLLERR ? CHANNEL_ERROR : 0;
    if ((wanted & ~ready) & CHANNEL_READABLE)
        watcher_watch(channel->descriptor, POLLIN, INTERRUPT_CHANNEL);
    if ((wanted & ~ready) & CHANNEL_WRITABLE)
        watcher_watch(channel->descriptor, POLLOUT, INTERRUPT_CHANNEL);
    return ready;
}

const struct channel_operations channel_operations = {
    .count = CHANNELS,
    .kind = channel_kind,
    .read = channel_read,
    .write = channel_write,
    .seek = channel_seek,
    .status = channel_status,
    .ready = channel_ready,
};
