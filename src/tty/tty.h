#pragma once
/*
 * Terminals: a line discipline between a device and the programs that have it open.
 *
 * Bytes come from the device in tty_receive (any context, also interrupts), are turned into lines
 * there, and wait for a reader.  Written bytes are processed into a ring that the device empties at
 * its own pace.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "sync/spinlock.h"
#include "sync/wait_queue.h"
#include "tty/line_discipline.h"
#include "tty/terminal_settings.h"

/* Both never wait, and the owner of the terminal calls tty_receive when they have more. */
struct tty_device {
    /* How many bytes were taken. */
    size_t (*write)(const char *bytes, size_t size);
    /* The next byte typed, or -1. */
    int (*read)(void);
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
    uint32_t open_files;
    int32_t session_id;             /* whose controlling terminal it is ... */
    int32_t foreground_group;       /* ... and who gets its signals; both 0: the first process */

    struct wait_queue readers;      /* woken when something can be read, or the settings change */
    struct wait_queue writers;      /* woken when there is room, or a writer is done */
};

void tty_init(struct tty *tty, const struct tty_device *device, uint64_t device_id);

/* The device has input, or room again.  Any context that holds no spin lock. */
void tty_receive(struct tty *tty);
/* What its reader expects: lines that the terminal edits and echoes, or single characters. */
enum tty_reading { TTY_LINES, TTY_CHARACTERS };
void tty_read_by(struct tty *tty, enum tty_reading reading);
/* The size of its window changed: the foreground gets SIGWINCH. */
void tty_set_size(struct tty *tty, const struct terminal_size *size);
/* The process group that the terminal's signals go to; 0: nobody. */
int32_t tty_foreground_group(struct tty *tty);

/* Operations of open files whose `contents` is the terminal.  tty_opened counts one more. */
extern const struct file_operations tty_file_operations;
void tty_opened(struct tty *tty);

/* Waits until everything written has left; -EINTR.  `uninterruptible`: signals do not end it. */
MUST_CHECK int tty_drain(struct tty *tty, bool uninterruptible);

/* The terminal that controls a session, or that of the current process; NULL: none. */
struct tty *tty_of_session(int32_t session_id);
struct tty *tty_of_process(void);

/* For tty/terminal_control.c: ioctl, and a program's change of what the terminal does. */
int64_t tty_control(struct file *file, uint32_t request, uint64_t argument);
/* Bytes on their way out, with tty->lock held. */
void tty_push_output(struct tty *tty);
