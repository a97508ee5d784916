#pragma once
/*
 * Terminals: a line discipline between a device and the programs that have it open.
 *
 * Bytes come from the device in tty_receive (any context, also interrupts), are turned into lines
 * there, and wait for a reader.  Written bytes are processed into a ring that the device empties at
 * its own pace.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/async.h"
#include "fs/vfs.h"
#include "lib/error.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"
#include "tty/job_control.h"
#include "tty/line_discipline.h"
#include "tty/terminal_settings.h"

struct tty;

/* What happens on a terminal that its device may want to know: Linux's TIOCPKT_ values. */
enum tty_notice {
    TTY_FLUSHED_INPUT = 1, TTY_FLUSHED_OUTPUT = 2, TTY_STOPPED = 4, TTY_STARTED = 8,
    TTY_STOP_CHARACTERS_OFF = 16, TTY_STOP_CHARACTERS_ON = 32, TTY_NEW_SETTINGS = 64,
    TTY_CLOSED = 128,    /* nobody has it open any more; no value of Linux's */
};

/* All are called with the terminal's lock held and never wait; the owner of the terminal calls
 * tty_receive when read and write have more. */
struct tty_device {
    /* How many bytes were taken. */
    size_t (*write)(struct tty *tty, const char *bytes, size_t size);
    /* The next byte typed, or -1. */
    int (*read)(struct tty *tty);
    /* NULL: it does not want to know. */
    void (*notice)(struct tty *tty, enum tty_notice notice);
    /* For terminals that may go away; NULL: it is always there. */
    void (*reference)(struct tty *tty);
    void (*release)(struct tty *tty);
    /* The world outside types and reads, so waits for it are no deadlocks. */
    bool is_external;
    /* Written bytes count as sent at once, and while the output is stopped none are taken. */
    bool is_immediate;
};

struct tty {
    /* Constant after creation. */
    const struct tty_device *device;
    uint64_t device_id;             /* st_rdev of its node */

    struct spinlock lock;           /* RANK_CONSOLE */

    /* Protected by `lock`. */
    struct line_discipline line;
    struct terminal_size size;
    bool is_writing;                /* a thread is within tty_write; others wait */
    /* For ever: reads give the end of file, all else -EIO.  May be read unlocked. */
    _Atomic bool hung_up;
    bool is_exclusive;              /* only root may open it again */
    uint32_t open_files;

    struct terminal_control control;
    struct wait_queue readers;      /* woken when something can be read, or the settings change */
    struct wait_queue writers;      /* woken when there is room, or a writer is done */
    struct async_files async;
};

void tty_init(struct tty *tty, const struct tty_device *device, uint64_t device_id);

/* The device has input, or room again.  Any context that holds no spin lock. */
void tty_receive(struct tty *tty);
/* As if the device had this byte; lost without room. */
void tty_type(struct tty *tty, uint8_t byte);
/* What its reader expects: lines that the terminal edits and echoes, or single characters. */
enum tty_reading { TTY_LINES, TTY_CHARACTERS };
void tty_read_by(struct tty *tty, enum tty_reading reading);
/* The size of its window changed: the foreground gets SIGWINCH. */
void tty_set_size(struct tty *tty, const struct terminal_size *size);
/* To the foreground group. */
void tty_signal(struct tty *tty, int number);
/* Its device has gone for good: nothing typed is kept, readers and writers are woken, the session
 * that it controls loses it. */
void tty_hang_up(struct tty *tty);
/* For the device to tell what happens; the lock is held. */
void tty_notice(struct tty *tty, enum tty_notice notice) REQUIRES(&tty->lock);

void tty_reference(struct tty *tty);
void tty_release(struct tty *tty);

/* Operations of open files whose `contents` is the terminal, with a reference; tty_open makes the
 * file one, and if `may_control` the terminal perhaps that of the current session.  -EBUSY: it is
 * exclusive, -EIO: it has gone.  A file that was made otherwise is counted by tty_opened. */
extern const struct file_operations tty_file_operations;
MUST_CHECK int tty_open(struct file *file, struct tty *tty, bool may_control);
void tty_opened(struct tty *tty);

/* Waits until everything written has left; -EINTR, -EIO.  `uninterruptible`: signals do not end
 * it. */
MUST_CHECK int tty_drain(struct tty *tty, bool uninterruptible);

/* For tty/terminal_control.c: ioctl; what terminals and the other ends of ptys have in common, and
 * a program's change of what the terminal does. */
int64_t tty_control(struct file *file, uint32_t request, uint64_t argument);
int64_t tty_control_both(struct tty *tty, uint32_t request, uint64_t argument, bool is_master);
/* Bytes on their way out, with tty->lock held. */
void tty_push_output(struct tty *tty) REQUIRES(&tty->lock);
