/*
 * Reading and writing terminals.
 *
 * Locking: everything that an interrupt may change is protected by tty->lock, a spin lock, so bytes
 * move between it and user memory through a small buffer on the stack.  Threads are woken and
 * signals sent after it has been given back.
 */
#include "tty/tty.h"

#include "fs/file.h"
#include "fs/poll.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "process/process.h"
#include "sched/watch.h"
#include "signal/signal.h"

#define CHUNK_SIZE 256u
#define DECISECOND_NS UINT64_C(100000000)
#define WRITABLE_ROOM (TERMINAL_OUTPUT_SIZE - 256)    /* polls say writable from here on */

void tty_init(struct tty *tty, const struct tty_device *device, uint64_t device_id)
{
    tty->device = device;
    tty->device_id = device_id;
    spin_init(&tty->lock, RANK_CONSOLE, "tty");
    line_discipline_init(&tty->line);
    list_init(&tty->control.node);
    async_files_init(&tty->async);
    if (device->is_external) {
        wait_queue_init_external(&tty->readers);
        wait_queue_init_external(&tty->writers);
    } else {
        wait_queue_init(&tty->readers);
        wait_queue_init(&tty->writers);
    }
}

void tty_reference(struct tty *tty)
{
    if (tty->device->reference)
        tty->device->reference(tty);
}

void tty_release(struct tty *tty)
{
    if (tty->device->release)
        tty->device->release(tty);
}

/* ---- Device side --------------------------------------------------------------------------- */

void tty_push_output(struct tty *tty)
{
    ASSERT(spin_is_held(&tty->lock));
    terminal_output_drain(&tty->line.output, tty->device->write, tty);
}

void tty_notice(struct tty *tty, enum tty_notice notice)
{
    ASSERT(spin_is_held(&tty->lock));
    if (tty->device->notice)
        tty->device->notice(tty, notice);
}

static size_t output_room(const struct tty *tty)
{
    return ring_space(&tty->line.output.ring);
}

void tty_signal(struct tty *tty, int number)
{
    if (number == SIGNAL_QUIT && tty->device->is_external)
        watch_asked();    /* before those that could tell are killed */
    (void)signal_send_group(tty->control.foreground_group, number);
}

/* What the byte did that the device may want to know. */
static void notice_received(struct tty *tty, int signal, bool was_stopped) REQUIRES(&tty->lock)
{
    bool is_stopped = terminal_output_is_stopped(&tty->line.output);

    if (signal && !(tty->line.settings.local_flags & LOCAL_NO_FLUSH)) {
        tty_notice(tty, TTY_FLUSHED_OUTPUT);
        tty_notice(tty, TTY_FLUSHED_INPUT);
    }
    if (is_stopped != was_stopped)
        tty_notice(tty, is_stopped ? TTY_STOPPED : TTY_STARTED);
}

static int receive_byte(struct tty *tty, uint8_t byte) REQUIRES(&tty->lock)
{
    bool was_stopped = terminal_output_is_stopped(&tty->line.output);
    int signal = line_discipline_receive(&tty->line, byte);

    notice_received(tty, signal, was_stopped);
    return signal;
}

/* Takes input until there is no more, no room, or one byte that means a signal. */
static int receive_some(struct tty *tty) REQUIRES(&tty->lock)
{
    int signal = 0;

    while (signal == 0 && line_discipline_has_room(&tty->line)) {
        int byte = tty->device->read(tty);

        if (byte < 0)
            break;
        signal = receive_byte(tty, (uint8_t)byte);
    }
    return signal;
}

/* Gives the lock back and tells who waits what came of it; `signal`: 0 or what a byte meant. */
static void end_receiving(struct tty *tty, int signal, uint32_t end_before) RELEASES(&tty->lock)
{
    tty_push_output(tty);

    bool wake_readers = line_discipline_is_readable(&tty->line, 1);
    bool is_more = wake_readers && line_discipline_input_end(&tty->line) != end_before;
    bool wake_writers = output_room(tty) > 0;

    spin_unlock(&tty->lock);
    if (wake_readers)
        wait_queue_wake_all(&tty->readers);
    if (is_more)
        async_tell(&tty->async, ASYNC_INPUT);
    if (wake_writers)
        wait_queue_wake_all(&tty->writers);
    if (signal)
        tty_signal(tty, signal);
}

void tty_receive(struct tty *tty)
{
    int signal;

    do {
        spin_lock(&tty->lock);

        uint32_t end = line_discipline_input_end(&tty->line);

        signal = receive_some(tty);
        end_receiving(tty, signal, end);
    } while (signal);
}

