/* Open files over channels: waiting, short counts, positions shared with the host, errors. */
#include "fs/channel_file.h"

#include <string.h>

#include "device/channel.h"
#include "fs/attributes.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/fs_init.h"
#include "fs/mount.h"
#include "fs/open.h"
#include "fs/poll.h"
#include "fs/read_write.h"
#include "fs/tmpfs.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/io_buffer.h"
#include "sched/thread.h"

/* ---- The host ------------------------------------------------------------------------------ */

static struct {
    enum channel_kind kind;
    char bytes[200000];      /* to be read from a stream, written to one, or the regular file */
    size_t size;             /* of the above */
    size_t position;
    size_t at_once;          /* a read or write moves at most this; 0: -EAGAIN */
    int64_t error;           /* instead */
    bool at_end;             /* nothing will come any more */
    uint32_t flags;
    unsigned calls;
} host;

static enum channel_kind host_kind(unsigned channel)
{
    return channel == 0 ? host.kind : CHANNEL_ABSENT;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int64_t host_read(unsigned channel, void *buffer, size_t size)
{
    size_t count = least(least(size, host.at_once), host.size - least(host.size, host.position));

    ck_assert_uint_eq(channel, 0);
    host.calls++;
    if (host.error)
        return host.error;
    if (count == 0 && host.kind == CHANNEL_STREAM && !host.at_end)
        return -EAGAIN;
    memcpy(buffer, host.bytes + host.position, count);
    host.position += count;
    return (int64_t)count;
}

static int64_t host_write(unsigned channel, const void *buffer, size_t size)
{
    size_t count = least(size, host.at_once);

    ck_assert_uint_eq(channel, 0);
    host.calls++;
    if (host.error)
        return host.error;
    if (count == 0)
        return -EAGAIN;
    ck_assert_uint_le(host.position + count, sizeof(host.bytes));
    memcpy(host.bytes + host.position, buffer, count);
    host.position += count;
    if (host.size < host.position)
        host.size = host.position;
    return (int64_t)count;
}

static int64_t host_seek(unsigned channel, int64_t offset, int whence)
{
    int64_t base = whence == 0 ? 0 : (int64_t)(whence == 1 ? host.position : host.size);

    (void)channel;
    if (whence > 2 || base + offset < 0)
        return -EINVAL;
    host.position = (size_t)(base + offset);
    return base + offset;
}

static int host_status(unsigned channel, struct channel_status *status)
{
    (void)channel;
    *status = (struct channel_status){
        .mode = host.kind == CHANNEL_FILE ? 0100644 : 0010600,
        .flags = host.flags, .size = host.size, .inode = 77,
    };
    return 0;
}

static uint32_t host_ready(unsigned channel, uint32_t wanted)
{
    (void)channel;
    (void)wanted;
    return host.at_once > 0 && host.position < host.size ? CHANNEL_READABLE : 0;
}

static const struct channel_operations host_operations = {
    .count = 3, .kind = host_kind, .read = host_read, .write = host_write, .seek = host_seek,
    .status = host_status, .ready = host_ready,
};

static struct file *file;

static void begin(enum channel_kind kind, uint32_t flags)
{
    fake_scheduler_init(1);
    fake_machine_info.channels = &host_operations;
    fs_init();
    memset(&host, 0, sizeof(host));
    host.kind = kind;
    host.flags = flags;
    host.at_once = SIZE_MAX;
    ck_assert_int_eq(channel_file_open(0, NULL, &file), 0);
}

static void set_contents(const char *text)
{
    host.size = strlen(text);
    memcpy(host.bytes, text, host.size);
}

/* ---- A thread that makes one call ---------------------------------------------------------- */

static struct call {
    char bytes[200000];
    size_t size;
    bool is_write, has_position;
    uint64_t position;
    int64_t result;
    bool over;
} call;

static void run(void *argument)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)call.bytes, call.size };
    struct io_buffer buffer;

    (void)argument;
    io_buffer_init(&buffer, NULL, &segment, 1);
    if (call.is_write)
        call.result = call.has_position ? file_write_at(file, &buffer, call.position, UINT64_MAX)
                                        : file_write(file, &buffer, UINT64_MAX);
    else
        call.result = call.has_position ? file_read_at(file, &buffer, call.position)
                                        : file_read(file, &buffer);
    call.over = true;
}

static struct thread *start(size_t size, bool is_write)
{
    struct thread *thread;

