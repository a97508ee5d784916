/*
 * The master of a pseudo terminal: what the program that plays the device reads, writes and asks.
 *
 * In packet mode each read begins with a byte: 0 before what was written on the terminal, or alone
 * the notices (enum tty_notice) of what else happened there.
 */
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/poll.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "signal/signal.h"
#include "tty/devpts.h"
#include "tty/pty.h"

#define CHUNK_SIZE 256u
#define PACKET_DATA 0

enum master_request {
    SEND_BREAK = 0x5409, FLUSH = 0x540b, SET_EXCLUSIVE = 0x540c, SET_SHARED = 0x540d,
    SET_CONTROLLING = 0x540e, GET_OUTPUT_BYTES = 0x5411, GET_INPUT_BYTES = 0x541b,
    SET_PACKET_MODE = 0x5420, GIVE_UP_CONTROLLING = 0x5422, SEND_BREAK_POSIX = 0x5425,
    BEGIN_BREAK = 0x5427, END_BREAK = 0x5428,
    OPEN_PEER = 0x5441, SET_LOCK = 0x40045431, SEND_SIGNAL = 0x40045436,
};

/* They do not fit into an enumeration. */
#define GET_NUMBER 0x80045430u
#define GET_PACKET_MODE 0x80045438u
#define GET_LOCK 0x80045439u
#define GET_EXCLUSIVE 0x80045440u

static bool may_wait(struct file *file, const struct io_buffer *buffer)
{
    return !(file_flags(file) & OPEN_NONBLOCK) && !buffer->may_not_wait;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static bool has_notice(const struct pty *pty)
{
    return pty->packet_mode && pty->notices != 0;
}

/* tty.lock is held.  0, -EAGAIN, -EINTR; -EIO: the terminal was left. */
static int wait_for_output(struct pty *pty, bool waits) REQUIRES(&pty->tty.lock)
{
    const struct wait_reason reason = { .kind = WAIT_INPUT, .object = pty->tty.device_id };
    int error = 0;

    while (pty->to_master.count == 0 && !has_notice(pty) && !error) {
        if (pty->is_left)
            error = -EIO;
        else if (!waits)
            error = -EAGAIN;
        else
            error = wait_queue_wait(&pty->readers, &pty->tty.lock, &reason, WAIT_FOREVER);
    }
    return error;
}

struct chunk {
    uint8_t bytes[CHUNK_SIZE];
    size_t count;
    bool is_last;
};

/* tty.lock is held.  At most `wanted` bytes of what there is; the first ones of a read? */
static void fill_chunk(struct pty *pty, size_t wanted, bool is_first, struct chunk *chunk)
    REQUIRES(&pty->tty.lock)
{
    chunk->count = 0;
    if (has_notice(pty)) {
        if (is_first) {
            chunk->bytes[chunk->count++] = pty->notices;
            pty->notices = 0;
        }
        chunk->is_last = true;
        return;
    }
    if (is_first && pty->packet_mode)
        chunk->bytes[chunk->count++] = PACKET_DATA;
    if (wanted > CHUNK_SIZE)
        wanted = CHUNK_SIZE;
    chunk->count += ring_read(&pty->to_master, chunk->bytes + chunk->count,
                              wanted - chunk->count);
    tty_push_output(&pty->tty);
    chunk->is_last = pty->to_master.count == 0;
}

static int64_t master_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct pty *pty = file->contents;
    struct chunk chunk = { .is_last = false };
    size_t done = 0;
    int64_t error = 0;

    (void)position;
    while (buffer->remaining > 0 && !chunk.is_last && error == 0) {
        spin_lock(&pty->tty.lock);
        if (done == 0)
            error = wait_for_output(pty, may_wait(file, buffer));
        if (!error)
            fill_chunk(pty, buffer->remaining, done == 0, &chunk);
        spin_unlock(&pty->tty.lock);
        if (error)
            break;

        int64_t put = chunk.count > 0 ? io_buffer_put(buffer, chunk.bytes, chunk.count) : 0;

        if (put < (int64_t)chunk.count)
            error = -EFAULT;
        done += put > 0 ? (size_t)put : 0;
    }
    wait_queue_wake_all(&pty->tty.writers);
    return done > 0 ? (int64_t)done : error;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Types all of it; *done counts what was, also when it fails. */
static int type_chunk(struct pty *pty, const uint8_t *bytes, size_t count, bool waits, size_t *done)
{
    const struct wait_reason reason = { .kind = WAIT_OUTPUT, .object = pty->tty.device_id };
    int error = 0;

    *done = 0;
    for (;;) {
        spin_lock(&pty->tty.lock);
        *done += ring_write(&pty->to_slave, bytes + *done, count - *done);
        spin_unlock(&pty->tty.lock);
        tty_receive(&pty->tty);
        if (*done == count || error)
            return error;
        spin_lock(&pty->tty.lock);
        if (ring_space(&pty->to_slave) == 0)
            error = waits ? wait_queue_wait(&pty->writers, &pty->tty.lock, &reason, WAIT_FOREVER)
                          : -EAGAIN;
        spin_unlock(&pty->tty.lock);
    }
}

static int64_t master_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct pty *pty = file->contents;
    bool waits = may_wait(file, buffer);
    uint8_t bytes[CHUNK_SIZE];
    size_t done = 0;
    int64_t error = 0;

    (void)position;
    while (buffer->remaining > 0 && !error) {
        int64_t count = io_buffer_get(buffer, bytes, sizeof(bytes));
        size_t written;

        if (count <= 0) {
            error = count < 0 ? count : -EFAULT;
            break;
        }
        error = type_chunk(pty, bytes, (size_t)count, waits, &written);
        done += written;
    }
    return done > 0 ? (int64_t)done : error;
}