void tty_type(struct tty *tty, uint8_t byte)
{
    int signal = 0;

    spin_lock(&tty->lock);

    uint32_t end = line_discipline_input_end(&tty->line);

    if (line_discipline_has_room(&tty->line))
        signal = receive_byte(tty, byte);
    end_receiving(tty, signal, end);
}

void tty_read_by(struct tty *tty, enum tty_reading reading)
{
    const uint32_t line_flags = LOCAL_CANONICAL | LOCAL_ECHO;
    struct terminal_settings settings;

    spin_lock(&tty->lock);
    settings = tty->line.settings;
    settings.local_flags &= ~line_flags;
    if (reading == TTY_LINES)
        settings.local_flags |= line_flags;
    bool changed = settings.local_flags != tty->line.settings.local_flags;

    if (changed)
        line_discipline_set(&tty->line, &settings);
    spin_unlock(&tty->lock);
    if (changed)
        wait_queue_wake_all(&tty->readers);
}

void tty_set_size(struct tty *tty, const struct terminal_size *size)
{
    spin_lock(&tty->lock);
    bool changed = size->rows != tty->size.rows || size->columns != tty->size.columns ||
                   size->pixels_x != tty->size.pixels_x || size->pixels_y != tty->size.pixels_y;
    tty->size = *size;
    spin_unlock(&tty->lock);
    if (changed)
        tty_signal(tty, SIGNAL_WINCH);
}

