/*
 * ioctl on terminals: settings, window size, who is in the foreground, flow control.
 *
 * Numbers are Linux's for x86-64.  What a pseudo terminal of Linux does decides where terminals
 * differ: the line always has eight bits without parity.
 */
#include "fs/file.h"
#include "lib/container.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "signal/signal.h"
#include "tty/tty.h"

#define SETTINGS_SIZE_1 36u    /* struct termios: without the speeds */

enum terminal_request {
    GET_SETTINGS = 0x5401, SET_SETTINGS = 0x5402, SET_SETTINGS_DRAIN = 0x5403,
    SET_SETTINGS_FLUSH = 0x5404, GET_SETTINGS_OLD = 0x5405, SET_SETTINGS_OLD = 0x5406,
    SET_SETTINGS_OLD_DRAIN = 0x5407, SET_SETTINGS_OLD_FLUSH = 0x5408, SEND_BREAK = 0x5409,
    FLOW_CONTROL = 0x540a, FLUSH = 0x540b, SET_EXCLUSIVE = 0x540c, SET_SHARED = 0x540d,
    SET_CONTROLLING = 0x540e, GET_FOREGROUND = 0x540f, SET_FOREGROUND = 0x5410,
    GET_OUTPUT_BYTES = 0x5411, TYPE_CHARACTER = 0x5412, GET_SIZE = 0x5413, SET_SIZE = 0x5414,
    GET_LOCAL = 0x5419, SET_LOCAL = 0x541a,
    GET_INPUT_BYTES = 0x541b, GIVE_UP_CONTROLLING = 0x5422, SET_DISCIPLINE = 0x5423,
    GET_DISCIPLINE = 0x5424,
    SEND_BREAK_POSIX = 0x5425, BEGIN_BREAK = 0x5427, END_BREAK = 0x5428,
    GET_SESSION = 0x5429, SET_SETTINGS_2 = 0x402c542b,
    SET_SETTINGS_2_DRAIN = 0x402c542c, SET_SETTINGS_2_FLUSH = 0x402c542d,
};

/* They do not fit into an enumeration. */
#define GET_DEVICE 0x80045432u
#define GET_EXCLUSIVE 0x80045440u
#define GET_SETTINGS_2 0x802c542au

static int64_t copy_out(user_address target, const void *source, size_t size)
{
    return user_copy_out(current_space(), target, source, size);
}

static int64_t put_number(user_address target, int32_t number)
{
    return copy_out(target, &number, sizeof(number));
}

/* ---- Settings ------------------------------------------------------------------------------ */

static struct terminal_settings current_settings(struct tty *tty)
{
    spin_lock(&tty->lock);
    struct terminal_settings settings = tty->line.settings;
    spin_unlock(&tty->lock);
    return settings;
}

static int64_t get_settings_old(struct tty *tty, user_address argument)
{
    struct terminal_settings settings = current_settings(tty);
    struct terminal_settings_old old = {
        .input_flags = (uint16_t)settings.input_flags,
        .output_flags = (uint16_t)settings.output_flags,
        .control_flags = (uint16_t)settings.control_flags,
        .local_flags = (uint16_t)settings.local_flags,
        .line = settings.line,
    };

    for (size_t i = 0; i < sizeof(old.characters); i++)
        old.characters[i] = settings.characters[i];
    return copy_out(argument, &old, sizeof(old));
}

static int64_t get_settings(struct tty *tty, user_address argument, size_t size)
{
    struct terminal_settings settings = current_settings(tty);

    return copy_out(argument, &settings, size);
}

/* The low half of each flag word, and the first eight characters. */
static int read_settings_old(user_address argument, struct terminal_settings *settings)
{
    struct terminal_settings_old old;
    int error = user_copy_in(current_space(), &old, argument, sizeof(old));

    if (error)
        return error;
    settings->input_flags = (settings->input_flags & 0xffff0000u) | old.input_flags;
    settings->output_flags = (settings->output_flags & 0xffff0000u) | old.output_flags;
    settings->control_flags = (settings->control_flags & 0xffff0000u) | old.control_flags;
    settings->local_flags = (settings->local_flags & 0xffff0000u) | old.local_flags;
    settings->line = old.line;
    for (size_t i = 0; i < sizeof(old.characters); i++)
        settings->characters[i] = old.characters[i];
    return 0;
}