    call.size = size;
    call.is_write = is_write;
    call.over = false;
    thread = fake_thread_start("caller", run, NULL);
    fake_scheduler_run();
    return thread;
}

static struct thread *start_read(size_t size)
{
    call.has_position = false;
    memset(call.bytes, 0, sizeof(call.bytes));
    return start(size, false);
}

static struct thread *start_write(const char *text, size_t size)
{
    call.has_position = false;
    memcpy(call.bytes, text, size);
    return start(size, true);
}

static void interrupt(void)
{
    channel_interrupt();
    fake_scheduler_run();
}

/* ---- Streams ------------------------------------------------------------------------------- */

START_TEST(stream_read_gives_what_is_there)
{
    begin(CHANNEL_STREAM, OPEN_READ);
    set_contents("hello");
    start_read(100);
    ck_assert_int_eq(call.result, 5);
    ck_assert_str_eq(call.bytes, "hello");
    ck_assert_uint_eq(host.calls, 1);    /* it does not ask for more, which might wait */
}
END_TEST

START_TEST(stream_read_waits_for_an_interrupt)
{
    begin(CHANNEL_STREAM, OPEN_READ);
    start_read(100);
    ck_assert(!call.over);
    interrupt();
    ck_assert(!call.over);
    set_contents("late");
    interrupt();
    ck_assert(call.over);
    ck_assert_int_eq(call.result, 4);
    host.at_end = true;
    start_read(100);
    ck_assert_int_eq(call.result, 0);
}
END_TEST

START_TEST(stream_read_without_waiting)
{
    begin(CHANNEL_STREAM, OPEN_READ | OPEN_NONBLOCK);
    start_read(100);
    ck_assert_int_eq(call.result, -EAGAIN);
}
END_TEST

START_TEST(stream_read_ends_with_a_signal)
{
    begin(CHANNEL_STREAM, OPEN_READ);

    struct thread *thread = start_read(100);

    ck_assert_int_eq(thread->waiting_for.kind, WAIT_INPUT);
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(call.result, -EINTR);
}
END_TEST

START_TEST(stream_write_goes_on_until_all_is_written)
{
    char text[100000];

    begin(CHANNEL_STREAM, OPEN_WRITE);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7 + (i >> 8));
    host.at_once = 4000;
    start_write(text, sizeof(text));
    ck_assert_int_eq(call.result, sizeof(text));
    ck_assert_mem_eq(host.bytes, text, sizeof(text));
}
END_TEST

START_TEST(stream_write_of_a_page_is_one_write)
{
    char text[4096];

    begin(CHANNEL_STREAM, OPEN_WRITE);
    memset(text, 'x', sizeof(text));
    start_write(text, sizeof(text));
    ck_assert_uint_eq(host.calls, 1);
}
END_TEST

START_TEST(stream_write_waits_and_may_be_cut_by_a_signal)
{
    begin(CHANNEL_STREAM, OPEN_WRITE);
    host.at_once = 3;

    struct thread *thread = start_write("abcdef", 6);

    ck_assert_int_eq(call.result, 6);
    host.at_once = 0;
    thread = start_write("ghi", 3);
    ck_assert(!call.over);
    ck_assert_int_eq(thread->waiting_for.kind, WAIT_OUTPUT);
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(call.result, -EINTR);
}
END_TEST

START_TEST(stream_write_to_nobody_fails)
{
    begin(CHANNEL_STREAM, OPEN_WRITE);
    host.error = -EPIPE;
    start_write("x", 1);
    ck_assert_int_eq(call.result, -EPIPE);
    host.error = 0;
    start_write("x", 0);
    ck_assert_int_eq(call.result, 0);
}
END_TEST

START_TEST(stream_has_no_position_and_its_access_mode)
{
    begin(CHANNEL_STREAM, OPEN_READ);
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_START), -ESPIPE);
    call.has_position = true;
    start(1, false);
    ck_assert_int_eq(call.result, -ESPIPE);
    start_write("x", 1);
    ck_assert_int_eq(call.result, -EBADF);
    ck_assert_str_eq(file->description, "pipe:[77]");
}
END_TEST

START_TEST(stream_poll_waits_for_an_interrupt)
{
    struct poll_request request;

    begin(CHANNEL_STREAM, OPEN_READ);
    request = (struct poll_request){ .file = file, .events = POLL_READABLE };
    ck_assert_int_eq(poll_wait(&request, 1, 0), 0);
    set_contents("x");
    ck_assert_int_eq(poll_wait(&request, 1, 0), 1);
    ck_assert_uint_eq(request.returned, POLL_READABLE);
}
END_TEST