void tty_hang_up(struct tty *tty)
{
    spin_lock(&tty->lock);
    tty->hung_up = true;
    line_discipline_flush_input(&tty->line);
    terminal_output_flush(&tty->line.output);
    spin_unlock(&tty->lock);
    tty_hang_up_session(tty);
    wait_queue_wake_all(&tty->readers);
    wait_queue_wake_all(&tty->writers);
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* How long a read waits and for how much (VMIN and VTIME); fixed when it begins. */
struct read_rule {
    bool reads_lines;
    bool may_wait;            /* not O_NONBLOCK */
    uint32_t minimum;         /* bytes that satisfy it */
    uint64_t interval_ns;     /* after each byte; 0: no limit */
    uint64_t deadline_ns;
};

static struct read_rule read_rule(struct tty *tty, struct file *file)
{
    struct read_rule rule = {
        .may_wait = !(file_flags(file) & OPEN_NONBLOCK),
        .minimum = 1,
        .deadline_ns = WAIT_FOREVER,
    };

    spin_lock(&tty->lock);
    const struct terminal_settings *settings = &tty->line.settings;
    uint64_t time_ns = settings->characters[CHARACTER_TIME] * DECISECOND_NS;

    rule.reads_lines = settings->local_flags & LOCAL_CANONICAL;
    if (!rule.reads_lines && settings->characters[CHARACTER_MINIMUM] > 0) {
        rule.minimum = settings->characters[CHARACTER_MINIMUM];
        rule.interval_ns = time_ns;
    } else if (!rule.reads_lines) {
        rule.deadline_ns = machine_time_ns() + time_ns;
    }
    spin_unlock(&tty->lock);
    return rule;
}

/* tty->lock is held.  0, -EAGAIN, -EINTR, -EIO, -ETIMEDOUT. */
static int wait_for_input(struct tty *tty, const struct read_rule *rule) REQUIRES(&tty->lock)
{
    const struct wait_reason reason = { .kind = WAIT_INPUT, .object = tty->device_id };

    while (!line_discipline_is_readable(&tty->line, 1)) {
        if (tty->hung_up)
            return -EIO;
        if (rule->deadline_ns <= machine_time_ns())
            return -ETIMEDOUT;
        if (!rule->may_wait)
            return -EAGAIN;

        int error = wait_queue_wait(&tty->readers, &tty->lock, &reason, rule->deadline_ns);

        if (error)
            return error;
    }
    return 0;
}

struct chunk {
    uint8_t bytes[CHUNK_SIZE];
    size_t count;
    bool ends;      /* of this read: a line is over, or enough has been read */
};

/* The next bytes of a read that has `done` already and wants at most `wanted` more. */
static int read_chunk(struct tty *tty, const struct read_rule *rule, size_t wanted, size_t done,
                      struct chunk *chunk)
{
    size_t size = wanted < CHUNK_SIZE ? wanted : CHUNK_SIZE;
    bool more = false;

    spin_lock(&tty->lock);
    int error = wait_for_input(tty, rule);
    if (!error) {
        chunk->count = line_discipline_read(&tty->line, chunk->bytes, size, &more);
        if (more && chunk->count == wanted)
            line_discipline_skip_end_of_file(&tty->line);
        chunk->ends = !more && (rule->reads_lines || done + chunk->count >= rule->minimum);
    }
    spin_unlock(&tty->lock);
    return error;
}

static bool has_hung_up(struct tty *tty)
{
    spin_lock(&tty->lock);
    bool hung_up = tty->hung_up;
    spin_unlock(&tty->lock);
    return hung_up;
}

static int64_t tty_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct tty *tty = file->contents;
    struct read_rule rule = read_rule(tty, file);
    struct chunk chunk = { .ends = has_hung_up(tty) };
    size_t done = 0;
    int64_t error = chunk.ends ? 0 : tty_check_foreground(tty, SIGNAL_TTIN);

    (void)position;
    rule.may_wait = rule.may_wait && !buffer->may_not_wait;
    while (buffer->remaining > 0 && !chunk.ends && error == 0) {
        error = read_chunk(tty, &rule, buffer->remaining, done, &chunk);
        if (error)
            break;

        int64_t put = chunk.count > 0 ? io_buffer_put(buffer, chunk.bytes, chunk.count) : 0;

        if (put < (int64_t)chunk.count)
            error = -EFAULT;
        done += put > 0 ? (size_t)put : 0;
        if (rule.interval_ns > 0)
            rule.deadline_ns = machine_time_ns() + rule.interval_ns;
    }
    tty_receive(tty);    /* what the device kept back while there was no room */
    if (done > 0 || error == -ETIMEDOUT)
        return (int64_t)done;
    return error;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* tty->lock is held.  Waits until somebody makes room or finishes. */
static int wait_for_writers(struct tty *tty, bool may_wait, bool uninterruptible)
    REQUIRES(&tty->lock)
{
    const struct wait_reason reason = {
        .kind = WAIT_OUTPUT, .object = tty->device_id, .uninterruptible = uninterruptible,
    };

    if (!may_wait)
        return -EAGAIN;
    return wait_queue_wait(&tty->writers, &tty->lock, &reason, WAIT_FOREVER);
}

static int begin_writing(struct tty *tty, bool may_wait)
{
    int error = 0;

    spin_lock(&tty->lock);
    bool checks = (tty->line.settings.local_flags & LOCAL_STOP_BACKGROUND) && !tty->hung_up;

    if (checks) {
        spin_unlock(&tty->lock);
        error = tty_check_foreground(tty, SIGNAL_TTOU);
        spin_lock(&tty->lock);
    }
    while (!tty->hung_up && tty->is_writing && !error)
        error = wait_for_writers(tty, may_wait, false);
    if (tty->hung_up)
        error = -EIO;
    if (!error)
        tty->is_writing = true;
    spin_unlock(&tty->lock);
    return error;
}

static void end_writing(struct tty *tty)
{
    spin_lock(&tty->lock);
    tty->is_writing = false;
    spin_unlock(&tty->lock);
    wait_queue_wake_all(&tty->writers);
}

static bool takes_output(const struct tty *tty)
{
    return !tty->device->is_immediate || !terminal_output_is_stopped(&tty->line.output);
}

/* As many bytes as there is room for. */
static size_t process_output(struct tty *tty, const uint8_t *bytes, size_t count)
{
    struct line_discipline *line = &tty->line;
    size_t done = 0;

    if (!takes_output(tty))
        return 0;
    while (done < count && terminal_output_put(&line->output, &line->settings, bytes[done]))
        done++;
    return done;
}

/* Puts all of it out; *done counts what was, also when it fails. */
static int write_chunk(struct tty *tty, const uint8_t *bytes, size_t count, bool may_wait,
                       size_t *done)
{
    int error = 0;

    *done = 0;
    spin_lock(&tty->lock);
    for (;;) {
        *done += process_output(tty, bytes + *done, count - *done);
        size_t room = output_room(tty);

        tty_push_output(tty);
        if (*done == count || error)
            break;
        if (output_room(tty) == room)
            error = wait_for_writers(tty, may_wait, false);
        if (tty->hung_up)
            error = -EIO;
    }
    spin_unlock(&tty->lock);
    return error;
}

static int64_t tty_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    struct tty *tty = file->contents;
    bool may_wait = !(file_flags(file) & OPEN_NONBLOCK);
    uint8_t bytes[CHUNK_SIZE];
    size_t done = 0;
    int64_t error = begin_writing(tty, may_wait);

    (void)position;
    if (error)
        return error;
    while (buffer->remaining > 0 && !error) {
        int64_t count = io_buffer_get(buffer, bytes, sizeof(bytes));
        size_t written;

        if (count <= 0) {
            error = count < 0 ? count : -EFAULT;
            break;
        }
        error = write_chunk(tty, bytes, (size_t)count, may_wait, &written);
        done += written;
    }
    end_writing(tty);
    return done > 0 ? (int64_t)done : error;
}