/* The bits of a speed in control_flags as a number; `other` if they say it stands elsewhere. */
static uint32_t speed_of(uint32_t bits, uint32_t other)
{
    static const uint32_t speeds[] = { 0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400,
                                       4800, 9600, 19200, 38400 };
    static const uint32_t higher[] = { 0, 57600, 115200, 230400, 460800, 500000, 576000, 921600,
                                       1000000, 1152000, 1500000, 2000000, 2500000, 3000000,
                                       3500000, 4000000 };

    bits &= CONTROL_SPEED_MASK;
    if (bits < ARRAY_SIZE(speeds))
        return speeds[bits];
    bits -= CONTROL_SPEED_EXTENDED;
    return bits == 0 ? other : higher[bits];
}

static void complete_settings(struct terminal_settings *settings)
{
    uint32_t control = settings->control_flags;
    uint32_t input = control >> CONTROL_INPUT_SPEED_SHIFT;

    settings->output_speed = speed_of(control, settings->output_speed);
    settings->input_speed = (input & CONTROL_SPEED_MASK) == 0
                                ? settings->output_speed
                                : speed_of(input, settings->input_speed);
    control &= ~(CONTROL_SIZE_MASK | CONTROL_PARITY | CONTROL_ADDRESS);
    settings->control_flags = control | CONTROL_SIZE_8 | CONTROL_RECEIVE;
}

static void flush_input(struct tty *tty)
{
    spin_lock(&tty->lock);
    line_discipline_flush_input(&tty->line);
    tty_notice(tty, TTY_FLUSHED_INPUT);
    spin_unlock(&tty->lock);
    tty_receive(tty);
}

static void flush_output(struct tty *tty)
{
    spin_lock(&tty->lock);
    terminal_output_flush(&tty->line.output);
    tty_notice(tty, TTY_FLUSHED_OUTPUT);
    spin_unlock(&tty->lock);
    wait_queue_wake_all(&tty->writers);
}

/* Do ^S and ^Q stop and start the output? */
static bool stops_by_usual_characters(const struct terminal_settings *settings)
{
    return (settings->input_flags & INPUT_FLOW_CONTROL) &&
           settings->characters[CHARACTER_STOP] == 0x13 &&
           settings->characters[CHARACTER_START] == 0x11;
}

/* tty->lock is held. */
static void replace_settings(struct tty *tty, const struct terminal_settings *settings)
    REQUIRES(&tty->lock)
{
    const struct terminal_settings before = tty->line.settings;
    bool stops = stops_by_usual_characters(settings);
    bool was_stopped = terminal_output_is_stopped(&tty->line.output);

    line_discipline_set(&tty->line, settings);
    if (was_stopped && !terminal_output_is_stopped(&tty->line.output))
        tty_notice(tty, TTY_STARTED);
    if (stops != stops_by_usual_characters(&before))
        tty_notice(tty, stops ? TTY_STOP_CHARACTERS_ON : TTY_STOP_CHARACTERS_OFF);
    if ((before.local_flags | settings->local_flags) & LOCAL_EXTERNAL)
        tty_notice(tty, TTY_NEW_SETTINGS);
    tty_push_output(tty);
}

/* What should happen before new settings hold. */
enum settings_moment { AT_ONCE, AFTER_OUTPUT, AFTER_OUTPUT_FLUSH_INPUT };

static int64_t set_settings(struct tty *tty, user_address argument, size_t size,
                            enum settings_moment moment)
{
    struct terminal_settings settings = current_settings(tty);
    int error = tty_check_foreground(tty, SIGNAL_TTOU);

    if (error)
        return error;
    error = size == sizeof(struct terminal_settings_old)
                ? read_settings_old(argument, &settings)
                : user_copy_in(current_space(), &settings, argument, size);
    if (error)
        return error;
    complete_settings(&settings);
    if (moment == AFTER_OUTPUT_FLUSH_INPUT)
        flush_input(tty);
    if (moment != AT_ONCE) {
        error = tty_drain(tty, false);
        if (error)
            return error;
    }
    spin_lock(&tty->lock);
    replace_settings(tty, &settings);
    spin_unlock(&tty->lock);
    wait_queue_wake_all(&tty->readers);
    wait_queue_wake_all(&tty->writers);
    return 0;
}