/* ---- Regular files ------------------------------------------------------------------------- */

START_TEST(regular_read_gives_all_that_is_wanted)
{
    begin(CHANNEL_FILE, OPEN_READ);
    for (size_t i = 0; i < 150000; i++)
        host.bytes[i] = (char)(i % 251);
    host.size = 150000;
    start_read(sizeof(call.bytes));
    ck_assert_int_eq(call.result, 150000);
    ck_assert_mem_eq(call.bytes, host.bytes, 150000);
    start_read(10);
    ck_assert_int_eq(call.result, 0);
}
END_TEST

START_TEST(regular_file_shares_the_host_position)
{
    begin(CHANNEL_FILE, OPEN_READ_WRITE);
    set_contents("0123456789");
    host.position = 4;    /* another process has read so far */
    start_read(2);
    ck_assert_int_eq(call.result, 2);
    ck_assert_mem_eq(call.bytes, "45", 2);
    ck_assert_int_eq(file_seek(file, 1, SEEK_FROM_CURRENT), 7);
    ck_assert_uint_eq(host.position, 7);
    start_write("AB", 2);
    ck_assert_mem_eq(host.bytes, "0123456AB9", 10);
    ck_assert_int_eq(file_seek(file, -1, SEEK_FROM_END), 9);
    ck_assert_int_eq(file_seek(file, -1, SEEK_FROM_START), -EINVAL);
}
END_TEST

START_TEST(regular_transfer_at_a_position_leaves_the_own_one)
{
    begin(CHANNEL_FILE, OPEN_READ_WRITE);
    set_contents("0123456789");
    host.position = 3;
    call.has_position = true;
    call.position = 7;
    start(2, false);
    ck_assert_int_eq(call.result, 2);
    ck_assert_mem_eq(call.bytes, "78", 2);
    memcpy(call.bytes, "xy", 2);
    call.position = 0;
    start(2, true);
    ck_assert_int_eq(call.result, 2);
    ck_assert_mem_eq(host.bytes, "xy23456789", 10);
    ck_assert_uint_eq(host.position, 3);
}
END_TEST

START_TEST(regular_file_has_the_host_status)
{
    struct file_status status;

    begin(CHANNEL_FILE, OPEN_READ);
    set_contents("abc");
    ck_assert_int_eq(file_get_status(file, &status), 0);
    ck_assert_uint_eq(status.mode, 0100644);
    ck_assert_uint_eq(status.size, 3);
    ck_assert_uint_eq(status.inode, 77);
    ck_assert_int_eq(file_sync(file), 0);
    file_release(file);
}
END_TEST

START_TEST(channel_can_be_opened_again_by_its_hidden_name)
{
    struct fs_context context = { .credentials = CREDENTIALS_OF_ROOT };
    struct filesystem *filesystem;
    struct file *named, *again;
    struct mount *root;
    struct path directory;

    begin(CHANNEL_STREAM, OPEN_WRITE);
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    ck_assert_int_eq(mount_add(filesystem, NULL, false, &root), 0);
    filesystem_release(filesystem);
    directory = mount_root(root);
    context.root = context.working_directory = directory;
    ck_assert_int_eq(channel_file_open(0, &directory, &named), 0);
    ck_assert_int_eq(file_open_path(&context, &named->path, OPEN_READ, &again), 0);
    ck_assert(again->is_stream);
    file_release(file);
    file = again;
    set_contents("hello");
    start_read(100);
    ck_assert_int_eq(call.result, 5);
    file_release(again);
    file_release(named);
    ck_assert_int_eq(mount_remove(root), 0);
    mount_release(root);
}
END_TEST

TEST_MAIN("fs/channel_file", stream_read_gives_what_is_there, stream_read_waits_for_an_interrupt,
          stream_read_without_waiting, stream_read_ends_with_a_signal,
          stream_write_goes_on_until_all_is_written, stream_write_of_a_page_is_one_write,
          stream_write_waits_and_may_be_cut_by_a_signal, stream_write_to_nobody_fails,
          stream_has_no_position_and_its_access_mode, stream_poll_waits_for_an_interrupt,
          regular_read_gives_all_that_is_wanted, regular_file_shares_the_host_position,
          regular_transfer_at_a_position_leaves_the_own_one, regular_file_has_the_host_status,
          channel_can_be_opened_again_by_its_hidden_name)