int tty_drain(struct tty *tty, bool uninterruptible)
{
    int error = 0;

    if (tty->device->is_immediate)
        return 0;
    spin_lock(&tty->lock);
    tty_push_output(tty);
    while (tty->line.output.ring.count > 0 && !error)
        error = wait_for_writers(tty, true, uninterruptible);
    spin_unlock(&tty->lock);
    return error;
}

/* ---- Other operations ---------------------------------------------------------------------- */

static uint32_t tty_poll(struct file *file, struct poll_table *table)
{
    struct tty *tty = file->contents;
    uint32_t events = 0;

    poll_table_add(table, &tty->readers);
    poll_table_add(table, &tty->writers);
    spin_lock(&tty->lock);
    const uint8_t *characters = tty->line.settings.characters;
    uint32_t minimum = characters[CHARACTER_TIME] == 0 ? characters[CHARACTER_MINIMUM] : 0;

    if (line_discipline_is_readable(&tty->line, minimum > 0 ? minimum : 1))
        events |= POLL_READABLE | POLL_READ_NORMAL;
    if (!tty->is_writing && output_room(tty) >= WRITABLE_ROOM && takes_output(tty))
        events |= POLL_WRITABLE | POLL_WRITE_NORMAL;
    if (tty->hung_up)
        events = POLL_READABLE | POLL_READ_NORMAL | POLL_WRITABLE | POLL_WRITE_NORMAL |
                 POLL_ERROR | POLL_HANGUP;
    spin_unlock(&tty->lock);
    return events;
}

void tty_opened(struct tty *tty)
{
    tty_reference(tty);
    spin_lock(&tty->lock);
    tty->open_files++;
    spin_unlock(&tty->lock);
}

int tty_open(struct file *file, struct tty *tty, bool may_control)
{
    int error = 0;

    spin_lock(&tty->lock);
    if (tty->hung_up)
        error = -EIO;
    else if (tty->is_exclusive && !current_can(CAPABILITY_ADMINISTRATION))
        error = -EBUSY;
    spin_unlock(&tty->lock);
    if (error)
        return error;
    file->operations = &tty_file_operations;
    file->contents = tty;
    file->is_stream = true;
    tty_opened(tty);
    if (may_control && file_is_readable(file) && !(file_flags(file) & OPEN_NO_TERMINAL))
        tty_control_opener(tty);
    return 0;
}

/* The last one to leave waits until everything is out, as for a serial line; nobody is left who
 * could let held output go. */
static void tty_close(struct file *file)
{
    struct tty *tty = file->contents;

    spin_lock(&tty->lock);
    bool last = --tty->open_files == 0;

    if (last) {
        if (!tty->device->is_immediate)
            tty->line.output.stopped = tty->line.output.held = false;
        tty->is_exclusive = false;
        tty_push_output(tty);
        tty_notice(tty, TTY_CLOSED);
    }
    spin_unlock(&tty->lock);
    if (last && tty_drain(tty, true) != 0)
        UNREACHABLE();
    tty_release(tty);
}

/* Unless the program has said who is told, it is the foreground group, or the program itself. */
static void need_owner(struct tty *tty, struct file *file)
{
    const struct credentials credentials = current_credentials();
    int32_t group = tty->control.foreground_group;
    const struct file_owner_ids owner = {
        .kind = group ? OWNER_GROUP : OWNER_PROCESS,
        .id = group ? group : current_process()->id,
        .user_id = credentials.user_id,
        .effective_user_id = credentials.effective_user_id,
    };
    int error = file_set_owner(file, &owner, false);

    ASSERT(!error);    /* there is room for one already */
}

static struct async_files *tty_async(struct file *file, bool begins)
{
    struct tty *tty = file->contents;

    if (begins)
        need_owner(tty, file);
    return &tty->async;
}

const struct file_operations tty_file_operations = {
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .control = tty_control,
    .async = tty_async,
    .release = tty_close,
};