/* ---- Requests ------------------------------------------------------------------------------ */

static int64_t put_number(user_address target, int32_t number)
{
    return user_copy_out(current_space(), target, &number, sizeof(number));
}

/* A flag of the pty that the program sets by a number in its memory. */
static int64_t set_flag(struct pty *pty, bool *flag, user_address argument)
{
    int32_t number;
    int error = user_copy_in(current_space(), &number, argument, sizeof(number));

    if (error)
        return error;
    spin_lock(&pty->tty.lock);
    if (flag == &pty->packet_mode && !*flag)
        pty->notices = 0;
    *flag = number != 0;
    spin_unlock(&pty->tty.lock);
    return 0;
}

static int64_t send_signal(struct pty *pty, uint64_t number)
{
    if (number != SIGNAL_INT && number != SIGNAL_QUIT && number != SIGNAL_TSTP)
        return -EINVAL;
    tty_signal(&pty->tty, (int)number);
    return 0;
}

static int64_t open_peer(struct pty *pty, uint32_t flags)
{
    struct file *file;
    int error = devpts_open_peer(pty, flags, &file);
    int fd;

    if (error)
        return error;
    fd = file_table_add(current_files(), file, flags & OPEN_CLOSE_ON_EXEC,
                        process_limit(current_process(), LIMIT_OPEN_FILES).soft);
    if (fd < 0)
        file_release(file);
    return fd;
}

/* TCIFLUSH, TCOFLUSH, TCIOFLUSH. */
static int64_t flush(struct pty *pty, uint64_t which)
{
    if (which > 2)
        return -EINVAL;
    spin_lock(&pty->tty.lock);
    if (which != 1) {
        ring_init(&pty->to_master, pty->master_storage, PTY_BUFFER_SIZE);
        tty_push_output(&pty->tty);
    }
    if (which != 0)
        ring_init(&pty->to_slave, pty->slave_storage, PTY_BUFFER_SIZE);
    spin_unlock(&pty->tty.lock);
    wait_queue_wake_all(&pty->tty.writers);
    wait_queue_wake_all(&pty->writers);
    return 0;
}

static int64_t bytes_to_read(struct pty *pty, user_address argument)
{
    spin_lock(&pty->tty.lock);
    int32_t count = (int32_t)pty->to_master.count;
    spin_unlock(&pty->tty.lock);
    return put_number(argument, count);
}

static int64_t master_control(struct file *file, uint32_t request, uint64_t argument)
{
    struct pty *pty = file->contents;

    switch (request) {
    case GET_NUMBER:
        return put_number(argument, (int32_t)pty->number);
    case SET_LOCK:
        return set_flag(pty, &pty->is_locked, argument);
    case GET_LOCK:
        return put_number(argument, pty->is_locked);
    case SET_PACKET_MODE:
        return set_flag(pty, &pty->packet_mode, argument);
    case GET_PACKET_MODE:
        return put_number(argument, pty->packet_mode);
    case SET_EXCLUSIVE:
    case SET_SHARED:
        pty->is_exclusive = request == SET_EXCLUSIVE;
        return 0;
    case GET_EXCLUSIVE:
        return put_number(argument, pty->is_exclusive);
    case SEND_SIGNAL:
        return send_signal(pty, argument);
    case OPEN_PEER:
        return open_peer(pty, (uint32_t)argument);
    case FLUSH:
        return flush(pty, argument);
    case GET_INPUT_BYTES:
        return bytes_to_read(pty, argument);
    case GET_OUTPUT_BYTES:
        return put_number(argument, 0);
    case SEND_BREAK:
    case SEND_BREAK_POSIX:
    case BEGIN_BREAK:
    case END_BREAK:
        return 0;
    case SET_CONTROLLING:
        return tty_take_control(&pty->tty, file_is_readable(file), argument == 1);
    case GIVE_UP_CONTROLLING:
        return -ENOTTY;
    }
    return tty_control_both(&pty->tty, request, argument, true);
}

/* ---- Other operations ---------------------------------------------------------------------- */

static uint32_t master_poll(struct file *file, struct poll_table *table)
{
    struct pty *pty = file->contents;
    uint32_t events = 0;

    poll_table_add(table, &pty->readers);
    poll_table_add(table, &pty->writers);
    spin_lock(&pty->tty.lock);
    if (has_notice(pty))
        events |= POLL_PRIORITY | POLL_READABLE | POLL_READ_NORMAL;
    if (pty->to_master.count > 0)
        events |= POLL_READABLE | POLL_READ_NORMAL;
    if (ring_space(&pty->to_slave) > 0)
        events |= POLL_WRITABLE | POLL_WRITE_NORMAL;
    if (pty->is_left)
        events |= POLL_HANGUP;
    spin_unlock(&pty->tty.lock);
    return events;
}

static void master_release(struct file *file)
{
    struct pty *pty = file->contents;

    devpts_remove(pty);
    tty_hang_up(&pty->tty);
    pty_release(pty);
}

const struct file_operations pty_master_operations = {
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .control = master_control,
    .release = master_release,
};