static int64_t set_local(struct tty *tty, user_address argument)
{
    struct terminal_settings settings;
    int32_t on;
    int error = user_copy_in(current_space(), &on, argument, sizeof(on));

    if (error)
        return error;
    spin_lock(&tty->lock);
    settings = tty->line.settings;
    settings.control_flags &= ~CONTROL_LOCAL;
    if (on)
        settings.control_flags |= CONTROL_LOCAL;
    replace_settings(tty, &settings);
    spin_unlock(&tty->lock);
    return 0;
}

/* Puts words into the mouth of who has the terminal: one's own, without the capability. */
static int64_t type_character(struct tty *tty, user_address argument)
{
    uint8_t byte;
    int error;

    if (!tty_controls_current(tty) && !current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    error = user_copy_in(current_space(), &byte, argument, sizeof(byte));
    if (!error)
        tty_type(tty, byte);
    return error;
}

/* ---- Flow ---------------------------------------------------------------------------------- */

static int64_t send_break(struct tty *tty)
{
    int error = tty_check_foreground(tty, SIGNAL_TTOU);

    return error ? error : tty_drain(tty, false);
}

static int64_t flush(struct tty *tty, uint64_t which)
{
    int error = tty_check_foreground(tty, SIGNAL_TTOU);

    if (error)
        return error;
    if (which > 2)
        return -EINVAL;
    if (which != 1)
        flush_input(tty);
    if (which != 0)
        flush_output(tty);
    return 0;
}

static void hold_output(struct tty *tty, bool held)
{
    struct terminal_output *output = &tty->line.output;

    spin_lock(&tty->lock);
    bool was_stopped = terminal_output_is_stopped(output);

    if (!held && output->held)
        output->stopped = false;
    output->held = held;
    if (terminal_output_is_stopped(output) != was_stopped)
        tty_notice(tty, held ? TTY_STOPPED : TTY_STARTED);
    tty_push_output(tty);
    spin_unlock(&tty->lock);
    wait_queue_wake_all(&tty->writers);
}

/* Sends the character that stops or starts the other side. */
static void send_character(struct tty *tty, enum terminal_character which)
{
    spin_lock(&tty->lock);
    uint8_t byte = tty->line.settings.characters[which];

    if (byte != 0)
        (void)terminal_output_put_raw(&tty->line.output, byte);
    tty_push_output(tty);
    spin_unlock(&tty->lock);
}

static int64_t flow_control(struct tty *tty, uint64_t action)
{
    int error = tty_check_foreground(tty, SIGNAL_TTOU);

    if (error)
        return error;
    switch (action) {
    case 0:
        hold_output(tty, true);
        return 0;
    case 1:
        hold_output(tty, false);
        return 0;
    case 2:
        send_character(tty, CHARACTER_STOP);
        return 0;
    case 3:
        send_character(tty, CHARACTER_START);
        return 0;
    }
    return -EINVAL;
}

/* ---- Size, counts, foreground -------------------------------------------------------------- */

static int64_t get_size(struct tty *tty, user_address argument)
{
    spin_lock(&tty->lock);
    struct terminal_size size = tty->size;
    spin_unlock(&tty->lock);
    return copy_out(argument, &size, sizeof(size));
}

static int64_t set_size(struct tty *tty, user_address argument)
{
    struct terminal_size size;
    int error = user_copy_in(current_space(), &size, argument, sizeof(size));

    if (!error)
        tty_set_size(tty, &size);
    return error;
}

static int64_t get_counts(struct tty *tty, user_address argument, bool input)
{
    spin_lock(&tty->lock);
    uint32_t count = input ? line_discipline_readable_bytes(&tty->line)
                           : (uint32_t)tty->line.output.ring.count;

    if (!input && tty->device->is_immediate)
        count = 0;
    spin_unlock(&tty->lock);
    return put_number(argument, (int32_t)count);
}

static int64_t control_exclusive(bool *is_exclusive, uint32_t request, user_address argument)
{
    if (request == GET_EXCLUSIVE)
        return put_number(argument, *is_exclusive);
    *is_exclusive = request == SET_EXCLUSIVE;
    return 0;
}

/* The only discipline is the one that there is. */
static int64_t set_discipline(struct tty *tty, user_address argument)
{
    int32_t number;
    int error = tty_check_foreground(tty, SIGNAL_TTOU);

    if (!error)
        error = user_copy_in(current_space(), &number, argument, sizeof(number));
    if (!error && number != 0)
        error = -EINVAL;
    return error;
}

static int64_t control_settings(struct tty *tty, uint32_t request, user_address argument)
{
    const size_t all = sizeof(struct terminal_settings);
    const size_t old = sizeof(struct terminal_settings_old);

    switch (request) {
    case GET_SETTINGS:
        return get_settings(tty, argument, SETTINGS_SIZE_1);
    case SET_SETTINGS:
        return set_settings(tty, argument, SETTINGS_SIZE_1, AT_ONCE);
    case SET_SETTINGS_DRAIN:
        return set_settings(tty, argument, SETTINGS_SIZE_1, AFTER_OUTPUT);
    case SET_SETTINGS_FLUSH:
        return set_settings(tty, argument, SETTINGS_SIZE_1, AFTER_OUTPUT_FLUSH_INPUT);
    case GET_SETTINGS_2:
        return get_settings(tty, argument, all);
    case SET_SETTINGS_2:
        return set_settings(tty, argument, all, AT_ONCE);
    case SET_SETTINGS_2_DRAIN:
        return set_settings(tty, argument, all, AFTER_OUTPUT);
    case SET_SETTINGS_2_FLUSH:
        return set_settings(tty, argument, all, AFTER_OUTPUT_FLUSH_INPUT);
    case GET_SETTINGS_OLD:
        return get_settings_old(tty, argument);
    case SET_SETTINGS_OLD:
        return set_settings(tty, argument, old, AT_ONCE);
    case SET_SETTINGS_OLD_DRAIN:
        return set_settings(tty, argument, old, AFTER_OUTPUT);
    case SET_SETTINGS_OLD_FLUSH:
        return set_settings(tty, argument, old, AFTER_OUTPUT_FLUSH_INPUT);
    }
    return -ENOTTY;
}

int64_t tty_control_both(struct tty *tty, uint32_t request, uint64_t argument, bool is_master)
{
    switch (request) {
    case GET_SIZE:
        return get_size(tty, argument);
    case SET_SIZE:
        return set_size(tty, argument);
    case GET_FOREGROUND:
        return tty_get_foreground(tty, is_master, argument);
    case SET_FOREGROUND:
        return tty_set_foreground(tty, argument);
    case GET_SESSION:
        return tty_get_session(tty, is_master, argument);
    case GET_DISCIPLINE:
        return put_number(argument, 0);
    case GET_DEVICE:
        return put_number(argument, (int32_t)tty->device_id);
    case GET_LOCAL:
        return put_number(argument, (current_settings(tty).control_flags & CONTROL_LOCAL) != 0);
    case SET_LOCAL:
        return set_local(tty, argument);
    }
    return control_settings(tty, request, argument);
}

/* What only who has the terminal itself open can ask. */
static int64_t control_own(struct file *file, uint32_t request, uint64_t argument)
{
    struct tty *tty = file->contents;

    switch (request) {
    case SEND_BREAK:
    case SEND_BREAK_POSIX:
    case BEGIN_BREAK:
    case END_BREAK:
        return send_break(tty);
    case TYPE_CHARACTER:
        return type_character(tty, argument);
    case FLOW_CONTROL:
        return flow_control(tty, argument);
    case FLUSH:
        return flush(tty, argument);
    case GET_INPUT_BYTES:
        return get_counts(tty, argument, true);
    case GET_OUTPUT_BYTES:
        return get_counts(tty, argument, false);
    case SET_CONTROLLING:
        return tty_take_control(tty, file_is_readable(file), argument == 1);
    case GIVE_UP_CONTROLLING:
        return tty_give_up(tty);
    case SET_DISCIPLINE:
        return set_discipline(tty, argument);
    case SET_EXCLUSIVE:
    case SET_SHARED:
    case GET_EXCLUSIVE:
        return control_exclusive(&tty->is_exclusive, request, argument);
    }
    return tty_control_both(tty, request, argument, false);
}

int64_t tty_control(struct file *file, uint32_t request, uint64_t argument)
{
    struct tty *tty = file->contents;

    spin_lock(&tty->lock);
    bool hung_up = tty->hung_up;
    spin_unlock(&tty->lock);
    if (hung_up)
        return request == SET_FOREGROUND ? -ENOTTY : -EIO;
    return control_own(file, request, argument);
}
